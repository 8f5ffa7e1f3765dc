package main

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// The one metric that all events move: a sum, whose usage also says how many
// events it is of.
const (
	metricCode  = "load_units"
	metricField = "units"
	valueMax    = 1_000_000 // thousandths of a unit, exclusive
)

// tally is what was sent to each subscription, or what is in usage.
type tally struct {
	events      []int64
	thousandths []int64 // of units, summed
}

func newTally(subscriptions int) tally {
	return tally{make([]int64, subscriptions), make([]int64, subscriptions)}
}

func (t tally) merge(other tally) {
	for i := range t.events {
		t.events[i] += other.events[i]
		t.thousandths[i] += other.thousandths[i]
	}
}

func (t tally) total() (events int64) {
	for _, n := range t.events {
		events += n
	}
	return events
}

// generator writes the requests of one connection. It is used by one goroutine.
type generator struct {
	shape  *shape
	names  []string // external ids of the subscriptions
	prefix string   // of transaction ids, unique for the connection and the run
	serial int64
	random *rand.Rand
	zipf   *rand.Zipf // nil: uniform

	body    []byte
	pending tally // what body holds; indexes in touched
	touched []int
}

func newGenerator(s *shape, names []string, prefix string, seed uint64) *generator {
	g := &generator{
		shape: s, names: names, prefix: prefix,
		random:  rand.New(rand.NewPCG(seed, 1)),
		pending: newTally(len(names)),
	}
	if s.Zipf > 0 {
		g.zipf = rand.NewZipf(g.random, s.Zipf, 1, uint64(len(names)-1))
	}
	return g
}

// next writes the body of a new request, valid until the next call.
func (g *generator) next(now time.Time) []byte {
	for _, i := range g.touched {
		g.pending.events[i], g.pending.thousandths[i] = 0, 0
	}
	g.touched = g.touched[:0]
	opening, separator, ending := "", "\n", "\n"
	switch g.shape.Mode {
	case modeSingle:
		opening, ending = `{"event":`, "}"
	case modeBatch:
		opening, separator, ending = `{"events":[`, ",", "]}"
	}
	g.body = append(g.body[:0], opening...)
	for i := range g.shape.Batch {
		if i > 0 {
			g.body = append(g.body, separator...)
		}
		g.appendEvent(now)
	}
	g.body = append(g.body, ending...)
	return g.body
}

func (g *generator) appendEvent(now time.Time) {
	subscription := 0
	if g.zipf != nil {
		subscription = int(g.zipf.Uint64())
	} else {
		subscription = g.random.IntN(len(g.names))
	}
	value := g.random.Int64N(valueMax)
	if g.pending.events[subscription] == 0 {
		g.touched = append(g.touched, subscription)
	}
	g.pending.events[subscription]++
	g.pending.thousandths[subscription] += value
	g.serial++
	g.body = appendEvent(g.body, g.prefix, g.serial, g.names[subscription], now, value)
}

// acknowledged adds what the body holds to t.
func (g *generator) acknowledged(t tally) {
	for _, i := range g.touched {
		t.events[i] += g.pending.events[i]
		t.thousandths[i] += g.pending.thousandths[i]
	}
}

// appendEvent appends one event's JSON, about 200 bytes. No name needs escaping.
func appendEvent(dst []byte, prefix string, serial int64, subscription string, now time.Time, thousandths int64) []byte {
	dst = append(dst, `{"transaction_id":"`...)
	dst = append(dst, prefix...)
	dst = strconv.AppendInt(dst, serial, 10)
	dst = append(dst, `","external_subscription_id":"`...)
	dst = append(dst, subscription...)
	dst = append(dst, `","code":"`+metricCode+`","timestamp":`...)
	dst = strconv.AppendInt(dst, now.Unix(), 10)
	dst = append(dst, '.')
	dst = appendPadded(dst, int64(now.Nanosecond()/1_000_000))
	dst = append(dst, `,"properties":{"`+metricField+`":`...)
	dst = appendThousandths(dst, thousandths)
	return append(dst, `,"model":"gpt-large","region":"eu-west-1"}}`...)
}

// appendThousandths appends n/1000 as a decimal with three digits.
func appendThousandths(dst []byte, n int64) []byte {
	dst = strconv.AppendInt(dst, n/1000, 10)
	dst = append(dst, '.')
	return appendPadded(dst, n%1000)
}

func appendPadded(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}
