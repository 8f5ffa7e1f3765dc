// Package made is a log whose records are made up when they are read: as many as a
// measurement wants, and none of them kept.
package made

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/google/uuid"

	"weir/ingest"
	"weir/ingest/eventlog"
)

// Organization is whose all events are.
var Organization = uuid.MustParse("0b7c3a52-77d5-4f5e-9f3a-3c1f0f9b0001")

// The records that are made up.
const (
	EventsPerRecord = 20
	// Base is the time of the first event, in nanoseconds: an instant in 2023.
	Base = int64(1_700_000_000_000_000_000)
	// StepDefault is the time from one event of a partition to the next, in nanoseconds.
	StepDefault = int64(50_000)

	// Code is what all events are of; they carry a number of units, and a cell.
	Code, UnitsField, CellField = "made", "units", "cell"

	recordsAtOnce = 50
	nameDigits    = 9
)

// Log is an eventlog.Log in which event n of a partition is always the same. Its end is
// where Grow has moved it. It takes no records.
type Log struct {
	shape Shape

	mu   sync.Mutex
	grew *sync.Cond
	ends []int64 // by partition
}

// Shape says what events are like.
type Shape struct {
	Partitions    int32
	Subscriptions int   // all equally busy
	Cells         int   // of a subscription, equally busy
	Step          int64 // nanoseconds from one event of a partition to the next; 0: StepDefault
	// names are the subscriptions of each partition; nil: there is one partition, and
	// subscription n is its n-th.
	names [][]string
}

// New returns a log without records.
func New(shape Shape) *Log {
	if shape.Step == 0 {
		shape.Step = StepDefault
	}
	l := &Log{shape: shape, ends: make([]int64, shape.Partitions)}
	if shape.Partitions > 1 {
		l.shape.names = make([][]string, shape.Partitions)
		for n := range shape.Subscriptions {
			name := string(AppendName(nil, n))
			p := ingest.Partition(Organization, name, shape.Partitions)
			l.shape.names[p] = append(l.shape.names[p], name)
		}
	}
	l.grew = sync.NewCond(&l.mu)
	return l
}

// AppendName appends the name of the n-th subscription.
func AppendName(dst []byte, n int) []byte {
	dst = append(dst, "subscription-"...)
	text := strconv.Itoa(n)
	return append(append(dst, "000000000"[:nameDigits-len(text)]...), text...)
}

// Grow moves the end of every partition on by that many records.
func (l *Log) Grow(records int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.ends {
		if l.shape.names == nil || len(l.shape.names[i]) > 0 {
			l.ends[i] += records
		}
	}
	l.grew.Broadcast()
}

// End returns the end of a partition, in records.
func (l *Log) End(partition int32) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends[partition]
}

// Identity implements eventlog.Log.
func (l *Log) Identity() eventlog.Identity {
	return eventlog.Identity{ID: "made", Partitions: l.shape.Partitions}
}

// Append refuses everything.
func (l *Log) Append(_ int32, _, _ []byte, done func(int64, error)) {
	done(-1, errors.New("nothing is appended to a made log"))
}

// Range implements eventlog.Log.
func (l *Log) Range(_ context.Context, partition int32) (start, end int64, err error) {
	return 0, l.End(partition), nil
}

// Close implements eventlog.Log; there is nothing to release.
func (l *Log) Close() error { return nil }

// Read implements eventlog.Log.
func (l *Log) Read(_ context.Context, partition int32, from int64) (eventlog.Reader, error) {
	return &reader{log: l, partition: partition, next: from}, nil
}

type reader struct {
	log       *Log
	partition int32
	next      int64

	values  [recordsAtOnce][]byte
	records []eventlog.Record
	events  []ingest.Event
	texts   []byte
}

func (r *reader) Close() {}

func (r *reader) Next(ctx context.Context) ([]eventlog.Record, error) {
	stop := context.AfterFunc(ctx, r.log.grew.Broadcast)
	defer stop()
	r.log.mu.Lock()
	for r.next == r.log.ends[r.partition] && ctx.Err() == nil {
		r.log.grew.Wait()
	}
	end := r.log.ends[r.partition]
	r.log.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.records = r.records[:0]
	for i := 0; r.next < end && i < recordsAtOnce; i++ {
		r.values[i] = r.appendRecord(r.values[i][:0], r.next)
		r.records = append(r.records, eventlog.Record{Offset: r.next, Time: Base + r.next*EventsPerRecord*r.log.shape.Step, Value: r.values[i]})
		r.next++
	}
	return r.records, nil
}

// appendRecord appends the record of an offset.
func (r *reader) appendRecord(dst []byte, offset int64) []byte {
	r.events, r.texts = r.events[:0], r.texts[:0]
	// Names and numbers of all events are in texts, which must not move meanwhile.
	const textBytes = 128
	if cap(r.texts) < EventsPerRecord*textBytes {
		r.texts = make([]byte, 0, EventsPerRecord*textBytes)
	}
	for i := range int64(EventsPerRecord) {
		r.events = append(r.events, r.event(offset*EventsPerRecord+i))
	}
	header := ingest.Header{Organization: Organization, ReceivedAt: Base + offset*EventsPerRecord*r.log.shape.Step}
	return ingest.AppendRecord(dst, header, r.events)
}

func (r *reader) text(write func([]byte) []byte) []byte {
	from := len(r.texts)
	r.texts = write(r.texts)
	return r.texts[from:len(r.texts):len(r.texts)]
}

// event makes the n-th event of the partition.
func (r *reader) event(n int64) ingest.Event {
	bits := mix(uint64(n))
	shape := &r.log.shape
	subscription := func(dst []byte) []byte {
		if shape.names != nil {
			own := shape.names[r.partition]
			return append(dst, own[below(uint32(bits), len(own))]...)
		}
		return AppendName(dst, below(uint32(bits), shape.Subscriptions))
	}
	bits2 := mix(bits)
	return ingest.Event{
		TransactionID: r.text(func(dst []byte) []byte { return strconv.AppendInt(append(dst, "made-"...), n, 10) }),
		Subscription:  r.text(subscription),
		Code:          []byte(Code),
		Timestamp:     Base + n*shape.Step/1_000_000*1_000_000,
		Properties: []ingest.Property{
			{Name: []byte(CellField), Kind: ingest.KindString, Text: r.text(func(dst []byte) []byte {
				return strconv.AppendInt(append(dst, 'c'), int64(below(uint32(bits2), shape.Cells)), 10)
			})},
			{Name: []byte(UnitsField), Kind: ingest.KindNumber, Text: r.text(func(dst []byte) []byte {
				return strconv.AppendInt(dst, int64(bits2>>40), 10)
			})},
		},
	}
}

// mix is splitmix64: the same for the same number, in no order.
func mix(n uint64) uint64 {
	z := n + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func below(bits uint32, n int) int { return int(uint64(bits) * uint64(n) >> 32) }

// Assignor assigns all partitions at once.
type Assignor []int32

// Run implements eventlog.Assignor.
func (a Assignor) Run(ctx context.Context, assigned, revoked func([]int32)) error {
	assigned(a)
	<-ctx.Done()
	revoked(a)
	return nil
}

// Assignor returns what assigns every partition of the log.
func (l *Log) Assignor() Assignor {
	var all Assignor
	for n := range l.shape.Partitions {
		all = append(all, n)
	}
	return all
}

// Make makes n records of partition 0, from the first on, and drops them: it is there to
// measure what the making takes.
func (l *Log) Make(n int64) {
	r := reader{log: l}
	var value []byte
	for offset := range n {
		value = r.appendRecord(value[:0], offset)
	}
}
