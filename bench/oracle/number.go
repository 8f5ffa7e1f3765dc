package oracle

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
)

// quotedDigitsMax is how many digits a number in a string may have, zeros in front not
// counted. A JSON number with more never gets as far as the log.
const quotedDigitsMax = 38

var (
	jsonNumber   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)
	quotedNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

// number returns a property's value as a fraction, nil if it is not a number: a JSON
// number, or a string that is digits, with a minus in front or not, with a point
// between them or not, and without an exponent.
func number(value any) *big.Rat {
	switch v := value.(type) {
	case json.Number:
		if jsonNumber.MatchString(v.String()) {
			return Decimal(v.String())
		}
	case string:
		if quotedNumber.MatchString(v) && digitsOf(v) <= quotedDigitsMax {
			return Decimal(v)
		}
	}
	return nil
}

// digitsOf counts the digits of a quoted number, without the zeros in front.
func digitsOf(text string) int {
	whole, decimals, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return len(strings.TrimLeft(whole, "0")) + len(decimals)
}

// Decimal returns the fraction that a decimal text stands for. It panics on
// anything else.
func Decimal(text string) *big.Rat {
	fraction, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("BUG: " + text + " is not a decimal")
	}
	return fraction
}

// NotNegative returns x, or 0 where it is negative: what a charge bills of its units.
func NotNegative(x *big.Rat) *big.Rat {
	if x.Sign() < 0 {
		return new(big.Rat)
	}
	return x
}

// powerOf10 returns 10^n, n of either sign.
func powerOf10(n int) *big.Rat {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil)
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), power)
	}
	return new(big.Rat).SetInt(power)
}

// floor rounds down, towards -∞, to so many digits after the point.
func floor(x *big.Rat, digits int) *big.Rat {
	scaled := new(big.Rat).Mul(x, powerOf10(digits))
	// Div rounds down when the divisor is positive, as a denominator is.
	whole := new(big.Int).Div(scaled.Num(), scaled.Denom())
	return new(big.Rat).Quo(new(big.Rat).SetInt(whole), powerOf10(digits))
}

// ceil rounds up, towards +∞: -floor(-x).
func ceil(x *big.Rat, digits int) *big.Rat {
	down := floor(new(big.Rat).Neg(x), digits)
	return down.Neg(down)
}

// roundHalfAway rounds to the nearest, halves away from zero.
func roundHalfAway(x *big.Rat, digits int) *big.Rat {
	half := new(big.Rat).Mul(big.NewRat(1, 2), powerOf10(-digits))
	if x.Sign() < 0 {
		return ceil(new(big.Rat).Sub(x, half), digits)
	}
	return floor(new(big.Rat).Add(x, half), digits)
}
