package billing

import (
	"time"

	"github.com/shopspring/decimal"
)

// trialMax bounds how long a trial counts: 200 years, which instants can still be added to.
const trialMax = 200 * 365 * dayUTC

// TrialEnd returns the instant at which the subscription's trial ends or has ended, whether it
// is still there then or not; false when the plan has no trial. The trial begins with the first
// subscription that had the external id, and its days are of 24 hours.
func (s *Subscription) TrialEnd(plan *Plan) (time.Time, bool) {
	if plan.TrialDays.Sign() <= 0 {
		return time.Time{}, false
	}
	from := s.SubscriptionAt
	switch {
	case s.InitialStartedAt != nil:
		from = *s.InitialStartedAt
	case s.StartedAt != nil:
		from = *s.StartedAt
	}
	length := trialMax
	if plan.TrialDays.LessThan(decimal.NewFromInt(int64(trialMax / dayUTC))) {
		length = time.Duration(plan.TrialDays.Mul(decimal.NewFromInt(int64(dayUTC))).IntPart())
	}
	return from.Add(length).Truncate(StoredPrecision), true
}

// InTrial reports whether the subscription's trial lasts at t: it pays no base fee then.
func (s *Subscription) InTrial(plan *Plan, t time.Time) bool {
	end, ok := s.TrialEnd(plan)
	return ok && t.Before(end)
}
