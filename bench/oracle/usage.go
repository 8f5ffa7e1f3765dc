package oracle

import (
	"encoding/json"
	"math/big"
	"regexp"
	"time"
)

// Event is one usage event as it was sent.
type Event struct {
	TransactionID string
	Subscription  string
	Code          string
	Time          time.Time
	// Properties hold a json.Number for a JSON number and a string for a JSON
	// string; anything else is never summed.
	Properties map[string]any
}

// Metric says what is counted: the events with Code, or with a Field the sum of that property.
type Metric struct {
	Code  string
	Field string // "": count the events
}

// Units is what a metric comes to.
type Units struct {
	Amount *big.Rat // never below 0
	Events int      // events that took part; of a sum, those with a number
}

// Distinct returns the events without repeats: of those with the same
// subscription and transaction id, the first.
func Distinct(events []Event) []Event {
	type identity struct{ subscription, transaction string }
	seen := map[identity]bool{}
	var distinct []Event
	for _, e := range events {
		id := identity{e.Subscription, e.TransactionID}
		if !seen[id] {
			seen[id] = true
			distinct = append(distinct, e)
		}
	}
	return distinct
}

// Usage returns what the events of a subscription in [from, to) come to. Repeats
// in events count once.
func Usage(events []Event, metric Metric, subscription string, from, to time.Time) Units {
	units := Units{Amount: new(big.Rat)}
	for _, e := range Distinct(events) {
		if e.Subscription != subscription || e.Code != metric.Code {
			continue
		}
		if e.Time.Before(from) || !e.Time.Before(to) {
			continue
		}
		amount := big.NewRat(1, 1)
		if metric.Field != "" {
			amount = number(e.Properties[metric.Field])
		}
		if amount == nil {
			continue
		}
		units.Amount.Add(units.Amount, amount)
		units.Events++
	}
	if units.Amount.Sign() < 0 {
		units.Amount.SetInt64(0)
	}
	return units
}

var (
	jsonNumber   = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)
	quotedNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

// number returns a property's value as a fraction, nil if it is not a number.
func number(value any) *big.Rat {
	var text string
	switch v := value.(type) {
	case json.Number:
		if text = v.String(); !jsonNumber.MatchString(text) {
			return nil
		}
	case string:
		if text = v; !quotedNumber.MatchString(text) {
			return nil
		}
	default:
		return nil
	}
	fraction, _ := new(big.Rat).SetString(text)
	return fraction
}
