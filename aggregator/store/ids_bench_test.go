package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// randomID returns an id as hashes are.
func randomID(rng *rand.Rand) (id ingest.ID) {
	binary.BigEndian.PutUint64(id[:], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	return id
}

// fullFilter returns the filter of a run of a number of ids, as random as a true one.
func fullFilter(rng *rand.Rand, ids int) idFilter {
	filter := make(idFilter, filterLines(ids))
	for i := range filter {
		for range ids / len(filter) {
			for word := range filter[i] {
				filter[i][word] |= 1 << (rng.Uint64() & 63)
			}
		}
	}
	return filter
}

// BenchmarkProbe asks the filters of a partition for a group of ids that it has not seen: by
// runs, each half as large as the one before or all of one size, up to 62 M ids, which is
// a sixteenth of a billion.
func BenchmarkProbe(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, total := range []int{1_000_000, 10_000_000, 62_000_000} {
		for _, n := range []int{1, 8, 30} {
			b.Run(fmt.Sprintf("ids=%dM/runs=%d", total/1_000_000, n), func(b *testing.B) {
				runs := make([]idRun, n)
				filter := fullFilter(rng, total/n)
				for i := range runs {
					runs[i].filter = append(idFilter(nil), filter...)
				}
				const group = 2048
				var l idLookup
				ids := make([]ingest.ID, group)
				b.ReportAllocs()
				hits, asked := 0, 0
				for b.Loop() {
					b.StopTimer()
					for i := range ids {
						ids[i] = randomID(rng)
					}
					b.StartTimer()
					l.hash(ids)
					l.probe(runs, 1)
					hits += len(l.hits)
					asked += group
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(asked), "ns/id")
				b.ReportMetric(100*float64(hits)/float64(asked*n), "%-false")
			})
		}
	}
}

// pendingIDs returns what a checkpoint brings of ids, n of them from an offset on, six events a record.
func pendingIDs(rng *rand.Rand, from int64, n int) *Pending {
	p := &Pending{events: make([]pendingEvent, n)}
	for i := range p.events {
		e := &p.events[i]
		e.id = randomID(rng)
		e.position = ingest.PositionOf(from+int64(i/6), i%6)
		e.timestamp = (1_760_000_000_000 + int64(i/30)) * 1e6
		e.series = 1 + rng.Uint64N(20_000/16)
		e.content = rng.Uint32()
	}
	return p
}

// storeOn opens a store in a directory.
func storeOn(tb testing.TB, dir string) *Store {
	s, err := Open(dir, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// addRun writes what is pending as a run, without a merge.
func addRun(tb testing.TB, s *Store, p *Pending) {
	batch := s.db.NewBatch()
	publish, err := addIDs(s, batch, p)
	if err != nil {
		tb.Fatal(err)
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		tb.Fatal(err)
	}
	publish()
}

func BenchmarkAddIDs(b *testing.B) {
	const n = 150_000
	rng := rand.New(rand.NewPCG(1, 2))
	s := storeOn(b, b.TempDir())
	defer s.Close()
	p := pendingIDs(rng, 0, n)
	b.ReportAllocs()
	for b.Loop() {
		batch := s.db.NewBatch()
		if _, err := addIDs(s, batch, p); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(batch.Len())/n, "B/id")
		batch.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/id")
}

func BenchmarkMergeIDs(b *testing.B) {
	for _, n := range []int{8_000, 150_000, 1_000_000} {
		b.Run(fmt.Sprintf("8x%dk", n/1000), func(b *testing.B) {
			s := storeOn(b, b.TempDir())
			defer s.Close()
			for i := range 8 {
				addRun(b, s, pendingIDs(rand.New(rand.NewPCG(uint64(i), 2)), int64(i*n/6), n))
			}
			runs := *s.ids.list.Load()
			var size int64
			var ids int
			b.ReportAllocs()
			for b.Loop() {
				t := tables{store: s, name: "merge", bytesMax: mergeTableBytesMax}
				run, err := s.ids.write(runs, t.set)
				if err == nil {
					err = t.finish()
				}
				if err == nil {
					err = t.abandon()
				}
				if err != nil {
					b.Fatal(err)
				}
				size, ids = run.bytes+int64(len(run.filter))*filterLineBytes, run.count
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(ids), "ns/id")
			b.ReportMetric(float64(size)/float64(ids), "B/id")
		})
	}
}

func BenchmarkLookupHits(b *testing.B) {
	s := storeOn(b, b.TempDir())
	defer s.Close()
	const n, group = 150_000, 2048
	var known []ingest.ID
	for i := range 7 {
		p := pendingIDs(rand.New(rand.NewPCG(uint64(i), 2)), int64(i*n/6), n)
		for at := range p.events {
			known = append(known, p.events[at].id)
		}
		addRun(b, s, p)
	}
	rng := rand.New(rand.NewPCG(1, 3))
	for _, percent := range []int{0, 1, 100} {
		b.Run(fmt.Sprintf("known=%d%%", percent), func(b *testing.B) {
			ids := make([]ingest.ID, group)
			for i := range ids {
				ids[i] = randomID(rng)
				if rng.IntN(100) < percent {
					ids[i] = known[rng.IntN(len(known))]
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Lookup(ids, func(int, Seen) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/group, "ns/id")
		})
	}
}

// BenchmarkOpenIDs opens a store that has the filters, and only these, of a number of ids in runs of 12.5 M.
func BenchmarkOpenIDs(b *testing.B) {
	const each, runs = 12_500_000, 8
	dir := b.TempDir()
	s := storeOn(b, dir)
	filter := fullFilter(rand.New(rand.NewPCG(1, 2)), each)
	for range runs {
		t := tables{store: s, name: "merge", bytesMax: mergeTableBytesMax}
		run := idRun{number: s.ids.begin(), count: each, low: 0, high: each, filter: filter}
		err := run.filter.pieces(func(piece int, value []byte) error {
			return t.set(appendFilterKey(nil, run.number, piece), value)
		})
		if err == nil {
			err = t.finish()
		}
		if err == nil {
			err = s.db.Ingest(context.Background(), t.paths)
		}
		if err == nil {
			err = s.db.Set(appendRunHead(nil, spaceRun, run.number), appendRun(nil, &run), pebble.Sync)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := storeOn(b, dir)
		if _, ids, bytes := s.ids.stats(); ids != each*runs || bytes == 0 {
			b.Fatal(ids, bytes)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
