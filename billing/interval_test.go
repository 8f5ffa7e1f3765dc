package billing

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// planOf is a plan of an interval with an amount in cents.
func planOf(interval Interval, cents int64, inAdvance bool) *Plan {
	plan := plan30(inAdvance)
	plan.Interval, plan.AmountCents = interval, cents
	return plan
}

// withFixed puts a fixed charge on the plan.
func withFixed(plan *Plan, inAdvance bool) *Plan {
	plan.FixedCharges = append(plan.FixedCharges, FixedCharge{ID: uuid.New(), PayInAdvance: inAdvance})
	return plan
}

func TestBillsOfCalendarIntervals(t *testing.T) {
	t.Parallel()
	f := func(interval Interval, cents int64, start, until string, want ...string) {
		t.Helper()
		plan := planOf(interval, cents, false)
		s := started(t, plan, Calendar, start, start, time.UTC)
		wantBills(t, bills(t, s, plan, time.UTC, until), want...)
	}
	// 10 April 2024 was a Wednesday: to Sunday are 5 of 7 days of 1.00.
	f(Weekly, 700, "2024-04-10T15:30:00Z", "2024-04-22T00:00:00Z",
		"04-15 00:00 subscription_periodic base 04-10 00:00/04-15 00:00 5/7 = 500 usage 04-10 15:30/04-15 00:00",
		"04-22 00:00 subscription_periodic base 04-15 00:00/04-22 00:00 7/7 = 700 usage 04-15 00:00/04-22 00:00")
	// 20 days of February and 31 of March, of 31 + 29 + 31 = 91: 90.00 x 51 / 91 = 50.4395
	f(Quarterly, 9000, "2024-02-10T15:30:00Z", "2024-07-01T00:00:00Z",
		"04-01 00:00 subscription_periodic base 02-10 00:00/04-01 00:00 51/91 = 5044 usage 02-10 15:30/04-01 00:00",
		"07-01 00:00 subscription_periodic base 04-01 00:00/07-01 00:00 91/91 = 9000 usage 04-01 00:00/07-01 00:00")
	// and 30 + 31 + 30 more, of 91 + 91: 180.00 x 142 / 182 = 140.4395
	f(Semiannual, 18000, "2024-02-10T15:30:00Z", "2024-07-01T00:00:00Z",
		"07-01 00:00 subscription_periodic base 02-10 00:00/07-01 00:00 142/182 = 14044 usage 02-10 15:30/07-01 00:00")
	// 22 days of October, 30 of November and 31 of December, each 1.00
	f(Yearly, 36500, "2023-10-10T15:30:00Z", "2024-01-01T00:00:00Z",
		"01-01 00:00 subscription_periodic base 10-10 00:00/01-01 00:00 83/365 = 8300 usage 10-10 15:30/01-01 00:00")
}

