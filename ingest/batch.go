package ingest

import "unsafe"

// batchRetainedBytesMax is how much memory of each kind Reset keeps for the
// next use. One giant request must not stay in a pool for ever.
const batchRetainedBytesMax = 8 << 20

// Batch is the memory that events are parsed and decoded into. Reusing one
// Batch makes parsing free of allocation. The zero Batch is ready for use.
//
// A call that fails leaves Events as it was before. A Batch is used by one
// goroutine at a time.
type Batch struct {
	// Events are the events so far, in the order of the input.
	Events []Event

	properties []Property
	usual      [usualPropertiesMax]usualProperty // of one event, as read; see usual.go
	usualOrder [usualPropertiesMax]uint8         // indexes in usual, in the order of names
	scan       scanner
	call       call

	thorough bool // set by tests: usual.go is not used
}

// Reset makes the Batch empty. All events taken from it are void. Its memory still points
// into the inputs that it was filled from, until something else is there: to clear it costs
// a tenth of parsing. Who holds on to a Batch holds on to its last inputs as well.
func (b *Batch) Reset() {
	b.Events = recycled(b.Events)
	b.properties = recycled(b.properties)
	b.scan.text = recycled(b.scan.text)
	b.scan.names.reset()
	b.scan.data = nil
	b.call = call{}
}

// recycled returns s emptied, or nil when it is too large to keep.
func recycled[T any](s []T) []T {
	var zero T
	if cap(s)*int(unsafe.Sizeof(zero)) > batchRetainedBytesMax {
		return nil
	}
	return s[:0]
}

// mark is how full a Batch was before a call, to go back to when it fails.
type mark struct{ events, properties, text int }

func (b *Batch) mark() mark {
	return mark{len(b.Events), len(b.properties), len(b.scan.text)}
}

func (b *Batch) rewind(m mark) {
	b.Events = b.Events[:m.events]
	b.properties = b.properties[:m.properties]
	b.scan.text = b.scan.text[:m.text]
}
