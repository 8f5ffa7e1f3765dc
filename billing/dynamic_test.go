package billing

import (
	"testing"

	"weir/aggregator"
)

func TestPriceDynamic(t *testing.T) {
	t.Parallel()
	f := func(units, preciseTotal, currency string, cents int64, precise, unitAmount string) {
		t.Helper()
		ch := testCharge(Dynamic, DefaultProperties(Dynamic))
		buckets := []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Units: dec(units), EventsCount: 2, PreciseTotal: dec(preciseTotal)}}
		usage, err := PriceCharge(ch, buckets, Currency(currency))
		if err != nil {
			t.Fatal(err)
		}
		b := usage.Buckets[0]
		if b.AmountCents != cents || !b.PreciseAmount.Equal(dec(precise)) || !b.UnitAmount.Equal(dec(unitAmount)) || string(b.AmountDetails) != `{}` {
			t.Errorf("%s units of %s: %d cents, precisely %s, %s a unit, details %s; want %d, %s, %s",
				units, preciseTotal, b.AmountCents, b.PreciseAmount, b.UnitAmount, b.AmountDetails, cents, precise, unitAmount)
		}
	}
	f("5", "3.75", "USD", 4, "3.75", "0.0075") // events of 1.5 and 2.25 cents: 0.0375 is 0.04
	f("0", "3.75", "USD", 4, "3.75", "0")      // what no units share is due all the same
	f("5", "0", "USD", 0, "0", "0")
	f("5", "-3.75", "USD", 0, "0", "0")     // nothing costs less than nothing
	f("-5", "3.75", "USD", 0, "0", "0")     // nor what was taken back
	f("5", "375", "JPY", 4, "3.75", "0.75") // hundredths of a yen, which has no minor unit
	f("2", "1.05", "BHD", 11, "10.5", "0.00525")
}

func TestGoesWith(t *testing.T) {
	t.Parallel()
	for aggregation := range aggregations {
		for _, model := range []ChargeModel{Standard, Graduated, Package} {
			if !model.GoesWith(aggregation) {
				t.Errorf("%s does not go with %s", model, aggregation)
			}
		}
		if got, want := Dynamic.GoesWith(aggregation), aggregation == SumAgg; got != want {
			t.Errorf("dynamic with %s: %v", aggregation, got)
		}
	}
}
