package store

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/ingest"
)

var (
	benchCheckpoints = flag.Int("bench.checkpoints", 200, "checkpoints of BenchmarkCheckpoints")
	benchEvents      = flag.Int("bench.events", 100_000, "events of each checkpoint")
	benchSeries      = flag.Int("bench.series", 1250, "series, zipf")
)

// benchLoad makes events of many series, as a busy partition of the standard load has them.
type benchLoad struct {
	names  []*SeriesName
	zipf   *rand.Zipf
	random *rand.Rand
	serial int64
	event  ingest.Event
}

func newBenchLoad(series int) *benchLoad {
	l := &benchLoad{names: make([]*SeriesName, series), random: rand.New(rand.NewPCG(1, 1))}
	l.zipf = rand.NewZipf(l.random, 1.1, 1, uint64(series-1))
	for i := range l.names {
		l.names[i] = &SeriesName{uint64(i + 1), org, fmt.Sprintf("load-subscription-%06d", i), "load_units"}
	}
	l.event.Properties = []ingest.Property{text("model", "gpt-large"), text("region", "eu-west-1"), {Name: []byte("units"), Kind: ingest.KindNumber}}
	return l
}

// next returns the next event, valid until the call after it, and its series, position and time of receipt: 6
// events a record, 1,000 records a second.
func (l *benchLoad) next() (*ingest.Event, *SeriesName, ingest.Position, int64) {
	const perRecord = 6
	l.serial++
	e := &l.event
	record := l.serial / perRecord
	received := 1_700_000_000_000_000_000 + record*int64(time.Millisecond) + l.random.Int64N(1e6)
	name := l.names[l.zipf.Uint64()]
	e.TransactionID = fmt.Appendf(e.TransactionID[:0], "kx3f9a2b-%d-%d", l.serial%32, l.serial/32)
	e.Timestamp = received - received%1e6
	e.Subscription, e.Code = []byte(name.Subscription), []byte(name.Code)
	e.Properties[2].Text = fmt.Appendf(e.Properties[2].Text[:0], "%d.%03d", l.random.IntN(1000), l.random.IntN(1000))
	return e, name, ingest.PositionOf(record, int(l.serial%perRecord)), received - received%1e3
}

func (l *benchLoad) fill(p *Pending, n int) {
	for i := range n {
		e, name, position, received := l.next()
		p.Append(name, ingest.IDKey(org, e.Subscription, e.TransactionID), uint32(i), e, position, received)
	}
}

func cpuTime() time.Duration { return usageOf(syscall.RUSAGE_SELF) }

// threadTime is that of the thread that asks: the goroutine must be locked to it.
func threadTime() time.Duration { return usageOf(1) } // RUSAGE_THREAD

