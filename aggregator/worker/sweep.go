package worker

import (
	"context"
	"log/slog"
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
)

// Bounds of a sweep.
const (
	// sweepPageSeries is how many series a sweep reads at a time.
	sweepPageSeries = 512
	// sweepAheadMax is how many rebuilds that a sweep found may be in line: it reads on
	// when they get fewer.
	sweepAheadMax = 2 * sweepPageSeries
	// catalogInterval is how often an idle partition looks for another catalog.
	catalogInterval = 500 * time.Millisecond
)

// sweep brings the series that nobody touches in line with the catalog: after each
// change of it, one sweep after the other, and when a partition is opened. A goroutine (sweeper) reads the store's rows
// and finds those that disagree; the owner opens them and has them rebuilt, after all that was
// touched. A sweep that is cut leaves nothing to resume: what it got done agrees, and
// the next one passes over it.
type sweep struct {
	wanted  bool // another catalog is in force since the last began
	opening bool // the owner is opening what the sweep found
	running *sweeper
	began   time.Time
	read    bool // all rows have been read
	found   int  // series that disagreed when it began
	opened  int  // series that it brought in line, or in line for a rebuild
	left    int  // series that disagree, as far as is known
}

// sweeper is the goroutine of a sweep.
type sweeper struct {
	store   *store.Store
	catalog *aggregator.Catalog
	pages   chan<- sweepPage
}

// sweepPage is what a sweeper found.
type sweepPage struct {
	found  int  // how many disagree altogether: what comes first
	last   bool // there is no more
	series []store.SeriesName
	err    error
}

// startSweep begins a sweep if the catalog has changed since the last one began, and that one
// has ended: a catalog that changes all the time would else keep every sweep from getting
// anywhere. It begins with what is in memory, of which the store says something else. From then on no
// series gets counters that disagree with this catalog, but for one that came later.
func (p *partition) startSweep(ctx context.Context) error {
	if !p.sweep.wanted || p.catalog == nil || p.sweep.running != nil {
		return nil
	}
	work := &sweeper{store: p.store, catalog: p.catalog, pages: p.swept}
	p.sweep = sweep{running: work, began: time.Now()}
	p.background.Go(func() { work.run(ctx) })
	return p.openInMemory()
}

// run finds out how many series disagree, and then which.
func (w *sweeper) run(ctx context.Context) {
	found := 0
	err := w.walk(ctx, func(series []store.SeriesName) bool {
		found += len(series)
		return true
	})
	give := func(page sweepPage) bool {
		select {
		case w.pages <- page:
			return true
		case <-ctx.Done():
			return false
		}
	}
	if !give(sweepPage{found: found, err: err}) || err != nil {
		return
	}
	if found > 0 {
		err = w.walk(ctx, func(series []store.SeriesName) bool {
			return len(series) == 0 || give(sweepPage{series: series})
		})
	}
	give(sweepPage{last: true, err: err})
}

// walk calls f with the series that disagree, page by page, until it returns false.
func (w *sweeper) walk(ctx context.Context, f func([]store.SeriesName) bool) error {
	var known definitions
	for from := []byte(nil); ; {
		rows, next, err := w.page(ctx, from)
		if err != nil {
			return err
		}
		var series []store.SeriesName
		for i := range rows {
			if w.disagrees(&rows[i], &known) {
				series = append(series, rows[i].Name)
			}
		}
		if !f(series) || next == nil {
			return nil
		}
		from = next
	}
}

// page reads rows from a snapshot of its own: a long sweep holds back no compaction.
func (w *sweeper) page(ctx context.Context, from []byte) (rows []store.SeriesRow, next []byte, err error) {
	snapshot, err := w.store.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	defer snapshot.Close()
	return snapshot.SeriesPage(ctx, from, sweepPageSeries)
}

func (w *sweeper) disagrees(r *store.SeriesRow, known *definitions) bool {
	metric := w.catalog.Metric(r.Name.Organization, []byte(r.Name.Code))
	return disagrees(metric, &r.Row, known)
}

// disagrees reports whether a series is not counted as its metric, nil if there is none, asks for.
func disagrees(metric *aggregator.Metric, row *store.Series, known *definitions) bool {
	if metric == nil {
		return row.State != store.Uncounted
	}
	return row.State == store.Uncounted || row.Definition != known.of(metric)
}

// sweepRoom reports whether the owner has room for what a sweep finds.
func (p *partition) sweepRoom() bool {
	return len(p.rebuilds.swept) < sweepAheadMax && p.dirtyBytes() < p.dirtyBytesMax()
}

// takeSwept brings what a sweep found in line.
func (p *partition) takeSwept(page sweepPage) error {
	w := &p.sweep
	switch {
	case page.err != nil:
		return page.err
	case page.last:
		w.read = true
		return nil
	case page.series == nil:
		w.found, w.left = page.found, page.found
		if w.found > 0 {
			p.logger.Info("catalog has changed: brings counters in line with it", "partition", p.number,
				"catalog_version", p.catalog.Version, "series", w.found)
		}
		return nil
	}
	for i := range page.series {
		if err := p.openSwept(&page.series[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) openSwept(name *store.SeriesName) error {
	w := &p.sweep
	if s := p.series.find(name.Organization, name.Subscription, name.Code); s != nil && s.generation == p.generation {
		return nil // it was touched
	}
	w.opening = true
	err := p.follow(hint{name.Organization, name.Subscription, name.Code})
	w.opening = false
	w.opened++
	if s := p.series.find(name.Organization, name.Subscription, name.Code); s != nil && s.rebuild == nil {
		w.settled()
	}
	return err
}

// openInMemory brings the series in line that are in memory and disagree.
func (p *partition) openInMemory() error {
	p.sweep.opening = true
	defer func() { p.sweep.opening = false }()
	for s := range p.series.all() {
		if s.generation == p.generation || s.rebuild == nil && !disagrees(p.metricOf(s), &s.row, &p.definitions) {
			continue
		}
		p.sweep.opened++
		if err := p.resolve(s); err != nil {
			return err
		}
	}
	return nil
}

// settled takes note that a series has come in line.
func (w *sweep) settled() { w.left = max(0, w.left-1) }

// endSweep ends the sweep when nothing is left of it.
func (p *partition) endSweep() {
	w := &p.sweep
	if w.running == nil {
		return
	}
	if done := w.read && p.rebuilds.waiting() == 0 && p.rebuilding == 0; !done {
		p.metrics.sweepPending.WithLabelValues(label(p.number)).Set(float64(w.left))
		return
	}
	p.metrics.swept.WithLabelValues(label(p.number)).Set(float64(w.running.catalog.Version))
	p.metrics.sweepPending.WithLabelValues(label(p.number)).Set(0)
	level := slog.LevelInfo
	if w.found == 0 && w.opened == 0 { // as at most starts
		level = slog.LevelDebug
	}
	p.logger.Log(context.Background(), level, "counters are in line with the catalog", "partition", p.number,
		"catalog_version", w.running.catalog.Version, "series", w.opened, "duration", time.Since(w.began))
	p.sweep = sweep{wanted: w.wanted}
}
