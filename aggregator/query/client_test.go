package query

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/aggregator"
	"weir/ingest"
)

func TestUsageGoesToTheOwner(t *testing.T) {
	t.Parallel()
	var in installation
	fakes := []*fakeQuerier{{name: "a"}, {name: "b"}, {name: "c"}}
	owned := [][]int32{{0, 3, 6}, {1, 4, 7}, {2, 5}}
	for i, f := range fakes {
		f.own(owned[i]...)
		in.announce(1, serve(t, f).URL, owned[i]...)
	}
	c := in.client(t)
	const questions = 60
	for i := range questions {
		req := usageOf(fmt.Sprintf("sub-%d", i))
		req.AtLeast = int64(i)
		answer, err := c.Usage(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		want := UsageAnswer{
			LogID: testLogID, Partition: ingest.Partition(testOrganization, req.Subscription, testPartitions),
			Next: int64(i) + 1, Items: []ItemUsage{},
		}
		if !reflect.DeepEqual(answer, want) {
			t.Errorf("answer is %+v, want %+v", answer, want)
		}
	}
	sum := 0
	for _, f := range fakes {
		if f.questions() == 0 {
			t.Errorf("%s was never asked", f.name)
		}
		sum += f.questions()
	}
	if sum != questions {
		t.Errorf("%d questions were asked for %d", sum, questions)
	}
	if in.lookUps != 1 {
		t.Errorf("owners were looked up %d times, want once", in.lookUps)
	}
}

func TestUsageAnswerComesWhole(t *testing.T) {
	t.Parallel()
	var in installation
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	var got UsageRequest
	want := testUsageAnswer()
	req := testUsageRequest()
	want.LogID, want.Partition = testLogID, ingest.Partition(req.Organization, req.Subscription, testPartitions)
	f.onUsage = func(_ context.Context, r UsageRequest) (UsageAnswer, error) {
		got = r
		return want, nil
	}
	in.announce(1, serve(t, f).URL, allPartitions...)
	answer, err := in.client(t).Usage(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(answer, want) {
		t.Errorf("answer is %+v, want %+v", answer, want)
	}
	if !reflect.DeepEqual(got, req) {
		t.Errorf("the owner was asked %+v, want %+v", got, req)
	}
}

// TestAnswersOfAnotherTime: an answer that is not of the offset asked for is refused.
func TestAnswersOfAnotherTime(t *testing.T) {
	t.Parallel()
	var in installation
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	partition := ingest.Partition(testOrganization, "s", testPartitions)
	next := int64(7)
	f.onUsage = func(context.Context, UsageRequest) (UsageAnswer, error) {
		return UsageAnswer{LogID: testLogID, Partition: partition, Next: next}, nil
	}
	f.stored = []Event{{
		Organization: testOrganization, TransactionID: "t", Subscription: "s", Partition: partition, Position: ingest.PositionOf(7, 0),
	}}
	in.announce(1, serve(t, f).URL, allPartitions...)
	c := in.client(t)
	req := usageOf("s")
	req.At = 7
	if _, err := c.Usage(t.Context(), req); err != nil {
		t.Errorf("an answer at 7: %v", err)
	}
	next = 8
	if _, err := c.Usage(t.Context(), req); err == nil {
		t.Error("an answer at 8 was taken for one at 7")
	}
	events := EventsRequest{Organization: testOrganization, Subscription: "s", To: time.Unix(1, 0), From: time.Unix(0, 0), Limit: 10}
	for at, want := range map[int64]bool{0: true, 7: false, 8: true} {
		events.At = at
		if _, err := c.Events(t.Context(), events); (err == nil) != want {
			t.Errorf("an event of record 7 in an answer at %d: %v", at, err)
		}
	}
}

// TestOwnerMoves moves all partitions from a to b, which is announced only at the
// third look-up after a has said that it is not the owner.
func TestOwnerMoves(t *testing.T) {
	t.Parallel()
	a, b := &fakeQuerier{name: "a"}, &fakeQuerier{name: "b"}
	a.own(allPartitions...)
	serverA, serverB := serve(t, a), serve(t, b)
	var in installation
	in.announce(1, serverA.URL, allPartitions...)
	c := newTestClient(t, ClientOptions{Owners: func(ctx context.Context) ([]Owner, error) {
		list, err := in.owners(ctx)
		if in.lookUps == 4 { // one at first, two in vain
			in.announce(2, serverB.URL, allPartitions...)
			b.own(allPartitions...)
		}
		return list, err
	}})
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	a.own()
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	if b.questions() != 1 {
		t.Errorf("b was asked %d times, want once", b.questions())
	}
	asked := a.questions()
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	if a.questions() != asked {
		t.Error("a was asked again although b owns the partition")
	}
}

func TestHighestGenerationHolds(t *testing.T) {
	t.Parallel()
	a, b := &fakeQuerier{name: "a"}, &fakeQuerier{name: "b"}
	a.own(allPartitions...)
	b.own(allPartitions...)
	var in installation
	in.announce(9, serve(t, b).URL, allPartitions...)
	in.announce(8, serve(t, a).URL, allPartitions...) // listed last, and stale
	if _, err := in.client(t).Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	if a.questions() != 0 || b.questions() != 1 {
		t.Errorf("a was asked %d times and b %d, want 0 and 1", a.questions(), b.questions())
	}
}

// TestOwnerDies closes the owner's server: the connection is refused.
func TestOwnerDies(t *testing.T) {
	t.Parallel()
	a, b := &fakeQuerier{name: "a"}, &fakeQuerier{name: "b"}
	a.own(allPartitions...)
	b.own(allPartitions...)
	serverA := serve(t, a)
	var in installation
	in.announce(1, serverA.URL, allPartitions...)
	c := in.client(t)
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	serverA.Close()
	in.announce(2, serve(t, b).URL, allPartitions...)
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	if b.questions() != 1 {
		t.Errorf("b was asked %d times, want once", b.questions())
	}
}

// TestStrangerAtTheAddress: another program has taken the owner's port.
func TestStrangerAtTheAddress(t *testing.T) {
	t.Parallel()
	b := &fakeQuerier{name: "b"}
	b.own(allPartitions...)
	serverB := serve(t, b)
	var in installation
	stranger := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		in.announce(2, serverB.URL, allPartitions...)
		http.Error(w, "<html>not here</html>", http.StatusNotFound)
	}))
	in.announce(1, stranger.URL, allPartitions...)
	if _, err := in.client(t).Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
}