func usageOf(who int) time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(who, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkCheckpoints writes many checkpoints to the disk, and says what an event costs in all: CPU of building
// and writing, of what Pebble does behind it, and bytes that were written and are kept.
func BenchmarkCheckpoints(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for b.Loop() {
		root, err := os.MkdirTemp(os.Getenv("BENCH_DIR"), "weir-bench")
		if err != nil {
			b.Fatal(err)
		}
		s, err := Open(root, Options{Partition: 3})
		if err != nil {
			b.Fatal(err)
		}
		l := newBenchLoad(*benchSeries)
		var writing, filling time.Duration
		began, cpu := time.Now(), cpuTime()
		for i := range *benchCheckpoints {
			c := new(Checkpoint)
			at := threadTime()
			c.Pending.Grow(*benchEvents, 30**benchEvents)
			l.fill(&c.Pending, *benchEvents)
			filling += threadTime() - at
			c.Progress.Next = int64(i + 1)
			counter := aggregator.Counter{EventsCount: int64(i)}
			for n := range l.names {
				c.PutCounter(uint64(n+1), aggregator.Definition{1}, Hour, int32(i/50), "\x05gpt-large\x05eu-west-1", &counter)
				c.PutCounter(uint64(n+1), aggregator.Definition{1}, Day, int32(i/1200), "\x05gpt-large\x05eu-west-1", &counter)
			}
			wall := time.Now()
			if err := s.Write(c); err != nil {
				b.Fatal(err)
			}
			writing += time.Since(wall)
		}
		events := float64(*benchCheckpoints * *benchEvents)
		wall := time.Since(began)
		for s.db.Metrics().Compact.NumInProgress > 0 || s.db.Metrics().Flush.NumInProgress > 0 {
			time.Sleep(time.Millisecond)
		}
		total := cpuTime() - cpu - filling
		m := s.db.Metrics()
		report := func(value float64, unit string) { b.ReportMetric(value/events, unit) }
		report(float64(wall.Nanoseconds()), "wall-ns/event")
		report(float64(writing.Nanoseconds()), "write-ns/event")
		report(float64(total.Nanoseconds()), "cpu-ns/event")
		report(float64(m.Total().TableBytesCompacted+m.Total().TableBytesFlushed+m.Total().BlobBytesCompacted+m.Total().BlobBytesFlushed), "table-B/event")
		report(float64(m.WAL.BytesWritten), "wal-B/event")
		b.ReportMetric(float64(m.Compact.Duration.Nanoseconds())/events, "compaction-ns/event")
		b.ReportMetric(float64(m.ReadAmp()), "read-amp")
		report(float64(m.BlobFiles.LiveSize), "event-disk-B/event")  // but for the keys
		report(float64(m.Table.Local.LiveSize), "rest-disk-B/event") // ids, keys, counters
		if testing.Verbose() {
			b.Log("\n" + m.String())
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(root); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend is what an owner pays for an event that it keeps.
func BenchmarkAppend(b *testing.B) {
	const events, different = 200_000, 2048 // so many were parsed just now
	l := newBenchLoad(1250)
	list := make([]ingest.Event, different)
	names := make([]*SeriesName, different)
	for i := range list {
		e, name, _, _ := l.next()
		list[i] = *e
		list[i].TransactionID = append([]byte(nil), e.TransactionID...)
		list[i].Properties = append([]ingest.Property(nil), e.Properties...)
		names[i] = name
	}
	like := new(Pending)
	like.Grow(events, 0)
	b.ReportAllocs()
	for b.Loop() {
		p := NewPending(like)
		for i := range events {
			at := i % different
			p.Append(names[at], ingest.ID{byte(i), byte(i >> 8)}, uint32(i), &list[at], ingest.PositionOf(int64(i/6), i%6), 1_700_000_000_000_000_000)
		}
		like = p
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}

// BenchmarkBlocks makes blocks of what is pending, by how many events a series has.
func BenchmarkBlocks(b *testing.B) {
	const events = 100_000
	for _, series := range []int{500, 1250, 5000, 20_000} {
		b.Run(fmt.Sprintf("series-%d", series), func(b *testing.B) {
			s, err := Open(dir, Options{FS: vfs.NewMem(), Partition: 3})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var p Pending
			newBenchLoad(series).fill(&p, events)
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				batch := s.db.NewBatchWithSize(len(p.arena))
				if err := p.writeEvents(into(batch)); err != nil {
					b.Fatal(err)
				}
				size = batch.Len()
				if err := batch.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
			b.ReportMetric(float64(size)/events, "B/event")
		})
	}
}

// BenchmarkEvents reads the events of one series, as a rebuild does: in order of time, and nearly so.
func BenchmarkEvents(b *testing.B) {
	const events, perCheckpoint = 400_000, 2000
	for _, jitter := range []int64{0, 1, int64(10 * time.Minute)} {
		b.Run(fmt.Sprintf("jitter-%v", time.Duration(jitter)), func(b *testing.B) {
			s, err := Open(dir, Options{FS: vfs.NewMem(), Partition: 3, Cache: benchCache(b)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			l := newBenchLoad(1)
			for i := range events / perCheckpoint {
				c := new(Checkpoint)
				for range perCheckpoint {
					e, _, position, received := l.next()
					e.Timestamp += (l.serial * int64(time.Second)) // 111 hours
					if jitter > 0 {
						e.Timestamp += l.random.Int64N(jitter)
					}
					c.Pending.Append(series, ingest.ID{byte(i)}, 0, e, position, received)
				}
				c.Progress.Next = l.serial
				if err := s.Write(c); err != nil {
					b.Fatal(err)
				}
			}
			snapshot, err := s.Snapshot()
			if err != nil {
				b.Fatal(err)
			}
			defer snapshot.Close()
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				if err := snapshot.Events(context.Background(), series, always, func(*Event) error { n++; return nil }); err != nil || n != events {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
		})
	}
}

func benchCache(b *testing.B) *Cache {
	cache := NewCache(64 << 20)
	b.Cleanup(cache.Unref)
	return cache
}
