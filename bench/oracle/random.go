package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Case is a random question: what metrics come to over periods, given a log.
type Case struct {
	Subscription string
	Metrics      []CaseMetric // of different codes
	Log          []Event      // in log order; all of Subscription
	Periods      []Period     // two or more, of which the first is a month
}

// CaseMetric is a metric and how its charges split it.
type CaseMetric struct {
	Metric
	Splits []Split // one or more
}

// Period is a range of time to ask about, [From, To); From is never behind To.
type Period struct {
	Name     string // for a failing test to print
	From, To time.Time
	// Days are the instants at which the local days of a period begin that [From, To) lies in, and its end.
	Days []time.Time
}

// Random returns a case of a subscription: a function of the state of rng. Ids,
// values and instants come from small sets, so that they meet often. All that
// the log holds is within what ingestion takes in.
func Random(rng *rand.Rand, subscription string) Case {
	g := generator{Rand: rng, subscription: subscription}
	g.periods()
	g.instants()
	g.numbers()
	codes := []string{"calls", "seats", "storage"}
	for i := range 1 + g.IntN(3) {
		g.c.Metrics = append(g.c.Metrics, g.metric(codes[i]))
	}
	g.log()
	g.receivedFrom()
	g.c.Subscription = subscription
	return g.c
}

// generator makes one case.
type generator struct {
	*rand.Rand
	subscription string
	c            Case
	times        []time.Time // where events like to be
	crowd        time.Time   // where many are, or a nanosecond behind it
	values       []any       // what fields like to hold
	ids          int         // ids given out so far
}

