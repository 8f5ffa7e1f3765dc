package ingest

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// usualEntry is parseEntry for the entry at i if it is an event without a precise
// total whose lengths all take one byte, as those of nearly all do. It returns where the
// entry ends; 0 says that it is not usual, and then e holds nothing of use. Like the
// functions of usual.go it refuses nothing: parseEntry reads again what is not usual.
func (b *Batch) usualEntry(e *Event, d []byte, i int, receivedAt int64) (end int) {
	const headBytes = 1 + 1 + 8 // kind, flags, a word with the timestamp
	if len(d)-i < headBytes || Entry(d[i]) != EntryEvent || d[i+1]&^flagFilled != 0 {
		return 0
	}
	e.Filled = d[i+1] == flagFilled
	delta, n := shortVarint(binary.LittleEndian.Uint64(d[i+2:]))
	e.Timestamp = receivedAt + delta
	if n == 0 || e.Timestamp < TimestampMin || e.Timestamp >= TimestampMax {
		return 0
	}
	i += 2 + n
	if e.TransactionID, i = shortID(d, i); i == 0 {
		return 0
	}
	if e.Subscription, i = shortID(d, i); i == 0 {
		return 0
	}
	if e.Code, i = shortID(d, i); i == 0 || i >= len(d) {
		return 0
	}
	count := int(d[i])
	if count == 0 {
		return i + 1
	}
	if count > PropertiesMax {
		return 0
	}
	return b.usualEntryProperties(e, d, i+1, count)
}

// usualEntryProperties reads so many properties, more than none, from i on.
func (b *Batch) usualEntryProperties(e *Event, d []byte, i, count int) (end int) {
	first := len(b.properties)
	properties := slices.Grow(b.properties, count)[:first+count]
	e.Properties = properties[first : first+count : first+count]
	var name []byte // of the property before
	var key uint64
	for k := range e.Properties {
		if len(d)-i < 2 {
			return 0
		}
		p := &e.Properties[k]
		p.Kind = Kind(d[i])
		n := int(d[i+1])
		i += 2
		if p.Kind > KindNested || n >= 0x80 || n > len(d)-i {
			return 0
		}
		p.Name = d[i : i+n : i+n]
		before := key
		key = nameKey(d, i, i+n)
		if k > 0 && before >= key && (before > key || string(name) >= string(p.Name)) {
			return 0
		}
		name = p.Name
		i += n
		p.Text = nil
		if !p.Kind.hasText() {
			continue
		}
		if i >= len(d) {
			return 0
		}
		n = int(d[i])
		i++
		if n >= 0x80 || n > len(d)-i {
			return 0
		}
		p.Text = d[i : i+n : i+n]
		i += n
	}
	b.properties = properties
	return i
}

// shortID reads a length that takes one byte and so many bytes, at least one. end is 0
// when there is something else.
func shortID(d []byte, i int) (text []byte, end int) {
	if i >= len(d) {
		return nil, 0
	}
	n := int(d[i])
	i++
	if n == 0 || n >= 0x80 || n > len(d)-i {
		return nil, 0
	}
	return d[i : i+n : i+n], i + n
}

// shortVarint returns the zigzag varint that w, eight bytes of input, begins with, and its
// length; 0 when it is longer than they are. The groups of seven bits are moved together as
// pairs, then pairs as fours, then those.
func shortVarint(w uint64) (v int64, n int) {
	const highs = 0x8080808080808080
	last := bits.TrailingZeros64(^w & highs) // the bit that ends it
	if last == 64 {
		return 0, 0
	}
	w &= 2<<last - 1
	w = w&0x007f007f007f007f | w&0x7f007f007f007f00>>1
	w = w&0x00003fff00003fff | w&0x3fff00003fff0000>>2
	w = w&0x000000000fffffff | w&0x0fffffff00000000>>4
	return int64(w>>1) ^ -int64(w&1), last/8 + 1
}