// A first anniversary period is a full one, of whichever interval.
func TestBillsOfAnniversaryIntervals(t *testing.T) {
	t.Parallel()
	f := func(interval Interval, start, until string, want ...string) {
		t.Helper()
		plan := planOf(interval, 1000, true)
		s := started(t, plan, Anniversary, start, start, time.UTC)
		wantBills(t, bills(t, s, plan, time.UTC, until), want...)
	}
	f(Weekly, "2024-04-10T15:30:00Z", "2024-04-17T00:00:00Z",
		"04-10 15:30 subscription_starting base 04-10 00:00/04-17 00:00 7/7 = 1000",
		"04-17 00:00 subscription_periodic base 04-17 00:00/04-24 00:00 7/7 = 1000 usage 04-10 15:30/04-17 00:00")
	// 30 November to 28 February are 1 + 31 + 31 + 28 days, to 29 May 1 + 31 + 30 + 29, to 29 August 2 + 30 + 31 + 29.
	f(Quarterly, "2023-11-30T10:00:00Z", "2024-05-30T00:00:00Z",
		"11-30 10:00 subscription_starting base 11-30 00:00/02-29 00:00 91/91 = 1000",
		"02-29 00:00 subscription_periodic base 02-29 00:00/05-30 00:00 91/91 = 1000 usage 11-30 10:00/02-29 00:00",
		"05-30 00:00 subscription_periodic base 05-30 00:00/08-30 00:00 92/92 = 1000 usage 02-29 00:00/05-30 00:00")
	// 31 August to 28 February: 1 + 30 + 31 + 30 + 31 + 31 + 28; to 30 August: 1 + 31 + 30 + 31 + 30 + 31 + 30
	f(Semiannual, "2023-08-31T10:00:00Z", "2024-02-29T00:00:00Z",
		"08-31 10:00 subscription_starting base 08-31 00:00/02-29 00:00 182/182 = 1000",
		"02-29 00:00 subscription_periodic base 02-29 00:00/08-31 00:00 184/184 = 1000 usage 08-31 10:00/02-29 00:00")
	f(Yearly, "2024-02-29T10:00:00Z", "2025-02-28T00:00:00Z",
		"02-29 10:00 subscription_starting base 02-29 00:00/02-28 00:00 365/365 = 1000",
		"02-28 00:00 subscription_periodic base 02-28 00:00/02-28 00:00 365/365 = 1000 usage 02-29 10:00/02-28 00:00")
}

// A yearly plan that bills usage each month: the base fee comes once a year.
func TestBillsUsageMonthly(t *testing.T) {
	t.Parallel()
	plan := planOf(Yearly, 12000, false)
	plan.BillChargesMonthly = true
	s := started(t, plan, Calendar, "2023-11-20T10:00:00Z", "2023-11-20T10:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-02-01T00:00:00Z"),
		"12-01 00:00 subscription_periodic usage 11-20 10:00/12-01 00:00",
		// 11 days of November and 31 of December: 120.00 x 42 / 365 = 13.8082
		"01-01 00:00 subscription_periodic base 11-20 00:00/01-01 00:00 42/365 = 1381 usage 12-01 00:00/01-01 00:00",
		"02-01 00:00 subscription_periodic usage 01-01 00:00/02-01 00:00")
	if err := s.Terminate(plan, time.UTC, at("2024-02-10T08:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2026-01-01T00:00:00Z"),
		// 31 and 10 of 366 days: 120.00 x 41 / 366 = 13.4426
		"02-10 08:00 subscription_terminating base 01-01 00:00/02-10 08:00 41/366 = 1344 usage 02-01 00:00/02-10 08:00")

	ahead := planOf(Semiannual, 6000, true)
	ahead.BillChargesMonthly = true
	s = started(t, ahead, Anniversary, "2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z", time.UTC)
	wantBills(t, bills(t, s, ahead, time.UTC, "2024-08-01T00:00:00Z"),
		// 31 January to 30 July: 1 + 29 + 31 + 30 + 31 + 30 + 30
		"01-31 10:00 subscription_starting base 01-31 00:00/07-31 00:00 182/182 = 6000",
		"02-29 00:00 subscription_periodic usage 01-31 10:00/02-29 00:00",
		"03-31 00:00 subscription_periodic usage 02-29 00:00/03-31 00:00",
		"04-30 00:00 subscription_periodic usage 03-31 00:00/04-30 00:00",
		"05-31 00:00 subscription_periodic usage 04-30 00:00/05-31 00:00",
		"06-30 00:00 subscription_periodic usage 05-31 00:00/06-30 00:00",
		// to 30 January: 1 + 31 + 30 + 31 + 30 + 31 + 30
		"07-31 00:00 subscription_periodic base 07-31 00:00/01-31 00:00 184/184 = 6000 usage 06-30 00:00/07-31 00:00")
}

