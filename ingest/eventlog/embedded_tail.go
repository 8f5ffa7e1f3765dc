package eventlog

import (
	"sort"
	"sync"
	"sync/atomic"
)

// tailBytesMax bounds the frames that are kept in memory for the readers at the
// end. Who is further behind reads Pebble, and decompresses for itself.
const tailBytesMax = 32 << 20

// tail is the last durable frames, in the order of their numbers and without
// gap. The acknowledger adds to it, readers share what is in it: a frame is
// never written to as long as somebody uses it.
type tail struct {
	mu     sync.Mutex
	frames []*frame // under mu
	bytes  int      // of the frames; under mu
	max    int
	// frames[:older] are the older half, newer is the bytes of the others; under mu.
	older, newer int
	recycled     *frameMemory
	// last is the number of the last durable frame, below it all are; written under mu.
	last atomic.Uint64
	// dropped is told of each frame that leaves, for tests; nil = nobody.
	dropped func(*frame)
}

// push adds a durable frame, which follows the last, and moves the ends of its
// partitions: whoever finds a record here finds it below the end.
func (t *tail) push(f *frame, partitions []embeddedPartition) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last.Store(f.sequence)
	for i := range f.parts {
		if p := &f.parts[i]; p.count > 0 {
			partitions[i].end.Store(p.end())
		}
	}
	f.users.Add(1)
	t.frames = append(t.frames, f)
	t.bytes += f.size()
	t.newer += f.size()
	for t.newer > t.max/2 {
		t.newer -= t.frames[t.older].size()
		t.older++
	}
	n := 0
	for t.bytes > t.max && n < len(t.frames) {
		t.bytes -= t.frames[n].size()
		if t.dropped != nil {
			t.dropped(t.frames[n])
		}
		t.recycled.release(t.frames[n])
		t.frames[n] = nil // append leaves the array behind only when it is full
		n++
	}
	t.frames = t.frames[n:]
	t.older -= n
}

// behind reports whether a reader of the partition that has taken all below offset still
// has to read frames of the older half.
func (t *tail) behind(partition int32, offset int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.older > 0 && offset < t.frames[t.older-1].parts[partition].end()
}

// collect appends to dst frames with records of the partition, from the one that
// holds offset on, up to a number of bytes but at least one. It returns dst
// unchanged when that one is not here any more. The caller uses the frames until it
// releases them.
func (t *tail) collect(dst []*frame, partition int32, offset int64, bytesMax int) []*frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.frames) == 0 || offset < t.frames[0].parts[partition].first {
		return dst
	}
	at := len(t.frames) - 1 // most readers wait for the last one
	if t.frames[at].parts[partition].first > offset {
		at = sort.Search(len(t.frames), func(i int) bool { return t.frames[i].parts[partition].end() > offset })
	}
	bytes, start := 0, len(dst)
	for _, f := range t.frames[at:] {
		p := &f.parts[partition]
		if p.count == 0 {
			continue
		}
		if bytes += int(p.to - p.from); bytes > bytesMax && len(dst) > start {
			break
		}
		f.users.Add(1)
		dst = append(dst, f)
	}
	return dst
}

// drop empties the tail.
func (t *tail) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.frames {
		if t.dropped != nil {
			t.dropped(f)
		}
	}
	t.frames, t.bytes, t.older, t.newer = nil, 0, 0, 0
}
