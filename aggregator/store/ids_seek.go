package store

import (
	"bytes"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// may reports whether the run may have an id.
func (r *idRun) may(h *idHash) bool { return r.filter == nil || r.filter.may(h) }

// seekEntry finds the first entry of a run that is not below an id with a revision and position; ok is false when there
// is none. key is room for a key.
func seekEntry(iter *pebble.Iterator, key []byte, run uint64, id *ingest.ID, revision uint32, position ingest.Position) (block idBlock, at int, ok bool, err error) {
	key = appendIDBlockKey(key, run, id, revision, position)
	block, ok, err = blockOfRun(iter, iter.SeekGE(key), run)
	if !ok || err != nil {
		return idBlock{}, 0, false, err
	}
	if at = block.search(id, revision, position); at == block.count {
		return idBlock{}, 0, false, corrupt(iter.Key(), errCorruptIDs) // its key is that of its last entry
	}
	return block, at, true, nil
}

// blockOfRun reads the block that an iterator over spaceSeen was moved to; ok is false when it is none of the run's.
func blockOfRun(iter *pebble.Iterator, valid bool, run uint64) (block idBlock, ok bool, err error) {
	if !valid {
		// The next seek forgets this one's fault, and an id that can't be read is not one that was never seen.
		if err := iter.Error(); err != nil {
			return idBlock{}, false, fmt.Errorf("cannot look up ids in run %d: %w", run, err)
		}
		return idBlock{}, false, nil
	}
	key := iter.Key()
	number, err := runOfKey(key)
	if err != nil || number != run || len(key) != idBlockKeyBytes || key[runHeadBytes] != runBlock {
		return idBlock{}, false, err
	}
	block, err = blockAt(iter)
	return block, err == nil, err
}

// eachEntry calls f for the entries of a run whose ids begin with a prefix, in order.
func eachEntry(iter *pebble.Iterator, run uint64, prefix []byte, f func(id ingest.ID, seen Seen)) error {
	var id ingest.ID
	copy(id[:], prefix)
	block, at, ok, err := seekEntry(iter, nil, run, &id, 0, 0)
	for ok {
		for ; at < block.count; at++ {
			id := block.id(at)
			if !bytes.HasPrefix(id[:], prefix) {
				return nil
			}
			f(id, block.seen(at))
		}
		at = 0
		block, ok, err = blockOfRun(iter, iter.Next(), run)
	}
	return err
}

// idPlace is a place among the entries of one id in a run.
type idPlace struct {
	iter  *pebble.Iterator
	run   uint64
	id    ingest.ID
	block idBlock
	at    int
	ok    bool // there is an entry here
}

// firstBelow returns the first entry with a position below end, nil when there is none.
func (p *idPlace) firstBelow(end ingest.Position) (first *Seen, err error) {
	p.block, p.at, p.ok, err = seekEntry(p.iter, nil, p.run, &p.id, 0, 0)
	for err == nil && p.here() {
		if seen := p.block.seen(p.at); seen.Position < end {
			return &seen, nil
		}
		if p.at++; p.at == p.block.count {
			p.at = 0
			p.block, p.ok, err = blockOfRun(p.iter, p.iter.Next(), p.run)
		}
	}
	return nil, err
}

// lastBelow returns the last entry of at most a revision with a position below end, nil when there is none.
func (p *idPlace) lastBelow(revision uint32, end ingest.Position) (last *Seen, err error) {
	p.block, p.at, p.ok, err = seekEntry(p.iter, nil, p.run, &p.id, revision, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	for {
		if err := p.back(); err != nil || !p.here() {
			return nil, err
		}
		if seen := p.block.seen(p.at); seen.Position < end {
			return &seen, nil
		}
	}
}

// here reports whether there is an entry of the id here.
func (p *idPlace) here() bool { return p.ok && p.block.id(p.at) == p.id }

// back goes to the entry before. Behind the blocks of a run stands its filter, which is where one comes from at their end.
func (p *idPlace) back() (err error) {
	if p.ok && p.at > 0 {
		p.at--
		return nil
	}
	if p.block, p.ok, err = blockOfRun(p.iter, p.iter.Prev(), p.run); p.ok {
		p.at = p.block.count - 1
	}
	return err
}
