package billing

import (
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
)

func credits(rate string) *AppliedPricingUnit {
	return &AppliedPricingUnit{
		Unit:           PricingUnit{ID: uuid.UUID{9}, Code: "credits", Name: "Credits", ShortName: "CR"},
		ConversionRate: dec(rate),
	}
}

// A price in a pricing unit is rounded to hundredths of it, then converted, then rounded in
// the currency.
func TestPriceInPricingUnit(t *testing.T) {
	t.Parallel()
	f := func(amount, rate, units string, currency Currency, unitCents int64, unitPrecise string, cents int64, precise, unitAmount string) {
		t.Helper()
		ch := testCharge(Standard, standardAt(amount))
		ch.PricingUnit = credits(rate)
		bucket := aggregator.BucketUsage{Filter: aggregator.NoFilter, Units: dec(units), EventsCount: 1}
		usage, err := PriceCharge(ch, []aggregator.BucketUsage{bucket}, currency)
		if err != nil {
			t.Fatal(err)
		}
		b := usage.Buckets[0]
		u := b.PricingUnit
		if u.UnitID != (uuid.UUID{9}) || u.Code != "credits" || u.ShortName != "CR" || !u.ConversionRate.Equal(dec(rate)) || !u.UnitAmount.Equal(dec(amount)) {
			t.Errorf("pricing unit %+v", u)
		}
		if u.AmountCents != unitCents || !u.PreciseAmount.Equal(dec(unitPrecise)) || usage.PricingUnitCents != unitCents {
			t.Errorf("%s x %s: %d and precisely %s hundredths, want %d and %s", units, amount, u.AmountCents, u.PreciseAmount, unitCents, unitPrecise)
		}
		if b.AmountCents != cents || !b.PreciseAmount.Equal(dec(precise)) || !b.UnitAmount.Equal(dec(unitAmount)) {
			t.Errorf("%s x %s at %s: %d cents, precisely %s, %s a unit; want %d, %s, %s", units, amount, rate, b.AmountCents, b.PreciseAmount, b.UnitAmount, cents, precise, unitAmount)
		}
	}
	// 7 x 0.333 = 2.331 credits, 2.33 rounded, x 0.5 = 1.165 USD, 1.17 rounded
	f("0.333", "0.5", "7", "USD", 233, "233.1", 117, "116.5", "0.1665")
	// 7 x 0.335 = 2.345, 2.35, x 0.5 = 1.175, 1.18; not rounded in between 1.1725 would be 1.17
	f("0.335", "0.5", "7", "USD", 235, "234.5", 118, "117.5", "0.1675")
	f("0.001", "100", "4", "USD", 0, "0.4", 0, "0", "0.1") // 0.004 credits are none
	f("1", "150.25", "3", "JPY", 300, "300", 451, "450.75", "150.25")
	f("1", "0.0001", "3", "BHD", 300, "300", 0, "0.3", "0.0001") // 0.0003 BHD are 0.3 of its minor units
}

func TestPriceInPricingUnitTooMuch(t *testing.T) {
	t.Parallel()
	ch := testCharge(Standard, standardAt("1e17"))
	ch.PricingUnit = credits("0.0000000001")
	bucket := aggregator.BucketUsage{Filter: aggregator.NoFilter, Units: dec("1")}
	if _, err := PriceCharge(ch, []aggregator.BucketUsage{bucket}, "USD"); err == nil {
		t.Error("10^19 hundredths of a unit fit an int64")
	}
}

func TestProjectInPricingUnit(t *testing.T) {
	t.Parallel()
	ch := testCharge(Standard, standardAt("0.335"))
	ch.PricingUnit = credits("0.5")
	b := BucketUsage{Units: dec("7"), AmountCents: 118, PreciseAmount: dec("117.5")}
	p, err := b.Project(ch, Elapsed{Days: 10, Of: 30}, "USD")
	// 21 x 0.335 = 7.035 credits, 7.04 rounded, x 0.5 = 3.52
	if err != nil || p.AmountCents != 352 {
		t.Errorf("%d cents, %v", p.AmountCents, err)
	}
}