// Without its interval being long enough the flag means nothing.
func TestBillsQuarterlyNeverMonthly(t *testing.T) {
	t.Parallel()
	plan := planOf(Quarterly, 9000, false)
	plan.BillChargesMonthly, plan.BillFixedChargesMonthly = true, true
	s := started(t, plan, Calendar, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-01T00:00:00Z"),
		"04-01 00:00 subscription_periodic base 01-01 00:00/04-01 00:00 91/91 = 9000 usage 01-01 00:00/04-01 00:00")
}

// Fixed charges that are paid in advance are invoiced at the start, also on a plan in arrears.
func TestBillsFixedChargesAhead(t *testing.T) {
	t.Parallel()
	plan := withFixed(withFixed(plan30(false), true), false)
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"),
		"04-10 15:30 subscription_starting ahead 04-10 00:00/05-01 00:00",
		"05-01 00:00 subscription_periodic base 04-10 00:00/05-01 00:00 21/30 = 2100 usage 04-10 15:30/05-01 00:00"+
			" fixed 04-10 15:30/05-01 00:00 ahead 05-01 00:00/06-01 00:00")
	if err := s.Terminate(plan, time.UTC, at("2024-05-10T08:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"), // what was paid ahead stays
		"05-10 08:00 subscription_terminating base 05-01 00:00/05-10 08:00 10/31 = 968 usage 05-01 00:00/05-10 08:00 fixed 05-01 00:00/05-10 08:00")

	// Those of which the subscription is pending start with it.
	s = started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-03-01T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-30T00:00:00Z"),
		"04-10 15:30 subscription_starting ahead 04-10 00:00/05-01 00:00")
}

