package query

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"weir/ingest"
)

// threeOwners shares the partitions out: a has 0 3 6, b has 1 4 7, c has 2 5.
func threeOwners(t *testing.T, in *installation, stored []Event) []*fakeQuerier {
	t.Helper()
	fakes := []*fakeQuerier{{name: "a"}, {name: "b"}, {name: "c"}}
	for i, f := range fakes {
		var owned []int32
		for _, p := range allPartitions {
			if int(p)%3 == i {
				owned = append(owned, p)
			}
		}
		f.own(owned...)
		f.stored = stored
		in.announce(1, serve(t, f).URL, owned...)
	}
	return fakes
}

// storedEvent is an event where its subscription's events lie.
func storedEvent(subscription, transaction string, timestamp int64) Event {
	return Event{
		Organization: testOrganization, TransactionID: transaction, Subscription: subscription, Code: "c",
		Timestamp: timestamp, Properties: []Property{},
		Partition: ingest.Partition(testOrganization, subscription, testPartitions),
	}
}

func TestEventIsFoundInEveryPartition(t *testing.T) {
	t.Parallel()
	var stored, want []Event
	for i := range 40 {
		subscription := fmt.Sprintf("sub-%02d", i)
		stored = append(stored, storedEvent(subscription, "other", 5))
		if i%4 == 0 {
			want = append(want, storedEvent(subscription, "wanted", 5))
		}
	}
	stored = append(stored, want...)
	var in installation
	fakes := threeOwners(t, &in, stored)
	events, err := in.client(t).Event(t.Context(), EventRequest{
		Organization: testOrganization, TransactionID: "wanted", AtLeast: map[int32]int64{1: 5, 2: 7},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(events, want) { // both by subscription: time and id are equal
		t.Errorf("events are %v, want %v", events, want)
	}
	for _, f := range fakes {
		if f.questions() != 1 {
			t.Errorf("%s was asked %d times, want once for all of its partitions", f.name, f.questions())
		}
	}
}

func TestEventInGivenPartitions(t *testing.T) {
	t.Parallel()
	var in installation
	fakes := threeOwners(t, &in, nil)
	if _, err := in.client(t).Event(t.Context(), EventRequest{Organization: testOrganization, Partitions: []int32{4, 1}}); err != nil {
		t.Fatal(err)
	}
	if fakes[0].questions() != 0 || fakes[1].questions() != 1 || fakes[2].questions() != 0 {
		t.Error("others than the owner of 1 and 4 were asked")
	}
}

// TestEventsMerged compares pages with one sorted list. Three in four events have
// the same timestamp, which an owner needs more than one page for.
func TestEventsMerged(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var stored []Event
	for i := range 5000 {
		e := storedEvent(fmt.Sprintf("sub-%d", rnd.IntN(40)), fmt.Sprintf("t%d", i%3000), int64(1000+rnd.IntN(4)/3))
		e.Position = ingest.Position(i)
		stored = append(stored, e)
	}
	sorted := slices.Clone(stored)
	slices.SortFunc(sorted, func(a, b Event) int { return CompareEvents(&a, &b) })
	var in installation
	threeOwners(t, &in, stored)
	c := in.client(t)
	req := EventsRequest{Organization: testOrganization, From: time.Unix(0, 0), To: time.Unix(1, 0)}
	pages := [][2]int{{0, 0}, {0, 1}, {0, 1000}, {5, 0}, {4000, 1000}, {4990, 1000}, {5000, 10}, {6000, 10}}
	for range 4 {
		pages = append(pages, [2]int{rnd.IntN(5100), rnd.IntN(1000)})
	}
	for _, page := range pages {
		req.Offset, req.Limit = page[0], page[1]
		answer, err := c.Events(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if want := pageOf(sorted, page[0], page[1]); !slices.EqualFunc(answer.Events, want, sameEvent) {
			t.Errorf("page %v has %d events, want %d, or others", page, len(answer.Events), len(want))
		}
		if answer.Total != 5000 {
			t.Errorf("page %v: total is %d, want 5000", page, answer.Total)
		}
	}
}

func sameEvent(a, b Event) bool { return CompareEvents(&a, &b) == 0 }

// TestEventsArrivingBetweenPages: newer events that come in while a page is being
// merged show no event twice and hide none.
func TestEventsArrivingBetweenPages(t *testing.T) {
	t.Parallel()
	var stored []Event
	for i := range 6000 {
		stored = append(stored, storedEvent(fmt.Sprintf("sub-%d", i%20), fmt.Sprintf("t%d", i), int64(10_000-i)))
	}
	var in installation
	for _, f := range threeOwners(t, &in, stored) {
		f.stored = slices.Clone(stored)
		f.onEvents = func(asked int) {
			if asked == 2 { // between its first page and its second
				for i := range 50 {
					for _, s := range []string{"sub-1", "sub-2", "sub-3", "sub-4"} {
						f.stored = append(f.stored, storedEvent(s, fmt.Sprintf("new%d", i), int64(20_000+i)))
					}
				}
			}
		}
	}
	answer, err := in.client(t).Events(t.Context(), EventsRequest{
		Organization: testOrganization, From: time.Unix(0, 0), To: time.Unix(1, 0), Offset: 5000, Limit: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := stored[5000:]; !slices.EqualFunc(answer.Events, want, sameEvent) {
		t.Errorf("%d events, first %v, want %d, first %v", len(answer.Events), answer.Events[:1], len(want), want[0])
	}
}

func TestEventsOfOneSubscription(t *testing.T) {
	t.Parallel()
	var in installation
	stored := []Event{storedEvent("s", "1", 5), storedEvent("other", "2", 6), storedEvent("s", "3", 7)}
	fakes := threeOwners(t, &in, stored)
	answer, err := in.client(t).Events(t.Context(), EventsRequest{
		Organization: testOrganization, Subscription: "s", From: time.Unix(0, 0), To: time.Unix(1, 0), Offset: 1, Limit: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []Event{stored[0]}; !reflect.DeepEqual(answer.Events, want) || answer.Total != 2 {
		t.Errorf("answer is %+v, want %v of 2", answer, want)
	}
	if sum := fakes[0].questions() + fakes[1].questions() + fakes[2].questions(); sum != 1 {
		t.Errorf("%d owners were asked, want one", sum)
	}
}

// TestEventsOwnerMovesBetweenPages: an owner loses its partitions after its first
// page; the merge starts again with the new owner and is whole.
func TestEventsOwnerMovesBetweenPages(t *testing.T) {
	t.Parallel()
	var stored []Event
	for i := range 5000 {
		stored = append(stored, storedEvent(fmt.Sprintf("sub-%d", i%20), fmt.Sprintf("t%d", i), int64(10_000-i)))
	}
	var in installation
	fakes := threeOwners(t, &in, stored)
	d := &fakeQuerier{name: "d", stored: stored}
	d.own(0, 3, 6)
	serverD := serve(t, d)
	fakes[0].onEvents = func(asked int) {
		if asked == 2 {
			fakes[0].owned = nil
			in.announce(2, serverD.URL, 0, 3, 6)
		}
	}
	answer, err := in.client(t).Events(t.Context(), EventsRequest{
		Organization: testOrganization, From: time.Unix(0, 0), To: time.Unix(1, 0), Offset: 4000, Limit: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(answer.Events, stored[4000:], sameEvent) {
		t.Errorf("%d events, want the last 1000", len(answer.Events))
	}
	if d.questions() == 0 {
		t.Error("the new owner was not asked")
	}
}

// TestAnswerIsWhole: one stopped partition fails the question, whatever the others say.
func TestAnswerIsWhole(t *testing.T) {
	t.Parallel()
	var in installation
	threeOwners(t, &in, nil)
	c := in.client(t)
	in.mu.Lock()
	for i := range in.list {
		if in.list[i].Partition == 2 {
			in.list[i].URL = serveHandler(t, NewHandler(stoppedQuerier{}, testSecret, nil)).URL
		}
	}
	in.mu.Unlock()
	if _, err := c.Event(t.Context(), EventRequest{Organization: testOrganization, TransactionID: "t"}); !errors.Is(err, ErrStopped) {
		t.Errorf("error is %v, want ErrStopped", err)
	}
	req := EventsRequest{Organization: testOrganization, To: time.Unix(1, 0), Limit: 1}
	if _, err := c.Events(t.Context(), req); !errors.Is(err, ErrStopped) {
		t.Errorf("error is %v, want ErrStopped", err)
	}
}
