package billing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// plan30 costs 30.00 a month.
func plan30(inAdvance bool) *Plan {
	return &Plan{ID: uuid.New(), Code: "p", Name: "P", Interval: Monthly, AmountCents: 3000, Currency: "USD", PayInAdvance: inAdvance}
}

// started returns a subscription created at now that begins at subscriptionAt.
func started(t *testing.T, plan *Plan, billingTime BillingTime, subscriptionAt, now string, location *time.Location) *Subscription {
	t.Helper()
	s := &Subscription{ID: uuid.New(), BillingTime: billingTime, SubscriptionAt: at(subscriptionAt)}
	if err := s.Start(plan, location, at(now)); err != nil {
		t.Fatal(err)
	}
	return s
}

// describe is a bill in one line: when, why, base fee with its days and cents, usage.
func describe(t *testing.T, b Bill) string {
	t.Helper()
	text := b.At.UTC().Format("01-02 15:04") + " " + b.Reason
	if !b.Base.IsZero() {
		cents, err := roundCents(BaseFee(b.Plan, b.BaseDays, b.BasePeriodDays))
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf(" base %s %d/%d = %d", span(b.Base), b.BaseDays, b.BasePeriodDays, cents)
	}
	if !b.Usage.IsZero() {
		text += " usage " + span(b.Usage)
	}
	if !b.Fixed.IsZero() && b.Plan.hasFixed(false) {
		text += " fixed " + span(b.Fixed)
	}
	if !b.FixedAhead.IsZero() {
		text += " ahead " + span(b.FixedAhead)
	}
	if !b.Commitment.IsZero() {
		text += fmt.Sprintf(" commitment %s %d/%d", span(b.Commitment), b.CommitmentDays, b.CommitmentPeriodDays)
	}
	return text
}

func span(p Period) string {
	return p.From.UTC().Format("01-02 15:04") + "/" + p.To.UTC().Format("01-02 15:04")
}

// bills applies what falls due up to an instant and describes it.
func bills(t *testing.T, s *Subscription, plan *Plan, location *time.Location, until string) []string {
	t.Helper()
	var lines []string
	for s.NextDueAt != nil && !s.NextDueAt.After(at(until)) {
		b, ok := NextBill(s, plan, location)
		if !ok {
			t.Fatal("no bill although one is due")
		}
		lines = append(lines, describe(t, b))
		s.Apply(b.Advance)
	}
	return lines
}

func wantBills(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("bills:")
		for _, line := range got {
			t.Errorf("  got  %s", line)
		}
		for _, line := range want {
			t.Errorf("  want %s", line)
		}
	}
}

