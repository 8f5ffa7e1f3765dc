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
	"weir/ingest"
)

// Event implements query.Querier for the partitions owned here. The events come
// in the order of their subscriptions.
func (w *Worker) Event(ctx context.Context, req query.EventRequest) ([]query.Event, error) {
	var events []query.Event
	err := w.each(ctx, req.Partitions, req.AtLeast, 0, func(p *partition, v *view) error {
		return v.stored.Histories(ctx, req.Organization, req.TransactionID, func(versions []store.Version) error {
			event := p.eventOfHistory(versions)
			events = append(events, event)
			return v.conflicts(ctx, &events[len(events)-1])
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(events, func(a, b query.Event) int { return strings.Compare(a.Subscription, b.Subscription) })
	return events, nil
}

// eventOfHistory returns the event with these versions: its current content, or the last that it had.
func (p *partition) eventOfHistory(versions []store.Version) query.Event {
	var event query.Event
	for i := len(versions) - 1; i >= 0; i-- {
		if !versions[i].Cancelled {
			event = p.eventOf(versions[i].Event)
			break
		}
	}
	last := &versions[len(versions)-1]
	event.Revision, event.Cancelled = last.Revision, last.Cancelled
	for i := max(0, len(versions)-query.HistoryMax); i < len(versions); i++ {
		event.Versions = append(event.Versions, p.versionOf(&versions[i]))
	}
	return event
}

func (p *partition) versionOf(v *store.Version) query.Version {
	version := query.Version{Revision: v.Revision, Position: v.Position, Cancelled: v.Cancelled}
	if v.Event != nil {
		e := p.eventOf(v.Event)
		version.ReceivedAt, version.Code, version.Timestamp, version.Filled = e.ReceivedAt, e.Code, e.Timestamp, e.Filled
		version.PreciseTotal, version.Properties = e.PreciseTotal, e.Properties
	}
	return version
}

// conflicts adds what was set aside because it contradicts the event.
func (v *view) conflicts(ctx context.Context, event *query.Event) error {
	id := ingest.IDKey(event.Organization, []byte(event.Subscription), []byte(event.TransactionID))
	add := func(position ingest.Position, receivedAt int64) error {
		event.Conflicts = append(event.Conflicts, query.Conflict{Partition: event.Partition, Position: position, ReceivedAt: receivedAt})
		if n := len(event.Conflicts) - query.HistoryMax; n > 0 {
			event.Conflicts = event.Conflicts[n:]
		}
		return nil
	}
	if err := v.stored.Conflicts(ctx, id, add); err != nil {
		return err
	}
	for _, aside := range v.asides {
		if aside.Reason == store.Conflict && aside.ID == id && aside.Position >= v.stored.End() {
			_ = add(aside.Position, aside.ReceivedAt) // can't fail
		}
	}
	return nil
}

// Events implements query.Querier for the partitions owned here.
func (w *Worker) Events(ctx context.Context, req query.EventsRequest) (query.EventsAnswer, error) {
	if err := req.Check(); err != nil {
		return query.EventsAnswer{}, fmt.Errorf("cannot answer: %w", err)
	}
	if req.Of != nil {
		req.Code = req.Of.Metric.Code
	}
	held := w.budget.Reserve()
	defer held.Release()
	if err := held.Hold(query.EventCells * (req.Offset + req.Limit)); err != nil { // all of them are kept
		return query.EventsAnswer{}, err
	}
	page := newestPage{size: req.Offset + req.Limit}
	partitions := w.partitionsOf(req.Organization, req.Subscription, req.Partitions)
	err := w.each(ctx, partitions, req.AtLeast, req.At, func(p *partition, v *view) error {
		l := listing{ctx: ctx, req: &req, span: aggregator.SpanOf(req.From, req.To), partition: p, view: v, page: &page}
		return l.run()
	})
	if err != nil {
		return query.EventsAnswer{}, err
	}
	return query.EventsAnswer{
		Events: page.sorted(req.Offset),
		Total:  min(page.total, query.EventsCountMax),
	}, nil
}

// partitionsOf returns where to look for events: in the partitions given or, when there are
// none, in that of the subscription, or everywhere.
func (w *Worker) partitionsOf(organization uuid.UUID, subscription string, given []int32) []int32 {
	if given != nil || subscription == "" {
		return given
	}
	return []int32{ingest.Partition(organization, subscription, w.partitions)}
}

// each calls f with a view of each of the partitions (nil = of all of the log) at its position; at is
// question.at.
func (w *Worker) each(ctx context.Context, partitions []int32, atLeast map[int32]int64, at int64, f func(*partition, *view) error) error {
	if partitions == nil {
		for number := range w.partitions {
			partitions = append(partitions, number)
		}
	}
	for _, number := range partitions {
		if err := w.one(&question{ctx: ctx, atLeast: atLeast[number], at: at}, number, f); err != nil {
			return asked(err)
		}
	}
	return nil
}

func (w *Worker) one(q *question, number int32, f func(*partition, *view) error) error {
	p, err := w.partition(number)
	if err != nil {
		return err
	}
	v, err := p.viewAt(q)
	if err != nil {
		return err
	}
	defer v.close()
	return f(p, v)
}

// listing offers the events that a request asks for to a page.
type listing struct {
	ctx       context.Context
	req       *query.EventsRequest
	span      aggregator.Span
	partition *partition
	view      *view
	page      *newestPage
}

func (l *listing) run() error {
	err := l.view.stored.Find(func(name *store.SeriesName, timestamp int64) bool {
		return l.span.Contains(timestamp) && l.wants(name)
	}, func(e *store.Event) error {
		l.offer(e)
		return nil
	})
	if err != nil {
		return err
	}
	return l.view.stored.SeriesNames(l.ctx, l.req.Organization, l.req.Subscription, func(name store.SeriesName) error {
		if !l.wants(&name) {
			return nil
		}
		return l.series(&name)
	})
}

func (l *listing) wants(name *store.SeriesName) bool {
	return name.Organization == l.req.Organization &&
		(l.req.Subscription == "" || name.Subscription == l.req.Subscription) &&
		(l.req.Code == "" || name.Code == l.req.Code)
}

// offer offers an event that is in the range.
func (l *listing) offer(e *store.Event) {
	if of := l.req.Of; of != nil && !of.Contains(&e.Event, e.ReceivedAt) {
		return
	}
	l.page.total++
	if l.page.takes(e.Timestamp, e.TransactionID) {
		l.page.add(l.partition.eventOf(e))
	}
}

// series offers the stored events of one series, the newest first. When enough
// are counted it ends at the first that the page does not take.
func (l *listing) series(name *store.SeriesName) error {
	var event store.Event
	return l.view.stored.Newest(l.ctx, name, l.span, func(key *store.EventKey) (bool, error) {
		taken := l.page.takes(key.Timestamp, key.TransactionID)
		if l.req.Of == nil && !taken { // what it holds does not matter
			l.page.total++
			return l.page.total < query.EventsCountMax || l.page.mayTake(key.Timestamp), nil
		}
		if err := key.Load(&event); err != nil {
			return false, err
		}
		l.offer(&event)
		return l.page.total < query.EventsCountMax || l.page.mayTake(key.Timestamp), nil
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

// mayTake reports whether the page takes any event with this timestamp. Those of one series come by
// descending transaction id: where the page does not take one, it may take the next.
func (n *newestPage) mayTake(timestamp int64) bool {
	return len(n.kept) < n.size || n.size > 0 && timestamp >= n.kept[0].Timestamp
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
		Revision:      e.Revision,
		Cancelled:     e.Cancelled,
	}
	for i := range e.Properties {
		property := &e.Properties[i]
		event.Properties = append(event.Properties, query.Property{
			Name: string(property.Name), Kind: property.Kind, Text: string(property.Text),
		})
	}
	return event
}
