package ingest

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"
	"unicode/utf8"
)

// Nearly all events are written in one way: known members, strings without escapes,
// numbers without exponents, nothing nested in properties. The functions of this file read what is written so, from
// index i of the input d on, in a fraction of the time. Each either reads its part
// whole, or says that it is not usual and has changed nothing: then the scanner
// reads the same bytes again. So they decide nothing. They refuse no input, and take
// only what the scanner would take, with the same result.

// usualPropertiesMax is how many properties are usual.
const usualPropertiesMax = 16

// usualProperty is a property before it is put in its place in the order of names.
type usualProperty struct {
	key            uint64 // of the name, see nameKey
	name, nameEnd  uint32 // where it is in the input
	value, textEnd uint32 // likewise; equal when the kind has no text
	kind           Kind
}

// usualMember returns which member's name, with the colon after it, stands at i, and
// where its value begins. memberUnknown says that none of the usual ones does.
func usualMember(d []byte, i int) (m members, value int) {
	const longest = len(`"external_subscription_id":`)
	if len(d)-i < longest {
		return memberUnknown, i
	}
	name := d[i : i+longest]
	switch name[1] {
	case 't':
		if string(name[:17]) == `"transaction_id":` {
			return memberTransactionID, i + 17
		}
		if string(name[:12]) == `"timestamp":` {
			return memberTimestamp, i + 12
		}
	case 'e':
		if string(name) == `"external_subscription_id":` {
			return memberSubscription, i + longest
		}
	case 'c':
		if string(name[:7]) == `"code":` {
			return memberCode, i + 7
		}
	case 'p':
		if string(name[:13]) == `"properties":` {
			return memberProperties, i + 13
		}
	}
	return memberUnknown, i
}

// usualValue reads the value of a member into e and returns where it ends, 0 when
// value or member are not usual.
func (b *Batch) usualValue(e *Event, m members, d []byte, i int) (end int) {
	i = afterSpace(d, i)
	if i >= len(d) {
		return 0
	}
	switch m {
	case memberTransactionID:
		end = usualID(&e.TransactionID, d, i)
	case memberSubscription:
		end = usualID(&e.Subscription, d, i)
	case memberCode:
		end = usualID(&e.Code, d, i)
	case memberTimestamp:
		end = usualTimestamp(e, d, i)
	case memberProperties:
		end = b.usualProperties(e, d, i)
	}
	return end
}

// usualID reads a string of 1..IDBytesMax bytes.
func usualID(text *[]byte, d []byte, i int) (end int) {
	if d[i] != '"' {
		return 0
	}
	i++
	if end = plainEnd(d, i); end >= len(d) || d[end] != '"' {
		end = quoteFrom(d, end)
	}
	if end <= i || end-i > IDBytesMax {
		return 0
	}
	*text = d[i:end:end]
	return end + 1
}

// usualTimestamp reads seconds of this era, which have ten digits, with up to seven decimals.
func usualTimestamp(e *Event, d []byte, i int) (end int) {
	const wordsBytes = 10 + 1 + 8 // the digits of the seconds, the point, a word of decimals
	if len(d)-i < wordsBytes {
		return 0
	}
	text := d[i : i+wordsBytes]
	digits := binary.LittleEndian.Uint64(text) ^ zeroDigits
	tens, ones := text[8]-'0', text[9]-'0'
	if notDigits(digits) != 0 || tens > 9 || ones > 9 || text[0] == '0' {
		return 0
	}
	seconds := int64(eightDigits(digits)*100 + uint64(tens)*10 + uint64(ones))
	if seconds >= TimestampMax/int64(time.Second) {
		return 0 // ten digits of seconds may be more nanoseconds than an int64 holds
	}
	ns := seconds * int64(time.Second)
	end = 10
	if text[10] == '.' {
		decimals := binary.LittleEndian.Uint64(text[11:]) ^ zeroDigits
		n := bits.TrailingZeros64(notDigits(decimals)) // 64 when there are eight or more
		if n < 8 || n == 64 {
			return 0
		}
		n &^= 7 // the bits of the digits
		ns += int64(eightDigits(decimals&(1<<n-1))) * 10
		end = 11 + n/8
	}
	if c := text[end]; c != ',' && c != '}' && c > ' ' {
		return 0 // the number goes on
	}
	e.Timestamp, e.Filled = ns, false
	return i + end
}

