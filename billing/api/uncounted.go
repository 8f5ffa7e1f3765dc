package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
	"weir/ingest"
)

// uncountedReasons are the reasons for which the list of uncounted events can be narrowed
// down. Cancelled events are not in lists.
var uncountedReasons = []string{
	aggregator.MissingProperty.String(), aggregator.NotANumber.String(), aggregator.ExpressionFailed.String(),
	reasonUnknownCode, reasonNoSubscription, reasonNoCharge, reasonBeforeBilling,
}

// Bounds of what is looked through for one subscription.
const (
	uncountedSpansMax   = 100 // spans of time in which the subscription ran or did not
	uncountedSourcesMax = 200 // reasons, times codes, times spans
	seriesPagesMax      = 10  // pages of codes
)

// uncountedPlace is what weir says of an event that counts nowhere.
type uncountedPlace struct {
	Place  eventPlace `json:",embed"`
	Reason string     `json:"reason"`
}

// uncountedQuestion is what a request asks for.
type uncountedQuestion struct {
	subscription string
	code         string // "" = any
	reason       string // "" = any
	period       billing.Period
}

// wants reports whether events with the code are asked for, for the reason.
func (q *uncountedQuestion) wants(code, reason string) bool {
	return (q.code == "" || q.code == code) && (q.reason == "" || q.reason == reason)
}

// listUncountedEvents is GET /uncounted_events, which is ours: the events that count
// nowhere, each with its reason, and how many there are for each. Without a subscription
// it is a list of the codes and subscriptions that nothing is known of.
func (a *api) listUncountedEvents(ctx context.Context, r request) (any, error) {
	p := r.params()
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	q := uncountedQuestion{
		subscription: p.text("external_subscription_id"),
		code:         p.text("billable_metric_code"),
		reason:       p.text("reason"),
	}
	if q.reason != "" && !slices.Contains(uncountedReasons, q.reason) {
		p.fault("reason", billing.CodeInvalid)
	}
	byDefault := billing.Period{From: time.Unix(0, ingest.TimestampMin), To: time.Unix(0, ingest.TimestampMax)}
	if q.subscription == "" {
		byDefault = billing.Period{From: now.Add(-eventsRangeDefault), To: now.Add(eventsAhead)}
	}
	q.period = p.span("from", "to", byDefault)
	if q.subscription == "" && q.period.To.Sub(q.period.From) > eventsRangeMax {
		p.overLimit("from", billing.CodeOutOfRange, "without external_subscription_id, from to to is at most 31 days")
	}
	page := p.page()
	after := query.SeriesKey{Subscription: p.text("after_external_subscription_id"), Code: p.text("after_code")}
	if err := p.err(); err != nil {
		return nil, err
	}
	if q.subscription == "" {
		return a.uncountedSeries(ctx, r, &q, after, page.Size)
	}
	return a.uncountedEvents(ctx, r, &q, page)
}

// uncountedSource is a list of events that count nowhere for one reason.
type uncountedSource struct {
	reason string
	code   string
	period billing.Period
	part   *aggregator.Part // nil: all events with the code in the period
}

