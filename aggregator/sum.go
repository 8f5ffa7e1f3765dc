package aggregator

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/bits"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// sumScale is the number of decimals of the narrow part of a Sum. It stands in
// counters: it is for ever.
const sumScale = 9

// The narrow part adds what ingest scales.
const _ = uint(sumScale-ingest.ScaleDigits) + uint(ingest.ScaleDigits-sumScale)

// Sum adds numbers exactly. Those that fit a 64-bit integer of billionths go to a
// 128-bit accumulator, which no number of events can overflow (2^63 of them
// would be needed); the rest, and what products make too large for 128 bits, go to a
// part of arbitrary precision. The value does not depend on the order of additions and merges.
//
// The zero Sum is 0. A Sum may be copied: the copies are independent.
type Sum struct {
	hi   int64 // two's complement, billionths
	lo   uint64
	wide *decimal.Decimal // what did not fit, nil = nothing; it is never written again
}

// AddScaled adds n billionths.
func (s *Sum) AddScaled(n int64) { s.add128(n>>63, uint64(n)) }

// Add adds a number.
func (s *Sum) Add(n Number) {
	if n.wide == nil {
		s.AddScaled(n.scaled)
		return
	}
	s.addWide(*n.wide)
}

// Sub subtracts a number.
func (s *Sum) Sub(n Number) {
	if n.wide == nil && n.scaled != math.MinInt64 {
		s.AddScaled(-n.scaled)
		return
	}
	s.addWide(n.Decimal().Neg())
}

// add128 adds a number of billionths in 128 bits. Where the sum would not fit, what
// there was goes to the wide part.
func (s *Sum) add128(hi int64, lo uint64) {
	newLo, carry := bits.Add64(s.lo, lo, 0)
	newHi := s.hi + hi + int64(carry)
	if (s.hi < 0) == (hi < 0) && (newHi < 0) != (hi < 0) {
		s.addWide(decimal.NewFromBigInt(s.narrow(), -sumScale))
		newHi, newLo = hi, lo
	}
	s.hi, s.lo = newHi, newLo
}

// addWide adds a number that does not fit AddScaled.
func (s *Sum) addWide(d decimal.Decimal) {
	if s.wide != nil {
		d = s.wide.Add(d)
	}
	s.wide = &d
}

// hasWide reports whether the wide part is not 0.
func (s *Sum) hasWide() bool { return s.wide != nil && s.wide.Sign() != 0 }

// Merge adds another sum.
func (s *Sum) Merge(other *Sum) {
	s.add128(other.hi, other.lo)
	if other.hasWide() {
		s.addWide(*other.wide)
	}
}

// addNumberProduct adds a number times a factor.
func (s *Sum) addNumberProduct(n Number, factor int64) {
	if n.wide != nil {
		s.addWide(n.wide.Mul(decimal.NewFromInt(factor)))
		return
	}
	hi, lo := bits.Mul64(uint64(n.scaled), uint64(factor))
	if n.scaled < 0 { // the product of two's complements, made signed
		hi -= uint64(factor)
	}
	if factor < 0 {
		hi -= uint64(n.scaled)
	}
	s.add128(int64(hi), lo)
}

// addProduct adds another sum times a factor.
func (s *Sum) addProduct(other *Sum, factor int64) {
	if other.hi == int64(other.lo)>>63 && !other.hasWide() {
		s.addNumberProduct(Number{scaled: int64(other.lo)}, factor)
		return
	}
	s.addWide(other.Decimal().Mul(decimal.NewFromInt(factor)))
}

// IsZero reports whether the sum is 0.
func (s *Sum) IsZero() bool {
	if !s.hasWide() {
		return s.hi == 0 && s.lo == 0
	}
	return s.Decimal().IsZero()
}

// Equal reports whether two sums are the same number.
func (s *Sum) Equal(other *Sum) bool {
	if !s.hasWide() && !other.hasWide() {
		return s.hi == other.hi && s.lo == other.lo
	}
	return s.Decimal().Equal(other.Decimal())
}

// compare orders sums by value.
func (s *Sum) compare(other *Sum) int {
	if s.hasWide() || other.hasWide() {
		return s.Decimal().Cmp(other.Decimal())
	}
	return cmp.Or(cmp.Compare(s.hi, other.hi), cmp.Compare(s.lo, other.lo))
}

// sign returns -1, 0 or 1, as the sum is below 0, 0 or above.
func (s *Sum) sign() int { return s.compare(new(Sum)) }

// number returns the sum as one number.
func (s *Sum) number() Number {
	if s.hi == int64(s.lo)>>63 && !s.hasWide() {
		return Number{scaled: int64(s.lo)}
	}
	d := s.Decimal()
	return Number{wide: &d}
}

