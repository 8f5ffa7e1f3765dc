package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest"
)

// eventObject is Lago's EventObject, and what weir knows besides.
type eventObject struct {
	LagoID                  uuid.UUID      `json:"lago_id"`
	TransactionID           string         `json:"transaction_id"`
	LagoCustomerID          *uuid.UUID     `json:"lago_customer_id"`
	Code                    string         `json:"code"`
	Timestamp               string         `json:"timestamp"`
	PreciseTotalAmountCents *string        `json:"precise_total_amount_cents"`
	Properties              jsontext.Value `json:"properties"`
	LagoSubscriptionID      *uuid.UUID     `json:"lago_subscription_id"`
	ExternalSubscriptionID  string         `json:"external_subscription_id"`
	CreatedAt               string         `json:"created_at"`
	Weir                    eventPlace     `json:"weir"`
}

// eventPlace is ours: where in the log the event stands and what Lago's form of
// its times cuts off.
type eventPlace struct {
	Partition       int32  `json:"partition"`
	Offset          int64  `json:"offset"`
	Index           int    `json:"index"`
	Timestamp       string `json:"timestamp"`        // to the nanosecond
	TimestampFilled bool   `json:"timestamp_filled"` // the sender gave none
	ReceivedAt      string `json:"received_at"`
}

func eventOf(e *query.Event) eventObject {
	timestamp, receivedAt := time.Unix(0, e.Timestamp).UTC(), time.Unix(0, e.ReceivedAt).UTC()
	return eventObject{
		LagoID:                  ingest.EventID(e.Organization, []byte(e.Subscription), []byte(e.TransactionID)),
		TransactionID:           e.TransactionID,
		Code:                    e.Code,
		Timestamp:               stampMillis(timestamp),
		PreciseTotalAmountCents: orNull(e.PreciseTotal),
		Properties:              propertiesJSON(e.Properties),
		ExternalSubscriptionID:  e.Subscription,
		CreatedAt:               stamp(receivedAt),
		Weir: eventPlace{
			Partition:       e.Partition,
			Offset:          e.Position.Offset(),
			Index:           e.Position.Index(),
			Timestamp:       timestamp.Format(time.RFC3339Nano),
			TimestampFilled: e.Filled,
			ReceivedAt:      receivedAt.Format(time.RFC3339Nano),
		},
	}
}

// propertiesJSON prints an event's properties as they were sent: numbers keep
// their digits.
func propertiesJSON(properties []query.Property) jsontext.Value {
	text := []byte{'{'}
	for i, p := range properties {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendString(text, p.Name)
		text = append(text, ':')
		switch p.Kind {
		case ingest.KindNull:
			text = append(text, "null"...)
		case ingest.KindFalse:
			text = append(text, "false"...)
		case ingest.KindTrue:
			text = append(text, "true"...)
		case ingest.KindString:
			text = appendString(text, p.Text)
		default: // a number or a nested value: its text is its JSON
			text = append(text, p.Text...)
		}
	}
	return append(text, '}')
}

// appendString appends the JSON of a string that is valid UTF-8: stored ones are.
func appendString(dst []byte, s string) []byte {
	dst, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		panic("BUG: stored text is not UTF-8: " + err.Error())
	}
	return dst
}

// listEvents is GET /events: newest first.
func (a *api) listEvents(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	ask := query.EventsRequest{
		Organization: r.organization.ID,
		Subscription: p.text("external_subscription_id"),
		Code:         p.text("code"),
		From:         time.Unix(0, ingest.TimestampMin).UTC(),
		To:           time.Unix(0, ingest.TimestampMax).UTC(),
		Offset:       (page.Number - 1) * page.Size,
		Limit:        page.Size,
	}
	if ask.Offset > query.EventsCountMax {
		p.overLimit("page", billing.CodeOutOfRange, fmt.Sprintf("only the first %d events can be listed", query.EventsCountMax))
	}
	if from, ok := p.instant("timestamp_from"); ok {
		ask.From = from
	}
	if to, ok := p.instant("timestamp_to"); ok {
		ask.To = to.Add(1) // Lago's end is inclusive, ours is not
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := a.fromStart(ctx, r, p, &ask); err != nil {
		return nil, err
	}
	answer, err := a.events(ctx, r, ask)
	if err != nil {
		return nil, err
	}
	return struct {
		Events []eventObject `json:"events"`
		Meta   meta          `json:"meta"`
	}{each(answer.Events, eventOf), metaOf(page, answer.Total)}, nil
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

// partition returns which partition of the log holds a subscription's events.
func (a *api) partition(r request, subscription string) int32 {
	return ingest.Partition(r.organization.ID, subscription, a.Partitions)
}

// showEvent is GET /events/{transaction_id}. Where several subscriptions used the
// id, the event that came last is shown; ?external_subscription_id names another.
func (a *api) showEvent(ctx context.Context, r request) (any, error) {
	transactionID, err := r.pathText("transaction_id", "event")
	if err != nil {
		return nil, err
	}
	p := r.params()
	subscription := p.text("external_subscription_id")
	if err := p.err(); err != nil {
		return nil, err
	}
	ask := query.EventRequest{Organization: r.organization.ID, TransactionID: transactionID}
	if ask.AtLeast, err = positionsOf(r.Header); err != nil {
		return nil, err
	}
	if subscription != "" {
		ask.Partitions = []int32{a.partition(r, subscription)}
	}
	found, err := wait(ctx, func(ctx context.Context) ([]query.Event, error) { return a.Usage.Event(ctx, ask) })
	if err != nil {
		return nil, err
	}
	if subscription != "" {
		found = slices.DeleteFunc(found, func(e query.Event) bool { return e.Subscription != subscription })
	}
	if len(found) == 0 {
		return nil, billing.NotFound("event")
	}
	last := slices.MaxFunc(found, func(x, y query.Event) int { return compareReceipt(&x, &y) })
	return struct {
		Event eventObject `json:"event"`
	}{eventOf(&last)}, nil
}

// compareReceipt orders events by when they came; of those that came at once, by their subscription.
func compareReceipt(x, y *query.Event) int {
	if c := cmp.Compare(x.ReceivedAt, y.ReceivedAt); c != 0 {
		return c
	}
	return cmp.Compare(x.Subscription, y.Subscription)
}
