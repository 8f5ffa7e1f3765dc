package mutants

var mutants = []mutant{
	// Ties and order.
	{"latest: of one instant the smaller id", "point.go", `string(q.id) > p.id`, `string(q.id) < p.id`},
	{"latest: of one instant the smaller id, merged", "point.go", `strings.Compare(p.id, other.id) > 0`, `strings.Compare(p.id, other.id) < 0`},
	{"latest: the first that came stays", "point.go", `return q.timestamp > p.timestamp ||`, `return p.id == "" ||`},
	{"max and min swapped, of events", "point.go", `return q.value.Compare(p.value) > 0`, `return q.value.Compare(p.value) < 0`},
	{"max: counters merge to the lower", "point.go", `p.kind == highestKind && other.value.Compare(p.value) <= 0`, `p.kind == highestKind && other.value.Compare(p.value) >= 0`},
	{"unique count: removals count as there", "unique_count.go", ` && !c.rare.point.removed`, ``},
	{"unique count: a written counter forgets that it removes", "counter.go", `kind |= pointRemoved`, `kind |= 0`},
	{"percentile: counted from above", "percentile.go", `a.number.Compare(b.number)`, `b.number.Compare(a.number)`},

	// Boundaries.
	{"the last nanosecond of a period is not read", "window.go", `Span{last * hourNanos, s.To}`, `Span{last * hourNanos, max(s.To-1, last*hourNanos)}`},
	{"the first instant of a period is not read", "window.go", `Span{s.From, first * hourNanos}`, `Span{min(s.From+1, first*hourNanos), first * hourNanos}`},
	{"running totals take the end of the period", "reducer.go", `return timestamp < r.period.To &&`, `return timestamp <= r.period.To &&`},
	{"metric's beginning is left out", "quantity.go", `receivedAt < m.ReceivedFrom`, `receivedAt <= m.ReceivedFrom && m.ReceivedFrom != 0`},
	{"recurring: history up to the beginning of the period", "reducer.go", `max(period.To, ingest.TimestampMin)`, `max(period.From, ingest.TimestampMin)`},

	// Rounding.
	{"weighted sum: up below zero alone", "weighted_sum.go", `if rest.IsPositive()`, `if rest.IsNegative()`},
	{"weighted sum: days that were given do not count", "worker/usage.go", `days > 0 {
		return aggregator.DaysLength`, `days > 1000 {
		return aggregator.DaysLength`},
	{"weighted sum: away from zero", "weighted_sum.go", `if rest.IsPositive() {
		units = units.Add(decimal.New(1, -weightedDigits))
	}`, `if !rest.IsZero() {
		units = units.Add(decimal.New(int64(rest.Sign()), -weightedDigits))
	}`},
	{"mean: a digit less", "avg.go", `avgDigits = 20`, `avgDigits = 19`},
	{"percentile: rank rounded down", "percentile.go", `.Ceil()`, `.Floor()`},

	// Sums.
	{"sum: the carry is lost", "sum.go", `s.hi + hi + int64(carry)`, `s.hi + hi + 0*int64(carry)`},
	{"sum: what does not fit is lost", "sum.go", `		d = s.wide.Add(d)
`, ``},
	{"weighted sum: events counted from the hour's end", "weighted_sum.go", `q.timestamp-start)`, `start-q.timestamp)`},
	{"weighted sum: hours of a day not shifted", "series.go", `if d.weighted {`, `if false {`},
	{"weighted sum: windows not shifted", "reducer.go", `return start - r.period.From`, `return 0`},
	{"weighted sum: opening value dropped", "reducer.go", `		into.Sum.Merge(&c.Sum)
`, ``},
	{"precise totals are not merged", "counter.go", `		parts.precise.Merge(&other.rare.precise)
`, ``},

	// Corrections.
	{"a removed event stays in the sum", "sum.go", `s.AddScaled(-n.scaled)`, `s.AddScaled(0)`},
	{"a removed event's precise total stays", "counter.go", `c.parts().precise.Sub(q.precise)`, `c.parts().precise.Sub(Number{})`},
	{"a removed event is still counted", "counter.go", `	c.EventsCount--
	c.Highest = max(c.Highest, position)
	if m.PreciseTotals {`, `	c.Highest = max(c.Highest, position)
	if m.PreciseTotals {`},
	{"an hour is not reset", "apply.go", `c.Counter = Counter{Highest: max(c.Highest, position)}`, `c.Highest = max(c.Highest, position)`},
	{"an hour is reset in one cell", "apply.go", `				s.markDirty(cell, d)
`, `				s.markDirty(cell, d)
				return
`},

	// Filters and groups.
	{"filters: fewest keys win", "filter.go", `return len(f.Conditions) > len(other.Conditions)`, `return len(f.Conditions) < len(other.Conditions)`},
	{"filters: wildcards before values", "filter.go", `return f.wildcards() < other.wildcards()`, `return f.wildcards() > other.wildcards()`},
	{"filters: the last of equals", "filter.go", `return f.wildcards() < other.wildcards()`, `return f.wildcards() <= other.wildcards()`},
	{"filters: one condition is enough", "filter.go", `		if v.Null || !slices.Contains(c.Values, v.Text) {
			return false
		}
	}
	return len(f.Conditions) > 0`, `		if !v.Null && slices.Contains(c.Values, v.Text) {
			return true
		}
	}
	return false`},
	{"groups: null is the empty text", "cell.go", `		return append(dst[:start], 0)
`, `		return append(dst[:start], 1)
`},
	{"groups: the charge's keys for all filters", "split.go", `	return s.Filters[filter].GroupKeys
`, `	return s.GroupKeys
`},

	// Folds.
	{"folds: a running total at the limit counts as below", "allowance.go", `if to < 0 {`, `if to <= 0 {`},
	{"folds: an event more is free", "allowance.go", `f.taken >= f.events`, `f.taken > f.events`},
	{"folds: an event of nothing is free for ever", "allowance.go", `return Number{}, from < 0 || to < 0`, `return Number{}, true`},
	{"folds: what comes back is paid for twice", "allowance.go", `beyond, sign = before, -1`, `beyond, sign = before, 1`},
	{"folds: the least that an event costs is forgotten", "transaction.go", `		f.cheapest++
`, `		f.count++
		f.within.Add(paid)
`},
	{"folds: the most that an event costs leaves out the fixed amount", "transaction.go", `f.most.Sub(f.fixed)`, `f.most.Sub(decimal.Zero)`},
	{"folds: a day begins a nanosecond late", "proration.go", `d.starts[d.at+1] <= at`, `d.starts[d.at+1] < at`},
	{"folds: the day behind the period counts", "proration.go", `d.of(span.To-1)`, `min(d.of(span.To), len(starts)-2)`},
	{"folds: the highest is the last", "proration.go", `if f.level.compare(&f.highest) > 0 {`, `if true {`},
	{"folds: tiers count what is below zero", "proration.go", `f.tier == tier && before.sign() >= 0 && f.level.sign() >= 0`, `f.tier == tier`},
	{"folds: what reaches a bound lies in the tier above it", "proration.go", `f.tiers[tier].addNumberProduct(value, days)`, `f.tiers[min(tier+1, len(f.bounds))].addNumberProduct(value, days)`},
	{"folds: the tier that is left gives nothing back", "proration.go", `min(tier, f.tier); i <=`, `f.tier; i <=`},
	{"folds: what was there before the period counts for no day", "folder.go", `at.proration.move(units.number(), f.days.from(f.days.first))`, `at.proration.move(units.number(), 0)`},
	{"folds: who was there before the period can't be removed", "folder.go", `&folded{there: true}`, `&folded{}`},
	{"folds: a member does not count on the day of its removal", "folder.go", `return wholeNumber(-1), 1`, `return wholeNumber(-1), 0`},
	{"folds: a member that comes back counts twice on that day", "folder.go", `if m.removed == day+1 {`, `if m.removed > day+1 {`},
	{"folds: history is not walked", "folder.go", `if !fold.Prorated && history {`, `if !fold.Prorated && !history {`},
	{"folds: history counts as of the period", "folder.go", `at.proration != nil && e.Timestamp < f.period.From`, `at.proration != nil && e.Timestamp < 0`},
	{"folds: groups of filters are one", "split.go", `	keys := slices.Clone(s.GroupKeys)
	for i := range s.Filters {
		f := &s.Filters[i]
		keys = append(keys, f.GroupKeys...)
`, `	keys := slices.Clone(s.GroupKeys)
	for i := range s.Filters {
		f := &s.Filters[i]
`},
	{"folds: what is not saved was not there before the period", "worker/view.go", ` && !w.prorates || s.counters == nil`, ` || s.counters == nil`},
	{"folds: the first item says which events are walked", "worker/fold.go", `		reach.From = min(reach.From, folder.Reach().From)
`, `		_ = folder
`},
	{"folds: history is opened for one item", "worker/fold.go", `		if err := folder.Open(history); err != nil {
			return err
		}
`, `		return folder.Open(history)
`},

	// Series.
	{"what is not saved is let go of", "series.go", `return !kept[d.Number] })`, `return true })`},
	{"absorbing replaces", "series.go", `counter.Merge(&day.hours[i].Counter, 0)`, `counter.Counter = day.hours[i].Counter.Clone()`},

	// What is foreseen.
	{"what an event does is foreseen of another", "worker/touch.go", `return &t.foreseen[at-t.from]`, `return &t.foreseen[0]`},
	{"what does not count is foreseen to", "foresee.go", `s.counting.metric.count(counter, f.reason, q, start, position)`, `s.counting.metric.count(counter, 0, q, start, position)`},

	// The worker.
	{"a repeat counts again", "worker/apply.go", `if known && first.position < position {`, `if known && first.correction {`},
	{"of equal revisions the first wins", "worker/correct.go", `e.Revision >= versions[current].Revision`, `e.Revision > versions[current].Revision`},
	{"an event that comes behind its correction counts", "worker/correct.go", `	p.totals.Superseded++
	return p.keep(record, e, parsed, position, nil)`, `	p.totals.Superseded++
	return p.keep(record, e, parsed, position, new(aggregator.Foreseen))`},
	{"a retry of a correction counts as one", "worker/correct.go", `if isRetry(versions, e, parsed.content) {`, `if false {`},
	{"the superseded event stays", "worker/correct.go", `	s.counters.Remove(&old.Event, old.ReceivedAt, position)
`, ``},
	{"stale hours are forgotten", "worker/correct.go", `		s.stale.note(hour, position)
		return nil
`, `		return nil
`},
	{"running totals keep what is corrected", "worker/correct.go", `		s.running.subtract(&old.Event, old.ReceivedAt, position)
`, ``},
	{"running totals take no events", "worker/running.go", `			t.reducer.AddEvent(e, receivedAt, position)
`, ``},
	{"a running total answers for both forms, recurring or not", "worker/running.go", ` && t.metric.Recurring == w.metric.Recurring &&`, ` &&`},
	{"a running total answers for other periods", "worker/running.go", `t.period == period && `, ``},
	{"what is not saved is not in the answer", "worker/usage.go", `	u.addUnsaved(&windows)
`, ``},
	{"what is not saved is in the answer twice", "worker/usage.go", `if !u.unsaved(cell, day) {`, `if !u.unsaved(cell, day-1) {`},
	{"recurring: no history in memory", "worker/view.go", `span.From = ingest.TimestampMin`, `span.From = ingest.TimestampMin + period.From`},
	{"pending events are not in the answer", "worker/view.go", `[]store.Pending{p.writing.content.Pending, *p.pending}`, `[]store.Pending{p.writing.content.Pending}`},
	{"events on their way into the store are not in the answer", "worker/view.go", `[]store.Pending{p.writing.content.Pending, *p.pending}`, `[]store.Pending{*p.pending}`},
	{"events on their way into the store are in the answer twice", "store/view.go", `!e.cancelled && e.position >= v.end && match(p, at)`, `!e.cancelled && match(p, at)`},
	{"what came since a running total was begun is lost", "worker/running.go", `		sown.reducer.Merge(t.reducer)
`, ``},
	{"what came since a rebuild began is lost", "worker/rebuild.go", `return s.counters.Absorb(since), nil`, `return true, nil`},
	{"what was superseded since a rebuild began stays", "worker/correct.go", `		r.stale.note(hour, position)
`, ``},
	{"the highest day is not loaded", "worker/series.go", `if day > s.row.DayMax {`, `if day >= s.row.DayMax {`},
	{"the last hour of a day is not loaded", "worker/series.go", `To: int64(day+1) * aggregator.HoursPerDay}`, `To: int64(day+1)*aggregator.HoursPerDay - 1}`},
	{"unchanged hours are written, changed ones are not", "worker/checkpoint.go", `				if dirty {
`, `				if !dirty {
`},
	{"the highest day is not noted", "worker/checkpoint.go", `if d.Number > s.row.DayMax {`, `if false {`},

	// The store.
	{"versions of an id by position, not by revision", "store/seen.go", `cmp.Or(cmp.Compare(s.Revision, other.Revision), cmp.Compare(s.Position, other.Position))`, `cmp.Compare(s.Position, other.Position)`},
	{"a written cancellation is forgotten", "store/seen.go", `flags |= seenCancelled`, `flags |= 0`},
	{"tombstones are ignored", "store/tombstone.go", `tombstone.by < t.end && (n == 0`, `tombstone.by < 0 && (n == 0`},
	{"pending tombstones of pending events are ignored", "store/view.go", ` && !v.superseded.has(e.position) {`, ` {`},
	{"pending tombstones of stored events are ignored", "store/event_scan.go", `!tombstones.has(p) && !v.superseded.has(p) }`, `!tombstones.has(p) }`},
	{"spans of events end a nanosecond early", "store/event_scan.go", `min(span.To, ingest.TimestampMax)`, `min(span.To-1, ingest.TimestampMax)`},
}
