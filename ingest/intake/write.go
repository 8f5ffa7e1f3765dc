package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"weir/ingest"
	"weir/ingest/eventlog"
)

// claimAttemptsMax bounds how often one request waits for ids that others write.
// Each wait ends with another request's write, so more than a few are an overload.
const claimAttemptsMax = 1000

// errClaims: ids of the request were under way elsewhere, again and again.
var errClaims = errors.New("ids of the request stay under way elsewhere")

// stampEvents gives the events without a timestamp one: the system's time, or in
// a sandbox the organization's test clock, read once for a request.
func (s *Server) stampEvents(x *exchange) error {
	for i := range x.batch.Events {
		e := &x.batch.Events[i]
		if !e.Filled {
			continue
		}
		if !x.stamped {
			if err := s.readClock(x); err != nil {
				return err
			}
		}
		e.Timestamp = x.stamp
	}
	return nil
}

func (s *Server) readClock(x *exchange) error {
	now := x.receivedAt
	if s.options.Sandbox {
		ctx, cancel := context.WithTimeout(context.Background(), LookupTimeout)
		defer cancel()
		x.leave(0) // others need not wait for this
		var err error
		now, err = s.options.Clock.Now(ctx, x.organization)
		x.enter()
		s.clockFault.note(err)
		if err != nil {
			return fmt.Errorf("cannot read the test clock: %w", err)
		}
	}
	if now.Before(stampMin) || !now.Before(stampMax) {
		return fmt.Errorf("cannot stamp events: the clock says %s", now)
	}
	x.stamp = now.UnixNano()
	x.stamped = true
	return nil
}

// stampMin and stampMax bound what a clock may say: what an event may say.
var (
	stampMin = time.Unix(0, ingest.TimestampMin)
	stampMax = time.Unix(0, ingest.TimestampMax)
)

// claimIDs gives every event its verdict. The claim holds the fresh ones when it
// returns nil; the caller ends it with window.Written or window.Failed.
func (s *Server) claimIDs(x *exchange) error {
	x.identify(s.options.Partitions)
	for range claimAttemptsMax {
		wait := s.window.Claim(&x.claim, x.sightings)
		if wait == nil {
			return nil
		}
		s.waits.Add(1)
		if s.onWait != nil {
			s.onWait()
		}
		x.leave(0)
		<-wait
		x.enter()
		s.waits.Add(-1)
	}
	return errClaims
}

// identify says of every event who it is and where it belongs.
func (x *exchange) identify(partitions int32) {
	events := x.batch.Events
	x.sightings = resize(x.sightings, len(events))
	x.eventIDs = resize(x.eventIDs, len(events))
	x.partitions = resize(x.partitions, len(events))
	for i := range events {
		e, s := &events[i], &x.sightings[i]
		s.Key, x.eventIDs[i] = x.identifier.Identify(e.Subscription, e.TransactionID)
		s.Content = ingest.ContentHash32(e)
		s.Timestamp, s.Filled, s.Verdict = e.Timestamp, e.Filled, ingest.Fresh
		x.partitions[i] = x.identifier.Partition(e.Subscription, partitions)
	}
}

// resize returns s with the length n; what is in it is not kept.
func resize[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n, n+n/4)
}

// writeFresh appends the fresh events, one or more records for each partition,
// and waits until the log has answered for every record. The answer is written
// meanwhile. The request's turn ends.
func (s *Server) writeFresh(x *exchange) error {
	x.group(s.options.Partitions)
	if len(x.order) == 0 {
		return nil
	}
	started := time.Now()
	x.write.begin()
	appended := 0
	for p := range s.options.Partitions {
		if x.starts[p] < x.starts[p+1] {
			appended += s.appendGroup(x, p, x.order[x.starts[p]:x.starts[p+1]])
		}
	}
	if x.form == formEvents && x.route != routeBulk {
		x.replyEvents(x.route.isBatch())
	}
	x.leave(appended)
	err := x.write.wait()
	now := time.Now()
	s.admission.acknowledged(x.account, appended, now)
	s.metrics.appendDuration.Observe(now.Sub(started).Seconds())
	if err == nil {
		s.logFault.note(nil)
		return nil
	}
	if !errors.Is(err, eventlog.ErrOverloaded) {
		s.logFault.note(err)
	}
	return fmt.Errorf("cannot append %d events: %w", len(x.order), err)
}

