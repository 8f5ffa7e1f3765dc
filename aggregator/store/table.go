package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"

	"weir/ingest"
)

// buildTables writes and syncs the tables and returns their paths. A table without
// entries is none: cancellations of ids that are not known have no tombstones.
func (s *Store) buildTables(c *Checkpoint) ([]string, error) {
	var tables []string
	build := func(name string, write func(*sstable.Writer) error) error {
		path := s.path(buildingDir, fmt.Sprintf("%016x-%s.sst", c.Progress.Next, name))
		tables = append(tables, path)
		return s.buildTable(path, write)
	}
	p := &c.Pending
	if p.hasContents() || len(p.tombstones) > 0 {
		if err := build("events", p.writeEvents); err != nil {
			return nil, err
		}
	}
	if len(p.events) > 0 {
		if err := build("seen", p.writeSeen); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// hasContents reports whether there is an event or an amendment.
func (p *Pending) hasContents() bool {
	return slices.ContainsFunc(p.events, func(e pendingEvent) bool { return !e.cancelled })
}

func (s *Store) buildTable(path string, write func(*sstable.Writer) error) error {
	f, err := s.fs.Create(path, "weir-checkpoint")
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), writerOptions(s.options, s.db.TableFormat()))
	if err := write(w); err != nil {
		_ = w.Close() // the first error is the one to tell
		return err
	}
	return w.Close() // syncs
}

// writeEvents puts the raw events and the tombstones, in the order of their keys.
func (p *Pending) writeEvents(w *sstable.Writer) error {
	heads := p.seriesHeads()
	tombstones := p.tombstoneKeys()
	var key []byte
	for rank, entries := range p.bySeries(heads) {
		for _, entry := range entries {
			e := &p.events[entry.at]
			key = append(key[:0], heads.keys[rank]...)
			key = appendEventTail(key, e.timestamp, p.transactionID(e), e.revision, e.position)
			for len(tombstones) > 0 && bytes.Compare(tombstones[0], key) < 0 {
				if err := w.Set(tombstones[0], tombstoneValue); err != nil {
					return err
				}
				tombstones = tombstones[1:]
			}
			if err := w.Set(key, p.value(e)); err != nil {
				return err
			}
		}
	}
	for _, key := range tombstones {
		if err := w.Set(key, tombstoneValue); err != nil {
			return err
		}
	}
	return nil
}

// timeEntry is an event on its way to being sorted.
type timeEntry struct {
	timestamp int64
	at        int32 // in Pending.events
}

// bySeries returns the events of each series, in the order of the series' ranks
// and of the events' keys. Events of one series mostly come in the order of their
// times, and are then as good as sorted.
func (p *Pending) bySeries(heads seriesHeads) [][]timeEntry {
	counts := make([]int, len(heads.keys))
	for i := range p.events {
		if e := &p.events[i]; !e.cancelled {
			counts[heads.rank[e.series.Number]]++
		}
	}
	all := make([]timeEntry, len(p.events))
	series := make([][]timeEntry, len(counts))
	for rank, n := range counts {
		series[rank], all = all[:0:n], all[n:]
	}
	for i := range p.events {
		e := &p.events[i]
		if e.cancelled {
			continue
		}
		rank := heads.rank[e.series.Number]
		series[rank] = append(series[rank], timeEntry{e.timestamp, int32(i)})
	}
	for _, entries := range series {
		slices.SortFunc(entries, func(a, b timeEntry) int {
			if a.timestamp != b.timestamp {
				return cmp.Compare(a.timestamp, b.timestamp)
			}
			x, y := &p.events[a.at], &p.events[b.at]
			if c := bytes.Compare(p.transactionID(x), p.transactionID(y)); c != 0 {
				return c
			}
			return cmp.Or(cmp.Compare(x.revision, y.revision), cmp.Compare(x.position, y.position))
		})
	}
	return series
}

// seriesHeads are the beginnings of the keys of the pending events' series, in
// order. A series is known by its number: one that was let go from memory and came
// back has its name at two places, and its events have to stand together.
type seriesHeads struct {
	keys [][]byte
	rank map[uint64]int32
}

