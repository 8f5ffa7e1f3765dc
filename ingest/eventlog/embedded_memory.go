package eventlog

import (
	"slices"
	"sync"
)

const (
	// memoryFreeBytesMax bounds what is kept of frames that nobody uses.
	memoryFreeBytesMax = 8 << 20
	// memoryBytesMin is the least that a frame's memory has room for. Below
	// memoryBytesAny nobody asks how much of it is used.
	memoryBytesMin = 4 << 10
	memoryBytesAny = 64 << 10
)

// frameMemory is frames that nobody uses any more, to be built again. A frame is most of
// what the log allocates: new memory has to be cleared and, where the heap grows for it, given by
// the system a page at a time, which costs more than all copying into it.
type frameMemory struct {
	mu    sync.Mutex
	free  []*frame // the last that was released is the last
	bytes int      // of free
}

// size is what a frame takes in memory.
func (f *frame) size() int { return cap(f.memory) + len(f.parts)*partBytesMax }

// take returns a frame for so many partitions and with so many bytes of memory at least, in use by
// whom it is given to. What is in it is left over.
func (m *frameMemory) take(partitions, bytes int) *frame {
	f := m.find(partitions, bytes)
	if f == nil {
		f = &frame{parts: make([]part, partitions), memory: make([]byte, roomFor(bytes))}
	}
	f.users.Store(1)
	return f
}

// find takes the last frame out of free that has room, and not far too much.
func (m *frameMemory) find(partitions, bytes int) *frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, f := range slices.Backward(m.free) {
		room := len(f.memory)
		if len(f.parts) != partitions || room < bytes || room > max(memoryBytesAny, 4*bytes) {
			continue
		}
		m.free = slices.Delete(m.free, i, i+1)
		m.bytes -= f.size()
		return f
	}
	return nil
}

// roomFor returns how much memory is made for a frame of so many bytes: a quarter more, so that the
// next one fits as well.
func roomFor(bytes int) int {
	return max(memoryBytesMin, bytes+bytes/4)
}

// release ends a use of a frame. The last one's gives the frame back.
func (m *frameMemory) release(f *frame) {
	switch users := f.users.Add(-1); {
	case users > 0:
		return
	case users < 0:
		panic("BUG: a frame is released more often than it was used")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f.raw, f.notes = nil, nil
	m.free = append(m.free, f)
	m.bytes += f.size()
	for m.bytes > memoryFreeBytesMax {
		m.bytes -= m.free[0].size()
		m.free = slices.Delete(m.free, 0, 1)
	}
}
