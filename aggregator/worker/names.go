package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
)

// Series implements query.Querier for the partitions owned here.
func (w *Worker) Series(ctx context.Context, req query.SeriesRequest) (query.SeriesAnswer, error) {
	if err := req.Check(); err != nil {
		return query.SeriesAnswer{}, fmt.Errorf("cannot answer: %w", err)
	}
	var pages []query.SeriesAnswer
	partitions := w.partitionsOf(req.Organization, req.Subscription, req.Partitions)
	err := w.each(ctx, partitions, req.AtLeast, 0, func(p *partition, v *view) error {
		n := naming{ctx: ctx, req: &req, span: aggregator.SpanOf(req.From, req.To), number: p.number, view: v}
		page, err := n.run()
		pages = append(pages, page)
		return err
	})
	if err != nil {
		return query.SeriesAnswer{}, err
	}
	return query.MergeSeries(pages, req.Limit), nil
}

// naming makes the page of one partition.
type naming struct {
	ctx    context.Context
	req    *query.SeriesRequest
	span   aggregator.Span
	number int32
	view   *view

	pending []query.SeriesInfo // of events that are not stored, by key; those before are done
	page    query.SeriesAnswer
	looked  int // at series
}

// errPageFull ends a scan.
var errPageFull = errors.New("page is full")

func (n *naming) run() (query.SeriesAnswer, error) {
	if err := n.findPending(); err != nil {
		return query.SeriesAnswer{}, err
	}
	after := store.SeriesName{Organization: n.req.Organization, Subscription: n.req.After.Subscription, Code: n.req.After.Code}
	err := n.view.stored.SeriesAfter(n.ctx, after, n.req.Subscription, func(name store.SeriesName) error {
		key := query.SeriesKey{Subscription: name.Subscription, Code: name.Code}
		if err := n.pendingBefore(&key); err != nil {
			return err
		}
		info := query.SeriesInfo{SeriesKey: key}
		if len(n.pending) > 0 && n.pending[0].SeriesKey == key {
			info, n.pending = n.pending[0], n.pending[1:]
		}
		if err := n.count(&name, &info); err != nil {
			return err
		}
		return n.add(info)
	})
	if err == nil {
		err = n.pendingBefore(nil)
	}
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return n.page, err
}

// findPending finds what is not stored yet.
func (n *naming) findPending() error {
	wanted := func(name *store.SeriesName, timestamp int64) bool {
		return name.Organization == n.req.Organization && (n.req.Subscription == "" || name.Subscription == n.req.Subscription) &&
			n.span.Contains(timestamp) && n.req.After.Compare(query.SeriesKey{Subscription: name.Subscription, Code: name.Code}) < 0
	}
	found := make(map[query.SeriesKey]*query.SeriesInfo)
	err := n.view.stored.Find(wanted, func(e *store.Event) error {
		key := query.SeriesKey{Subscription: string(e.Subscription), Code: string(e.Code)}
		info := found[key]
		if info == nil {
			info = &query.SeriesInfo{SeriesKey: key}
			found[key] = info
		}
		count(info, e.Timestamp)
		return nil
	})
	for _, info := range found {
		n.pending = append(n.pending, *info)
	}
	slices.SortFunc(n.pending, func(a, b query.SeriesInfo) int { return a.Compare(b.SeriesKey) })
	return err
}

// count takes an event into what is told of its series.
func count(info *query.SeriesInfo, timestamp int64) {
	if info.Events == 0 {
		info.Oldest, info.Newest = timestamp, timestamp
	}
	info.Oldest, info.Newest = min(info.Oldest, timestamp), max(info.Newest, timestamp)
	info.Events = min(info.Events+1, query.SeriesCountMax)
}

// count counts the stored events of a series.
func (n *naming) count(name *store.SeriesName, info *query.SeriesInfo) error {
	return n.view.stored.Newest(n.ctx, name, n.span, func(key *store.EventKey) (bool, error) {
		count(info, key.Timestamp)
		return info.Events < query.SeriesCountMax, nil
	})
}

// pendingBefore adds the series that only have pending events and come before a key (nil: all the others).
func (n *naming) pendingBefore(key *query.SeriesKey) error {
	for len(n.pending) > 0 && (key == nil || n.pending[0].Compare(*key) < 0) {
		info := n.pending[0]
		n.pending = n.pending[1:]
		if err := n.add(info); err != nil {
			return err
		}
	}
	return nil
}

// add adds a series to the page, if it has events in the range, and ends the page when it is full
// or enough was looked at.
func (n *naming) add(info query.SeriesInfo) error {
	n.looked++
	if info.Events > 0 {
		info.Partition = n.number
		n.page.Series = append(n.page.Series, info)
	}
	if len(n.page.Series) == n.req.Limit || n.looked == query.SeriesScanMax {
		n.page.Next = info.SeriesKey
		return errPageFull
	}
	return nil
}
