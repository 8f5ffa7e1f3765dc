package main

import "encoding/binary"

// ids is a set, in shards by the first byte so that a part of it grows at a time. An
// empty slot is zero.
type ids struct {
	shards  [256]shard
	touched byte // keeps touch from being left out
}

type shard struct {
	slots []id // a power of two, at most three quarters taken
	taken int
}

const shardSlotsMin = 64

func (s *shard) first(x id) int {
	return int(binary.LittleEndian.Uint64(x[1:9])) & (len(s.slots) - 1)
}

// touch brings into the cache what add will look at.
func (s *ids) touch(x id) {
	if shard := &s.shards[x[0]]; shard.taken > 0 {
		s.touched ^= shard.slots[shard.first(x)][0]
	}
}

// add reports whether an id is new.
func (s *ids) add(x id) bool {
	shard := &s.shards[x[0]]
	if 4*shard.taken >= 3*len(shard.slots) {
		shard.grow()
	}
	if !shard.put(x) {
		return false
	}
	shard.taken++
	return true
}

func (s *shard) put(x id) bool {
	for i := s.first(x); ; i = (i + 1) & (len(s.slots) - 1) {
		switch s.slots[i] {
		case id{}:
			s.slots[i] = x
			return true
		case x:
			return false
		}
	}
}

func (s *shard) grow() {
	old := s.slots
	s.slots = make([]id, max(shardSlotsMin, 2*len(old)))
	for _, x := range old {
		if x != (id{}) {
			s.put(x)
		}
	}
}
