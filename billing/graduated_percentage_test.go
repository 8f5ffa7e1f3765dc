package billing

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func percentTiers(ranges ...GraduatedPercentageRange) ChargeProperties {
	return ChargeProperties{GraduatedPercentageRanges: ranges}
}

func percentTier(from int64, to *int64, rate, flat string) GraduatedPercentageRange {
	return GraduatedPercentageRange{FromValue: from, ToValue: to, Rate: price(rate), FlatAmount: price(flat)}
}

func TestPriceGraduatedPercentage(t *testing.T) {
	t.Parallel()
	two := percentTiers(percentTier(0, to(1000), "1", "0"), percentTier(1001, nil, "0.5", "2"))
	f := func(p ChargeProperties, units, amount, unitAmount string) {
		t.Helper()
		if codes := p.Validate(GraduatedPercentage); codes != nil {
			t.Fatal(codes)
		}
		got := mustPrice(t, &p, GraduatedPercentage, dec(units))
		if !got.Amount.Equal(dec(amount)) || !got.UnitAmount.Equal(dec(unitAmount)) {
			t.Errorf("%s units: %s, %s a unit; want %s, %s", units, got.Amount, got.UnitAmount, amount, unitAmount)
		}
	}
	f(two, "3000", "22", "0.007333333333333") // 1000 x 1 % + 2000 x 0.5 % + 2
	f(two, "0", "0", "0")
	f(two, "-1", "0", "0")
	f(two, "1000", "10", "0.01")
	f(two, "1000.5", "12.0025", "0.011996501749125") // 10 + 0.5 x 0.5 % + 2
	f(two, "1001", "12.005", "0.011993006993007")
	flat := percentTiers(percentTier(0, to(10), "50", "3"), percentTier(10, nil, "100", "0")) // adjacent
	f(flat, "0", "3", "0")
	f(flat, "10", "8", "0.8")
	f(flat, "12", "10", "0.833333333333333") // 10 x 50 % + 3 + 2 x 100 %

	want := `{"graduated_percentage_ranges":[` +
		`{"from_value":0,"to_value":1000,"flat_unit_amount":"0.0","rate":"1.0","units":"1000.0","per_unit_total_amount":"10.0","total_with_flat_amount":"10.0"},` +
		`{"from_value":1001,"to_value":null,"flat_unit_amount":"2.0","rate":"0.5","units":"2000.0","per_unit_total_amount":"10.0","total_with_flat_amount":"12.0"}]}`
	if got := string(mustPrice(t, &two, GraduatedPercentage, dec("3000")).Details); got != want {
		t.Errorf("details\n%s, want\n%s", got, want)
	}
}

func TestValidateGraduatedPercentage(t *testing.T) {
	t.Parallel()
	f := func(p ChargeProperties, want ...string) {
		t.Helper()
		sameCodes(t, p.Validate(GraduatedPercentage), want)
	}
	f(DefaultProperties(GraduatedPercentage))
	f(ChargeProperties{}, CodeMissingGraduatedPercentageRanges)
	f(percentTiers(percentTier(0, nil, "-1", "0")), CodeInvalidRate)
	f(percentTiers(percentTier(0, nil, "-1", "-1")), CodeInvalidAmount, CodeInvalidRate)
	f(percentTiers(percentTier(2, nil, "1", "0")), CodeInvalidGraduatedPercentageRanges)
	f(percentTiers(percentTier(0, to(5), "1", "0"), percentTier(7, nil, "1", "0")), CodeInvalidGraduatedPercentageRanges)
	f(percentTiers(percentTier(0, to(5), "1", "0"), percentTier(6, to(9), "1", "0")), CodeInvalidGraduatedPercentageRanges)
}

// A graduated charge is the sum of its ranges, each priced by itself; and where each unit costs
// something, or nothing, more of them never cost less.
func TestGraduatedSumsAndGrows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p ChargeProperties
		gap := rapid.Int64Range(0, 1).Draw(t, "gap")
		from := int64(0)
		for last := rapid.IntRange(0, 5).Draw(t, "ranges"); ; last-- {
			perUnit := decimal.New(rapid.Int64Range(0, 10_000).Draw(t, "price"), -4)
			flat := decimal.New(rapid.Int64Range(0, 1000).Draw(t, "flat"), -2)
			end := from + rapid.Int64Range(1, 30).Draw(t, "width")
			to := &end
			if last == 0 {
				to = nil
			}
			p.GraduatedRanges = append(p.GraduatedRanges, GraduatedRange{from, to, Amount{perUnit}, Amount{flat}})
			p.GraduatedPercentageRanges = append(p.GraduatedPercentageRanges, GraduatedPercentageRange{from, to, Amount{perUnit.Shift(2)}, Amount{flat}})
			if last == 0 {
				break
			}
			from = end + gap
		}
		p.Amount = &p.GraduatedRanges[0].PerUnitAmount
		units := decimal.New(rapid.Int64Range(-50, 2000).Draw(t, "units"), -1)
		more := units.Add(decimal.New(rapid.Int64Range(0, 300).Draw(t, "more"), -1))
		for _, model := range []ChargeModel{Standard, Graduated, GraduatedPercentage} {
			if codes := p.Validate(model); codes != nil {
				t.Fatalf("%s: %v", model, codes)
			}
			less, greater := mustPrice(t, &p, model, units), mustPrice(t, &p, model, more)
			if greater.Amount.LessThan(less.Amount) {
				t.Fatalf("%s: %s units cost %s, %s cost %s", model, units, less.Amount, more, greater.Amount)
			}
		}
		sum, below := decimal.Zero, decimal.Zero
		for i, r := range p.GraduatedRanges {
			upTo := decimal.Max(units, decimal.Zero)
			if r.ToValue != nil {
				upTo = decimal.Min(upTo, decimal.NewFromInt(*r.ToValue))
			}
			if i > 0 && !upTo.GreaterThan(below) {
				break // nothing reaches it
			}
			sum = sum.Add(upTo.Sub(below).Mul(r.PerUnitAmount.Decimal)).Add(r.FlatAmount.Decimal)
			below = upTo
		}
		for _, model := range []ChargeModel{Graduated, GraduatedPercentage} { // rates are the prices, in percent
			if got := mustPrice(t, &p, model, units); !got.Amount.Equal(sum) {
				t.Fatalf("%s: %s units cost %s, want %s", model, units, got.Amount, sum)
			}
		}
	})
}
