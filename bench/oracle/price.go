package oracle

import "math/big"

// Price turns units into an amount of money, in units of the currency, not rounded.
type Price interface {
	Amount(units *big.Rat) *big.Rat
}

// Standard prices every unit alike.
type Standard struct {
	PerUnit *big.Rat
}

// Amount returns units × PerUnit.
func (s Standard) Amount(units *big.Rat) *big.Rat {
	return new(big.Rat).Mul(units, s.PerUnit)
}

// Package sells packages of Size units; the first Free units cost nothing.
type Package struct {
	PerPackage *big.Rat
	Size, Free int64
}

// Amount returns the price of as many whole packages as hold the units that are not free.
func (p Package) Amount(units *big.Rat) *big.Rat {
	left := new(big.Rat).Sub(units, big.NewRat(p.Free, 1))
	packages := int64(0)
	for left.Sign() > 0 { // one package after the other
		packages++
		left.Sub(left, big.NewRat(p.Size, 1))
	}
	return new(big.Rat).Mul(big.NewRat(packages, 1), p.PerPackage)
}

// Tier is one range of a graduated price: the units above the tier before, up to
// and including UpTo.
type Tier struct {
	UpTo    *big.Rat // nil: all the rest
	PerUnit *big.Rat
	Flat    *big.Rat // due once when a unit falls into the tier; of the first tier always
}

// Graduated prices each unit by the tier it falls into.
type Graduated []Tier

// Amount walks the tiers upwards until the units are used up.
func (g Graduated) Amount(units *big.Rat) *big.Rat {
	amount := new(big.Rat)
	below := new(big.Rat) // upper end of the tier before
	for i, tier := range g {
		if i > 0 && units.Cmp(below) <= 0 {
			break
		}
		top := units
		if tier.UpTo != nil && tier.UpTo.Cmp(units) < 0 {
			top = tier.UpTo
		}
		inTier := new(big.Rat).Sub(top, below)
		amount.Add(amount, inTier.Mul(inTier, tier.PerUnit))
		amount.Add(amount, tier.Flat)
		if tier.UpTo == nil {
			break
		}
		below = tier.UpTo
	}
	return amount
}

// Cents rounds an amount to minor units of a currency with so many digits, half away from zero.
func Cents(amount *big.Rat, digits int) int64 {
	scaled := new(big.Rat).Set(amount)
	for range digits {
		scaled.Mul(scaled, big.NewRat(10, 1))
	}
	negative := scaled.Sign() < 0
	scaled.Abs(scaled)
	// floor(x + 1/2) = floor((2n + d) / 2d), x = n/d
	twice := new(big.Int).Lsh(scaled.Num(), 1)
	twice.Add(twice, scaled.Denom())
	cents := twice.Quo(twice, new(big.Int).Lsh(scaled.Denom(), 1))
	if negative {
		cents.Neg(cents)
	}
	if !cents.IsInt64() {
		panic("BUG: an amount does not fit 64 bits: " + amount.FloatString(digits))
	}
	return cents.Int64()
}
