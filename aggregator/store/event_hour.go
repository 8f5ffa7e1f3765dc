package store

import (
	"bytes"
	"errors"
	"fmt"

	"weir/aggregator"
)

// readHour gives out the events of the hour that was sought.
func (s *eventScan) readHour() error {
	if err := s.list(); err != nil {
		return err
	}
	s.lo, s.hi = nil, nil
	for {
		parted, err := s.pass()
		if err != nil || parted == nil {
			return err
		}
		// The next pass reads what this one left.
		if s.back {
			s.lo, s.hi = nil, parted
		} else {
			s.lo, s.hi = parted, nil
		}
	}
}

// list reads the keys of the hour's blocks, and their values if they are few.
func (s *eventScan) list() error {
	s.blocks, s.buffer = s.blocks[:0], s.buffer[:0]
	prefix := s.hourPrefix(s.hour)
	valid := true
	if s.back {
		valid = s.iter.SeekGE(prefix)
	}
	for ; valid && bytes.HasPrefix(s.iter.Key(), prefix); valid = s.iter.Next() {
		k, err := readBlockKey(s.iter.Key())
		if err != nil {
			return corrupt(s.iter.Key(), err)
		}
		if k.lowest >= s.end {
			break
		}
		block := hourBlock{lowest: k.lowest, first: k.first, last: k.last, at: len(s.buffer)}
		if len(s.buffer) < bufferedBytesMax {
			value, err := s.iter.ValueAndErr()
			if err != nil {
				return fmt.Errorf("cannot read key %x: %w", s.iter.Key(), err)
			}
			s.buffer = append(s.buffer, value...)
			block.bytes = len(value)
		}
		s.blocks = append(s.blocks, block)
	}
	s.boundBlocks()
	return s.iter.Error()
}

// boundBlocks finds out, for each block, what the ones that are read after it can hold.
func (s *eventScan) boundBlocks() {
	if s.back {
		bound := int32(-1)
		for i := range s.blocks {
			s.blocks[i].bound = bound
			bound = max(bound, s.blocks[i].last)
		}
		return
	}
	bound := int32(int64(hourNanos) / milliNanos)
	for i := len(s.blocks) - 1; i >= 0; i-- {
		s.blocks[i].bound = bound
		bound = min(bound, s.blocks[i].first)
	}
}

