package main

import (
	"strconv"
	"time"

	"weir/bench/report"
)

// serialDigits is how many digits number the events of a connection.
const serialDigits = 9

// body is one request as it goes over the wire, head included. It is written once;
// for the next request only what differs is written over it: every event has the
// same length. It is used by one goroutine.
type body struct {
	bytes []byte // of the whole request

	first  int // where the first event begins
	stride int // from one event to the next
	at     offsets

	// What the body holds, event by event.
	cells  []uint32 // into a tally
	values []uint32 // thousandths
	tries  int      // how often it was sent and not acknowledged
	due    time.Time
}

// offsets are where in an event the parts begin that differ.
type offsets struct{ serial, subscription, time, units, model, region int }

// timeDigits is the length of a timestamp: seconds, a point and three digits.
const timeDigits = 10 + 1 + 3

// newBody writes a request with placeholders. head ends before the length of the content.
func newBody(s *report.Shape, head, prefix, name string) *body {
	opening, separator, ending := "", "\n", "\n"
	switch s.Mode {
	case report.ModeSingle:
		opening, ending = `{"event":`, "}"
	case report.ModeBatch:
		opening, separator, ending = `{"events":[`, ",", "]}"
	}
	event, at := placeholder(prefix, name)
	length := len(opening) + s.Batch*len(event) + (s.Batch-1)*len(separator) + len(ending)
	b := &body{
		bytes:  []byte(head + "Content-Length: " + strconv.Itoa(length) + "\r\n\r\n" + opening),
		stride: len(event) + len(separator), at: at,
		cells: make([]uint32, s.Batch), values: make([]uint32, s.Batch),
	}
	b.first = len(b.bytes)
	for i := range s.Batch {
		if i > 0 {
			b.bytes = append(b.bytes, separator...)
		}
		b.bytes = append(b.bytes, event...)
	}
	b.bytes = append(b.bytes, ending...)
	return b
}

// placeholder returns an event, about 210 bytes of JSON, and where its parts are. No
// name needs escaping.
func placeholder(prefix, name string) (event string, at offsets) {
	part := func(text string) int {
		begin := len(event)
		event += text
		return begin
	}
	part(`{"transaction_id":"` + prefix)
	at.serial = part("000000000")
	part(`","external_subscription_id":"`)
	at.subscription = part(name)
	part(`","code":"` + metricCode + `","timestamp":`)
	at.time = part("1700000000.000")
	part(`,"properties":{"` + metricField + `":`)
	at.units = part("100.000")
	part(`,"` + modelField + `":"`)
	at.model = part(combinations[0].model)
	part(`","` + regionField + `":"`)
	at.region = part(combinations[0].region)
	part(`"}}`)
	return event, at
}

// generator writes new events over bodies. It is used by one goroutine.
type generator struct {
	names      []string // external ids of the subscriptions, of one length
	popularity popularity
	random     randomness
	serial     [serialDigits]byte // the last that was used, in ASCII
}

func newGenerator(names []string, popular popularity, seed uint64) *generator {
	g := &generator{names: names, popularity: popular, random: randomness(seed)}
	for i := range g.serial {
		g.serial[i] = '0'
	}
	return g
}

// fill makes the body a new request.
func (g *generator) fill(b *body, now time.Time) {
	var at [timeDigits]byte
	appendTime(at[:0], now)
	event := b.bytes[b.first:]
	for i := range b.cells {
		bits := g.random.next()
		subscription := g.popularity.draw(bits)
		more := g.random.next()
		cell := below(uint32(more), cellsPerName)
		value := uint32(valueMin + below(uint32(more>>32), valueMax-valueMin))
		b.cells[i], b.values[i] = uint32(subscription*cellsPerName+cell), value

		g.count()
		copy(event[b.at.serial:], g.serial[:])
		copy(event[b.at.subscription:], g.names[subscription])
		copy(event[b.at.time:], at[:])
		putUnits(event[b.at.units:], value)
		copy(event[b.at.model:], combinations[cell].model)
		copy(event[b.at.region:], combinations[cell].region)
		if i < len(b.cells)-1 {
			event = event[b.stride:]
		}
	}
}

// count makes serial the next number.
func (g *generator) count() {
	for i := serialDigits - 1; i >= 0; i-- {
		if g.serial[i] < '9' {
			g.serial[i]++
			return
		}
		g.serial[i] = '0'
	}
	panic("BUG: a connection ran out of numbers for its events")
}

// putUnits writes a value as a decimal with three digits before the point and three after.
func putUnits(dst []byte, thousandths uint32) {
	_ = dst[6]
	copy(dst[0:3], threeDigits(thousandths/1000))
	dst[3] = '.'
	copy(dst[4:7], threeDigits(thousandths%1000))
}

// threeDigits returns a number below 1,000 in three digits.
func threeDigits(n uint32) string { return digits[3*n : 3*n+3] }

var digits = func() string {
	all := make([]byte, 0, 3*1000)
	for n := range 1000 {
		all = append(all, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
	}
	return string(all)
}()

// appendTime appends a timestamp in seconds, with three decimals.
func appendTime(dst []byte, now time.Time) []byte {
	dst = append(strconv.AppendInt(dst, now.Unix(), 10), '.')
	return append(dst, threeDigits(uint32(now.Nanosecond()/1_000_000))...)
}
