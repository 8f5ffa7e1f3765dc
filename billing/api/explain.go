package api

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
	"weir/ingest"
)

// Reasons for which an event counts nowhere that are not metering's own.
const (
	reasonCancelled      = "cancelled"
	reasonUnknownCode    = "unknown_code"    // no metric has its code
	reasonNoSubscription = "no_subscription" // none with its external id ran at its time
	reasonNoCharge       = "no_charge"       // the plan prices no metric with its code
	reasonBeforeBilling  = "before_billing"  // its period had passed when the subscription was created
)

// eventExplained is ours: where the event stands, what became of it, and where it counts
// or why it does not.
type eventExplained struct {
	Place     eventPlace            `json:",embed"`
	Versions  []eventVersionObject  `json:"versions"`
	Conflicts []eventConflictObject `json:"conflicts"` // repeats with other content, set aside
	Counted   []countedObject       `json:"counted"`
	Uncounted *uncountedObject      `json:"uncounted"` // null: it counts
}

// eventVersionObject is what the event was at a time.
type eventVersionObject struct {
	Revision                uint32         `json:"revision"`
	Offset                  int64          `json:"offset"`
	Index                   int            `json:"index"`
	ReceivedAt              string         `json:"received_at"`
	Cancelled               bool           `json:"cancelled"` // what follows is null
	Code                    *string        `json:"code"`
	Timestamp               *string        `json:"timestamp"`
	PreciseTotalAmountCents *string        `json:"precise_total_amount_cents"`
	Properties              jsontext.Value `json:"properties"`
}

type eventConflictObject struct {
	Partition  int32  `json:"partition"`
	Offset     int64  `json:"offset"`
	Index      int    `json:"index"`
	ReceivedAt string `json:"received_at"`
}

// countedObject is one charge that the event counts for.
type countedObject struct {
	LagoSubscriptionID     uuid.UUID             `json:"lago_subscription_id"`
	ExternalSubscriptionID string                `json:"external_subscription_id"`
	Charge                 countedChargeObject   `json:"charge"`
	BillableMetric         countedMetricObject   `json:"billable_metric"`
	Filter                 *countedFilterObject  `json:"filter"` // null: what no filter takes
	GroupedBy              map[string]*string    `json:"grouped_by"`
	FromDatetime           string                `json:"from_datetime"`
	ToDatetime             string                `json:"to_datetime"`
	Invoice                *countedInvoiceObject `json:"invoice"` // null: the period is not invoiced yet
}

type countedChargeObject struct {
	LagoID uuid.UUID `json:"lago_id"`
	Code   string    `json:"code"`
}

type countedMetricObject struct {
	LagoID uuid.UUID `json:"lago_id"`
	Code   string    `json:"code"`
	// Recurring: the event counts in every period from its own on, too.
	Recurring bool `json:"recurring"`
}

type countedFilterObject struct {
	LagoID uuid.UUID           `json:"lago_id"`
	Values map[string][]string `json:"values"`
}

// countedInvoiceObject is the finalized invoice of the period.
type countedInvoiceObject struct {
	LagoID uuid.UUID `json:"lago_id"`
	Number string    `json:"number"`
	// IncludesEvent: the event, as it is now, lies before the invoice's cut. If not, it
	// came or was amended later, and is in the period's usage difference.
	IncludesEvent bool `json:"includes_event"`
}

type uncountedObject struct {
	Reason string `json:"reason"`
}

// explain says what became of an event.
func (a *api) explain(ctx context.Context, r request, e *query.Event) (eventExplained, error) {
	o := eventExplained{
		Place:     placeOf(e),
		Versions:  each(e.Versions, eventVersionOf),
		Conflicts: each(e.Conflicts, eventConflictOf),
	}
	counted, reason, err := a.countedBy(ctx, r, e)
	if err != nil {
		return o, err
	}
	if o.Counted = counted; len(counted) == 0 {
		o.Uncounted = &uncountedObject{reason}
	}
	return o, nil
}

func eventVersionOf(v *query.Version) eventVersionObject {
	o := eventVersionObject{
		Revision: v.Revision, Offset: v.Position.Offset(), Index: v.Position.Index(),
		ReceivedAt: stampNano(time.Unix(0, v.ReceivedAt)), Cancelled: v.Cancelled,
		Properties: jsontext.Value("null"),
	}
	if !v.Cancelled {
		timestamp := stampNano(time.Unix(0, v.Timestamp))
		o.Code, o.Timestamp = &v.Code, &timestamp
		o.PreciseTotalAmountCents = orNull(v.PreciseTotal)
		o.Properties = propertiesJSON(v.Properties)
	}
	return o
}

