package billing

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"weir/aggregator"
)

// recurringCharge is one that can be prorated, and is.
func recurringCharge(model ChargeModel, p ChargeProperties) *Charge {
	ch := testCharge(model, p)
	ch.Metric.Recurring, ch.Prorated = true, true
	return ch
}

// unitDays is what metering answers for prorated units in a period of 30 days.
func unitDays(highest, all string, tiers ...string) *aggregator.FoldUsage {
	fold := &aggregator.FoldUsage{UnitDays: dec(all), Days: 30, Highest: dec(highest)}
	for _, text := range tiers {
		fold.TierUnitDays = append(fold.TierUnitDays, dec(text))
	}
	return fold
}

func TestPriceProrated(t *testing.T) {
	t.Parallel()
	f := func(what string, ch *Charge, units string, fold *aggregator.FoldUsage, cents int64, unitAmount, details string) {
		t.Helper()
		if err := ch.Check(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		usage, err := PriceCharge(ch, []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Units: dec(units), EventsCount: 1, Fold: fold}}, "USD")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		b := usage.Buckets[0]
		if shown := decimal.Max(dec(units), decimal.Zero); !b.Units.Equal(shown) || !b.TotalUnits.Equal(shown) {
			t.Errorf("%s: %s units are shown, not the full ones", what, b.Units)
		}
		if b.AmountCents != cents || !b.UnitAmount.Equal(dec(unitAmount)) || string(b.AmountDetails) != details {
			t.Errorf("%s: %d cents, %s a unit, %s; want %d, %s, %s", what, b.AmountCents, b.UnitAmount, b.AmountDetails, cents, unitAmount, details)
		}
	}
	seats := func(p ChargeProperties) *Charge { return recurringCharge(Standard, p) }
	// 10 seats carried and 1 added on day 16 of 30: 10 + 15/30 = 10.5, x 4.00 = 42.00
	f("a seat in mid-month", seats(standardAt("4")), "11", unitDays("11", "315"), 4200, "3.818181818181818", `{}`)
	// 1 of 30 days: 1/30 = 0.0333… is raised to 0.03334, x 1000 = 33.34
	f("raised to 5 decimals", seats(standardAt("1000")), "1", unitDays("1", "1"), 3334, "33.34", `{}`)
	f("whole", seats(standardAt("1000")), "1", unitDays("1", "30"), 100000, "1000", `{}`)
	// All 10 went on the last day: none is shown, and all of their days are due.
	f("gone on the last day", seats(standardAt("3")), "0", unitDays("10", "300"), 3000, "0", `{}`)
	f("less than nothing", seats(standardAt("3")), "-2", unitDays("0", "-30"), 0, "0", `{}`)
	f("nothing", seats(standardAt("3")), "0", unitDays("0", "0"), 0, "0", `{}`)

	// The range is that of all 150, the price that of 150 x 15/30 = 75: 75 x 0.8 + 3
	byVolume := recurringCharge(Volume, volumes(volume(0, to(100), "1", "0"), volume(101, nil, "0.8", "3")))
	f("volume", byVolume, "150", unitDays("150", "2250"), 6300, "0.42",
		`{"flat_unit_amount":"3.0","per_unit_amount":"0.4","per_unit_total_amount":"60.0"}`)
	f("volume of nothing", byVolume, "0", unitDays("0", "0"), 0, "0",
		`{"flat_unit_amount":"0.0","per_unit_amount":"0.0","per_unit_total_amount":"0.0"}`)

	// 8 seats carried, and 7 on day 16: 8 x 30 and 2 x 15 are in the first range (270/30 = 9),
	// 5 x 15 in the second (75/30 = 2.5). 9 x 1 + 5 + 2.5 x 0.5 + 2 = 17.25
	byTiers := recurringCharge(Graduated, tiers(tier(0, to(10), "1", "5"), tier(11, nil, "0.5", "2")))
	const first = `{"graduated_ranges":[{"from_value":0,"to_value":10,"flat_unit_amount":"5.0","per_unit_amount":"1.0",`
	const second = `{"from_value":11,"to_value":null,"flat_unit_amount":"2.0","per_unit_amount":"0.5",`
	f("graduated", byTiers, "15", unitDays("15", "345", "270", "75"), 1725, "1.15",
		first+`"units":"9.0","per_unit_total_amount":"9.0","total_with_flat_amount":"14.0"},`+
			second+`"units":"2.5","per_unit_total_amount":"1.25","total_with_flat_amount":"3.25"}]}`)
	// 5 of 15 went on day 16: what was reached stays due. 10 x 30 + 5 x 30 - 5 x 15, so that
	// 10 x 1 + 5 + 2.5 x 0.5 + 2 = 18.25
	f("graduated, removed", byTiers, "10", unitDays("15", "375", "300", "75"), 1825, "1.825",
		first+`"units":"10.0","per_unit_total_amount":"10.0","total_with_flat_amount":"15.0"},`+
			second+`"units":"2.5","per_unit_total_amount":"1.25","total_with_flat_amount":"3.25"}]}`)
	// Each range is raised by itself: 1/30 and 1/30 are 0.03334 and 0.03334.
	f("graduated, raised", byTiers, "12", unitDays("12", "2", "1", "1"), 705, "0.587500833333333",
		first+`"units":"0.03334","per_unit_total_amount":"0.03334","total_with_flat_amount":"5.03334"},`+
			second+`"units":"0.03334","per_unit_total_amount":"0.01667","total_with_flat_amount":"2.01667"}]}`)
	f("graduated, up to the bound", byTiers, "10", unitDays("10", "300", "300", "0"), 1500, "1.5",
		first+`"units":"10.0","per_unit_total_amount":"10.0","total_with_flat_amount":"15.0"}]}`)
	f("graduated by one range", recurringCharge(Graduated, tiers(tier(0, nil, "4", "1"))), "11", unitDays("11", "315"), 4300, "3.909090909090909",
		`{"graduated_ranges":[{"from_value":0,"to_value":null,"flat_unit_amount":"1.0","per_unit_amount":"4.0","units":"10.5","per_unit_total_amount":"42.0","total_with_flat_amount":"43.0"}]}`)
	f("graduated, nothing", byTiers, "0", unitDays("0", "0", "0", "0"), 500, "0",
		first+`"units":"0.0","per_unit_total_amount":"0.0","total_with_flat_amount":"5.0"}]}`)
}

