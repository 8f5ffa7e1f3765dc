package api_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing/api"
	"weir/ingest"
)

// journal is a log and what is counted of it, in memory: slow and simple. It divides and
// counts with the aggregator's own functions, and keeps all entries of every identity.
type journal struct {
	mu      sync.Mutex
	next    map[int32]int64
	entries []query.Event // in the order they were appended; Cancelled marks cancellations
	fault   error         // what Append fails with
}

// newJournalServer starts an API over a journal.
func newJournalServer(t *testing.T, change func(*api.Options)) (*server, *journal) {
	t.Helper()
	j := &journal{next: make(map[int32]int64)}
	s := newServer(t, func(opts *api.Options) {
		opts.Usage, opts.Append = j, j.Append
		if change != nil {
			change(opts)
		}
	})
	return s, j
}

// Append takes a record in, as the log does.
func (j *journal) Append(_ context.Context, partition int32, value []byte) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fault != nil {
		return 0, j.fault
	}
	var batch ingest.Batch
	header, err := batch.ParseRecord(value, 0)
	if err != nil {
		return 0, err
	}
	offset := j.next[partition]
	j.next[partition]++
	for i := range batch.Events {
		e := &batch.Events[i]
		event := query.Event{
			Organization: header.Organization, TransactionID: string(e.TransactionID), Subscription: string(e.Subscription),
			Code: string(e.Code), Timestamp: e.Timestamp, Filled: e.Filled, ReceivedAt: header.ReceivedAt,
			PreciseTotal: string(e.PreciseTotal), Partition: partition, Position: ingest.PositionOf(offset, i),
			Revision: e.Revision, Cancelled: e.Entry == ingest.EntryCancellation,
		}
		for _, p := range e.Properties {
			event.Properties = append(event.Properties, query.Property{Name: string(p.Name), Kind: p.Kind, Text: string(p.Text)})
		}
		j.entries = append(j.entries, event)
	}
	return offset, nil
}

// send takes in one event of the tenant, received at testNow, as JSON of its members.
func (j *journal) send(t *testing.T, who tenant, event string) {
	t.Helper()
	var batch ingest.Batch
	if err := batch.ParseEvent([]byte(`{"event":` + event + `}`)); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	e := batch.Events[0]
	if e.Filled {
		e.Timestamp = testNow.UnixNano()
	}
	header := ingest.Header{Organization: who.organization.ID, ReceivedAt: testNow.UnixNano()}
	partition := ingest.Partition(who.organization.ID, e.Subscription, testPartitions)
	if _, err := j.Append(t.Context(), partition, ingest.AppendRecord(nil, header, []ingest.Event{e})); err != nil {
		t.Fatal(err)
	}
}

// current returns what the entries amount to, identity by identity.
func (j *journal) current() []query.Event { return j.at(0) }

// at is current as of an offset: entries of records from there on do not exist; 0 = now.
func (j *journal) at(offset int64) []query.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	identity := func(e *query.Event) string {
		return e.Organization.String() + "/" + e.Subscription + "/" + e.TransactionID
	}
	var order []string
	of := make(map[string][]query.Event)
	for _, e := range j.entries {
		if offset > 0 && e.Position >= ingest.PositionOf(offset, 0) {
			continue
		}
		if of[identity(&e)] == nil {
			order = append(order, identity(&e))
		}
		of[identity(&e)] = append(of[identity(&e)], e)
	}
	var events []query.Event
	for _, id := range order {
		events = append(events, resolve(of[id]))
	}
	return events
}

// resolve returns what the entries of one identity, in the order of the log, amount to.
func resolve(entries []query.Event) query.Event {
	var versions []query.Event
	var conflicts []query.Conflict
	sent := false
	for _, e := range entries {
		if e.Revision == 0 && sent {
			conflicts = append(conflicts, query.Conflict{Partition: e.Partition, Position: e.Position, ReceivedAt: e.ReceivedAt})
			continue
		}
		sent = sent || e.Revision == 0
		versions = append(versions, e)
	}
	slices.SortStableFunc(versions, func(x, y query.Event) int { return cmp.Compare(x.Revision, y.Revision) })
	current := versions[len(versions)-1]
	if current.Cancelled { // shown with the content it had last
		for _, v := range versions {
			if !v.Cancelled {
				current.Code, current.Timestamp, current.Properties = v.Code, v.Timestamp, v.Properties
				current.PreciseTotal, current.Filled = v.PreciseTotal, v.Filled
			}
		}
	}
	for _, v := range versions {
		version := query.Version{Revision: v.Revision, Position: v.Position, Cancelled: v.Cancelled, ReceivedAt: v.ReceivedAt}
		if !v.Cancelled {
			version.Code, version.Timestamp, version.Filled = v.Code, v.Timestamp, v.Filled
			version.PreciseTotal, version.Properties = v.PreciseTotal, v.Properties
		}
		current.Versions = append(current.Versions, version)
	}
	current.Conflicts = conflicts
	return current
}

func metered(e *query.Event) ingest.Event {
	event := ingest.Event{
		TransactionID: []byte(e.TransactionID), Subscription: []byte(e.Subscription), Code: []byte(e.Code), Timestamp: e.Timestamp,
	}
	if e.PreciseTotal != "" {
		event.PreciseTotal = []byte(e.PreciseTotal)
	}
	for _, p := range e.Properties {
		event.Properties = append(event.Properties, ingest.Property{Name: []byte(p.Name), Kind: p.Kind, Text: []byte(p.Text)})
	}
	return event
}

