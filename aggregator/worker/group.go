package worker

import (
	"errors"

	"weir/aggregator/store"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// Bounds of a group: what is handed from the reader to the owner at a time.
const (
	groupRecordsMax = 512
	groupEventsMax  = 2048
	groupBytesMax   = 128 << 10
)

// group is a few records in a row, parsed and hashed, in memory of its own that
// is used again. It belongs to the reader until it is sent, then to the owner until
// it is handed back.
type group struct {
	batch   ingest.Batch
	values  []byte // the records' bytes, which the batch points into
	records []parsedRecord
	events  []parsedEvent // one for each of batch.Events

	next     int64 // offset after the last record
	checksum uint64
	time     int64 // of the last record, nanoseconds since the Unix epoch
	foreign  int   // events of other partitions

	identifier ingest.Identifier
}

type parsedRecord struct {
	header   ingest.Header
	offset   int64
	from, to int // its events in the batch

	err   error  // why it was set aside; nil if it was not
	value []byte // its bytes; only when err is set
}

type parsedEvent struct {
	id      ingest.ID
	series  uint64 // hashSeries; of a cancellation nothing
	content uint32
	foreign bool
}

var errBadEvent = errors.New("event is out of bounds")

func (g *group) reset() {
	g.batch.Reset()
	g.values = g.values[:0]
	clear(g.records)
	g.records = g.records[:0]
	g.events = g.events[:0]
	g.foreign = 0
}

func (g *group) full() bool {
	return len(g.records) >= groupRecordsMax || len(g.events) >= groupEventsMax || len(g.values) >= groupBytesMax
}

// add takes a record, which may go afterwards.
func (g *group) add(r *eventlog.Record, partition, partitions int32) {
	g.next, g.time = r.Offset+1, r.Time
	if r.Control {
		return
	}
	at := len(g.values)
	g.values = append(g.values, r.Value...)
	value := g.values[at:len(g.values):len(g.values)]

	from := len(g.batch.Events)
	header, err := g.batch.ParseRecord(value, r.Time)
	events := g.batch.Events[from:]
	for i := range events {
		if !acceptable(&events[i]) {
			err, events = errBadEvent, nil
			g.batch.Events = g.batch.Events[:from]
			break
		}
	}
	parsed := parsedRecord{header: header, offset: r.Offset, from: from, to: from + len(events), err: err}
	if err != nil {
		parsed.value = value
	}
	g.records = append(g.records, parsed)
	if note := ingest.Note(r.Note); note.Tells(len(events), partitions) {
		g.take(header, events, note)
	} else {
		g.hash(header, events, partition, partitions)
	}
}

// acceptable checks what keys and windows rely on. A cancellation has no content.
func acceptable(e *ingest.Event) bool {
	fits := func(text []byte) bool { return 0 < len(text) && len(text) <= ingest.IDBytesMax }
	if !fits(e.TransactionID) || !fits(e.Subscription) || (e.Entry == ingest.EntryEvent) != (e.Revision == 0) {
		return false
	}
	return e.Entry == ingest.EntryCancellation ||
		fits(e.Code) && ingest.TimestampMin <= e.Timestamp && e.Timestamp < ingest.TimestampMax
}

// take believes a note on the events, which is what hash would find out.
func (g *group) take(header ingest.Header, events []ingest.Event, note ingest.Note) {
	if len(events) == 0 {
		return
	}
	code, codeHash := events[0].Code, hashCode(header.Organization, events[0].Code)
	for i := range events {
		e := &events[i]
		if string(code) != string(e.Code) {
			code, codeHash = e.Code, hashCode(header.Organization, e.Code)
		}
		id, content := note.Event(i)
		g.events = append(g.events, parsedEvent{id: id, content: content, series: hashSubscription(codeHash, e.Subscription)})
	}
}

// hash says of each event who it is and where it belongs.
func (g *group) hash(header ingest.Header, events []ingest.Event, partition, partitions int32) {
	if len(events) == 0 {
		return
	}
	g.identifier.Reset(header.Organization)
	var last []byte // subscription of the event before
	var home int32
	code, codeHash := events[0].Code, hashCode(header.Organization, events[0].Code)
	for i := range events {
		e := &events[i]
		if i == 0 || string(last) != string(e.Subscription) {
			home = g.identifier.Partition(e.Subscription, partitions)
			last = e.Subscription
		}
		if string(code) != string(e.Code) {
			code, codeHash = e.Code, hashCode(header.Organization, e.Code)
		}
		parsed := parsedEvent{foreign: home != partition}
		if parsed.foreign {
			g.foreign++
		} else {
			parsed.id, _ = g.identifier.Identify(e.Subscription, e.TransactionID)
			parsed.content = ingest.ContentHash32(e)
			parsed.series = hashSubscription(codeHash, e.Subscription)
		}
		g.events = append(g.events, parsed)
	}
}

// reason says why a record was set aside.
func (r *parsedRecord) reason() store.Reason {
	var invalid *ingest.ValidationError
	if errors.As(r.err, &invalid) {
		return store.Invalid
	}
	return store.Malformed
}
