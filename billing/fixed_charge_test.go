package billing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// units are units of the plan that are set at an instant.
func units(n, setAt string, immediately bool) FixedUnits {
	return FixedUnits{Units: dec(n), SetAt: at(setAt), Immediately: immediately}
}

// of makes units those of a subscription.
func (u FixedUnits) of(s *Subscription) FixedUnits {
	u.SubscriptionID = s.ID
	return u
}

func testFixedCharge(model ChargeModel, p ChargeProperties, history ...FixedUnits) FixedCharge {
	return FixedCharge{
		ID: uuid.New(), Code: "seats", AddOn: AddOn{ID: uuid.New(), Code: "seat", Name: "Seat"},
		Model: model, Properties: p, History: history,
	}
}

func describeSegments(segments []UnitsSegment) (lines []string) {
	for _, s := range segments {
		lines = append(lines, span(s.Period)+" "+s.Units.String())
	}
	return lines
}

func TestUnitsOver(t *testing.T) {
	t.Parallel()
	s := started(t, plan30(false), Calendar, "2024-03-10T12:00:00Z", "2024-03-10T12:00:00Z", time.UTC)
	other := &Subscription{ID: uuid.New()}
	march := Period{at("2024-03-10T12:00:00Z"), at("2024-04-01T00:00:00Z")} // its first period
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	f := func(p Period, history []FixedUnits, want ...string) {
		t.Helper()
		charge := testFixedCharge(Standard, standardAt("1"), history...)
		wantTexts(t, describeSegments(charge.UnitsOver(s, &Plan{}, p)), want...)
	}
	before := units("10", "2024-01-05T00:00:00Z", false)
	f(march, nil, "03-10 12:00/04-01 00:00 0")
	f(march, []FixedUnits{before}, "03-10 12:00/04-01 00:00 10")
	// Until the subscription starts units count at once, also at that very instant.
	f(march, []FixedUnits{before, units("11", "2024-03-10T12:00:00Z", false)}, "03-10 12:00/04-01 00:00 11")

	later, now := units("12", "2024-03-20T08:00:00Z", false), units("12", "2024-03-20T08:00:00Z", true)
	f(march, []FixedUnits{before, later}, "03-10 12:00/04-01 00:00 10")
	f(april, []FixedUnits{before, later}, "04-01 00:00/05-01 00:00 12")
	f(march, []FixedUnits{before, now}, "03-10 12:00/03-20 08:00 10", "03-20 08:00/04-01 00:00 12")
	f(april, []FixedUnits{before, now}, "04-01 00:00/05-01 00:00 12")
	// Set at the boundary itself they are of the period that begins: now, or from the next one on.
	f(april, []FixedUnits{before, units("13", "2024-04-01T00:00:00Z", true)}, "04-01 00:00/05-01 00:00 13")
	f(april, []FixedUnits{before, units("13", "2024-04-01T00:00:00Z", false)}, "04-01 00:00/05-01 00:00 10")
	f(march, []FixedUnits{before, units("13", "2024-04-01T00:00:00Z", true)}, "03-10 12:00/04-01 00:00 10")
	// What was set last counts, also if it was to count earlier: 15 at once is not undone by the 12 of before.
	f(april, []FixedUnits{before, later, units("15", "2024-03-25T00:00:00Z", true)}, "04-01 00:00/05-01 00:00 15")

	// The subscription's own units count instead of the plan's, whenever those are set.
	f(march, []FixedUnits{before, now.of(s), units("99", "2024-03-25T00:00:00Z", true)},
		"03-10 12:00/03-20 08:00 10", "03-20 08:00/04-01 00:00 12")
	f(march, []FixedUnits{units("7", "2024-03-01T00:00:00Z", false).of(s), units("99", "2024-03-05T00:00:00Z", true)}, "03-10 12:00/04-01 00:00 7")
	f(march, []FixedUnits{before, now.of(other)}, "03-10 12:00/04-01 00:00 10")
	// Until its own count, the plan's do.
	mixed := []FixedUnits{before, later.of(s), units("20", "2024-03-25T00:00:00Z", true)}
	f(march, mixed, "03-10 12:00/03-25 00:00 10", "03-25 00:00/04-01 00:00 20")
	f(april, mixed, "04-01 00:00/05-01 00:00 12")
}

