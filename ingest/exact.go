package ingest

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// exact is a decimal number without any rounding: its coefficient times
// 10^-decimals. Nearly all coefficients fit an int64, and calculating with those
// allocates nothing; the others are big integers. There may be zeros behind the last
// decimal: nothing that can be seen depends on them.
//
// The results of calculations may exceed ExpressionDigitsMax; whoever goes on with
// one checks that it fits.
type exact struct {
	small    int64    // the coefficient, not math.MinInt64, when large is nil
	large    *big.Int // the coefficient that is not small; shared, so never changed
	decimals int      // 0 or more
}

// parseExact returns a decimal text's number. ok is false when the text is not
// decimal or has more than NumberDigitsMax digits.
func parseExact(text []byte) (x exact, ok bool) {
	if x, ok := shortExact(text); ok {
		return x, true
	}
	return parseLongExact(text, NumberDigitsMax)
}

// parseLongExact is parseExact with digitsMax in place of NumberDigitsMax.
func parseLongExact(text []byte, digitsMax int) (x exact, ok bool) {
	d, ok := splitDecimal(text)
	if !ok || d.digits() > digitsMax {
		return exact{}, false
	}
	d = d.shortest()
	n := d.count()
	if n == 0 {
		return exact{}, true
	}
	zeros := max(0, d.place())
	x.decimals = max(0, -d.place())
	const smallDigitsMax = 18 // always fit an int64
	if n+zeros <= smallDigitsMax {
		for i := range n {
			x.small = x.small*10 + int64(d.digit(i)-'0')
		}
		x.small *= int64(powersOf10[zeros])
	} else {
		digits := appendZeros(d.appendDigits(nil, 0, n), zeros)
		coefficient, _ := new(big.Int).SetString(string(digits), 10)
		x = exactOf(coefficient, x.decimals)
	}
	if d.negative {
		x = x.negated()
	}
	return x, true
}

// shortExact is parseExact for the texts that nearly all numbers are: at most 18
// bytes and no exponent. When it says no, ask parseExact.
func shortExact(text []byte) (x exact, ok bool) {
	const bytesMax = 18 // 18 digits fit an int64
	digits := text
	if len(text) > 0 && text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > bytesMax {
		return exact{}, false
	}
	point := -1
	for i, c := range digits {
		if c -= '0'; c <= 9 {
			x.small = x.small*10 + int64(c)
			continue
		}
		if digits[i] != '.' || point >= 0 || i == 0 || i == len(digits)-1 {
			return exact{}, false
		}
		point = i
	}
	if point >= 0 {
		x.decimals = len(digits) - 1 - point
	}
	if len(digits) < len(text) {
		x.small = -x.small
	}
	return x, true
}

// exactOf returns the number of a coefficient, which it takes over.
func exactOf(coefficient *big.Int, decimals int) exact {
	if coefficient.IsInt64() && coefficient.Int64() != math.MinInt64 {
		return exact{small: coefficient.Int64(), decimals: decimals}
	}
	return exact{large: coefficient, decimals: decimals}
}

// appendPlain appends the number's shortest plain form, as AppendPlain does.
func (x exact) appendPlain(dst []byte) []byte {
	var scratch [20]byte // an int64 and its sign
	d := x.text(scratch[:0])
	return d.appendPlain(dst)
}

// text returns the number's text without zeros at its ends, made in scratch.
func (x exact) text(scratch []byte) decimalText {
	if x.large != nil {
		scratch = x.large.Append(scratch, 10)
	} else {
		scratch = strconv.AppendInt(scratch, x.small, 10)
	}
	d, _ := splitDecimal(scratch)
	if !x.isZero() { // zeros behind the point of a zero are no digits of it
		d.exponent = -x.decimals
	}
	return d.shortest()
}

// fits reports whether the number keeps to ExpressionDigitsMax.
func (x exact) fits() bool {
	if x.large == nil && x.decimals <= ExpressionDigitsMax {
		return true // an int64 has 19 digits
	}
	d := x.text(nil)
	return d.digits() <= ExpressionDigitsMax
}

// whole returns the number as an integer in [-most, most], if it is one.
func (x exact) whole(most int) (n int, ok bool) {
	if x.decimals > 0 || x.large != nil {
		d := x.text(nil)
		if d.place() < 0 || d.digits() > len("999999999") {
			return 0, false
		}
		x, _ = parseExact(d.appendPlain(nil))
	}
	return int(x.small), magnitude(x.small) <= uint64(most)
}

// coefficient returns the coefficient, which may be shared.
func (x exact) coefficient() *big.Int {
	if x.large != nil {
		return x.large
	}
	return big.NewInt(x.small)
}

// scaled returns the number times 10^decimals, which may be shared; x has no more
// decimals than that.
func (x exact) scaled(decimals int) *big.Int {
	if decimals == x.decimals {
		return x.coefficient()
	}
	return new(big.Int).Mul(x.coefficient(), bigPowerOf10(decimals-x.decimals))
}

// smallScaled is scaled for numbers that stay small.
func (x exact) smallScaled(decimals int) (int64, bool) {
	n := decimals - x.decimals
	if n == 0 || x.large != nil || n >= len(powersOf10)-1 {
		return x.small, n == 0 && x.large == nil
	}
	return multiplySmall(x.small, int64(powersOf10[n]))
}

// bigPowerOf10 returns 10^n, which may be shared.
func bigPowerOf10(n int) *big.Int {
	if n < len(bigPowersOf10) {
		return bigPowersOf10[n]
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// bigPowersOf10 are the powers that a usual quotient needs.
var bigPowersOf10 = func() (powers [2 * ExpressionQuotientDecimals]*big.Int) {
	for i := range powers {
		powers[i] = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(i)), nil)
	}
	return powers
}()

