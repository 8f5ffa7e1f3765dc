package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest"
	"weir/ingest/eventlog/crashfs"
)

var idHistories = flag.Int("idhistories", 8, "how many random histories TestIDsOfAnyHistory runs")

// idWorld is a store of ids to which things happen, and beside it what it must say.
type idWorld struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *crashfs.FS
	store *Store
	pool  []ingest.ID          // ids that come again and again
	want  map[ingest.ID][]Seen // ordered by Seen.Compare
	next  int64                // offset of the next record
	held  []heldSnapshot       // snapshots that were taken a while ago
	clone func(done string)    // called at each step of checkpoints and merges, which may be in two goroutines
}

// heldSnapshot is a snapshot, and what it must go on saying.
type heldSnapshot struct {
	*Snapshot
	want map[ingest.ID][]Seen
}

func newIDWorld(t *testing.T, seed uint64) *idWorld {
	w := &idWorld{t: t, rng: rand.New(rand.NewPCG(seed, 7)), fs: crashfs.New(), want: make(map[ingest.ID][]Seen)}
	for range 60 {
		id := randomID(w.rng)
		copy(id[:ingest.IDPrefixBytes], []byte{9, 9, 9, byte(w.rng.IntN(4))}) // many transaction ids in several subscriptions
		w.pool = append(w.pool, id)
	}
	w.open()
	return w
}

func (w *idWorld) open() {
	s, err := Open("/data/partition-00003", Options{FS: w.fs, Partition: 3})
	if err != nil {
		w.t.Fatal(err)
	}
	s.ids.limits = mergeLimits{inlineIDs: 400, tableBytes: 6 << 10}
	s.afterStep = func(done step) { w.at(fmt.Sprint("checkpoint ", done)) }
	s.ids.afterStep = func(done mergeStep) { w.at(fmt.Sprint("merge ", done)) }
	w.store = s
}

func (w *idWorld) at(done string) {
	if w.clone != nil {
		w.clone(done)
	}
}