// A subscription that begins in the past, or will in the future, has from its start on what
// was set when it was created, or until it starts.
func TestUnitsOfOtherStarts(t *testing.T) {
	t.Parallel()
	plan, charge := plan30(false), testFixedCharge(Standard, standardAt("1"),
		units("1", "2024-01-01T00:00:00Z", false), units("2", "2024-03-05T00:00:00Z", false), units("3", "2024-03-15T00:00:00Z", false))
	backdated := started(t, plan, Calendar, "2024-03-01T00:00:00Z", "2024-03-10T00:00:00Z", time.UTC)
	march := Period{at("2024-03-01T00:00:00Z"), at("2024-04-01T00:00:00Z")}
	wantTexts(t, describeSegments(charge.UnitsOver(backdated, plan, march)), "03-01 00:00/04-01 00:00 2")

	pending := started(t, plan, Calendar, "2024-03-20T00:00:00Z", "2024-03-10T00:00:00Z", time.UTC)
	wantTexts(t, describeSegments(charge.UnitsOver(pending, plan, Period{at("2024-03-20T00:00:00Z"), march.To})), "03-20 00:00/04-01 00:00 3")

	// A sandbox's clock was set back to March after the plan had been made by the system's.
	plan.CreatedAt = at("2026-11-24T00:00:00Z")
	raised := units("5", "2024-03-25T00:00:00Z", true)
	charge.History = []FixedUnits{raised, units("4", "2026-11-24T00:00:00Z", true)}
	wantTexts(t, describeSegments(charge.UnitsOver(backdated, plan, march)), "03-01 00:00/03-25 00:00 4", "03-25 00:00/04-01 00:00 5")

	// It stood still while the plan was made with 5 and then given 6: those are what it came with.
	plan.CreatedAt = at("2024-03-01T00:00:00Z")
	charge.History = []FixedUnits{units("5", "2024-03-01T00:00:00Z", true), units("6", "2024-03-01T00:00:00Z", false)}
	wantTexts(t, describeSegments(charge.UnitsOver(backdated, plan, march)), "03-01 00:00/04-01 00:00 6")
}

