package billing

import (
	"testing"

	"github.com/shopspring/decimal"
)

func TestProject(t *testing.T) {
	t.Parallel()
	dec := decimal.RequireFromString
	amount := func(text string) *Amount { return &Amount{dec(text)} }
	ten := int64(10)
	standard := Charge{Model: Standard, Properties: ChargeProperties{Amount: amount("0.5")}}
	graduated := Charge{Model: Graduated, Properties: ChargeProperties{GraduatedRanges: []GraduatedRange{
		{ToValue: &ten, PerUnitAmount: *amount("1")}, {FromValue: 11, PerUnitAmount: *amount("0.5"), FlatAmount: *amount("2")},
	}}}
	pack := Charge{Model: Package, Properties: ChargeProperties{Amount: amount("25"), PackageSize: 100, FreeUnits: 50}}
	recurring := standard
	recurring.Metric.Recurring = true
	f := func(name string, ch Charge, units, precise string, elapsed Elapsed, wantUnits string, wantCents int64) {
		t.Helper()
		b := BucketUsage{Units: dec(units), AmountCents: 77, PreciseAmount: dec(precise)}
		p, err := b.Project(&ch, elapsed, "USD")
		if err != nil || !p.Units.Equal(dec(wantUnits)) || p.AmountCents != wantCents {
			t.Errorf("%s: got %s, %d, %v; want %s, %d", name, p.Units, p.AmountCents, err, wantUnits, wantCents)
		}
	}
	third := Elapsed{Days: 10, Of: 30}
	f("standard", standard, "7", "0", third, "21", 1050)
	f("standard", standard, "1", "0", Elapsed{Days: 7, Of: 30}, "4.29", 215) // 30 / 7 = 4.2857…; 2.145
	f("graduated", graduated, "8", "0", third, "24", 1900)                   // 10 + 14 × 0.5 + 2
	f("package", pack, "60", "0", third, "180", 5000)                        // ceil((180 - 50) / 100) × 25
	f("dynamic", Charge{Model: Dynamic}, "3", "3.75", third, "9", 11)        // 11.25 cents
	ranges := []VolumeRange{{ToValue: &ten, PerUnitAmount: *amount("1")}, {FromValue: 11, PerUnitAmount: *amount("0.5"), FlatAmount: *amount("2")}}
	f("volume", Charge{Model: Volume, Properties: ChargeProperties{VolumeRanges: ranges}}, "8", "0", third, "24", 1400) // 24 × 0.5 + 2
	// What is free ends where it ends: only the amount can grow, 3.00 to 9.00.
	percent := Charge{Model: Percentage, Properties: ChargeProperties{Rate: amount("2"), FreeUnitsPerTotalAggregation: amount("100")}}
	f("percentage", percent, "200", "300", third, "600", 900)
	f("graduated percentage", Charge{Model: GraduatedPercentage}, "200", "300.1", third, "600", 900)
	f("custom", Charge{Model: Custom, Properties: ChargeProperties{Expression: "units"}}, "200", "1.5", third, "600", 5) // 4.5
	f("recurring", recurring, "7", "0", third, "7", 77)
	f("the last day", standard, "7", "0", Elapsed{Days: 30, Of: 30}, "7", 77)
	f("too early", standard, "7", "0", Elapsed{Days: 0, Of: 30}, "7", 77)
}

func TestProjectTooMuch(t *testing.T) {
	t.Parallel()
	ch := Charge{Model: Standard, Properties: ChargeProperties{Amount: &Amount{decimal.New(1, 17)}}}
	b := BucketUsage{Units: decimal.New(1, 0)}
	if _, err := b.Project(&ch, Elapsed{Days: 1, Of: 30}, "USD"); err == nil {
		t.Error("3 × 10^20 cents fit an int64")
	}
}
