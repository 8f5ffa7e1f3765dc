package store

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"weir/aggregator"
	"weir/ingest"
)

// Subject says what a Difference is about.
type Subject string

// The subjects.
const (
	OfProgress Subject = "progress"
	OfSeries   Subject = "series"
	// OfState: only one store counts a series, or both by other definitions. While a
	// rebuild is under way, that is no fault.
	OfState     Subject = "state of series"
	OfCounter   Subject = "counter"
	OfEvent     Subject = "event"
	OfTombstone Subject = "tombstone"
	OfSeen      Subject = "seen id"
	OfAside     Subject = "set aside"
)

// Difference is something that two stores of one partition do not agree on, or that
// does not fit within one of them.
type Difference struct {
	Subject Subject
	Name    string // what differs, for people
	A, B    string // what each store has; "" = nothing
}

// String returns the difference as one line.
func (d *Difference) String() string {
	a, b := d.Values()
	return fmt.Sprintf("%s %s: %s, %s", d.Subject, d.Name, a, b)
}

// Values returns what each store has, for people: also that it has nothing.
func (d *Difference) Values() (a, b string) { return orNothing(d.A), orNothing(d.B) }

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// The functions below say what stands in a store as people read it. Bytes that can't be
// read are shown as they are: the comparison goes on, and names them.

// describe returns decode's text of a value, "" when there is no value.
func describe(value []byte, decode func([]byte) (string, error)) string {
	if value == nil {
		return ""
	}
	text, err := decode(value)
	if err != nil {
		return fmt.Sprintf("%v: %x", err, value)
	}
	return text
}

func describeInstant(timestamp int64) string {
	return time.Unix(0, timestamp).UTC().Format(time.RFC3339Nano)
}

func describePosition(p ingest.Position) string { return fmt.Sprintf("%d:%d", p.Offset(), p.Index()) }

func describeSeriesName(n *SeriesName) string {
	return fmt.Sprintf("%q of subscription %q, organization %s", n.Code, n.Subscription, n.Organization)
}

func describeSeries(s *Series) string {
	if s.State == Uncounted {
		return s.State.String()
	}
	return s.State.String() + " by definition " + hex.EncodeToString(s.Definition[:])
}

// describeWindow names a counter's window by its beginning.
func describeWindow(w Window, number int32) string {
	switch w {
	case Hour:
		return "hour " + describeInstant(aggregator.StartOfHour(number))
	case Day:
		return "day " + describeInstant(aggregator.StartOfDay(number))
	default:
		return fmt.Sprintf("window %d of unknown length %d", number, w)
	}
}

func describeCounter(value []byte) (string, error) {
	c, err := aggregator.DecodeCounter(value)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d events, sum %s (%x)", c.EventsCount, c.Sum.Decimal(), value), nil
}

// describeEvent says what an event is besides its name (nameEvent).
func describeEvent(e *Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "received %s", describeInstant(e.ReceivedAt))
	if e.Filled {
		b.WriteString(", timestamp filled in")
	}
	if e.PreciseTotal != nil {
		fmt.Fprintf(&b, ", precise total %s", e.PreciseTotal)
	}
	for i := range e.Properties {
		p := &e.Properties[i]
		fmt.Fprintf(&b, ", %q (kind %d) %q", p.Name, p.Kind, p.Text)
	}
	return b.String()
}

func nameEvent(e *Event, series string) string {
	return fmt.Sprintf("%q revision %d at position %s, time %s, code %s", e.TransactionID, e.Revision,
		describePosition(e.Position), describeInstant(e.Timestamp), series)
}

func nameTombstone(t *tombstone, series string) string {
	return fmt.Sprintf("of event at position %s, hour %s, code %s, by position %s", describePosition(t.entry),
		describeInstant(aggregator.StartOfHour(t.hour)), series, describePosition(t.by))
}

func describeAside(key []byte) func(value []byte) (string, error) {
	return func(value []byte) (string, error) {
		a, err := decodeAside(key, value)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s, organization %s, %q, record %x", a.Reason, a.Organization, a.Message, a.Record), nil
	}
}
