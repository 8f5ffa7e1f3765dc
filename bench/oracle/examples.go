package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Example is a question with an answer worked out by hand.
type Example struct {
	Name    string
	Metric  Metric
	Split   Split
	Log     []Event // in log order, of ExampleSubscription
	Period  Period
	Want    []ExampleBucket // all of the buckets, in order
	LeftOut map[Reason]int  // nil: none
}

// ExampleBucket is one bucket of an example's answer. The numbers are exact.
type ExampleBucket struct {
	Filter       int
	Group        []Value
	Units        string // decimal text
	Rounded      string // "": as Units
	Events       int
	PreciseTotal string         // cents; "": 0
	Closing      string         // "": not a weighted sum
	Presentation []ExampleShare // in order
}

// ExampleShare is one share of an example's bucket.
type ExampleShare struct {
	Values []Value
	Units  string
	Events int
}

// ExampleSubscription and ExampleCode are what the examples' events and metrics have.
const (
	ExampleSubscription = "sub"
	ExampleCode         = "usage"
)

// Examples are the worked examples: each aggregation, each rule by which events are
// chosen, each way to take usage apart.
var Examples = slices.Concat(aggregationExamples, uniqueCountExamples, weightedSumExamples,
	roundingExamples, chargeExamples, eventExamples, correctionExamples, expressionExamples)

// Months of the examples. June has 30 days.
var (
	february = month(time.February)
	june     = month(time.June)
	july     = month(time.July)
)

func month(m time.Month) Period {
	from := time.Date(2024, m, 1, 0, 0, 0, 0, time.UTC)
	return Period{Name: m.String(), From: from, To: from.AddDate(0, 1, 0)}
}

// on is a day of 2024, at midnight.
func on(m time.Month, day int) time.Time { return time.Date(2024, m, day, 0, 0, 0, 0, time.UTC) }

// metric returns a metric of the property n; CountAgg has none.
func metric(a Aggregation) Metric {
	m := Metric{Code: ExampleCode, Aggregation: a}
	if a != CountAgg {
		m.Field = "n"
	}
	return m
}

func recurring(a Aggregation) Metric {
	m := metric(a)
	m.Recurring = true
	return m
}

// numeric returns properties with a JSON number in n.
func numeric(text string) map[string]any { return map[string]any{"n": json.Number(text)} }

// sent is an event as it was sent, taken in at the instant of its own.
func sent(id string, at time.Time, properties map[string]any) Event {
	return Event{
		TransactionID: id, Subscription: ExampleSubscription, Code: ExampleCode,
		Time: at, ReceivedAt: at, Properties: properties,
	}
}

// daily returns events with the numbers in the property n, one on each day from the 1st on.
func daily(m time.Month, numbers ...string) []Event {
	var events []Event
	for i, text := range numbers {
		events = append(events, sent(fmt.Sprintf("%s-%d", m, i), on(m, 1+i), numeric(text)))
	}
	return events
}

// one returns the answer that is one bucket, without filter and group.
func one(units string, events int) []ExampleBucket {
	return []ExampleBucket{{Filter: NoFilter, Units: units, Events: events}}
}
