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
		var err error
		now, err = s.options.Clock.Now(ctx, x.organization)
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
	x.sightings = x.sightings[:0]
	for i := range x.batch.Events {
		e := &x.batch.Events[i]
		x.sightings = append(x.sightings, ingest.Sighting{
			Key:       ingest.IDKey(x.organization, e.Subscription, e.TransactionID),
			Content:   ingest.ContentHash32(e),
			Timestamp: e.Timestamp,
			Filled:    e.Filled,
		})
	}
	for range claimAttemptsMax {
		wait := s.window.Claim(&x.claim, x.sightings)
		if wait == nil {
			return nil
		}
		s.waits.Add(1)
		if s.onWait != nil {
			s.onWait()
		}
		<-wait
		s.waits.Add(-1)
	}
	return errClaims
}

// writeFresh appends the fresh events, one or more records for each partition,
// and waits until the log has answered for every record.
func (s *Server) writeFresh(x *exchange) error {
	x.group(s.options.Partitions)
	if len(x.order) == 0 {
		return nil
	}
	started := time.Now()
	x.write.begin()
	for p := range s.options.Partitions {
		s.appendGroup(x, p, x.order[x.starts[p]:x.starts[p+1]])
	}
	err := x.write.wait()
	s.metrics.appendDuration.Observe(time.Since(started).Seconds())
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
	x.starts = append(x.starts[:0], make([]int32, partitions+1)...)
	x.partitions = x.partitions[:0]
	fresh := 0
	for i := range x.batch.Events {
		p := ingest.Partition(x.organization, x.batch.Events[i].Subscription, partitions)
		x.partitions = append(x.partitions, p)
		if x.sightings[i].Verdict == ingest.Fresh {
			x.starts[p]++
			fresh++
		}
	}
	sum := int32(0)
	for p := range x.starts {
		x.starts[p], sum = sum, sum+x.starts[p]
	}
	if cap(x.order) < fresh {
		x.order = make([]int32, fresh)
	}
	x.order = x.order[:fresh]
	for i := range x.batch.Events {
		if x.sightings[i].Verdict == ingest.Fresh {
			p := x.partitions[i]
			x.order[x.starts[p]] = int32(i)
			x.starts[p]++
		}
	}
	// Every start has moved to the next one's place: move them back.
	copy(x.starts[1:], x.starts[:partitions])
	x.starts[0] = 0
}

// appendGroup appends the events with the given indexes, all of one partition, in
// as few records as the limits of a record allow.
func (s *Server) appendGroup(x *exchange, partition int32, indexes []int32) {
	h := ingest.Header{Organization: x.organization, ReceivedAt: x.receivedAt.UnixNano()}
	for len(indexes) > 0 {
		n, size := 0, ingest.RecordOverheadBytesMax
		for n < len(indexes) && n < ingest.EventsPerRecordMax {
			more := ingest.EncodedSize(h, &x.batch.Events[indexes[n]])
			if n > 0 && size+more > eventlog.RecordBytesMax {
				break
			}
			size += more
			n++
		}
		r := s.records.Get().(*record)
		r.server, r.write, r.partition = s, &x.write, partition
		r.value = ingest.AppendRecordOf(r.value[:0], h, x.batch.Events, indexes[:n])
		x.write.add()
		s.options.Log.Append(partition, r.value, r.done)
		indexes = indexes[n:]
	}
}

// record is one record on its way to the log. Its buffer is the log's until the
// log has called done.
type record struct {
	server    *Server
	write     *write
	partition int32
	value     []byte
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