// uncountedEvents lists the events of one subscription that count nowhere.
func (a *api) uncountedEvents(ctx context.Context, r request, q *uncountedQuestion, page postgres.Page) (any, error) {
	sources, err := a.uncountedSources(ctx, r, q)
	if err != nil {
		return nil, err
	}
	offset := (page.Number - 1) * page.Size
	ask := query.EventsRequest{
		Organization: r.organization.ID, Subscription: q.subscription, Offset: offset, Limit: page.Size,
	}
	if len(sources) > 1 { // their lists are merged
		if ask.Offset, ask.Limit = 0, offset+page.Size; ask.Limit > query.EventsLimitMax {
			return nil, tooMuch("page", fmt.Sprintf(
				"only the first %d events of several reasons or metrics can be listed; reason and billable_metric_code narrow it down",
				query.EventsLimitMax))
		}
	}
	var events []uncountedEvent
	total, counts := 0, make(map[string]int)
	for _, source := range sources {
		ask.Code, ask.From, ask.To, ask.Of = source.code, source.period.From, source.period.To, source.part
		answer, err := a.events(ctx, r, ask)
		if err != nil {
			return nil, err
		}
		if answer.Total >= query.EventsCountMax {
			r.answer.Set(totalCappedHeader, "true")
		}
		total += answer.Total
		counts[source.reason] += answer.Total
		for i := range answer.Events {
			events = append(events, uncountedEvent{&answer.Events[i], source.reason})
		}
	}
	if len(sources) > 1 {
		slices.SortFunc(events, func(x, y uncountedEvent) int { return query.CompareEvents(x.event, y.event) })
		events = events[min(offset, len(events)):min(offset+page.Size, len(events))]
	}
	return struct {
		UncountedEvents []eventObject[uncountedPlace] `json:"uncounted_events"`
		Counts          map[string]int                `json:"counts"`
		Meta            meta                          `json:"meta"`
	}{each(events, uncountedEventOf), counts, metaOf(page, total)}, nil
}

type uncountedEvent struct {
	event  *query.Event
	reason string
}

func uncountedEventOf(e *uncountedEvent) eventObject[uncountedPlace] {
	return eventOf(e.event, uncountedPlace{placeOf(e.event), e.reason})
}

// uncountedSources returns where there are events that count nowhere. While the
// subscription is billed it depends on their codes; outside of that nothing counts but
// what a recurring metric carries into its next period.
func (a *api) uncountedSources(ctx context.Context, r request, q *uncountedQuestion) ([]uncountedSource, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, r.organization.ID, q.subscription)
	if err != nil {
		return nil, err
	}
	definitions, err := a.definitions(ctx, r)
	if err != nil {
		return nil, err
	}
	spans, err := a.spansOf(ctx, versions, q.period)
	if err != nil {
		return nil, err
	}
	var sources []uncountedSource
	for _, span := range spans {
		series, err := a.seriesOf(ctx, r, q.subscription, span.period)
		if err != nil {
			return nil, err
		}
		more, err := a.uncountedIn(ctx, r, q, span, series, &definitions)
		if err != nil {
			return nil, err
		}
		sources = append(sources, more...)
	}
	sources = slices.DeleteFunc(sources, func(s uncountedSource) bool { return !q.wants(s.code, s.reason) })
	if len(sources) > uncountedSourcesMax {
		return nil, tooMuch("billable_metric_code", fmt.Sprintf(
			"events count nowhere in %d ways, at most %d can be listed at once; reason, billable_metric_code, from and to narrow it down",
			len(sources), uncountedSourcesMax))
	}
	return sources, nil
}

// uncountedIn returns the sources of a span.
func (a *api) uncountedIn(ctx context.Context, r request, q *uncountedQuestion, span usageSpan,
	series []query.SeriesInfo, definitions *postgres.Definitions,
) ([]uncountedSource, error) {
	var plan billing.Plan // without charges
	if span.subscription != nil && len(series) > 0 {
		var err error
		if plan, err = a.DB.PlanByID(ctx, r.organization.ID, span.subscription.PlanID); err != nil {
			return nil, err
		}
	}
	var sources []uncountedSource
	var items []query.UsageItem
	for _, s := range series {
		metric := metricWithCode(definitions, s.Code)
		charged := slices.ContainsFunc(plan.Charges, func(ch billing.Charge) bool { return ch.Metric.Code == s.Code })
		carried := metric != nil && metric.Recurring && charged
		switch {
		case span.reason != "" && !carried:
			sources = append(sources, uncountedSource{reason: span.reason, code: s.Code, period: span.period})
		case metric == nil:
			sources = append(sources, uncountedSource{reason: reasonUnknownCode, code: s.Code, period: span.period})
		case !charged:
			sources = append(sources, uncountedSource{reason: reasonNoCharge, code: s.Code, period: span.period})
		case q.code == "" || q.code == s.Code:
			if metric.Recurring { // of this span alone, and not of all before it
				own := *metric
				own.Recurring, metric = false, &own
			}
			items = append(items, query.UsageItem{Metric: metric})
		}
	}
	answer, err := a.usage(ctx, r, askedUsage{subscription: q.subscription, period: span.period, items: items})
	if err != nil {
		return nil, err
	}
	for i := range answer.Items {
		for reason, n := range answer.Items[i].Uncounted {
			if n > 0 {
				part := &aggregator.Part{Metric: items[i].Metric, Reason: aggregator.Reason(reason), Filter: aggregator.AnyFilter}
				sources = append(sources, uncountedSource{part.Reason.String(), part.Metric.Code, span.period, part})
			}
		}
	}
	return sources, nil
}

