package ingest

// scanner reads JSON tokens (RFC 8259, strictly) from data. Its methods stand at
// the token's first byte, leave pos after its last, and return false on a fault,
// which failPos and failReason then describe.
type scanner struct {
	data []byte
	pos  int

	failPos    int
	failReason string

	// text holds decoded strings that differ from the input's bytes. Slices of it
	// stay good when it grows: they keep the array that they were made in.
	text  []byte
	names names

	// Counters that tell by their change whether a value just read held what is
	// JSON but is not taken in an event.
	nuls int // U+0000 in a string
	wide int // a number beyond NumberDigitsMax
}

const (
	reasonEnd        = "unexpected end of input"
	reasonUnexpected = "unexpected character"
	reasonTrailing   = "unexpected data after the JSON value"
	reasonControl    = "control character in a string"
	reasonUTF8       = "invalid UTF-8"
	reasonEscape     = "invalid escape in a string"
	reasonSurrogate  = "lone surrogate in a string"
	reasonNumber     = "invalid number"
	reasonDepth      = "objects and arrays nested more than 8 deep"
)

// start begins with new input. text is kept: events may point into it.
func (s *scanner) start(data []byte) {
	s.data, s.pos = data, 0
	s.failPos, s.failReason = 0, ""
	s.names.abandon()
}

func (s *scanner) fail(pos int, reason string) bool {
	if pos >= len(s.data) {
		pos, reason = len(s.data), reasonEnd
	}
	s.failPos, s.failReason = pos, reason
	return false
}

// space skips white space and returns the byte after it, 0 at the end of input.
// No token begins with 0.
func (s *scanner) space() byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// end checks that nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	return s.pos == len(s.data) || s.fail(s.pos, reasonTrailing)
}

// literal reads true, false or null.
func (s *scanner) literal(word string) bool {
	rest := s.data[s.pos:]
	for i := range len(word) {
		if i >= len(rest) || rest[i] != word[i] {
			return s.fail(s.pos+i, reasonUnexpected)
		}
	}
	s.pos += len(word)
	return true
}

// number reads a number and returns it as sent.
func (s *scanner) number() ([]byte, bool) {
	d, i := s.data, s.pos
	if d[i] == '-' {
		i++
	}
	if i < len(d) && d[i] == '0' {
		i++
	} else if n := digitsFrom(d, i); n > i {
		i = n
	} else {
		return nil, s.fail(i, reasonNumber)
	}
	if i < len(d) && d[i] == '.' {
		n := digitsFrom(d, i+1)
		if n == i+1 {
			return nil, s.fail(n, reasonNumber)
		}
		i = n
	}
	exponent := i < len(d) && d[i]|0x20 == 'e'
	if exponent {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		n := digitsFrom(d, i)
		if n == i {
			return nil, s.fail(n, reasonNumber)
		}
		i = n
	}
	text := d[s.pos:i:i]
	s.pos = i
	if (exponent || len(text) > NumberDigitsMax) && !numberFits(text) {
		s.wide++
	}
	return text, true
}

// digitsFrom returns the index of the first byte from i that is not a digit.
func digitsFrom(d []byte, i int) int {
	for i < len(d) && d[i]-'0' <= 9 {
		i++
	}
	return i
}

// name reads a member's name and the colon after it, and stands at its value.
func (s *scanner) name() ([]byte, bool) {
	if s.space() != '"' {
		return nil, s.fail(s.pos, reasonUnexpected)
	}
	text, ok := s.string()
	if !ok {
		return nil, false
	}
	if s.space() != ':' {
		return nil, s.fail(s.pos, reasonUnexpected)
	}
	s.pos++
	return text, true
}

// addName enters a name, read at pos, of the innermost open object.
func (s *scanner) addName(object int, text []byte) bool {
	if reason := s.names.add(object, text); reason != "" {
		return s.fail(s.pos, reason)
	}
	return true
}

// more reads what stands after a member or element: a comma (more is true) or
// the closing bracket.
func (s *scanner) more(closing byte) (more, ok bool) {
	switch s.space() {
	case ',':
		s.pos++
		return true, true
	case closing:
		s.pos++
		return false, true
	}
	return false, s.fail(s.pos, reasonUnexpected)
}

// value reads any value, at most NestingMax objects and arrays deep, and forgets it.
func (s *scanner) value() bool {
	const array = -1
	var open [NestingMax]int // the open objects' places in names, or array
	depth := 0
	kept := len(s.text)
	for {
		c := s.space()
		if c == '{' || c == '[' {
			if depth == NestingMax {
				return s.fail(s.pos, reasonDepth)
			}
			s.pos++
			object := array
			if c == '{' {
				object = s.names.open()
			}
			if s.space() == c+2 { // empty: the closing bracket is two after the opening one
				s.pos++
			} else {
				open[depth] = object
				depth++
				if object != array && !s.nestedName(object) {
					return false
				}
				continue
			}
		} else if !s.scalar(c) {
			return false
		}
		for depth > 0 {
			object := open[depth-1]
			closing := byte(']')
			if object != array {
				closing = '}'
			}
			more, ok := s.more(closing)
			if !ok {
				return false
			}
			if more {
				if object != array && !s.nestedName(object) {
					return false
				}
				break
			}
			if object != array {
				s.names.close(object)
			}
			depth--
		}
		if depth == 0 {
			s.text = s.text[:kept]
			return true
		}
	}
}

func (s *scanner) nestedName(object int) bool {
	text, ok := s.name()
	return ok && s.addName(object, text)
}

// scalar reads a string, number or literal that begins with c.
func (s *scanner) scalar(c byte) bool {
	switch c {
	case '"':
		_, ok := s.string()
		return ok
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	if c == '-' || c-'0' <= 9 {
		_, ok := s.number()
		return ok
	}
	return s.fail(s.pos, reasonUnexpected)
}
