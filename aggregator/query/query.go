package query

import (
	"cmp"
	"context"
	"errors"
	"strings"
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
	Items        []UsageItem // at most ItemsMax
	// Days are the instants at which the local days of the full period begin in which [From, To)
	// lies, ascending, and then its end: at most DaysMax. Prorated units need them. Weighted sums are divided
	// by them, each of 24 hours; without days by the time from From to To.
	Days []time.Time
	// AtLeast is the log offset the answer must cover: every record below it. The
	// answerer waits for it until the context ends, then says ErrNotYet.
	AtLeast int64
	// Committed asks for an answer from a checkpoint alone, which can be repeated
	// after any crash: what an invoice is made from.
	Committed bool
	// At asks for the usage as it was when the log ended at this offset: of exactly the events in
	// records below it, without what corrected them later. It is made of raw events alone, so a long
	// period takes its time. The answerer waits for it as for AtLeast, which must not be higher. 0 = now.
	At int64
}

// UsageItem is what one charge asks for: a metric and how its usage is divided.
//
// The metric is the definition to answer with, whatever the owner counts by: from
// counters where the definition is the same, else from raw events. The split may look
// only at the metric's CellKeys. Its folds are made of the raw events, which are read one after
// the other: they take their time.
type UsageItem struct {
	Metric *aggregator.Metric
	Split  aggregator.Split
}

// DaysMax is how many instants UsageRequest.Days may hold: a year's days and its end.
const DaysMax = 367

// ItemsMax is how many items one question may have, BucketsMax how many buckets, parts for display and
// tiers of folds counted by themselves, an answer: one with more is aggregator.ErrTooManyCells.
const (
	ItemsMax   = 10_000
	BucketsMax = 200_000
)

// UsageAnswer is the usage at a log position.
type UsageAnswer struct {
	LogID     string
	Partition int32
	// Next is the cut: the answer is of exactly the events in records below this offset.
	Next  int64
	Items []ItemUsage // in the order of the request
}

// ItemUsage is the usage that one item asked for.
type ItemUsage struct {
	// Buckets are ordered by filter, aggregator.NoFilter first, then by group.
	Buckets []aggregator.BucketUsage
	// Uncounted are the events of the metric's code in the period that did not take part.
	Uncounted aggregator.Uncounted
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
	// Revision is 0 for the event as it was sent, and the amendment's or cancellation's
	// number otherwise.
	Revision  uint32
	Cancelled bool // the event counts no more; its content is the last it had
	// Versions are all contents the event had and its cancellations, by revision, then
	// position: the last says what it means now. Conflicts are the later events with its id and
	// other content, which were set aside, in the order of the log. Of each the newest
	// HistoryMax are given, and by Querier.Event alone.
	Versions  []Version
	Conflicts []Conflict
}

// HistoryMax is how many versions, and how many conflicts, of one event are given.
const HistoryMax = 100

// Version is what an event was at a time: as it was sent, amended or cancelled. All
// stand in the event's partition.
type Version struct {
	Revision  uint32 // 0 for the event as it was sent
	Position  ingest.Position
	Cancelled bool // a cancellation: it has no content, and what follows is zero
	// ReceivedAt is when weir took the version in, nanoseconds since the Unix epoch.
	ReceivedAt   int64
	Code         string
	Timestamp    int64 // nanoseconds since the Unix epoch
	Filled       bool
	PreciseTotal string // "" when absent
	Properties   []Property
}

// Conflict is a later event of the same identity with other content. It counts for nothing.
type Conflict struct {
	Partition  int32
	Position   ingest.Position
	ReceivedAt int64 // nanoseconds since the Unix epoch
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
// timestamp first, ties by transaction id. Events have their current content; those that
// are cancelled are not among them.
type EventsRequest struct {
	Organization uuid.UUID
	Subscription string // "" = of every subscription
	Code         string // "" = of every code
	From, To     time.Time
	// Of asks only for the events behind a part of a usage: those of its metric's code that
	// belong to it. It needs Subscription; Code is then the metric's, or "". From and To
	// are taken as they are: behind a recurring metric is all that came before To. Every
	// event of the range is read, so a long range takes its time.
	Of *aggregator.Part
	// At asks for the events as they were when the log of their partition ended at this offset, as
	// UsageRequest.At. It needs Subscription. 0 = now.
	At         int64
	Offset     int     // events to skip
	Limit      int     // events to return, at most EventsLimitMax
	Partitions []int32 // where to look; nil = in every partition
	AtLeast    map[int32]int64
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

// SeriesRequest asks which codes subscriptions have sent events with, whether or not
// something is metered by them: what weir counts knows nothing of which metrics and
// subscriptions there are.
type SeriesRequest struct {
	Organization uuid.UUID
	Subscription string // "" = of every subscription
	// From and To bound the events: a series without one in [From, To) is left out.
	From, To   time.Time
	After      SeriesKey       // the series behind this one; zero = from the first
	Limit      int             // series to return, 1 to SeriesLimitMax
	Partitions []int32         // where to look; nil = in every partition
	AtLeast    map[int32]int64 // log offset to cover, by partition
}

// SeriesLimitMax is how many series one page may have, SeriesCountMax up to where the
// events of each are counted, SeriesScanMax how many series one answer looks at in a partition.
const (
	SeriesLimitMax = 1000
	SeriesCountMax = 1000
	SeriesScanMax  = 10_000
)

// SeriesKey names the events of one subscription with one code. Keys are ordered by
// subscription, then by code, as bytes.
type SeriesKey struct {
	Subscription string // external_subscription_id
	Code         string
}

// Compare orders keys.
func (k SeriesKey) Compare(other SeriesKey) int {
	return cmp.Or(strings.Compare(k.Subscription, other.Subscription), strings.Compare(k.Code, other.Code))
}

// SeriesInfo is what there is of a series in the range asked for.
type SeriesInfo struct {
	SeriesKey
	Partition int32
	Events    int // current events, at least 1; capped at SeriesCountMax
	// Oldest and Newest are the timestamps of the first and the last of them, nanoseconds
	// since the Unix epoch.
	Oldest, Newest int64
}

// SeriesAnswer is a page of series, ordered by their keys.
type SeriesAnswer struct {
	Series []SeriesInfo
	// Next is where the next page begins (SeriesRequest.After); zero when there is none. A page
	// may have fewer series than asked for, even none, and still not be the last.
	Next SeriesKey
}

// Querier answers usage questions: the aggregators of this process, or a client
// that finds the owner in another.
type Querier interface {
	Usage(ctx context.Context, req UsageRequest) (UsageAnswer, error)
	Event(ctx context.Context, req EventRequest) ([]Event, error)
	Events(ctx context.Context, req EventsRequest) (EventsAnswer, error)
	Series(ctx context.Context, req SeriesRequest) (SeriesAnswer, error)
}
