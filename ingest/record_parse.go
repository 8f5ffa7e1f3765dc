package ingest

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/google/uuid"
)

// ParseRecord appends the events of a log record: a framed one, or one JSON
// object, an event with a member organization_id beside its own. In JSON the
// timestamp may also be RFC 3339, with or without a zone (then UTC), and one that
// is missing becomes recordTime (Filled), nanoseconds since the Unix epoch.
// value must stay untouched while the events are in use.
//
// Its errors are *RecordError for a record that is damaged or of an unknown
// format, and for JSON those of ParseLine.
func (b *Batch) ParseRecord(value []byte, recordTime int64) (Header, error) {
	if len(value) > 0 && value[0] == recordJSON {
		return b.parseRecordJSON(value, recordTime)
	}
	m := b.mark()
	d := decoder{data: value}
	h := b.parseFramed(&d)
	if d.reason != "" {
		b.rewind(m)
		return Header{}, &RecordError{Offset: d.pos, Reason: d.reason}
	}
	return h, nil
}

// parseFramed reads a framed record. After a fault it returns early; d knows.
func (b *Batch) parseFramed(d *decoder) Header {
	var h Header
	if version := d.byte(); version != recordVersion {
		d.fail(0, "unknown version of the record")
		return h
	}
	sum := d.take(4)
	if d.reason != "" {
		return h
	}
	if crc32.Checksum(d.data[d.pos:], castagnoli) != binary.LittleEndian.Uint32(sum) {
		d.fail(1, "wrong checksum")
		return h
	}
	copy(h.Organization[:], d.take(len(uuid.UUID{})))
	if received := d.take(8); received != nil {
		h.ReceivedAt = int64(binary.LittleEndian.Uint64(received))
	}
	count := d.uvarint(1, EventsPerRecordMax, "number of events")
	for range count {
		if b.parseEntry(d, h); d.reason != "" {
			return h
		}
	}
	if d.pos != len(d.data) {
		d.fail(d.pos, "unexpected data after the last entry")
	}
	return h
}

// parseEntry appends the event of one entry. After a fault it is not whole; the
// caller takes it back.
func (b *Batch) parseEntry(d *decoder, h Header) {
	b.Events = append(b.Events, Event{})
	e := &b.Events[len(b.Events)-1]
	if !b.thorough {
		if end := b.usualEntry(e, d.data, d.pos, h.ReceivedAt); end > 0 {
			d.pos = end
			return
		}
		*e = Event{}
	}
	at := d.pos
	if e.Entry = Entry(d.byte()); e.Entry != EntryEvent {
		if e.Entry > EntryCancellation {
			d.fail(at, "unknown kind of entry")
			return
		}
		e.Revision = uint32(d.uvarint(1, math.MaxUint32, "revision"))
	}
	if e.Entry == EntryCancellation {
		e.TransactionID = d.bytes(1, IDBytesMax, "length of transaction_id")
		e.Subscription = d.bytes(1, IDBytesMax, "length of external_subscription_id")
		return
	}
	b.parseContent(d, h, e)
}

// parseContent reads an event from its flags on.
func (b *Batch) parseContent(d *decoder, h Header, e *Event) {
	at := d.pos
	flags := d.byte()
	if flags&^flagsKnown != 0 {
		d.fail(at, "unknown flags of an event")
	}
	at = d.pos
	e.Filled = flags&flagFilled != 0
	e.Timestamp = h.ReceivedAt + d.varint()
	if e.Timestamp < TimestampMin || e.Timestamp >= TimestampMax {
		d.fail(at, "timestamp out of range")
	}
	e.TransactionID = d.bytes(1, IDBytesMax, "length of transaction_id")
	e.Subscription = d.bytes(1, IDBytesMax, "length of external_subscription_id")
	e.Code = d.bytes(1, IDBytesMax, "length of code")
	if flags&flagPreciseTotal != 0 {
		e.PreciseTotal = d.bytes(1, PropertyValueBytesMax, "length of precise_total_amount_cents")
	}
	first := len(b.properties)
	for range d.uvarint(0, PropertiesMax, "number of properties") {
		b.parseProperty(d, first)
	}
	if n := len(b.properties); n > first {
		e.Properties = b.properties[first:n:n]
	}
}

// parseProperty appends one property of the event whose first is given.
func (b *Batch) parseProperty(d *decoder, first int) {
	at := d.pos
	p := Property{Kind: Kind(d.byte())}
	if p.Kind > KindNested {
		d.fail(at, "unknown kind of property")
	}
	p.Name = d.bytes(0, PropertyNameBytesMax, "length of a property's name")
	if n := len(b.properties); n > first && string(b.properties[n-1].Name) >= string(p.Name) {
		d.fail(at, "properties out of order")
	}
	if p.Kind.hasText() {
		p.Text = d.bytes(0, PropertyValueBytesMax, "length of a property's value")
	}
	if d.reason == "" {
		b.properties = append(b.properties, p)
	}
}

// decoder reads the parts of a framed record. The first fault stays, with its
// place in pos; all reads after it return zero.
type decoder struct {
	data   []byte
	pos    int
	reason string
}

func (d *decoder) fail(pos int, reason string) {
	if d.reason == "" {
		d.pos, d.reason = pos, reason
	}
}

func (d *decoder) byte() byte {
	if d.reason != "" || d.pos >= len(d.data) {
		d.fail(d.pos, reasonRecordEnd)
		return 0
	}
	c := d.data[d.pos]
	d.pos++
	return c
}

const reasonRecordEnd = "unexpected end of record"

// take reads n bytes, nil after a fault.
func (d *decoder) take(n int) []byte {
	if d.reason != "" || n > len(d.data)-d.pos {
		d.fail(d.pos, reasonRecordEnd)
		return nil
	}
	text := d.data[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return text
}

// uvarint reads an integer that must lie in [least, most], else wrong is the fault.
func (d *decoder) uvarint(least, most int, wrong string) int {
	if d.reason == "" && d.pos < len(d.data) && d.data[d.pos] < 0x80 {
		if n := int(d.data[d.pos]); n >= least && n <= most {
			d.pos++
			return n
		}
	}
	if d.reason != "" {
		return 0
	}
	v, n := binary.Uvarint(d.data[d.pos:])
	switch {
	case n == 0:
		d.fail(d.pos, reasonRecordEnd)
		return 0
	case n < 0 || v < uint64(least) || v > uint64(most):
		d.fail(d.pos, "wrong "+wrong)
		return 0
	}
	d.pos += n
	return int(v)
}

func (d *decoder) varint() int64 {
	if d.reason != "" {
		return 0
	}
	v, n := binary.Varint(d.data[d.pos:])
	if n <= 0 {
		d.fail(d.pos, "wrong timestamp")
		return 0
	}
	d.pos += n
	return v
}

// bytes reads a length in [least, most] and so many bytes.
func (d *decoder) bytes(least, most int, wrong string) []byte {
	return d.take(d.uvarint(least, most, wrong))
}