func eventConflictOf(c *query.Conflict) eventConflictObject {
	return eventConflictObject{c.Partition, c.Position.Offset(), c.Position.Index(), stampNano(time.Unix(0, c.ReceivedAt))}
}

// countedBy returns the charges that an event counts for, or the reason why for none: the
// first that holds of those that metering and billing would meet.
func (a *api) countedBy(ctx context.Context, r request, e *query.Event) (counted []countedObject, reason string, err error) {
	if e.Cancelled {
		return nil, reasonCancelled, nil
	}
	definitions, err := a.definitions(ctx, r)
	if err != nil {
		return nil, "", err
	}
	event := meteredEvent(e)
	// First what an invoice has counted, whatever has become of the metric since.
	counted, reason, err = a.chargedFor(ctx, r, &definitions, e, &event)
	if err != nil || len(counted) > 0 {
		return counted, "", err
	}
	metric := metricWithCode(&definitions, e.Code)
	if metric == nil {
		return nil, reasonUnknownCode, nil
	}
	var quantity aggregator.Quantity
	if why := metric.Take(&event, e.ReceivedAt, &quantity); why != aggregator.TakesPart {
		return nil, why.String(), nil
	}
	if metric.Recurring {
		counted, err = a.carriedTo(ctx, r, &definitions, e, &event)
	}
	return counted, reason, err
}

// carriedTo returns the charges of the first period that an event of a recurring metric is
// carried into: it counts there although it is of a time in which nothing was billed.
func (a *api) carriedTo(ctx context.Context, r request, definitions *postgres.Definitions, e *query.Event, event *ingest.Event) ([]countedObject, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, e.Organization, e.Subscription)
	if err != nil {
		return nil, err
	}
	at := time.Unix(0, e.Timestamp)
	for i := range versions { // the oldest first
		sub := &versions[i]
		if sub.StartedAt == nil || !sub.StartedAt.After(at) && !ranAt(sub, at) {
			continue
		}
		bound, err := a.subscribedTo(ctx, &r.organization, sub)
		if err != nil {
			return nil, err
		}
		first, err := a.billedFrom(ctx, sub)
		if err != nil {
			return nil, err
		}
		billed, reason, err := a.billedPeriod(ctx, bound, definitions, first)
		if err != nil {
			return nil, err
		}
		if reason != "" || !at.Before(billed.period.To) {
			continue
		}
		billed.metered = slices.DeleteFunc(billed.metered, func(m billing.MeteredCharge) bool { return !m.Metric.Recurring })
		if counted, _ := billed.counts(event, e); len(counted) > 0 {
			return counted, nil
		}
	}
	return nil, nil
}

// billedFrom returns the instant from which on the usage of a subscription is billed: it
// began before that if its first periods had passed when it was created.
func (a *api) billedFrom(ctx context.Context, s *billing.Subscription) (time.Time, error) {
	filter := postgres.InvoicedUsageFilter{SubscriptionID: &s.ID}
	_, total, err := a.DB.InvoicedUsage(ctx, s.OrganizationID, s.CustomerID, filter, postgres.Page{Size: 1})
	if err != nil || total == 0 {
		return s.UsageBilledUntil, err
	}
	oldest, _, err := a.DB.InvoicedUsage(ctx, s.OrganizationID, s.CustomerID, filter, postgres.Page{Number: total, Size: 1})
	if err != nil || len(oldest) == 0 {
		return s.UsageBilledUntil, err
	}
	return oldest[0].Period.From, nil
}

// chargedFor returns the charges that an event counts for, or why billing has none for it.
func (a *api) chargedFor(ctx context.Context, r request, definitions *postgres.Definitions, e *query.Event, event *ingest.Event) ([]countedObject, string, error) {
	sub, err := a.subscriptionAt(ctx, e)
	if err != nil {
		return nil, "", err
	}
	if sub == nil {
		return nil, reasonNoSubscription, nil
	}
	bound, err := a.subscribedTo(ctx, &r.organization, sub)
	if err != nil {
		return nil, "", err
	}
	billed, reason, err := a.billedPeriod(ctx, bound, definitions, time.Unix(0, e.Timestamp))
	if err != nil || reason != "" {
		return nil, reason, err
	}
	counted, reason := billed.counts(event, e)
	return counted, reason, nil
}

// metricWithCode returns the definition of the metric with the code, nil if there is none.
func metricWithCode(definitions *postgres.Definitions, code string) *aggregator.Metric {
	for _, metric := range definitions.Metrics {
		if metric.Code == code {
			return metric
		}
	}
	return nil
}

