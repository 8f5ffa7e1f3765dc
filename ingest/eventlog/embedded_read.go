package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// readBytesMax bounds the sections that a reader takes at a time, except that it
	// takes at least one.
	readBytesMax = 1 << 20
	// readBytesMin is what a reader starts with when it reads Pebble: most want one record.
	readBytesMin = 16 << 10
	// readRecordsMax bounds the records that one Next returns.
	readRecordsMax = 4096
	// skipFramesMax is how many frames without a record of its partition a reader
	// passes, before it looks for the next one by bisection.
	skipFramesMax = 64
)

// Read returns a reader; see Log.Read. It does not block.
func (l *Embedded) Read(ctx context.Context, partition int32, from int64) (Reader, error) {
	start, end, err := l.Range(ctx, partition)
	if err != nil {
		return nil, fmt.Errorf("cannot read partition %d: %w", partition, err)
	}
	if from < start || from > end {
		return nil, outOfRange(partition, from, start, end)
	}
	r := &embeddedReader{log: l, partition: partition, next: from, bytesMax: readBytesMin}
	r.moved = make(chan struct{}, 1)
	r.reached.Store(from)
	return r, nil
}

func outOfRange(partition int32, offset, start, end int64) error {
	return fmt.Errorf("cannot read partition %d from %d: %w [%d, %d]", partition, offset, ErrOutOfRange, start, end)
}

// embeddedReader takes sections, from the tail or from Pebble, and cuts them into
// records. Of Pebble it opens an iterator each time: one that stays open would keep
// Pebble from dropping the memtables and tables it has moved on from.
type embeddedReader struct {
	log       *Embedded
	partition int32
	next      int64 // offset of the first record that was not returned yet
	moved     chan struct{}
	records   []Record
	sections  []section // taken, not yet returned: next is in the first
	frames    []*frame  // of the tail: records and sections are in them

	// For followers: where the caller is, and since when (nanoseconds of the clock).
	reached atomic.Int64
	since   atomic.Int64

	// For reading Pebble.
	located  bool
	sequence uint64 // if located: the frame with the first record after sections, or one before it
	durable  uint64 // the last frame that may be read
	stored   storedFrame
	memory   []byte // what the sections of Pebble point into
	bytesMax int    // of memory
}

// Next is Reader.Next.
func (r *embeddedReader) Next(ctx context.Context) ([]Record, error) {
	r.log.followers.move(r)
	end, err := r.log.await(ctx, r.partition, r.next, r.moved)
	if err == nil {
		err = r.read(end)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read partition %d at %d: %w", r.partition, r.next, err)
	}
	return r.records, nil
}

// Close releases the reader's memory.
func (r *embeddedReader) Close() {
	r.log.followers.leave(r)
	r.letGo()
	r.records, r.sections, r.frames, r.memory = nil, nil, nil, nil
}

// letGo releases the frames that were taken: what was returned of them is void.
func (r *embeddedReader) letGo() {
	for i, f := range r.frames {
		r.log.frames.release(f)
		r.frames[i] = nil
	}
	r.frames = r.frames[:0]
}

// read fills records with what there is in [next, end), at least one.
func (r *embeddedReader) read(end int64) error {
	select {
	case <-r.log.closing:
		return ErrClosed
	default:
	}
	if len(r.sections) == 0 {
		if err := r.fetch(end); err != nil {
			return err
		}
	}
	return r.cut()
}

// cut makes records of the sections.
func (r *embeddedReader) cut() error {
	r.records = r.records[:0]
	for len(r.sections) > 0 && len(r.records) < readRecordsMax {
		s := &r.sections[0]
		for s.count > 0 && len(r.records) < readRecordsMax {
			record, err := s.take()
			if err != nil {
				return err
			}
			r.records = append(r.records, record)
		}
		if s.count == 0 {
			r.sections = r.sections[1:]
		}
	}
	r.next += int64(len(r.records))
	return nil
}

// fetch takes sections from next on.
func (r *embeddedReader) fetch(end int64) error {
	r.sections = r.sections[:0]
	r.letGo()
	r.frames = r.log.tail.collect(r.frames, r.partition, r.next, readBytesMax)
	if len(r.frames) == 0 {
		r.log.followers.leave(r)
		return r.fetchStored(end)
	}
	r.log.followers.join(r)
	r.memory = nil // the tail has caught the reader, and is likely to keep it
	for _, f := range r.frames {
		if err := r.add(f.section(r.partition)); err != nil {
			return err
		}
		r.located, r.sequence = true, f.sequence+1
	}
	return nil
}

