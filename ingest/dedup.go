package ingest

import (
	"fmt"
	"sync"
)

// WindowIDsDefault and WindowIDsMax are how many ids a Window remembers: by
// default, and at most. An id costs about 48 bytes: a slot of 32 and, at the
// default, two table entries of 8.
const (
	WindowIDsDefault = 1 << 20
	WindowIDsMax     = 1 << 28
)

// pendingRoom is how many ids may be pending beside a full window before its
// memory grows, by a copy.
const pendingRoom = 1 << 16

// Verdict is what a Window says of one sighting of an id.
type Verdict uint8

// The verdicts.
const (
	Fresh    Verdict = iota // not remembered: to be written
	Repeat                  // the same event is remembered
	Conflict                // the id is remembered with other content
)

// Sighting is one event's id as a request brings it.
type Sighting struct {
	Key       ID      // who the event is
	Content   uint32  // ContentHash32: what it says
	Timestamp int64   // nanoseconds since the Unix epoch
	Filled    bool    // the timestamp was filled in by weir, and tells nothing
	Verdict   Verdict // set by Window.Claim
}

// Window remembers the ids that this node wrote lately, so that a repeat can
// be answered at once. It is a courtesy, not the authority on what counts: it
// forgets the oldest ids when full, and everything with the process.
//
// Two rules keep it from losing events:
//
//   - An id is remembered only after every record of its request is
//     acknowledged. Until then it is pending, held by the request's Claim.
//   - A request that meets an id pending elsewhere lets go of all its own and
//     waits, holding nothing. So requests cannot wait for each other in a
//     circle, and a repeat is answered by the outcome of the first.
//
// All methods may be called from any goroutine. One mutex guards everything and
// is taken once for a request, not once for an event; hashing is done before. To
// claim and remember costs about 0.12 µs for an id in a full window of the default
// size, nearly all of it waiting for memory.
type Window struct {
	mu      sync.Mutex
	idsMax  int
	pending int
	ids     int // remembered, at most idsMax

	table  idTable
	slots  []idSlot
	free   []uint32 // slots without an id
	oldest uint32   // the first remembered slot; each links to the next
	newest uint32   // the last, when ids > 0

	claims      []*Claim // by number; nil where the number is free
	freeNumbers []uint32
}

// idSlot is one id, remembered or pending: 32 bytes.
type idSlot struct {
	key       ID
	timestamp int64
	content   uint32
	// link is slotFilled, slotPending and, in the low bits, the number of the
	// claim that holds a pending id, or the slot of the next younger remembered one.
	link uint32
}

const (
	slotFilled  = 1 << 31
	slotPending = 1 << 30
	slotLink    = slotPending - 1
)

// Claim is what one request holds in a Window: ids whose write is under way.
// The zero Claim is ready for use, and again after Written or Failed. It is used
// by one goroutine at a time.
type Claim struct {
	slots  []uint32
	number uint32
	open   bool
	// waiters is closed when the claim ends; made by the first request that waits.
	waiters chan struct{}
}

// Open reports whether the claim waits for Written or Failed.
func (c *Claim) Open() bool { return c.open }

// NewWindow returns a window that remembers idsMax ids, 1..WindowIDsMax; 0 means
// WindowIDsDefault.
func NewWindow(idsMax int) (*Window, error) {
	if idsMax == 0 {
		idsMax = WindowIDsDefault
	}
	if idsMax < 1 || idsMax > WindowIDsMax {
		return nil, fmt.Errorf("cannot remember %d ids: want 1 to %d", idsMax, WindowIDsMax)
	}
	return &Window{
		idsMax: idsMax,
		table:  newIDTable(idsMax),
		slots:  make([]idSlot, 0, idsMax+min(idsMax, pendingRoom)),
	}, nil
}

// IDs returns how many ids are remembered.
func (w *Window) IDs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ids
}

// Pending returns how many ids are held by claims: their write is under way.
func (w *Window) Pending() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pending
}

