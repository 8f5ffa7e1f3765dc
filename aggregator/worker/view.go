package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/store"
	"weir/ingest"
)

// question is what an asker wants of the owner: a view at a position or later.
// The work is the asker's; the owner only says what there is.
type question struct {
	ctx     context.Context
	atLeast int64
	// committed asks for a checkpoint at atLeast or later; the view is then empty,
	// and the asker takes a snapshot itself.
	committed bool
	// at asks for a view as of this offset; 0 = now. Its events alone are as they were then.
	at     int64
	period aggregator.Span
	wanted []wanted // of which series' usage in period is to be made

	answer chan answer // unbuffered: an answer is taken, or ctx has ended
}

// wanted is what a question wants to know of a series.
type wanted struct {
	name       store.SeriesName // without its number
	hash       uint64           // hashSeries
	metric     *aggregator.Metric
	definition aggregator.Definition // of metric
	// folds: the events are wanted as well, and with prorates what there was before the period.
	folds, prorates bool
}

type answer struct {
	view *view
	err  error
}

// view is the state of a partition between two records: the newest checkpoint
// and what came after it. It stays as it is while the partition goes on.
type view struct {
	stored *store.View // nil when running totals answer all that was wanted
	next   int64
	asides []*store.Aside // those at or above the snapshot's end, and maybe others
	series []*seriesView  // as wanted; nil for one that only stored knows
	loans  []*loans       // of the pending events that stored has
}

// seriesView is what memory knows of a series.
type seriesView struct {
	row     store.Series
	unsaved map[cellDay]*dayView
	// running is the usage itself, nil when there is no running total. With check, the rest of the view is
	// there all the same, to make the usage in the other way.
	running *runningTotal
	total   *aggregator.Reducer // a copy of running's
	check   bool
	// seed is a running total that waits for what the asker finds; it must be given that, or be
	// given up, by partition.seed.
	seed *runningTotal
}

type cellDay struct {
	cell string
	day  int32
}

// dayView is a copy of a cell's counters of one day: all there are.
type dayView struct {
	total aggregator.Counter
	hours []hourView
}

type hourView struct {
	hour    int32
	counter aggregator.Counter
}

// close gives back what the view was lent. Nothing of it may be used any more.
func (v *view) close() {
	if v == nil || v.stored == nil {
		return
	}
	_ = v.stored.Close() // a snapshot's Close does not fail after its scans have ended
	endLoans(v.loans)
	v.loans = nil
}

// give answers the question, unless its asker has gone.
func (q *question) give(v *view, err error) {
	select {
	case q.answer <- answer{v, err}:
	case <-q.ctx.Done():
		v.giveUp()
		v.close()
	}
}

// ask answers a question, or lets it wait for its position.
func (p *partition) ask(q *question) {
	if p.answerNow(q) {
		return
	}
	if len(p.waiting) >= questionsWaitingMax {
		q.give(nil, query.ErrNotYet)
		return
	}
	p.waiting = append(p.waiting, q)
}

// eventsBetweenQuestions is after how many events, in whole records, the owner looks for questions
// while it counts a group: some 0.2 ms of work.
const eventsBetweenQuestions = 256

// askWaiting answers the questions that have come meanwhile. It is called before the next group is
// taken, and now and then during long work, when everything that an answer is made of agrees: else
// questions would wait for that, and under load for several groups. It is bounded, so that the
// stream goes on.
func (p *partition) askWaiting() {
	for range questionsAtATime {
		select {
		case q := <-p.questions:
			p.ask(q)
		default:
			return
		}
	}
}

// questionsAtATime is how many questions are answered at a time.
const questionsAtATime = 64

// answerNow answers the question if its position is reached, and reports whether it did.
func (p *partition) answerNow(q *question) bool {
	switch {
	case q.ctx.Err() != nil:
		return true
	case p.next < max(q.atLeast, q.at):
		return false
	case !q.committed:
		p.takeSeeds()
		q.give(p.view(q))
		return true
	case p.committed < q.atLeast:
		if p.writing == nil || p.writing.content.Progress.Next < q.atLeast {
			p.schedule.wanted = true
		}
		return false
	default:
		q.give(&view{}, nil)
		return true
	}
}

