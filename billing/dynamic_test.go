package billing

import (
	"slices"
	"strings"
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
	allModels := []ChargeModel{Standard, Graduated, Package, Percentage, Volume, GraduatedPercentage, Dynamic, Custom}
	every := "count_agg sum_agg max_agg latest_agg unique_count_agg weighted_sum_agg min_agg avg_agg percentile_agg"
	amounts := "count_agg sum_agg max_agg unique_count_agg weighted_sum_agg"
	goesWith := map[ChargeModel]string{
		Standard: every, Graduated: every, Package: every, Volume: every, Custom: every,
		Percentage: amounts, GraduatedPercentage: amounts, Dynamic: "sum_agg",
	}
	if len(goesWith) != len(allModels) || len(strings.Fields(every)) != len(aggregations) {
		t.Fatal("not all are looked at")
	}
	for aggregation := range aggregations {
		for _, model := range allModels {
			want := slices.Contains(strings.Fields(goesWith[model]), string(aggregation))
			if got := model.GoesWith(aggregation); got != want {
				t.Errorf("%s with %s: %v", model, aggregation, got)
			}
		}
	}
}

// Only what is carried over periods is counted by days, and only where units have a price.
func TestCanProrate(t *testing.T) {
	t.Parallel()
	for _, model := range []ChargeModel{Standard, Graduated, Package, Percentage, Volume, GraduatedPercentage, Dynamic, Custom} {
		for aggregation := range aggregations {
			for _, recurring := range []bool{false, true} {
				ch := testCharge(model, DefaultProperties(model))
				ch.Prorated, ch.Metric.AggregationType, ch.Metric.Recurring = true, aggregation, recurring
				units := model == Standard || model == Graduated || model == Volume
				want := recurring && units && aggregation != WeightedSumAgg
				if got := len(ch.Incompatible()["prorated"]) == 0; got != want {
					t.Errorf("%s on %s, recurring %v: %v", model, aggregation, recurring, got)
				}
				ch.Prorated = false
				if ch.Incompatible()["prorated"] != nil {
					t.Errorf("%s on %s that is not prorated", model, aggregation)
				}
			}
		}
	}
}
