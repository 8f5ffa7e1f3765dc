package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"

	"weir/ingest"
)

// A block holds events of one series, of one UTC hour of event time and of one checkpoint,
// ordered by timestamp, transaction id, revision and position. Its events are those of a
// range of positions that no other block of the series and hour shares.
//
//	version 1
//	number of events; the highest position, above the lowest, which stands in the key
//	unit 1, that all timestamps are multiples of, as an index into timeUnits
//	events
//
// An event, each number as a varint:
//
//	shape<<4 | flags; if the shape is a new one, its definition follows
//	timestamp, above that of the event before, in units
//	offset, below or above that of the event before; index in the record
//	if revised: revision
//	unless received with the event before: time of receipt, from that of the event before on
//	transaction id: bytes shared with the event before, bytes of its own, these
//	if precise: precise_total_amount_cents behind its length
//	the texts of the properties: a reference to an earlier text of the same property of the same shape
//	(index<<1 | 1), or length<<1 and the text
//
// A definition: number of properties, and of each its kind 1, length of its name 1, name. The
// first event counts from the beginning of the hour and the position in the key; its time of receipt from
// its own time.
const (
	blockVersion = 1

	blockFilled  = 1 << 0 // the timestamp was filled in
	blockPrecise = 1 << 1 // precise_total_amount_cents follows
	blockRevised = 1 << 2 // a revision follows
	blockSameAge = 1 << 3 // received when the event before was
	blockFlags   = 4      // bits

	// dictionaryMax is how many texts of a property can be referred to.
	dictionaryMax = 16
	// shapesMax is how many shapes a block can have; properties have at most 255.
	shapesMax = 1 << 12
)

var errCorruptBlock = errors.New("block of events is corrupt")

// blockWriter makes blocks. The zero value is ready for use, and used again.
type blockWriter struct {
	b      []byte
	p      *groupedEvents
	arena  []byte // where the shapes are
	shapes []blockShape
	used   int // of shapes
	last   struct {
		timestamp, receivedAt int64
		position              ingest.Position
		transactionID         []byte
	}
	unit int64
}

// blockShape is a shape of a block that is written, and the texts that can be referred to.
type blockShape struct {
	at    uint32 // in the pending events' arena
	bytes []byte
	dicts []dictionary
}

// dictionary are the first texts of a property. Where references are rare, nobody looks for them any more.
type dictionary struct {
	texts       [dictionaryMax][]byte
	tags        [dictionaryMax]byte // tagOf the texts
	n           int
	last        int // that was referred to
	hits, tries int
}

// write returns the block of some of the events, of one series and hour, whose lowest and highest positions are
// given. Their shapes stand in an arena. The block is valid until the next call.
func (w *blockWriter) write(p *groupedEvents, shapes []byte, events []int32, hourStart int64, lowest, highest ingest.Position) []byte {
	unit := unitOf(p, events, hourStart)
	w.p, w.arena, w.used, w.unit = p, shapes, 0, timeUnits[unit]
	w.b = append(w.b[:0], blockVersion)
	w.b = binary.AppendUvarint(w.b, uint64(len(events)))
	w.b = binary.AppendUvarint(w.b, uint64(highest-lowest))
	w.b = append(w.b, byte(unit))
	w.last.timestamp, w.last.position, w.last.transactionID = hourStart, lowest, nil
	w.last.receivedAt = p.events[events[0]].timestamp
	for _, at := range events {
		w.event(&p.events[at])
	}
	return w.b
}

// release lets go of what is not the writer's.
func (w *blockWriter) release() {
	w.p, w.arena = nil, nil
	for i := range w.shapes {
		w.shapes[i].bytes = nil
	}
}

// unitOf returns the index of the largest unit that all timestamps are multiples of.
func unitOf(p *groupedEvents, events []int32, hourStart int64) int {
	unit := len(timeUnits) - 1
	for _, at := range events {
		for !isWhole(p.events[at].timestamp-hourStart, unit) {
			unit--
		}
	}
	return unit
}

