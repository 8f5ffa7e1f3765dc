package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest"
	"weir/ingest/eventlog/crashfs"
)

// mustShow compares what there is, and what the newest checkpoint has, with a recount of the log.
func (o *owner) mustShow(when string) {
	o.tb.Helper()
	view := o.view()
	defer view.Close()
	if got, want := o.shows(view), recount(o.log, o.next); got != want {
		o.tb.Fatalf("%s, at offset %d:\ngot\n%s\nwant\n%s", when, o.next, got, want)
	}
	committed := view.Progress().Next
	if got, want := o.shows(view.Snapshot.View()), recount(o.log, committed); got != want {
		o.tb.Fatalf("%s, of the checkpoint at offset %d:\ngot\n%s\nwant\n%s", when, committed, got, want)
	}
	for _, cut := range []int64{o.next / 3, o.next / 2, max(0, o.next-1)} { // what it was, whatever came since
		shown := view.Snapshot.ViewAt(ingest.PositionOf(cut, 0), view.pending...)
		if got, want := o.shows(shown), recount(o.log, cut); got != want {
			o.tb.Fatalf("%s, of offset %d at %d:\ngot\n%s\nwant\n%s", when, cut, o.next, got, want)
		}
	}
	o.mustShowNewest(view)
}

// mustShowNewest: Newest has the stored events of Events that pending ones do not
// supersede, the other way round; Find has the rest.
func (o *owner) mustShowNewest(view *View) {
	o.tb.Helper()
	ctx := context.Background()
	for _, name := range o.allSeries() {
		var all, parts []ingest.Position
		var event Event
		err := errors.Join(
			view.Events(ctx, name, always, func(e *Event) error { all = append(all, e.Position); return nil }),
			view.Newest(ctx, name, always, func(k *EventKey) (bool, error) {
				if err := k.Load(&event); err != nil || event.Revision != k.Revision || event.Position != k.Position {
					return false, fmt.Errorf("key %+v loads %+v, %w", k, event, err)
				}
				parts = append(parts, k.Position)
				return true, nil
			}),
		)
		if err != nil {
			o.tb.Fatal(err)
		}
		stored := slices.DeleteFunc(slices.Clone(all), func(p ingest.Position) bool { return p >= view.End() })
		slices.Reverse(stored)
		if !slices.Equal(parts, stored) {
			o.tb.Fatalf("newest of %v are %v, want %v", name, parts, stored)
		}
		err = view.Find(func(n *SeriesName, _ int64) bool { return n.Number == name.Number }, func(e *Event) error {
			parts = append(parts, e.Position)
			return nil
		})
		slices.Sort(parts)
		slices.Sort(all)
		if err != nil || !slices.Equal(parts, all) {
			o.tb.Fatalf("stored and pending of %v are %v (%v), want %v", name, parts, err, all)
		}
	}
}

func event(id, content string) entryOf {
	return entryOf{id: id, sub: "s", code: "calls", timestamp: int64(time.Hour), content: content}
}

func amendment(id string, revision uint32, content string) entryOf {
	e := event(id, content)
	e.kind, e.revision = ingest.EntryAmendment, revision
	return e
}

func cancellation(id string, revision uint32) entryOf {
	return entryOf{kind: ingest.EntryCancellation, id: id, sub: "s", revision: revision}
}

