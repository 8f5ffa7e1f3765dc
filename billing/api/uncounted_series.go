package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing/postgres"
)

// uncountedPagesMax is how many pages of series one request looks through for such as
// count nowhere.
const uncountedPagesMax = 20

// uncountedSeriesObject is ours: events of one subscription with one code that count nowhere.
type uncountedSeriesObject struct {
	ExternalSubscriptionID string `json:"external_subscription_id"`
	Code                   string `json:"code"`
	Reason                 string `json:"reason"`
	EventsCount            int    `json:"events_count"`
	EventsCountCapped      bool   `json:"events_count_capped"` // there may be more
	FirstTimestamp         string `json:"first_timestamp"`
	LastTimestamp          string `json:"last_timestamp"`
}

// uncountedNextObject is what to ask the next page with.
type uncountedNextObject struct {
	AfterExternalSubscriptionID string `json:"after_external_subscription_id"`
	AfterCode                   string `json:"after_code"`
}

type uncountedSeriesAnswer struct {
	UncountedSeries []uncountedSeriesObject `json:"uncounted_series"`
	Counts          map[string]int          `json:"counts"` // series of this page, by reason
	Next            *uncountedNextObject    `json:"next"`   // null: there is no more
}

// uncountedSeries lists the series whose code no metric has, or whose subscription never
// was. Why single events of others do not count is asked of their subscription.
func (a *api) uncountedSeries(ctx context.Context, r request, q *uncountedQuestion, after query.SeriesKey, limit int) (uncountedSeriesAnswer, error) {
	o := uncountedSeriesAnswer{Counts: make(map[string]int)}
	definitions, err := a.definitions(ctx, r)
	if err != nil {
		return o, err
	}
	for range uncountedPagesMax {
		answer, err := a.series(ctx, r, query.SeriesRequest{
			Organization: r.organization.ID, From: q.period.From, To: q.period.To, After: after,
			Limit: limit - len(o.UncountedSeries),
		})
		if err != nil {
			return o, err
		}
		if err := a.addUncounted(ctx, r.organization.ID, q, &definitions, &o, answer.Series); err != nil {
			return o, err
		}
		after = answer.Next
		if after == (query.SeriesKey{}) || len(o.UncountedSeries) >= limit {
			break
		}
	}
	if after != (query.SeriesKey{}) {
		o.Next = &uncountedNextObject{after.Subscription, after.Code}
	}
	return o, nil
}

// addUncounted adds those of the series that count nowhere.
func (a *api) addUncounted(ctx context.Context, organization uuid.UUID, q *uncountedQuestion, definitions *postgres.Definitions,
	o *uncountedSeriesAnswer, series []query.SeriesInfo,
) error {
	subscriptions := make([]string, len(series))
	for i := range series {
		subscriptions[i] = series[i].Subscription
	}
	known, err := a.DB.KnownSubscriptions(ctx, organization, subscriptions)
	if err != nil {
		return err
	}
	for i := range series {
		s, reason := &series[i], ""
		switch {
		case !known[s.Subscription]:
			reason = reasonNoSubscription
		case metricWithCode(definitions, s.Code) == nil:
			reason = reasonUnknownCode
		}
		if reason == "" || !q.wants(s.Code, reason) {
			continue
		}
		o.Counts[reason]++
		o.UncountedSeries = append(o.UncountedSeries, uncountedSeriesObject{
			ExternalSubscriptionID: s.Subscription, Code: s.Code, Reason: reason,
			EventsCount: s.Events, EventsCountCapped: s.Events >= query.SeriesCountMax,
			FirstTimestamp: stampNano(time.Unix(0, s.Oldest)), LastTimestamp: stampNano(time.Unix(0, s.Newest)),
		})
	}
	return nil
}
