package billing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestMinimumMissing(t *testing.T) {
	t.Parallel()
	f := func(amountCents int64, days, periodDays int, billedCents, want int64) {
		t.Helper()
		m := Minimum{AmountCents: amountCents, Days: days, PeriodDays: periodDays, BilledCents: billedCents}
		if got, err := m.Missing(); err != nil || got != want {
			t.Errorf("%+v: %d missing, %v; want %d", m, got, err, want)
		}
	}
	f(1000, 15, 30, 320, 180) // 10.00 × 15/30 = 5.00, less 3.20
	f(1000, 30, 30, 320, 680) // a whole period
	f(1000, 15, 30, 500, 0)   // just reached
	f(1000, 15, 30, 9999, 0)  // never negative
	f(1000, 25, 28, 800, 93)  // 892.857… → 893, less 800
	f(1000, 1, 3, 333, 0)     // 333.33… → 333
	f(1001, 1, 2, 0, 501)     // 500.5, half away from zero
	f(math.MaxInt64, 30, 30, 0, math.MaxInt64)
	if missing, err := (&Minimum{AmountCents: 1}).Missing(); err == nil {
		t.Errorf("%d missing of a period without days", missing)
	}
}

// describeFees is a line for each fee of an invoice.
func describeFees(inv *Invoice) []string {
	var lines []string
	place := map[uuid.UUID]int{}
	for i, fee := range inv.Fees {
		place[fee.ID] = i
		text := fmt.Sprintf("%s %s %s x %s = %d", fee.Type, fee.ItemCode, fee.Units, fee.UnitAmount, fee.AmountCents)
		if fee.TrueUpParentID != uuid.Nil {
			text += fmt.Sprint(" for ", place[fee.TrueUpParentID])
		}
		lines = append(lines, text)
	}
	return lines
}

// aprilPeriods sets what the bill of April lies in, from April 10 on, 21 of 30 days.
func aprilPeriods(b PricedBill) PricedBill {
	b.UsageFull = Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	b.Fixed, b.FixedFull = b.Usage, b.UsageFull
	return b
}

func wantFees(t *testing.T, bill PricedBill, want ...string) *Invoice {
	t.Helper()
	inv, snapshots, err := Assemble(assembly(bill))
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, describeFees(inv), want...)
	var sum int64
	for _, fee := range inv.Fees {
		sum += fee.AmountCents
		if !fee.PreciseAmount.Round(0).Equal(dec(fmt.Sprint(fee.AmountCents))) {
			t.Errorf("%s fee of %d cents is %s before rounding", fee.Type, fee.AmountCents, fee.PreciseAmount)
		}
	}
	if inv.FeesAmountCents != sum {
		t.Errorf("fees come to %d, the invoice says %d", sum, inv.FeesAmountCents)
	}
	for _, snapshot := range snapshots { // each names a fee that is there, and none a true-up
		for _, fee := range inv.Fees {
			if snapshot.FeeID != nil && fee.ID == *snapshot.FeeID && (fee.TrueUpParentID != uuid.Nil || fee.Charge.ID != snapshot.ChargeID) {
				t.Errorf("snapshot %+v of fee %+v", snapshot, fee)
			}
		}
	}
	return inv
}

func TestTrueUp(t *testing.T) {
	t.Parallel()
	const base = "subscription a 1 x 21 = 2100"
	charge := func(minimum int64, filters ...ChargeFilter) *Charge {
		c := testCharge(Standard, standardAt("1"), filters...)
		c.MinAmountCents = minimum
		return c
	}
	eu := filterBy(standardAt("2"), map[string][]string{"region": {"eu"}})
	f := func(usage ChargeUsage, want ...string) {
		t.Helper()
		inv := wantFees(t, aprilPeriods(aprilBill(t, "a", usage)), append([]string{base}, want...)...)
		last := inv.Fees[len(inv.Fees)-1]
		if last.ItemCode == "tokens" && (last.Charge != usage.Charge || last.Filter != nil || last.EventsCount != 0 && last.TrueUpParentID != uuid.Nil) {
			t.Errorf("fee %+v", last)
		}
	}
	// 10.00 × 21/30 = 7.00, used 3.20.
	f(priced(t, charge(1000), cell("3.2", 4)), "charge tokens 3.2 x 1 = 320", "charge tokens 1 x 3.8 = 380 for 1")
	f(priced(t, charge(1000), cell("7", 4)), "charge tokens 7 x 1 = 700")
	f(priced(t, charge(1000), cell("8", 4)), "charge tokens 8 x 1 = 800")
	// All filters count: 2 × 2.00 + 1.00 = 5.00. It hangs on the default bucket's fee.
	f(priced(t, charge(1000, eu), cell("2", 1, "eu"), cell("1", 1, "")),
		"charge tokens 2 x 2 = 400", "charge tokens 1 x 1 = 100", "charge tokens 1 x 2 = 200 for 2")
	// That is there for it also if it is empty, as with Lago; the empty one of the filter is not.
	f(priced(t, charge(1000, eu), cell("2", 1, "eu")),
		"charge tokens 2 x 2 = 400", "charge tokens 0 x 0 = 0", "charge tokens 1 x 3 = 300 for 2")
	f(priced(t, charge(1000, eu)), "charge tokens 0 x 0 = 0", "charge tokens 1 x 7 = 700 for 1")
	f(priced(t, charge(0)))

	// In a pricing unit that is worth 0.50: 10.00 × 21/30 = 7.00 units less 3.20 are 3.80, or 1.90.
	inUnits := charge(1000)
	inUnits.PricingUnit = credits("0.5")
	f(priced(t, inUnits, cell("3.2", 4)), "charge tokens 3.2 x 0.5 = 160", "charge tokens 1 x 1.9 = 190 for 1")

	grouped := charge(1000)
	grouped.Properties.PricingGroupKeys = []string{"cloud"}
	f(priced(t, grouped, cell("1", 1, "aws"), cell("2", 1, "gcp")),
		"charge tokens 1 x 1 = 100", "charge tokens 2 x 1 = 200", "charge tokens 1 x 4 = 400 for 1")
	f(priced(t, grouped), "charge tokens 1 x 7 = 700") // no group was seen: nothing to hang on
}

