package oracle

import (
	"math/big"
	"testing"
)

func tier(upTo, perUnit, flat string) Tier {
	if upTo == "" {
		return Tier{nil, Decimal(perUnit), Decimal(flat)}
	}
	return Tier{Decimal(upTo), Decimal(perUnit), Decimal(flat)}
}

func TestPrices(t *testing.T) {
	t.Parallel()
	graduated := Graduated{tier("10", "1", "5"), tier("", "0.5", "2")}
	three := Graduated{tier("10", "1", "0"), tier("20", "0.5", "3"), tier("", "0.1", "7")}
	packages := Package{Decimal("25"), 100, 50}
	for _, c := range []struct {
		name  string
		price Price
		units string
		want  string
	}{
		{"standard", Standard{Decimal("0.05")}, "120", "6"},
		{"standard, fraction", Standard{Decimal("0.000007")}, "3", "0.000021"},
		{"standard, none", Standard{Decimal("0.05")}, "0", "0"},
		{"graduated", graduated, "15", "19.5"},               // 10×1+5 + 5×0.5+2
		{"graduated, none", graduated, "0", "5"},             // the first flat fee
		{"graduated, full tier", graduated, "10", "15"},      // 10×1+5: the second tier is not entered
		{"graduated, just over", graduated, "10.5", "17.25"}, // 10×1+5 + 0.5×0.5+2
		{"graduated, three", three, "20", "18"},              // 10 + 10×0.5+3
		{"graduated, all three", three, "120", "35"},         // 10 + 5+3 + 100×0.1+7
		{"package", packages, "230", "50"},                   // 180 left: two packages
		{"package, free", packages, "50", "0"},
		{"package, one unit over", packages, "51", "25"},
		{"package, full", packages, "150", "25"},
		{"package, a little over full", packages, "150.1", "50"},
		{"package, none", packages, "0", "0"},
	} {
		if got := c.price.Amount(Decimal(c.units)); got.Cmp(Decimal(c.want)) != 0 {
			t.Errorf("%s: %s units cost %s, want %s", c.name, c.units, got.FloatString(6), c.want)
		}
	}
}

func TestCents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount string
		digits int
		want   int64
	}{
		{"19.50", 2, 1950},
		{"0.005", 2, 1},
		{"0.0049999999999999999999", 2, 0},
		{"-0.005", 2, -1},
		{"-0.0049", 2, 0},
		{"1.5", 0, 2},
		{"2.5", 0, 3}, // away from zero, not to even
		{"1.0005", 3, 1001},
		{"0", 2, 0},
		{"90071992547409.93", 2, 9007199254740993}, // more than a float64 holds
	} {
		if got := Cents(Decimal(c.amount), c.digits); got != c.want {
			t.Errorf("%s with %d digits is %d, want %d", c.amount, c.digits, got, c.want)
		}
	}
	if got := Cents(big.NewRat(2, 3), 2); got != 67 { // 0.666…
		t.Errorf("2/3 is %d cents, want 67", got)
	}
}
