package worker

import (
	"context"
	"errors"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
)

const (
	// chunkCountersMax is about how many counters of a rebuild are in memory. Beyond it the days
	// that are complete go to the store, ahead of the checkpoint that puts them into force.
	// A day is never cut: one that has more is in memory whole.
	chunkCountersMax = 200_000
	// chunkBytesMax is how much is written at a time.
	chunkBytesMax = 4 << 20
)

// rebuilder is the goroutine of a rebuild. Events come ordered by time, so that a day is
// complete when the next begins.
type rebuilder struct {
	store      *store.Store
	snapshot   *store.Snapshot
	pending    []store.Pending
	name       store.SeriesName
	inForce    aggregator.Definition // of the series when the rebuild began; zero = none
	definition aggregator.Definition // of what is made
	chunkMax   int                   // counters

	counters *aggregator.Series // what is not in the store
	chunk    *store.Counters
	chunks   int // that were written
	day      int32
	dayMax   int32 // the highest day that was written
	err      error // of a write
}

var errOverflow = errors.New("too many cells")

func (r *rebuilder) run(ctx context.Context) error {
	defer r.snapshot.Close()
	if err := r.clean(); err != nil {
		return err
	}
	all := aggregator.Span{From: ingest.TimestampMin, To: ingest.TimestampMax}
	err := r.snapshot.View(r.pending...).Events(ctx, &r.name, all, r.take)
	if errors.Is(err, errOverflow) {
		r.counters = nil
		return nil
	}
	return err
}

// clean takes away what rebuilds that were cut have left: everything but the counters
// that are in force, in memory or in the store.
func (r *rebuilder) clean() error {
	left, err := r.snapshot.Definitions(r.name.Number)
	if err != nil || len(left) == 0 {
		return err
	}
	stored, _, err := r.snapshot.Series(r.name.Organization, r.name.Subscription, r.name.Code)
	if err != nil {
		return err
	}
	for _, d := range left {
		if d == r.inForce || d == stored.Definition && stored.State == store.Counted {
			continue
		}
		if err := r.store.DropCounters(r.name.Number, d); err != nil {
			return err
		}
	}
	return nil
}

// take counts an event. It is the step that a rebuild's speed depends on.
func (r *rebuilder) take(e *store.Event) error {
	if day := aggregator.DayOfHour(aggregator.HourOf(e.Timestamp)); day != r.day {
		if err := r.begin(day); err != nil {
			return err
		}
	}
	if _, ok := r.counters.Apply(&e.Event, e.ReceivedAt, e.Position); !ok {
		return errOverflow
	}
	return nil
}

// begin begins a day: those before it are complete.
func (r *rebuilder) begin(day int32) error {
	if r.counters.Counters() >= r.chunkMax {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.chunks > 0 {
		r.counters.MarkLoaded(day)
	}
	r.day = day
	return nil
}

// flush writes all counters to the store and lets go of them. The cells stay known.
func (r *rebuilder) flush() error {
	r.counters.Freeze(r.chunk.PutCell, func(cell string, d *aggregator.Day) {
		d.Hours(func(hour int32, _ bool, c *aggregator.Counter) {
			r.chunk.PutCounter(store.Hour, hour, cell, c)
		})
		total := d.Total()
		r.chunk.PutCounter(store.Day, d.Number, cell, &total)
		r.dayMax = max(r.dayMax, d.Number)
		if r.chunk.Bytes() >= chunkBytesMax {
			r.write()
		}
	})
	r.write()
	r.counters.Saved()
	r.counters.Forget()
	return r.err
}

func (r *rebuilder) write() {
	if r.err == nil {
		r.chunks++ // also when it fails: nobody knows what got there
		r.err = r.store.WriteCounters(r.chunk)
	}
	r.chunk.Reset()
}