// A bucket that metering knows nothing of is priced as nothing; one of which it did not say
// what it was asked for is not.
func TestPriceProratedWithoutFold(t *testing.T) {
	t.Parallel()
	models := map[ChargeModel]ChargeProperties{
		Standard: standardAt("4"), Volume: volumes(volume(0, nil, "1", "7")), Graduated: tiers(tier(0, to(10), "1", "7"), tier(11, nil, "1", "0")),
	}
	for model, p := range models {
		ch := recurringCharge(model, p)
		usage, err := PriceCharge(ch, nil, "USD")
		want := int64(700)
		if model == Standard {
			want = 0
		}
		if err != nil || usage.AmountCents != want {
			t.Errorf("%s of nothing: %d, %v", model, usage.AmountCents, err)
		}
		bucket := aggregator.BucketUsage{Filter: aggregator.NoFilter, Units: dec("1")}
		if _, err := PriceCharge(ch, []aggregator.BucketUsage{bucket}, "USD"); err == nil || !strings.Contains(err.Error(), ch.ID.String()) {
			t.Errorf("%s without its days: %v", model, err)
		}
		bucket.Fold = &aggregator.FoldUsage{UnitDays: dec("30"), TierUnitDays: []decimal.Decimal{dec("30"), dec("0")}}
		if _, err := PriceCharge(ch, []aggregator.BucketUsage{bucket}, "USD"); err == nil {
			t.Errorf("%s was divided by no days", model)
		}
	}
	ch := recurringCharge(Graduated, models[Graduated])
	bucket := aggregator.BucketUsage{Filter: aggregator.NoFilter, Units: dec("1"), Fold: unitDays("1", "30", "30")}
	if _, err := PriceCharge(ch, []aggregator.BucketUsage{bucket}, "USD"); err == nil {
		t.Error("units of one range were priced by two")
	}
	ch = testCharge(Percentage, percentOfEvents("1", "", 3, "", "", ""))
	bucket.Fold = nil
	if _, err := PriceCharge(ch, []aggregator.BucketUsage{bucket}, "USD"); err == nil {
		t.Error("a percentage was priced without its allowance")
	}
}

func TestNeedsDays(t *testing.T) {
	t.Parallel()
	f := func(want bool, charges ...*Charge) {
		t.Helper()
		metered, err := MeterCharges(charges, nil)
		if err != nil {
			t.Fatal(err)
		}
		if NeedsDays(metered) != want {
			t.Errorf("needs days: %v", !want)
		}
	}
	plain := testCharge(Standard, standardAt("1"))
	free := testCharge(Percentage, percentOfEvents("1", "", 3, "", "", ""))
	f(false)
	f(false, plain, free)
	f(true, plain, recurringCharge(Standard, standardAt("1")))
	f(true, recurringCharge(Graduated, tiers(tier(0, nil, "1", "0"))), free)
}

