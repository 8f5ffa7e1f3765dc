package scenarios

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// gridName is the book of the grid.
const gridName = "grid"

// The grid is every aggregation, with every charge model that goes with it, under every
// interval, by the calendar and by anniversary, in arrears and in advance: a scenario for each
// but the models, which are charges of one plan. What it expects is the calculator's.

// gridMetrics are the metrics of the grid; those with a star are prorated.
var gridMetrics = strings.Fields("calls gb peak level users load low mean p50 seats members stock seats* members*")

// gridStarts are when subscriptions of the grid begin, one after the other: month ends, a leap day, the
// first of a period and days within.
var gridStarts = []struct {
	day    calendarDay
	minute int
}{
	{dayOf(2024, 1, 31), 10*60 + 37},
	{dayOf(2023, 11, 17), 0},
	{dayOf(2024, 2, 29), 23*60 + 59},
	{dayOf(2024, 4, 1), 0},
	{dayOf(2023, 12, 30), 9 * 60},
	{dayOf(2024, 10, 15), 14*60 + 1},
	{dayOf(2023, 1, 1), 12 * 60},
}

// gridZones are the customers' time zones, by turns. Weighted sums, which look at hours, stay in UTC.
var gridZones = []string{"UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "Europe/Lisbon", "America/St_Johns"}

// gridCase is one scenario of the grid.
type gridCase struct {
	number   int
	rhythm   rhythm
	advance  bool
	metric   string // without the star
	prorated bool
	zone     string

	start  calendarDay
	minute int
	events []happening
}

// gridBaseCents is the base fee of the grid's plans. It divides by few numbers of days.
const gridBaseCents = 10007

// gridBook returns all scenarios of the grid.
func gridBook() []scenario {
	var all []scenario
	for _, interval := range []string{"weekly", "monthly", "quarterly", "semiannual", "yearly"} {
		for _, anniversary := range []bool{false, true} {
			for _, advance := range []bool{false, true} {
				for _, metric := range gridMetrics {
					c := newGridCase(len(all), interval, anniversary, advance, metric)
					all = append(all, c.scenario())
				}
			}
		}
	}
	return all
}

func newGridCase(number int, interval string, anniversary, advance bool, metric string) *gridCase {
	row := number / len(gridMetrics) // so that a metric does not always begin on one day
	begin := gridStarts[(number+row)%len(gridStarts)]
	c := &gridCase{
		number: number, rhythm: rhythm{interval, -1}, advance: advance, zone: gridZones[number%len(gridZones)],
		start: begin.day, minute: begin.minute,
	}
	if anniversary {
		c.rhythm.anchor = begin.day
	}
	c.metric, c.prorated = strings.CutSuffix(metric, "*")
	if c.metric == "load" || c.metric == "stock" {
		c.zone = "UTC"
	}
	c.happen()
	return c
}

// stretches are the usage periods of the scenario: three of short intervals, two of long ones.
func (c *gridCase) stretches() []stretch {
	n := 2
	if c.rhythm.interval == "weekly" || c.rhythm.interval == "monthly" {
		n = 3
	}
	var all []stretch
	first, minute := c.start, c.minute
	for range n {
		whole := c.rhythm.around(first)
		all = append(all, stretch{days{first, whole.end}, minute, whole})
		first, minute = whole.end, 0
	}
	return all
}

// happen makes the events: the same ones each time, since the numbers are drawn by the
// case's own.
func (c *gridCase) happen() {
	random := rand.New(rand.NewPCG(uint64(c.number), 5))
	if recurs := c.metric == "seats" || c.metric == "members" || c.metric == "stock"; recurs {
		c.add(random, c.start-20, 8*60)
		c.add(random, c.start-19, 8*60)
	}
	for i, s := range c.stretches() {
		if i == 2 && c.number%3 == 0 {
			continue // a period without events
		}
		for _, day := range drawn(random, s.days) {
			minute := 12*60 + random.IntN(600)
			if h := (happening{day: day, minute: minute}); s.holds(h) {
				c.add(random, day, minute)
			}
		}
	}
}

// drawn returns some days of a period in their order, each once.
func drawn(random *rand.Rand, p days) []calendarDay {
	var some []calendarDay
	for range 4 {
		day := p.first + calendarDay(random.IntN(int(p.count())))
		if !slices.Contains(some, day) {
			some = append(some, day)
		}
	}
	slices.Sort(some)
	return some
}

// add makes an event. Members come and seldom go, and of seats there are never fewer than none.
func (c *gridCase) add(random *rand.Rand, day calendarDay, minute int) {
	h := happening{day: day, minute: minute}
	switch c.metric {
	case "users", "members":
		h.value = string(rune('a' + random.IntN(8)))
		h.remove = len(c.events) > 2 && random.IntN(4) == 0
		h.value, h.remove = c.member(h.value, h.remove)
	case "calls":
		h.value = "1"
	case "seats", "stock", "load":
		h.value = strconv.Itoa(1 + random.IntN(9))
		if c.metric != "load" && c.level() > 3 && random.IntN(3) == 0 { // load begins each period anew
			h.value = "-3"
		}
	default:
		h.value = fmt.Sprintf("%d.%02d", random.IntN(20), random.IntN(100))
	}
	if c.metric == "gb" {
		h.cents = fmt.Sprintf("%d.%03d", random.IntN(500), random.IntN(1000))
	}
	c.events = append(c.events, h)
}

// member returns one who is not the last to be removed, and is there then.
func (c *gridCase) member(name string, remove bool) (string, bool) {
	if !remove {
		return name, false
	}
	last := c.events[len(c.events)-1]
	if last.remove || members(c.events).Cmp(whole(2)) < 0 {
		return name, false
	}
	return last.value, true
}

// level returns the sum of all values.
func (c *gridCase) level() int {
	sum := 0
	for _, h := range c.events {
		n, err := strconv.Atoi(h.value)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		sum += n
	}
	return sum
}

// scenario writes the case down.
func (c *gridCase) scenario() scenario {
	billing, paid := "calendar", "arrears"
	if c.rhythm.anchor >= 0 {
		billing = "anniversary"
	}
	if c.advance {
		paid = "advance"
	}
	name := c.metric
	if c.prorated {
		name += " prorated"
	}
	return scenario{
		name:    strings.Join([]string{c.rhythm.interval, billing, paid, name}, " "),
		rules:   c.rules(billing),
		buys:    c.buys(),
		happens: c.happens(billing),
		bills:   c.bills(),
	}
}

// rules names the rules that the case holds as a whole.
func (c *gridCase) rules(billing string) string {
	unit := map[string]string{
		"calls": "count", "gb": "sum", "peak": "max", "level": "latest", "users": "unique", "load": "weighted", "low": "min",
		"mean": "avg", "p50": "percentile", "seats": "sum_recurring", "members": "unique_recurring", "stock": "weighted_recurring",
	}
	ids := []string{"units." + unit[c.metric], "period." + billing + "." + c.rhythm.interval}
	switch {
	case c.prorated && c.metric == "seats":
		ids = append(ids, "prorata.sum", "prorata.volume", "prorata.graduated")
	case c.prorated:
		ids = append(ids, "prorata.unique", "prorata.volume", "prorata.graduated")
	default:
		ids = append(ids, "model.standard", "model.graduated", "model.package", "model.volume", "model.custom")
	}
	if c.advance {
		ids = append(ids, "period.ahead_and_behind")
	}
	return strings.Join(append(ids, "base.first_"+billing, "base.renewal", "usage.equals_invoice"), " ")
}

func (c *gridCase) buys() string {
	text := fmt.Sprintf("customer zone=%s\nplan %s %d.%02d", c.zone, c.rhythm.interval, gridBaseCents/100, gridBaseCents%100)
	if c.advance {
		text += " advance"
	}
	for _, charge := range c.charges() {
		text += "\n" + c.metric + " " + charge.line
	}
	return text
}

func (c *gridCase) happens(billing string) string {
	text := fmt.Sprintf("%sT%02d:%02d subscribe %s", c.start, c.minute/60, c.minute%60, billing)
	for _, h := range c.events {
		text += fmt.Sprintf("\n%sT%02d:%02d %s", h.day, h.minute/60, h.minute%60, c.metric)
		if c.metric != "calls" {
			text += " n=" + h.value
		}
		if h.remove {
			text += " op=remove"
		}
		if h.cents != "" {
			text += " cents=" + h.cents
		}
	}
	all := c.stretches()
	last := all[len(all)-1]
	usage := int64(0) // in the last instant
	for _, charge := range c.charges() {
		usage += cents(charge.price(meter(c.metric, c.events, last)))
	}
	return text + fmt.Sprintf("\n%sT23:59:59.999 usage %d\n%s clock", last.end-1, usage, last.end)
}

// bills writes what the calculator says.
func (c *gridCase) bills() string {
	var text strings.Builder
	if c.advance {
		base := c.base(c.start)
		fmt.Fprintf(&text, "%s %d\nbase %d\n", c.start, base, base)
	}
	for _, s := range c.stretches() {
		base := c.base(s.first)
		if c.advance {
			base = c.base(s.end)
		}
		total, fees := base, ""
		for _, charge := range c.charges() {
			u := meter(c.metric, c.events, s)
			amount := cents(charge.price(u))
			if amount == 0 && u.units.Sign() == 0 && u.events == 0 {
				continue
			}
			total += amount
			fees += fmt.Sprintf("%s %d%s\n", c.metric, amount, c.units(u))
		}
		fmt.Fprintf(&text, "%s %d\nbase %d\n%s", s.end, total, base, fees)
	}
	return text.String()
}

// base returns the base fee of the period that holds a day, from the start on.
func (c *gridCase) base(day calendarDay) int64 {
	p := c.rhythm.around(day)
	paid := days{max(p.first, c.start), p.end}
	return cents(over(times(big.NewRat(gridBaseCents, 100), whole(paid.count())), whole(p.count())))
}

// units wants the units of a fee to be shown, where they have an end.
func (c *gridCase) units(u used) string {
	switch c.metric {
	case "load", "stock", "mean":
		return ""
	}
	return " units=" + plain(u.units.FloatString(5))
}
