package eventlog

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The benchmarks' unit is the event: requests of the standard load's shape, from
// 64 senders that each wait until their request is durable, on the disk. "cpu" is
// processor time of the process, all goroutines and Pebble's work behind included;
// "disk" is what the directory takes after Close.
const benchSenders = 64

// BenchmarkAppend: requests of 1, 100 and 1,000 events, that is about 1, 6 and 60
// events a record.
func BenchmarkAppend(b *testing.B) {
	for _, events := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("request=%d", events), func(b *testing.B) { benchmarkLoad(b, benchSenders, events, 0, 0) })
	}
}

// BenchmarkTail is BenchmarkAppend with a reader at the end of each partition.
func BenchmarkTail(b *testing.B) {
	for _, events := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("request=%d", events), func(b *testing.B) { benchmarkLoad(b, benchSenders, events, PartitionsDefault, 0) })
	}
}

// BenchmarkSerial is one sender, which waits for each request.
func BenchmarkSerial(b *testing.B) {
	for _, events := range []int{1, 100} {
		b.Run(fmt.Sprintf("request=%d", events), func(b *testing.B) { benchmarkLoad(b, 1, events, PartitionsDefault, 0) })
	}
}

// BenchmarkPaced is BenchmarkTail at 200,000 events a second in requests of 100.
func BenchmarkPaced(b *testing.B) {
	const events, rate = 100, 200_000
	benchmarkLoad(b, benchSenders, events, PartitionsDefault, time.Second*events/rate)
}

// benchmarkLoad sends b.N events; a request begins every interval, 0 = as soon as its sender is free.
func benchmarkLoad(b *testing.B, senders, events, readers int, interval time.Duration) {
	load := standardLoad(b, senders, max(1, 2000/events), events)
	dir := b.TempDir()
	log, err := OpenEmbedded(dir, EmbeddedOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var reading sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	for p := range int32(readers) {
		reading.Go(func() { benchmarkRead(b, ctx, log, p, 0, -1) })
	}
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime(b)
	waits := sendLoad(b, log, load, (b.N+events-1)/events, interval)
	b.StopTimer()
	cancel()
	reading.Wait()
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
	sent := float64(len(waits) * events)
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/sent, "cpu-ns/event")
	b.ReportMetric(sent/float64(log.sequence), "events/commit")
	b.ReportMetric(float64(diskBytes(b, dir))/sent, "disk-B/event")
	b.ReportMetric(float64(percentile(waits, 50).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(percentile(waits, 99).Microseconds())/1000, "p99-ms")
}

// sendLoad sends n requests and returns how long each waited, from its schedule when there is one.
func sendLoad(b *testing.B, log Log, load [][]request, n int, interval time.Duration) []time.Duration {
	waits := make([]time.Duration, n)
	var next atomic.Int64
	var running sync.WaitGroup
	began := time.Now()
	for _, requests := range load {
		running.Go(func() {
			var answered sync.WaitGroup
			done := func(_ int64, err error) {
				if err != nil {
					b.Error(err)
				}
				answered.Done()
			}
			for turn := 0; ; turn++ {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				at := time.Now()
				if interval > 0 {
					at = began.Add(time.Duration(i) * interval)
					time.Sleep(time.Until(at))
				}
				records := requests[turn%len(requests)].records
				answered.Add(len(records))
				for r := range records {
					log.Append(int32(records[r].Offset), records[r].Value, nil, done)
				}
				answered.Wait()
				waits[i] = time.Since(at)
			}
		})
	}
	running.Wait()
	return waits
}

// benchmarkRead reads a partition from an offset up to an end, -1 = until ctx ends.
func benchmarkRead(b *testing.B, ctx context.Context, log Log, partition int32, from, end int64) (bytes int64) {
	reader, err := log.Read(ctx, partition, from)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer reader.Close()
	for from != end {
		records, err := reader.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				b.Error(err)
			}
			return bytes
		}
		from += int64(len(records))
		for i := range records {
			bytes += int64(len(records[i].Value))
		}
	}
	return bytes
}

// BenchmarkReplay reads a log from its start, as a rebuild does: one partition, or all at once.
func BenchmarkReplay(b *testing.B) {
	const events = 3_000_000
	load := standardLoad(b, benchSenders, 20, 100)
	log, err := OpenEmbedded(b.TempDir(), EmbeddedOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	sendLoad(b, log, load, events/100, 0)
	var bytes int64
	for _, of := range load {
		for i := range of {
			bytes += of[i].bytes()
		}
	}
	eventBytes := float64(bytes) / float64(len(load)*len(load[0])*100)
	for _, readers := range []int32{1, PartitionsDefault} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			b.ReportAllocs()
			cpu := cpuTime(b)
			var read atomic.Int64
			for b.Loop() {
				var reading sync.WaitGroup
				for p := range readers {
					_, end, err := log.Range(b.Context(), p)
					if err != nil {
						b.Fatal(err)
					}
					reading.Go(func() { read.Add(benchmarkRead(b, b.Context(), log, p, 0, end)) })
				}
				reading.Wait()
			}
			all := float64(read.Load()) / eventBytes
			b.ReportMetric(all/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/all, "cpu-ns/event")
		})
	}
}

// diskBytes is what the files under dir take.
func diskBytes(tb testing.TB, dir string) (bytes int64) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		bytes += info.Size()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return bytes
}
