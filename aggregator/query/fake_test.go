package query

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/ingest"
)

const (
	testLogID      = "test-log"
	testPartitions = 8
	testSecret     = "the installation's secret"
)

// fakeQuerier owns partitions and answers from a table of events. The hooks
// replace or precede an answer.
type fakeQuerier struct {
	name string

	mu     sync.Mutex
	owned  map[int32]bool
	stored []Event
	asked  int
	// seriesScan is how many series one answer looks at.
	seriesScan int
	times      []time.Duration // time left, by question

	onUsage  func(ctx context.Context, req UsageRequest) (UsageAnswer, error)
	onEvents func(asked int) // called with mu held
}

func (f *fakeQuerier) begin(ctx context.Context) {
	f.asked++
	deadline, _ := ctx.Deadline()
	f.times = append(f.times, time.Until(deadline))
}

func (f *fakeQuerier) own(partitions ...int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owned = map[int32]bool{}
	for _, p := range partitions {
		f.owned[p] = true
	}
}

func (f *fakeQuerier) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fakeQuerier) Usage(ctx context.Context, req UsageRequest) (UsageAnswer, error) {
	f.mu.Lock()
	f.begin(ctx)
	partition := ingest.Partition(req.Organization, req.Subscription, testPartitions)
	owned := f.owned[partition]
	f.mu.Unlock()
	if !owned {
		return UsageAnswer{}, fmt.Errorf("%s, partition %d: %w", f.name, partition, ErrNotOwner)
	}
	if f.onUsage != nil {
		return f.onUsage(ctx, req)
	}
	return UsageAnswer{
		LogID: testLogID, Partition: partition, Next: req.AtLeast + 1,
		Items: make([]ItemUsage, len(req.Items)),
	}, nil
}

func (f *fakeQuerier) Event(ctx context.Context, req EventRequest) ([]Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin(ctx)
	return f.find(req.Partitions, req.AtLeast, func(e *Event) bool { return e.TransactionID == req.TransactionID })
}

func (f *fakeQuerier) Events(ctx context.Context, req EventsRequest) (EventsAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin(ctx)
	if f.onEvents != nil {
		f.onEvents(f.asked)
	}
	from, to := req.From.UnixNano(), req.To.UnixNano()
	found, err := f.find(req.Partitions, req.AtLeast, func(e *Event) bool {
		return e.Timestamp >= from && e.Timestamp < to &&
			(req.Subscription == "" || req.Subscription == e.Subscription) && (req.Code == "" || req.Code == e.Code)
	})
	if err != nil {
		return EventsAnswer{}, err
	}
	return EventsAnswer{Events: pageOf(found, req.Offset, req.Limit), Total: len(found)}, nil
}

// Series looks at seriesScan series at a time. Those with the code "empty" have no event in range.
func (f *fakeQuerier) Series(ctx context.Context, req SeriesRequest) (SeriesAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin(ctx)
	found, err := f.find(req.Partitions, req.AtLeast, func(e *Event) bool {
		key := SeriesKey{e.Subscription, e.Code}
		return key.Compare(req.After) > 0 && (req.Subscription == "" || req.Subscription == e.Subscription)
	})
	if err != nil {
		return SeriesAnswer{}, err
	}
	counts := map[SeriesKey]SeriesInfo{}
	for _, e := range found {
		key := SeriesKey{e.Subscription, e.Code}
		counts[key] = SeriesInfo{key, e.Partition, counts[key].Events + 1, 1, 2}
	}
	page := SeriesAnswer{Series: slices.Collect(maps.Values(counts))}
	slices.SortFunc(page.Series, func(a, b SeriesInfo) int { return a.Compare(b.SeriesKey) })
	if n := min(req.Limit, f.seriesScan); len(page.Series) > n {
		page.Series = page.Series[:n]
		page.Next = page.Series[n-1].SeriesKey
	}
	page.Series = slices.DeleteFunc(page.Series, func(s SeriesInfo) bool { return s.Code == "empty" })
	return page, nil
}

// find returns the events of the partitions, in order. Offsets to cover are
// checked to be of those partitions alone.
func (f *fakeQuerier) find(partitions []int32, atLeast map[int32]int64, match func(*Event) bool) ([]Event, error) {
	for _, p := range partitions {
		if !f.owned[p] {
			return nil, fmt.Errorf("%s, partition %d: %w", f.name, p, ErrNotOwner)
		}
	}
	for p := range atLeast {
		if !slices.Contains(partitions, p) {
			return nil, fmt.Errorf("offset of partition %d was sent to %s", p, f.name)
		}
	}
	var found []Event
	for i := range f.stored {
		if slices.Contains(partitions, f.stored[i].Partition) && match(&f.stored[i]) {
			found = append(found, f.stored[i])
		}
	}
	slices.SortFunc(found, func(a, b Event) int { return CompareEvents(&a, &b) })
	return found, nil
}

func pageOf(events []Event, offset, limit int) []Event {
	offset = min(offset, len(events))
	return events[offset:min(offset+limit, len(events))]
}

// installation is some aggregators over real HTTP and who they are said to be.
type installation struct {
	mu      sync.Mutex
	list    []Owner
	lookUps int
}

// serve starts a server in front of f.
func serve(t *testing.T, f *fakeQuerier) *httptest.Server {
	t.Helper()
	return serveHandler(t, NewHandler(f, testSecret, nil))
}

func serveHandler(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// announce says that url owns the partitions, in place of whoever did.
func (in *installation) announce(generation int64, url string, partitions ...int32) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, p := range partitions {
		in.list = append(in.list, Owner{p, generation, url})
	}
}

func (in *installation) owners(context.Context) ([]Owner, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.lookUps++
	return slices.Clone(in.list), nil
}

func (in *installation) client(t *testing.T) *Client {
	t.Helper()
	return newTestClient(t, ClientOptions{Owners: in.owners})
}

func newTestClient(t *testing.T, opts ClientOptions) *Client {
	t.Helper()
	opts.LogID, opts.Partitions = testLogID, testPartitions
	if opts.Secret == "" {
		opts.Secret = testSecret
	}
	c, err := NewClient(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

var allPartitions = []int32{0, 1, 2, 3, 4, 5, 6, 7}

// usageOf is a question about a subscription that has no metric in it.
func usageOf(subscription string) UsageRequest {
	return UsageRequest{Organization: testOrganization, Subscription: subscription, To: time.Unix(1, 0)}
}

// stoppedQuerier owns partitions that were stopped.
type stoppedQuerier struct{}

func (stoppedQuerier) Usage(context.Context, UsageRequest) (UsageAnswer, error) {
	return UsageAnswer{}, ErrStopped
}

func (stoppedQuerier) Series(context.Context, SeriesRequest) (SeriesAnswer, error) {
	return SeriesAnswer{}, ErrStopped
}

func (stoppedQuerier) Event(context.Context, EventRequest) ([]Event, error) { return nil, ErrStopped }

func (stoppedQuerier) Events(context.Context, EventsRequest) (EventsAnswer, error) {
	return EventsAnswer{}, ErrStopped
}