// pass reads the hour's blocks and gives out the events between lo and hi. Where too many have to wait,
// it leaves out the later ones, and returns where these begin (backwards: end).
func (s *eventScan) pass() (parted *eventPlace, err error) {
	err = s.eachBlock(func(block *hourBlock, value []byte) error {
		if err := s.pace.check(); err != nil {
			return err
		}
		if err := s.readBlock(block, value); err != nil {
			return err
		}
		if s.held.p.Bytes() <= s.heldMax {
			return nil
		}
		if len(s.held.order) > len(s.held.p.events)/2 {
			if at, ok := s.held.halve(s.back); ok {
				parted = &at
				if s.back {
					s.lo = parted
				} else {
					s.hi = parted
				}
			}
		}
		s.held.compact()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return parted, s.release(func(int64) bool { return true })
}

// eachBlock calls f for the hour's blocks that may have events of the span, in the order in which
// they are read.
func (s *eventScan) eachBlock(f func(*hourBlock, []byte) error) error {
	n := len(s.blocks)
	if n == 0 {
		return nil
	}
	buffered := s.blocks[n-1].bytes > 0
	valid := true
	if !buffered {
		if s.back {
			valid = s.iter.SeekLT(appendBlocksFrom(nil, s.name.Number, s.hour, s.blocks[n-1].lowest+1))
		} else {
			valid = s.iter.SeekGE(s.hourPrefix(s.hour))
		}
	}
	for i := range n {
		block := &s.blocks[i]
		if s.back {
			block = &s.blocks[n-1-i]
		}
		value := s.buffer[block.at : block.at+block.bytes]
		if !buffered {
			var err error
			if value, err = s.valueOf(block, valid); err != nil {
				return err
			}
		}
		if err := f(block, value); err != nil {
			return err
		}
		if !buffered && i < n-1 {
			if s.back {
				valid = s.iter.Prev()
			} else {
				valid = s.iter.Next()
			}
		}
	}
	return nil
}

// valueOf returns the value of a block, which the iterator has to be at.
func (s *eventScan) valueOf(block *hourBlock, valid bool) ([]byte, error) {
	if err := s.iter.Error(); err != nil {
		return nil, fmt.Errorf("cannot scan events of series %d: %w", s.name.Number, err)
	}
	if !valid {
		panic("BUG: a block of a snapshot has gone")
	}
	if s.skips(block) {
		return nil, nil
	}
	value, err := s.iter.ValueAndErr()
	if err != nil {
		return nil, fmt.Errorf("cannot read key %x: %w", s.iter.Key(), err)
	}
	return value, nil
}

// skips reports whether a block has no event that this pass wants.
func (s *eventScan) skips(block *hourBlock) bool {
	start := aggregator.StartOfHour(s.hour)
	from, to := start+int64(block.first)*milliNanos, start+int64(block.last+1)*milliNanos // its events are in [from, to)
	return to <= s.span.From || from >= s.span.To ||
		s.lo != nil && to <= s.lo.timestamp || s.hi != nil && from > s.hi.timestamp
}

// wants reports whether an event is one that this pass gives out.
func (s *eventScan) wants(e *Event) bool {
	if e.Position >= s.end || !s.span.Contains(e.Timestamp) || s.live != nil && !s.live(e.Position) {
		return false
	}
	return (s.lo == nil || s.lo.compare(e.Timestamp, e.TransactionID) <= 0) &&
		(s.hi == nil || s.hi.compare(e.Timestamp, e.TransactionID) > 0)
}

// readBlock gives out a block's events, and those that were held, as far as their turn has come.
func (s *eventScan) readBlock(block *hourBlock, value []byte) error {
	start := aggregator.StartOfHour(s.hour)
	turn := func(timestamp int64) bool { return timestamp < start+int64(block.bound)*milliNanos }
	if s.back {
		turn = func(timestamp int64) bool { return timestamp >= start+int64(block.bound+1)*milliNanos }
	}
	if s.skips(block) {
		return s.release(turn)
	}
	b, err := s.snapshot.store.segments.block(&s.block, value)
	if errors.Is(err, errCorruptSegment) {
		return s.corrupt(block, value, err)
	}
	if err != nil {
		return err
	}
	if err := s.reader.open(b, start, block.lowest); err != nil {
		return s.corrupt(block, value, err)
	}
	e := &s.reader.event
	for {
		ok, err := s.reader.next()
		if err != nil {
			return s.corrupt(block, value, err)
		}
		if !ok {
			return s.release(turn)
		}
		if !s.wants(e) {
			continue
		}
		if s.back || !turn(e.Timestamp) {
			s.held.hold(e)
			continue
		}
		for s.held.isBefore(e) {
			if err := s.f(s.held.takeFirst()); err != nil {
				return err
			}
		}
		if err := s.f(e); err != nil {
			return err
		}
	}
}

// corrupt reports a block that can't be read.
func (s *eventScan) corrupt(block *hourBlock, value []byte, err error) error {
	k := blockKey{series: s.name.Number, hour: s.hour, lowest: block.lowest, first: block.first, last: block.last}
	key := k.append(nil)
	if s.fault == nil {
		return corrupt(key, err)
	}
	return s.fault(key, value, err)
}

// release gives out held events as long as it is their turn.
func (s *eventScan) release(turn func(timestamp int64) bool) error {
	for len(s.held.order) > 0 {
		var e *Event
		switch {
		case s.back && turn(s.held.last().timestamp):
			e = s.held.takeLast()
		case !s.back && turn(s.held.first().timestamp):
			e = s.held.takeFirst()
		default:
			return nil
		}
		if err := s.f(e); err != nil {
			return err
		}
	}
	return nil
}
