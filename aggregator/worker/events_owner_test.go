package worker

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// TestConflictIsToldOfOnce: what was set aside is found while it is in memory, while its
// checkpoint is being written, when that is there and the owner does not know yet, and later.
func TestConflictIsToldOfOnce(t *testing.T) {
	p, g := applyPartition(t), new(group)
	for i, code := range []string{"tokens", "other"} {
		events := []ingest.Event{{
			TransactionID: []byte("t"), Subscription: []byte("s"), Code: []byte(code), Timestamp: 1_700_000_000_000_000_000,
		}}
		header := ingest.Header{Organization: uuid.UUID{1}, ReceivedAt: 1_700_000_000_000_000_000 + int64(i)}
		record := eventlog.Record{Offset: int64(i), Value: ingest.AppendRecord(nil, header, events)}
		if err := p.takeRecord(g, &record); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		v, err := p.view(&question{ctx: context.Background()})
		if err != nil {
			t.Fatal(err)
		}
		defer v.close()
		event := query.Event{Organization: uuid.UUID{1}, Subscription: "s", TransactionID: "t"}
		if err := v.conflicts(context.Background(), &event); err != nil {
			t.Fatal(err)
		}
		want := query.Conflict{Position: ingest.PositionOf(1, 0), ReceivedAt: 1_700_000_000_000_000_001}
		if len(event.Conflicts) != 1 || event.Conflicts[0] != want {
			t.Errorf("%s: conflicts are %+v, want %+v", when, event.Conflicts, want)
		}
	}
	check("in memory")
	p.freeze()
	check("while it is being written")
	if err := p.writing.write(p.store); err != nil {
		t.Fatal(err)
	}
	check("written, and not known to be")
	p.endCheckpoint()
	check("in the checkpoint")
}