func (p *Pending) seriesHeads() seriesHeads {
	heads := seriesHeads{rank: make(map[uint64]int32)}
	var names []*SeriesName
	for i := range p.events {
		name := p.events[i].series
		if name == nil { // a cancellation
			continue
		}
		if _, ok := heads.rank[name.Number]; !ok {
			heads.rank[name.Number] = 0
			names = append(names, name)
		}
	}
	type head struct {
		key  []byte
		name *SeriesName
	}
	sorted := make([]head, len(names))
	for i, name := range names {
		sorted[i] = head{appendSeriesKey(nil, spaceEvent, name.Organization, name.Subscription, name.Code), name}
	}
	slices.SortFunc(sorted, func(a, b head) int { return bytes.Compare(a.key, b.key) })
	for i, h := range sorted {
		heads.keys = append(heads.keys, h.key)
		heads.rank[h.name.Number] = int32(i)
	}
	return heads
}

// writeSeen puts the seen ids, in the order of their keys.
func (p *Pending) writeSeen(w *sstable.Writer) error {
	type entry struct {
		head uint64 // of the id: enough to order nearly all
		at   int32
	}
	order := make([]entry, len(p.events))
	for i := range p.events {
		order[i] = entry{binary.BigEndian.Uint64(p.events[i].id[:]), int32(i)}
	}
	slices.SortFunc(order, func(a, b entry) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		x, y := &p.events[a.at], &p.events[b.at]
		if c := bytes.Compare(x.id[:], y.id[:]); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(x.revision, y.revision), cmp.Compare(x.position, y.position))
	})
	var key, value []byte
	for _, entry := range order {
		e := &p.events[entry.at]
		seen := e.seen()
		key = appendSeenKey(key[:0], e.id, e.revision, e.position)
		value = appendSeenValue(value[:0], &seen)
		if err := w.Set(key, value); err != nil {
			return err
		}
	}
	return nil
}

// linked is what the second name of a table ends in: Pebble takes that one away
// when it has ingested it. The first name stays until the commit, so that whoever
// opens the store after a crash in between knows which entries have no commit.
const linked = ".ingest"

func (s *Store) ingest(tables []string) error {
	links := make([]string, len(tables))
	for i, table := range tables {
		links[i] = table + linked
		if err := s.fs.Link(table, links[i]); err != nil {
			return err
		}
	}
	// The names must be durable before the tables become part of the store.
	if err := syncDir(s.fs, s.path(buildingDir)); err != nil {
		return err
	}
	return s.db.Ingest(context.Background(), links)
}

// clean takes away what a checkpoint without a commit left: its tables, and
// their entries if they had become part of the store. The log may have lost what
// they came from; if it has not, the replay makes the same entries again.
func (s *Store) clean() error {
	names, err := s.fs.List(s.path(buildingDir))
	if err != nil {
		return fmt.Errorf("cannot list unfinished tables: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		path := s.path(buildingDir, name)
		if err := s.removeEntries(path); err != nil {
			return fmt.Errorf("cannot clean unfinished table %s: %w", name, err)
		}
		if err := s.fs.Remove(path); err != nil {
			return fmt.Errorf("cannot remove unfinished table: %w", err)
		}
	}
	return nil
}

// removeEntries deletes a table's entries at or above the commit point from the store.
//
// A table that can't be read to its end was cut while it was built, and is not
// part of the store: what becomes part of it is whole and synced before. (Should the
// disk have damaged it later, the store has the same bytes and says so when they are read.)
func (s *Store) removeEntries(path string) (err error) {
	batch := s.db.NewBatch()
	defer closeInto(batch, &err)
	end := ingest.PositionOf(s.Progress().Next, 0)
	err = s.tableKeys(path, func(key []byte) error {
		if positionOfKey(key) < end {
			return nil
		}
		return batch.Delete(key, nil)
	})
	if err != nil && !pebble.IsCorruptionError(err) {
		return err
	}
	return batch.Commit(pebble.Sync)
}

// tableKeys calls f for the keys of a table that need not be part of the store.
func (s *Store) tableKeys(path string, f func(key []byte) error) (err error) {
	file, err := s.fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	reader, err := sstable.NewReader(context.Background(), readable, s.options.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	defer closeInto(reader, &err)
	iter, err := reader.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return err
	}
	defer closeInto(iter, &err)
	for kv := iter.First(); kv != nil; kv = iter.Next() {
		if err := f(kv.K.UserKey); err != nil {
			return err
		}
	}
	return iter.Error()
}