// TestCorrections: what corrections do to an event that is in the store, being written, or pending.
func TestCorrections(t *testing.T) {
	t.Parallel()
	f := func(name, want string, entries ...entryOf) {
		t.Helper()
		for checkpointed := range len(entries) + 1 { // so many of them before a checkpoint
			for frozen := checkpointed; frozen <= len(entries); frozen++ {
				o := newOwner(t, open(t, vfs.NewMem()))
				o.take(entries[:checkpointed]...)
				o.checkpoint()
				o.take(entries[checkpointed:frozen]...)
				c := o.freeze()
				o.take(entries[frozen:]...)
				o.mustShow(name)
				if got := o.first("a"); got != want {
					t.Errorf("%s, %d stored, %d frozen: %s, want %s", name, checkpointed, frozen, got, want)
				}
				if err := o.store.Write(c); err != nil {
					t.Fatal(err)
				}
				o.written()
				o.checkpoint()
				o.mustShow(name)
				if got := o.first("a"); got != want {
					t.Errorf("%s, %d, %d, all stored: %s, want %s", name, checkpointed, frozen, got, want)
				}
				closeStore(t, o.store)
			}
		}
	}
	const hour = "3600000000000"
	f("an event", "s/a=x."+hour+" r0@0", event("a", "x"))
	f("amended", "s/a=y."+hour+" r1@1", event("a", "x"), amendment("a", 1, "y"))
	f("amended twice", "s/a=z."+hour+" r2@2", event("a", "x"), amendment("a", 1, "y"), amendment("a", 2, "z"))
	f("the higher revision first", "s/a=z."+hour+" r2@1", event("a", "x"), amendment("a", 2, "z"), amendment("a", 1, "y"))
	f("two of one revision", "s/a=z."+hour+" r1@2", event("a", "x"), amendment("a", 1, "y"), amendment("a", 1, "z"))
	f("the same again", "s/a=y."+hour+" r1@1", event("a", "x"), amendment("a", 1, "y"), amendment("a", 1, "y"))
	f("amended before it came", "s/a=y."+hour+" r1@0", amendment("a", 1, "y"), event("a", "x"))
	f("only amended", "s/a=y."+hour+" r1@0", amendment("a", 1, "y"))
	f("cancelled", "s/a=x."+hour+" r1@0 cancelled", event("a", "x"), cancellation("a", 1))
	f("cancelled before it came", "s/a=x."+hour+" r1@1 cancelled", cancellation("a", 1), event("a", "x"))
	f("only cancelled", "", cancellation("a", 1))
	f("amended and cancelled", "s/a=y."+hour+" r2@1 cancelled", event("a", "x"), amendment("a", 1, "y"), cancellation("a", 2))
	f("cancelled and amended later with less", "s/a=y."+hour+" r2@2 cancelled", event("a", "x"), cancellation("a", 2), amendment("a", 1, "y"))
	f("cancelled and back", "s/a=y."+hour+" r2@2", event("a", "x"), cancellation("a", 1), amendment("a", 2, "y"))
	f("cancelled and sent again", "s/a=x."+hour+" r1@0 cancelled", event("a", "x"), cancellation("a", 1), event("a", "x"))
	f("of another", "s/a=x."+hour+" r0@0", event("a", "x"), amendment("b", 1, "y"), cancellation("aa", 3))
	moved := amendment("a", 1, "x")
	moved.code, moved.timestamp = "c\x00", 5
	f("moved to another series", "s/a=x.5 r1@1", event("a", "x"), moved)
}

// first returns what is found by a transaction id.
func (o *owner) first(id string) (found string) {
	view := o.view()
	defer view.Close()
	err := view.ByTransactionID(context.Background(), org, id, func(e *Event) error {
		found = fmt.Sprintf("%s@%d", describeLive(e), e.Position.Offset())
		if e.Cancelled {
			found += " cancelled"
		}
		return nil
	})
	if err != nil {
		o.tb.Fatal(err)
	}
	return found
}

// drawEntry draws an entry of a log in which much concerns the same few ids.
func drawEntry(rng *rand.Rand) entryOf {
	e := entryOf{
		id: allIDs[rng.IntN(len(allIDs))], sub: allSubs[rng.IntN(len(allSubs))],
	}
	switch rng.IntN(6) {
	case 0:
		e.kind, e.revision = ingest.EntryCancellation, 1+rng.Uint32N(4)
		return e
	case 1, 2:
		e.kind, e.revision = ingest.EntryAmendment, 1+rng.Uint32N(4)
	}
	e.code = allCodes[rng.IntN(len(allCodes))]
	e.timestamp = rng.Int64N(3)
	e.content = string(rune('x' + rng.IntN(3)))
	return e
}

