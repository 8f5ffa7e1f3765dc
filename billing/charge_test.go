package billing

import (
	"slices"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func price(text string) Amount { return Amount{dec(text)} }

func amount(text string) *Amount { a := price(text); return &a }

func to(bound int64) *int64 { return &bound }

func standardAt(text string) ChargeProperties { return ChargeProperties{Amount: amount(text)} }

func packageOf(text string, size, free int64) ChargeProperties {
	return ChargeProperties{Amount: amount(text), PackageSize: size, FreeUnits: free}
}

func tiers(ranges ...GraduatedRange) ChargeProperties {
	return ChargeProperties{GraduatedRanges: ranges}
}

func tier(from int64, to *int64, perUnit, flat string) GraduatedRange {
	return GraduatedRange{FromValue: from, ToValue: to, PerUnitAmount: price(perUnit), FlatAmount: price(flat)}
}

// mustPrice prices units by themselves.
func mustPrice(t fataler, p *ChargeProperties, model ChargeModel, units decimal.Decimal) Price {
	t.Helper()
	price, err := p.Price(model, Units(units))
	if err != nil {
		t.Fatal(err)
	}
	return price
}

// sameCodes checks what is wrong with properties.
func sameCodes(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(...any)
}

func TestPrice(t *testing.T) {
	t.Parallel()
	f := func(model ChargeModel, p ChargeProperties, units, amount, unitAmount string) {
		t.Helper()
		if codes := p.Validate(model); codes != nil {
			t.Fatalf("properties are invalid: %v", codes)
		}
		got := mustPrice(t, &p, model, dec(units))
		if !got.Amount.Equal(dec(amount)) || !got.UnitAmount.Equal(dec(unitAmount)) {
			t.Errorf("%s of %s units: %s at %s a unit, want %s at %s", model, units, got.Amount, got.UnitAmount, amount, unitAmount)
		}
	}
	f(Standard, standardAt("0.05"), "120", "6", "0.05")
	f(Standard, standardAt("0.05"), "0", "0", "0")
	f(Standard, standardAt("0.05"), "-3", "0", "0")
	f(Standard, standardAt("0.000000000000000001"), "1000000000000000000", "1", "0.000000000000000") // exact although a unit rounds to nothing

	two := tiers(tier(0, to(10), "1.00", "5"), tier(11, nil, "0.50", "2"))
	f(Graduated, two, "0", "5", "0")
	f(Graduated, two, "-4", "5", "0")
	f(Graduated, two, "10", "15", "1.5")                    // 10x1 + 5
	f(Graduated, two, "10.5", "17.25", "1.642857142857143") // 10x1 + 5 + 0.5x0.5 + 2
	f(Graduated, two, "11", "17.5", "1.590909090909091")    // 10x1 + 5 + 1x0.5 + 2
	f(Graduated, two, "15", "19.5", "1.3")                  // 10x1 + 5 + 5x0.5 + 2

	adjacent := tiers(tier(0, to(10), "1.00", "5"), tier(10, to(20), "0.50", "2"), tier(20, nil, "0.1", "0"))
	f(Graduated, adjacent, "15", "19.5", "1.3")
	f(Graduated, adjacent, "20", "22", "1.1")               // 10x1 + 5 + 10x0.5 + 2
	f(Graduated, adjacent, "30", "23", "0.766666666666667") // and 10x0.1

	f(Package, packageOf("25.00", 100, 50), "230", "50", "0.277777777777778") // ceil(180/100) = 2; 50/180
	f(Package, packageOf("25.00", 100, 50), "50", "0", "0")
	f(Package, packageOf("25.00", 100, 50), "50.0000000000000000000001", "25", "250000000000000000000000")
	f(Package, packageOf("25.00", 100, 0), "100", "25", "0.25")
	f(Package, packageOf("25.00", 100, 0), "200.0000000000000000001", "75", "0.375")
}

// The price of whole units, counted one by one.
func TestPriceUnitByUnit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := func(label string) Amount {
			return Amount{decimal.New(rapid.Int64Range(0, 1_000_000).Draw(t, label), -int32(rapid.IntRange(0, 6).Draw(t, label+" digits")))}
		}
		units := rapid.Int64Range(0, 200).Draw(t, "units")
		gap := rapid.Int64Range(0, 1).Draw(t, "gap")
		var p ChargeProperties
		from := int64(0)
		for range rapid.IntRange(0, 5).Draw(t, "ranges") {
			end := from + rapid.Int64Range(1, 40).Draw(t, "width")
			p.GraduatedRanges = append(p.GraduatedRanges, GraduatedRange{from, &end, price("unit"), price("flat")})
			from = end + gap
		}
		p.GraduatedRanges = append(p.GraduatedRanges, GraduatedRange{from, nil, price("unit"), price("flat")})
		if codes := p.Validate(Graduated); codes != nil {
			t.Fatalf("ranges %+v: %v", p.GraduatedRanges, codes)
		}
		// Unit n lies in the first range that reaches to n or further.
		want, entered := p.GraduatedRanges[0].FlatAmount.Decimal, 0
		for n := int64(1); n <= units; n++ {
			if bound := p.GraduatedRanges[entered].ToValue; bound != nil && n > *bound {
				entered++
				want = want.Add(p.GraduatedRanges[entered].FlatAmount.Decimal)
			}
			want = want.Add(p.GraduatedRanges[entered].PerUnitAmount.Decimal)
		}
		if got := mustPrice(t, &p, Graduated, decimal.NewFromInt(units)); !got.Amount.Equal(want) {
			t.Fatalf("%d units cost %s, want %s", units, got.Amount, want)
		}

		size, free := rapid.Int64Range(1, 30).Draw(t, "size"), rapid.Int64Range(0, 100).Draw(t, "free")
		perPackage := price("package")
		p = ChargeProperties{Amount: &perPackage, PackageSize: size, FreeUnits: free}
		want = decimal.Zero
		for n := free; n < units; n += size {
			want = want.Add(perPackage.Decimal)
		}
		if got := mustPrice(t, &p, Package, decimal.NewFromInt(units)); !got.Amount.Equal(want) {
			t.Fatalf("%d units cost %s, want %s", units, got.Amount, want)
		}
	})
}