func TestNobodyOwnsThePartition(t *testing.T) {
	t.Parallel()
	var in installation
	c := in.client(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Usage(ctx, usageOf("s"))
	if !errors.Is(err, ErrNotOwner) {
		t.Errorf("error is %v, want ErrNotOwner", err)
	}
	if in.lookUps < 2 {
		t.Errorf("owners were looked up %d times, want more", in.lookUps)
	}
}

// TestOwnersCannotBeLookedUp: what was known goes on being used.
func TestOwnersCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	fail := true
	c := newTestClient(t, ClientOptions{Owners: func(ctx context.Context) ([]Owner, error) {
		if fail {
			fail = false
			return nil, errors.New("no database")
		}
		return in.owners(ctx)
	}})
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatalf("the look-up was not tried again: %v", err)
	}
	fail = true
	old := *c.owners.table.Load()
	old.readAt = old.readAt.Add(-2 * ownersAgeMax)
	c.owners.table.Store(&old)
	if _, err := c.Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatalf("known owners were forgotten: %v", err)
	}
	if fail {
		t.Error("owners that are too old were not looked up")
	}
}

// TestStaleOwner: an answer from before the offset asked for is not taken.
func TestStaleOwner(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	next := int64(97)
	f.onUsage = func(_ context.Context, req UsageRequest) (UsageAnswer, error) {
		next++
		partition := ingest.Partition(req.Organization, req.Subscription, testPartitions)
		return UsageAnswer{LogID: testLogID, Partition: partition, Next: next}, nil
	}
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	req := usageOf("s")
	req.AtLeast = 100
	answer, err := in.client(t).Usage(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Next != 100 || f.questions() != 3 { // 98, 99, 100
		t.Errorf("answer at %d after %d questions, want 100 after 3", answer.Next, f.questions())
	}
}

func TestAnswerToAnotherQuestion(t *testing.T) {
	t.Parallel()
	req := usageOf("s")
	metric := &aggregator.Metric{Organization: testOrganization, Code: "c", Aggregation: aggregator.CountAgg, CellKeys: []string{"k"}}
	req.Items = []UsageItem{{metric, aggregator.Split{
		GroupKeys: []string{"k"},
		Filters:   []aggregator.Filter{{Conditions: []aggregator.FilterCondition{{Key: "k", Values: []string{"v"}}}}},
	}}}
	bucket := func(filter int, group ...string) aggregator.BucketUsage {
		b := aggregator.BucketUsage{Filter: filter}
		for _, text := range group {
			b.Group = append(b.Group, aggregator.Value{Text: text})
		}
		return b
	}
	partition := ingest.Partition(req.Organization, req.Subscription, testPartitions)
	for name, spoil := range map[string]func(*UsageAnswer){
		"another log":       func(a *UsageAnswer) { a.LogID = "other" },
		"another partition": func(a *UsageAnswer) { a.Partition++ },
		"too few items":     func(a *UsageAnswer) { a.Items = nil },
		"other group":       func(a *UsageAnswer) { a.Items[0].Buckets = []aggregator.BucketUsage{bucket(aggregator.NoFilter)} },
		"no such filter":    func(a *UsageAnswer) { a.Items[0].Buckets = []aggregator.BucketUsage{bucket(1)} },
		"no filter at all":  func(a *UsageAnswer) { a.Items[0].Buckets = []aggregator.BucketUsage{bucket(aggregator.AnyFilter)} },
		"bucket twice": func(a *UsageAnswer) {
			a.Items[0].Buckets = []aggregator.BucketUsage{bucket(aggregator.NoFilter, "x"), bucket(aggregator.NoFilter, "x")}
		},
		"buckets out of order": func(a *UsageAnswer) {
			a.Items[0].Buckets = []aggregator.BucketUsage{bucket(0), bucket(aggregator.NoFilter, "x")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeQuerier{name: "a"}
			f.own(allPartitions...)
			f.onUsage = func(context.Context, UsageRequest) (UsageAnswer, error) {
				answer := UsageAnswer{LogID: testLogID, Partition: partition, Items: make([]ItemUsage, 1)}
				spoil(&answer)
				return answer, nil
			}
			var in installation
			in.announce(1, serve(t, f).URL, allPartitions...)
			if answer, err := in.client(t).Usage(t.Context(), req); err == nil {
				t.Errorf("was taken: %+v", answer)
			}
			if f.questions() != 1 {
				t.Errorf("asked %d times, want once", f.questions())
			}
		})
	}
}

func TestErrorsThatEndTheQuestion(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]error{
		"stopped":        fmt.Errorf("partition 3: checksum differs: %w", ErrStopped),
		"too many cells": fmt.Errorf("metric \"m\": %w", aggregator.ErrTooManyCells),
		"internal":       errors.New("the disk is gone"),
	} {
		f := &fakeQuerier{name: "a"}
		f.own(allPartitions...)
		f.onUsage = func(context.Context, UsageRequest) (UsageAnswer, error) { return UsageAnswer{}, given }
		var in installation
		in.announce(1, serve(t, f).URL, allPartitions...)
		_, err := in.client(t).Usage(t.Context(), usageOf("s"))
		if err == nil || !strings.Contains(err.Error(), given.Error()) {
			t.Errorf("%s: error is %v, want what the owner said", name, err)
		}
		for _, is := range []error{ErrStopped, aggregator.ErrTooManyCells} {
			if errors.Is(err, is) != errors.Is(given, is) {
				t.Errorf("%s: errors.Is(%v, %v) is wrong", name, err, is)
			}
		}
		if f.questions() != 1 {
			t.Errorf("%s: asked %d times, want once", name, f.questions())
		}
	}
}

