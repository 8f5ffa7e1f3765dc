package oracle

import (
	"math/rand/v2"
	"time"
)

// Event is one entry of the log: an event as it was sent, or a correction of one.
// A slice of events is in log order.
type Event struct {
	TransactionID string // with Subscription, the identity
	Subscription  string // external id
	Code          string
	Time          time.Time // the event's own instant, to the nanosecond
	ReceivedAt    time.Time // when this entry was taken in; looked at only for Metric.ReceivedFrom
	PreciseTotal  string    // decimal text of cents; "" is none
	// Properties hold a json.Number for a JSON number and a string for a JSON
	// string, true and false, nil for null, map[string]any and []any for nested values.
	Properties map[string]any

	// Revision is 0 for an event as it was sent, 1 or more for a correction: new
	// content, or with Cancelled the end of it. Of a cancellation only the identity,
	// the revision and the place in the log say anything.
	Revision  int
	Cancelled bool
}

type identity struct{ subscription, transaction string }

func (e Event) identity() identity { return identity{e.Subscription, e.TransactionID} }

// Current returns the events that count, one for each identity that is not
// cancelled: of its corrections the one with the highest revision, of equal
// revisions the later in the log, unless it says the same again; without corrections the first that was sent. Where a
// correction stands in the log, before or behind its event, makes no difference, nor
// does it need an event. The order is that of each identity's first entry.
func Current(events []Event) []Event {
	var order []identity
	winners := map[identity]Event{}
	for _, e := range events {
		id := e.identity()
		winner, known := winners[id]
		switch {
		case !known:
			order = append(order, id)
			winners[id] = e
		case e.Revision == 0: // a repeat, or late behind its correction
		case e.Revision == winner.Revision && sameContent(e, winner): // a retry: the first stays, and when it was received
		case e.Revision >= winner.Revision:
			winners[id] = e
		}
	}
	var current []Event
	for _, id := range order {
		if !winners[id].Cancelled {
			current = append(current, winners[id])
		}
	}
	return current
}

// Shuffled returns the log in a random order that makes no difference: the entries of one
// identity keep their order among themselves. Those of other identities may come between.
func Shuffled(rng *rand.Rand, log []Event) []Event {
	places := map[identity][]int{} // of each identity's entries
	for i, from := range rng.Perm(len(log)) {
		id := log[from].identity()
		places[id] = append(places[id], i)
	}
	shuffled := make([]Event, len(log))
	for _, e := range log {
		id := e.identity()
		shuffled[places[id][0]] = e
		places[id] = places[id][1:]
	}
	return shuffled
}
