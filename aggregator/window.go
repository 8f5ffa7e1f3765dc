package aggregator

import (
	"time"

	"weir/ingest"
)

// Counters stand in windows of one UTC hour and of one UTC day, named by their
// number since the Unix epoch.
const (
	hourNanos   = int64(time.Hour)
	HoursPerDay = 24
)

// HourOf returns the hour that a timestamp (nanoseconds since the epoch, not negative) falls into.
func HourOf(timestamp int64) int32 { return int32(timestamp / hourNanos) }

// DayOfHour returns the day that an hour belongs to.
func DayOfHour(hour int32) int32 { return hour / HoursPerDay }

// StartOfHour and StartOfDay return when an hour or a day begins, nanoseconds since the epoch.
func StartOfHour(hour int32) int64 { return int64(hour) * hourNanos }
func StartOfDay(day int32) int64   { return int64(day) * HoursPerDay * hourNanos }

// Span is a half-open range [From, To); empty when From == To.
type Span struct{ From, To int64 }

// Empty reports whether there is nothing in the span.
func (s Span) Empty() bool { return s.From >= s.To }

// Contains reports whether v lies in the span.
func (s Span) Contains(v int64) bool { return s.From <= v && v < s.To }

// Windows is a range of time taken apart: whole days, whole hours before and
// after them, and at most two edges that are no whole hour.
type Windows struct {
	Days  Span    // numbers of days
	Hours [2]Span // numbers of hours
	Edges [2]Span // nanoseconds since the epoch: to be read from the events
}

// SpanOf returns [from, to) in nanoseconds, cut to the instants that an event can have.
func SpanOf(from, to time.Time) Span {
	s := Span{From: nanos(from), To: nanos(to)}
	s.To = max(s.From, s.To)
	return s
}

// InstantsOf returns instants in nanoseconds, cut as those of SpanOf.
func InstantsOf(times []time.Time) []int64 {
	if len(times) == 0 {
		return nil
	}
	instants := make([]int64, len(times))
	for i, t := range times {
		instants[i] = nanos(t)
	}
	return instants
}

func nanos(t time.Time) int64 {
	seconds := t.Unix()
	switch {
	case seconds < ingest.TimestampMin/int64(time.Second):
		return ingest.TimestampMin
	case seconds >= ingest.TimestampMax/int64(time.Second):
		return ingest.TimestampMax
	default:
		return t.UnixNano()
	}
}

// SplitWindows takes a span of nanoseconds apart. Every instant of the span is
// in exactly one of the parts.
func SplitWindows(s Span) Windows {
	var w Windows
	if s.Empty() {
		return w
	}
	first := (s.From + hourNanos - 1) / hourNanos // first whole hour
	last := s.To / hourNanos                      // hour after the last whole one
	if first > last {                             // inside one hour
		w.Edges[0] = s
		return w
	}
	w.Edges[0] = Span{s.From, first * hourNanos}
	w.Edges[1] = Span{last * hourNanos, s.To}
	firstDay := (first + HoursPerDay - 1) / HoursPerDay
	lastDay := last / HoursPerDay
	if firstDay >= lastDay {
		w.Hours[0] = Span{first, last}
		return w
	}
	w.Hours[0] = Span{first, firstDay * HoursPerDay}
	w.Days = Span{firstDay, lastDay}
	w.Hours[1] = Span{lastDay * HoursPerDay, last}
	return w
}
