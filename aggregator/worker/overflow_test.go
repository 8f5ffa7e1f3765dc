package worker

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

// overflowed returns the one series of a partition, which has too many cells by what it was counted by, as
// the store says, too.
func overflowed(t *testing.T) (*partition, *series) {
	t.Helper()
	p, take := stormPartition(t)
	take(stormEvent(0, 0, 7))
	var s *series
	for s = range p.series.all() {
		p.overflow(s, s.row.Definition)
	}
	if err := p.lastCheckpoint(); err != nil {
		t.Fatal(err)
	}
	return p, s
}

// TestOverflowOfAnotherDefinition: too many cells by one definition say nothing about another. The owner
// is told that it could count by that.
func TestOverflowOfAnotherDefinition(t *testing.T) {
	p, s := overflowed(t)
	f := func(aggregation aggregator.Aggregation, want bool) {
		t.Helper()
		metric := &aggregator.Metric{Organization: uuid.UUID{1}, Code: "tokens", Aggregation: aggregation, FieldName: "tokens"}
		period := aggregator.Span{From: ingest.TimestampMin, To: ingest.TimestampMax}
		v, err := p.view(&question{ctx: context.Background()})
		if err != nil {
			t.Fatal(err)
		}
		defer v.close()
		for _, memory := range []*seriesView{nil, {row: s.row}} {
			scan := usageScan{
				ctx: context.Background(), view: v.stored, memory: memory, name: s.name,
				wanted: &wanted{metric: metric, definition: metric.Definition()}, period: period,
				reducer: aggregator.NewReducer(metric, period),
			}
			if quick, err := scan.run(); err != nil || quick != want {
				t.Errorf("aggregation %d, in memory %t: there is nothing to do: %t, %v", aggregation, memory != nil, quick, err)
			}
		}
	}
	f(aggregator.MaxAgg, true)
	f(aggregator.MinAgg, false)
}

// TestLeftoversOfAnOverflow: a rebuild was cut when its series turned out to have too many cells, and has left
// counters in the store. The next one by the same definition takes them away first: an event in them
// may have been cancelled since.
func TestLeftoversOfAnOverflow(t *testing.T) {
	p, s := overflowed(t)
	metric := p.metricOf(s)
	definition := metric.Definition()
	left := store.NewCounters(s.name.Number, definition)
	left.PutCell("")
	left.PutCounter(store.Hour, 400_000, "", &aggregator.Counter{EventsCount: 1})
	if err := p.store.WriteCounters(left); err != nil {
		t.Fatal(err)
	}
	snapshot, err := p.store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	work := rebuilder{
		store: p.store, snapshot: snapshot, name: s.name, definition: definition, chunkMax: chunkCountersMax,
		counters: aggregator.NewSeries(metric, true), chunk: store.NewCounters(s.name.Number, definition),
	}
	if err := work.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := p.store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if definitions, err := after.Definitions(s.name.Number); err != nil || len(definitions) != 0 {
		t.Errorf("there are counters of %x left, %v", definitions, err)
	}
}
