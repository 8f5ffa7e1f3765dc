package worker

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"weir/ingest"
)

// BenchmarkRecentIDs says what an id in memory takes, and what it costs to look one up that
// was never seen and to add it.
func BenchmarkRecentIDs(b *testing.B) {
	const ids = 1_000_000
	keys := make([]ingest.ID, ids)
	for i := range keys {
		var number [8]byte
		binary.BigEndian.PutUint64(number[:], uint64(i))
		keys[i] = ingest.IDKey(uuid.UUID{1}, number[:], number[:])
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		var recent recentIDs
		for i := range keys {
			if _, known := recent.put(&keys[i], prior{position: ingest.Position(i), content: uint32(i)}); known {
				b.Fatal("an id is known that never was")
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if recent.used != ids {
			b.Fatal("ids are missing")
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/ids, "B/id")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ids, "ns/id")
}
