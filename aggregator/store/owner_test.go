package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"weir/ingest"
)

// entryOf is one entry of a log, as tests write it down.
type entryOf struct {
	kind      ingest.Entry
	id        string
	sub, code string
	revision  uint32
	timestamp int64
	content   string
}

func (e *entryOf) key() ingest.ID { return ingest.IDKey(org, []byte(e.sub), []byte(e.id)) }

// owner takes the entries of a log into a store as the owner of a partition does, but for
// the counters: what supersedes what it finds with the store's own means.
type owner struct {
	tb      testing.TB
	store   *Store
	log     []entryOf       // one a record: the index is the offset
	next    int64           // offset: what is below was taken
	end     ingest.Position // the first that is in no checkpoint
	series  map[string]*SeriesName
	fresh   []*SeriesName // are in no checkpoint yet
	totals  Totals
	pending *Pending
	writing *Pending // in the checkpoint that is being written; nil = none is
}

func newOwner(tb testing.TB, s *Store) *owner {
	o := &owner{tb: tb, store: s}
	o.resume()
	return o
}

// resume begins at the store's commit point.
func (o *owner) resume() {
	progress := o.store.Progress()
	o.next, o.totals, o.end = progress.Next, progress.Totals, ingest.PositionOf(progress.Next, 0)
	o.pending, o.writing, o.fresh = new(Pending), nil, nil
	o.series = make(map[string]*SeriesName)
	snapshot := o.snapshot()
	defer snapshot.Close()
	err := snapshot.SeriesNames(context.Background(), org, "", func(name SeriesName) error {
		o.series[name.Subscription+"/"+name.Code] = &name
		return nil
	})
	if err != nil {
		o.tb.Fatal(err)
	}
}

func (o *owner) snapshot() *Snapshot {
	snapshot, err := o.store.Snapshot()
	if err != nil {
		o.tb.Fatal(err)
	}
	return snapshot
}

// take appends entries to the log and applies what is new in it.
func (o *owner) take(entries ...entryOf) {
	o.log = append(o.log, entries...)
	for ; o.next < int64(len(o.log)); o.next++ {
		if err := o.apply(&o.log[o.next], ingest.PositionOf(o.next, 0)); err != nil {
			o.tb.Fatal(err)
		}
	}
}

func (o *owner) versions(id ingest.ID) []Seen {
	versions, err := o.store.Versions(nil, id, o.end)
	if err != nil {
		o.tb.Fatal(err)
	}
	o.mustDecide(versions, id)
	if o.writing != nil {
		versions = o.writing.Versions(versions, id)
	}
	return o.pending.Versions(versions, id)
}

// mustDecide: of all versions, in order, those that decide are the first if that is the event, the last of
// the revision, and the last.
func (o *owner) mustDecide(all []Seen, id ingest.ID) {
	o.tb.Helper()
	for _, revision := range []uint32{1, 2, 3, math.MaxUint32} {
		var want []Seen
		for i := range all {
			first := i == 0 && all[i].Revision == 0
			lastOfRevision := all[i].Revision == revision && (i == len(all)-1 || all[i+1].Revision != revision)
			if first || lastOfRevision || i == len(all)-1 {
				want = append(want, all[i])
			}
		}
		got, err := o.store.Deciding(nil, id, revision, o.end)
		slices.SortFunc(got, func(a, b Seen) int { return a.Compare(&b) })
		if got = slices.Compact(got); err != nil || !slices.Equal(got, want) {
			o.tb.Fatalf("revision %d is decided by %+v (%v), want %+v of %+v", revision, got, err, want, all)
		}
	}
}

func (o *owner) apply(e *entryOf, position ingest.Position) error {
	id := e.key()
	versions := o.versions(id)
	event := ingest.Event{
		TransactionID: []byte(e.id), Subscription: []byte(e.sub), Code: []byte(e.code), Timestamp: e.timestamp,
		Revision: e.revision, Entry: e.kind, Properties: []ingest.Property{text("content", e.content)},
	}
	added := Seen{Position: position, Revision: e.revision, Cancelled: e.kind == ingest.EntryCancellation}
	if !added.Cancelled {
		added.Content = ingest.ContentHash32(&event)
	}
	if isRepeat(versions, &added, e.timestamp) {
		o.totals.Duplicates++
		return nil
	}
	current, _ := Current(versions)
	last := current < 0 || versions[current].Compare(&added) < 0
	if last && current >= 0 && !versions[current].Cancelled {
		var before Event
		if err := o.load([]byte(e.id), &versions[current], &before); err != nil {
			return err
		}
		o.pending.Supersede(&before, position)
	}
	if added.Cancelled {
		o.totals.Cancelled++
		o.pending.Cancel(id, e.revision, position)
		return nil
	}
	switch {
	case e.revision > 0:
		o.totals.Amended++
	case last:
		o.totals.Events++
	default:
		o.totals.Superseded++
	}
	name := o.seriesOf(e)
	o.pending.Append(name, id, added.Content, &event, position, 5)
	if !last {
		o.pending.Supersede(&Event{Event: event, Organization: org, Series: name.Number, Position: position}, position)
	}
	return nil
}