func (j *journal) Usage(_ context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	partition := ingest.Partition(req.Organization, req.Subscription, testPartitions)
	answer := query.UsageAnswer{LogID: "log", Partition: partition}
	events := j.current()
	for _, item := range req.Items {
		reducer := aggregator.NewReducer(item.Metric, aggregator.Span{From: req.From.UnixNano(), To: req.To.UnixNano()})
		for i := range events {
			e := &events[i]
			if e.Cancelled || e.Organization != req.Organization || e.Subscription != req.Subscription ||
				e.Code != item.Metric.Code || !reducer.Reaches(e.Timestamp) {
				continue
			}
			event := metered(e)
			reducer.AddEvent(&event, e.ReceivedAt, e.Position)
		}
		buckets, err := reducer.Buckets(&item.Split)
		if err != nil {
			return answer, err
		}
		answer.Items = append(answer.Items, query.ItemUsage{Buckets: buckets, Uncounted: reducer.Uncounted()})
	}
	j.mu.Lock()
	answer.Next = j.next[partition]
	j.mu.Unlock()
	if answer.Next < req.AtLeast {
		return answer, query.ErrNotYet
	}
	return answer, nil
}

func (j *journal) Event(_ context.Context, req query.EventRequest) ([]query.Event, error) {
	var found []query.Event
	for _, e := range j.current() {
		if e.Organization == req.Organization && e.TransactionID == req.TransactionID &&
			(req.Partitions == nil || slices.Contains(req.Partitions, e.Partition)) {
			found = append(found, e)
		}
	}
	return found, j.reached(req.AtLeast)
}

// reached refuses a question about what is not there yet.
func (j *journal) reached(atLeast map[int32]int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for partition, offset := range atLeast {
		if j.next[partition] < offset {
			return query.ErrNotYet
		}
	}
	return nil
}

func (j *journal) Events(_ context.Context, req query.EventsRequest) (query.EventsAnswer, error) {
	if req.Limit < 1 || req.Limit > query.EventsLimitMax {
		return query.EventsAnswer{}, errors.New("bad limit")
	}
	var found []query.Event
	for _, e := range j.at(req.At) {
		at, event := time.Unix(0, e.Timestamp), metered(&e)
		e.Versions, e.Conflicts = nil, nil
		switch {
		case e.Cancelled || e.Organization != req.Organization, req.Subscription != "" && e.Subscription != req.Subscription,
			req.Code != "" && e.Code != req.Code, at.Before(req.From) || !at.Before(req.To),
			req.Of != nil && (e.Code != req.Of.Metric.Code || !req.Of.Contains(&event, e.ReceivedAt)):
			continue
		}
		found = append(found, e)
	}
	slices.SortFunc(found, func(x, y query.Event) int { return query.CompareEvents(&x, &y) })
	total := len(found)
	found = found[min(req.Offset, total):min(req.Offset+req.Limit, total)]
	return query.EventsAnswer{Events: found, Total: total}, nil
}

func (j *journal) Series(_ context.Context, req query.SeriesRequest) (query.SeriesAnswer, error) {
	series := make(map[query.SeriesKey]*query.SeriesInfo)
	for _, e := range j.current() {
		at, key := time.Unix(0, e.Timestamp), query.SeriesKey{Subscription: e.Subscription, Code: e.Code}
		if e.Cancelled || e.Organization != req.Organization || req.Subscription != "" && e.Subscription != req.Subscription ||
			at.Before(req.From) || !at.Before(req.To) || key.Compare(req.After) <= 0 {
			continue
		}
		s := series[key]
		if s == nil {
			s = &query.SeriesInfo{SeriesKey: key, Partition: e.Partition, Oldest: e.Timestamp, Newest: e.Timestamp}
			series[key] = s
		}
		s.Events++
		s.Oldest, s.Newest = min(s.Oldest, e.Timestamp), max(s.Newest, e.Timestamp)
	}
	var answer query.SeriesAnswer
	for _, s := range series {
		answer.Series = append(answer.Series, *s)
	}
	slices.SortFunc(answer.Series, func(x, y query.SeriesInfo) int { return x.Compare(y.SeriesKey) })
	if len(answer.Series) > req.Limit {
		answer.Series = answer.Series[:req.Limit]
		answer.Next = answer.Series[req.Limit-1].SeriesKey
	}
	return answer, nil
}

// sendAll takes in events that are written down as "id code instant key=value …", the
// value a number or else a string.
func (j *journal) sendAll(t *testing.T, who tenant, subscription string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		var properties []string
		for _, word := range words[3:] {
			name, value, _ := strings.Cut(word, "=")
			if strings.Trim(value, "-.0123456789") != "" {
				value = strconv.Quote(value)
			}
			properties = append(properties, strconv.Quote(name)+":"+value)
		}
		at, err := time.Parse(time.RFC3339, words[2])
		if err != nil {
			t.Fatal(err)
		}
		j.send(t, who, fmt.Sprintf(`{"transaction_id":%q,"external_subscription_id":%q,"code":%q,"timestamp":%d,"properties":{%s}}`,
			words[0], subscription, words[1], at.Unix(), strings.Join(properties, ",")))
	}
}
