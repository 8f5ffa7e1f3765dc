package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/ingest"
	"weir/ingest/eventlog/crashfs"
)

// differences lists what differs between two stores.
func differences(t *testing.T, a, b *Store) (list []string) {
	t.Helper()
	snapshots := make([]*Snapshot, 2)
	for i, s := range []*Store{a, b} {
		var err error
		if snapshots[i], err = s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		defer snapshots[i].Close()
	}
	err := Compare(context.Background(), snapshots[0], snapshots[1], func(d Difference) error {
		list = append(list, d.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// countedOwner is an owner whose checkpoints hold counters too.
type countedOwner struct{ *owner }

// counted ends a checkpoint with counters for what is live, by the hour and by the day.
func (o *countedOwner) counted(zeros bool) {
	view := o.view()
	defer view.Close()
	c := o.freeze()
	for _, name := range o.allSeries() {
		if name.Number == 0 {
			continue
		}
		live := int64(0)
		err := view.Events(context.Background(), name, always, func(*Event) error { live++; return nil })
		if err != nil {
			o.tb.Fatal(err)
		}
		cell := "\x05" + "gold"
		c.PutSeries(name, &Series{Number: name.Number, State: Counted, Definition: newDefinition, DayMax: 19675})
		c.DropCounters(name.Number, newDefinition)
		c.PutCell(name.Number, newDefinition, cell)
		if live > 0 || zeros {
			c.PutCounter(name.Number, newDefinition, Hour, 19675*24+7, cell, counterOf(live))
			c.PutCounter(name.Number, newDefinition, Day, 19675, cell, counterOf(live))
		}
	}
	c.PutAside(&Aside{Position: 3, Reason: Malformed, Message: "no"})
	if err := o.store.Write(c); err != nil {
		o.tb.Fatal(err)
	}
	o.written()
}

// twoStores makes two stores of one log, each with checkpoints of its own; the first
// has zero counters where the second has none. limits say how each writes checkpoints: as one batch if there are none.
func twoStores(t *testing.T, log []entryOf, rng *rand.Rand, limits ...checkpointLimits) (a, b *Store) {
	t.Helper()
	stores := make([]*Store, 2)
	for i := range stores {
		o := countedOwner{newOwner(t, open(t, vfs.NewMem()))}
		o.store.limits = checkpointLimitsDefault
		if len(limits) > i {
			o.store.limits = limits[i]
		}
		for from := 0; from < len(log); {
			n := min(1+rng.IntN(20), len(log)-from)
			o.take(log[from : from+n]...)
			from += n
			o.counted(i == 0)
		}
		stores[i] = o.store
	}
	return stores[0], stores[1]
}

func drawLog(rng *rand.Rand, n int) (log []entryOf) {
	for range n {
		log = append(log, drawEntry(rng))
	}
	return log
}

// TestCompareEqual: checkpoints, how they are written, and zero counters make no difference.
func TestCompareEqual(t *testing.T) {
	t.Parallel()
	for range 5 {
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 1))
		a, b := twoStores(t, drawLog(rng, 80), rng, writtenAs[rng.IntN(len(writtenAs))], writtenAs[rng.IntN(len(writtenAs))])
		if got := differences(t, a, b); len(got) > 0 {
			t.Errorf("seed %d: %s", seed, strings.Join(got, "\n"))
		}
		closeStore(t, a)
		closeStore(t, b)
	}
}

// TestCompareHidesWhatHasNoCommit: a checkpoint that is being written is no difference.
func TestCompareHidesWhatHasNoCommit(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	log := drawLog(rng, 50)
	a, b := twoStores(t, log, rng)
	defer closeStore(t, a)
	defer closeStore(t, b)
	o := newOwner(t, b)
	o.log, o.next = slices.Clone(log), int64(len(log))
	o.take(cancellation("a", 9), event("new", "x"), amendment("b", 9, "x"))
	compared := false
	b.afterStep = func(done step) {
		if done != stepBuilt {
			return
		}
		compared = true
		if got := differences(t, a, b); len(got) > 0 {
			t.Errorf("differences are\n%s", strings.Join(got, "\n"))
		}
	}
	o.checkpoint()
	if !compared {
		t.Error("nothing was written")
	}
}

// TestCompareNames: each thing that is damaged, lost or too much in one of the stores is named.
func TestCompareNames(t *testing.T) {
	t.Parallel()
	log := []entryOf{event("a", "x"), event("b", "x"), cancellation("a", 1)}
	counter := appendCounterKey(nil, 1, newDefinition, Hour, 19675*24+7, "\x05gold")
	hour := aggregator.HourOf(log[0].timestamp)
	tombstoneA := (&tombstone{series: 1, hour: hour, entry: 0, by: 2 << 16}).appendKey(nil)
	seriesKey := appendSeriesKey(nil, spaceSeries, org, "s", "calls")
	nameKey := appendNumberKey(nil, spaceName, 1)
	f := func(what string, damage func(b *pebble.DB) error, want ...string) {
		t.Helper()
		a, b := twoStores(t, log, rand.New(rand.NewPCG(1, 1)))
		defer closeStore(t, a)
		defer closeStore(t, b)
		if err := damage(b.db); err != nil {
			t.Fatal(err)
		}
		for _, reverse := range []bool{false, true} {
			got := differences(t, a, b)
			if reverse {
				got = differences(t, b, a)
			}
			if len(got) != 1 {
				t.Errorf("%s: %d differences, want one:\n%s", what, len(got), strings.Join(got, "\n"))
				continue
			}
			for _, part := range want {
				if !strings.Contains(got[0], part) {
					t.Errorf("%s: %q does not name %q", what, got[0], part)
				}
			}
		}
	}
	set := func(key, value []byte) func(*pebble.DB) error {
		return func(db *pebble.DB) error { return db.Set(key, value, pebble.Sync) }
	}
	remove := func(key []byte) func(*pebble.DB) error {
		return func(db *pebble.DB) error { return db.Delete(key, pebble.Sync) }
	}
	bytesOf := func(events int64) []byte { return aggregator.AppendCounter(nil, counterOf(events)) }
	const inCounter = `"calls" of subscription "s", organization 00112233-4455-6677-8899-aabbccddeeff, definition 01`
	// 19675 days after 1970 are 2023-11-14.
	f("another counter", set(counter, bytesOf(2)), "counter "+inCounter, "hour 2023-11-14T07:00:00Z", "gold", "1 events", "2 events")
	f("a lost counter", remove(counter), "counter "+inCounter, "hour 2023-11-14T07:00:00Z", "gold", "1 events", "nothing")
	f("a damaged counter", set(counter, []byte{77}), "counter "+inCounter, "corrupt", "4d")
	day := appendCounterKey(nil, 1, newDefinition, Day, 19674, "\x05gold")
	f("one counter too many", set(day, bytesOf(8)), "day 2023-11-13T00:00:00Z", "8 events", "nothing")
	f("a lost cell", remove(appendCellKey(nil, 1, newDefinition, "\x05gold")), "counter "+inCounter, "the cell itself", "known", "nothing")
	f("a lost event", inBlocks(t, func(events []Event) []Event { return withoutEvent(events, "b") }),
		`event "b" revision 0 at position 1:0`, "nothing")
	f("another event", inBlocks(t, func(events []Event) []Event {
		for i := range events {
			if string(events[i].TransactionID) == "b" {
				events[i].Properties = nil
			}
		}
		return events
	}), `event "b" revision 0`, `"content"`)
	f("a lost tombstone", remove(tombstoneA), `tombstone of event at position 0:0`, "by position 2:0", "nothing")
	f("a lost aside", remove(appendAsideKey(nil, 3, Malformed)), "set aside at position 0:3", "malformed", "nothing")
	f("an uncounted series", set(seriesKey, appendSeries(nil, &Series{Number: 1})), "state of series "+inCounter[:len(inCounter)-len(", definition 01")], "not counted", "counted by definition 01")
	f("another definition", set(seriesKey, appendSeries(nil, &Series{Number: 1, State: Counted, Definition: oldDefinition})), "state of series ", "definition 01", fmt.Sprintf("definition %x", oldDefinition))
	f("a lost series", remove(seriesKey), "series ", "nothing")
	f("a damaged series", set(seriesKey, []byte{1}), "series ", "corrupt")
	f("a day forgotten", set(seriesKey, appendSeries(nil, &Series{Number: 1, State: Counted, Definition: newDefinition, DayMax: 19674})),
		"series ", "the highest day", "2023-11-14", "2023-11-13")
	f("other totals", func(db *pebble.DB) error {
		p := Progress{SeriesNext: 2}
		p.LogID, p.Next, p.Checksum = "log", 3, 77
		return db.Set(metaProgress, appendProgress(nil, &p), pebble.Sync)
	}, "progress at offset 3", "Events:2", "Events:0")

	// The name of a number is what all ids of its series lead to: each of them differs too.
	a, b := twoStores(t, log, rand.New(rand.NewPCG(1, 1)))
	defer closeStore(t, a)
	defer closeStore(t, b)
	if err := b.db.Delete(nameKey, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if got := differences(t, a, b); len(got) != 3 || !strings.Contains(got[0], "the name of its number") {
		t.Errorf("without a name: %s", strings.Join(got, "\n"))
	}
}

// TestCompareNamesIDs: an id that is lost or says something else is named.
func TestCompareNamesIDs(t *testing.T) {
	t.Parallel()
	log := []entryOf{event("a", "x"), event("b", "x"), cancellation("a", 1)}
	id := fmt.Sprintf("%x", log[1].key())
	f := func(what string, change func([]idEntry) []idEntry, want ...string) {
		t.Helper()
		a, b := twoStores(t, log, rand.New(rand.NewPCG(1, 1)))
		defer closeStore(t, a)
		defer closeStore(t, b)
		tamperIDs(t, b, change)
		for _, stores := range [][2]*Store{{a, b}, {b, a}} {
			got := differences(t, stores[0], stores[1])
			if len(got) != 1 {
				t.Errorf("%s: %d differences, want one:\n%s", what, len(got), strings.Join(got, "\n"))
				continue
			}
			for _, part := range append(want, "seen id "+id+" revision 0 at position 1:0") {
				if !strings.Contains(got[0], part) {
					t.Errorf("%s: %q does not name %q", what, got[0], part)
				}
			}
		}
	}
	f("a lost id", func(all []idEntry) []idEntry {
		return slices.DeleteFunc(all, func(e idEntry) bool { return e.id == log[1].key() })
	}, `code "calls"`, "nothing")
	f("another id", func(all []idEntry) []idEntry {
		for i := range all {
			if all[i].id == log[1].key() {
				all[i].seen.Content = 5
			}
		}
		return all
	}, "content 00000005")
}

// TestCompareDamagedBlock: a block that can't be read is named, and what is in it in the other store; the
// comparison goes on.
func TestCompareDamagedBlock(t *testing.T) {
	t.Parallel()
	log := []entryOf{event("a", "x")}
	other := event("b", "x")
	other.code = "c\x00"
	log = append(log, other)
	a, b := twoStores(t, log, rand.New(rand.NewPCG(1, 1)))
	defer closeStore(t, a)
	defer closeStore(t, b)
	key := blockKey{series: 1, hour: aggregator.HourOf(log[0].timestamp)}
	if err := b.db.Set(key.append(nil), []byte{9}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(differences(t, a, b), "\n")
	for _, part := range []string{`block of code "calls"`, "corrupt", ": 09", `event "a" revision 0 at position 0:0`} {
		if !strings.Contains(got, part) {
			t.Errorf("%q does not name %q", got, part)
		}
	}
	if strings.Contains(got, `event "b"`) || strings.Count(got, "\n") != 1 {
		t.Errorf("differences are\n%s\nwant two", got)
	}
}

// eventsOf returns the events of a block.
func eventsOf(t *testing.T, key, value []byte) (events []Event) {
	t.Helper()
	k, err := readBlockKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b := blockReader{event: Event{Series: k.series}}
	if err := b.open(bytes.Clone(value), aggregator.StartOfHour(k.hour), k.lowest); err != nil {
		t.Fatal(err)
	}
	for {
		ok, err := b.next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return events
		}
		e := b.event
		e.TransactionID, e.Properties = bytes.Clone(e.TransactionID), slices.Clone(e.Properties)
		events = append(events, e)
	}
}

// inBlocks changes the events of all blocks.
func inBlocks(t *testing.T, change func([]Event) []Event) func(*pebble.DB) error {
	return func(db *pebble.DB) error {
		iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceEvent}, UpperBound: []byte{spaceEvent + 1}})
		if err != nil {
			return err
		}
		batch := db.NewBatch()
		var p Pending
		for iter.First(); iter.Valid(); iter.Next() {
			events := eventsOf(t, iter.Key(), iter.Value())
			slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.Position, b.Position) })
			for _, e := range change(events) {
				p.Append(&SeriesName{Number: e.Series}, ingest.ID{}, 0, &e.Event, e.Position, e.ReceivedAt)
			}
			if err := batch.Delete(iter.Key(), nil); err != nil {
				return err
			}
		}
		return errors.Join(iter.Close(), p.writeEvents(into(batch)), batch.Commit(pebble.Sync))
	}
}