// usualProperties reads an object of properties with values that are not nested.
func (b *Batch) usualProperties(e *Event, d []byte, i int) (end int) {
	if d[i] != '{' {
		return 0
	}
	n := 0
	for more := true; more; n++ {
		i = afterSpace(d, i+1)
		if n == usualPropertiesMax {
			return 0
		}
		if i = b.usual[n].read(d, i); i == 0 || !b.orderUsual(d, n) {
			return 0
		}
		i = afterSpace(d, i)
		if i >= len(d) || d[i] != ',' && d[i] != '}' {
			return 0
		}
		more = d[i] == ','
	}
	first := len(b.properties)
	b.properties = slices.Grow(b.properties, n)[:first+n]
	e.Properties = b.properties[first : first+n : first+n]
	for k := range e.Properties {
		b.usual[b.usualOrder[k]%usualPropertiesMax].put(&e.Properties[k], d)
	}
	return i + 1
}

// read reads a name and its value and returns where the value ends, 0 when they are not usual.
func (p *usualProperty) read(d []byte, i int) (end int) {
	if i >= len(d) || d[i] != '"' {
		return 0
	}
	i++
	if end = plainEnd(d, i); end >= len(d) || d[end] != '"' {
		end = quoteFrom(d, end)
	}
	if end == 0 || end+1 >= len(d) || d[end+1] != ':' || end-i > PropertyNameBytesMax {
		return 0
	}
	p.name, p.nameEnd = uint32(i), uint32(end)
	p.key = nameKey(d, i, end)
	i = afterSpace(d, end+2)
	if i >= len(d) {
		return 0
	}
	p.value, p.textEnd = uint32(i), uint32(i)
	switch c := d[i]; c {
	case '"':
		i++
		if end = plainEnd(d, i); end >= len(d) || d[end] != '"' {
			end = quoteFrom(d, end)
		}
		if end == 0 || end-i > PropertyValueBytesMax {
			return 0
		}
		p.kind, p.value, p.textEnd = KindString, uint32(i), uint32(end)
		return end + 1
	case 't':
		p.kind = KindTrue
		return afterWord(d, i, "true")
	case 'f':
		p.kind = KindFalse
		return afterWord(d, i, "false")
	case 'n':
		p.kind = KindNull
		return afterWord(d, i, "null")
	}
	end = plainNumberEnd(d, i)
	p.kind, p.textEnd = KindNumber, uint32(end)
	return end
}

// orderUsual gives the n-th property its place in the order of the names before it. It
// returns false when one of them is the same.
func (b *Batch) orderUsual(d []byte, n int) bool {
	p := &b.usual[n]
	order := b.usualOrder[:n+1]
	k := n
	for ; k > 0; k-- {
		other := &b.usual[order[k-1]%usualPropertiesMax]
		if other.key < p.key {
			break
		}
		if other.key == p.key {
			a, b := d[other.name:other.nameEnd], d[p.name:p.nameEnd]
			if string(a) == string(b) {
				return false
			}
			if string(a) < string(b) {
				break
			}
		}
		order[k] = order[k-1]
	}
	order[k] = uint8(n)
	return true
}

// put makes the property of one that was read from d.
func (p *usualProperty) put(property *Property, d []byte) {
	property.Name = d[p.name:p.nameEnd:p.nameEnd]
	property.Kind = p.kind
	property.Text = nil
	if p.kind.hasText() {
		property.Text = d[p.value:p.textEnd:p.textEnd]
	}
}