func TestPriceDetails(t *testing.T) {
	t.Parallel()
	f := func(model ChargeModel, p ChargeProperties, units, want string) {
		t.Helper()
		if got := string(mustPrice(t, &p, model, dec(units)).Details); got != want {
			t.Errorf("details of %s units:\n got %s\nwant %s", units, got, want)
		}
	}
	f(Standard, standardAt("0.05"), "120", `{}`)
	f(Package, packageOf("25.00", 100, 50), "230",
		`{"free_units":"50.0","paid_units":"180.0","per_package_size":100,"per_package_unit_amount":"25.0"}`)
	two := tiers(tier(0, to(10), "1.00", "5"), tier(11, nil, "0.50", "2"))
	f(Graduated, two, "15", `{"graduated_ranges":[`+
		`{"from_value":0,"to_value":10,"flat_unit_amount":"5.0","per_unit_amount":"1.0","units":"10.0","per_unit_total_amount":"10.0","total_with_flat_amount":"15.0"},`+
		`{"from_value":11,"to_value":null,"flat_unit_amount":"2.0","per_unit_amount":"0.5","units":"5.0","per_unit_total_amount":"2.5","total_with_flat_amount":"4.5"}]}`)
	f(Graduated, two, "0", `{"graduated_ranges":[`+
		`{"from_value":0,"to_value":10,"flat_unit_amount":"5.0","per_unit_amount":"1.0","units":"0.0","per_unit_total_amount":"0.0","total_with_flat_amount":"5.0"}]}`)
}

func TestValidateProperties(t *testing.T) {
	t.Parallel()
	f := func(model ChargeModel, p ChargeProperties, want ...string) {
		t.Helper()
		if got := p.Validate(model); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", model, got, want)
		}
	}
	for _, model := range []ChargeModel{Standard, Graduated, Package} {
		f(model, DefaultProperties(model))
	}
	f("gift", DefaultProperties(Standard), CodeInvalidChargeModel)

	f(Standard, ChargeProperties{}, CodeInvalidAmount)
	f(Standard, standardAt("-0.01"), CodeInvalidAmount)
	f(Standard, standardAt("1e38"), CodeInvalidAmount)
	f(Standard, standardAt("9e37"))
	f(Standard, standardAt("1e-39"), CodeInvalidAmount)
	f(Standard, standardAt("1e-38"))

	f(Package, ChargeProperties{FreeUnits: -1}, CodeInvalidAmount, CodeInvalidPackageSize, CodeInvalidFreeUnits)
	f(Package, packageOf("1", -1, 0), CodeInvalidPackageSize)

	bad := func(ranges ...GraduatedRange) {
		t.Helper()
		f(Graduated, tiers(ranges...), CodeInvalidGraduatedRanges)
	}
	f(Graduated, ChargeProperties{}, CodeMissingGraduatedRanges)
	f(Graduated, tiers(tier(0, nil, "-1", "0")), CodeInvalidAmount)
	f(Graduated, tiers(tier(1, nil, "1", "-1")), CodeInvalidAmount, CodeInvalidGraduatedRanges)
	bad(tier(1, nil, "0", "0"))
	bad(tier(0, to(10), "0", "0"))
	bad(tier(0, nil, "0", "0"), tier(11, nil, "0", "0"))
	bad(tier(0, to(10), "0", "0"), tier(12, nil, "0", "0"))
	bad(tier(0, to(10), "0", "0"), tier(9, nil, "0", "0"))
	bad(tier(0, to(10), "0", "0"), tier(11, to(20), "0", "0"), tier(20, nil, "0", "0")) // not consistent
	bad(tier(0, to(10), "0", "0"), tier(11, to(10), "0", "0"), tier(11, nil, "0", "0"))
	bad(tier(0, to(10), "0", "0"), tier(10, to(10), "0", "0"), tier(10, nil, "0", "0"))
	bad(tier(0, to(10), "0", "0"), tier(11, nil, "0", "0"), tier(11, nil, "0", "0"))
	f(Graduated, tiers(tier(0, to(0), "0", "0"), tier(1, nil, "0", "0"))) // nothing, or something
	many := tiers()
	for i := int64(0); i < GraduatedRangesMax; i++ {
		many.GraduatedRanges = append(many.GraduatedRanges, tier(i*2, to(i*2+1), "0", "0"))
	}
	many.GraduatedRanges[GraduatedRangesMax-1].ToValue = nil
	f(Graduated, many)
	many.GraduatedRanges[GraduatedRangesMax-1].ToValue = to(2*GraduatedRangesMax - 1)
	bad(append(many.GraduatedRanges, tier(2*GraduatedRangesMax, nil, "0", "0"))...)
}
