package billing

import (
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// PrecisionDigits is how many digits after the point a quotient keeps (unit amounts,
// a day's share of a base fee) and how many FormatDecimal prints. Sums and products
// are exact and keep all of theirs.
const PrecisionDigits = 15

// Currency is an ISO 4217 code, upper case.
type Currency string

// Valid reports whether the currency is one we can invoice in.
func (c Currency) Valid() bool {
	_, ok := currencyDigits[c]
	return ok
}

// Digits returns how many digits after the point the currency's minor unit is: 2 for
// USD, 0 for JPY, 3 for BHD, 4 for CLF. It panics for a currency that is not Valid:
// those are refused at the API.
func (c Currency) Digits() int32 {
	digits, ok := currencyDigits[c]
	if !ok {
		panic(fmt.Sprintf("BUG: digits of unknown currency %q", string(c)))
	}
	return digits
}

// ErrTooLarge: an amount does not fit an int64 of minor units.
var ErrTooLarge = errors.New("amount is too large")

// Cents returns an amount of currency units in minor units, rounded half away from
// zero. It is ErrTooLarge if that does not fit an int64.
func Cents(amount decimal.Decimal, currency Currency) (int64, error) {
	return roundCents(PreciseCents(amount, currency))
}

// PreciseCents returns an amount of currency units in minor units, exactly.
func PreciseCents(amount decimal.Decimal, currency Currency) decimal.Decimal {
	return amount.Shift(currency.Digits())
}

// FromCents returns minor units as an amount of currency units, exactly.
func FromCents(cents int64, currency Currency) decimal.Decimal {
	return decimal.New(cents, -currency.Digits())
}

// FormatDecimal returns d as Lago's API prints decimals: plain, at most
// PrecisionDigits digits after the point (rounded half away from zero) and at least
// one: "10.0", "0.0", "53.333333333333333".
func FormatDecimal(d decimal.Decimal) string {
	text := d.Round(PrecisionDigits).String() // plain and without trailing zeros
	if strings.Contains(text, ".") {
		return text
	}
	return text + ".0"
}

// AddCents returns a+b, or ErrTooLarge if that does not fit an int64.
func AddCents(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) {
		return 0, fmt.Errorf("%w: %d + %d minor units", ErrTooLarge, a, b)
	}
	return sum, nil
}

// roundCents rounds minor units half away from zero.
func roundCents(precise decimal.Decimal) (int64, error) {
	rounded := precise.Round(0).BigInt()
	if !rounded.IsInt64() {
		return 0, fmt.Errorf("%w: %s minor units", ErrTooLarge, precise)
	}
	return rounded.Int64(), nil
}

// divide returns a/b to PrecisionDigits, 0 when b is 0.
func divide(a, b decimal.Decimal) decimal.Decimal {
	if b.IsZero() {
		return decimal.Zero
	}
	return a.DivRound(b, PrecisionDigits)
}

// ceilQuotient returns a/b raised to so many digits after the point, exactly, for a >= 0 and b > 0:
// a quotient of 1.0000000000000000001 that was rounded before would lose a package.
func ceilQuotient(a decimal.Decimal, b int64, digits int32) decimal.Decimal {
	quotient, rest := a.QuoRem(decimal.NewFromInt(b), digits)
	if rest.IsPositive() {
		quotient = quotient.Add(decimal.New(1, -digits))
	}
	return quotient
}

// ProratedDigits is how many digits after the point prorated units have: they are raised to them (Lago).
const ProratedDigits = 5

// proratedUnits returns units that are counted by the days they were there, out of all days of
// the period; less than nothing is nothing.
func proratedUnits(unitDays decimal.Decimal, days int64) (decimal.Decimal, error) {
	if days < 1 {
		return decimal.Zero, fmt.Errorf("metering has prorated units by %d days", days)
	}
	return ceilQuotient(decimal.Max(unitDays, decimal.Zero), days, ProratedDigits), nil
}

// roundUnits rounds a period's units as the metric says: round (half away from zero),
// ceil or floor, to precision digits after the point; negative: before it.
func roundUnits(units decimal.Decimal, function string, precision int) decimal.Decimal {
	digits := int32(precision)
	switch function {
	case RoundNearest:
		return units.Round(digits)
	case RoundCeil:
		return units.Shift(digits).Ceil().Shift(-digits)
	case RoundFloor:
		return units.Shift(digits).Floor().Shift(-digits)
	}
	return units
}
