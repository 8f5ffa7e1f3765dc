package oracle

import (
	"encoding/json"
	"strings"
	"time"
)

// Features counts how often each thing that is hard to get right occurs in the case,
// by a name to print. What does not occur is not in it.
func (c Case) Features() map[string]int {
	f := features{}
	f.add("log entries", len(c.Log))
	f.add("metrics", len(c.Metrics))
	f.add("periods", len(c.Periods))
	for _, m := range c.Metrics {
		f.metric(m)
	}
	for _, p := range c.Periods {
		f.period(p)
	}
	f.repeats(c.Log)
	current := Current(c.Log)
	f.add("events that count", len(current))
	f.times(current, c.Periods)
	for _, e := range current {
		f.properties(e)
	}
	for _, m := range c.Metrics {
		f.overlaps(current, m)
	}
	return f
}

type features map[string]int

func (f features) add(name string, n int) {
	if n > 0 {
		f[name] += n
	}
}

// when counts a thing that is so.
func (f features) when(is bool, name string) {
	if is {
		f[name]++
	}
}

func (f features) metric(m CaseMetric) {
	f.add("metric: "+string(m.Aggregation), 1)
	f.when(m.Recurring, "metric: recurring "+string(m.Aggregation))
	f.when(m.Expression != nil, "metric: expression")
	f.when(m.Rounding != NotRounded, "metric: "+string(m.Rounding)+" units")
	f.when(m.Rounding != NotRounded && m.Precision < 0, "metric: rounding, negative precision")
	f.when(!m.ReceivedFrom.IsZero(), "metric: received from")
	f.when(len(m.Splits) > 1, "metric: two charges")
	for _, s := range m.Splits {
		f.add("split: filters", len(s.Filters))
		f.when(len(s.GroupKeys) > 0, "split: groups")
		f.when(len(s.PresentationKeys) > 0, "split: presentation")
		for _, filter := range s.Filters {
			f.when(len(filter.Values) > 1, "split: filters of two keys")
			f.when(filter.wildcards() > 0, "split: filters with all values")
			f.when(len(filter.GroupKeys) > 0, "split: groups of a filter")
			f.fold(filter.Fold, m.Metric)
		}
		f.fold(s.Fold, m.Metric)
	}
}

func (f features) fold(fold *Fold, m Metric) {
	if fold == nil {
		return
	}
	f.when(fold.Prorated, "fold: prorated "+string(m.Aggregation))
	f.when(len(fold.Tiers) > 0, "fold: tiers")
	f.when(fold.Transaction != nil, "fold: transactions")
	f.when(fold.Transaction != nil && fold.Transaction.Max != nil, "fold: transactions cost no more than")
	if a := fold.Allowance; a != nil {
		f.when(a.Events > 0, "fold: free events")
		f.when(a.Units.Sign() > 0, "fold: free units")
		f.when(a.Events > 0 && a.Units.Sign() > 0 && fold.Transaction != nil, "fold: free events and units, and transactions")
	}
}

func (f features) period(p Period) {
	f.when(p.From.Equal(p.To), "period: empty")
	f.when(!p.From.Truncate(time.Hour).Equal(p.From) || !p.To.Truncate(time.Hour).Equal(p.To), "period: not of whole hours")
	f.when(p.To.Sub(p.From) > 27*24*time.Hour, "period: a month or more")
	f.when(p.To.Sub(p.From) <= time.Hour, "period: an hour or less")
	uneven := false
	for i := 2; i < len(p.Days); i++ {
		uneven = uneven || p.Days[i].Sub(p.Days[i-1]) != p.Days[1].Sub(p.Days[0])
	}
	f.when(uneven, "period: days of unequal length")
	f.when(p.Days[0].Before(p.From), "period: a part of a longer one")
}

// repeats counts what the log says more than once about an id.
func (f features) repeats(log []Event) {
	original := map[string]Event{}      // first of an id with revision 0
	corrections := map[string][]Event{} // of an id, so far
	var last time.Time
	for _, e := range log {
		id := e.TransactionID
		first, isSent := original[id]
		switch {
		case e.Revision > 0:
			f.correction(e, first, isSent, corrections[id])
			corrections[id] = append(corrections[id], e)
		case isSent:
			f.when(sameContent(e, first), "log: repeat")
			f.when(!sameContent(e, first), "log: repeat with another content")
		default:
			original[id] = e
			f.when(len(corrections[id]) > 0, "log: event behind its correction")
		}
		if !e.Cancelled {
			f.when(e.Time.Before(last), "log: out of order")
			last = e.Time
		}
	}
	for id := range corrections {
		_, isSent := original[id]
		f.when(!isSent, "log: corrected, never sent")
	}
}