// A minimum is of the days of the period in which the usage lies, also where that began some
// hours before it, seen from a new time zone.
func TestTrueUpAfterZoneChange(t *testing.T) {
	t.Parallel()
	charge := testCharge(Standard, standardAt("1"))
	charge.MinAmountCents = 3000
	bill := aprilPeriods(aprilBill(t, "a", priced(t, charge)))
	a := assembly(bill)
	a.Location = zone(t, "America/New_York")
	b := &a.Bills[0]
	b.UsageFull = Period{at("2024-04-01T04:00:00Z"), at("2024-05-01T04:00:00Z")}
	f := func(from, to string, want int64) {
		t.Helper()
		b.Usage = Period{at(from), at(to)}
		inv, _, err := Assemble(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := inv.Fees[2].AmountCents; got != want {
			t.Errorf("usage from %s to %s: true-up of %d, want %d", from, to, got, want)
		}
	}
	f("2024-04-01T04:00:00Z", "2024-05-01T04:00:00Z", 3000)
	f("2024-04-01T00:00:00Z", "2024-05-01T04:00:00Z", 3000) // the evening of March 31 there
	f("2024-04-16T12:00:00Z", "2024-05-01T04:00:00Z", 1500) // 15 of 30 days
	f("2024-04-01T04:00:00Z", "2024-04-11T02:00:00Z", 1000) // until the evening of the 10th
}

// Whatever a plan has and a subscription used: the fees add up, each charge comes to at least
// its minimum and all together to the commitment.
func TestMinimumsAreReached(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		var usages []ChargeUsage
		for range random.IntN(4) {
			charge := testCharge(Standard, standardAt("0.07"))
			charge.MinAmountCents = random.Int64N(3000)
			usages = append(usages, priced(t, charge, cell(fmt.Sprint(random.IntN(500)), 1)))
		}
		bill := aprilPeriods(aprilBill(t, "a", usages...))
		bill.Plan.Taxes = []Tax{testTax("vat", fmt.Sprint(random.IntN(30)))}
		bill.Plan.Commitment = &MinimumCommitment{AmountCents: random.Int64N(20_000)}
		bill.Commitment, bill.CommitmentFees = bill.Base, bill.UsageFull
		bill.CommitmentDays, bill.CommitmentPeriodDays, bill.CommittedCents = 21, 30, random.Int64N(1000)
		for range random.IntN(3) {
			charge := testFixedCharge(Standard, standardAt("1.11"), units(fmt.Sprint(random.IntN(9)), "2024-01-01T00:00:00Z", true))
			charge.Prorated = random.IntN(2) == 0
			bill.Plan.FixedCharges = append(bill.Plan.FixedCharges, charge)
		}
		inv, _, err := Assemble(assembly(bill))
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		byCharge := map[uuid.UUID]int64{}
		for _, fee := range inv.Fees {
			sum += fee.AmountCents
			if fee.Charge != nil {
				byCharge[fee.Charge.ID] += fee.AmountCents
			}
		}
		if sum != inv.FeesAmountCents || inv.TotalAmountCents != sum+inv.TaxesAmountCents {
			t.Fatalf("seed %d: fees of %d, invoice %+v", seed, sum, inv)
		}
		owed := func(cents int64) int64 { return (cents*21*2 + 30) / 60 } // 21/30, rounded half up
		for i := range usages {
			if got, least := byCharge[usages[i].Charge.ID], owed(usages[i].Charge.MinAmountCents); got != max(least, usages[i].AmountCents) {
				t.Fatalf("seed %d: a charge of %d, at least %d, comes to %d", seed, usages[i].AmountCents, least, got)
			}
		}
		if least := owed(bill.Plan.Commitment.AmountCents); sum+bill.CommittedCents < least {
			t.Fatalf("seed %d: fees of %d and %d before, at least %d", seed, sum, bill.CommittedCents, least)
		}
	}
}

func TestTrueUpNeedsAPeriod(t *testing.T) {
	t.Parallel()
	charge := testCharge(Standard, standardAt("1"))
	charge.MinAmountCents = 1
	bill := aprilBill(t, "a", priced(t, charge))
	bill.UsageFull = Period{time.Time{}, time.Time{}}
	if _, _, err := Assemble(assembly(bill)); err == nil {
		t.Error("a minimum of an unknown period was settled")
	}
}