var histories = flag.Int("histories", 12, "how many random histories TestAnyHistory runs")

// TestAnyHistory: events and corrections in any order, checkpoints, crashes within them,
// replays, lost tails of the log and reopening show what a recount of the log says.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	const steps = 40
	for range *histories {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			h := history{rng: rand.New(rand.NewPCG(seed, 1)), fs: crashfs.New()}
			h.owner = newOwner(t, open(t, h.fs))
			for range steps {
				h.step()
			}
			closeStore(t, h.store)
		})
	}
}

// history is an owner to whom things happen.
type history struct {
	*owner
	rng *rand.Rand
	fs  *crashfs.FS
}

func (h *history) step() {
	h.store.limits = writtenAs[h.rng.IntN(len(writtenAs))]
	switch h.rng.IntN(10) {
	case 0, 1:
		h.checkpoint()
	case 2:
		h.whileWriting()
	case 3:
		h.crash()
	case 4:
		closeStore(h.tb.(*testing.T), h.store)
		h.reopen(h.fs)
	case 5:
		if err := h.store.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
			h.tb.Fatal(err)
		}
	default:
		for range 1 + h.rng.IntN(12) {
			h.take(drawEntry(h.rng))
		}
	}
	h.mustShow("after a step")
}

// whileWriting looks at a checkpoint that is being written, between its steps.
func (h *history) whileWriting() {
	c := h.freeze()
	h.take(drawEntry(h.rng), drawEntry(h.rng))
	h.store.afterStep = func(done step) { h.mustShow(fmt.Sprint("after the writing step ", done)) }
	if err := h.store.Write(c); err != nil {
		h.tb.Fatal(err)
	}
	h.store.afterStep = nil
	h.take(drawEntry(h.rng)) // with what is durable still at hand
	h.mustShow("after writing")
	h.written()
}

// crash cuts a checkpoint. The log comes again from the commit point, or it
// has lost what lies above it, and grown again with other entries.
func (h *history) crash() {
	c := h.freeze()
	at := stepBuilt + step(h.rng.IntN(int(stepMerged)+1))
	var clone *crashfs.FS
	h.store.afterStep = func(done step) {
		if done == at {
			clone = h.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: h.rng.IntN(101), RNG: h.rng})
		}
	}
	if err := h.store.Write(c); err != nil {
		h.tb.Fatal(err)
	}
	closeStore(h.tb.(*testing.T), h.store)
	if h.rng.IntN(3) == 0 {
		next := c.Progress.Next
		if at < stepCommitted {
			next = h.snapshotNext(clone)
		}
		h.log = h.log[:next]
	}
	h.reopen(clone)
}

// snapshotNext returns the commit point of the store on a file system.
func (h *history) snapshotNext(fs *crashfs.FS) int64 {
	s := open(h.tb.(*testing.T), fs)
	defer closeStore(h.tb.(*testing.T), s)
	return s.Progress().Next
}

func (h *history) reopen(fs *crashfs.FS) {
	h.fs = fs
	h.store = open(h.tb.(*testing.T), fs)
	h.resume()
	h.mustShow("at the commit point")
	h.take() // the replay
}