func TestBillsInArrears(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	s := started(t, plan, Calendar, "2024-04-10T15:30:00.5Z", "2024-04-10T15:30:00.5Z", time.UTC)
	if s.Status != Active || !s.StartedAt.Equal(at("2024-04-10T15:30:00.5Z")) {
		t.Fatalf("status %s since %v", s.Status, s.StartedAt)
	}
	// From 10 to 30 April are 21 days of 1.00; usage begins with the instant.
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-10 00:00/05-01 00:00 21/30 = 2100 usage 04-10 15:30/05-01 00:00",
		"06-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 05-01 00:00/06-01 00:00")
	if err := s.Terminate(plan, time.UTC, at("2024-06-10T10:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"06-10 10:00 subscription_terminating base 06-01 00:00/06-10 10:00 10/30 = 1000 usage 06-01 00:00/06-10 10:00")
	if s.NextDueAt != nil {
		t.Errorf("still due at %s", s.NextDueAt)
	}
}

// An event may carry the start as the API shows it, to the millisecond.
func TestStartIsToTheMillisecond(t *testing.T) {
	t.Parallel()
	for _, began := range []string{"", "2024-04-10T15:30:00.123456Z"} {
		s := &Subscription{ID: uuid.New()}
		if began != "" {
			s.SubscriptionAt = at(began)
		}
		if err := s.Start(plan30(false), time.UTC, at("2024-04-10T15:30:00.123456Z")); err != nil {
			t.Fatal(err)
		}
		if want := at("2024-04-10T15:30:00.123Z"); !s.StartedAt.Equal(want) || !s.UsageBilledUntil.Equal(want) {
			t.Errorf("started %s, usage from %s", s.StartedAt, s.UsageBilledUntil)
		}
	}
}

func TestTerminatedInArrearsToTheDay(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	s := started(t, plan, Calendar, "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
	if err := s.Terminate(plan, time.UTC, at("2024-04-15T18:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"04-15 18:00 subscription_terminating base 04-01 00:00/04-15 18:00 15/30 = 1500 usage 04-01 00:00/04-15 18:00")
}

func TestBillsInAdvance(t *testing.T) {
	t.Parallel()
	plan := plan30(true)
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T16:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		"04-10 15:30 subscription_starting base 04-10 00:00/05-01 00:00 21/30 = 2100",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-10 15:30/05-01 00:00",
		"06-01 00:00 subscription_periodic base 06-01 00:00/07-01 00:00 30/30 = 3000 usage 05-01 00:00/06-01 00:00")
	if err := s.Terminate(plan, time.UTC, at("2024-06-10T10:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"06-10 10:00 subscription_terminating usage 06-01 00:00/06-10 10:00")
}

func TestBillsAnniversary(t *testing.T) {
	t.Parallel()
	// The first anniversary period is a full one, in advance as in arrears.
	advance := plan30(true)
	s := started(t, advance, Anniversary, "2023-01-31T10:00:00Z", "2023-01-31T10:00:00Z", time.UTC)
	wantBills(t, bills(t, s, advance, time.UTC, "2023-03-31T00:00:00Z"),
		"01-31 10:00 subscription_starting base 01-31 00:00/02-28 00:00 28/28 = 3000",
		"02-28 00:00 subscription_periodic base 02-28 00:00/03-31 00:00 31/31 = 3000 usage 01-31 10:00/02-28 00:00",
		"03-31 00:00 subscription_periodic base 03-31 00:00/04-30 00:00 30/30 = 3000 usage 02-28 00:00/03-31 00:00")
	arrears := plan30(false)
	s = started(t, arrears, Anniversary, "2023-01-31T10:00:00Z", "2023-01-31T10:00:00Z", time.UTC)
	wantBills(t, bills(t, s, arrears, time.UTC, "2023-03-31T00:00:00Z"),
		"02-28 00:00 subscription_periodic base 01-31 00:00/02-28 00:00 28/28 = 3000 usage 01-31 10:00/02-28 00:00",
		"03-31 00:00 subscription_periodic base 02-28 00:00/03-31 00:00 31/31 = 3000 usage 02-28 00:00/03-31 00:00")
}

// Periods that elapsed before a subscription was created are not billed.
func TestBillsBackdated(t *testing.T) {
	t.Parallel()
	const began, created = "2024-01-20T10:00:00Z", "2024-04-10T12:00:00Z"
	arrears := plan30(false)
	s := started(t, arrears, Calendar, began, created, time.UTC)
	wantBills(t, bills(t, s, arrears, time.UTC, "2024-05-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-01 00:00/05-01 00:00 30/30 = 3000 usage 04-01 00:00/05-01 00:00")
	// Within the running period: its first day counts, although it was created later.
	s = started(t, arrears, Calendar, "2024-04-08T10:00:00Z", created, time.UTC)
	wantBills(t, bills(t, s, arrears, time.UTC, "2024-05-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-08 00:00/05-01 00:00 23/30 = 2300 usage 04-08 10:00/05-01 00:00")

	advance := plan30(true)
	for _, began := range []string{began, "2024-04-08T10:00:00Z"} {
		s = started(t, advance, Calendar, began, created, time.UTC)
		from := s.UsageBilledUntil
		wantBills(t, bills(t, s, advance, time.UTC, "2024-05-01T00:00:00Z"),
			"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage "+span(Period{from, at("2024-05-01T00:00:00Z")}))
	}
	// Today, by the customer's clock: 03:00 UTC is still the day before in New York.
	ny := zone(t, "America/New_York")
	s = started(t, advance, Calendar, "2024-04-10T03:00:00Z", "2024-04-10T12:00:00Z", ny)
	wantBills(t, bills(t, s, advance, ny, "2024-04-30T00:00:00Z"))
	s = started(t, advance, Calendar, "2024-04-10T04:00:00Z", "2024-04-10T12:00:00Z", ny)
	wantBills(t, bills(t, s, advance, ny, "2024-04-30T00:00:00Z"),
		"04-10 04:00 subscription_starting base 04-10 04:00/05-01 04:00 21/30 = 2100")
}

func TestBillsOfPending(t *testing.T) {
	t.Parallel()
	const begins, created = "2024-04-10T12:00:00Z", "2024-02-01T00:00:00Z"
	arrears := plan30(false)
	s := started(t, arrears, Calendar, begins, created, time.UTC)
	if s.Status != Pending || s.StartedAt != nil {
		t.Fatalf("status %s since %v", s.Status, s.StartedAt)
	}
	wantBills(t, bills(t, s, arrears, time.UTC, begins), "04-10 12:00 ") // it only becomes active
	if s.Status != Active || !s.StartedAt.Equal(at(begins)) {
		t.Fatalf("status %s since %v", s.Status, s.StartedAt)
	}
	wantBills(t, bills(t, s, arrears, time.UTC, "2024-05-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-10 00:00/05-01 00:00 21/30 = 2100 usage 04-10 12:00/05-01 00:00")

	advance := plan30(true)
	s = started(t, advance, Calendar, begins, created, time.UTC)
	wantBills(t, bills(t, s, advance, time.UTC, "2024-05-01T00:00:00Z"),
		"04-10 12:00 subscription_starting base 04-10 00:00/05-01 00:00 21/30 = 2100",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-10 12:00/05-01 00:00")

	s = started(t, advance, Calendar, begins, created, time.UTC)
	if err := s.Cancel(at("2024-03-01T00:00:00Z")); err != nil || s.Status != Canceled || s.NextDueAt != nil {
		t.Errorf("cancel: %v, status %s, due %v", err, s.Status, s.NextDueAt)
	}
	if err := s.Cancel(at("2024-03-01T00:00:00Z")); !IsNotFound(err) {
		t.Errorf("second cancel: %v", err)
	}
	if err := s.Terminate(advance, time.UTC, at("2024-03-01T00:00:00Z"), false); !IsNotFound(err) {
		t.Errorf("terminate: %v", err)
	}
}

func TestBillsToEnding(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	end := func(text string) *Subscription {
		endingAt := at(text)
		s := &Subscription{ID: uuid.New(), SubscriptionAt: at("2024-04-01T00:00:00Z"), EndingAt: &endingAt}
		if err := s.Start(plan, time.UTC, at("2024-04-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := end("2024-05-20T06:00:00Z")
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-01 00:00/05-01 00:00 30/30 = 3000 usage 04-01 00:00/05-01 00:00",
		// 20 of 31 days: 19.3548…
		"05-20 06:00 subscription_terminating base 05-01 00:00/05-20 06:00 20/31 = 1935 usage 05-01 00:00/05-20 06:00")
	if s.Status != Terminated || !s.TerminatedAt.Equal(*s.EndingAt) {
		t.Errorf("status %s at %v", s.Status, s.TerminatedAt)
	}
	s = end("2024-05-01T00:00:00Z") // at a boundary: one bill, and nothing of May
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"05-01 00:00 subscription_terminating base 04-01 00:00/05-01 00:00 30/30 = 3000 usage 04-01 00:00/05-01 00:00")
	s = end("2024-04-20T00:00:00Z") // terminated late: it ended when it was to end
	if err := s.Terminate(plan, time.UTC, at("2024-04-20T00:05:00Z"), false); err != nil || !s.TerminatedAt.Equal(*s.EndingAt) {
		t.Errorf("terminated at %v, %v", s.TerminatedAt, err)
	}

	early := at("2024-03-31T00:00:00Z")
	s = &Subscription{SubscriptionAt: at("2024-04-01T00:00:00Z"), EndingAt: &early}
	if err := s.Start(plan, time.UTC, at("2024-03-01T00:00:00Z")); err == nil || err.Error() != "ending_at: invalid_date" {
		t.Errorf("ending before the start: %v", err)
	}
}

// A termination while the last whole period waits for the billing delay leaves two bills.
func TestTerminateBeforePeriodIsBilled(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	whole := "05-01 00:00 subscription_periodic base 04-01 00:00/05-01 00:00 30/30 = 3000 usage 04-01 00:00/05-01 00:00"
	for _, skip := range []bool{false, true} {
		s := started(t, plan, Calendar, "2024-04-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
		if err := s.Terminate(plan, time.UTC, at("2024-05-01T00:05:00Z"), skip); err != nil {
			t.Fatal(err)
		}
		got := bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z")
		if skip {
			wantBills(t, got, whole)
		} else {
			wantBills(t, got, whole, "05-01 00:05 subscription_terminating base 05-01 00:00/05-01 00:05 1/31 = 97 usage 05-01 00:00/05-01 00:05")
		}
		if s.Status != Terminated || s.NextDueAt != nil {
			t.Errorf("status %s, due %v", s.Status, s.NextDueAt)
		}
	}
	// Exactly at the boundary, a skipped final invoice still has the whole period.
	s := started(t, plan, Calendar, "2024-04-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
	if err := s.Terminate(plan, time.UTC, at("2024-05-01T00:00:00Z"), true); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"05-01 00:00 subscription_terminating base 04-01 00:00/05-01 00:00 30/30 = 3000 usage 04-01 00:00/05-01 00:00")
}

func TestTerminateSkippingTheFinalInvoice(t *testing.T) {
	t.Parallel()
	for _, inAdvance := range []bool{false, true} {
		plan := plan30(inAdvance)
		s := started(t, plan, Calendar, "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
		if err := s.Terminate(plan, time.UTC, at("2024-04-15T18:00:00Z"), true); err != nil {
			t.Fatal(err)
		}
		if s.Status != Terminated || s.NextDueAt != nil {
			t.Errorf("status %s, due %v", s.Status, s.NextDueAt)
		}
	}
}

// Moving the customer to another time zone moves the next boundary. It makes no short
// period of some hours, no second base fee, and loses or doubles no instant.
func TestBillsAcrossZoneChange(t *testing.T) {
	t.Parallel()
	ny := zone(t, "America/New_York")
	arrears := plan30(false)
	s := started(t, arrears, Calendar, "2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z", time.UTC)
	bills(t, s, arrears, time.UTC, "2024-03-01T00:00:00Z")
	wantBills(t, bills(t, s, arrears, ny, "2024-05-01T12:00:00Z"),
		"04-01 00:00 ", // only moves to the new boundary
		"04-01 04:00 subscription_periodic base 03-01 00:00/04-01 04:00 31/31 = 3000 usage 03-01 00:00/04-01 04:00",
		"05-01 04:00 subscription_periodic base 04-01 04:00/05-01 04:00 30/30 = 3000 usage 04-01 04:00/05-01 04:00")
	wantBills(t, bills(t, s, arrears, time.UTC, "2024-06-01T12:00:00Z"), // and back east
		"06-01 00:00 subscription_periodic base 05-01 04:00/06-01 00:00 31/31 = 3000 usage 05-01 04:00/06-01 00:00")

	advance := plan30(true)
	s = started(t, advance, Calendar, "2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, advance, time.UTC, "2024-02-15T00:00:00Z"),
		"02-01 00:00 subscription_starting base 02-01 00:00/03-01 00:00 29/29 = 3000")
	// Seen from New York it began on 31 January, but its first period ends where it was to.
	wantBills(t, bills(t, s, advance, ny, "2024-04-01T12:00:00Z"),
		"03-01 00:00 ",
		"03-01 05:00 subscription_periodic base 03-01 00:00/04-01 04:00 31/31 = 3000 usage 02-01 00:00/03-01 05:00",
		"04-01 04:00 subscription_periodic base 04-01 04:00/05-01 04:00 30/30 = 3000 usage 03-01 05:00/04-01 04:00")
}

// A customer that moves west right after a boundary was billed is back in the month
// before, which has been paid: a termination there pays its day, not that month again.
func TestTerminateAfterZoneChangeWest(t *testing.T) {
	t.Parallel()
	ny := zone(t, "America/New_York")
	plan := plan30(false)
	s := started(t, plan, Calendar, "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-01T00:10:00Z"),
		"04-01 00:00 subscription_periodic base 03-01 00:00/04-01 00:00 31/31 = 3000 usage 03-01 00:00/04-01 00:00")
	if err := s.Terminate(plan, ny, at("2024-04-01T02:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, ny, "2025-01-01T00:00:00Z"),
		// 31 March in New York, one of 31 days: 30.00 / 31 = 0.9677
		"04-01 02:00 subscription_terminating base 04-01 00:00/04-01 02:00 1/31 = 97 usage 04-01 00:00/04-01 02:00")
}

// A customer that begins in the last hours of a month and moves to where the next has
// begun already still pays that month ahead, when the month before has ended for it.
func TestInAdvanceAcrossZoneChangeEast(t *testing.T) {
	t.Parallel()
	tokyo := zone(t, "Asia/Tokyo")
	plan := plan30(true)
	s := started(t, plan, Calendar, "2024-04-30T20:00:00Z", "2024-04-30T20:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-30T20:00:00Z"),
		"04-30 20:00 subscription_starting base 04-30 00:00/05-01 00:00 1/30 = 100")
	if got := span(s.UsagePeriodAt(at("2024-04-30T22:00:00Z"), plan, tokyo)); got != "04-30 20:00/05-01 00:00" {
		t.Errorf("running period %s", got)
	}
	wantBills(t, bills(t, s, plan, tokyo, "2024-06-15T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 05-01 00:00/05-31 15:00 31/31 = 3000 usage 04-30 20:00/05-01 00:00",
		"05-31 15:00 subscription_periodic base 05-31 15:00/06-30 15:00 30/30 = 3000 usage 05-01 00:00/05-31 15:00")
}

// drawPlan draws a plan with any interval and any of what plans can say about periods.
func drawPlan(t *rapid.T) *Plan {
	plan := plan30(rapid.Bool().Draw(t, "in advance"))
	plan.Interval = rapid.SampledFrom(allIntervals).Draw(t, "interval")
	plan.BillChargesMonthly = rapid.Bool().Draw(t, "charges monthly")
	plan.BillFixedChargesMonthly = rapid.Bool().Draw(t, "fixed charges monthly")
	for _, inAdvance := range []bool{true, false} {
		if rapid.Bool().Draw(t, fmt.Sprintf("fixed charge in advance %t", inAdvance)) {
			withFixed(plan, inAdvance)
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "trial") == 0 {
		plan.TrialDays = decimal.New(rapid.Int64Range(1, 200_00).Draw(t, "hundredths of days of trial"), -2)
	}
	if rapid.Bool().Draw(t, "commitment") {
		withCommitment(plan)
	}
	return plan
}

// drawSubscription draws one of the plan that is created at an instant.
func drawSubscription(t *rapid.T, plan *Plan, location *time.Location, created time.Time) *Subscription {
	s := &Subscription{
		ID:             uuid.New(),
		BillingTime:    rapid.SampledFrom([]BillingTime{Calendar, Anniversary}).Draw(t, "billing time"),
		SubscriptionAt: created.Add(time.Duration(rapid.IntRange(-100*24*60, 100*24*60).Draw(t, "start")) * time.Minute),
	}
	if rapid.Bool().Draw(t, "starts now") {
		s.SubscriptionAt = created
	}
	if rapid.Bool().Draw(t, "has begun before") {
		first := s.SubscriptionAt.Add(-time.Duration(rapid.IntRange(0, 100*24*60).Draw(t, "first start")) * time.Minute)
		s.InitialStartedAt = &first
	}
	if rapid.Bool().Draw(t, "ends") {
		endingAt := later(created, s.SubscriptionAt).Add(time.Duration(rapid.IntRange(1, 500*24*60).Draw(t, "end")) * time.Minute)
		s.EndingAt = &endingAt
	}
	if err := s.Start(plan, location, created); err != nil {
		t.Fatal(err)
	}
	return s
}

// coverage follows what the bills of one subscription cover.
type coverage struct {
	t    *rapid.T
	plan *Plan
	s    *Subscription
	BilledUntil
	last   time.Time // instant of the last invoice
	edited bool      // fixed charges came or went meanwhile
}

// edit takes the fixed charges off the plan, or puts one on it.
func (c *coverage) edit(inAdvance bool) {
	c.edited = true
	if len(c.plan.FixedCharges) > 0 {
		c.plan.FixedCharges = nil
		return
	}
	withFixed(c.plan, inAdvance)
}

// take checks that a bill covers what comes next, and nothing else.
func (c *coverage) take(b Bill, location *time.Location) {
	if b.Invoiced() && !b.At.After(c.last) {
		// It may end right after a bill, and in another time zone a boundary may come to lie
		// before the end of a trial.
		ends := b.Reason == ReasonTerminating && b.At.Equal(c.last)
		trial, ok := c.s.TrialEnd(c.plan)
		// Whoever moves back and forth and ends within the first hours may see a boundary again.
		fresh := c.last.Sub(*c.s.StartedAt) <= 2*zoneShiftMax
		if !ends && !fresh && !(ok && c.last.Equal(trial) && c.last.Sub(b.At) <= zoneShiftMonthMax) {
			c.t.Fatalf("bill of %s after that of %s", b.At, c.last)
		}
	}
	if b.Invoiced() {
		c.last = later(c.last, b.At)
	}
	c.Usage = follow(c.t, "usage", c.Usage, b.Usage)
	c.Fixed = follow(c.t, "fixed charges", c.Fixed, b.Fixed)
	if c.edited && b.FixedAhead.From.After(c.FixedAhead) {
		c.FixedAhead = b.FixedAhead.From // there were none for a while
	}
	c.FixedAhead = follow(c.t, "fixed charges in advance", c.FixedAhead, b.FixedAhead)
	if trial, ok := c.s.TrialEnd(c.plan); ok && b.Base.From.After(c.Base) && c.Base.Before(trial) {
		// All before the trial's end was free, or before where it ended in the zone of that day.
		if late := b.Base.From.Sub(DayStart(trial, location)); late >= 0 && late < zoneShiftMonthMax {
			c.Base = b.Base.From
		}
	}
	c.Base = follow(c.t, "base", c.Base, b.Base)
	c.checkDays(b, location)
	c.checkLengths(b)
	if b.Reason == ReasonPeriodic && b.Base.IsZero() && b.Usage.IsZero() && b.Fixed.IsZero() && b.FixedAhead.IsZero() {
		c.t.Fatalf("bill of %s covers nothing", b.At)
	}
}

// checkDays checks the days of a base fee: what is paid for is what is covered, but for what a
// change of zones moves (from 27 February to 1 March and some hours at most), and a period in
// which the subscription neither begins nor ends is always paid whole.
func (c *coverage) checkDays(b Bill, location *time.Location) {
	if b.BaseDays > b.BasePeriodDays || (b.BaseDays == 0) != b.Base.IsZero() {
		c.t.Fatalf("%d of %d days for %s", b.BaseDays, b.BasePeriodDays, span(b.Base))
	}
	if over := b.BaseDays - b.Base.Days(location); over < -5 || over > 5 {
		c.t.Fatalf("%d days are paid for %s", b.BaseDays, span(b.Base))
	}
	trial, ok := c.s.TrialEnd(c.plan)
	begins := b.Base.IsZero() || !b.Base.From.After(*c.s.StartedAt) || ok && !DayStart(trial, location).Before(b.Base.From.Add(-zoneShiftMonthMax))
	if !begins && b.Reason != ReasonTerminating && b.BaseDays != b.BasePeriodDays {
		c.t.Fatalf("%d of %d days are paid for %s", b.BaseDays, b.BasePeriodDays, span(b.Base))
	}
}

// checkLengths checks that no change of zones makes a short or a long period.
func (c *coverage) checkLengths(b Bill) {
	for _, covered := range []struct {
		Period
		interval Interval
	}{{b.Usage, c.plan.usageInterval()}, {b.Fixed, c.plan.fixedInterval()}, {b.FixedAhead, c.plan.fixedInterval()}, {b.Base, c.plan.Interval}} {
		shortest, longest := 7*dayUTC, 7*dayUTC
		if months := covered.interval.months(); months > 0 {
			shortest, longest = time.Duration(months*28)*dayUTC, time.Duration(months*31)*dayUTC
		}
		length := covered.To.Sub(covered.From)
		if length > longest+zoneShiftMonthMax {
			c.t.Fatalf("%s covers %s", covered.interval, span(covered.Period))
		}
		trial, ok := c.s.TrialEnd(c.plan)
		ends := c.s.TerminatedAt != nil && !c.s.TerminatedAt.After(b.At)
		whole := covered.From.After(*c.s.StartedAt) && !ends && (!ok || covered.From.After(trial))
		// Not the one that follows a first period which another zone has put before the beginning.
		if whole && length < shortest-zoneShiftMonthMax && covered.From.Sub(*c.s.StartedAt) > zoneShiftMax {
			c.t.Fatalf("%s covers %s only", covered.interval, span(covered.Period))
		}
	}
}

// Whatever a plan says and whatever happens to a subscription, each instant of its base fee,
// usage and fixed charges is billed once and none is left out.
func TestBillsCoverEveryInstantOnce(t *testing.T) {
	t.Parallel()
	for range 20 { // a hundred subscriptions each
		rapid.Check(t, checkCoverage)
	}
}

func checkCoverage(t *rapid.T) {
	plan := drawPlan(t)
	location := zone(t, rapid.SampledFrom(nastyZones).Draw(t, "zone"))
	s := drawSubscription(t, plan, location, drawInstant(t, "created"))
	covered := coverage{t: t, plan: plan, s: s, BilledUntil: s.BilledUntil()}
	now := s.CreatedAt
	for range 20 {
		if rapid.IntRange(0, 9).Draw(t, "moves") == 0 {
			location = zone(t, rapid.SampledFrom(nastyZones).Draw(t, "new zone"))
		}
		if s.Status == Active && rapid.IntRange(0, 9).Draw(t, "terminates") == 0 {
			now = later(later(s.UsageBilledUntil, s.FixedBilledUntil), now).Add(time.Duration(rapid.IntRange(0, 40*24*60).Draw(t, "terminated after")) * time.Minute)
			if err := s.Terminate(plan, location, now, rapid.Bool().Draw(t, "skips")); err != nil {
				t.Fatal(err)
			}
		}
		if rapid.IntRange(0, 19).Draw(t, "edits") == 0 {
			covered.edit(rapid.Bool().Draw(t, "fixed charge in advance"))
		}
		b, ok := NextBill(s, plan, location)
		if !ok {
			break
		}
		if a := b.Advance; a.From != s.BilledUntil() || a.FromStatus != s.Status || !a.FromNextDueAt.Equal(*s.NextDueAt) {
			t.Fatalf("advance from %+v, subscription is %+v", a, s)
		}
		// A fixed charge that came meanwhile may fall due at a boundary before an end that is due.
		if early := s.NextDueAt.Sub(b.At); early < 0 || !covered.edited && (early > zoneShiftMonthMax || s.BillingTime == Calendar && early > zoneShiftMax) {
			t.Fatalf("bill of %s was due at %s", b.At, s.NextDueAt)
		}
		if next := b.Advance.NextDueAt; next != nil && !next.After(b.At) {
			t.Fatalf("after the bill of %s comes that of %s", b.At, next)
		}
		before := s.BilledUntil()
		s.Apply(b.Advance)
		if s.BaseBilledUntil.Before(before.Base) || s.UsageBilledUntil.Before(before.Usage) ||
			s.FixedBilledUntil.Before(before.Fixed) || s.FixedAheadBilledUntil.Before(before.FixedAhead) {
			t.Fatalf("from %+v back to %+v", before, s.BilledUntil())
		}
		covered.take(b, location)
		now = later(now, b.At)
	}
	if s.NextDueAt == nil {
		covered.checkEnd()
	}
}

// checkEnd checks that nothing is left out when nothing more is due.
func (c *coverage) checkEnd() {
	s := c.s
	if s.Status != Terminated || s.TerminatedAt == nil || c.Usage.After(*s.TerminatedAt) || c.Fixed.After(*s.TerminatedAt) {
		c.t.Fatalf("nothing more due, status %s at %v, billed until %+v", s.Status, s.TerminatedAt, c.BilledUntil)
	}
	base := s.BaseBilledUntil // also over a trial
	if c.plan.PayInAdvance {  // up to a boundary that a change of zones may have moved since
		base = base.AddDate(0, 0, 5)
	}
	if s.InTrial(c.plan, s.TerminatedAt.Add(-1)) && c.plan.PayInAdvance {
		base = *s.TerminatedAt
	}
	if !s.SkipFinalInvoice && (c.Usage.Before(*s.TerminatedAt) || c.Fixed.Before(*s.TerminatedAt) || base.Before(*s.TerminatedAt)) {
		c.t.Fatalf("ended at %s, billed until %+v", s.TerminatedAt, c.BilledUntil)
	}
}

func follow(t *rapid.T, what string, until time.Time, p Period) time.Time {
	if p.IsZero() {
		return until
	}
	if !p.From.Equal(until) || !p.From.Before(p.To) {
		t.Fatalf("%s billed until %s, then [%s, %s)", what, until, p.From, p.To)
	}
	return p.To
}

// The running period is the one that the invoice will have, and so are its days.
func TestUsagePeriodAt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan := drawPlan(t)
		location := zone(t, rapid.SampledFrom(nastyZones).Draw(t, "zone"))
		s := drawSubscription(t, plan, location, drawInstant(t, "created"))
		if s.Status == Pending {
			b, _ := NextBill(s, plan, location)
			s.Apply(b.Advance)
		}
		if rapid.Bool().Draw(t, "moves") {
			location = zone(t, rapid.SampledFrom(nastyZones).Draw(t, "new zone"))
		}
		before := *s
		for range 12 {
			b, ok := NextBill(s, plan, location)
			if !ok && s.EndingAt != nil {
				break
			}
			if !ok {
				t.Fatal("no bill")
			}
			s.Apply(b.Advance)
			if b.Usage.IsZero() {
				continue
			}
			for _, instant := range []time.Time{b.Usage.From, b.Usage.To.Add(-1)} {
				got := before.UsagePeriodAt(instant, plan, location)
				if got != b.Usage {
					t.Fatalf("usage period at %s is %v, the invoice has %v", instant, got, b.Usage)
				}
				if full := before.FullUsagePeriod(got, plan, location); full != b.UsageFull {
					t.Fatalf("it is a part of %v, the invoice says of %v", full, b.UsageFull)
				}
			}
		}
	})
}

func TestBasePeriodAt(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	f := func(instant, want string) {
		t.Helper()
		if got := span(s.BasePeriodAt(at(instant), plan, time.UTC)); got != want {
			t.Errorf("base period at %s is %s, want %s", instant, got, want)
		}
	}
	f("2024-04-20T00:00:00Z", "04-10 00:00/05-01 00:00")
	f("2024-05-20T00:00:00Z", "05-01 00:00/06-01 00:00")
	endingAt := at("2024-05-25T12:00:00Z")
	s.EndingAt = &endingAt
	f("2024-05-20T00:00:00Z", "05-01 00:00/05-25 12:00")
	// No biller has ended it yet.
	f("2024-07-20T00:00:00Z", "05-01 00:00/05-25 12:00")
	if got := span(s.UsagePeriodAt(at("2024-07-20T00:00:00Z"), plan, time.UTC)); got != "05-01 00:00/05-25 12:00" {
		t.Errorf("usage period after the end is %s", got)
	}
}