// add appends a section, which must go on where the reader is.
func (r *embeddedReader) add(s section) error {
	next := r.next
	if n := len(r.sections); n > 0 {
		next = r.sections[n-1].next + int64(r.sections[n-1].count)
	}
	if s.next < next {
		if err := s.skipTo(next); err != nil {
			return err
		}
	}
	if s.next != next || s.count == 0 {
		return fmt.Errorf("corrupt log: record %d where %d should be", s.next, next)
	}
	r.sections = append(r.sections, s)
	return nil
}

// fetchStored takes sections of frames in Pebble, up to a durable end.
func (r *embeddedReader) fetchStored(end int64) (err error) {
	l := r.log
	l.reading.RLock()
	defer l.reading.RUnlock()
	if !l.dbOpen {
		return ErrClosed
	}
	r.durable = l.tail.last.Load()
	iter, err := l.db.NewIter(frameBounds(l.first, r.durable+1))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	if !r.located {
		if err := r.locate(iter, l.first); err != nil {
			return err
		}
	}
	r.memory = r.memory[:0]
	if err := r.scan(iter, end); err != nil {
		return err
	}
	r.bytesMax = min(2*r.bytesMax, readBytesMax)
	if len(r.sections) == 0 {
		return fmt.Errorf("corrupt log: no record below the end %d", end)
	}
	return nil
}

// scan takes sections from the frame with the reader's number on, until the
// memory for them is full or the durable end is reached.
func (r *embeddedReader) scan(iter *pebble.Iterator, end int64) error {
	next, skipped := r.next, 0
	for valid := iter.SeekGE(frameKey(r.sequence)); valid && next < end; valid = iter.Next() {
		if err := r.load(iter, r.sequence); err != nil {
			return err
		}
		p := &r.stored.parts[r.partition]
		if p.count == 0 {
			r.sequence++
			if skipped++; skipped < skipFramesMax || len(r.sections) > 0 {
				continue
			}
			if err := r.locate(iter, r.sequence); err != nil {
				return err
			}
			iter.SeekLT(frameKey(r.sequence)) // Next goes there
			continue
		}
		if fits, err := r.unpack(p); err != nil || !fits {
			return err
		}
		r.sequence++
		next = p.end()
	}
	return iter.Error()
}

// unpack takes a part's section, and reports whether it fitted.
func (r *embeddedReader) unpack(p *storedPart) (bool, error) {
	at := len(r.memory)
	if at == 0 && cap(r.memory) < max(r.bytesMax, p.bytes) {
		r.memory = make([]byte, 0, max(r.bytesMax, p.bytes))
	}
	if at+p.bytes > cap(r.memory) {
		return false, nil
	}
	r.memory = r.memory[:at+p.bytes]
	bytes := r.memory[at : at+p.bytes : at+p.bytes]
	if err := p.unpack(bytes); err != nil {
		return false, err
	}
	return true, r.add(section{next: p.first, count: p.count, time: r.stored.time, bytes: bytes})
}

// load parses the frame that the iterator stands at, which must have the given number.
func (r *embeddedReader) load(iter *pebble.Iterator, sequence uint64) error {
	found, err := frameKeySequence(iter.Key())
	if err == nil && found != sequence {
		err = fmt.Errorf("corrupt log: frame %d where %d should be", found, sequence)
	}
	if err != nil {
		return err
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return err
	}
	return r.stored.parse(value, len(r.log.partitions))
}

// locate finds, by bisection from a frame on, the durable one that holds next.
func (r *embeddedReader) locate(iter *pebble.Iterator, from uint64) (err error) {
	frames := int(r.durable + 1 - from)
	at := sort.Search(frames, func(i int) bool {
		sequence := from + uint64(i)
		switch {
		case err != nil:
		case !iter.SeekGE(frameKey(sequence)):
			err = errors.Join(fmt.Errorf("corrupt log: no frame %d", sequence), iter.Error())
		default:
			err = r.load(iter, sequence)
		}
		return err != nil || r.stored.parts[r.partition].end() > r.next
	})
	if err == nil && at == frames {
		err = fmt.Errorf("corrupt log: no frame with record %d", r.next)
	}
	r.located, r.sequence = err == nil, from+uint64(at)
	return err
}
