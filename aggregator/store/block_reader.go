package store

import (
	"math"

	"weir/ingest"
)

// blockReader reads the events of a block, one after another. The zero value is ready
// for use, and used again.
type blockReader struct {
	// Event is the one that next read: its texts lie in the block or in the reader, and are valid
	// until the next call. Its organization, subscription, code and series are left alone.
	event Event

	r             valueReader
	left          uint64
	lowest        ingest.Position
	highest       ingest.Position
	hourStart     int64
	unit          int64
	shapes        []readShape
	used          int
	transactionID []byte
}

// readShape is a shape of a block that is read.
type readShape struct {
	properties []ingest.Property // without texts
	texts      [][]byte          // that can be referred to: dictionaryMax for each property
	known      []uint8           // how many of them there are
}

// open begins a block: its value, which stays the caller's and has to last as long as it is
// read, and what its key says.
func (b *blockReader) open(value []byte, hourStart int64, lowest ingest.Position) error {
	b.r = valueReader{b: value}
	b.used = 0
	b.lowest, b.hourStart = lowest, hourStart
	if b.r.byte() != blockVersion {
		return errCorruptBlock
	}
	b.left = b.r.uvarint()
	span := b.r.uvarint()
	unit := b.r.byte()
	if b.r.failed || int(unit) >= len(timeUnits) || b.left == 0 || span > math.MaxInt64-uint64(lowest) {
		return errCorruptBlock
	}
	b.highest, b.unit = lowest+ingest.Position(span), timeUnits[unit]
	e := &b.event
	e.Timestamp, e.Position, e.ReceivedAt = hourStart, lowest, math.MinInt64
	b.transactionID = b.transactionID[:0]
	return nil
}

// next reads an event; ok is false when there are no more.
func (b *blockReader) next() (ok bool, err error) {
	if b.left == 0 {
		if len(b.r.b) != 0 {
			return false, errCorruptBlock
		}
		return false, nil
	}
	b.left--
	r, e := &b.r, &b.event
	head := r.uvarint()
	shape := head >> blockFlags
	if shape >= uint64(b.used) {
		if shape != uint64(b.used) || !b.define() {
			return false, errCorruptBlock
		}
	}
	first := e.ReceivedAt == math.MinInt64
	e.Timestamp += int64(r.uvarint()) * b.unit
	offset := e.Position.Offset() + r.varint()
	index := r.uvarint()
	e.Position = ingest.PositionOf(offset, int(index&math.MaxUint16))
	revision := uint64(0)
	if head&blockRevised != 0 {
		revision = r.uvarint()
	}
	if first {
		e.ReceivedAt = e.Timestamp
	}
	if head&blockSameAge == 0 {
		e.ReceivedAt += r.varint()
	}
	if !b.readTransactionID() || index > math.MaxUint16 || revision > math.MaxUint32 {
		return false, errCorruptBlock
	}
	e.setRevision(uint32(revision))
	e.Filled = head&blockFilled != 0
	e.PreciseTotal = nil
	if head&blockPrecise != 0 {
		e.PreciseTotal = r.bytes()
	}
	if !b.texts(&b.shapes[shape]) || r.failed || !b.plausible() {
		return false, errCorruptBlock
	}
	return true, nil
}

// plausible reports whether the event is where the block says that its events are.
func (b *blockReader) plausible() bool {
	e := &b.event
	return e.Position >= b.lowest && e.Position <= b.highest && uint64(e.Timestamp-b.hourStart) < hourNanos
}

func (b *blockReader) readTransactionID() bool {
	shared := b.r.uvarint()
	own := b.r.bytes()
	if shared > uint64(len(b.transactionID)) {
		return false
	}
	b.transactionID = append(b.transactionID[:shared], own...)
	b.event.TransactionID = b.transactionID
	return true
}

// texts reads the properties of an event.
func (b *blockReader) texts(s *readShape) bool {
	r, e := &b.r, &b.event
	e.Properties = append(e.Properties[:0], s.properties...)
	for i := range e.Properties {
		code := r.uvarint()
		if code&1 != 0 {
			if code>>1 >= uint64(s.known[i]) {
				return false
			}
			e.Properties[i].Text = s.texts[i*dictionaryMax+int(code>>1)]
			continue
		}
		text := r.take(code >> 1)
		e.Properties[i].Text = text
		if s.known[i] < dictionaryMax {
			s.texts[i*dictionaryMax+int(s.known[i])] = text
			s.known[i]++
		}
	}
	return true
}

// define reads the definition of the next shape.
func (b *blockReader) define() bool {
	if b.used == shapesMax {
		return false
	}
	if b.used == len(b.shapes) {
		b.shapes = append(b.shapes, readShape{})
	}
	s := &b.shapes[b.used]
	b.used++
	s.properties = s.properties[:0]
	count := int(b.r.byte())
	for range count {
		kind := ingest.Kind(b.r.byte())
		name := b.r.take(uint64(b.r.byte()))
		s.properties = append(s.properties, ingest.Property{Kind: kind, Name: name})
	}
	if n := count * dictionaryMax; len(s.texts) < n {
		s.texts, s.known = make([][]byte, n), make([]uint8, count)
	}
	clear(s.known)
	return !b.r.failed
}