// The whole periods in which the parts lie, by whose days they are prorated.
func TestFullPeriodsOfABill(t *testing.T) {
	t.Parallel()
	plan := withFixed(withFixed(planOf(Yearly, 12000, false), true), false)
	plan.BillFixedChargesMonthly = true
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	b, _ := NextBill(s, plan, time.UTC)
	if got := span(b.FixedAheadFull); got != "04-01 00:00/05-01 00:00" {
		t.Errorf("at the start, the full period ahead is %s", got)
	}
	s.Apply(b.Advance)
	if err := s.Terminate(plan, time.UTC, at("2024-04-20T00:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	b, _ = NextBill(s, plan, time.UTC)
	if usage, fixed := span(b.UsageFull), span(b.FixedFull); usage != "01-01 00:00/01-01 00:00" || fixed != "04-01 00:00/05-01 00:00" {
		t.Errorf("at the end, the full periods are %s and %s", usage, fixed)
	}
	if full := s.FullUsagePeriod(b.Usage, plan, time.UTC); full != b.UsageFull || full.Days(time.UTC) != 366 {
		t.Errorf("the full usage period is %s", span(full))
	}
}

// Fixed charges each month of a yearly plan. Without any the month's end only passes.
func TestBillsFixedChargesMonthly(t *testing.T) {
	t.Parallel()
	plan := withFixed(withFixed(planOf(Yearly, 12000, true), false), true)
	plan.BillFixedChargesMonthly = true
	s := started(t, plan, Calendar, "2023-11-20T10:00:00Z", "2023-11-20T10:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-01-01T00:00:00Z"),
		"11-20 10:00 subscription_starting base 11-20 00:00/01-01 00:00 42/365 = 1381 ahead 11-20 00:00/12-01 00:00",
		"12-01 00:00 subscription_periodic fixed 11-20 10:00/12-01 00:00 ahead 12-01 00:00/01-01 00:00",
		"01-01 00:00 subscription_periodic base 01-01 00:00/01-01 00:00 366/366 = 12000 usage 11-20 10:00/01-01 00:00"+
			" fixed 12-01 00:00/01-01 00:00 ahead 01-01 00:00/02-01 00:00")

	none := planOf(Yearly, 12000, false)
	none.BillFixedChargesMonthly = true
	s = started(t, none, Calendar, "2023-11-20T10:00:00Z", "2023-11-20T10:00:00Z", time.UTC)
	wantBills(t, bills(t, s, none, time.UTC, "2023-12-01T00:00:00Z"), "12-01 00:00 ")
	// One that is put on the plan in December is paid in advance from January on.
	withFixed(none, true)
	wantBills(t, bills(t, s, none, time.UTC, "2024-01-01T00:00:00Z"),
		"01-01 00:00 subscription_periodic base 11-20 00:00/01-01 00:00 42/365 = 1381 usage 11-20 10:00/01-01 00:00 ahead 01-01 00:00/02-01 00:00")
	withFixed(none, false)
	wantBills(t, bills(t, s, none, time.UTC, "2024-02-01T00:00:00Z"),
		"02-01 00:00 subscription_periodic fixed 01-01 00:00/02-01 00:00 ahead 02-01 00:00/03-01 00:00")
}

// A fixed charge in advance that is put on the plan in the first period waits for the next.
func TestFixedChargeAheadThatComesLater(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	withFixed(plan, true)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-10 00:00/05-01 00:00 21/30 = 2100 usage 04-10 15:30/05-01 00:00 ahead 05-01 00:00/06-01 00:00")
}

// What elapsed before the subscription was created is not billed, of each kind by its own periods.
func TestBillsBackdatedByKind(t *testing.T) {
	t.Parallel()
	const began, created = "2023-02-10T10:00:00Z", "2024-04-10T12:00:00Z"
	plan := withFixed(withFixed(planOf(Yearly, 36600, false), true), false)
	plan.BillChargesMonthly = true
	s := started(t, plan, Calendar, began, created, time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic usage 04-01 00:00/05-01 00:00")
	bills(t, s, plan, time.UTC, "2024-12-01T00:00:00Z")
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"01-01 00:00 subscription_periodic base 01-01 00:00/01-01 00:00 366/366 = 36600 usage 12-01 00:00/01-01 00:00"+
			" fixed 01-01 00:00/01-01 00:00 ahead 01-01 00:00/01-01 00:00")

	ahead := planOf(Quarterly, 9000, true)
	s = started(t, ahead, Anniversary, "2024-01-31T10:00:00Z", created, time.UTC)
	wantBills(t, bills(t, s, ahead, time.UTC, "2024-04-30T00:00:00Z"),
		// 30 April to 30 July: 1 + 31 + 30 + 30 days, and the 31 July begins the next
		"04-30 00:00 subscription_periodic base 04-30 00:00/07-31 00:00 92/92 = 9000 usage 01-31 10:00/04-30 00:00")
}

// Where a termination is not invoiced, whole periods still are, of the kinds that have them.
func TestSkippedFinalInvoiceByKind(t *testing.T) {
	t.Parallel()
	plan := planOf(Yearly, 36600, false)
	plan.BillChargesMonthly = true
	s := started(t, plan, Calendar, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", time.UTC)
	if err := s.Terminate(plan, time.UTC, at("2024-03-01T00:00:00Z"), true); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2026-01-01T00:00:00Z"),
		"02-01 00:00 subscription_periodic usage 01-01 00:00/02-01 00:00",
		"03-01 00:00 subscription_terminating usage 02-01 00:00/03-01 00:00")
	if s.NextDueAt != nil {
		t.Errorf("still due at %s", s.NextDueAt)
	}
}

// What is paid ahead can't end in the midst of what has been paid, of any interval.
func TestEndsPaidAhead(t *testing.T) {
	t.Parallel()
	f := func(interval Interval, inAdvance bool, trialDays int64, end string, want bool) {
		t.Helper()
		plan := withTrial(planOf(interval, 1000, inAdvance), trialDays)
		endingAt := at(end)
		s := &Subscription{SubscriptionAt: at("2024-01-01T00:00:00Z"), EndingAt: &endingAt}
		if err := s.Start(plan, time.UTC, s.SubscriptionAt); err != nil {
			t.Fatal(err)
		}
		if got := s.EndsPaidAhead(plan, time.UTC); got != want {
			t.Errorf("%s in advance %t to %s with %d days of trial: %t", interval, inAdvance, end, trialDays, got)
		}
	}
	f(Yearly, true, 0, "2024-12-01T00:00:00Z", true)
	f(Yearly, true, 0, "2025-01-01T00:00:00Z", false)
	f(Yearly, true, 0, "2024-12-31T08:00:00Z", false) // the last day
	f(Quarterly, true, 0, "2024-07-01T00:00:00Z", false)
	f(Quarterly, true, 0, "2024-08-01T00:00:00Z", true)
	f(Weekly, true, 0, "2024-01-15T00:00:00Z", false) // a Monday
	f(Weekly, true, 0, "2024-01-16T00:00:00Z", true)
	f(Yearly, false, 0, "2024-12-01T00:00:00Z", false)
	f(Yearly, true, 60, "2024-03-01T00:00:00Z", false) // all of it is trial: 31 + 29 days
	f(Yearly, true, 59, "2024-03-01T00:00:00Z", true)
}

// A change of the time zone moves the boundaries of all intervals, and makes no short period.
func TestIntervalsAcrossZoneChange(t *testing.T) {
	t.Parallel()
	ny, tokyo := zone(t, "America/New_York"), zone(t, "Asia/Tokyo")
	weekly := planOf(Weekly, 700, true)
	s := started(t, weekly, Calendar, "2024-04-08T00:00:00Z", "2024-04-08T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, weekly, time.UTC, "2024-04-08T00:00:00Z"),
		"04-08 00:00 subscription_starting base 04-08 00:00/04-15 00:00 7/7 = 700")
	wantBills(t, bills(t, s, weekly, ny, "2024-04-16T00:00:00Z"),
		"04-15 00:00 ",
		"04-15 04:00 subscription_periodic base 04-15 00:00/04-22 04:00 7/7 = 700 usage 04-08 00:00/04-15 04:00")

	// It begins on the 1 March in Tokyo, which is the 29 February in UTC: quarters that end at
	// the end of May there end on the 28th here, some days before.
	quarterly := planOf(Quarterly, 9000, false)
	s = started(t, quarterly, Anniversary, "2024-02-29T20:00:00Z", "2024-02-29T20:00:00Z", tokyo)
	wantBills(t, bills(t, s, quarterly, tokyo, "2024-06-01T00:00:00Z"),
		"05-31 15:00 subscription_periodic base 02-29 15:00/05-31 15:00 92/92 = 9000 usage 02-29 20:00/05-31 15:00")
	wantBills(t, bills(t, s, quarterly, time.UTC, "2024-09-01T00:00:00Z"),
		// 29 May to 28 August, seen from UTC
		"08-29 00:00 subscription_periodic base 05-31 15:00/08-29 00:00 92/92 = 9000 usage 05-31 15:00/08-29 00:00")
	wantBills(t, bills(t, s, quarterly, tokyo, "2024-12-01T00:00:00Z"),
		"11-29 00:00 ",
		"11-30 15:00 subscription_periodic base 08-29 00:00/11-30 15:00 91/91 = 9000 usage 08-29 00:00/11-30 15:00")

	// It begins on New Year's Day in Tokyo, and has a trial when it moves to where the old
	// year still is: that ends with no bill of its own.
	yearly := withTrial(planOf(Yearly, 36600, true), 10)
	s = started(t, yearly, Calendar, "2023-12-31T20:00:00Z", "2023-12-31T20:00:00Z", tokyo)
	wantBills(t, bills(t, s, yearly, time.UTC, "2025-01-01T00:00:00Z"),
		// 10 January is the 10th day of 366: 357 are left.
		"01-10 20:00 subscription_starting base 01-10 00:00/01-01 00:00 357/366 = 35700",
		"01-01 00:00 subscription_periodic base 01-01 00:00/01-01 00:00 365/365 = 36600 usage 12-31 20:00/01-01 00:00")
}
