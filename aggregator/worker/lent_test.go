package worker

import (
	"fmt"
	"testing"

	"weir/aggregator/store"
	"weir/ingest"
)

// TestLentPendingIsNotUsedAgain: what an answer has a copy of stays as it is, although its checkpoint
// ends and later events need memory. It is lent before the checkpoint begins, or while it is written.
func TestLentPendingIsNotUsedAgain(t *testing.T) {
	records := tokenRecords(4)
	for name, whileWritten := range map[string]bool{"before the checkpoint": false, "while it is written": true} {
		t.Run(name, func(t *testing.T) {
			p, g := applyPartition(t), new(group)
			take := func(at int) {
				t.Helper()
				if err := p.takeRecord(g, &records[at]); err != nil {
					t.Fatal(err)
				}
			}
			take(0)
			var lent []store.Pending
			if !whileWritten {
				lent = p.pendings()
			}
			p.writing = p.freeze()
			if whileWritten {
				lent = p.pendings()
			}
			p.endCheckpoint()
			for at := 1; at < len(records); at++ {
				take(at)
				p.writing = p.freeze()
				p.endCheckpoint()
			}
			for i := range recordEvents {
				var e store.Event
				ok, err := lent[0].LoadEvent(&store.Seen{Position: ingest.PositionOf(0, i)}, &e)
				if want := fmt.Sprintf("transaction-%012d", i); err != nil || !ok || string(e.TransactionID) != want {
					t.Fatalf("event %d of the copy: %q, %v, %v; want %s", i, e.TransactionID, ok, err, want)
				}
				if want := fmt.Sprintf("subscription-%04d", i%50); string(e.Subscription) != want {
					t.Fatalf("event %d of the copy is of %q, want %s", i, e.Subscription, want)
				}
			}
		})
	}
}
