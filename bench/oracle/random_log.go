package oracle

import (
	"encoding/json"
	"strings"
	"time"
)

// log makes 20 to 120 entries, rather more than fewer: events, repeats of them with equal and with other content,
// corrections of events that were sent, are still to come, or never do, and repeats of corrections.
func (g *generator) log() {
	var (
		ids       []string // of all entries so far
		sent      []Event
		corrected []Event
		awaited   []string // ids with a correction and no event
	)
	received := g.c.Periods[0].From
	add := func(e Event) {
		if g.chance(70) { // what one record brings is received at one instant
			received = received.Add(time.Duration(g.Int64N(int64(time.Hour))))
		}
		e.ReceivedAt = received
		g.c.Log = append(g.c.Log, e)
		ids = append(ids, e.TransactionID)
		if e.Revision > 0 {
			corrected = append(corrected, e)
		} else {
			sent = append(sent, e)
		}
	}
	add(g.event(g.id()))
	for range 19 + max(g.IntN(101), g.IntN(101), g.IntN(101)) {
		switch roll := g.IntN(100); {
		case roll < 5:
			add(oneOf(g, sent...))
		case roll < 9:
			add(g.event(oneOf(g, sent...).TransactionID))
		case roll < 20:
			add(g.amendment(oneOf(g, sent...)))
		case roll < 25:
			add(g.cancellation(oneOf(g, ids...)))
		case roll < 31:
			early := g.event(g.id())
			awaited = append(awaited, early.TransactionID)
			if g.chance(70) {
				add(g.amendment(early))
			} else {
				add(g.cancellation(early.TransactionID))
			}
		case roll < 37 && len(corrected) > 0:
			add(oneOf(g, corrected...))
		case roll < 43 && len(awaited) > 0:
			add(g.event(awaited[0]))
			awaited = awaited[1:]
		default:
			add(g.event(g.id()))
		}
	}
}

// amendment returns a correction of an event that changes some of it.
func (g *generator) amendment(e Event) Event {
	fresh := g.event(e.TransactionID)
	fresh.Revision = g.revision()
	if g.chance(60) {
		fresh.Time = e.Time
	}
	if g.chance(75) {
		fresh.Code = e.Code
	}
	if g.chance(25) {
		fresh.Properties, fresh.PreciseTotal = e.Properties, e.PreciseTotal
	}
	return fresh
}

func (g *generator) cancellation(id string) Event {
	return Event{TransactionID: id, Subscription: g.subscription, Revision: g.revision(), Cancelled: true}
}

func (g *generator) revision() int { return oneOf(g, 1, 1, 1, 2, 2, 3, 300) }

// dimensions are the properties that filters and groups look at, and what they may hold.
var dimensions = []struct {
	name   string
	values []any
}{
	{regionKey, []any{"eu", "eu", "us", "mars", nil}},
	{tierKey, []any{"gold", "free", json.Number("1"), json.Number("1.0"), "1", true, "true", nil}},
	{seatKey, []any{json.Number("1"), json.Number("10e-1"), "1", "1.0", "x", "", false, []any{"x"}}},
	{teamKey, []any{"red", "blue", map[string]any{"name": "red"}}},
}

// event returns an event as it is sent.
func (g *generator) event(id string) Event {
	e := Event{TransactionID: id, Subscription: g.subscription, Code: "unknown", Time: g.instant(), Properties: map[string]any{}}
	if g.chance(97) {
		e.Code = oneOf(g, g.c.Metrics...).Code
	}
	if g.chance(20) {
		e.PreciseTotal = oneOf(g, "0", "1.5", "2.25", "0.000000000000000001", "-3", "99999999999999999999.5")
	}
	for _, field := range []string{fieldA, fieldB} {
		if g.chance(94) {
			e.Properties[field] = oneOf(g, g.values...)
		}
	}
	if g.chance(35) {
		e.Properties[OperationType] = oneOf[any](g, Remove, Remove, Remove, Remove, "add", "REMOVE", nil, true)
	}
	for _, p := range dimensions {
		if g.chance(85) {
			e.Properties[p.name] = oneOf(g, p.values...)
		}
	}
	return e
}

// numbers chooses what the fields of this case hold: few values, so that they come again.
func (g *generator) numbers() {
	usual := []any{
		json.Number("1"), json.Number("1.0"), json.Number("1e0"), "1", "1.0", json.Number("2"), json.Number("3"),
		json.Number("0"), json.Number("-0"), json.Number("-1"), json.Number("-2.5"), "-2.5", json.Number("0.1"), json.Number("0.2"),
		json.Number("12.345"), "007", json.Number("100"), json.Number("1e2"), json.Number("5E-1"),
		json.Number("9223372036.854775807"), json.Number("9223372036.854775808"), // an int64 of billionths, and one more
		json.Number("0.000000001"), json.Number("0.0000000001"),
	}
	extreme := []any{
		json.Number(strings.Repeat("9", 38)), json.Number("-" + strings.Repeat("9", 38)), json.Number("1e37"),
		json.Number("0.000000000000000001"), json.Number("-1e-18"), json.Number("1e-38"), strings.Repeat("8", 38),
		json.Number("12345678901234567890.123456789012345678"),
	}
	odd := []any{
		nil, true, false, "", "many", "1e3", " 1", "1.", "+1", strings.Repeat("9", 39), []any{json.Number("1")}, map[string]any{"n": json.Number("1")},
	}
	for range 8 {
		g.values = append(g.values, oneOf(g, usual...))
	}
	if g.chance(50) {
		g.values = append(g.values, oneOf(g, extreme...), oneOf(g, extreme...))
	}
	g.values = append(g.values, oneOf(g, odd...))
}