// TestDeadlineTravels: the owner's time is up a little before the asker's, so that
// its "not yet" still arrives.
func TestDeadlineTravels(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	var owners time.Time
	f.onUsage = func(ctx context.Context, req UsageRequest) (UsageAnswer, error) {
		owners, _ = ctx.Deadline()
		return UsageAnswer{
			LogID: testLogID, Partition: ingest.Partition(req.Organization, req.Subscription, testPartitions),
		}, nil
	}
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := in.client(t).Usage(ctx, usageOf("s")); err != nil {
		t.Fatal(err)
	}
	askers, _ := ctx.Deadline()
	// The question is some time on its way, which comes off the reserve.
	if reserve := askers.Sub(owners); reserve > reserveMax || reserve < -30*time.Second {
		t.Errorf("the owner's time is up %v before the asker's, want at most %v", reserve, reserveMax)
	}
	if len(f.times) != 1 || f.times[0] > time.Minute-reserveMax {
		t.Errorf("the owner had %v of a minute", f.times)
	}
}

// TestNotYet: the question is asked again while there is time for more than an
// answer that it is too early.
func TestNotYet(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	f.onUsage = func(context.Context, UsageRequest) (UsageAnswer, error) {
		return UsageAnswer{}, fmt.Errorf("at 7 of 9: %w", ErrNotYet)
	}
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := in.client(t).Usage(ctx, usageOf("s"))
	if !errors.Is(err, ErrNotYet) || !strings.Contains(err.Error(), "at 7 of 9") {
		t.Errorf("error is %v, want ErrNotYet in the owner's words", err)
	}
	if f.questions() < 2 {
		t.Errorf("asked %d times, want more", f.questions())
	}
	if in.lookUps != 1 {
		t.Errorf("owners were looked up %d times: one that is behind is still the owner", in.lookUps)
	}
}