// isRepeat: an event is a repeat of any event with its id, a correction of one with its
// revision that says the same.
func isRepeat(versions []Seen, added *Seen, timestamp int64) bool {
	return slices.ContainsFunc(versions, func(v Seen) bool {
		if v.Revision != added.Revision {
			return false
		}
		return v.Revision == 0 || v.Cancelled == added.Cancelled &&
			(v.Cancelled || v.Content == added.Content && v.Timestamp == timestamp)
	})
}

func (o *owner) load(transactionID []byte, seen *Seen, into *Event) error {
	for _, p := range []*Pending{o.pending, o.writing} {
		if p == nil {
			continue
		}
		if ok, err := p.LoadEvent(seen, into); ok || err != nil {
			return err
		}
	}
	return o.store.LoadEvent(transactionID, seen, into)
}

func (o *owner) seriesOf(e *entryOf) *SeriesName {
	key := e.sub + "/" + e.code
	name := o.series[key]
	if name == nil {
		name = &SeriesName{Number: uint64(len(o.series) + 1), Organization: org, Subscription: e.sub, Code: e.code}
		o.series[key] = name
		o.fresh = append(o.fresh, name)
	}
	return name
}

// freeze makes a checkpoint of all that was taken.
func (o *owner) freeze() *Checkpoint {
	c := &Checkpoint{Pending: *o.pending}
	c.Progress.LogID, c.Progress.Next, c.Progress.Checksum = "log", o.next, 77
	c.Progress.SeriesNext, c.Progress.Totals = uint64(len(o.series)+1), o.totals
	for _, name := range o.fresh {
		c.PutName(name)
		c.PutSeries(name, &Series{Number: name.Number})
	}
	o.fresh = nil
	o.writing, o.pending = &c.Pending, NewPending(o.pending)
	return c
}

func (o *owner) checkpoint() {
	if err := o.store.Write(o.freeze()); err != nil {
		o.tb.Fatal(err)
	}
	o.written()
}

// written takes note that what was frozen is durable.
func (o *owner) written() {
	o.writing, o.end = nil, ingest.PositionOf(o.store.Progress().Next, 0)
}

// view returns what there is now; close it.
func (o *owner) view() *View {
	pending := []Pending{*o.pending}
	if o.writing != nil {
		pending = append([]Pending{*o.writing}, pending...)
	}
	return o.snapshot().View(pending...)
}