// answerWaiting answers the questions whose position has been reached.
func (p *partition) answerWaiting() {
	kept := p.waiting[:0]
	for _, q := range p.waiting {
		if !p.answerNow(q) {
			kept = append(kept, q)
		}
	}
	clear(p.waiting[len(kept):])
	p.waiting = kept
}

// lendPendings returns the events that may be in no checkpoint. Their memory may be used again
// when the loans have ended.
func (p *partition) lendPendings() ([]store.Pending, []*loans) {
	if p.writing == nil {
		return []store.Pending{*p.pending}, []*loans{p.loans.begin()}
	}
	return []store.Pending{p.writing.content.Pending, *p.pending}, []*loans{p.writing.loans.begin(), p.loans.begin()}
}

// loans counts who has a copy of a Pending. The owner begins a loan, anybody ends it.
type loans struct{ open atomic.Int32 }

func (l *loans) begin() *loans {
	l.open.Add(1)
	return l
}

// endLoans ends a loan of each.
func endLoans(list []*loans) {
	for _, l := range list {
		l.open.Add(-1)
	}
}

// none reports whether all loans have ended. The owner asks it when it begins no more.
func (l *loans) none() bool { return l.open.Load() == 0 }

func (p *partition) view(q *question) (*view, error) {
	v := &view{next: p.next, series: make([]*seriesView, len(q.wanted))}
	if q.at > 0 {
		return p.viewOf(q)
	}
	if err := p.recount(p.wantedSeries(q)...); err != nil {
		return nil, err
	}
	answered := 0
	for i := range q.wanted {
		w := &q.wanted[i]
		s := p.wantedOne(w)
		if s == nil {
			continue
		}
		v.series[i] = p.viewSeries(s, w, q.period)
		if v.series[i].running != nil && !v.series[i].check && !w.folds {
			answered++
		}
	}
	if len(q.wanted) > 0 && answered == len(q.wanted) {
		return v, nil
	}
	snapshot, err := p.store.Snapshot()
	if err != nil {
		v.giveUp()
		return nil, err
	}
	v.lend(p, snapshot, math.MaxInt64)
	v.asides = p.asidesPending()
	return v, nil
}

// viewOf returns a view of the past. Of series it says what their numbers are, and nothing of counters.
func (p *partition) viewOf(q *question) (*view, error) {
	v := &view{next: q.at, series: make([]*seriesView, len(q.wanted))}
	for i := range q.wanted {
		if s := p.wantedOne(&q.wanted[i]); s != nil {
			v.series[i] = &seriesView{row: store.Series{Number: s.row.Number}}
		}
	}
	snapshot, err := p.store.Snapshot()
	if err != nil {
		return nil, err
	}
	v.lend(p, snapshot, ingest.PositionOf(q.at, 0))
	return v, nil
}

// lend gives the view the events below a position: those of a snapshot, and what is pending.
func (v *view) lend(p *partition, snapshot *store.Snapshot, cut ingest.Position) {
	var pendings []store.Pending
	pendings, v.loans = p.lendPendings()
	v.stored = snapshot.ViewAt(cut, pendings...)
}

// wantedSeries returns those of a question that are in memory.
func (p *partition) wantedSeries(q *question) []*series {
	var list []*series
	for i := range q.wanted {
		if s := p.wantedOne(&q.wanted[i]); s != nil {
			list = append(list, s)
		}
	}
	return list
}

// wantedOne returns the series that is wanted if it is in memory.
func (p *partition) wantedOne(w *wanted) *series {
	return getSeries(&p.series, w.hash, w.name.Organization, w.name.Subscription, w.name.Code)
}

// asidesPending returns what was set aside and may be in no checkpoint.
func (p *partition) asidesPending() []*store.Aside {
	if p.writing == nil {
		return p.asides[:len(p.asides):len(p.asides)]
	}
	return slices.Concat(p.writing.asides, p.asides)
}

