package scenarios

import "math/big"

// fraction returns a number from its text.
func fraction(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("BUG: " + text + " is no number")
	}
	return r
}

func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

func plus(a, b *big.Rat) *big.Rat  { return new(big.Rat).Add(a, b) }
func minus(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func over(a, b *big.Rat) *big.Rat  { return new(big.Rat).Quo(a, b) }

// lesser and greater return one of two.
func lesser(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func greater(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

// floor returns the greatest whole number that is not above r.
func floor(r *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Div(r.Num(), r.Denom())) // rounds down, the denominator is positive
}

// ceiling returns the least whole number that is not below r.
func ceiling(r *big.Rat) *big.Rat { return new(big.Rat).Neg(floor(new(big.Rat).Neg(r))) }

// raised returns r with so many decimals, rounded up.
func raised(r *big.Rat, decimals int64) *big.Rat {
	scale := ten(decimals)
	return over(ceiling(times(r, scale)), scale)
}

// rounded returns r, which is not negative, with so many decimals, half a one rounded up.
func rounded(r *big.Rat, decimals int64) *big.Rat {
	scale := ten(decimals)
	return over(floor(plus(times(r, scale), big.NewRat(1, 2))), scale)
}

// ten returns a power of it.
func ten(power int64) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(power), nil))
}

// cents returns an amount in cents, rounded half away from zero. It is not negative.
func cents(amount *big.Rat) int64 {
	return times(rounded(amount, 2), whole(100)).Num().Int64()
}
