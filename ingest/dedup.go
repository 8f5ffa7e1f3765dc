package ingest

import (
	"fmt"
	"math/bits"
	"sync"
)

// WindowIDsDefault and WindowIDsMax are how many ids a Window remembers: by
// default, and at most. An id costs 48 bytes at the default, a slot of 32 and a quarter of
// a table's line of 64; up to twice as much where the number is no power of two.
const (
	WindowIDsDefault = 1 << 20
	WindowIDsMax     = 1 << 28
)

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
// claim and remember costs about 0.1 µs for an id in a full window of the default
// size, most of it waiting for memory.
type Window struct {
	mu      sync.Mutex
	idsMax  uint32
	pending int // ids that claims hold
	table   idTable

	// remembered is a ring, a power of two long: the slot of an id is at its sequence
	// number. Who is remembered takes the place of the oldest.
	remembered []idSlot
	held       []idSlot // of pending ids, and free ones
	free       []uint32 // indexes of held that are free

	claims      []*Claim // by number; nil where the number is free
	freeNumbers []uint32
}

// idSlot is one id, remembered or pending: 32 bytes.
type idSlot struct {
	key       ID
	timestamp int64
	content   uint32
	claim     uint32 // slotFilled, and the number of the claim that holds a pending id
}

// slotFilled: the timestamp was filled in by weir.
const slotFilled = 1 << 31

// Claim is what one request holds in a Window: ids whose write is under way.
// The zero Claim is ready for use, and again after Written or Failed. It is used
// by one goroutine at a time.
type Claim struct {
	slots  []uint32 // indexes of Window.held
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
		idsMax:     uint32(idsMax),
		table:      newIDTable(idsMax),
		remembered: make([]idSlot, 1<<bits.Len(uint(idsMax-1))),
	}, nil
}

// IDs returns how many ids are remembered.
func (w *Window) IDs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.table.ids)
}

// Pending returns how many ids are held by claims: their write is under way.
func (w *Window) Pending() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pending
}

// slot returns the slot of an id that is pending or remembered.
func (w *Window) slot(ref idRef) *idSlot {
	if ref&refPending != 0 {
		return &w.held[ref&^refPending]
	}
	return &w.remembered[int(ref&refNumber)&(len(w.remembered)-1)]
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
		slot, pending := w.table.find(w, &s.Key)
		if slot == nil {
			s.Verdict = Fresh
			w.hold(c, s)
			continue
		}
		if number := slot.claim &^ slotFilled; pending && number != c.number {
			wait = w.claims[number].wait()
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
	for _, at := range c.slots {
		w.table.touch(&w.held[at].key)
	}
	for _, at := range c.slots {
		w.remember(at)
	}
	w.end(c)
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
	if slot.claim&slotFilled == 0 && !s.Filled && slot.timestamp != s.Timestamp {
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
		at = uint32(len(w.held))
		w.held = append(w.held, idSlot{})
	}
	claim := c.number
	if s.Filled {
		claim |= slotFilled
	}
	w.held[at] = idSlot{key: s.Key, timestamp: s.Timestamp, content: s.Content, claim: claim}
	if w.table.crowded(w.pending) || !w.table.insert(tagOf(&s.Key), refPending|idRef(at)) {
		w.grow()
		w.mustInsert(&s.Key, refPending|idRef(at))
	}
	c.slots = append(c.slots, at)
	w.pending++
}

// grow makes a table of twice the size: more ids are pending than the window was sized
// for. The window is locked.
func (w *Window) grow() {
	old := w.table
	w.table = idTableOf(2 * len(old.lines))
	w.table.next = old.next
	for _, c := range w.claims {
		if c == nil {
			continue
		}
		for _, at := range c.slots {
			w.mustInsert(&w.held[at].key, refPending|idRef(at))
		}
	}
	w.table.ids = old.ids
	for i := range old.ids { // from the oldest on, so that a line's latest is the latest
		ref := refRemembered | idRef(old.next-old.ids+i)&refNumber
		w.mustInsert(&w.slot(ref).key, ref)
	}
}

func (w *Window) mustInsert(key *ID, ref idRef) {
	if !w.table.insert(tagOf(key), ref) {
		panic("BUG: no room in the window's table")
	}
}

// remember turns a pending id into the newest remembered one. The window is locked.
func (w *Window) remember(at uint32) {
	slot := &w.held[at]
	ref := refRemembered | idRef(w.table.next)
	w.table.replace(tagOf(&slot.key), refPending|idRef(at), ref)
	*w.slot(ref) = *slot
	w.table.next = (w.table.next + 1) & uint32(refNumber)
	w.table.ids = min(w.table.ids+1, w.idsMax)
	w.free = append(w.free, at)
}

// drop ends the claim and frees what it holds. The window is locked.
func (w *Window) drop(c *Claim) {
	for _, at := range c.slots {
		w.table.replace(tagOf(&w.held[at].key), refPending|idRef(at), 0)
		w.free = append(w.free, at)
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