// Units that were there on all days cost what they cost without proration, and units that
// were not never cost more.
func TestProratedWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		perUnit := func(label string) Amount {
			return Amount{decimal.New(rapid.Int64Range(0, 10_000).Draw(t, label), -4)}
		}
		ranges := []GraduatedRange{
			{0, to(10), perUnit("a"), perUnit("flat a")}, {11, to(25), perUnit("b"), perUnit("flat b")}, {26, nil, perUnit("c"), perUnit("flat c")},
		}
		p := ChargeProperties{Amount: &ranges[0].PerUnitAmount, GraduatedRanges: ranges}
		for _, r := range ranges {
			p.VolumeRanges = append(p.VolumeRanges, VolumeRange(r))
		}
		units := decimal.NewFromInt(rapid.Int64Range(0, 60).Draw(t, "units"))
		days := rapid.Int64Range(1, 366).Draw(t, "days")
		there := rapid.Int64Range(0, days).Draw(t, "there")
		for _, model := range []ChargeModel{Standard, Volume, Graduated} {
			whole := mustPrice(t, &p, model, units)
			price := func(count int64) Price {
				fold := &aggregator.FoldUsage{Days: days, Highest: units, UnitDays: units.Mul(decimal.NewFromInt(count))}
				fold.TierUnitDays = make([]decimal.Decimal, len(ranges))
				for i, portion := range portions(graduatedBounds(ranges), units) {
					fold.TierUnitDays[i] = portion.Mul(decimal.NewFromInt(count))
				}
				got, err := p.Price(model, Quantity{Units: units, Fold: fold})
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			if got := price(days); !got.Amount.Equal(whole.Amount) || string(got.Details) != string(whole.Details) {
				t.Fatalf("%s: %s units on all days cost %s (%s), want %s (%s)", model, units, got.Amount, got.Details, whole.Amount, whole.Details)
			}
			if got := price(there); got.Amount.GreaterThan(whole.Amount) {
				t.Fatalf("%s: %s units on %d of %d days cost %s, on all %s", model, units, there, days, got.Amount, whole.Amount)
			}
		}
	})
}

// What is asked of each filter is bounded with what it looks for.
func TestSplitBytesOfFolds(t *testing.T) {
	t.Parallel()
	ch := recurringCharge(Graduated, tiers(tier(0, to(10), "1", "0"), tier(11, to(20), "1", "0"), tier(21, nil, "1", "0")))
	ch.Filters = []ChargeFilter{filterBy(tiers(tier(0, nil, "1", "0")), map[string][]string{"region": {"eu"}})}
	with := SplitBytes([]Charge{*ch})
	ch.Prorated = false
	want := len(`{"prorated":true,"tiers":["10","20"]}`) + len(`{"prorated":true}`)
	if got := with - SplitBytes([]Charge{*ch}); got != want {
		t.Errorf("folds are %d bytes, want %d", got, want)
	}
}

func TestProratedFold(t *testing.T) {
	t.Parallel()
	ch := recurringCharge(Graduated, tiers(tier(0, to(10), "1", "0"), tier(10, to(20), "1", "0"), tier(20, nil, "1", "0")))
	ch.Filters = []ChargeFilter{filterBy(tiers(tier(0, nil, "1", "0")), map[string][]string{"region": {"eu"}})}
	split := ChargeSplit(ch)
	if got := string(mustJSON(evidenceFoldOf(split.Fold))); got != `{"prorated":true,"tiers":["10","20"]}` {
		t.Errorf("fold %s", got)
	}
	if got := string(mustJSON(evidenceFoldOf(split.Filters[0].Fold))); got != `{"prorated":true}` {
		t.Errorf("fold of the filter %s", got)
	}
	ch.Prorated = false
	if split := ChargeSplit(ch); split.Fold != nil || split.Filters[0].Fold != nil {
		t.Error("units that are not prorated are folded")
	}
}

// A late event makes a difference of the days it counts for, at the prices of the invoice.
func TestDifferenceProrated(t *testing.T) {
	t.Parallel()
	metered, err := MeterCharges([]*Charge{recurringCharge(Standard, standardAt("4"))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept, days, err := DecodeEvidence(metered[0].Charge.Metric.OrganizationID, EncodeEvidence(metered, []time.Time{time.Unix(0, 0), time.Unix(86400, 0)}))
	if err != nil || len(days) != 2 || !NeedsDays(kept) {
		t.Fatalf("%d days, %v", len(days), err)
	}
	answer := func(units, all string) []aggregator.BucketUsage {
		return []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Units: dec(units), EventsCount: 1, Fold: unitDays(units, all)}}
	}
	billed, err := PriceCharge(kept[0].Charge, answer("10", "300"), "USD")
	if err != nil {
		t.Fatal(err)
	}
	u := &InvoicedUsage{Currency: "USD", Metered: kept, Days: days, Usages: []ChargeUsage{billed}}
	differences, err := Difference(u, [][]aggregator.BucketUsage{answer("11", "315")}) // a seat from day 16 on
	if err != nil || len(differences) != 1 {
		t.Fatalf("%d differences, %v", len(differences), err)
	}
	change := differences[0].Now.Less(differences[0].Billed) // 10.5 x 4 - 10 x 4
	if !change.Units.Equal(dec("1")) || change.AmountCents != 200 {
		t.Errorf("change %+v", change)
	}
	if _, err := Difference(u, [][]aggregator.BucketUsage{{{Filter: aggregator.NoFilter, Units: dec("11")}}}); err == nil {
		t.Error("an answer without days was compared")
	}
}