func TestPriceFixedCharge(t *testing.T) {
	t.Parallel()
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")} // 30 days
	s := &Subscription{ID: uuid.New(), SubscriptionAt: at("2024-01-01T00:00:00Z"), StartedAt: ptrTo(at("2024-01-01T00:00:00Z"))}
	const jan = "2024-01-01T00:00:00Z"
	seats := standardAt("5")
	f := func(charge FixedCharge, p Period, want string) FixedChargeUsage {
		t.Helper()
		u, err := PriceFixedCharge(&charge, s, &Plan{Currency: "USD"}, p, april, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s units, %s priced, %d cents, %s each", u.Units, u.PricedUnits, u.AmountCents, u.UnitAmount); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		return u
	}
	prorated := func(charge FixedCharge) FixedCharge { charge.Prorated = true; return charge }
	ahead := func(charge FixedCharge) FixedCharge { charge.PayInAdvance = true; return charge }
	ten := testFixedCharge(Standard, seats, units("10", jan, false))
	up := testFixedCharge(Standard, seats, units("10", jan, false), units("12", "2024-04-21T10:00:00Z", true))
	second := Period{at("2024-04-16T15:00:00Z"), april.To}  // 15 days of 30: a day that is touched counts
	first := Period{april.From, at("2024-04-15T09:00:00Z")} // a termination, 15 days

	f(ten, april, "10 units, 10 priced, 5000 cents, 5 each")
	f(prorated(ten), april, "10 units, 10 priced, 5000 cents, 5 each")
	f(ten, second, "10 units, 10 priced, 5000 cents, 5 each") // not prorated: whole, however short
	f(prorated(ten), second, "10 units, 5 priced, 2500 cents, 2.5 each")
	f(prorated(ten), first, "10 units, 5 priced, 2500 cents, 2.5 each")
	// In arrears 10 seats for 20 days, 12 from the 21st on for 10: 6.666667 + 4 = 10.666667 × 5 = 53.333335.
	f(up, april, "12 units, 12 priced, 6000 cents, 5 each")
	u := f(prorated(up), april, "12 units, 10.666667 priced, 5333 cents, 4.444444583333333 each")
	if u.Segments[0].Days != 20 || u.Segments[1].Days != 10 || !u.PreciseAmount.Equal(dec("5333.3335")) {
		t.Errorf("segments %+v, precise amount %s", u.Segments, u.PreciseAmount)
	}
	// Twice on one day: the last counts for it, and 11 for no day. (10 × 20 + 12 × 10) / 30.
	twice := testFixedCharge(Standard, seats, units("10", jan, false), units("11", "2024-04-21T08:00:00Z", true), units("12", "2024-04-21T10:00:00Z", true))
	f(prorated(twice), april, "12 units, 10.666667 priced, 5333 cents, 4.444444583333333 each")
	// All given back on the 16th: 15 days of 10 are 5, and none is shown.
	gone := testFixedCharge(Standard, seats, units("10", jan, false), units("0", "2024-04-16T00:00:00Z", true))
	f(gone, april, "0 units, 0 priced, 0 cents, 0 each")
	f(prorated(gone), april, "0 units, 5 priced, 2500 cents, 0 each")
	// In advance the units of the beginning, whole or by the days of the period.
	f(ahead(up), april, "10 units, 10 priced, 5000 cents, 5 each")
	f(ahead(ten), second, "10 units, 10 priced, 5000 cents, 5 each")
	f(prorated(ahead(up)), second, "10 units, 5 priced, 2500 cents, 2.5 each")

	// Graduated: 10 × 1 + 5 flat, 2 × 0.50 + 2 flat = 18; prorated 10.666667 / 12 of 10 + 1, and 7 flat: 16.778.
	steps := tiers(tier(0, ptrTo(int64(10)), "1", "5"), tier(11, nil, "0.5", "2"))
	stairs := testFixedCharge(Graduated, steps, up.History...)
	f(stairs, april, "12 units, 12 priced, 1800 cents, 1.5 each")
	f(prorated(stairs), april, "12 units, 10.666667 priced, 1678 cents, 1.398148173611111 each")
	// Half a month of 40: half of 30 × 10 and of 10 × 5, and 150 flat are 325.
	high := testFixedCharge(Graduated, tiers(tier(0, ptrTo(int64(30)), "10", "100"), tier(31, nil, "5", "50")), units("40", jan, false))
	f(prorated(high), second, "40 units, 20 priced, 32500 cents, 8.125 each")
	// Nothing costs the first tier's flat amount all the same.
	none := f(testFixedCharge(Graduated, steps), april, "0 units, 0 priced, 500 cents, 0 each")
	if none.IsEmpty() {
		t.Error("what costs something is empty")
	}
	// Volume: the 12 seats that there are reach the second range, also where only half is priced.
	volume := testFixedCharge(Volume, ChargeProperties{VolumeRanges: []VolumeRange{VolumeRange(tier(0, ptrTo(int64(10)), "1", "0")), VolumeRange(tier(11, nil, "0.8", "3"))}},
		units("12", jan, false))
	f(volume, april, "12 units, 12 priced, 1260 cents, 1.05 each")          // 12 × 0.80 + 3
	f(prorated(volume), second, "12 units, 6 priced, 780 cents, 0.65 each") // 6 × 0.80 + 3
	if u := f(testFixedCharge(Standard, seats), april, "0 units, 0 priced, 0 cents, 0 each"); !u.IsEmpty() {
		t.Error("no units of no price are not empty")
	}
}

// The days of segments are local, however long they are, and those of the full period, also
// where a new time zone has put its beginning elsewhere.
func TestSegmentDays(t *testing.T) {
	t.Parallel()
	f := func(zoneName, from, to string, full Period, changes []string, want ...int) {
		t.Helper()
		charge := testFixedCharge(Standard, standardAt("1"))
		for _, change := range changes {
			charge.History = append(charge.History, units("1", change, true))
		}
		charge.Prorated = true
		s := &Subscription{ID: uuid.New(), StartedAt: ptrTo(at("2024-01-01T00:00:00Z"))}
		u, err := PriceFixedCharge(&charge, s, &Plan{Currency: "USD"}, Period{at(from), at(to)}, full, zone(t, zoneName))
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, s := range u.Segments {
			got = append(got, s.Days)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s from %s: days %v, want %v", zoneName, from, got, want)
		}
	}
	// New York, March 2024: the 10th has 23 hours. 03:30 UTC is the evening before.
	march := Period{at("2024-03-01T05:00:00Z"), at("2024-04-01T04:00:00Z")}
	f("America/New_York", "2024-03-01T05:00:00Z", "2024-04-01T04:00:00Z", march, []string{"2024-03-11T03:30:00Z"}, 9, 22)
	// The customer was billed until midnight UTC, and then moved to New York: five hours of February are its.
	f("America/New_York", "2024-03-01T00:00:00Z", "2024-04-01T04:00:00Z", march, nil, 31)
	f("America/New_York", "2024-03-01T00:00:00Z", "2024-04-01T04:00:00Z", march, []string{"2024-03-01T02:00:00Z"}, 0, 31)
	// And one that moved to Tokyo was billed until March was nine hours old.
	f("Asia/Tokyo", "2024-03-01T00:00:00Z", "2024-03-31T15:00:00Z", Period{at("2024-02-29T15:00:00Z"), at("2024-03-31T15:00:00Z")}, nil, 31)
}

// Whatever units are set when, prorated ones are between the least and the most of them, and
// days add up to those of the period.
func TestProratedUnitsAreBetween(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	s := &Subscription{ID: uuid.New(), StartedAt: ptrTo(at("2024-01-01T00:00:00Z"))}
	for range 500 {
		charge := testFixedCharge(Standard, standardAt("1"), units("0", "2024-01-01T00:00:00Z", false))
		charge.Prorated = true
		charge.History[0].Units = decimal.NewFromInt(random.Int64N(100))
		when := april.From.Add(-time.Hour)
		for range random.IntN(12) {
			when = when.Add(time.Duration(random.Int64N(int64(4 * dayUTC))))
			charge.History = append(charge.History, FixedUnits{Units: decimal.NewFromInt(random.Int64N(100)), SetAt: when, Immediately: random.IntN(2) == 0})
		}
		u, err := PriceFixedCharge(&charge, s, &Plan{Currency: "USD"}, april, april, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		days, least, most, end := 0, int64(math.MaxInt64), int64(0), april.From
		for _, segment := range u.Segments {
			days += segment.Days
			least, most = min(least, segment.Units.IntPart()), max(most, segment.Units.IntPart())
			if !segment.From.Equal(end) {
				t.Fatalf("seed %d: segments %+v", seed, u.Segments)
			}
			end = segment.To
		}
		if days != 30 || !end.Equal(april.To) {
			t.Fatalf("seed %d: %d days until %s", seed, days, end)
		}
		slack := decimal.New(int64(len(u.Segments)), -fixedUnitsDigits) // each segment is rounded
		if u.PricedUnits.LessThan(decimal.NewFromInt(least).Sub(slack)) || u.PricedUnits.GreaterThan(decimal.NewFromInt(most).Add(slack)) {
			t.Fatalf("seed %d: %s units of %+v", seed, u.PricedUnits, u.Segments)
		}
	}
}

func ptrTo[T any](v T) *T { return &v }

// A fixed charge that was put on the plan after the period, before a late biller came to it, was
// not there: it costs nothing, not even what no units cost. One that is paid in advance is not
// there at the beginning of the period in which it came. One of which there are no units is.
func TestFixedChargeThatCameLater(t *testing.T) {
	t.Parallel()
	steps := tiers(tier(0, ptrTo(int64(10)), "1", "5"), tier(11, nil, "0.5", "2"))
	f := func(inAdvance bool, history FixedUnits, want ...string) {
		t.Helper()
		bill := aprilPeriods(aprilBill(t, "a"))
		bill.FixedAhead, bill.FixedAheadFull = bill.Fixed, bill.FixedFull
		charge := testFixedCharge(Graduated, steps, history)
		charge.PayInAdvance = inAdvance
		bill.Plan.FixedCharges = []FixedCharge{charge}
		wantFees(t, bill, append([]string{"subscription a 1 x 21 = 2100"}, want...)...)
	}
	const none, one = "fixed_charge seat 0 x 0 = 500", "fixed_charge seat 1 x 6 = 600"
	f(false, units("1", "2024-05-01T00:00:00Z", true))
	f(false, units("1", "2024-04-30T23:59:59Z", true), one)
	f(false, units("0", "2024-04-30T23:59:59Z", true), none)
	f(true, units("1", "2024-04-10T00:00:01Z", true))
	f(true, units("1", "2024-04-09T23:59:59Z", true), one)
	f(true, units("0", "2024-04-09T23:59:59Z", true), none)
}
