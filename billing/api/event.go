package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest"
)

// eventObject is Lago's EventObject, and what weir knows besides.
type eventObject[W any] struct {
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
	Weir                    W              `json:"weir"`
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
	Revision        uint32 `json:"revision"` // 0 = as it was sent
	Cancelled       bool   `json:"cancelled"`
}

func placeOf(e *query.Event) eventPlace {
	return eventPlace{
		Partition:       e.Partition,
		Offset:          e.Position.Offset(),
		Index:           e.Position.Index(),
		Timestamp:       stampNano(time.Unix(0, e.Timestamp)),
		TimestampFilled: e.Filled,
		ReceivedAt:      stampNano(time.Unix(0, e.ReceivedAt)),
		Revision:        e.Revision,
		Cancelled:       e.Cancelled,
	}
}

func eventOf[W any](e *query.Event, weir W) eventObject[W] {
	return eventObject[W]{
		LagoID:                  ingest.EventID(e.Organization, []byte(e.Subscription), []byte(e.TransactionID)),
		TransactionID:           e.TransactionID,
		Code:                    e.Code,
		Timestamp:               stampMillis(time.Unix(0, e.Timestamp)),
		PreciseTotalAmountCents: orNull(e.PreciseTotal),
		Properties:              propertiesJSON(e.Properties),
		ExternalSubscriptionID:  e.Subscription,
		CreatedAt:               stamp(time.Unix(0, e.ReceivedAt)),
		Weir:                    weir,
	}
}

// placedEventOf is an event of a list.
func placedEventOf(e *query.Event) eventObject[eventPlace] { return eventOf(e, placeOf(e)) }

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

// meteredEvent returns an event as metering reads it. The texts are copies.
func meteredEvent(e *query.Event) ingest.Event {
	event := ingest.Event{
		TransactionID: []byte(e.TransactionID), Subscription: []byte(e.Subscription), Code: []byte(e.Code),
		Timestamp: e.Timestamp, Filled: e.Filled,
	}
	if e.PreciseTotal != "" {
		event.PreciseTotal = []byte(e.PreciseTotal)
	}
	for _, p := range e.Properties {
		event.Properties = append(event.Properties, ingest.Property{Name: []byte(p.Name), Kind: p.Kind, Text: []byte(p.Text)})
	}
	return event
}

type eventAnswer struct {
	Event eventObject[eventExplained] `json:"event"`
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
	atLeast, err := positionsOf(r.Header)
	if err != nil {
		return nil, err
	}
	found, err := a.findEvents(ctx, r, transactionID, subscription, atLeast)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, billing.NotFound("event")
	}
	last := slices.MaxFunc(found, func(x, y query.Event) int { return compareReceipt(&x, &y) })
	return a.answerEvent(ctx, r, &last)
}

// findEvents returns the events with the id: the subscription's, or with "" one for each
// subscription that used it.
func (a *api) findEvents(ctx context.Context, r request, transactionID, subscription string, atLeast map[int32]int64) ([]query.Event, error) {
	ask := query.EventRequest{Organization: r.organization.ID, TransactionID: transactionID, AtLeast: atLeast}
	if subscription != "" {
		ask.Partitions = []int32{a.partition(r, subscription)}
	}
	found, err := wait(ctx, func(ctx context.Context) ([]query.Event, error) { return a.Usage.Event(ctx, ask) })
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(e query.Event) bool {
		return subscription != "" && e.Subscription != subscription
	}), nil
}

// answerEvent explains an event.
func (a *api) answerEvent(ctx context.Context, r request, e *query.Event) (eventAnswer, error) {
	explained, err := a.explain(ctx, r, e)
	return eventAnswer{eventOf(e, explained)}, err
}

// compareReceipt orders events by when they came; of those that came at once, by their subscription.
func compareReceipt(x, y *query.Event) int {
	return cmp.Or(cmp.Compare(x.ReceivedAt, y.ReceivedAt), cmp.Compare(x.Subscription, y.Subscription))
}

// partition returns which partition of the log holds a subscription's events.
func (a *api) partition(r request, subscription string) int32 {
	return ingest.Partition(r.organization.ID, subscription, a.Partitions)
}
