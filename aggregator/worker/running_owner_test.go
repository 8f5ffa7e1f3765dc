package worker

import (
	"testing"
	"time"

	"weir/aggregator"
)

// beginAll begins a seeded running total of each series, in each of some periods that the
// events of tokenRecords fall into.
func (p *partition) beginAll(tb testing.TB, periods int) {
	tb.Helper()
	for s := range p.series.all() {
		for i := range periods {
			period := aggregator.Span{From: 1_690_000_000_000_000_000, To: 1_710_000_000_000_000_000 + int64(i)}
			w := &wanted{metric: s.counters.Metric(), definition: s.row.Definition}
			t := p.beginRunning(s, w, period)
			if t == nil {
				tb.Fatal("there is no room for a running total")
			}
			p.takeSeed(seed{t, aggregator.NewReducer(w.metric, period)})
		}
	}
}

func TestRunningTotalsAllocateNothing(t *testing.T) {
	p, g := applyPartition(t), new(group)
	const runs = 50
	records := tokenRecords(40 + runs + 1)
	for i := range 40 {
		if err := p.takeRecord(g, &records[i]); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			p.beginAll(t, 2)
		}
	}
	p.pending.Grow(20_000, 100*20_000)
	p.recent.reserve(20_000)
	at := 40
	allocations := testing.AllocsPerRun(runs, func() {
		if err := p.takeRecord(g, &records[at]); err != nil {
			t.Fatal(err)
		}
		at++
	})
	if allocations != 0 && !raceEnabled {
		t.Errorf("%v allocations for a record of %d events, want 0", allocations, recordEvents)
	}
}

// TestIdleRunningTotalsGo: those that nobody asks for are let go of, a part of the series at a
// time, and the memory is given back.
func TestIdleRunningTotalsGo(t *testing.T) {
	p, g := applyPartition(t), new(group)
	record := tokenRecords(1)[0]
	if err := p.takeRecord(g, &record); err != nil {
		t.Fatal(err)
	}
	for s := range p.series.all() {
		p.estimate(s)
	}
	before := p.stateBytes
	p.beginAll(t, 2)
	if p.stateBytes <= before || len(p.runningSeries) != 50 {
		t.Fatalf("running totals of %d series take %d bytes", len(p.runningSeries), p.stateBytes-before)
	}
	now := time.Now()
	kept := p.runningSeries[7]
	for _, total := range kept.running.totals[:1] {
		total.asked = now.Add(time.Hour)
	}
	p.sweepRunning(now)
	if len(p.runningSeries) != 50 {
		t.Fatalf("after no time %d series have running totals, want 50", len(p.runningSeries))
	}
	p.sweepRunning(now.Add(runningIdleMax + time.Minute))
	if len(p.runningSeries) != 1 || p.runningSeries[0] != kept || len(kept.running.totals) != 1 {
		t.Fatalf("%d series have running totals, want the one that was asked for", len(p.runningSeries))
	}
	p.dropRunning(kept)
	p.sweepRunning(now)
	if len(p.runningSeries) != 0 || p.stateBytes != before {
		t.Errorf("%d series are left with %d bytes", len(p.runningSeries), p.stateBytes-before)
	}
}

// TestAnswerStaysAsItWas: what an asker was given does not change with what is counted later.
func TestAnswerStaysAsItWas(t *testing.T) {
	p, g := applyPartition(t), new(group)
	records := tokenRecords(2)
	if err := p.takeRecord(g, &records[0]); err != nil {
		t.Fatal(err)
	}
	p.beginAll(t, 1)
	var s *series
	for s = range p.series.all() {
		break
	}
	total := s.running.totals[0]
	var v seriesView
	p.findRunning(s, &wanted{metric: total.metric, definition: total.definition}, total.period, &v)
	if v.total == nil {
		t.Fatal("there is no running total")
	}
	before := v.total.Clone()
	if err := p.takeRecord(g, &records[1]); err != nil {
		t.Fatal(err)
	}
	if total.reducer.Equal(before) {
		t.Fatal("the running total has taken nothing")
	}
	if !v.total.Equal(before) {
		t.Error("an answer has changed")
	}
}
