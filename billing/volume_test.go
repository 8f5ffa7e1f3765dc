package billing

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func volumes(ranges ...VolumeRange) ChargeProperties {
	return ChargeProperties{VolumeRanges: ranges}
}

func volume(from int64, to *int64, perUnit, flat string) VolumeRange {
	return VolumeRange(tier(from, to, perUnit, flat))
}

func TestPriceVolume(t *testing.T) {
	t.Parallel()
	p := volumes(volume(0, to(100), "1", "0"), volume(101, nil, "0.8", "3"))
	f := func(units, amount, unitAmount, details string) {
		t.Helper()
		got := mustPrice(t, &p, Volume, dec(units))
		if !got.Amount.Equal(dec(amount)) || !got.UnitAmount.Equal(dec(unitAmount)) || string(got.Details) != details {
			t.Errorf("%s units: %s, %s a unit, %s; want %s, %s, %s", units, got.Amount, got.UnitAmount, got.Details, amount, unitAmount, details)
		}
	}
	if codes := p.Validate(Volume); codes != nil {
		t.Fatal(codes)
	}
	f("150", "123", "0.82", `{"flat_unit_amount":"3.0","per_unit_amount":"0.8","per_unit_total_amount":"120.0"}`) // 150 x 0.8 + 3
	f("0", "0", "0", `{"flat_unit_amount":"0.0","per_unit_amount":"0.0","per_unit_total_amount":"0.0"}`)
	f("-5", "0", "0", `{"flat_unit_amount":"0.0","per_unit_amount":"0.0","per_unit_total_amount":"0.0"}`)
	f("100", "100", "1", `{"flat_unit_amount":"0.0","per_unit_amount":"1.0","per_unit_total_amount":"100.0"}`)
	// The whole quantity moves to the next range, and so costs less: 100.5 x 0.8 + 3, and 101 x 0.8 + 3.
	f("100.5", "83.4", "0.829850746268657", `{"flat_unit_amount":"3.0","per_unit_amount":"0.8","per_unit_total_amount":"80.4"}`)
	f("101", "83.8", "0.82970297029703", `{"flat_unit_amount":"3.0","per_unit_amount":"0.8","per_unit_total_amount":"80.8"}`)

	p = volumes(volume(0, to(10), "1", "7"), volume(11, to(20), "0.5", "1"), volume(21, nil, "0.1", "0"))
	f("0", "7", "0", `{"flat_unit_amount":"7.0","per_unit_amount":"0.0","per_unit_total_amount":"0.0"}`) // no units reach the first range
	f("20", "11", "0.55", `{"flat_unit_amount":"1.0","per_unit_amount":"0.5","per_unit_total_amount":"10.0"}`)
	f("20.0000001", "2.00000001", "0.1", `{"flat_unit_amount":"0.0","per_unit_amount":"0.1","per_unit_total_amount":"2.00000001"}`)
}

func TestValidateVolume(t *testing.T) {
	t.Parallel()
	f := func(p ChargeProperties, want ...string) {
		t.Helper()
		sameCodes(t, p.Validate(Volume), want)
	}
	f(DefaultProperties(Volume))
	f(ChargeProperties{}, CodeMissingVolumeRanges)
	f(volumes(volume(0, nil, "-1", "0")), CodeInvalidAmount)
	f(volumes(volume(0, nil, "1", "-1")), CodeInvalidAmount)
	f(volumes(volume(1, nil, "1", "0")), CodeInvalidVolumeRanges)
	f(volumes(volume(0, to(10), "1", "0")), CodeInvalidVolumeRanges)
	f(volumes(volume(0, to(10), "1", "0"), volume(11, nil, "1", "0")))
	f(volumes(volume(0, to(10), "1", "0"), volume(12, nil, "1", "0")), CodeInvalidVolumeRanges)
	f(volumes(volume(0, to(10), "1", "0"), volume(10, nil, "1", "0")), CodeInvalidVolumeRanges) // 10 would have two prices
}

// The range is that which holds the quantity, its fraction raised: from <= ceil(units) and
// units <= to, as Lago has it.
func TestPriceVolumeByBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := volumes()
		from := int64(0)
		for i := range rapid.Int64Range(0, 5).Draw(t, "ranges") {
			end := from + rapid.Int64Range(1, 20).Draw(t, "width")
			p.VolumeRanges = append(p.VolumeRanges, volume(from, &end, decimal.NewFromInt(i+1).String(), "1"))
			from = end + 1
		}
		p.VolumeRanges = append(p.VolumeRanges, volume(from, nil, "100", "1"))
		if codes := p.Validate(Volume); codes != nil {
			t.Fatal(codes)
		}
		units := decimal.New(rapid.Int64Range(0, 1200).Draw(t, "tenths"), -1)
		for _, r := range p.VolumeRanges {
			if decimal.NewFromInt(r.FromValue).LessThanOrEqual(units.Ceil()) && (r.ToValue == nil || units.LessThanOrEqual(decimal.NewFromInt(*r.ToValue))) {
				want := units.Mul(r.PerUnitAmount.Decimal).Add(r.FlatAmount.Decimal)
				if got := mustPrice(t, &p, Volume, units); !got.Amount.Equal(want) {
					t.Fatalf("%s units cost %s, want %s", units, got.Amount, want)
				}
				return
			}
		}
		t.Fatalf("no range holds %s units", units)
	})
}