// Decimal returns the value, exactly.
func (s *Sum) Decimal() decimal.Decimal {
	narrow := decimal.NewFromBigInt(s.narrow(), -sumScale)
	if !s.hasWide() {
		return narrow
	}
	return narrow.Add(*s.wide)
}

// narrow returns the narrow part in billionths.
func (s *Sum) narrow() *big.Int {
	n := new(big.Int).Lsh(big.NewInt(s.hi), 64)
	return n.Add(n, new(big.Int).SetUint64(s.lo))
}

// The forms of an encoded sum: its first byte.
const (
	sumForm64  = 0x00 // narrow as signed varint
	sumForm128 = 0x01 // narrow as 16 bytes, big-endian two's complement
	sumWide    = 0x80 // flag: the wide part follows
)

// exponentMax bounds the exponent of a wide part that is read, up and down. What an
// expression gives has at most ingest.PropertyValueBytesMax digits, zeros included. Adding up
// numbers writes out all the zeros that lie between them: a corrupt one must not ask for that.
const exponentMax = 4 * ingest.PropertyValueBytesMax

var errCorruptSum = errors.New("sum is corrupt")

// appendSum appends the binary form; equal parts give equal bytes.
func appendSum(dst []byte, s *Sum) []byte {
	form := byte(sumForm128)
	if s.hi == int64(s.lo)>>63 {
		form = sumForm64
	}
	if s.hasWide() {
		form |= sumWide
	}
	dst = append(dst, form)
	if form&^sumWide == sumForm64 {
		dst = binary.AppendVarint(dst, int64(s.lo))
	} else {
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.hi))
		dst = binary.BigEndian.AppendUint64(dst, s.lo)
	}
	if form&sumWide != 0 {
		dst = appendDecimal(dst, *s.wide)
	}
	return dst
}

// appendDecimal appends exponent, sign and magnitude, without trailing zeros of the coefficient.
func appendDecimal(dst []byte, d decimal.Decimal) []byte {
	coefficient, exponent := d.Coefficient(), int64(d.Exponent())
	ten, quotient, rest := big.NewInt(10), new(big.Int), new(big.Int)
	for {
		quotient.QuoRem(coefficient, ten, rest)
		if rest.Sign() != 0 {
			break
		}
		coefficient, quotient = quotient, coefficient
		exponent++
	}
	dst = binary.AppendVarint(dst, exponent)
	sign := byte(0)
	if coefficient.Sign() < 0 {
		sign = 1
	}
	magnitude := coefficient.Bytes()
	dst = append(dst, sign)
	dst = binary.AppendUvarint(dst, uint64(len(magnitude)))
	return append(dst, magnitude...)
}

// decodeSum reads what appendSum wrote, to the end of b.
func decodeSum(b []byte) (Sum, error) {
	var s Sum
	if len(b) == 0 {
		return s, errCorruptSum
	}
	form := b[0]
	b = b[1:]
	switch form &^ sumWide {
	case sumForm64:
		n, size := binary.Varint(b)
		if size <= 0 {
			return s, errCorruptSum
		}
		s.hi, s.lo = n>>63, uint64(n)
		b = b[size:]
	case sumForm128:
		if len(b) < 16 {
			return s, errCorruptSum
		}
		s.hi, s.lo = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
		b = b[16:]
	default:
		return s, errCorruptSum
	}
	if form&sumWide == 0 {
		if len(b) != 0 {
			return s, errCorruptSum
		}
		return s, nil
	}
	wide, err := decodeDecimal(b)
	s.wide = &wide
	return s, err
}

func decodeDecimal(b []byte) (decimal.Decimal, error) {
	exponent, size := binary.Varint(b)
	if size <= 0 || exponent < -exponentMax || exponent > exponentMax || len(b) <= size {
		return decimal.Decimal{}, errCorruptSum
	}
	sign := b[size]
	b = b[size+1:]
	length, size := binary.Uvarint(b)
	if size <= 0 || uint64(len(b)-size) != length || sign > 1 {
		return decimal.Decimal{}, errCorruptSum
	}
	if length == 0 {
		return decimal.Decimal{}, errCorruptSum
	}
	coefficient := new(big.Int).SetBytes(b[size:])
	if last := new(big.Int).Rem(coefficient, big.NewInt(10)); last.Sign() == 0 { // appendDecimal leaves no zeros
		return decimal.Decimal{}, errCorruptSum
	}
	if sign == 1 {
		coefficient.Neg(coefficient)
	}
	return decimal.NewFromBigInt(coefficient, int32(exponent)), nil
}