// TestCorrectionsCut: a crash at any step of a checkpoint with corrections leaves
// the corrections whole or not at all, also when the log has lost them.
func TestCorrectionsCut(t *testing.T) {
	t.Parallel()
	first := []entryOf{event("a", "x"), event("b", "x"), event("c", "x"), cancellation("e", 2)}
	second := []entryOf{cancellation("a", 1), amendment("b", 1, "y"), amendment("b", 2, "z"), event("e", "x"), event("f", "x"), cancellation("f", 1)}
	for at := stepBuilt; at <= stepMerged; at++ {
		for _, percent := range []int{0, 50, 100} {
			t.Run(fmt.Sprintf("step %d, %d%% unsynced kept", at, percent), func(t *testing.T) {
				t.Parallel()
				h := history{fs: crashfs.New()}
				h.owner = newOwner(t, open(t, h.fs))
				h.take(first...)
				h.checkpoint()
				h.take(second...)
				var clone *crashfs.FS
				h.store.afterStep = func(done step) {
					if done == at {
						clone = h.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(1, 1))})
					}
				}
				h.checkpoint()
				closeStore(t, h.store)

				h.store = open(t, clone)
				wantNext, wantRows := int64(len(first)), 3+4 // events and ids
				if at >= stepCommitted {
					// Contents: a, b, c, b's amendments, e, f. Tombstones: of a, b, b's first amendment, e, f.
					wantNext, wantRows = int64(len(first)+len(second)), (7+5)+10
				}
				if got := h.store.entries(t); got != wantRows {
					t.Errorf("%d entries of events and ids are left, want %d", got, wantRows)
				}
				if got := h.store.Progress().Next; got != wantNext {
					t.Fatalf("commit point is %d, want %d", got, wantNext)
				}
				h.log = h.log[:wantNext] // the tail is lost
				h.resume()
				h.mustShow("after the crash")
				h.take(event("d-8-bytes", "other"), amendment("a", 3, "other"))
				h.checkpoint()
				h.mustShow("with another tail")
				closeStore(t, h.store)
			})
		}
	}
}

