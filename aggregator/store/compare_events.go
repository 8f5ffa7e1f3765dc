package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"weir/aggregator"
	"weir/ingest"
)

// always is every time that an event can have.
var always = aggregator.Span{From: ingest.TimestampMin, To: ingest.TimestampMax}

// events compares the events of each series, also those that are superseded.
func (c *comparison) events() error {
	return c.eachSeries(func(name string, a, b SeriesName) error {
		e := eventComparison{comparison: c, name: name}
		left, stop := iter.Pull(c.a.events(c, a))
		defer stop()
		right, stop := iter.Pull(c.b.events(c, b))
		defer stop()
		return e.merge(left, right)
	})
}

// eachSeries calls f for every series that has a row in one of the stores, with its name for
// people, and as each store numbers it; number 0 = it does not.
func (c *comparison) eachSeries(f func(name string, a, b SeriesName) error) error {
	return c.space(spaceSeries, func(key, valueA, valueB []byte) error {
		name, rest, err := readSeriesKey(key)
		if err != nil || len(rest) != 0 {
			return nil // told of already
		}
		rowA, errA := decodeSeries(valueA)
		rowB, errB := decodeSeries(valueB)
		a, b := name, name
		a.Number, b.Number = rowA.Number, rowB.Number
		// Where the row is lost, the number that the other store has for it may still lead to it.
		if errA != nil && errB == nil {
			a.Number, err = c.a.numberOf(&name, rowB.Number)
		}
		if errB != nil && errA == nil {
			b.Number, err = c.b.numberOf(&name, rowA.Number)
		}
		if err != nil {
			return err
		}
		return f(describeSeriesName(&name), a, b)
	})
}

// numberOf returns number if it is that of the name, and 0 if not.
func (s *side) numberOf(name *SeriesName, number uint64) (uint64, error) {
	found, err := s.name(number)
	if err != nil || found.Organization != name.Organization || found.Subscription != name.Subscription || found.Code != name.Code {
		return 0, err
	}
	return number, nil
}

// comparedEvent is an event, or a block that can't be read, or what ended the reading.
type comparedEvent struct {
	event *Event // valid until the next
	fault string
	err   error
}

// events yields the events of a series.
func (s *side) events(c *comparison, name SeriesName) iter.Seq[comparedEvent] {
	return func(yield func(comparedEvent) bool) {
		scan := newEventScan(c.ctx, s.Snapshot, &name, always, s.end, func(e *Event) error {
			if !yield(comparedEvent{event: e}) {
				return errEnough
			}
			return nil
		})
		scan.fault = func(key, value []byte, err error) error {
			if !yield(comparedEvent{fault: fmt.Sprintf("%v at key %x: %x", err, key, value)}) {
				return errEnough
			}
			return nil
		}
		if err := scan.run(func(int32) error { return nil }); err != nil && !errors.Is(err, errEnough) {
			yield(comparedEvent{err: err})
		}
	}
}

// eventComparison compares the events of a series.
type eventComparison struct {
	*comparison
	name string
}

func (c *eventComparison) merge(nextA, nextB func() (comparedEvent, bool)) error {
	a, okA := nextA()
	b, okB := nextB()
	var err error
	for (okA || okB) && err == nil {
		switch order := compareHeads(&a, okA, &b, okB); {
		case a.err != nil || b.err != nil:
			err = cmp.Or(a.err, b.err)
		case order < 0:
			err = c.only(&a, true)
			a, okA = nextA()
		case order > 0:
			err = c.only(&b, false)
			b, okB = nextB()
		default:
			if !equalEvents(a.event, b.event) {
				err = c.report(OfEvent, nameEvent(a.event, c.name), describeEvent(a.event), describeEvent(b.event))
			}
			a, okA = nextA()
			b, okB = nextB()
		}
	}
	return err
}

// compareHeads says which comes first: what can't be read, before all.
func compareHeads(a *comparedEvent, okA bool, b *comparedEvent, okB bool) int {
	switch {
	case !okB || okA && a.event == nil:
		return -1
	case !okA || b.event == nil:
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.event.Timestamp, b.event.Timestamp), bytes.Compare(a.event.TransactionID, b.event.TransactionID),
		cmp.Compare(a.event.Revision, b.event.Revision), cmp.Compare(a.event.Position, b.event.Position),
	)
}

// only tells of what just one store has.
func (c *eventComparison) only(e *comparedEvent, inA bool) error {
	name, text := "block of code "+c.name, e.fault
	if e.event != nil {
		name, text = nameEvent(e.event, c.name), describeEvent(e.event)
	}
	if inA {
		return c.report(OfEvent, name, text, "")
	}
	return c.report(OfEvent, name, "", text)
}

// equalEvents compares what two events at one place say.
func equalEvents(a, b *Event) bool {
	return a.ReceivedAt == b.ReceivedAt && a.Filled == b.Filled &&
		(a.PreciseTotal == nil) == (b.PreciseTotal == nil) && bytes.Equal(a.PreciseTotal, b.PreciseTotal) &&
		slices.EqualFunc(a.Properties, b.Properties, func(x, y ingest.Property) bool {
			return x.Kind == y.Kind && bytes.Equal(x.Name, y.Name) && bytes.Equal(x.Text, y.Text)
		})
}

// tombstones compares the tombstones of each series.
func (c *comparison) tombstones() error {
	return c.eachSeries(func(name string, a, b SeriesName) error {
		prefixA, prefixB := appendNumberKey(nil, spaceTomb, a.Number), appendNumberKey(nil, spaceTomb, b.Number)
		return c.merge(prefixA, prefixB, len(prefixA), func(key, valueA, valueB []byte) error {
			if valueA != nil && valueB != nil && bytes.Equal(valueA, valueB) {
				return nil
			}
			text := fmt.Sprintf("%v: %x", errCorruptKey, key)
			if t, err := readTombstoneKey(append(prefixA[:len(prefixA):len(prefixA)], key...)); err == nil {
				text = nameTombstone(&t, name)
			}
			version := func(value []byte) (string, error) { return fmt.Sprintf("version %x", value), nil }
			return c.report(OfTombstone, text, describe(valueA, version), describe(valueB, version))
		})
	})
}
