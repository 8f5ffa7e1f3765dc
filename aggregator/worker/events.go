package worker

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
)

// Event implements query.Querier for the partitions owned here. The events come
// in the order of their subscriptions.
func (w *Worker) Event(ctx context.Context, req query.EventRequest) ([]query.Event, error) {
	var events []query.Event
	err := w.each(ctx, req.Partitions, req.AtLeast, func(p *partition, v *view) error {
		return v.byTransactionID(ctx, req.Organization, req.TransactionID, func(e *store.Event) error {
			events = append(events, p.eventOf(e))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(events, func(a, b query.Event) int { return strings.Compare(a.Subscription, b.Subscription) })
	return events, nil
}

// Events implements query.Querier for the partitions owned here.
func (w *Worker) Events(ctx context.Context, req query.EventsRequest) (query.EventsAnswer, error) {
	if req.Limit < 0 || req.Limit > query.EventsLimitMax {
		return query.EventsAnswer{}, fmt.Errorf("limit is %d, at most %d are possible", req.Limit, query.EventsLimitMax)
	}
	if req.Offset < 0 || req.Offset > query.EventsCountMax {
		return query.EventsAnswer{}, fmt.Errorf("offset is %d, at most %d are possible", req.Offset, query.EventsCountMax)
	}
	page := newestPage{size: req.Offset + req.Limit}
	err := w.each(ctx, req.Partitions, req.AtLeast, func(p *partition, v *view) error {
		return v.newest(ctx, &req, p, &page)
	})
	if err != nil {
		return query.EventsAnswer{}, err
	}
	return query.EventsAnswer{
		Events: page.sorted(req.Offset),
		Total:  min(page.total, query.EventsCountMax),
	}, nil
}

// each calls f with a view of each of the partitions (nil = of all of the log) at its position.
func (w *Worker) each(ctx context.Context, partitions []int32, atLeast map[int32]int64, f func(*partition, *view) error) error {
	if partitions == nil {
		for number := range w.partitions {
			partitions = append(partitions, number)
		}
	}
	for _, number := range partitions {
		if err := w.one(ctx, number, atLeast[number], f); err != nil {
			return asked(err)
		}
	}
	return nil
}

func (w *Worker) one(ctx context.Context, number int32, atLeast int64, f func(*partition, *view) error) error {
	p, err := w.partition(number)
	if err != nil {
		return err
	}
	v, err := p.viewAt(&question{ctx: ctx, atLeast: atLeast})
	if err != nil {
		return err
	}
	defer v.close()
	return f(p, v)
}

func (v *view) byTransactionID(ctx context.Context, organization uuid.UUID, transactionID string, f func(*store.Event) error) error {
	if err := v.snapshot.ByTransactionID(ctx, organization, transactionID, f); err != nil {
		return err
	}
	for i := range v.pending {
		if err := v.pending[i].ByTransactionID(organization, transactionID, v.snapshot.End(), f); err != nil {
			return err
		}
	}
	return nil
}

// newest offers the events that the request asks for to a page.
func (v *view) newest(ctx context.Context, req *query.EventsRequest, p *partition, page *newestPage) error {
	span := aggregator.SpanOf(req.From, req.To)
	wanted := func(name *store.SeriesName) bool {
		return name.Organization == req.Organization &&
			(req.Subscription == "" || name.Subscription == req.Subscription) &&
			(req.Code == "" || name.Code == req.Code)
	}
	for i := range v.pending {
		err := v.pending[i].Find(v.snapshot.End(), func(name *store.SeriesName, timestamp int64) bool {
			return span.Contains(timestamp) && wanted(name)
		}, func(e *store.Event) error {
			page.total++
			if page.takes(e.Timestamp, e.TransactionID) {
				page.add(p.eventOf(e))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return v.snapshot.SeriesNames(ctx, req.Organization, req.Subscription, func(name store.SeriesName) error {
		if !wanted(&name) {
			return nil
		}
		return v.newestOf(ctx, &name, span, p, page)
	})
}

// newestOf offers the stored events of one series, the newest first. When enough
// are counted it ends at the first that the page does not take.
func (v *view) newestOf(ctx context.Context, name *store.SeriesName, span aggregator.Span, p *partition, page *newestPage) error {
	var event store.Event
	return v.snapshot.Newest(ctx, name, span, func(key *store.EventKey) (bool, error) {
		page.total++
		if !page.takes(key.Timestamp, key.TransactionID) {
			return page.total < query.EventsCountMax, nil
		}
		if err := key.Load(&event); err != nil {
			return false, err
		}
		page.add(p.eventOf(&event))
		return true, nil
	})
}

// newestPage keeps the size newest of the events that it is offered: newest
// timestamp first, ties by transaction id, then by subscription.
type newestPage struct {
	size  int
	total int
	kept  eventHeap
}

// takes reports whether an event is among the newest so far.
func (n *newestPage) takes(timestamp int64, transactionID []byte) bool {
	if len(n.kept) < n.size {
		return true
	}
	if n.size == 0 {
		return false
	}
	last := &n.kept[0]
	if timestamp != last.Timestamp {
		return timestamp > last.Timestamp
	}
	return string(transactionID) <= last.TransactionID
}

func (n *newestPage) add(e query.Event) {
	heap.Push(&n.kept, e)
	if len(n.kept) > n.size {
		heap.Pop(&n.kept)
	}
}

// sorted returns the page from offset on.
func (n *newestPage) sorted(offset int) []query.Event {
	slices.SortFunc(n.kept, func(a, b query.Event) int { return compareNewest(&a, &b) })
	return n.kept[min(offset, len(n.kept)):]
}

func compareNewest(a, b *query.Event) int {
	return cmp.Or(
		cmp.Compare(b.Timestamp, a.Timestamp),
		cmp.Compare(a.TransactionID, b.TransactionID),
		cmp.Compare(a.Subscription, b.Subscription),
	)
}

// eventHeap has the last event of the page at its top.
type eventHeap []query.Event

func (h eventHeap) Len() int           { return len(h) }
func (h eventHeap) Less(i, j int) bool { return compareNewest(&h[i], &h[j]) > 0 }
func (h eventHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(e any)        { *h = append(*h, e.(query.Event)) }
func (h *eventHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// eventOf copies an event out of the store's memory.
func (p *partition) eventOf(e *store.Event) query.Event {
	event := query.Event{
		Organization:  e.Organization,
		TransactionID: string(e.TransactionID),
		Subscription:  string(e.Subscription),
		Code:          string(e.Code),
		Timestamp:     e.Timestamp,
		Filled:        e.Filled,
		ReceivedAt:    e.ReceivedAt,
		PreciseTotal:  string(e.PreciseTotal),
		Partition:     p.number,
		Position:      e.Position,
	}
	for i := range e.Properties {
		property := &e.Properties[i]
		event.Properties = append(event.Properties, query.Property{
			Name: string(property.Name), Kind: property.Kind, Text: string(property.Text),
		})
	}
	return event
}