func withoutEvent(events []Event, id string) []Event {
	return slices.DeleteFunc(events, func(e Event) bool { return string(e.TransactionID) == id })
}

// TestCompareApart: stores at other positions, of other logs or partitions are not compared.
func TestCompareApart(t *testing.T) {
	t.Parallel()
	a, b := newOwner(t, open(t, vfs.NewMem())), newOwner(t, open(t, vfs.NewMem()))
	defer closeStore(t, a.store)
	defer closeStore(t, b.store)
	a.take(event("a", "x"))
	a.checkpoint()
	b.take(event("a", "x"), event("b", "x"))
	b.checkpoint()
	other, err := Open(dir, Options{FS: vfs.NewMem(), Partition: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, other)
	o := newOwner(t, other)
	o.take(event("a", "x"))
	o.checkpoint()
	for _, s := range []*Store{b.store, other} {
		x, y := a.snapshot(), (&owner{tb: t, store: s}).snapshot()
		if err := Compare(context.Background(), x, y, func(Difference) error { return nil }); !errors.Is(err, ErrApart) {
			t.Errorf("compared: %v", err)
		}
		if err := errors.Join(x.Close(), y.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestCompareStops: an error of the one who is told ends it.
func TestCompareStops(t *testing.T) {
	t.Parallel()
	a, b := newOwner(t, open(t, vfs.NewMem())), newOwner(t, open(t, vfs.NewMem()))
	defer closeStore(t, a.store)
	defer closeStore(t, b.store)
	a.take(event("a", "x"))
	a.checkpoint()
	b.take(event("b", "x"))
	b.checkpoint()
	x, y := a.snapshot(), b.snapshot()
	defer x.Close()
	defer y.Close()
	enough, told := errors.New("enough"), 0
	err := Compare(context.Background(), x, y, func(Difference) error { told++; return enough })
	if !errors.Is(err, enough) || told != 1 {
		t.Errorf("told %d times: %v", told, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Compare(ctx, x, y, func(Difference) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("its asker has gone: %v", err)
	}
}

// filesOf lists the files of a store with their sizes.
func filesOf(t *testing.T, fs vfs.FS) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	for _, sub := range []string{databaseDir, segmentsDir} {
		path := fs.PathJoin(dir, sub)
		names, err := fs.List(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			info, err := fs.Stat(fs.PathJoin(path, name))
			if err != nil {
				t.Fatal(err)
			}
			files[sub+"/"+name] = info.Size()
		}
	}
	return files
}

// TestOpenReadOnly: a store that was cut is read as it is at its commit point, and
// nothing of it changes.
func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	fs := crashfs.New()
	o := newOwner(t, open(t, fs))
	o.take(event("a", "x"), event("b", "x"))
	o.checkpoint()
	o.take(cancellation("a", 1), event("c", "x"))
	var clone *crashfs.FS
	o.store.afterStep = func(done step) {
		if done == stepBuilt {
			clone = fs.CrashClone(vfs.CrashCloneCfg{})
		}
	}
	o.checkpoint()
	closeStore(t, o.store)

	before := filesOf(t, clone)
	s, err := OpenReadOnly(dir, Options{FS: clone, Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	o.store = s
	o.resume()
	o.mustShow("read-only")
	if o.next != 2 {
		t.Errorf("it is at offset %d, want 2", o.next)
	}
	o.take()
	for what, err := range map[string]error{
		"checkpoint": s.Write(o.freeze()),
		"stop":       s.Stop("no"),
		"counters":   s.WriteCounters(NewCounters(1, oldDefinition)),
		"drop":       s.DropCounters(1, oldDefinition),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	closeStore(t, s)
	if after := filesOf(t, clone); !maps.Equal(before, after) {
		t.Errorf("files were %v and are %v", before, after)
	}
	if _, err := OpenReadOnly(dir, Options{FS: clone, Partition: 4}); !errors.Is(err, ErrOther) {
		t.Errorf("another partition's store: %v", err)
	}
	empty := vfs.NewMem()
	if _, err := OpenReadOnly(dir, Options{FS: empty, Partition: 3}); err == nil {
		t.Error("a store that is not there was opened")
	}
	if names, err := empty.List("/"); err != nil || len(names) != 0 {
		t.Errorf("something was made: %v %v", names, err)
	}
}
