package ingest

import (
	"math"

	"github.com/google/uuid"
)

// call is what one call of a Parse method knows and finds.
type call struct {
	index   int  // which event of the call is being read
	record  bool // the input is a record: organization_id and RFC 3339 are understood
	cloud   bool // the input is CloudEvents: their members have other names
	usual   bool // usual.go may read what it can: the members have the names it knows
	tooMany bool // the batch holds more events than allowed
	faults  []FieldError

	organization uuid.UUID // of a record
	recordTime   int64     // of a record: stands in for a timestamp that is missing
}

// ParseEvent appends the event of {"event":{…}}, the body of a request for one
// event. body must stay untouched while the event is in use.
//
// Its errors are *SyntaxError and *ValidationError.
func (b *Batch) ParseEvent(body []byte) error {
	m := b.begin(body)
	return b.finish(m, b.wrapped("event", 1))
}

// ParseEvents appends the events of {"events":[…]}, the body of a batch, at most
// eventsMax of them, all or none. body must stay untouched while they are in use.
//
// Its errors are *SyntaxError and *ValidationError; a fault of the batch as a
// whole (no_events, too_many_events) has the index -1 and the field events. What
// stands behind one event too many is not read.
func (b *Batch) ParseEvents(body []byte, eventsMax int) error {
	m := b.begin(body)
	return b.finish(m, b.wrapped("events", eventsMax))
}

// ParseLine appends the event of one line of NDJSON: {…} without a wrapper, with
// or without the line's end. line must stay untouched while the event is in use.
//
// Its errors are *SyntaxError and *ValidationError, with the index 0.
func (b *Batch) ParseLine(line []byte) error {
	m := b.begin(line)
	return b.finish(m, b.event() && b.scan.end())
}

// parseRecordJSON appends the event of a record that a producer wrote as JSON.
func (b *Batch) parseRecordJSON(value []byte, recordTime int64) (Header, error) {
	m := b.begin(value)
	b.call.record, b.call.recordTime = true, recordTime
	if err := b.finish(m, b.event() && b.scan.end()); err != nil {
		return Header{}, err
	}
	return Header{Organization: b.call.organization, ReceivedAt: recordTime}, nil
}

func (b *Batch) begin(input []byte) mark {
	b.scan.start(input)
	b.call = call{usual: !b.thorough && len(input) <= math.MaxUint32} // which holds its places
	return b.mark()
}

// finish turns what a call found into its error, and takes back its events if
// there is one.
func (b *Batch) finish(m mark, ok bool) error {
	c := &b.call
	switch {
	case !ok && !c.tooMany:
		b.rewind(m)
		return &SyntaxError{Offset: b.scan.failPos, Reason: b.scan.failReason}
	case len(c.faults) > 0:
		b.rewind(m)
		return &ValidationError{Fields: c.faults}
	}
	return nil
}

// fault notes a fault of the event that is being read.
func (b *Batch) fault(field, code string, limit int) {
	if c := &b.call; len(c.faults) < FaultsMax {
		c.faults = append(c.faults, FieldError{Index: c.index, Field: field, Code: code, Limit: limit})
	}
}

// propertiesField is the name of the member that holds the properties.
func (b *Batch) propertiesField() string {
	if b.call.cloud {
		return "data"
	}
	return "properties"
}

func (b *Batch) faultProperty(name []byte, code string, limit int) {
	if len(b.call.faults) < FaultsMax { // else the field's name would be made for nothing
		b.fault(b.propertiesField()+"."+string(name), code, limit)
	}
}

// wrapped reads {"event":{…}} or {"events":[…]}. Other members are ignored.
func (b *Batch) wrapped(wrapper string, eventsMax int) bool {
	s := &b.scan
	found, missing := false, true
	if s.space() != '{' {
		return s.value() && s.end() && b.missing(wrapper)
	}
	s.pos++
	object := s.names.open()
	more, ok := true, true
	if s.space() == '}' {
		s.pos++
		more = false
	}
	for more {
		var name []byte
		if name, ok = s.name(); !ok {
			return false
		}
		switch {
		case string(name) != wrapper:
			if !s.addName(object, name) || !s.value() {
				return false
			}
		case found:
			return s.fail(s.pos, reasonDuplicateName)
		default:
			found = true
			missing = s.space() == 'n'
			if !b.wrappedValue(wrapper, eventsMax) {
				return false
			}
		}
		if more, ok = s.more('}'); !ok {
			return false
		}
	}
	s.names.close(object)
	return s.end() && (!missing || b.missing(wrapper))
}

// missing is the fault of a body without its wrapper.
func (b *Batch) missing(wrapper string) bool {
	b.scan.failPos, b.scan.failReason = -1, wrapper+" is missing"
	return false
}

func (b *Batch) wrappedValue(wrapper string, eventsMax int) bool {
	s := &b.scan
	switch c := s.space(); {
	case c == 'n':
		return s.literal("null")
	case wrapper == "event":
		return b.event()
	case c == '[':
		return b.list(eventsMax)
	}
	b.call.index = -1
	b.fault("events", CodeInvalid, 0)
	return s.value()
}

// list reads the array of a batch.
func (b *Batch) list(eventsMax int) bool {
	s := &b.scan
	s.pos++
	if s.space() == ']' {
		s.pos++
		b.call.index = -1
		b.fault("events", CodeNoEvents, 0)
		return true
	}
	for {
		if b.call.index == eventsMax {
			b.call.tooMany = true
			b.call.faults = []FieldError{{Index: -1, Field: "events", Code: CodeTooManyEvents, Limit: eventsMax}}
			return false
		}
		if !b.event() {
			return false
		}
		if more, ok := s.more(']'); !more {
			return ok
		}
		b.call.index++
	}
}