// shows returns all that a view shows of events and ids, as text.
func (o *owner) shows(v *View) string {
	ctx := context.Background()
	var b strings.Builder
	for _, name := range o.allSeries() {
		fmt.Fprintf(&b, "%s:", name.Subscription+"/"+name.Code)
		err := v.Events(ctx, name, always, func(e *Event) error {
			fmt.Fprintf(&b, " %s@%d", describeLive(e), e.Position.Offset())
			return nil
		})
		if err != nil {
			o.tb.Fatal(err)
		}
		b.WriteString("\n")
	}
	for _, id := range allIDs {
		fmt.Fprintf(&b, "id %s:", id)
		err := errors.Join(
			v.ByTransactionID(ctx, org, id, func(e *Event) error {
				fmt.Fprintf(&b, " %s@%d cancelled %v;", describeLive(e), e.Position.Offset(), e.Cancelled)
				return nil
			}),
			v.Histories(ctx, org, id, func(versions []Version) error {
				for i := range versions {
					fmt.Fprintf(&b, " %s", describeVersion(&versions[i]))
				}
				b.WriteString(";")
				return nil
			}),
		)
		if err != nil {
			o.tb.Fatal(err)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func describeLive(e *Event) string {
	return fmt.Sprintf("%s/%s=%s.%d r%d", e.Subscription, e.TransactionID, e.Properties[0].Text, e.Timestamp, e.Revision)
}

func describeVersion(v *Version) string {
	if v.Cancelled {
		return fmt.Sprintf("r%d@%d cancelled", v.Revision, v.Position.Offset())
	}
	return fmt.Sprintf("r%d@%d %s %s.%d", v.Revision, v.Position.Offset(), v.Event.Code, v.Event.Properties[0].Text, v.Event.Timestamp)
}

var (
	allSubs  = []string{"s", "sub", "sub\x00"}
	allCodes = []string{"calls", "c\x00"}
	allIDs   = []string{"a", "aa", "b", "b\x00", "c", "d-8-bytes", "e", "f"}
)

// allSeries returns the series of the tests' logs; those without an event have no number.
func (o *owner) allSeries() (names []*SeriesName) {
	for _, sub := range allSubs {
		for _, code := range allCodes {
			name := o.series[sub+"/"+code]
			if name == nil {
				name = &SeriesName{Organization: org, Subscription: sub, Code: code}
			}
			names = append(names, name)
		}
	}
	return names
}

// recount says what a view at an offset must show, from the log alone.
func recount(log []entryOf, next int64) string {
	histories := map[ingest.ID][]int64{} // offsets of an id's versions
	for at := range next {
		e := &log[at]
		if !slices.ContainsFunc(histories[e.key()], func(earlier int64) bool { return log[earlier].says(e) }) {
			histories[e.key()] = append(histories[e.key()], at)
		}
	}
	for _, versions := range histories { // the later of equal revisions stay behind
		slices.SortStableFunc(versions, func(a, b int64) int { return cmp.Compare(log[a].revision, log[b].revision) })
	}
	var b strings.Builder
	for _, sub := range allSubs {
		for _, code := range allCodes {
			fmt.Fprintf(&b, "%s/%s:", sub, code)
			for _, at := range liveIn(log, histories, sub, code) {
				fmt.Fprintf(&b, " %s@%d", log[at].describe(log[at].revision), at)
			}
			b.WriteString("\n")
		}
	}
	for _, id := range allIDs {
		fmt.Fprintf(&b, "id %s:", id)
		recountID(&b, log, histories, id)
		b.WriteString("\n")
	}
	return b.String()
}

// says reports whether an earlier entry makes another one of the same id say nothing new.
func (e *entryOf) says(later *entryOf) bool {
	switch {
	case e.revision != later.revision || e.kind != later.kind:
		return false
	case e.kind == ingest.EntryAmendment:
		return e.code == later.code && e.timestamp == later.timestamp && e.content == later.content
	default: // a cancellation says no more; the first event counts, whatever the others say
		return true
	}
}

func (e *entryOf) describe(revision uint32) string {
	return fmt.Sprintf("%s/%s=%s.%d r%d", e.sub, e.id, e.content, e.timestamp, revision)
}

// liveIn returns the offsets of the entries of a series that count, by time and id.
func liveIn(log []entryOf, histories map[ingest.ID][]int64, sub, code string) (live []int64) {
	for _, versions := range histories {
		at := versions[len(versions)-1]
		if e := &log[at]; e.kind != ingest.EntryCancellation && e.sub == sub && e.code == code {
			live = append(live, at)
		}
	}
	slices.SortFunc(live, func(a, b int64) int {
		return cmp.Or(cmp.Compare(log[a].timestamp, log[b].timestamp), cmp.Compare(log[a].id, log[b].id))
	})
	return live
}

// recountID writes what is found by a transaction id, those of several subscriptions
// in the order of their ids' hashes: first the current contents, then the histories.
func recountID(b *strings.Builder, log []entryOf, histories map[ingest.ID][]int64, id string) {
	var keys []ingest.ID
	for key, versions := range histories {
		withContent := slices.ContainsFunc(versions, func(at int64) bool { return log[at].kind != ingest.EntryCancellation })
		if log[versions[0]].id == id && withContent {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b ingest.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, key := range keys {
		versions := histories[key]
		last := &log[versions[len(versions)-1]]
		content := versions[len(versions)-1]
		for _, at := range versions {
			if log[at].kind != ingest.EntryCancellation {
				content = at
			}
		}
		fmt.Fprintf(b, " %s@%d cancelled %v;", log[content].describe(last.revision), content, last.kind == ingest.EntryCancellation)
	}
	for _, key := range keys {
		for _, at := range histories[key] {
			if e := &log[at]; e.kind == ingest.EntryCancellation {
				fmt.Fprintf(b, " r%d@%d cancelled", e.revision, at)
			} else {
				fmt.Fprintf(b, " r%d@%d %s %s.%d", e.revision, at, e.code, e.content, e.timestamp)
			}
		}
		b.WriteString(";")
	}
}
