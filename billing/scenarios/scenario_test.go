package scenarios

import (
	"strings"
	"testing"
	"time"
)

// scenario is what a customer buys, what happens and what must be on the invoices then. All
// three are lines of words; blank ones, and what stands behind a #, mean nothing. Amounts
// are written with all digits of their currency (30.00), those of bills in cents (3000).
//
// What is bought (purchase_test.go):
//
//	customer [zone=Europe/Berlin] [currency=JPY] [tax=vat,city]
//	tax vat 20 [default]                   percent; default: applied to the organization
//	credits cr                             a pricing unit
//	add_on seat 5.00 [tax=vat]
//	metric gb sum [recurring] [round=ceil:2]   beside the standing ones, see standingMetrics
//	plan monthly 30.00 [advance] [trial=10] [charges=monthly] [fixed=monthly] [commitment=100.00] [commitment_tax=vat] [tax=vat] [code=pro]
//	calls standard 0.05 [prorated] [min=10.00] [tax=vat] [unit=cr:0.5] [by=region,tier]
//	when region=eu,us tier=gold -> 0.10    a filter of the charge above, and its price
//	fixed seat standard 5.00 units=10 [advance] [prorated] [tax=vat]
//
// Prices, by charge model (price_test.go):
//
//	standard 0.05
//	package 25.00/100 [free=50]
//	graduated 0-10:1+5 11-:0.5+2           per unit + flat, of each tier
//	volume 0-100:1+0 101-:0.8+3
//	percentage 2 [fixed=0.50] [free_events=3] [free_units=100] [low=0.30] [high=5]
//	graduated_percentage 0-1000:1+0 1001-:0.5+2
//	dynamic
//	custom ceil(units/10)*3                without blanks
//
// What happens (story_test.go), each line with its instant in the customer's zone, or in UTC
// if it ends with Z. All but events move the clock there first:
//
//	2024-04-10T09:30 subscribe [anniversary] [as=sub] [plan=plan] [from=2024-03-01] [until=2024-06-01]
//	2024-04-16 seats n=1 [times=3] [sub=sub] [op=remove] [cents=1.5] [region=eu]
//	2024-05-01 clock
//	2024-05-01 usage 4200 [seats=4200] [tax=840]   current usage, without its taxes and those
//	2024-04-15 end [skip]
//	2024-04-15 reprice seats 0 standard 5.00   of the plan's charges the one with the code
//	2024-04-15 add gb standard 1.00        a charge that the plan did not have
//	2024-04-15 drop gb                     one that it had
//	2024-04-15 rate vat 25                 of a tax
//	2024-04-15 amount 40.00                of the plan's base fee
//	2024-04-15 units seat 12 [now]
//	2024-04-15 customer zone=Asia/Tokyo
//	2024-04-15 one_off seat units=2 [each=7.00] [tax=vat] [and seat units=1]
//
// Bills (bill_test.go) are all invoices of the customer, the oldest first, as issuing date and total,
// and below each its fees in their order, as name and amount. Names are the code of the
// metric, fixed:CODE, add_on:CODE, base, minimum:CODE (what makes up for a charge's minimum)
// and commitment. A base fee of nothing is left out. What follows as name=value must be so.
type scenario struct {
	name    string
	rules   string // ids of the rules that it holds
	buys    string
	happens string
	bills   string
}

// run plays the scenario as an organization of its own.
func (s *scenario) run(t *testing.T, w *weir) {
	t.Helper()
	p := newPurchase(t, s.buys)
	story := newStory(t, s.happens, p.zone)
	c := w.newClient(t)
	c.setClock(t, story.begins())
	p.buy(t, c)
	story.play(t, c, p)
	compareBills(t, lines(s.bills), c.invoices(t, p.zone))
}

// setClock moves the test clock; all that falls due by then is done when it returns.
func (c *client) setClock(t *testing.T, now time.Time) {
	t.Helper()
	c.must(t, "POST", "/test_clock", object{"test_clock": object{"now": now.UTC().Format(time.RFC3339Nano)}})
}

// line is one line of a text: its words, and those of them that are name=value.
type line struct {
	text  string
	words []string
	named map[string]string
}

// lines divides a text, without blank lines and comments.
func lines(text string) []line {
	var all []line
	for one := range strings.Lines(text) {
		one, _, _ = strings.Cut(one, "#")
		if words := strings.Fields(one); len(words) > 0 {
			all = append(all, newLine(words))
		}
	}
	return all
}

func newLine(words []string) line {
	l := line{text: strings.Join(words, " "), named: map[string]string{}}
	for _, word := range words {
		if name, value, ok := strings.Cut(word, "="); ok && name != "" {
			l.named[name] = value
		} else {
			l.words = append(l.words, word)
		}
	}
	return l
}

// word returns a word by its place, "" when there are fewer.
func (l *line) word(at int) string {
	if at >= len(l.words) {
		return ""
	}
	return l.words[at]
}

// has reports whether one of the words after the first is the given one.
func (l *line) has(word string) bool {
	for _, w := range l.words[1:] {
		if w == word {
			return true
		}
	}
	return false
}

// each returns the parts of a named value that are divided by commas, nil when it is not there.
func (l *line) each(name string) []string {
	value, ok := l.named[name]
	if !ok {
		return nil
	}
	return strings.Split(value, ",")
}

// minorUnits returns an amount that is written with all digits of its currency: 30.00 is 3000.
func minorUnits(amount string) string {
	digits := strings.TrimLeft(strings.Replace(amount, ".", "", 1), "0")
	if digits == "" {
		return "0"
	}
	return digits
}
