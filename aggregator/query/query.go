package query

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// Errors an answerer gives; test with errors.Is. They survive the wire.
var (
	// ErrNotOwner: this process does not own the partition (any more). Ask who does.
	ErrNotOwner = errors.New("partition is not owned here")
	// ErrNotYet: the position asked for was not reached in time. Ask again.
	ErrNotYet = errors.New("position is not reached yet")
	// ErrStopped: the partition has been stopped for good and answers nothing until an operator clears it.
	ErrStopped = errors.New("partition is stopped")
)

// UsageRequest asks for usage of one subscription in [From, To).
type UsageRequest struct {
	Organization uuid.UUID
	Subscription string // external_subscription_id
	From, To     time.Time
	// Metrics are the definitions to answer with, whatever the owner counts by: from
	// counters where the definition is the same, else from raw events.
	Metrics []*aggregator.Metric
	// AtLeast is the log offset the answer must cover: every record below it. The
	// answerer waits for it until the context ends, then says ErrNotYet.
	AtLeast int64
	// Committed asks for an answer from a checkpoint alone, which can be repeated
	// after any crash: what an invoice is made from.
	Committed bool
}

// UsageAnswer is the usage at a log position.
type UsageAnswer struct {
	LogID     string
	Partition int32
	// Next is the cut: the answer is of exactly the events in records below this offset.
	Next    int64
	Metrics []MetricUsage // in the order of the request
}

// MetricUsage is one metric's usage by cell, cells in the order of their values.
type MetricUsage struct {
	Cells []aggregator.CellUsage
}

// Event is one stored event, with owned memory.
type Event struct {
	Organization  uuid.UUID
	TransactionID string
	Subscription  string
	Code          string
	Timestamp     int64 // nanoseconds since the Unix epoch
	Filled        bool  // the timestamp was filled in by weir
	ReceivedAt    int64
	PreciseTotal  string // "" when absent
	Properties    []Property
	Partition     int32
	Position      ingest.Position
}

// Property is one stored property.
type Property struct {
	Name string
	Kind ingest.Kind
	Text string
}

// EventRequest asks for the events with one transaction id: one for each
// subscription that used it (the identity of an event includes its subscription).
type EventRequest struct {
	Organization  uuid.UUID
	TransactionID string
	Partitions    []int32         // where to look; nil = in every partition
	AtLeast       map[int32]int64 // log offset to cover, by partition; absent: whatever is there
}

// EventsRequest asks for a page of events in the order of CompareEvents: newest
// timestamp first, ties by transaction id.
type EventsRequest struct {
	Organization uuid.UUID
	Subscription string // "" = of every subscription
	Code         string // "" = of every code
	From, To     time.Time
	Offset       int     // events to skip
	Limit        int     // events to return, at most EventsLimitMax
	Partitions   []int32 // where to look; nil = in every partition
	AtLeast      map[int32]int64
}

// EventsLimitMax is how many events one page may have, EventsCountMax up to
// where Total counts.
const (
	EventsLimitMax = 1000
	EventsCountMax = 1_000_000
)

// EventsAnswer is a page of events.
type EventsAnswer struct {
	Events []Event
	Total  int // of all pages, capped at EventsCountMax
}

// Querier answers usage questions: the aggregators of this process, or a client
// that finds the owner in another.
type Querier interface {
	Usage(ctx context.Context, req UsageRequest) (UsageAnswer, error)
	Event(ctx context.Context, req EventRequest) ([]Event, error)
	Events(ctx context.Context, req EventsRequest) (EventsAnswer, error)
}