// multiplySmall returns a × b, and whether it is a small coefficient, if both are.
func multiplySmall(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// magnitude returns |a| of a small coefficient.
func magnitude(a int64) uint64 {
	if a < 0 {
		return uint64(-a)
	}
	return uint64(a)
}

func (x exact) isZero() bool {
	return x.large == nil && x.small == 0
}

func (x exact) negated() exact {
	if x.large == nil {
		x.small = -x.small
		return x
	}
	return exactOf(new(big.Int).Neg(x.large), x.decimals)
}

func (x exact) plus(y exact) exact {
	decimals := max(x.decimals, y.decimals)
	a, okA := x.smallScaled(decimals)
	b, okB := y.smallScaled(decimals)
	if okA && okB {
		sum := a + b // wraps around at most once, which shows in the sign
		if (a < 0) != (b < 0) || (sum < 0) == (a < 0) && sum != math.MinInt64 {
			return exact{small: sum, decimals: decimals}
		}
	}
	return exactOf(new(big.Int).Add(x.scaled(decimals), y.scaled(decimals)), decimals)
}

func (x exact) times(y exact) exact {
	decimals := x.decimals + y.decimals
	if x.large == nil && y.large == nil {
		if product, ok := multiplySmall(x.small, y.small); ok {
			return exact{small: product, decimals: decimals}
		}
	}
	return exactOf(new(big.Int).Mul(x.coefficient(), y.coefficient()), decimals)
}

// over returns x / y, rounded half away from zero to ExpressionQuotientDecimals
// decimals. y is not zero.
func (x exact) over(y exact) exact {
	if q, ok := x.smallOver(y); ok {
		return q
	}
	// x / y = (x × 10^d) / (y × 10^d), and d + 20 in the numerator for the decimals.
	decimals := max(x.decimals, y.decimals)
	numerator := new(big.Int).Mul(x.scaled(decimals), bigPowerOf10(ExpressionQuotientDecimals))
	q := divide(numerator, y.scaled(decimals), roundHalfAway)
	return exactOf(q, ExpressionQuotientDecimals)
}

// smallOver is over in a school's long division: one decimal after the other until
// nothing is left, or a number grows too large.
func (x exact) smallOver(y exact) (q exact, ok bool) {
	decimals := max(x.decimals, y.decimals)
	a, okA := x.smallScaled(decimals)
	b, okB := y.smallScaled(decimals)
	if !okA || !okB {
		return exact{}, false
	}
	divisor := magnitude(b)
	quotient, rest := magnitude(a)/divisor, magnitude(a)%divisor
	for ; rest != 0 && q.decimals < ExpressionQuotientDecimals; q.decimals++ {
		if rest > math.MaxUint64/10 || quotient > (math.MaxInt64-9)/10 {
			return exact{}, false
		}
		rest *= 10
		quotient = quotient*10 + rest/divisor
		rest %= divisor
	}
	if rest >= divisor-rest { // half or more is left
		quotient++
	}
	q.small = int64(quotient)
	if (a < 0) != (b < 0) {
		q.small = -q.small
	}
	return q, quotient <= math.MaxInt64
}

// rounding is how a number is rounded.
type rounding uint8

const (
	roundHalfAway rounding = iota // to the nearest, half away from zero
	roundUp                       // toward positive infinity
	roundDown                     // toward negative infinity
)

// rounded returns x rounded to so many decimals; negative ones round to tens.
func (x exact) rounded(decimals int, how rounding) exact {
	cut := x.decimals - decimals
	if cut <= 0 {
		return x
	}
	if q, ok := x.smallRounded(decimals, how); ok {
		return q
	}
	q := divide(x.coefficient(), bigPowerOf10(cut), how)
	if decimals < 0 {
		q.Mul(q, bigPowerOf10(-decimals))
	}
	return exactOf(q, max(0, decimals))
}

// smallRounded is rounded for numbers that stay small.
func (x exact) smallRounded(decimals int, how rounding) (q exact, ok bool) {
	cut := x.decimals - decimals
	if x.large != nil || cut >= len(powersOf10)-1 {
		return exact{}, false
	}
	divisor := int64(powersOf10[cut])
	quotient, rest := x.small/divisor, x.small%divisor
	half := magnitude(rest) >= uint64(divisor)-magnitude(rest)
	quotient += how.adjustment(x.small < 0, rest != 0, half)
	if decimals < 0 {
		if quotient, ok = multiplySmall(quotient, int64(powersOf10[-decimals])); !ok {
			return exact{}, false
		}
	}
	return exact{small: quotient, decimals: max(0, decimals)}, true
}

// adjustment is what rounding adds to a quotient that was cut off toward zero. rest
// is whether something was cut off, half whether it was half a unit or more.
func (how rounding) adjustment(negative, rest, half bool) int64 {
	switch {
	case !rest:
	case how == roundHalfAway && half && negative, how == roundDown && negative:
		return -1
	case how == roundHalfAway && half && !negative, how == roundUp && !negative:
		return 1
	}
	return 0
}

// divide returns a / b rounded to a whole number; b is not zero.
func divide(a, b *big.Int, how rounding) *big.Int {
	q, rest := new(big.Int).QuoRem(a, b, new(big.Int))
	negative := (a.Sign() < 0) != (b.Sign() < 0)
	isRest := rest.Sign() != 0
	half := rest.Lsh(rest, 1).CmpAbs(b) >= 0
	return q.Add(q, big.NewInt(how.adjustment(negative, isRest, half)))
}