// Claim gives every sighting its verdict and makes the claim hold the fresh
// ones, all under one lock. Two equal ids in one call: the first is fresh, the
// second a repeat or a conflict.
//
// When an id is pending in another claim, nothing is held and Claim returns a
// channel that is closed when that claim ends; the caller waits and asks again. Else
// it returns nil, and the caller ends the claim with Written or Failed.
//
// The claim must not hold anything when Claim is called.
func (w *Window) Claim(c *Claim, sightings []Sighting) (wait <-chan struct{}) {
	if c.open {
		panic("BUG: claim of ids is open already")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.register(c)
	for i := range sightings {
		w.table.touch(&sightings[i].Key)
	}
	for i := range sightings {
		s := &sightings[i]
		at, found := w.table.find(w.slots, &s.Key)
		if !found {
			s.Verdict = Fresh
			w.hold(c, s)
			continue
		}
		slot := &w.slots[at]
		if slot.link&slotPending != 0 && slot.link&slotLink != c.number {
			wait = w.claims[slot.link&slotLink].wait()
			w.drop(c)
			return wait
		}
		s.Verdict = slot.compare(s)
	}
	return nil
}

// Written ends the claim: its ids are remembered, the oldest others forgotten
// as far as needed, and whoever waits for the claim goes on.
func (w *Window) Written(c *Claim) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.touchOldest(len(c.slots))
	for _, at := range c.slots {
		w.remember(at)
	}
	w.end(c)
}

// touchOldest reads what forgetting needs, before n more ids are remembered. The
// window is locked.
func (w *Window) touchOldest(n int) {
	at := w.oldest
	for range min(w.ids, w.ids+n-w.idsMax) {
		w.table.touch(&w.slots[at].key)
		at = w.slots[at].link & slotLink
	}
}

// Failed ends the claim without remembering anything: the request was refused
// or its write failed. Whoever waits for the claim goes on, and finds its ids fresh.
func (w *Window) Failed(c *Claim) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(c)
}

// compare says what a sighting of the slot's id is.
func (slot *idSlot) compare(s *Sighting) Verdict {
	if slot.content != s.Content {
		return Conflict
	}
	if slot.link&slotFilled == 0 && !s.Filled && slot.timestamp != s.Timestamp {
		return Conflict
	}
	return Repeat
}

// wait returns the channel that is closed when the claim ends. The window is locked.
func (c *Claim) wait() <-chan struct{} {
	if c.waiters == nil {
		c.waiters = make(chan struct{})
	}
	return c.waiters
}

// register gives the claim a number. The window is locked.
func (w *Window) register(c *Claim) {
	if n := len(w.freeNumbers); n > 0 {
		c.number = w.freeNumbers[n-1]
		w.freeNumbers = w.freeNumbers[:n-1]
		w.claims[c.number] = c
	} else {
		c.number = uint32(len(w.claims))
		w.claims = append(w.claims, c)
	}
	c.open = true
}

// hold makes the sighting's id pending in the claim. The window is locked.
func (w *Window) hold(c *Claim, s *Sighting) {
	var at uint32
	if n := len(w.free); n > 0 {
		at = w.free[n-1]
		w.free = w.free[:n-1]
	} else {
		at = uint32(len(w.slots))
		w.slots = append(w.slots, idSlot{})
	}
	link := slotPending | c.number
	if s.Filled {
		link |= slotFilled
	}
	w.slots[at] = idSlot{key: s.Key, timestamp: s.Timestamp, content: s.Content, link: link}
	w.table.insert(w.slots, at)
	c.slots = append(c.slots, at)
	w.pending++
}

// remember turns a pending slot into the newest remembered one. The window is locked.
func (w *Window) remember(at uint32) {
	if w.ids == w.idsMax {
		old := w.oldest
		w.oldest = w.slots[old].link & slotLink
		w.release(old)
		w.ids--
	}
	w.slots[at].link &= slotFilled
	if w.ids == 0 {
		w.oldest = at
	} else {
		w.slots[w.newest].link |= at
	}
	w.newest = at
	w.ids++
}

// release takes a slot's id out of the table and frees the slot. The window is locked.
func (w *Window) release(at uint32) {
	w.table.remove(w.slots, at)
	w.free = append(w.free, at)
}

// drop ends the claim and frees what it holds. The window is locked.
func (w *Window) drop(c *Claim) {
	for _, at := range c.slots {
		w.release(at)
	}
	w.end(c)
}

// end closes the claim's book and wakes whoever waits. The window is locked.
func (w *Window) end(c *Claim) {
	if !c.open {
		panic("BUG: claim of ids is not open")
	}
	w.pending -= len(c.slots)
	w.claims[c.number] = nil
	w.freeNumbers = append(w.freeNumbers, c.number)
	if c.waiters != nil {
		close(c.waiters)
		c.waiters = nil
	}
	c.slots = c.slots[:0]
	c.open = false
}
