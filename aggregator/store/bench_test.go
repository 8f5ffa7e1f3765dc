package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest"
)

// BenchmarkEvents reads the events of one series, as a rebuild does.
func BenchmarkEvents(b *testing.B) {
	const events = 200_000
	s, err := Open(dir, Options{FS: vfs.NewMem(), Partition: 3})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var p Pending
	for i := range events {
		id := fmt.Sprintf("018f2a3c-%08d", i)
		e := ingest.Event{
			TransactionID: []byte(id), Subscription: []byte(series.Subscription), Code: []byte(series.Code),
			Timestamp:  int64(i) * int64(time.Second),
			Properties: []ingest.Property{text("model", "large"), text("region", "eu-west-1"), {Name: []byte("tokens"), Kind: ingest.KindNumber, Text: []byte("1234")}},
		}
		p.Append(series, ingest.IDKey(org, e.Subscription, e.TransactionID), 0, &e, ingest.PositionOf(int64(i), 0), 5)
	}
	c := &Checkpoint{Pending: p}
	c.Progress.Next = events
	if err := s.Write(c); err != nil {
		b.Fatal(err)
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
}

// BenchmarkWrite makes a checkpoint of many events of a few series.
func BenchmarkWrite(b *testing.B) {
	const events = 20_000
	s, err := Open(dir, Options{FS: vfs.NewMem(), Partition: 3})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	next := 0
	b.ReportAllocs()
	for b.Loop() {
		var p Pending
		for range events {
			e := ingest.Event{
				TransactionID: fmt.Appendf(nil, "018f2a3c-%08d", next), Subscription: []byte(series.Subscription), Code: []byte(series.Code),
				Timestamp: int64(next) * int64(time.Second), Properties: []ingest.Property{text("model", "large")},
			}
			p.Append(series, ingest.IDKey(org, e.Subscription, e.TransactionID), 0, &e, ingest.PositionOf(int64(next), 0), 5)
			next++
		}
		c := &Checkpoint{Pending: p}
		c.Progress.Next = int64(next)
		if err := s.Write(c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(next), "ns/event")
}
