package api

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"weir/billing"
)

// Decimals of a request. They are plain digits: what was a float on its way is refused where it
// is a price.

// amount returns a member that is a price or a rate: a decimal, not negative, as a string. A
// JSON number is refused, as Lago does: it may have been a float on its way. Whatever is
// wrong, or missing, is the fault code.
func (f form) amount(name, code string) (a billing.Amount, ok bool) {
	value := f.members[name]
	if value.Kind() != '"' {
		f.fault(name, code)
		return billing.Amount{}, false
	}
	a, ok = parseAmount(strings.Trim(string(value), `"`))
	if !ok {
		f.overLimit(name, code,
			fmt.Sprintf("a decimal from 0 on, at most %d digits", amountDigitsMax))
	}
	return a, ok
}

// decimal returns a member that is a plain decimal from 0 to max with at most places digits
// after the point, as a JSON number or as its text. ok is false when it is absent, null or
// faulty.
func (f form) decimal(name string, max int64, places int32) (d decimal.Decimal, ok bool) {
	value, given := f.given(name)
	if !given {
		return decimal.Decimal{}, false
	}
	limit := fmt.Sprintf("a decimal from 0 to %d, at most %d digits after the point", max, places)
	text, negative := strings.CutPrefix(strings.Trim(string(value), `"`), "-")
	a, ok := parseAmount(text)
	switch {
	case !ok:
		f.overLimit(name, billing.CodeInvalid, limit)
		return decimal.Decimal{}, false
	case negative && !a.IsZero(), a.GreaterThan(decimal.NewFromInt(max)), !a.Truncate(places).Equal(a.Decimal):
		f.overLimit(name, billing.CodeOutOfRange, limit)
		return decimal.Decimal{}, false
	}
	return a.Decimal, true
}

// parseAmount reads plain decimal text: digits, and perhaps a point and digits.
func parseAmount(s string) (billing.Amount, bool) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if !digits(whole) || (pointed && !digits(fraction)) ||
		len(whole)+len(fraction) > amountDigitsMax {
		return billing.Amount{}, false
	}
	d, err := decimal.NewFromString(s)
	return billing.Amount{Decimal: d}, err == nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
