package billing

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// withTrial gives the plan a trial.
func withTrial(plan *Plan, days int64) *Plan {
	plan.TrialDays = decimal.NewFromInt(days)
	return plan
}

// A plan in advance is paid from the day on which the trial ends, when it does.
func TestTrialInAdvance(t *testing.T) {
	t.Parallel()
	plan := withTrial(plan30(true), 10)
	s := started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		// 15 to 30 April are 16 days of 1.00.
		"04-15 15:30 subscription_starting base 04-15 00:00/05-01 00:00 16/30 = 1600",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-05 15:30/05-01 00:00",
		"06-01 00:00 subscription_periodic base 06-01 00:00/07-01 00:00 30/30 = 3000 usage 05-01 00:00/06-01 00:00")
	if s.TrialEndedAt == nil || !s.TrialEndedAt.Equal(at("2024-04-15T15:30:00Z")) {
		t.Errorf("trial ended at %v", s.TrialEndedAt)
	}
	// Pending: the trial begins with it.
	s = started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-01-05T00:00:00Z", time.UTC)
	if s.InitialStartedAt != nil {
		t.Errorf("pending, and started at %s", s.InitialStartedAt)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-30T00:00:00Z"), "04-05 15:30 ",
		"04-15 15:30 subscription_starting base 04-15 00:00/05-01 00:00 16/30 = 1600")
	if !s.InitialStartedAt.Equal(*s.StartedAt) {
		t.Errorf("first started at %s", s.InitialStartedAt)
	}
}

func TestTrialInArrears(t *testing.T) {
	t.Parallel()
	plan := withTrial(plan30(false), 10)
	s := started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-15 00:00/05-01 00:00 16/30 = 1600 usage 04-05 15:30/05-01 00:00",
		"06-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 05-01 00:00/06-01 00:00")
	if s.TrialEndedAt == nil || !s.TrialEndedAt.Equal(at("2024-04-15T15:30:00Z")) {
		t.Errorf("trial ended at %v", s.TrialEndedAt)
	}
}

// A trial of several periods: none of them has a base fee but that in which it ends.
func TestTrialOfSeveralPeriods(t *testing.T) {
	t.Parallel()
	advance := withTrial(plan30(true), 45) // 5 April and 45 days: 20 May
	s := started(t, advance, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, advance, time.UTC, "2024-06-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic usage 04-05 15:30/05-01 00:00",
		// 20 to 31 May are 12 days: 30.00 x 12 / 31 = 11.6129
		"05-20 15:30 subscription_starting base 05-20 00:00/06-01 00:00 12/31 = 1161",
		"06-01 00:00 subscription_periodic base 06-01 00:00/07-01 00:00 30/30 = 3000 usage 05-01 00:00/06-01 00:00")
	arrears := withTrial(plan30(false), 45)
	s = started(t, arrears, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, arrears, time.UTC, "2024-06-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic usage 04-05 15:30/05-01 00:00",
		"06-01 00:00 subscription_periodic base 05-20 00:00/06-01 00:00 12/31 = 1161 usage 05-01 00:00/06-01 00:00")
}

// A trial that ends with a period: the next is paid whole, at its usual time.
func TestTrialThatEndsWithAPeriod(t *testing.T) {
	t.Parallel()
	advance := withTrial(plan30(true), 30)
	s := started(t, advance, Calendar, "2024-04-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, advance, time.UTC, "2024-05-31T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-01 00:00/05-01 00:00")
	// Some hours later it ends on the first day, which is paid like all others.
	s = started(t, advance, Calendar, "2024-04-01T08:00:00Z", "2024-04-01T08:00:00Z", time.UTC)
	wantBills(t, bills(t, s, advance, time.UTC, "2024-05-31T00:00:00Z"),
		"05-01 00:00 subscription_periodic usage 04-01 08:00/05-01 00:00",
		"05-01 08:00 subscription_starting base 05-01 00:00/06-01 00:00 31/31 = 3000")
}

// A part of a day: 0.5 of one ends the trial at half past eleven in the night.
func TestTrialOfFractions(t *testing.T) {
	t.Parallel()
	plan := plan30(true)
	plan.TrialDays = decimal.RequireFromString("1.5")
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-30T00:00:00Z"),
		// 12 April 03:30: from the 12th on, 19 days
		"04-12 03:30 subscription_starting base 04-12 00:00/05-01 00:00 19/30 = 1900")
	// The day is the customer's: 03:30 UTC is the 11th in New York.
	ny := zone(t, "America/New_York")
	s = started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", ny)
	wantBills(t, bills(t, s, plan, ny, "2024-04-30T00:00:00Z"),
		"04-12 03:30 subscription_starting base 04-11 04:00/05-01 04:00 20/30 = 2000")
}

