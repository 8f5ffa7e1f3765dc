package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// stormPartition counts the highest of tokens.
func stormPartition(tb testing.TB) (p *partition, take func(events ...ingest.Event)) {
	tb.Helper()
	p = applyPartition(tb)
	catalog := aggregator.NewCatalog(1, []*aggregator.Metric{{Organization: uuid.UUID{1}, Code: "tokens", Aggregation: aggregator.MaxAgg, FieldName: "tokens"}})
	p.options.Catalog = func() *aggregator.Catalog { return catalog }
	g, offset := new(group), int64(0)
	return p, func(events ...ingest.Event) {
		tb.Helper()
		header := ingest.Header{Organization: uuid.UUID{1}, ReceivedAt: 1_700_000_000_000_000_000}
		record := eventlog.Record{Offset: offset, Value: ingest.AppendRecord(nil, header, events)}
		offset++
		if err := p.takeRecord(g, &record); err != nil {
			tb.Fatal(err)
		}
	}
}

func stormEvent(subscription int, revision uint32, tokens int) ingest.Event {
	e := ingest.Event{
		TransactionID: []byte("t"), Subscription: fmt.Append(nil, "s", subscription), Code: []byte("tokens"),
		Timestamp: 1_700_000_000_000_000_000, Revision: revision,
		Properties: []ingest.Property{{Name: []byte("tokens"), Kind: ingest.KindNumber, Text: fmt.Append(nil, tokens)}},
	}
	if revision > 0 {
		e.Entry = ingest.EntryAmendment
	}
	return e
}

// TestStormOfCorrections: many series have a stale hour each at a checkpoint. The owner counts them
// again in a time that grows with their number, and not with its square.
func TestStormOfCorrections(t *testing.T) {
	const subscriptions = 10_000
	p, take := stormPartition(t)
	for i := range subscriptions {
		take(stormEvent(i, 0, 7))
	}
	if err := p.lastCheckpoint(); err != nil {
		t.Fatal(err)
	}
	for i := range subscriptions {
		take(stormEvent(i, 1, 5))
	}
	began := time.Now()
	if err := p.lastCheckpoint(); err != nil {
		t.Fatal(err)
	}
	t.Logf("checkpoint of %d stale hours took %s", subscriptions, time.Since(began))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("checkpoint of %d stale hours took %s", subscriptions, took)
	}
	for s := range p.series.all() {
		if len(s.stale) > 0 {
			t.Fatalf("series %d has stale hours in a checkpoint", s.name.Number)
		}
	}
}

// BenchmarkCorrectedAgain corrects one event that was corrected 50,000 times.
func BenchmarkCorrectedAgain(b *testing.B) {
	const corrections = 50_000
	p, take := stormPartition(b)
	take(stormEvent(0, 0, 1))
	for revision := range uint32(corrections) {
		take(stormEvent(0, revision+1, int(revision)))
		if revision%1000 == 0 {
			if err := p.lastCheckpoint(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := p.lastCheckpoint(); err != nil {
		b.Fatal(err)
	}
	revision := uint32(corrections)
	for b.Loop() {
		revision++
		take(stormEvent(0, revision, 1))
	}
}

// TestPageMayTakeTies: a listing that has counted enough goes on as long as the page may take an
// event. Those of a series come by descending transaction id, and the page wants the lowest.
func TestPageMayTakeTies(t *testing.T) {
	t.Parallel()
	page := newestPage{size: 2}
	if !page.mayTake(0) {
		t.Error("an empty page takes nothing")
	}
	page.add(query.Event{Timestamp: 10, TransactionID: "b"})
	page.add(query.Event{Timestamp: 9, TransactionID: "m"})
	if page.takes(9, []byte("z")) {
		t.Error("the page takes a higher id")
	}
	if !page.mayTake(9) || !page.takes(9, []byte("a")) {
		t.Error("the page does not wait for a lower id")
	}
	if page.mayTake(8) {
		t.Error("the page waits for an older event")
	}
	if none := (newestPage{}); none.mayTake(9) {
		t.Error("a page of nothing waits")
	}
}
