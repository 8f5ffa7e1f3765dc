package api

import (
	"context"
	"fmt"
	"time"

	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest"
)

// Bounds of a list of events of every subscription.
const (
	eventsRangeMax     = 31 * 24 * time.Hour
	eventsRangeDefault = 24 * time.Hour
	// eventsAhead is how far into the future such a list goes where nothing is said: some
	// senders' clocks are fast.
	eventsAhead = time.Hour
)

// listEvents is GET /events: newest first.
func (a *api) listEvents(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	ask := query.EventsRequest{
		Organization: r.organization.ID,
		Subscription: p.text("external_subscription_id"),
		Code:         p.text("code"),
		Offset:       (page.Number - 1) * page.Size,
		Limit:        page.Size,
	}
	if ask.Offset > query.EventsCountMax {
		p.overLimit("page", billing.CodeOutOfRange, fmt.Sprintf("only the first %d events can be listed", query.EventsCountMax))
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	ask.From, ask.To = p.eventsRange(ask.Subscription, now)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := a.fromStart(ctx, r, p, &ask); err != nil {
		return nil, err
	}
	if err := a.ofCharge(ctx, r, p, &ask); err != nil {
		return nil, err
	}
	answer, err := a.events(ctx, r, ask)
	if err != nil {
		return nil, err
	}
	if answer.Total >= query.EventsCountMax {
		r.answer.Set(totalCappedHeader, "true")
	}
	return struct {
		Events []eventObject[eventPlace] `json:"events"`
		Meta   meta                      `json:"meta"`
	}{each(answer.Events, placedEventOf), metaOf(page, answer.Total)}, nil
}

// eventsRange reads timestamp_from and timestamp_to. Events of one subscription may be of
// any time. A list of those of every subscription is bounded: it looks into every partition.
func (p params) eventsRange(subscription string, now time.Time) (from, to time.Time) {
	from, to = time.Unix(0, ingest.TimestampMin).UTC(), time.Unix(0, ingest.TimestampMax).UTC()
	first, hasFrom := p.instant("timestamp_from")
	last, hasTo := p.instant("timestamp_to")
	last = last.Add(1) // Lago's end is inclusive, ours is not
	if subscription == "" {
		switch {
		case hasFrom && !hasTo:
			if last = now.Add(eventsAhead); !last.After(first) {
				last = first.Add(eventsRangeDefault)
			}
		case !hasFrom && hasTo:
			first = last.Add(-eventsRangeDefault)
		case !hasFrom && !hasTo:
			first, last = now.Add(-eventsRangeDefault), now.Add(eventsAhead)
		}
		hasFrom, hasTo = true, true
	}
	if hasFrom {
		from = first
	}
	if hasTo {
		to = last
	}
	if subscription == "" && to.Sub(from) > eventsRangeMax+1 {
		p.overLimit("timestamp_from", billing.CodeOutOfRange,
			"without external_subscription_id, timestamp_from to timestamp_to is at most 31 days")
	}
	return from, to
}

// fromStart obeys timestamp_from_started_at: events from the active
// subscription's start on.
func (a *api) fromStart(ctx context.Context, r request, p params, ask *query.EventsRequest) error {
	if p.Get("timestamp_from_started_at") != "true" || ask.Subscription == "" {
		return nil
	}
	sub, err := a.DB.Subscription(ctx, r.organization.ID, ask.Subscription, billing.Active)
	if err != nil {
		return err
	}
	if sub.StartedAt.After(ask.From) {
		ask.From = *sub.StartedAt
	}
	return nil
}

// events asks for a page of events, at the positions that the request names.
func (a *api) events(ctx context.Context, r request, ask query.EventsRequest) (query.EventsAnswer, error) {
	if !ask.From.Before(ask.To) {
		return query.EventsAnswer{}, nil
	}
	var err error
	if ask.AtLeast, err = positionsOf(r.Header); err != nil {
		return query.EventsAnswer{}, err
	}
	if ask.Subscription != "" {
		ask.Partitions = []int32{a.partition(r, ask.Subscription)}
	}
	return wait(ctx, func(ctx context.Context) (query.EventsAnswer, error) { return a.Usage.Events(ctx, ask) })
}
