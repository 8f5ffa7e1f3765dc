package ingest

import (
	"bytes"
	"math"
	"math/bits"
)

// A decimal text is -?digits[.digits][e[+-]digits]: a JSON number, or one with
// zeros in front, as numeric strings may have them. The functions of this file
// take any bytes and allocate nothing.

// ScaleDigits is how many decimals a scaled number has.
const ScaleDigits = 9

// ParseScaled returns a decimal text's value times 10^9. ok is false when that is
// not a whole number, exceeds ±math.MaxInt64, or text is not decimal.
func ParseScaled(text []byte) (scaled int64, ok bool) {
	if scaled, ok := parseShort(text); ok {
		return scaled, true
	}
	scaled, fault := parseScaled(text)
	return scaled, fault == scaleOK
}

// AppendPlain appends a decimal text's value in its shortest plain form: 1, 1.0
// and 1e0 are all "1", 5e-1 is "0.5", -0 is "0". A text that is not decimal, or
// has more than NumberDigitsMax digits, is appended as it is.
func AppendPlain(dst, text []byte) []byte {
	d, ok := splitDecimal(text)
	if !ok || d.digits() > NumberDigitsMax {
		return append(dst, text...)
	}
	d = d.shortest()
	return d.appendPlain(dst)
}

// appendPlain is AppendPlain of a text without zeros at its ends.
func (d *decimalText) appendPlain(dst []byte) []byte {
	n, place := d.count(), d.place()
	if n == 0 {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	point := n + place // digits in front of the point
	if point <= 0 {
		dst = append(dst, '0', '.')
		dst = appendZeros(dst, -point)
		return d.appendDigits(dst, 0, n)
	}
	if place >= 0 {
		dst = d.appendDigits(dst, 0, n)
		return appendZeros(dst, place)
	}
	dst = d.appendDigits(dst, 0, point)
	dst = append(dst, '.')
	return d.appendDigits(dst, point, n)
}

// NumericText returns the decimal text of a property that a sum takes: a number,
// or a string that is -?digits[.digits] and nothing else, as Lago has it, of at
// most NumberDigitsMax digits. The text belongs to the property.
func NumericText(p Property) (text []byte, ok bool) {
	switch p.Kind {
	case KindNumber:
		return p.Text, true
	case KindString:
		if isPlain(p.Text) && (len(p.Text) <= NumberDigitsMax || numberFits(p.Text)) {
			return p.Text, true
		}
	}
	return nil, false
}

// scaleFault says why a decimal text has no scaled value.
type scaleFault uint8

const (
	scaleOK         scaleFault = iota
	scaleNotDecimal            // text is not a decimal
	scaleTooFine               // it has digits beyond the last decimal
	scaleTooLarge              // it exceeds an int64
)

var powersOf10 = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// parseShort is ParseScaled for the texts that nearly all numbers are: at most
// 20 bytes, no exponent, at most nine decimals. When it says no, ask parseScaled.
func parseShort(text []byte) (int64, bool) {
	const bytesMax = 20 // 19 digits fit a uint64, and a point
	digits := text
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > bytesMax {
		return 0, false
	}
	var m uint64
	point := len(digits)
	for i, c := range digits {
		if c -= '0'; c <= 9 {
			m = m*10 + uint64(c)
			continue
		}
		if digits[i] != '.' || point != len(digits) || i == 0 {
			return 0, false
		}
		point = i
	}
	decimals := 0
	if point < len(digits) {
		decimals = len(digits) - 1 - point
		if decimals == 0 {
			return 0, false
		}
	} else if len(digits) == bytesMax {
		return 0, false // 20 digits and no point
	}
	if decimals > ScaleDigits {
		return 0, false
	}
	hi, lo := bits.Mul64(m, powersOf10[ScaleDigits-decimals])
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(lo), true
	}
	return int64(lo), true
}