func (f features) correction(e, original Event, isSent bool, earlier []Event) {
	f.when(e.Cancelled, "correction: cancellation")
	f.when(!e.Cancelled, "correction: amendment")
	if isSent && !e.Cancelled {
		f.when(!e.Time.Equal(original.Time), "correction: another time")
		f.when(e.Code != original.Code, "correction: another code")
		f.when(!sameJSON(e.Properties, original.Properties), "correction: other properties")
	}
	for _, other := range earlier {
		switch {
		case other.Revision > e.Revision:
			f.add("correction: revision below one before", 1)
		case other.Revision == e.Revision && sameContent(e, other):
			f.add("correction: repeat", 1)
		case other.Revision == e.Revision:
			f.add("correction: equal revision, another content", 1)
		default:
			continue
		}
		return
	}
}

func sameContent(a, b Event) bool {
	return a.Code == b.Code && a.Time.Equal(b.Time) && a.PreciseTotal == b.PreciseTotal && a.Cancelled == b.Cancelled &&
		sameJSON(a.Properties, b.Properties)
}

func sameJSON(a, b map[string]any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		panic("BUG: properties are not JSON")
	}
	return string(x) == string(y)
}

func (f features) times(events []Event, periods []Period) {
	at := map[time.Time]int{}
	month := periods[0]
	for _, e := range events {
		at[e.Time.UTC()]++
		for _, p := range periods {
			f.when(e.Time.Equal(p.From), "time: at a period's beginning")
			f.when(e.Time.Equal(p.To), "time: at a period's end")
			f.when(e.Time.Equal(p.To.Add(-1)), "time: a nanosecond before a period's end")
		}
		f.when(e.Time.Truncate(time.Hour).Equal(e.Time), "time: at an hour's border")
		f.when(e.Time.Truncate(24*time.Hour).Equal(e.Time), "time: at a day's border")
		f.when(!e.Time.Truncate(time.Millisecond).Equal(e.Time), "time: below a millisecond")
		f.when(e.Time.Before(month.From), "time: before the month")
		f.when(!e.Time.Before(month.To), "time: behind the month")
		f.when(e.ReceivedAt.Before(e.Time), "time: in the future when received")
		f.when(e.ReceivedAt.After(e.Time.AddDate(0, 0, 7)), "time: received a week late")
	}
	for _, n := range at {
		if n > 1 {
			f.add("time: equal to another's", n)
		}
	}
}

func (f features) properties(e Event) {
	f.when(e.PreciseTotal != "", "value: precise total")
	f.when(valueOf(e.Properties[OperationType]) == Text(Remove), "value: removal")
	for _, field := range []string{fieldA, fieldB} {
		property, is := e.Properties[field]
		f.when(!is, "value: missing")
		if is {
			f.value(property)
		}
	}
	for _, d := range dimensions {
		property, is := e.Properties[d.name]
		f.when(!is, "dimension: missing")
		f.when(is && valueOf(property).Null, "dimension: null or nested")
		_, isNumber := property.(json.Number)
		f.when(isNumber, "dimension: number")
	}
}

func (f features) value(property any) {
	switch v := property.(type) {
	case nil:
		f.add("value: null", 1)
	case bool:
		f.add("value: boolean", 1)
	case string:
		f.when(number(v) != nil, "value: quoted number")
		f.when(number(v) == nil, "value: text")
	case json.Number:
		f.when(strings.ContainsAny(v.String(), "eE"), "value: exponent")
	default:
		f.add("value: nested", 1)
	}
	x := number(property)
	if x == nil {
		return
	}
	f.when(x.Sign() < 0, "value: negative")
	f.when(x.Sign() == 0, "value: zero")
	// What does not fit an int64 of billionths.
	scaled := x.Mul(x, powerOf10(9))
	f.when(!scaled.IsInt(), "value: finer than billionths")
	f.when(scaled.IsInt() && !scaled.Num().IsInt64(), "value: larger than an int64 of billionths")
}

// overlaps counts the events that more than one filter of a charge takes.
func (f features) overlaps(events []Event, m CaseMetric) {
	for _, s := range m.Splits {
		for _, e := range events {
			takers := 0
			for _, filter := range s.Filters {
				if e.Code == m.Code && filter.takes(m.Metric, e) {
					takers++
				}
			}
			f.when(takers == 1, "event: taken by a filter")
			f.when(takers > 1, "event: taken by several filters")
		}
	}
}
