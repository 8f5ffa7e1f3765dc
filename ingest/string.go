package ingest

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string and returns it decoded: the input's own bytes, or, when
// it has escapes, bytes of s.text.
func (s *scanner) string() ([]byte, bool) {
	d := s.data
	from := s.pos + 1
	i := from
	for i+8 <= len(d) {
		if m := specialBytes(binary.LittleEndian.Uint64(d[i:])); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			break
		}
		i += 8
	}
	// Either d[i] is special, or less than eight bytes are left.
	for i < len(d) {
		c := d[i]
		if c == '"' {
			s.pos = i + 1
			return d[from:i:i], true
		}
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return s.stringRest(from, i)
		}
		i++
	}
	return nil, s.fail(i, reasonEnd)
}

// specialBytes returns a word whose lowest set bit is in the first byte of w that
// is not plain: a quote, a backslash, a control character or part of a multi-byte
// character. (A byte above the first may be marked wrongly, by a borrow.)
func specialBytes(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote := w ^ ('"' * ones)
	slash := w ^ ('\\' * ones)
	return ((quote - ones) | (slash - ones) | (w - ' '*ones) | w) & highs
}

// stringRest reads on in a string that began at from, at i: a byte that is not
// plain. Everything before i is plain.
func (s *scanner) stringRest(from, i int) ([]byte, bool) {
	d := s.data
	decoded := len(s.text) // where in text this string begins
	copied := false
	for i < len(d) {
		switch c := d[i]; {
		case c == '"':
			s.pos = i + 1
			if !copied {
				return d[from:i:i], true
			}
			s.text = append(s.text, d[from:i]...)
			return s.text[decoded:len(s.text):len(s.text)], true
		case c == '\\':
			s.text = append(s.text, d[from:i]...)
			copied = true
			n := s.escape(i)
			if n == 0 {
				return nil, false
			}
			i += n
			from = i
		case c < ' ':
			return nil, s.fail(i, reasonControl)
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(d[i:])
			if r == utf8.RuneError && n == 1 {
				return nil, s.failRune(i)
			}
			i += n
		}
	}
	return nil, s.fail(i, reasonEnd)
}

// failRune tells a broken character from one that the input ends in.
func (s *scanner) failRune(i int) bool {
	if !utf8.FullRune(s.data[i:]) {
		return s.fail(len(s.data), reasonEnd)
	}
	return s.fail(i, reasonUTF8)
}

// escape decodes the escape at i onto s.text and returns its length, 0 on a fault.
func (s *scanner) escape(i int) int {
	d := s.data
	if i+1 >= len(d) {
		s.fail(len(d), reasonEnd)
		return 0
	}
	c := d[i+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.escapeUnit(i)
	default:
		s.fail(i, reasonEscape)
		return 0
	}
	s.text = append(s.text, c)
	return 2
}

// escapeUnit is escape for \uXXXX, and for the two of a surrogate pair.
func (s *scanner) escapeUnit(i int) int {
	const unit = len(`\u0000`)
	d := s.data
	r := hexUnit(d, i)
	if r < 0 {
		s.fail(i, reasonEscape)
		return 0
	}
	if !utf16.IsSurrogate(r) {
		if r == 0 {
			s.nuls++
		}
		s.text = utf8.AppendRune(s.text, r)
		return unit
	}
	low := hexUnit(d, i+unit)
	if low < 0 {
		s.fail(i, reasonSurrogate)
		return 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		s.fail(i, reasonSurrogate)
		return 0
	}
	s.text = utf8.AppendRune(s.text, r)
	return 2 * unit
}

// hexUnit returns the value of the \uXXXX at i, -1 if none stands there.
func hexUnit(d []byte, i int) rune {
	if i+6 > len(d) || d[i] != '\\' || d[i+1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range d[i+2 : i+6] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