func parseScaled(text []byte) (int64, scaleFault) {
	d, ok := splitDecimal(text)
	if !ok {
		return 0, scaleNotDecimal
	}
	d = d.shortest()
	n := d.count()
	if n == 0 {
		return 0, scaleOK
	}
	shift := d.place() + ScaleDigits
	if shift < 0 {
		return 0, scaleTooFine
	}
	if n+shift > 19 {
		return 0, scaleTooLarge
	}
	var m uint64
	for i := range n {
		m = m*10 + uint64(d.digit(i)-'0')
	}
	hi, lo := bits.Mul64(m, powersOf10[shift])
	if hi != 0 || lo > math.MaxInt64 {
		return 0, scaleTooLarge
	}
	if d.negative {
		return -int64(lo), scaleOK
	}
	return int64(lo), scaleOK
}

// numberFits reports whether a decimal text keeps to NumberDigitsMax.
func numberFits(text []byte) bool {
	d, ok := splitDecimal(text)
	return ok && d.digits() <= NumberDigitsMax
}

// isPlain reports whether text is -?digits[.digits].
func isPlain(text []byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	whole := countDigits(text)
	if whole == 0 {
		return false
	}
	if whole == len(text) {
		return true
	}
	frac := text[whole+1:]
	return text[whole] == '.' && len(frac) > 0 && countDigits(frac) == len(frac)
}

func countDigits(text []byte) int {
	for i, c := range text {
		if c-'0' > 9 {
			return i
		}
	}
	return len(text)
}

// exponentMax bounds exponents: a larger one counts as this. It is far above the
// length of any text, so that no digits could make up for it.
const exponentMax = 1 << 30

// decimalText is a decimal text in its parts: the digits whole and frac, one
// after the other, times 10^place.
type decimalText struct {
	negative    bool
	whole, frac []byte // whole has no zeros in front
	exponent    int
}

func splitDecimal(text []byte) (d decimalText, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		d.negative = true
		text = text[1:]
	}
	n := countDigits(text)
	if n == 0 {
		return d, false
	}
	d.whole, text = bytes.TrimLeft(text[:n], "0"), text[n:]
	if len(text) > 0 && text[0] == '.' {
		n = countDigits(text[1:])
		if n == 0 {
			return d, false
		}
		d.frac, text = text[1:1+n], text[1+n:]
	}
	if len(text) == 0 {
		return d, true
	}
	if text[0]|0x20 != 'e' {
		return d, false
	}
	d.exponent, ok = parseExponent(text[1:])
	return d, ok
}

func parseExponent(text []byte) (exponent int, ok bool) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 || countDigits(text) != len(text) {
		return 0, false
	}
	for _, c := range text {
		exponent = min(exponent*10+int(c-'0'), exponentMax)
	}
	if negative {
		return -exponent, true
	}
	return exponent, true
}

// place is the power of ten of the last digit.
func (d *decimalText) place() int { return d.exponent - len(d.frac) }

// count is the number of digits from the first that is not zero to the last.
func (d *decimalText) count() int {
	if len(d.whole) > 0 {
		return len(d.whole) + len(d.frac)
	}
	return len(bytes.TrimLeft(d.frac, "0"))
}

// digits is how many digits the number has as written with its exponent applied,
// zeros in front not counted: 0.50 has two, 1e3 four, 5e-3 three.
func (d *decimalText) digits() int {
	behind := max(0, -d.place())
	n := d.count()
	if n == 0 {
		return behind
	}
	return max(0, n+d.place()) + behind
}

// shortest drops the zeros at both ends.
func (d decimalText) shortest() decimalText {
	d.frac = bytes.TrimRight(d.frac, "0")
	if len(d.frac) == 0 {
		n := len(d.whole)
		d.whole = bytes.TrimRight(d.whole, "0")
		d.exponent += n - len(d.whole)
	}
	if len(d.whole) == 0 {
		// The place counts from the last digit: zeros in front can go, if the
		// exponent makes up for them.
		n := len(d.frac)
		d.frac = bytes.TrimLeft(d.frac, "0")
		d.exponent += len(d.frac) - n
	}
	return d
}

// digit returns the i-th digit of whole and frac.
func (d *decimalText) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.frac[i-len(d.whole)]
}

func (d *decimalText) appendDigits(dst []byte, from, to int) []byte {
	for i := from; i < to; i++ {
		dst = append(dst, d.digit(i))
	}
	return dst
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}