// subscriptionAt returns the subscription that ran at the event's time, nil if none did.
func (a *api) subscriptionAt(ctx context.Context, e *query.Event) (*billing.Subscription, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, e.Organization, e.Subscription)
	if err != nil {
		return nil, err
	}
	at := time.Unix(0, e.Timestamp)
	i := slices.IndexFunc(versions, func(s billing.Subscription) bool { return ranAt(&s, at) })
	if i < 0 {
		return nil, nil
	}
	return &versions[i], nil
}

// ranAt reports whether the subscription ran at the instant: from its start to before its end.
func ranAt(s *billing.Subscription, at time.Time) bool {
	return s.StartedAt != nil && !at.Before(*s.StartedAt) && (s.TerminatedAt == nil || at.Before(*s.TerminatedAt)) &&
		(s.EndingAt == nil || at.Before(*s.EndingAt))
}

// billedPeriod is a usage period of a subscription with what prices it.
type billedPeriod struct {
	subscription *billing.Subscription
	period       billing.Period
	metered      []billing.MeteredCharge
	invoice      *billing.InvoicedUsage // nil: not invoiced yet
}

// billedPeriod returns the usage period that holds the instant, or the reason why none
// does: as it was invoiced, or as it will be.
func (a *api) billedPeriod(ctx context.Context, s subscribed, definitions *postgres.Definitions, at time.Time) (p billedPeriod, reason string, err error) {
	p.subscription = s.subscription
	if at.Before(s.subscription.UsageBilledUntil) {
		p.invoice, err = a.invoicedAt(ctx, s.subscription, postgres.InvoicedUsageFilter{At: &at})
		if err != nil {
			return p, "", err
		}
		if p.invoice == nil {
			return p, reasonBeforeBilling, nil
		}
		p.period, p.metered = p.invoice.Period, p.invoice.Metered
		if p.metered != nil || p.invoice.Cut == nil { // or there were no charges then
			return p, "", nil
		}
	} else {
		p.period = s.subscription.UsagePeriodAt(at, s.plan, s.location)
	}
	charges := make([]*billing.Charge, len(s.plan.Charges))
	for i := range s.plan.Charges {
		charges[i] = &s.plan.Charges[i]
	}
	p.metered, err = billing.MeterCharges(charges, definitions.Metrics)
	return p, "", err
}

// counts returns the charges of the period that the event counts for, or why for none.
func (p *billedPeriod) counts(event *ingest.Event, e *query.Event) (counted []countedObject, reason string) {
	reason = reasonNoCharge
	for i := range p.metered {
		m := &p.metered[i]
		if m.Metric.Code != e.Code {
			continue
		}
		var quantity aggregator.Quantity
		if why := m.Metric.Take(event, e.ReceivedAt, &quantity); why != aggregator.TakesPart {
			reason = why.String()
			continue
		}
		counted = append(counted, p.counted(m, event, e.Position))
	}
	return counted, reason
}

// counted says where in a charge the event counts, by the function that divides usage.
func (p *billedPeriod) counted(m *billing.MeteredCharge, event *ingest.Event, position ingest.Position) countedObject {
	o := countedObject{
		LagoSubscriptionID: p.subscription.ID, ExternalSubscriptionID: p.subscription.ExternalID,
		Charge:         countedChargeObject{m.Charge.ID, m.Charge.Code},
		BillableMetric: countedMetricObject{m.Charge.Metric.ID, m.Charge.Metric.Code, m.Metric.Recurring},
		FromDatetime:   stamp(p.period.From),
		ToDatetime:     stamp(lastInstant(p.period.To, p.subscription.EndingAt)),
	}
	filter, group := m.Split.Place(func(key string) aggregator.Value {
		property, ok := event.Property(key)
		if !ok {
			return aggregator.Value{Null: true}
		}
		return aggregator.ValueOf(property)
	})
	keys := m.Split.GroupKeys
	if filter != aggregator.NoFilter {
		f := &m.Charge.Filters[filter]
		o.Filter, keys = &countedFilterObject{f.ID, f.Values}, m.Split.Filters[filter].GroupKeys
	}
	o.GroupedBy = groupOf(keys, group)
	if p.invoice != nil {
		o.Invoice = &countedInvoiceObject{
			LagoID: p.invoice.InvoiceID, Number: p.invoice.InvoiceNumber,
			IncludesEvent: p.invoice.Cut != nil && position < ingest.PositionOf(p.invoice.Cut.Next, 0),
		}
	}
	return o
}

// groupOf names the values of a group.
func groupOf(keys []string, values []aggregator.Value) map[string]*string {
	group := make(map[string]*string, len(keys))
	for i, key := range keys {
		if group[key] = nil; !values[i].Null {
			group[key] = &values[i].Text
		}
	}
	return group
}