// viewSeries returns the running total of what is wanted, or copies what of a series'
// counters is not known to be in the store. There are no stale hours in it.
func (p *partition) viewSeries(s *series, w *wanted, period aggregator.Span) *seriesView {
	v := &seriesView{row: s.row}
	p.findRunning(s, w, period, v)
	if v.running != nil && !v.check && !w.prorates || s.counters == nil || s.row.Definition != w.definition {
		return v
	}
	span := period
	if w.metric.Recurring {
		span.From = ingest.TimestampMin
	}
	v.unsaved = make(map[cellDay]*dayView)
	s.counters.Unsaved(func(cell string, d *aggregator.Day) {
		at := cellDay{cell, d.Number}
		if v.unsaved[at] == nil && d.Overlaps(span) {
			v.unsaved[at] = copyDay(d)
		}
	})
	return v
}

func copyDay(d *aggregator.Day) *dayView {
	v := &dayView{total: d.Total()}
	d.Hours(func(hour int32, _ bool, c *aggregator.Counter) {
		v.hours = append(v.hours, hourView{hour, c.Clone()})
	})
	return v
}

// hint tells the owner that a question was answered a slower way than need be.
type hint struct {
	organization       [16]byte
	subscription, code string
}

// follow looks whether the counters of a series can be made to answer next time.
func (p *partition) follow(h hint) error {
	p.useCatalog()
	s := p.series.find(h.organization, h.subscription, h.code)
	if s == nil {
		if _, ok, err := p.store.Series(h.organization, h.subscription, h.code); err != nil || !ok {
			return err
		}
		var err error
		if s, err = p.openSeries(h.organization, h.subscription, h.code); err != nil {
			return err
		}
	}
	if s.generation == p.generation {
		return nil
	}
	return p.resolve(s)
}

// viewAt asks the owner for a view at the question's position or later.
func (p *partition) viewAt(q *question) (*view, error) {
	q.answer = make(chan answer)
	if err := p.usable(q.ctx); err != nil {
		return nil, err
	}
	select {
	case p.questions <- q:
	case <-p.ended:
		return nil, p.gone()
	case <-q.ctx.Done():
		return nil, notYet(q.ctx)
	}
	select {
	case a := <-q.answer:
		return a.view, a.err
	case <-q.ctx.Done():
		return nil, notYet(q.ctx)
	}
}

// snapshotAt returns the snapshot of a checkpoint at atLeast or later.
func (p *partition) snapshotAt(ctx context.Context, atLeast int64) (*store.Snapshot, error) {
	if err := p.usable(ctx); err != nil {
		return nil, err
	}
	if p.store.Progress().Next < atLeast {
		if _, err := p.viewAt(&question{ctx: ctx, atLeast: atLeast, committed: true}); err != nil {
			return nil, err
		}
	}
	return p.store.Snapshot()
}

// usable waits until the partition is open, and says why it can't be asked.
func (p *partition) usable(ctx context.Context) error {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return notYet(ctx)
	}
	if p.store == nil {
		return query.ErrNotOwner
	}
	if reason := p.stopped.Load(); reason != nil {
		return fmt.Errorf("%w: partition %d: %s", query.ErrStopped, p.number, *reason)
	}
	return nil
}

// gone says why the owner answers no more.
func (p *partition) gone() error {
	if reason := p.stopped.Load(); reason != nil {
		return fmt.Errorf("%w: partition %d: %s", query.ErrStopped, p.number, *reason)
	}
	return query.ErrNotOwner
}

func notYet(ctx context.Context) error {
	return fmt.Errorf("%w: %w", query.ErrNotYet, context.Cause(ctx))
}

// asked translates an error of a scan for the asker.
func asked(err error) error {
	switch {
	case errors.Is(err, store.ErrClosed):
		return query.ErrNotOwner
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", query.ErrNotYet, err)
	default:
		return err
	}
}
