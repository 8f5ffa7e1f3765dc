package ingest

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestMurmur2(t *testing.T) {
	t.Parallel()
	// The vectors of Kafka's own test of its murmur2.
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%s) = %d, want %d", key, got, want)
		}
	}
}

func TestAppendKey(t *testing.T) {
	t.Parallel()
	const want = "6ba7b810-9dad-11d1-80b4-00c04fd430c8/sub/1"
	if got := string(AppendKey(nil, benchOrganization, "sub/1")); got != want {
		t.Errorf("AppendKey = %s, want %s", got, want)
	}
}

// TestPartition holds our placement against that of a Kafka client.
func TestPartition(t *testing.T) {
	t.Parallel()
	client := kgo.StickyKeyPartitioner(nil).ForTopic("weir")
	for _, n := range []int32{1, 2, 7, 16, 1000} {
		used := map[int32]bool{}
		for i := range 3000 {
			subscription := fmt.Appendf(nil, "sub_%d", i)
			got := Partition(benchOrganization, subscription, n)
			want := client.Partition(&kgo.Record{Key: AppendKey(nil, benchOrganization, subscription)}, int(n))
			if int(got) != want || got != Partition(benchOrganization, string(subscription), n) {
				t.Fatalf("Partition(%s, %d) = %d, a client says %d", subscription, n, got, want)
			}
			used[got] = true
		}
		if n <= 16 && len(used) != int(n) {
			t.Errorf("%d of %d partitions are used", len(used), n)
		}
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		offset int64
		index  int
	}{{0, 0}, {0, 1}, {1, 0}, {7, EventsPerRecordMax - 1}, {1<<47 - 1, EventsPerRecordMax - 1}} {
		p := PositionOf(c.offset, c.index)
		if p.Offset() != c.offset || p.Index() != c.index {
			t.Errorf("PositionOf(%d, %d) is %d, %d", c.offset, c.index, p.Offset(), p.Index())
		}
	}
	if PositionOf(1, 0) <= PositionOf(0, EventsPerRecordMax-1) {
		t.Error("positions are not in the log's order")
	}
}
