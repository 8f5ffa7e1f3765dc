package billing

import "github.com/shopspring/decimal"

// Amount is a price as it was given: "0.10" stays "0.10" wherever it is kept or shown.
// It computes as the decimal that it embeds; the zero Amount is 0.
type Amount struct{ decimal.Decimal }

// String returns the price with the digits after the point that it was given with.
func (a Amount) String() string {
	if a.Exponent() < 0 {
		return a.StringFixed(-a.Exponent())
	}
	return a.Decimal.String()
}

// or0 is the amount, 0 where none was given.
func (a *Amount) or0() decimal.Decimal {
	if a == nil {
		return decimal.Zero
	}
	return a.Decimal
}

// MarshalText is String.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON is String as a JSON string.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(`"` + a.String() + `"`), nil }