func (w *blockWriter) event(e *groupedEvent) {
	shape := w.shape(e.shape)
	flags := uint64(0)
	if e.filled {
		flags |= blockFilled
	}
	if e.precise {
		flags |= blockPrecise
	}
	if e.revision > 0 {
		flags |= blockRevised
	}
	if e.receivedAt == w.last.receivedAt {
		flags |= blockSameAge
	}
	w.b = appendUvarint(w.b, uint64(shape)<<blockFlags|flags)
	if shape == w.used {
		w.define(e.shape)
	}
	w.b = appendUvarint(w.b, uint64((e.timestamp-w.last.timestamp)/w.unit))
	w.b = binary.AppendVarint(w.b, e.position.Offset()-w.last.position.Offset())
	w.b = appendUvarint(w.b, uint64(e.position.Index()))
	if e.revision > 0 {
		w.b = appendUvarint(w.b, uint64(e.revision))
	}
	if flags&blockSameAge == 0 {
		w.b = binary.AppendVarint(w.b, e.receivedAt-w.last.receivedAt)
	}
	w.transactionID(w.p.transactionID(e))
	w.last.timestamp, w.last.position, w.last.receivedAt = e.timestamp, e.position, e.receivedAt
	texts, text := w.p.texts(e), []byte(nil)
	if e.precise {
		text, texts = takeText(texts)
		w.b = appendBytes(w.b, text)
	}
	dicts := w.shapes[shape].dicts
	for i := range dicts {
		text, texts = takeText(texts)
		w.text(&dicts[i], text)
	}
}

func (w *blockWriter) transactionID(id []byte) {
	last := w.last.transactionID
	shared := sharedBytes(id, last)
	w.b = appendUvarint(w.b, uint64(shared))
	w.b = appendUvarint(w.b, uint64(len(id)-shared))
	w.b = append(w.b, id[shared:]...)
	w.last.transactionID = id
}

// sharedBytes returns how many bytes two texts have in common at their beginnings.
func sharedBytes(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n+8 <= most {
		if different := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); different != 0 {
			return n + bits.TrailingZeros64(different)/8
		}
		n += 8
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// appendUvarint is binary.AppendUvarint, which is slower where most are short.
func appendUvarint(dst []byte, v uint64) []byte {
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return binary.AppendUvarint(dst, v)
}

// text writes a text of a property, or a reference to an earlier one.
func (w *blockWriter) text(d *dictionary, text []byte) {
	const triesMin = 32
	if d.n > 0 && string(d.texts[d.last]) == string(text) {
		d.hits++
		w.b = append(w.b, byte(d.last<<1|1))
		return
	}
	if d.tries < triesMin || d.hits*4 > d.tries {
		d.tries++
		if i := d.find(text); i >= 0 {
			d.hits++
			d.last = i
			w.b = append(w.b, byte(i<<1|1))
			return
		}
	}
	if d.n < dictionaryMax {
		d.texts[d.n], d.tags[d.n] = text, tagOf(text)
		d.last = d.n
		d.n++
	}
	w.b = appendUvarint(w.b, uint64(len(text))<<1)
	w.b = append(w.b, text...)
}

// find returns the index of a text, -1 when it is not there.
func (d *dictionary) find(text []byte) int {
	tag := tagOf(text)
	for from := 0; ; from++ {
		at := bytes.IndexByte(d.tags[from:d.n], tag)
		if at < 0 {
			return -1
		}
		if from += at; string(d.texts[from]) == string(text) {
			return from
		}
	}
}

// tagOf returns a byte that equal texts have in common, and others mostly do not.
func tagOf(text []byte) byte {
	n := len(text)
	if n == 0 {
		return 0
	}
	return byte(n)<<5 ^ text[n-1] ^ text[n/2]<<3
}

// shape returns the index of the shape that stands at a place in the arena; one that is
// not known yet has the index that the next one gets.
func (w *blockWriter) shape(at uint32) int {
	for i := range w.used {
		if w.shapes[i].at == at {
			return i
		}
	}
	b := w.arena[at:]
	b = b[:shapeBytes(b)]
	for i := range w.used {
		if string(w.shapes[i].bytes) == string(b) {
			return i
		}
	}
	return w.used
}

// define writes a new shape.
func (w *blockWriter) define(at uint32) {
	b := w.arena[at:]
	b = b[:shapeBytes(b)]
	if w.used == len(w.shapes) {
		w.shapes = append(w.shapes, blockShape{})
	}
	s := &w.shapes[w.used]
	w.used++
	s.at, s.bytes = at, b
	if n := int(b[0]); n <= cap(s.dicts) {
		s.dicts = s.dicts[:n]
	} else {
		s.dicts = make([]dictionary, n)
	}
	for i := range s.dicts {
		d := &s.dicts[i]
		d.n, d.last, d.hits, d.tries = 0, 0, 0, 0
	}
	w.b = append(w.b, b...)
}
