package billing

import (
	"math"
	"testing"

	"github.com/shopspring/decimal"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestCents(t *testing.T) {
	t.Parallel()
	f := func(amount string, currency Currency, want int64) {
		t.Helper()
		got, err := Cents(dec(amount), currency)
		if err != nil || got != want {
			t.Errorf("Cents(%s %s) = %d, %v; want %d", amount, currency, got, err, want)
		}
	}
	f("1.005", "USD", 101) // a binary float would say 100
	f("-1.005", "USD", -101)
	f("1.0049999999999999999", "USD", 100)
	f("0.005", "USD", 1)
	f("0.5", "JPY", 1) // no minor unit: half a yen is rounded
	f("12.5", "JPY", 13)
	f("1.2345", "BHD", 1235) // 1234.5 fils
	f("1.23455", "CLF", 12346)
	f("92233720368547758.07", "USD", math.MaxInt64)
	f("-92233720368547758.08", "USD", math.MinInt64)
}

func TestCentsTooLarge(t *testing.T) {
	t.Parallel()
	for _, amount := range []string{"92233720368547758.075", "-92233720368547758.085", "1e40"} {
		if got, err := Cents(dec(amount), "USD"); err == nil {
			t.Errorf("Cents(%s) = %d, want an error", amount, got)
		}
	}
}

func TestAddCents(t *testing.T) {
	t.Parallel()
	f := func(a, b, want int64, ok bool) {
		t.Helper()
		got, err := AddCents(a, b)
		if (err == nil) != ok || (ok && got != want) {
			t.Errorf("AddCents(%d, %d) = %d, %v", a, b, got, err)
		}
	}
	f(1, 2, 3, true)
	f(0, 0, 0, true)
	f(5, 0, 5, true)
	f(-5, 2, -3, true)
	f(math.MaxInt64, 1, 0, false)
	f(math.MaxInt64, 0, math.MaxInt64, true)
	f(math.MinInt64, -1, 0, false)
	f(math.MaxInt64, math.MinInt64, -1, true)
}

func TestFormatDecimal(t *testing.T) {
	t.Parallel()
	f := func(d decimal.Decimal, want string) {
		t.Helper()
		if got := FormatDecimal(d); got != want {
			t.Errorf("FormatDecimal(%s) = %q, want %q", d, got, want)
		}
	}
	f(decimal.Zero, "0.0")
	f(dec("10"), "10.0")
	f(dec("10.00"), "10.0")
	f(dec("1e3"), "1000.0")
	f(dec("0.05"), "0.05")
	f(dec("-0.10"), "-0.1")
	f(dec("53.3333333333333333333"), "53.333333333333333")
	f(dec("0.0000000000000005"), "0.000000000000001")
	f(dec("-0.0000000000000001"), "0.0")
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	f := func(currency Currency, digits int32) {
		t.Helper()
		if !currency.Valid() || currency.Digits() != digits {
			t.Errorf("%s: valid %v, want %d digits", currency, currency.Valid(), digits)
		}
	}
	f("USD", 2)
	f("EUR", 2)
	f("JPY", 0)
	f("KRW", 0)
	f("BHD", 3)
	f("CLF", 4)
	// Where CLDR differs from ISO 4217.
	f("IQD", 3)
	f("COP", 2)
	f("IDR", 2)
	f("PKR", 2)
	for _, bad := range []Currency{"", "usd", "US", "XXX", "XAU", "USDT"} {
		if bad.Valid() {
			t.Errorf("%q is a currency", bad)
		}
	}
	// 17 + 139 + 7 + 2 of ISO, 6 withdrawn: none stands in two lists.
	if got, want := len(currencyDigits), 171; got != want {
		t.Errorf("%d currencies, want %d", got, want)
	}
}

func TestRoundUnits(t *testing.T) {
	t.Parallel()
	f := func(units, function string, precision int, want string) {
		t.Helper()
		if got := roundUnits(dec(units), function, precision); !got.Equal(dec(want)) {
			t.Errorf("roundUnits(%s, %q, %d) = %s, want %s", units, function, precision, got, want)
		}
	}
	f("1234.5678", "", 0, "1234.5678")
	f("1234.5678", RoundNearest, 2, "1234.57")
	f("1234.5678", RoundNearest, -2, "1200")
	f("1250", RoundNearest, -2, "1300")
	f("1200.01", RoundCeil, -2, "1300")
	f("1200", RoundCeil, -2, "1200")
	f("1299.99", RoundFloor, -2, "1200")
	f("1.21", RoundCeil, 1, "1.3")
	f("1.29", RoundFloor, 1, "1.2")
	f("-1.21", RoundFloor, 1, "-1.3")
}
