package aggregator

import (
	"encoding/binary"
	"errors"
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
// would be needed); the rest go to a part of arbitrary precision. The value does
// not depend on the order of additions and merges.
//
// The zero Sum is 0. A Sum may be copied: the copies are independent.
type Sum struct {
	hi   int64 // two's complement, billionths
	lo   uint64
	wide decimal.Decimal // what did not fit; its memory is never written again
}

// AddScaled adds n billionths.
func (s *Sum) AddScaled(n int64) {
	lo, carry := bits.Add64(s.lo, uint64(n), 0)
	s.lo = lo
	s.hi += n>>63 + int64(carry)
}

// addWide adds a number that does not fit AddScaled.
func (s *Sum) addWide(d decimal.Decimal) { s.wide = s.wide.Add(d) }

// Merge adds another sum.
func (s *Sum) Merge(other *Sum) {
	lo, carry := bits.Add64(s.lo, other.lo, 0)
	s.lo = lo
	s.hi += other.hi + int64(carry)
	if other.wide.Sign() != 0 {
		s.addWide(other.wide)
	}
}

// Decimal returns the value, exactly.
func (s *Sum) Decimal() decimal.Decimal {
	narrow := decimal.NewFromBigInt(s.narrow(), -sumScale)
	if s.wide.Sign() == 0 {
		return narrow
	}
	return narrow.Add(s.wide)
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

var errCorruptSum = errors.New("sum is corrupt")

// appendSum appends the binary form; equal parts give equal bytes.
func appendSum(dst []byte, s *Sum) []byte {
	form := byte(sumForm128)
	if s.hi == int64(s.lo)>>63 {
		form = sumForm64
	}
	if s.wide.Sign() != 0 {
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
		dst = appendDecimal(dst, s.wide)
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
	s.wide = wide
	return s, err
}

func decodeDecimal(b []byte) (decimal.Decimal, error) {
	exponent, size := binary.Varint(b)
	if size <= 0 || exponent != int64(int32(exponent)) || len(b) <= size {
		return decimal.Decimal{}, errCorruptSum
	}
	sign := b[size]
	b = b[size+1:]
	length, size := binary.Uvarint(b)
	if size <= 0 || uint64(len(b)-size) != length || sign > 1 {
		return decimal.Decimal{}, errCorruptSum
	}
	coefficient := new(big.Int).SetBytes(b[size:])
	if sign == 1 {
		coefficient.Neg(coefficient)
	}
	return decimal.NewFromBigInt(coefficient, int32(exponent)), nil
}

// Quantity is what one event adds to a counter. The zero Quantity adds nothing
// but the event itself.
type Quantity struct {
	scaled int64  // billionths
	wide   []byte // decimal text that does not fit scaled; nil when it does
}

// quantityOf returns the quantity of a decimal text, which stays owned by the
// caller; ok is false when it is not a number.
func quantityOf(text []byte) (q Quantity, ok bool) {
	if scaled, ok := ingest.ParseScaled(text); ok {
		return Quantity{scaled: scaled}, true
	}
	if _, err := decimal.NewFromString(string(text)); err != nil {
		return Quantity{}, false
	}
	return Quantity{wide: text}, true
}

// Add adds a quantity.
func (s *Sum) Add(q Quantity) {
	if q.wide == nil {
		s.AddScaled(q.scaled)
		return
	}
	d, err := decimal.NewFromString(string(q.wide))
	if err != nil {
		panic("BUG: quantity is not a number")
	}
	s.addWide(d)
}