// nameKey returns the first eight bytes of the name d[i:end] as a number that orders
// like them. A shorter name counts as filled up with zeros, which no plain name has:
// names with different keys are ordered as their keys, and names with one key differ
// in what follows, if at all.
func nameKey(d []byte, i, end int) (key uint64) {
	if len(d)-i >= 8 {
		key = binary.BigEndian.Uint64(d[i:])
		if missing := 8 - (end - i); missing > 0 {
			key = key >> (8 * missing) << (8 * missing)
		}
		return key
	}
	for k := range 8 {
		key <<= 8
		if i+k < end {
			key |= uint64(d[i+k])
		}
	}
	return key
}

// quoteFrom returns the index of the quote that ends a string which is plain up to i, if
// the rest of it is valid and without escapes, else 0.
func quoteFrom(d []byte, i int) int {
	end := i
	for end < len(d) && d[end] >= ' ' && d[end] != '"' && d[end] != '\\' {
		end++
	}
	if end >= len(d) || d[end] != '"' || !utf8.Valid(d[i:end]) {
		return 0
	}
	return end
}

// plainEnd returns the index of the first byte from i that is not plain: see
// specialBytes. It is len(d) when all are.
func plainEnd(d []byte, i int) int {
	for len(d)-i >= 8 {
		if m := specialBytes(binary.LittleEndian.Uint64(d[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(d) && d[i] >= ' ' && d[i] < utf8.RuneSelf && d[i] != '"' && d[i] != '\\' {
		i++
	}
	return i
}

// plainNumberEnd returns where the number at i ends if it has no exponent and at most
// NumberDigitsMax bytes, else 0.
func plainNumberEnd(d []byte, i int) (end int) {
	from := i
	if d[i] == '-' {
		i++
	}
	end = plainDigitsEnd(d, i)
	if end == i || d[i] == '0' && end != i+1 {
		return 0
	}
	if end < len(d) && d[end] == '.' {
		i = end + 1
		if end = plainDigitsEnd(d, i); end == i {
			return 0
		}
	}
	if end-from > NumberDigitsMax || end < len(d) && d[end]|0x20 == 'e' {
		return 0
	}
	return end
}

// plainDigitsEnd is digitsFrom, eight bytes at a time.
func plainDigitsEnd(d []byte, i int) int {
	for len(d)-i >= 8 {
		if m := notDigits(binary.LittleEndian.Uint64(d[i:]) ^ zeroDigits); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	return digitsFrom(d, i)
}

// zeroDigits is eight times '0'. A word of text XOR it has digits as their values.
const zeroDigits = 0x3030303030303030

// notDigits returns a word whose lowest set bit is the highest of the first byte of w,
// a word XOR zeroDigits, that is no digit. (What is above may be marked wrongly, by a carry.)
func notDigits(w uint64) uint64 {
	const (
		above9 = 0x7676767676767676 // 0x80 - 10
		highs  = 0x8080808080808080
	)
	return (w + above9 | w) & highs
}

// eightDigits returns the number of eight digits' values, the first in the lowest byte:
// neighbours are added up as pairs, then pairs as fours, then those.
func eightDigits(w uint64) uint64 {
	w = w*10 + w>>8
	w = (w&0x000000ff000000ff)*(100+1_000_000<<32) + (w>>16&0x000000ff000000ff)*(1+10_000<<32)
	return w >> 32
}

// afterSpace returns the index of the first byte from i that is not white space.
func afterSpace(d []byte, i int) int {
	if i < len(d) && d[i] > ' ' {
		return i
	}
	return afterSpaces(d, i)
}

func afterSpaces(d []byte, i int) int {
	for i < len(d) && (d[i] == ' ' || d[i] == '\n' || d[i] == '\t' || d[i] == '\r') {
		i++
	}
	return i
}

// afterWord returns where the word at i ends, 0 when it is another.
func afterWord(d []byte, i int, word string) int {
	if len(d)-i < len(word) || string(d[i:i+len(word)]) != word {
		return 0
	}
	return i + len(word)
}