// usageSpan is a span of time in which a subscription is billed, or none is.
type usageSpan struct {
	period       billing.Period
	subscription *billing.Subscription // that is billed, or is the next to be; nil: none ever is
	reason       string                // why usage in it counts nowhere, "" where it is billed
}

// spansOf divides a period by the subscriptions that ran in it, the oldest first. No two
// of one external id run at the same time.
func (a *api) spansOf(ctx context.Context, versions []billing.Subscription, period billing.Period) ([]usageSpan, error) {
	var spans []usageSpan
	add := func(to time.Time, s *billing.Subscription, reason string) {
		if to.After(period.To) {
			to = period.To
		}
		if period.From.Before(to) {
			spans = append(spans, usageSpan{billing.Period{From: period.From, To: to}, s, reason})
			period.From = to
		}
	}
	versions = slices.DeleteFunc(slices.Clone(versions), func(s billing.Subscription) bool { return s.StartedAt == nil })
	slices.SortFunc(versions, func(x, y billing.Subscription) int { return x.StartedAt.Compare(*y.StartedAt) })
	for i := range versions {
		s := &versions[i]
		add(*s.StartedAt, s, reasonNoSubscription)
		end := period.To
		for _, at := range []*time.Time{s.EndingAt, s.TerminatedAt} {
			if at != nil && at.Before(end) {
				end = *at
			}
		}
		if !period.From.Before(end) {
			continue
		}
		billed, err := a.billedFrom(ctx, s)
		if err != nil {
			return nil, err
		}
		if billed.After(end) {
			billed = end
		}
		add(billed, s, reasonBeforeBilling)
		add(end, s, "")
		if len(spans) > uncountedSpansMax {
			return nil, tooMuch("from", fmt.Sprintf("the subscription began or ended more than %d times from from to to", uncountedSpansMax))
		}
	}
	add(period.To, nil, reasonNoSubscription)
	return spans, nil
}

// seriesOf returns the codes that a subscription has sent events with in a period.
func (a *api) seriesOf(ctx context.Context, r request, subscription string, period billing.Period) ([]query.SeriesInfo, error) {
	ask := query.SeriesRequest{
		Organization: r.organization.ID, Subscription: subscription, From: period.From, To: period.To,
		Limit: query.SeriesLimitMax, Partitions: []int32{a.partition(r, subscription)},
	}
	var series []query.SeriesInfo
	for range seriesPagesMax {
		answer, err := a.series(ctx, r, ask)
		if err != nil {
			return nil, err
		}
		series = append(series, answer.Series...)
		if ask.After = answer.Next; ask.After == (query.SeriesKey{}) {
			return series, nil
		}
	}
	return nil, tooMuch("external_subscription_id", "the subscription has sent events with too many codes to look through")
}

// series asks for a page of series, at the positions that the request names.
func (a *api) series(ctx context.Context, r request, ask query.SeriesRequest) (query.SeriesAnswer, error) {
	var err error
	if ask.AtLeast, err = positionsOf(r.Header); err != nil {
		return query.SeriesAnswer{}, err
	}
	return wait(ctx, func(ctx context.Context) (query.SeriesAnswer, error) { return a.Usage.Series(ctx, ask) })
}
