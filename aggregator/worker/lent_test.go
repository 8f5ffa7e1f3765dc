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
				lent, _ = p.lendPendings()
			}
			p.freeze()
			if whileWritten {
				lent, _ = p.lendPendings()
			}
			p.endCheckpoint()
			for at := 1; at < len(records); at++ {
				take(at)
				p.freeze()
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

// TestLentPendingIsGivenBack: when all who were lent it are done, before its checkpoint or while that is written,
// its memory may be used again.
func TestLentPendingIsGivenBack(t *testing.T) {
	p, g := applyPartition(t), new(group)
	record := tokenRecords(1)[0]
	if err := p.takeRecord(g, &record); err != nil {
		t.Fatal(err)
	}
	var views []*view
	for _, begin := range []func(){func() {}, func() {}, func() { p.freeze() }} {
		begin()
		v, err := p.view(&question{ctx: t.Context()})
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, v)
	}
	for i, v := range views {
		if p.writing.loans.none() {
			t.Errorf("all loans have ended, and %d views are open", len(views)-i)
		}
		v.close()
	}
	if !p.writing.loans.none() || !p.loans.none() {
		t.Error("a loan has not ended, and no view is open")
	}
}