// group sorts the indexes of the fresh events by partition, in the order of the
// request within each.
func (x *exchange) group(partitions int32) {
	x.starts = resize(x.starts, int(partitions)+1)
	clear(x.starts)
	fresh := 0
	for i, p := range x.partitions {
		if x.sightings[i].Verdict == ingest.Fresh {
			x.starts[p]++
			fresh++
		}
	}
	sum := int32(0)
	for p := range x.starts {
		x.starts[p], sum = sum, sum+x.starts[p]
	}
	x.order = resize(x.order, fresh)
	for i, p := range x.partitions {
		if x.sightings[i].Verdict == ingest.Fresh {
			x.order[x.starts[p]] = int32(i)
			x.starts[p]++
		}
	}
	// Every start has moved to the next one's place: move them back.
	copy(x.starts[1:], x.starts[:partitions])
	x.starts[0] = 0
}

// appendGroup appends the events with the given indexes, all of one partition, in
// as few records as the limits of a record allow, and returns their bytes.
func (s *Server) appendGroup(x *exchange, partition int32, indexes []int32) (appended int) {
	h := ingest.Header{Organization: x.organization, ReceivedAt: x.receivedAt.UnixNano()}
	for len(indexes) > 0 {
		n := x.recordEvents(h, indexes)
		r := s.records.Get().(*record)
		r.server, r.write, r.partition = s, &x.write, partition
		r.value = ingest.AppendRecordOf(r.value[:0], h, x.batch.Events, indexes[:n])
		r.note = ingest.AppendNote(r.note[:0], s.options.Partitions, x.sightings, indexes[:n])
		appended += len(r.value)
		x.write.add()
		s.options.Log.Append(partition, r.value, r.note, r.done)
		indexes = indexes[n:]
	}
	return appended
}

// recordEvents returns how many of the events with the given indexes fit into one
// record, at least one.
func (x *exchange) recordEvents(h ingest.Header, indexes []int32) int {
	if x.parsedBytes <= parsedBytesFit && len(indexes) <= ingest.EventsPerRecordMax {
		return len(indexes)
	}
	n, size := 0, ingest.RecordOverheadBytesMax
	for n < len(indexes) && n < ingest.EventsPerRecordMax {
		more := ingest.EncodedSize(h, &x.batch.Events[indexes[n]])
		if n > 0 && size+more > eventlog.RecordBytesMax {
			break
		}
		size += more
		n++
	}
	return n
}

// parsedBytesFit is how much JSON fits into one record in any case: an event is
// smaller in a record than in JSON, which has the names of its members as well. Half
// of the limit leaves no doubt.
const parsedBytesFit = eventlog.RecordBytesMax / 2

// record is one record on its way to the log. Its buffers are the log's until the
// log has called done.
type record struct {
	server    *Server
	write     *write
	partition int32
	value     []byte
	note      []byte                        // an ingest.Note on value's events
	done      func(offset int64, err error) // r.acknowledge, made once
}

func newRecord() any {
	r := &record{}
	r.done = r.acknowledge
	return r
}

// acknowledge is called by the log, from its own goroutine, once. It must not
// block, and so only counts, releases and signals.
func (r *record) acknowledge(offset int64, err error) {
	s, w, partition := r.server, r.write, r.partition
	if s.onRelease != nil {
		s.onRelease(r.value)
		s.onRelease(r.note)
	}
	r.write = nil
	s.records.Put(r)
	w.acknowledge(partition, offset, err)
}

// write is what a request knows of its records under way.
type write struct {
	left atomic.Int32  // records without an answer, and one for the request while it appends
	done chan struct{} // gets one value when left falls to zero

	mu      sync.Mutex
	err     error   // of one record that failed
	offsets []int64 // by partition: the highest offset written by the request, -1 = none
}

// reset prepares for a request: nothing is written yet.
func (w *write) reset(partitions int32) {
	if w.done == nil {
		w.done = make(chan struct{}, 1)
		w.offsets = make([]int64, partitions)
	}
	for p := range w.offsets {
		w.offsets[p] = -1
	}
}

// begin opens a round of records: add for each, then wait. A request has one
// round, or a bulk request several after each other.
func (w *write) begin() {
	w.err = nil
	w.left.Store(1)
}

func (w *write) add() { w.left.Add(1) }

// wait blocks until the log has answered for every record of the round.
func (w *write) wait() error {
	w.finish()
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *write) acknowledge(partition int32, offset int64, err error) {
	w.mu.Lock()
	if err == nil {
		w.offsets[partition] = max(w.offsets[partition], offset)
	} else if w.err == nil || errors.Is(w.err, eventlog.ErrOverloaded) {
		// A failure outweighs an overload: it is what the client must hear of.
		w.err = err
	}
	w.mu.Unlock()
	w.finish()
}

func (w *write) finish() {
	if w.left.Add(-1) == 0 {
		w.done <- struct{}{}
	}
}