func oneOf[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// chance is true percent times in a hundred.
func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// between returns a random instant in [from, to), to the second, the millisecond or the nanosecond.
func (g *generator) between(from, to time.Time) time.Time {
	unit := oneOf(g, time.Second, time.Millisecond, time.Nanosecond)
	return from.Add(time.Duration(g.Int64N(int64(to.Sub(from))))).Truncate(unit)
}

// zone is a time zone by what it is ahead of UTC, in winter and in summer: the months in
// which the clocks change have borders of different offsets.
type zone struct {
	name           string
	winter, summer time.Duration
}

var zones = []zone{
	{"UTC", 0, 0},
	{"New York", -5 * time.Hour, -4 * time.Hour},
	{"Berlin", time.Hour, 2 * time.Hour},
	{"Kolkata", 5*time.Hour + 30*time.Minute, 5*time.Hour + 30*time.Minute},
	{"Kathmandu", 5*time.Hour + 45*time.Minute, 5*time.Hour + 45*time.Minute},
	{"St. John's", -3*time.Hour - 30*time.Minute, -2*time.Hour - 30*time.Minute},
	{"Lord Howe", 11 * time.Hour, 10*time.Hour + 30*time.Minute},
	{"Chatham", 13*time.Hour + 45*time.Minute, 12*time.Hour + 45*time.Minute},
	{"Monrovia, before 1972", -44*time.Minute - 30*time.Second, -44*time.Minute - 30*time.Second},
	{"Kiritimati", 14 * time.Hour, 14 * time.Hour},
}

// midnight is the first instant of a month, where it is so in the zone.
func (z zone) midnight(month int) time.Time {
	utc := time.Date(2023, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	if m := utc.Month(); m >= time.April && m <= time.October {
		return utc.Add(-z.summer)
	}
	return utc.Add(-z.winter)
}

// periods makes a month and one to three others in or beside it.
func (g *generator) periods() {
	z, m := oneOf(g, zones...), 1+g.IntN(12)
	from, to := z.midnight(m), z.midnight(m+1)
	g.c.Periods = []Period{{Name: "month in " + z.name, From: from, To: to}}
	next := Period{Name: "next month in " + z.name, From: to, To: z.midnight(m + 2)}
	day := g.between(from, to).Truncate(24 * time.Hour)
	hour := g.between(from, to).Truncate(time.Hour)
	at, a, b := g.between(from, to), g.between(from, to), g.between(from, to)
	if b.Before(a) {
		a, b = b, a
	}
	others := []Period{
		next,
		{Name: "day", From: day, To: day.Add(24 * time.Hour)},
		{Name: "days", From: day, To: day.Add(72 * time.Hour)},
		{Name: "hour", From: hour, To: hour.Add(time.Hour)},
		{Name: "odd instants", From: a, To: b},
		{Name: "within an hour", From: at, To: at.Add(time.Duration(1 + g.Int64N(int64(time.Hour))))},
		{Name: "one nanosecond", From: at, To: at.Add(1)},
		{Name: "empty", From: at, To: at},
		{Name: "long", From: from.AddDate(-1, 0, 0), To: b},
	}
	g.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	g.c.Periods = append(g.c.Periods, others[:1+g.IntN(3)]...)
	for i := range g.c.Periods {
		g.days(&g.c.Periods[i])
	}
}

// days gives a period its days, now and then longer or shorter than others, and up to three before it
// and behind it. Those of a long one are weeks.
func (g *generator) days(p *Period) {
	length := 24 * time.Hour
	if p.To.Sub(p.From) > 100*length {
		length *= 7
	}
	at := p.From
	if g.chance(60) {
		at = at.Add(-time.Duration(g.Int64N(int64(3 * length))))
	}
	p.Days = []time.Time{at}
	for behind := g.IntN(4); !at.After(p.To) || behind > 0; {
		if at.After(p.To) {
			behind--
		}
		at = at.Add(length)
		if g.chance(10) {
			at = at.Add(oneOf(g, -time.Hour, time.Hour, 30*time.Minute))
		}
		p.Days = append(p.Days, at)
		if at.Equal(p.To) && g.chance(50) {
			break
		}
	}
}

// instants are the edges of periods, hours and days, their neighbours, and others,
// before, in and behind the month.
func (g *generator) instants() {
	for _, p := range g.c.Periods {
		g.times = append(g.times, p.From, p.To, oneOf(g, p.Days...), oneOf(g, p.Days...))
	}
	from, to := g.around()
	g.crowd = g.between(g.c.Periods[0].From, g.c.Periods[0].To)
	for range 5 {
		at := g.between(g.c.Periods[0].From, g.c.Periods[0].To)
		if g.chance(30) {
			at = g.between(from, to)
		}
		g.times = append(g.times, at, at.Truncate(time.Hour), at.Truncate(24*time.Hour))
	}
	for _, at := range slices.Clone(g.times) {
		if g.chance(50) {
			g.times = append(g.times, at.Add(oneOf(g, time.Duration(-1), 1, -time.Microsecond, time.Millisecond)))
		}
	}
}

// around is the time of the events: the month, and forty days on both sides.
func (g *generator) around() (from, to time.Time) {
	month := g.c.Periods[0]
	return month.From.AddDate(0, 0, -40), month.To.AddDate(0, 0, 40)
}

// instant returns the time of an event.
func (g *generator) instant() time.Time {
	month := g.c.Periods[0]
	switch roll := g.IntN(100); {
	case roll < 20:
		return g.crowd.Add(time.Duration(g.IntN(2)))
	case roll < 65:
		return oneOf(g, g.times...)
	case roll < 90:
		return g.between(month.From, month.To)
	default:
		return g.between(g.around())
	}
}

// Names of the properties of random events, beside OperationType. The first two hold what is
// aggregated, the others what filters and groups look at.
const (
	fieldA, fieldB                       = "a", "b"
	regionKey, tierKey, seatKey, teamKey = "region", "tier", "seat", "team"
)

// declared are the filters of random metrics.
var declared = map[string][]string{regionKey: {"eu", "us", "asia"}, tierKey: {"gold", "free", "1", "true"}}

func (g *generator) metric(code string) CaseMetric {
	m := Metric{Code: code, Aggregation: oneOf(g, Aggregations...)}
	if m.Aggregation != CountAgg {
		m.Field = fieldA
		if g.chance(15) {
			m.Expression = MustExpression(oneOf(g, randomExpressions...))
		}
	}
	if m.Aggregation == PercentileAgg {
		m.Percentile = Decimal(oneOf(g, "0.001", "1", "25", "33.3333", "50", "66.67", "75", "90", "95", "99", "99.9", "100"))
	}
	m.Recurring = m.Aggregation.CanRecur() && g.chance(50)
	if g.chance(50) {
		m.Rounding, m.Precision = oneOf(g, Round, Ceil, Floor), g.IntN(9)-3
	}
	c := CaseMetric{Metric: m}
	for range 1 + g.IntN(2) {
		split := g.split()
		g.folds(m, &split)
		c.Splits = append(c.Splits, split)
	}
	for _, split := range c.Splits {
		if len(split.Filters) > 0 {
			c.Declared = declared
		}
	}
	return c
}

var randomExpressions = []string{
	"event.properties.a",
	"event.properties.a * event.properties.b",
	"event.properties.a + event.properties.b - 1",
	"-event.properties.a",
	"event.properties.b / 3",
	"1 / event.properties.b",
	"round(event.properties.b, 1)",
	"ceil(event.properties.b / 7, 2) * 2.5",
	"floor(event.properties.a, -1)",
	"(event.properties.a + 2) * (event.properties.b - 0.5)",
	"event.timestamp - 1672531200",
	"concat(event.properties.region, '-', event.properties.seat)",
	"concat('1', event.properties.seat)",
	"concat(event.code, event.properties.a)",
	"'7'",
}

func (g *generator) split() Split {
	var s Split
	s.GroupKeys, s.PresentationKeys = g.keys(), g.keys()
	if g.chance(50) {
		return s
	}
	for range 1 + g.IntN(4) {
		f := Filter{Values: map[string][]string{}}
		f.GroupKeys, f.PresentationKeys = g.keys(), g.keys()
		for _, key := range oneOf(g, []string{regionKey}, []string{tierKey}, []string{regionKey, tierKey}) {
			f.Values[key] = g.allowed(key)
		}
		s.Filters = append(s.Filters, f)
	}
	return s
}

// allowed returns some of the values that are declared of a key, or AllValues.
func (g *generator) allowed(key string) []string {
	if g.chance(30) {
		return []string{AllValues}
	}
	values := slices.Clone(declared[key])
	g.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	return values[:1+g.IntN(2)]
}

// keys returns none to two keys.
func (g *generator) keys() []string {
	if g.chance(65) {
		return nil
	}
	keys := []string{regionKey, tierKey, seatKey, teamKey}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys[:1+g.IntN(2)]
}

// receivedFrom bounds some metric's events at an instant at which one was received.
func (g *generator) receivedFrom() {
	for i := range g.c.Metrics {
		if g.chance(15) {
			g.c.Metrics[i].ReceivedFrom = g.c.Log[g.IntN(1+len(g.c.Log)/2)].ReceivedAt
		}
	}
}

// id returns an id that is new. Neither the order of their making nor their length is
// the order of ids.
func (g *generator) id() string {
	g.ids++
	return fmt.Sprint(oneOf(g, "a", "aa", "B", "c", "é"), g.ids)
}
