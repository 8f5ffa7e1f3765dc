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

// The lengths of the parts that differ. They are constants, so that a part is written by
// a move or two and not by a call.
const (
	nameTail    = 8          // bytes at the end of a subscription's name; before them all names are equal
	timeDigits  = 10 + 1 + 3 // seconds, a point and three digits
	unitsDigits = 3 + 1 + 3
)

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
	at.subscription = part(name) + len(name) - nameTail
	part(`","code":"` + metricCode + `","timestamp":`)
	at.time = part("1700000000.000")
	part(`,"properties":{"` + metricField + `":`)
	at.units = part("100.000")
	part(`,"` + modelField + `":"`)
	at.model = part(string(combinations[0].model[:]))
	part(`","` + regionField + `":"`)
	at.region = part(string(combinations[0].region[:]))
	part(`"}}`)
	return event, at
}

// generator writes new events over bodies. It is used by one goroutine.
type generator struct {
	names      [][nameTail]byte // how the subscriptions' external ids end
	popularity popularity
	random     randomness
	serial     [serialDigits]byte // the last that was used, in ASCII
}

func newGenerator(names [][nameTail]byte, popular popularity, seed uint64) *generator {
	g := &generator{names: names, popularity: popular, random: randomness(seed)}
	for i := range g.serial {
		g.serial[i] = '0'
	}
	return g
}

// tailsOf returns how names end. They are of one length, and equal but for that.
func tailsOf(names []string) [][nameTail]byte {
	tails := make([][nameTail]byte, len(names))
	for i, name := range names {
		at := len(name) - nameTail
		if at < 0 || len(name) != len(names[0]) || name[:at] != names[0][:at] {
			panic("BUG: subscriptions have names that differ before their last bytes")
		}
		copy(tails[i][:], name[at:])
	}
	return tails
}

// fill makes the body a new request.
func (g *generator) fill(b *body, now time.Time) {
	at := timeOf(now)
	event := b.bytes[b.first:]
	for i := range b.cells {
		subscription := g.popularity.draw(g.random.next())
		bits := g.random.next()
		cell := below(uint32(bits), cellsPerName)
		value := uint32(valueMin + below(uint32(bits>>32), valueMax-valueMin))
		b.cells[i], b.values[i] = uint32(subscription*cellsPerName+cell), value

		g.count()
		*(*[serialDigits]byte)(event[b.at.serial:]) = g.serial
		*(*[nameTail]byte)(event[b.at.subscription:]) = g.names[subscription]
		*(*[timeDigits]byte)(event[b.at.time:]) = at
		*(*[unitsDigits]byte)(event[b.at.units:]) = unitsOf(value)
		*(*[modelBytes]byte)(event[b.at.model:]) = combinations[cell].model
		*(*[regionBytes]byte)(event[b.at.region:]) = combinations[cell].region
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

// unitsOf returns a value as a decimal with three digits before the point and three after.
func unitsOf(thousandths uint32) [unitsDigits]byte {
	whole, rest := digits[thousandths/1000], digits[thousandths%1000]
	return [unitsDigits]byte{whole[0], whole[1], whole[2], '.', rest[0], rest[1], rest[2]}
}

// digits are the numbers below 1,000, in three digits.
var digits = func() (all [1000][3]byte) {
	for n := range all {
		all[n] = [3]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)}
	}
	return all
}()

// timeOf returns a timestamp in seconds, with three decimals.
func timeOf(now time.Time) (text [timeDigits]byte) {
	const point = 10 // until the year 2286
	strconv.AppendInt(text[:0], now.Unix(), 10)
	text[point] = '.'
	*(*[3]byte)(text[point+1:]) = digits[now.Nanosecond()/1_000_000]
	return text
}
