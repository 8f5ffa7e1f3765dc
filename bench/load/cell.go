package main

import (
	"weir/bench/report"
)

// The one metric that all events move: a sum, whose usage also says how many
// events it is of. Charges filter it by model and by region, so that a subscription
// has as many counters as there are combinations.
const (
	metricCode    = "load_units"
	metricField   = "units"
	modelField    = "model"
	regionField   = "region"
	cellsPerName  = 5
	valueMin      = 100_000 // thousandths of a unit: every value has as many digits
	valueMax      = 1_000_000
	restOfRegions = "ap-east-1" // the region that no filter takes
)

// The lengths of a model's and of a region's name.
const modelBytes, regionBytes = 9, 9

// combination is the properties of a cell. All have names of one length, so that
// an event can be written over another.
type combination struct {
	model  [modelBytes]byte
	region [regionBytes]byte
}

var combinations = [cellsPerName]combination{
	combine("gpt-large", "eu-west-1"),
	combine("gpt-small", "us-east-1"),
	combine("gpt-turbo", "ap-east-1"),
	combine("gpt-micro", "eu-west-1"),
	combine("gpt-ultra", "us-east-1"),
}

func combine(model, region string) combination {
	return combination{[modelBytes]byte([]byte(model)), [regionBytes]byte([]byte(region))}
}

// Cell is what was sent to, or is in the usage of, one combination of one subscription.
type Cell struct {
	Events      int64
	Thousandths int64 // of units, summed
}

func (c *Cell) add(other Cell) {
	c.Events += other.Events
	c.Thousandths += other.Thousandths
}

// tally holds the cells of all subscriptions: those of number n begin at n × cellsPerName.
type tally []Cell

func newTally(subscriptions int) tally { return make(tally, subscriptions*cellsPerName) }

func (t tally) merge(other tally) {
	for i := range t {
		t[i].add(other[i])
	}
}

// of returns the cells of a subscription.
func (t tally) of(subscription int) []Cell {
	return t[subscription*cellsPerName : (subscription+1)*cellsPerName]
}

// total returns how many events there are, and how many cells have any.
func (t tally) total() (events, counters int64) {
	for i := range t {
		events += t[i].Events
		if t[i].Events > 0 {
			counters++
		}
	}
	return events, counters
}

// charge is one of the plan's two: which property its filters look at, and for what.
type charge struct {
	field  string
	values []string
}

var charges = []charge{
	{modelField, []string{"gpt-large", "gpt-small", "gpt-turbo", "gpt-micro", "gpt-ultra"}},
	{regionField, []string{"eu-west-1", "us-east-1"}},
}

// value returns what a combination has in the property.
func (c combination) value(field string) string {
	if field == modelField {
		return string(c.model[:])
	}
	return string(c.region[:])
}

// filtered returns what of a subscription's cells a filter takes.
func (c charge) filtered(cells []Cell, value string) (sum Cell) {
	for i := range cells {
		if combinations[i].value(c.field) == value {
			sum.add(cells[i])
		}
	}
	return sum
}

func eventsPath(mode string) string {
	if mode == report.ModeSingle {
		return "/api/v1/events"
	}
	return "/api/v1/events/batch"
}

func contentType(mode string) string {
	if mode == report.ModeNDJSON {
		return "application/x-ndjson"
	}
	return "application/json"
}