// Whoever ends within the trial pays no base fee, but usage.
func TestEndWithinTrial(t *testing.T) {
	t.Parallel()
	for _, inAdvance := range []bool{true, false} {
		plan := withTrial(plan30(inAdvance), 30)
		s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
		if err := s.Terminate(plan, time.UTC, at("2024-04-20T08:00:00Z"), false); err != nil {
			t.Fatal(err)
		}
		wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
			"04-20 08:00 subscription_terminating usage 04-10 15:30/04-20 08:00")
		if s.TrialEndedAt != nil {
			t.Errorf("its trial ended at %s", s.TrialEndedAt)
		}
	}
	// In arrears after it: from the day of its end to the day of the termination.
	plan := withTrial(plan30(false), 5)
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	if err := s.Terminate(plan, time.UTC, at("2024-04-20T08:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"), // 15 to 20 April
		"04-20 08:00 subscription_terminating base 04-15 00:00/04-20 08:00 6/30 = 600 usage 04-10 15:30/04-20 08:00")
}

// Fixed charges are billed during the trial, as usage is.
func TestTrialAndFixedCharges(t *testing.T) {
	t.Parallel()
	plan := withTrial(withFixed(plan30(true), true), 10)
	s := started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-30T00:00:00Z"),
		"04-05 15:30 subscription_starting ahead 04-05 00:00/05-01 00:00",
		"04-15 15:30 subscription_starting base 04-15 00:00/05-01 00:00 16/30 = 1600")
}

// The trial counts from the first subscription with the external id.
func TestTrialIsHadOnce(t *testing.T) {
	t.Parallel()
	plan := withTrial(plan30(true), 10)
	first := at("2024-04-05T15:30:00Z")
	again := func(start string) *Subscription {
		s := &Subscription{SubscriptionAt: at(start), InitialStartedAt: &first}
		if err := s.Start(plan, time.UTC, s.SubscriptionAt); err != nil {
			t.Fatal(err)
		}
		return s
	}
	wantBills(t, bills(t, again("2024-04-12T00:00:00Z"), plan, time.UTC, "2024-04-30T00:00:00Z"), // what is left of it
		"04-15 15:30 subscription_starting base 04-15 00:00/05-01 00:00 16/30 = 1600")
	wantBills(t, bills(t, again("2024-04-20T00:00:00Z"), plan, time.UTC, "2024-04-30T00:00:00Z"),
		"04-20 00:00 subscription_starting base 04-20 00:00/05-01 00:00 11/30 = 1100")
}

// Created with a beginning in the past: nothing for what elapsed, but the rest from the trial's
// end on, if that is still to come.
func TestTrialBackdated(t *testing.T) {
	t.Parallel()
	plan := withTrial(plan30(true), 10)
	s := started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-10T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-30T00:00:00Z"),
		"04-15 15:30 subscription_starting base 04-15 00:00/05-01 00:00 16/30 = 1600")
	s = started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-16T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-05 15:30/05-01 00:00")
}

// A trial that is longer than time can be counted never ends.
func TestTrialWithoutEnd(t *testing.T) {
	t.Parallel()
	plan := plan30(true)
	plan.TrialDays = decimal.RequireFromString("1e30")
	s := started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	if !s.InTrial(plan, at("2220-01-01T00:00:00Z")) || !s.NextDueAt.Equal(at("2024-05-01T00:00:00Z")) {
		t.Errorf("due at %s", s.NextDueAt)
	}
}

// A subscription that ends in the very instant in which its trial does pays nothing: neither
// then nor, by its start, afterwards.
func TestTrialThatEndsWithTheSubscription(t *testing.T) {
	t.Parallel()
	plan := withTrial(plan30(true), 10)
	s := started(t, plan, Calendar, "2024-04-05T15:30:00Z", "2024-04-05T15:30:00Z", time.UTC)
	endingAt := at("2024-04-15T15:30:00Z")
	s.EndingAt = &endingAt
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		"04-15 15:30 subscription_terminating usage 04-05 15:30/04-15 15:30")
	if s.NextDueAt != nil {
		t.Errorf("due at %s after its end", s.NextDueAt)
	}
}
