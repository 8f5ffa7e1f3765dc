package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"weir/ingest"
)

// BenchmarkDisk says what an event takes on the disk: its raw entry and its id, each when
// its checkpoint has been written and after everything is compacted. 1,000 subscriptions
// send in turn, with random ids; the values of an event are about 60 bytes of JSON.
func BenchmarkDisk(b *testing.B) {
	const perCheckpoint, checkpoints = 50_000, 20
	for b.Loop() {
		s, err := Open(b.TempDir(), Options{Partition: 3})
		if err != nil {
			b.Fatal(err)
		}
		names := make([]*SeriesName, 1000)
		for i := range names {
			names[i] = &SeriesName{uint64(i + 1), org, fmt.Sprintf("subscription-%06d", i), "tokens"}
		}
		for i := range checkpoints {
			c := &Checkpoint{}
			c.Progress.Next = int64(i+1) * perCheckpoint
			for j := range perCheckpoint {
				n := i*perCheckpoint + j
				var number [8]byte
				binary.BigEndian.PutUint64(number[:], uint64(n))
				random := ingest.IDKey(org, number[:], number[:])
				e := ingest.Event{
					TransactionID: fmt.Appendf(nil, "%x", random), Code: []byte("tokens"),
					Timestamp: 1_700_000_000_000_000_000 + int64(n)*int64(time.Millisecond),
					Properties: []ingest.Property{
						text("model", fmt.Sprintf("model-%d", n%7)), text("region", "eu-west-1"),
						{Name: []byte("tokens"), Kind: ingest.KindNumber, Text: fmt.Appendf(nil, "%d", n%4096)},
					},
				}
				name := names[n%len(names)]
				e.Subscription = []byte(name.Subscription)
				c.Pending.Append(name, ingest.IDKey(org, e.Subscription, e.TransactionID), uint32(n), &e, ingest.PositionOf(int64(n), 0), e.Timestamp)
			}
			if err := s.Write(c); err != nil {
				b.Fatal(err)
			}
		}
		reportDisk(b, s, "", checkpoints*perCheckpoint)
		if err := s.db.Compact(context.Background(), []byte{0}, bytes.Repeat([]byte{0xff}, 8), false); err != nil {
			b.Fatal(err)
		}
		reportDisk(b, s, "-compacted", checkpoints*perCheckpoint)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func reportDisk(b *testing.B, s *Store, suffix string, events int) {
	b.Helper()
	for what, space := range map[string]byte{"event": spaceEvent, "id": spaceSeen} {
		size, err := s.db.EstimateDiskUsage([]byte{space}, []byte{space + 1})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size)/float64(events), "B/"+what+suffix)
	}
}