func (w *idWorld) close() {
	for _, held := range w.held {
		if err := held.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.held = nil
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// draw returns a checkpoint with n entries, and puts them into what is wanted.
func (w *idWorld) draw(n int) *Checkpoint {
	c := &Checkpoint{}
	for range n {
		id := w.pool[w.rng.IntN(len(w.pool))]
		if n > 100 && w.rng.IntN(4) > 0 {
			id = randomID(w.rng)
		}
		seen := w.drawSeen(id)
		c.Pending.events = append(c.Pending.events, pendingEvent{
			id: id, series: seen.Series, timestamp: seen.Timestamp, position: seen.Position,
			content: seen.Content, revision: seen.Revision, filled: seen.Filled, cancelled: seen.Cancelled,
		})
		w.want[id] = append(w.want[id], seen)
		slices.SortFunc(w.want[id], func(a, b Seen) int { return a.Compare(&b) })
	}
	c.Pending.names = make([]*SeriesName, n)
	c.Progress.LogID, c.Progress.Next, c.Progress.SeriesNext = "log", w.next, 1<<40
	return c
}

// drawSeen returns an entry of an id: its event if that has not come, else a correction.
func (w *idWorld) drawSeen(id ingest.ID) Seen {
	seen := Seen{Position: ingest.PositionOf(w.next, w.rng.IntN(3)), Content: w.rng.Uint32()}
	w.next++
	versions := w.want[id]
	if len(versions) > 0 && versions[0].Revision == 0 || w.rng.IntN(8) == 0 {
		seen.Revision = 1 + w.rng.Uint32N(5)
	}
	if seen.Revision > 0 && w.rng.IntN(3) == 0 {
		return Seen{Position: seen.Position, Revision: seen.Revision, Cancelled: true}
	}
	seen.Filled = w.rng.IntN(5) == 0
	seen.Series = 1 + w.rng.Uint64N(1<<w.rng.IntN(40))
	seen.Timestamp = w.rng.Int64N(1<<55) - 1<<54
	if w.rng.IntN(3) > 0 {
		seen.Timestamp -= seen.Timestamp % 1e6
	}
	return seen
}

// write writes only the ids of a checkpoint, which is what it has.
func (w *idWorld) write(c *Checkpoint) {
	w.t.Helper()
	s := w.store
	t := tables{store: s, name: "test", bytesMax: 6 << 10}
	batch := s.db.NewBatch()
	asTables := len(c.Pending.events)%2 == 0 // or as a batch
	set := into(batch)
	if asTables {
		set = t.set
	}
	var rows rows
	publish, err := s.ids.add(set, &rows, &c.Pending)
	rows.putValue(metaProgress, func(dst []byte) []byte { return appendProgress(dst, &c.Progress) })
	if err == nil {
		err = rows.each(set)
	}
	if err == nil && asTables {
		err = errors.Join(t.finish(), t.ingest())
	}
	if err == nil && !asTables {
		err = batch.Commit(pebble.Sync)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	publish()
	s.progress.Store(&c.Progress)
	w.at("checkpoint")
	if err := s.ids.merge(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *idWorld) step() {
	switch w.rng.IntN(12) {
	case 0:
		w.crash()
	case 1:
		w.close()
		w.open()
	case 2:
		w.hold()
	case 3:
		w.store.ids.merges.Wait()
		w.mustBeTidy()
	case 4:
		w.write(w.draw(100 + w.rng.IntN(900)))
	default:
		for range w.rng.IntN(6) {
			w.write(w.draw(1 + w.rng.IntN(20)))
		}
	}
}

// hold takes a snapshot and keeps it, or looks at the oldest and lets go of it.
func (w *idWorld) hold() {
	if len(w.held) > 2 {
		held := w.held[0]
		w.held = w.held[1:]
		w.mustShowSnapshot(held)
		if err := held.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	snapshot, err := w.store.Snapshot()
	if err != nil {
		w.t.Fatal(err)
	}
	want := make(map[ingest.ID][]Seen)
	for id, versions := range w.want {
		want[id] = slices.Clone(versions)
	}
	w.held = append(w.held, heldSnapshot{snapshot, want})
}

// crash cuts what follows at any step, and goes on with what is left. The log has lost what
// lies above the commit point, and grows again with other entries.
func (w *idWorld) crash() {
	var clones []*crashfs.FS
	seed := w.rng.Uint64()
	w.store.ids.merges.Wait() // steps come from one goroutine then, or from the one that is waited for
	w.clone = func(string) {
		w.mustLookUp(w.pool, math.MaxInt64) // between any two steps
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed % 101), RNG: rand.New(rand.NewPCG(seed, 3))}
		clones = append(clones, w.fs.CrashClone(cfg))
	}
	for range 1 + w.rng.IntN(9) {
		w.write(w.draw(1 + w.rng.IntN(300)))
		w.store.ids.merges.Wait()
	}
	w.clone = nil
	w.close()
	w.fs = clones[w.rng.IntN(len(clones))]
	w.open()
	w.next = w.store.Progress().Next
	for id, versions := range w.want {
		w.want[id] = slices.DeleteFunc(versions, func(s Seen) bool { return s.Position >= ingest.PositionOf(w.next, 0) })
	}
	w.mustBeTidy()
	w.mustShow()
}

// mustBeTidy: no run is written that the directory does not name, and no table lies about, when no merge is under way.
func (w *idWorld) mustBeTidy() {
	w.t.Helper()
	var written []uint64
	err := w.store.ids.eachWritten(func(number uint64) { written = append(written, number) })
	runs, errRuns := runsIn(w.store.db)
	var named []uint64
	for _, run := range runs {
		named = append(named, run.number)
	}
	files, errFiles := w.fs.List(w.store.path(tablesDir))
	if err := errors.Join(err, errRuns, errFiles); err != nil {
		w.t.Fatal(err)
	}
	if !slices.Equal(written, named) || len(files) > 0 {
		w.t.Fatalf("runs %v are written, %v named, and there are tables %v", written, named, files)
	}
}

// mustShow compares all that can be asked with what is wanted.
func (w *idWorld) mustShow() {
	w.t.Helper()
	end := ingest.PositionOf(w.store.Progress().Next, 0)
	cut := ingest.Position(w.rng.Int64N(int64(end) + 1))
	ids := slices.Clone(w.pool)
	for range 20 {
		ids = append(ids, randomID(w.rng)) // never seen
	}
	for id := range w.want {
		if ids = append(ids, id); len(ids) > 110 {
			break
		}
	}
	w.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	w.mustLookUp(ids, math.MaxInt64)
	w.mustLookUp(ids, cut)
	for _, id := range ids {
		w.mustHaveVersions(id, end)
		w.mustHaveVersions(id, cut)
	}
	w.mustHaveNewest()
	var got []idEntry
	if err := w.store.SeenIDs(func(id ingest.ID, seen Seen) { got = append(got, idEntry{id, seen}) }); err != nil {
		w.t.Fatal(err)
	}
	if want := allOf(w.want); !slices.Equal(got, want) {
		w.t.Fatalf("all entries are %d, want %d", len(got), len(want))
	}
}

// allOf returns all entries in their order.
func allOf(versions map[ingest.ID][]Seen) (all []idEntry) {
	for id, versions := range versions {
		for _, seen := range versions {
			all = append(all, idEntry{id, seen})
		}
	}
	slices.SortFunc(all, func(a, b idEntry) int {
		return cmp.Or(bytes.Compare(a.id[:], b.id[:]), a.seen.Compare(&b.seen))
	})
	return all
}

// mustLookUp: each id that has an entry below a position is found, with an entry that no such one comes before, and what
// is found is one of its entries; of all, it is the first.
func (w *idWorld) mustLookUp(ids []ingest.ID, below ingest.Position) {
	w.t.Helper()
	got := make(map[int]Seen)
	last := -1
	err := w.store.LookupBelow(ids, below, func(i int, seen Seen) {
		if i <= last {
			w.t.Fatalf("index %d comes after %d", i, last)
		}
		last, got[i] = i, seen
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for i, id := range ids {
		versions := w.want[id]
		seen, ok := got[i]
		if ok && !slices.Contains(versions, seen) {
			w.t.Fatalf("of id %x %+v is found, of %+v", id, seen, versions)
		}
		first := slices.IndexFunc(versions, func(s Seen) bool { return s.Position < below })
		if first >= 0 && (!ok || seen.Compare(&versions[first]) > 0) {
			w.t.Fatalf("of id %x below %d %+v is found (%v), want %+v", id, below, seen, ok, versions[first])
		}
	}
}

// mustHaveVersions: Versions gives all entries below a position, and Deciding three of them.
func (w *idWorld) mustHaveVersions(id ingest.ID, end ingest.Position) {
	w.t.Helper()
	want := slices.DeleteFunc(slices.Clone(w.want[id]), func(s Seen) bool { return s.Position >= end })
	got, err := w.store.Versions([]Seen{{Position: 5}}, id, end)
	if err != nil || got[0].Position != 5 || !slices.Equal(got[1:], want) {
		w.t.Fatalf("versions of %x below %d are %+v (%v), want %+v", id, end, got[1:], err, want)
	}
	revision := 1 + w.rng.Uint32N(5)
	got, err = w.store.Deciding(nil, id, revision, end)
	if err != nil {
		w.t.Fatal(err)
	}
	var decide []Seen
	if len(want) > 0 && want[0].Revision == 0 {
		decide = append(decide, want[0])
	}
	if len(want) > 0 {
		decide = append(decide, want[len(want)-1])
	}
	for i := len(want) - 1; i >= 0; i-- {
		if want[i].Revision == revision {
			decide = append(decide, want[i])
			break
		}
	}
	if !slices.Equal(got, decide) {
		w.t.Fatalf("of %x below %d at revision %d %+v decide, want %+v", id, end, revision, got, decide)
	}
}

// mustHaveNewest: the newest ids are all with an entry from some position on, each once and with its first.
func (w *idWorld) mustHaveNewest() {
	w.t.Helper()
	total := len(allOf(w.want))
	idsMax := w.rng.IntN(total + 2)
	got := make(map[ingest.ID]Seen)
	from, err := w.store.NewestIDs(idsMax, func(id ingest.ID, seen Seen) {
		if _, twice := got[id]; twice {
			w.t.Fatalf("id %x comes twice", id)
		}
		got[id] = seen
	})
	if err != nil || len(got) > idsMax || from == 0 && total > idsMax || from != 0 && total <= idsMax {
		w.t.Fatalf("of %d, %d newest ids of at most %d from %d, %v", total, len(got), idsMax, from, err)
	}
	for id, versions := range w.want {
		seen, ok := got[id]
		newest := slices.ContainsFunc(versions, func(s Seen) bool { return s.Position >= from })
		if newest && !ok || ok && seen != versions[0] {
			w.t.Fatalf("id %x has %+v, and %+v is the newest (%v) from %d", id, versions, seen, ok, from)
		}
	}
	for id := range got {
		if len(w.want[id]) == 0 {
			w.t.Fatalf("id %x is not there", id)
		}
	}
}

// mustShowSnapshot: a snapshot goes on showing what was there, by prefix and all together.
func (w *idWorld) mustShowSnapshot(held heldSnapshot) {
	w.t.Helper()
	for last := range byte(4) {
		prefix := [ingest.IDPrefixBytes]byte{9, 9, 9, last}
		var got []idEntry
		entries, err := held.View().entries(prefix)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range entries {
			got = append(got, idEntry{e.id, e.seen})
		}
		slices.SortFunc(got, func(a, b idEntry) int { return a.compare(&b) })
		want := slices.DeleteFunc(allOf(held.want), func(e idEntry) bool { return !bytes.HasPrefix(e.id[:], prefix[:]) })
		if !slices.Equal(got, want) {
			w.t.Fatalf("with prefix %x there are %+v, want %+v", prefix, got, want)
		}
	}
	cursor, err := held.idCursor(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var got []idEntry
	if err := cursor.each(func(id ingest.ID, seen Seen) { got = append(got, idEntry{id, seen}) }); err != nil {
		w.t.Fatal(err)
	}
	if want := allOf(held.want); !slices.Equal(got, want) {
		w.t.Fatalf("the snapshot has %d entries, want %d", len(got), len(want))
	}
}

// TestIDsOfAnyHistory: whatever checkpoints bring, runs are merged and the store is cut, it says of ids what a map says.
func TestIDsOfAnyHistory(t *testing.T) {
	t.Parallel()
	for range *idHistories {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := newIDWorld(t, seed)
			for range 40 {
				w.step()
				w.mustShow()
			}
			w.store.ids.merges.Wait()
			for _, held := range w.held {
				w.mustShowSnapshot(held)
			}
			w.close()
		})
	}
}

// tamperIDs rewrites all entries of ids as one run, of what f makes of them.
func tamperIDs(t *testing.T, s *Store, f func([]idEntry) []idEntry) {
	t.Helper()
	var all []idEntry
	if err := s.SeenIDs(func(id ingest.ID, seen Seen) { all = append(all, idEntry{id, seen}) }); err != nil {
		t.Fatal(err)
	}
	all = f(all)
	batch := s.db.NewBatch()
	err := errors.Join(
		batch.DeleteRange([]byte{spaceSeen}, []byte{spaceSeen + 1}, nil),
		batch.DeleteRange([]byte{spaceRun}, []byte{spaceRun + 1}, nil),
	)
	w := newRunWriter(s.ids.begin(), len(all), into(batch))
	slices.SortFunc(all, func(a, b idEntry) int { return a.compare(&b) })
	for i := range all {
		err = errors.Join(err, w.put(&all[i]))
	}
	run, errFinish := w.finish()
	err = errors.Join(err, errFinish, batch.Set(appendRunHead(nil, spaceRun, run.number), appendRun(nil, &run), nil), batch.Commit(pebble.Sync))
	if err != nil {
		t.Fatal(err)
	}
	s.ids.replace(*s.ids.list.Load(), run)
}

// entriesOf returns n entries of ids that have not come.
func (w *idWorld) entriesOf(n int) *Checkpoint {
	c := &Checkpoint{}
	for range n {
		id := randomID(w.rng)
		seen := Seen{Position: ingest.PositionOf(w.next, 0), Content: 1, Series: 1}
		w.next++
		w.want[id] = []Seen{seen}
		c.Pending.events = append(c.Pending.events, pendingEvent{id: id, series: 1, content: 1, position: seen.Position})
	}
	c.Progress.LogID, c.Progress.Next, c.Progress.SeriesNext = "log", w.next, 2
	return c
}

// TestMergesBesideEachOther: a small merge removes runs with numbers on both sides of that which a large one is about
// to bring, and nothing in between.
func TestMergesBesideEachOther(t *testing.T) {
	t.Parallel()
	w := newIDWorld(t, 1)
	defer w.close()
	x := w.store.ids
	written, goOn := make(chan bool), make(chan bool)
	x.afterStep = func(done mergeStep) {
		if done == mergeWritten { // only a large merge comes by here
			close(written)
			<-goOn
		}
	}
	largeMerges <- struct{}{}
	for range runsToMerge {
		w.write(w.entriesOf(tierIDs + 1)) // runs 1 to 8, which wait to be merged
	}
	for range runsToMerge - 1 {
		w.write(w.entriesOf(5)) // runs 9 to 15
	}
	<-largeMerges
	<-written // of what will be run 16
	w.mustShow()
	w.write(w.entriesOf(5)) // run 17; it and 9 to 15 become 18
	if runs, _, _ := x.stats(); runs != 8+1 {
		t.Errorf("there are %d runs, want 9", runs)
	}
	close(goOn)
	x.merges.Wait()
	w.mustShow()
	w.mustBeTidy()
	if runs, entries, _ := x.stats(); runs != 2 || entries != 8*5+8*(tierIDs+1) {
		t.Errorf("there are %d runs of %d entries", runs, entries)
	}
}

// TestLookupBesideAMerge: a look-up whose runs are merged away before it has an iterator begins again.
func TestLookupBesideAMerge(t *testing.T) {
	t.Parallel()
	w := newIDWorld(t, 2)
	defer w.close()
	for range runsToMerge - 1 {
		w.write(w.entriesOf(3))
	}
	x := w.store.ids
	list := x.list.Load()
	w.write(w.entriesOf(3))
	again, err := x.readOnce(list, func([]idRun, *pebble.Iterator) error {
		t.Error("runs that are gone are read")
		return nil
	})
	if !again || err != nil {
		t.Errorf("again is %v, %v", again, err)
	}
	w.mustShow()
}

// TestCloseEndsALargeMerge: closing does not wait for a merge to be done, and the next one who opens has all ids.
func TestCloseEndsALargeMerge(t *testing.T) {
	t.Parallel()
	w := newIDWorld(t, 3)
	for range runsToMerge - 1 {
		w.write(w.entriesOf(tierIDs + 1))
	}
	largeMerges <- struct{}{} // nobody else gets to merge
	w.write(w.entriesOf(tierIDs + 1))
	w.close()
	<-largeMerges
	w.open()
	defer w.close()
	if runs, _, _ := w.store.ids.stats(); runs != runsToMerge {
		t.Errorf("there are %d runs, want %d", runs, runsToMerge)
	}
	w.mustBeTidy()
	w.mustShow()
}

// TestMergeFails: a merge that finds less than there must be fails, and so does the next checkpoint; nothing is lost that was there.
func TestMergeFails(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 3, "large": tierIDs + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newIDWorld(t, 4)
			for range runsToMerge - 1 {
				w.write(w.entriesOf(size))
			}
			runs := *w.store.ids.list.Load()
			lower := append(appendRunHead(nil, spaceSeen, runs[2].number), runBlock)
			if size > 3 { // one block of several, else the run would have none
				lower = appendIDBlockKey(nil, runs[2].number, &ingest.ID{0x80}, 0, 0)
			}
			upper := append(appendRunHead(nil, spaceSeen, runs[2].number), runFilter)
			if err := w.store.db.DeleteRange(lower, upper, pebble.Sync); err != nil {
				t.Fatal(err)
			}
			c := w.entriesOf(size)
			batch := w.store.db.NewBatch()
			publish, err := addIDs(w.store, batch, &c.Pending)
			if err := errors.Join(err, batch.Commit(pebble.Sync)); err != nil {
				t.Fatal(err)
			}
			publish()
			_ = w.store.ids.merge() // a large one fails later
			w.store.ids.merges.Wait()
			if err := w.store.ids.merge(); !errors.Is(err, errCorruptRun) {
				t.Errorf("the merge says %v", err)
			}
			if _, err := addIDs(w.store, w.store.db.NewBatch(), &c.Pending); !errors.Is(err, errCorruptRun) {
				t.Errorf("the next checkpoint says %v", err)
			}
			if got := len(*w.store.ids.list.Load()); got != runsToMerge {
				t.Errorf("there are %d runs, want %d", got, runsToMerge)
			}
			w.close()
		})
	}
}

// TestIDsReadOnly: a store that is open for reading only has no filters, and finds all the same.
func TestIDsReadOnly(t *testing.T) {
	t.Parallel()
	w := newIDWorld(t, 5)
	for range 20 {
		w.write(w.draw(150))
	}
	w.store.ids.merges.Wait()
	w.close()
	s, err := OpenReadOnly("/data/partition-00003", Options{FS: w.fs, Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	w.store = s
	if runs, _, filters := s.ids.stats(); runs == 0 || filters != 0 {
		t.Errorf("%d runs have %d bytes of filters", runs, filters)
	}
	w.mustShow()
	w.close()
}

// TestManyVersions: what Deciding reads does not grow with how often an event was corrected.
func TestManyVersions(t *testing.T) {
	t.Parallel()
	w := newIDWorld(t, 6)
	defer w.close()
	id := randomID(w.rng)
	for run := range 3 {
		c := &Checkpoint{}
		for i := range 5 * idBlockEntries { // more than a block, in each of three runs
			seen := Seen{Position: ingest.PositionOf(w.next, 0), Content: 1, Revision: uint32(i)}
			if run > 0 {
				seen.Revision = 1 + w.rng.Uint32N(5)
			}
			w.next++
			w.want[id] = append(w.want[id], seen)
			c.Pending.events = append(c.Pending.events, pendingEvent{id: id, content: 1, revision: seen.Revision, position: seen.Position})
		}
		c.Progress.LogID, c.Progress.Next, c.Progress.SeriesNext = "log", w.next, 2
		w.write(c)
	}
	slices.SortFunc(w.want[id], func(a, b Seen) int { return a.Compare(&b) })
	w.mustShow()
	for range 50 {
		w.mustHaveVersions(id, ingest.Position(w.rng.Int64N(int64(ingest.PositionOf(w.next, 0)))))
	}
	before := *w.store.ids.list.Load()
	if len(before) != 3 {
		t.Fatalf("there are %d runs", len(before))
	}
	var d deciding
	for i := range before {
		iter, err := w.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceSeen}, UpperBound: []byte{spaceSeen + 1}})
		if err != nil {
			t.Fatal(err)
		}
		place := idPlace{iter: iter, run: before[i].number, id: id}
		if err := d.look(&place, 3, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		stats := iter.Stats()
		if steps := stats.ForwardStepCount[pebble.InterfaceCall] + stats.ReverseStepCount[pebble.InterfaceCall]; steps > 4 {
			t.Errorf("Deciding takes %d steps in run %d", steps, i)
		}
		if err := iter.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// into puts rows into a batch.
func into(batch *pebble.Batch) setter {
	return func(key, value []byte) error { return batch.Set(key, value, nil) }
}

// addIDs puts what is pending into a batch, as a run.
func addIDs(s *Store, batch *pebble.Batch, p *Pending) (publish func(), err error) {
	var rows rows
	if publish, err = s.ids.add(into(batch), &rows, p); err != nil {
		return nil, err
	}
	return publish, rows.each(into(batch))
}