// TestTimeoutWithoutDeadline: a question whose context never ends does.
func TestTimeoutWithoutDeadline(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	f.onUsage = func(ctx context.Context, _ UsageRequest) (UsageAnswer, error) {
		<-ctx.Done()
		return UsageAnswer{}, ctx.Err()
	}
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	c := newTestClient(t, ClientOptions{Owners: in.owners, Timeout: 100 * time.Millisecond})
	if _, err := c.Usage(context.Background(), usageOf("s")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want context.DeadlineExceeded", err)
	}
}

func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	f.onUsage = func(asked context.Context, _ UsageRequest) (UsageAnswer, error) {
		cancel()
		<-asked.Done() // the server learns of it through the connection
		close(gone)
		return UsageAnswer{}, asked.Err()
	}
	var in installation
	in.announce(1, serve(t, f).URL, allPartitions...)
	if _, err := in.client(t).Usage(ctx, usageOf("s")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
	<-gone
}

// TestOverloadedOwner: a refused question is asked again.
func TestOverloadedOwner(t *testing.T) {
	t.Parallel()
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	h := &handler{querier: f, slots: make(chan struct{}, 1), metrics: newServerMetrics(nil)}
	mux := NewHandler(f, testSecret, nil)
	refusals := 0
	server := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusals < 2 {
			refusals++
			writeFault(w, faultOf(errOverloaded), errOverloaded)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	var in installation
	in.announce(1, server.URL, allPartitions...)
	if _, err := in.client(t).Usage(t.Context(), usageOf("s")); err != nil {
		t.Fatal(err)
	}
	if in.lookUps != 1 {
		t.Errorf("owners were looked up %d times: an owner that is busy is still the owner", in.lookUps)
	}
	h.slots <- struct{}{} // all places taken
	h.locked, h.secret = false, sha(testSecret)
	request := httptest.NewRequest(http.MethodPost, usagePath, strings.NewReader(goldenUsageRequest))
	request.Header.Set("Authorization", "Bearer "+testSecret)
	if _, err := h.serve(request, h.usage); !errors.Is(err, errOverloaded) {
		t.Errorf("error is %v, want errOverloaded", err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	good := ClientOptions{LogID: "l", Partitions: 1, Owners: new(installation).owners, Secret: "s"}
	if _, err := NewClient(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*ClientOptions){
		"log id":     func(o *ClientOptions) { o.LogID = "" },
		"partitions": func(o *ClientOptions) { o.Partitions = 0 },
		"owners":     func(o *ClientOptions) { o.Owners = nil },
		"secret":     func(o *ClientOptions) { o.Secret = "" },
	} {
		opts := good
		spoil(&opts)
		if _, err := NewClient(opts); err == nil {
			t.Errorf("a client without %s was made", name)
		}
	}
}
