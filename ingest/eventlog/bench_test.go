package eventlog

import (
	"fmt"
	"sync"
	"testing"
)

// BenchmarkEmbeddedAppend: 64 appenders, each waiting for its acknowledgement
// (on the disk) before the next record, of 1, 100 and 1000 events of 200 bytes.
func BenchmarkEmbeddedAppend(b *testing.B) {
	const appenders, eventBytes = 64, 200
	for _, events := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			log, err := OpenEmbedded(b.TempDir(), EmbeddedOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(events * eventBytes))
			b.ReportAllocs()
			b.ResetTimer()
			benchmarkAppend(b, log, appenders, events*eventBytes)
			b.StopTimer()
			b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
			if err := log.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchmarkAppend(b *testing.B, log Log, appenders, valueBytes int) {
	var running sync.WaitGroup
	for a := range appenders {
		value := make([]byte, valueBytes)
		for i := range value { // compressible as usage events are, not as zeros
			value[i] = byte(i*i>>7) ^ byte(a)
		}
		answered := make(chan error, 1)
		done := func(_ int64, err error) { answered <- err }
		running.Go(func() {
			for i := a; i < b.N; i += appenders {
				log.Append(int32(i%PartitionsDefault), value, done)
				if err := <-answered; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

// BenchmarkEmbeddedRead reads records of 20 KB from the start, as a replay does.
func BenchmarkEmbeddedRead(b *testing.B) {
	const records, valueBytes = 5000, 20_000
	log, err := OpenEmbedded(b.TempDir(), EmbeddedOptions{Partitions: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	var appends sync.WaitGroup
	value := make([]byte, valueBytes)
	for range records {
		appends.Add(1)
		for ok := false; !ok; {
			answered := make(chan error, 1)
			log.Append(0, value, func(_ int64, err error) { answered <- err })
			ok = <-answered == nil
		}
		appends.Done()
	}
	b.SetBytes(valueBytes)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		reader, err := log.Read(b.Context(), 0, 0)
		if err != nil {
			b.Fatal(err)
		}
		for read := 0; read < records && left > 0; {
			batch, err := reader.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			read += len(batch)
			left -= len(batch)
		}
		reader.Close()
	}
}