// entries counts all events, tombstones and ids, seen or not.
func (s *Store) entries(t *testing.T) (n int) {
	t.Helper()
	iter, err := s.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for iter.First(); iter.Valid(); iter.Next() {
		switch iter.Key()[0] {
		case spaceEvent:
			var buffer []byte
			block, err := s.segments.block(&buffer, iter.Value())
			if err != nil {
				t.Fatal(err)
			}
			n += len(eventsOf(t, iter.Key(), block))
		case spaceTomb:
			n++
		}
	}
	if err := iter.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.SeenIDs(func(ingest.ID, Seen) { n++ }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLookupOfCorrections: the first entry of an id is that of the lowest revision.
func TestLookupOfCorrections(t *testing.T) {
	t.Parallel()
	o := newOwner(t, open(t, vfs.NewMem()))
	defer closeStore(t, o.store)
	o.take(event("a", "x"), amendment("a", 4, "y"), cancellation("b", 7), amendment("c", 2, "x"), amendment("c", 1, "y"))
	o.checkpoint()
	want := map[string]Seen{
		"a": {Position: ingest.PositionOf(0, 0)},
		"b": {Position: ingest.PositionOf(2, 0), Revision: 7, Cancelled: true},
		"c": {Position: ingest.PositionOf(4, 0), Revision: 1},
	}
	for name, want := range want {
		found := 0
		e := event(name, "")
		err := o.store.Lookup([]ingest.ID{e.key()}, func(_ int, seen Seen) {
			found++
			if seen.Position != want.Position || seen.Revision != want.Revision || seen.Cancelled != want.Cancelled {
				t.Errorf("first entry of %q is %+v, want %+v", name, seen, want)
			}
		})
		if err != nil || found != 1 {
			t.Errorf("%q: %d found, %v", name, found, err)
		}
	}
	var all []string
	err := o.store.SeenIDs(func(_ ingest.ID, seen Seen) {
		all = append(all, fmt.Sprintf("%d r%d %v", seen.Position.Offset(), seen.Revision, seen.Cancelled))
	})
	slices.Sort(all)
	if want := []string{"0 r0 false", "1 r4 false", "2 r7 true", "3 r2 false", "4 r1 false"}; err != nil || !slices.Equal(all, want) {
		t.Errorf("all entries are %v (%v), want %v", all, err, want)
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	f := func(wantCurrent, wantContent int, versions ...Seen) {
		t.Helper()
		if current, content := Current(versions); current != wantCurrent || content != wantContent {
			t.Errorf("of %+v, %d and %d are current and content, want %d and %d", versions, current, content, wantCurrent, wantContent)
		}
	}
	f(-1, -1)
	f(0, 0, Seen{Position: 5})
	f(0, -1, Seen{Revision: 1, Cancelled: true})
	f(1, 1, Seen{Position: 5}, Seen{Position: 3, Revision: 1})
	f(0, 0, Seen{Position: 3, Revision: 2}, Seen{Position: 5, Revision: 1})
	f(0, 0, Seen{Position: 9, Revision: 2}, Seen{Position: 5, Revision: 2})
	f(1, 0, Seen{Position: 1}, Seen{Position: 3, Revision: 1, Cancelled: true})
	f(2, 1, Seen{Position: 1}, Seen{Position: 8, Revision: 1}, Seen{Position: 3, Revision: 2, Cancelled: true})
	f(0, 2, Seen{Position: 3, Revision: 2, Cancelled: true}, Seen{Position: 1}, Seen{Position: 8, Revision: 1})
}

// TestVersionsBelow: what is in the store already, but not below the commit point that the owner knows, is left out.
func TestVersionsBelow(t *testing.T) {
	t.Parallel()
	o := newOwner(t, open(t, vfs.NewMem()))
	defer closeStore(t, o.store)
	o.take(event("a", "x"), amendment("a", 3, "y"))
	o.checkpoint()
	o.take(amendment("a", 1, "z"), cancellation("a", 4))
	e := event("a", "x")
	looked := false
	o.store.afterStep = func(done step) {
		if done != stepCommitted {
			return
		}
		looked = true
		below, err := o.store.Versions(nil, e.key(), o.end)
		if err != nil || len(below) != 2 || below[0].Revision != 0 || below[1].Revision != 3 {
			t.Errorf("below the commit point there are %+v, %v", below, err)
		}
		o.mustDecide(below, e.key()) // amendment 1 and cancellation 4 are passed over
		above, err := o.store.Versions(nil, e.key(), o.end+1<<40)
		if err != nil || len(above) != 4 {
			t.Errorf("with those above there are %+v, %v", above, err)
		}
	}
	o.checkpoint()
	if !looked {
		t.Error("nothing was ingested")
	}
}

// TestPendingVersionsMany: ids are found among many, also after the index has grown.
func TestPendingVersionsMany(t *testing.T) {
	t.Parallel()
	const ids = 3000
	var p Pending
	for i := range ids {
		id := fmt.Sprint("id-", i)
		e := ingest.Event{TransactionID: []byte(id), Subscription: []byte("sub"), Code: []byte("calls"), Timestamp: int64(i)}
		key := ingest.IDKey(org, e.Subscription, e.TransactionID)
		p.Append(series, key, 1, &e, ingest.PositionOf(int64(2*i), 0), 5)
		if i%7 == 0 {
			p.Cancel(key, 2, ingest.PositionOf(int64(2*i+1), 0))
		}
		got := p.Versions(nil, key)
		want := []Seen{{Position: ingest.PositionOf(int64(2*i), 0), Content: 1, Series: 1, Timestamp: int64(i)}}
		if i%7 == 0 {
			want = append(want, Seen{Position: ingest.PositionOf(int64(2*i+1), 0), Revision: 2, Cancelled: true})
		}
		if !slices.Equal(got, want) {
			t.Fatalf("versions of %s are %+v, want %+v", id, got, want)
		}
		var event Event
		if ok, err := p.LoadEvent(&got[0], &event); err != nil || !ok || string(event.TransactionID) != id {
			t.Fatalf("%s loads %+v, %v, %v", id, event, ok, err)
		}
	}
	for i := range ids { // the index has grown since these were found
		key := ingest.IDKey(org, []byte("sub"), []byte(fmt.Sprint("id-", i)))
		if got := p.Versions(nil, key); len(got) == 0 || got[0].Timestamp != int64(i) {
			t.Fatalf("versions of id-%d are %+v", i, got)
		}
	}
	if got := p.Versions(nil, ingest.ID{1}); len(got) != 0 {
		t.Errorf("versions of an unknown id are %+v", got)
	}
	var event Event
	if ok, err := p.LoadEvent(&Seen{Position: 3}, &event); ok || err != nil {
		t.Errorf("an event where there is none: %v, %v", ok, err)
	}
}
