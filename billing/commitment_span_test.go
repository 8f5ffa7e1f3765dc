package billing

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// withCommitment gives the plan a minimum commitment.
func withCommitment(plan *Plan) *Plan {
	plan.Commitment = &MinimumCommitment{AmountCents: 10000}
	return plan
}

// In arrears a commitment is settled with the interval, also when that is cut short.
func TestCommitmentInArrears(t *testing.T) {
	t.Parallel()
	plan := withCommitment(plan30(false))
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-10 00:00/05-01 00:00 21/30 = 2100 usage 04-10 15:30/05-01 00:00 commitment 04-10 00:00/05-01 00:00 21/30",
		"06-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 05-01 00:00/06-01 00:00 commitment 05-01 00:00/06-01 00:00 31/31")
	if err := s.Terminate(plan, time.UTC, at("2024-06-10T08:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"06-10 08:00 subscription_terminating base 06-01 00:00/06-10 08:00 10/30 = 1000 usage 06-01 00:00/06-10 08:00 commitment 06-01 00:00/06-10 08:00 10/30")
}

// In advance it is settled by the next interval's bill, which looks back; never by the first.
func TestCommitmentInAdvance(t *testing.T) {
	t.Parallel()
	plan := withCommitment(plan30(true))
	s := started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-10T15:30:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"),
		"04-10 15:30 subscription_starting base 04-10 00:00/05-01 00:00 21/30 = 2100",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-10 15:30/05-01 00:00 commitment 04-10 00:00/05-01 00:00 21/30")
	if err := s.Terminate(plan, time.UTC, at("2024-05-10T08:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		"05-10 08:00 subscription_terminating usage 05-01 00:00/05-10 08:00 commitment 05-01 00:00/05-10 08:00 10/31")

	// Created in the midst of April: nothing was billed for it, and nothing is settled.
	s = started(t, plan, Calendar, "2024-04-10T15:30:00Z", "2024-04-20T00:00:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-06-01T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-10 15:30/05-01 00:00",
		"06-01 00:00 subscription_periodic base 06-01 00:00/07-01 00:00 30/30 = 3000 usage 05-01 00:00/06-01 00:00 commitment 05-01 00:00/06-01 00:00 31/31")
}

// A trial may make the first invoice one that looks back already: it settles nothing. The next one
// does, for all days of its interval.
func TestCommitmentAfterATrial(t *testing.T) {
	t.Parallel()
	plan := withTrial(withCommitment(plan30(true)), 45)
	s := started(t, plan, Calendar, "2024-03-05T12:12:00Z", "2024-03-05T12:12:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"),
		"04-01 00:00 subscription_periodic usage 03-05 12:12/04-01 00:00",
		// 19 to 30 April are 12 days of 1.00.
		"04-19 12:12 subscription_starting base 04-19 00:00/05-01 00:00 12/30 = 1200",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-01 00:00/05-01 00:00 commitment 04-01 00:00/05-01 00:00 30/30")
	// With a fixed charge in advance the first one was that of the start.
	withFixed(plan, true)
	s = started(t, plan, Calendar, "2024-03-05T12:12:00Z", "2024-03-05T12:12:00Z", time.UTC)
	wantBills(t, bills(t, s, plan, time.UTC, "2024-04-01T00:00:00Z"),
		"03-05 12:12 subscription_starting ahead 03-05 00:00/04-01 00:00",
		// 5 to 31 March are 27 days.
		"04-01 00:00 subscription_periodic usage 03-05 12:12/04-01 00:00 ahead 04-01 00:00/05-01 00:00 commitment 03-05 00:00/04-01 00:00 27/31")
}

// With usage each month, a yearly commitment is settled once a year, also during a trial.
func TestCommitmentOfAYearWithMonthlyUsage(t *testing.T) {
	t.Parallel()
	for _, inAdvance := range []bool{false, true} {
		plan := withTrial(withCommitment(planOf(Yearly, 12000, inAdvance)), 10000)
		plan.BillChargesMonthly = true
		s := started(t, plan, Calendar, "2023-11-20T10:00:00Z", "2023-11-20T10:00:00Z", time.UTC)
		wantBills(t, bills(t, s, plan, time.UTC, "2024-02-01T00:00:00Z"),
			"12-01 00:00 subscription_periodic usage 11-20 10:00/12-01 00:00",
			"01-01 00:00 subscription_periodic usage 12-01 00:00/01-01 00:00 commitment 11-20 00:00/01-01 00:00 42/365",
			"02-01 00:00 subscription_periodic usage 01-01 00:00/02-01 00:00")
		if err := s.Terminate(plan, time.UTC, at("2024-02-10T08:00:00Z"), false); err != nil {
			t.Fatal(err)
		}
		wantBills(t, bills(t, s, plan, time.UTC, "2026-01-01T00:00:00Z"),
			"02-10 08:00 subscription_terminating usage 02-01 00:00/02-10 08:00 commitment 01-01 00:00/02-10 08:00 41/366")
	}
}

// Every fee counts for exactly one commitment: by where its period begins.
func TestCommitmentFees(t *testing.T) {
	t.Parallel()
	ny, tokyo := zone(t, "America/New_York"), zone(t, "Asia/Tokyo")
	for _, plan := range []*Plan{
		withCommitment(withFixed(withFixed(plan30(true), true), false)),
		withCommitment(withFixed(withFixed(plan30(false), true), false)),
		withCommitment(withTrial(withFixed(plan30(true), true), 5)),
	} {
		for _, moves := range [][]*time.Location{
			{time.UTC, time.UTC, time.UTC, time.UTC, time.UTC},
			{time.UTC, ny, tokyo, ny, time.UTC},
			{tokyo, time.UTC, ny, ny, tokyo},
			{ny, tokyo, tokyo, time.UTC, ny},
		} {
			s := started(t, plan, Calendar, "2024-04-20T12:00:00Z", "2024-04-20T12:00:00Z", moves[0])
			var settled, begun []Period // spans, and what was billed for periods
			for i := range 20 {
				b, _ := NextBill(s, plan, moves[min(i, 4)])
				begun = append(begun, b.Base, b.Usage, b.Fixed, b.FixedAhead)
				if !b.Commitment.IsZero() {
					settled = append(settled, b.CommitmentFees)
				}
				s.Apply(b.Advance)
			}
			for _, p := range begun {
				var count int
				for _, span := range settled {
					if !p.From.Before(span.From) && p.From.Before(span.To) {
						count++
					}
				}
				last := settled[len(settled)-1]
				if !p.IsZero() && count != 1 && p.From.Before(last.To) {
					t.Errorf("in advance %t, %v: what begins at %s counts for %d commitments", plan.PayInAdvance, moves, p.From, count)
				}
			}
		}
	}
}

// A subscription that ends at the instant at which it starts, as the clock of a sandbox allows:
// the base fee of its day counts, although fixed charges are paid for the period that begins.
func TestCommitmentOfAnInstant(t *testing.T) {
	t.Parallel()
	plan := withCommitment(withFixed(plan30(false), true))
	const noon = "2024-04-20T12:00:00Z"
	s := started(t, plan, Calendar, noon, noon, time.UTC)
	if err := s.Terminate(plan, time.UTC, at(noon), false); err != nil {
		t.Fatal(err)
	}
	b, ok := NextBill(s, plan, time.UTC)
	if !ok || b.Base.IsZero() || b.FixedAhead.IsZero() || b.CommitmentDays != 1 || !b.countsForCommitment(b.Base) {
		t.Errorf("the base fee of %s is not in %s", span(b.Base), span(b.CommitmentFees))
	}
}

// A subscription that began in the last hours of April has begun on the 1 May, seen from the
// zone that its customer moves to later. What was settled with April is not of May, too.
func TestCommitmentAfterAZoneChange(t *testing.T) {
	t.Parallel()
	for _, inAdvance := range []bool{false, true} {
		plan := withCommitment(plan30(inAdvance))
		s := started(t, plan, Calendar, "2024-05-01T02:00:00Z", "2024-05-01T02:00:00Z", zone(t, "America/New_York"))
		var begun, settled []Period
		for location := zone(t, "America/New_York"); len(settled) < 2; {
			b, _ := NextBill(s, plan, location)
			s.Apply(b.Advance)
			begun = append(begun, b.Base, b.Usage)
			if !b.Commitment.IsZero() {
				settled = append(settled, b.CommitmentFees)
				location = time.UTC
			}
		}
		for _, p := range begun {
			april, may := Bill{CommitmentFees: settled[0]}, Bill{CommitmentFees: settled[1]}
			if !p.IsZero() && april.countsForCommitment(p) && may.countsForCommitment(p) {
				t.Errorf("in advance %t: %s counts for both", inAdvance, span(p))
			}
		}
	}
}

// Who ends in the hours by which a boundary has moved ends in a period that has been settled,
// seen from the new zone. That one's fees count no more.
func TestCommitmentOfTheHoursOfAZoneChange(t *testing.T) {
	t.Parallel()
	plan := withCommitment(plan30(false))
	s := started(t, plan, Calendar, "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", time.UTC)
	var april Bill
	for range 2 { // March, too
		april, _ = NextBill(s, plan, time.UTC)
		s.Apply(april.Advance)
	}
	ny := zone(t, "America/New_York")
	if err := s.Terminate(plan, ny, at("2024-05-01T02:00:00Z"), false); err != nil {
		t.Fatal(err)
	}
	b, _ := NextBill(s, plan, ny)
	if b.CommitmentDays != 1 || b.countsForCommitment(april.Base) || !b.countsForCommitment(b.Base) {
		t.Errorf("%d days of %s, fees of %s", b.CommitmentDays, span(b.Commitment), span(b.CommitmentFees))
	}
}

// No fee counts for two commitments, and where no zone changes each counts for that of the
// interval in which it begins. The zone changes once at most, and not where what is counted may
// begin in the very hours by which that moves a boundary: of a trial's end, of fixed charges that
// are paid ahead, and of a plan in advance with months in its interval.
func TestCommitmentsCountFeesOnce(t *testing.T) {
	t.Parallel()
	for range 10 { // a hundred subscriptions each
		rapid.Check(t, checkCommitments)
	}
}

func checkCommitments(t *rapid.T) {
	plan := withCommitment(drawPlan(t))
	location := zone(t, rapid.SampledFrom(nastyZones).Draw(t, "zone"))
	moves := !plan.TrialDays.IsPositive() && !plan.hasFixed(true) && !(plan.PayInAdvance && plan.Interval.HasMonthly())
	s := drawSubscription(t, plan, location, drawInstant(t, "created"))
	counted := map[Period]int{} // what was billed for periods: in how many commitments
	movesBefore := rapid.IntRange(0, 19).Draw(t, "moves before bill")
	for i := range 20 {
		if moves && i == movesBefore {
			location = zone(t, rapid.SampledFrom(nastyZones).Draw(t, "new zone"))
		}
		b, ok := NextBill(s, plan, location)
		if !ok {
			break
		}
		s.Apply(b.Advance)
		for _, p := range []Period{b.Base, b.Usage, b.Fixed, b.FixedAhead} {
			if !p.IsZero() {
				counted[p] += 0
			}
		}
		for p := range counted {
			if b.countsForCommitment(p) {
				counted[p]++
			} else if !moves && !p.From.Before(b.Commitment.From) && p.From.Before(b.Commitment.To) {
				t.Fatalf("%s is not in the commitment of %s", span(p), span(b.Commitment))
			}
			if counted[p] > 1 {
				t.Fatalf("%s counts again for the commitment of %s", span(p), span(b.Commitment))
			}
		}
	}
}
