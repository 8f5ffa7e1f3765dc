package worker_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/aggregator/worker"
	"weir/ingest"
)

// event returns the one event with a transaction id, read at the end of the log.
func (r *rig) event(txn string) query.Event {
	r.tb.Helper()
	events, err := r.worker.Event(r.ctx(), query.EventRequest{Organization: orgA, TransactionID: txn, AtLeast: map[int32]int64{0: r.end(0)}})
	if err != nil || len(events) != 1 {
		r.tb.Fatalf("event %q: %d of them, %v", txn, len(events), err)
	}
	return events[0]
}

// page returns the transaction ids of a page, and the total.
func (r *rig) page(req query.EventsRequest) ([]string, int) {
	r.tb.Helper()
	req.Organization, req.AtLeast = orgA, map[int32]int64{0: r.end(0)}
	if req.To.IsZero() {
		req.From, req.To = time.Unix(0, base), time.Unix(0, base+day)
	}
	answer, err := r.worker.Events(r.ctx(), req)
	if err != nil {
		r.tb.Fatalf("events: %v", err)
	}
	ids := []string{}
	for i := range answer.Events {
		e := &answer.Events[i]
		if e.Cancelled || len(e.Versions) > 0 || len(e.Conflicts) > 0 {
			r.tb.Fatalf("event of a page is %+v", e)
		}
		ids = append(ids, e.TransactionID)
	}
	return ids, answer.Total
}

// TestHistoryOfAnEvent: an event says what it is now, what it was, and what contradicted it:
// before a checkpoint, after one, and after a restart.
func TestHistoryOfAnEvent(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	first := call("1", text("model", "a"))
	other := call("1", text("model", "x"))
	r.send(0, first, other, first)                                  // positions 0.0; conflict 0.1; repeat
	r.send(0, first.amended(2, base+5, text("model", "b")))         // 1.0
	r.send(0, first.amended(1, base+6, text("model", "c")), other)  // 2.0 comes too late; conflict 2.1
	r.send(0, first.cancel(3), call("2"), call("3", text("q", ""))) // 3.0
	r.send(0, call("3").amended(1, base+9, number("n", "1")))       // 4.0
	r.send(0, call("4").cancel(1), call("4", text("late", "")))     // 5.0, 5.1

	check := func() {
		t.Helper()
		want := []string{
			`1 rev 3 cancelled calls+5 [{model 4 b}] at 1.0; ` +
				`0 at 0.0 calls+1 [{model 4 a}], 1 at 2.0 calls+6 [{model 4 c}], 2 at 1.0 calls+5 [{model 4 b}], 3 at 3.0 cancelled; ` +
				`conflicts 0.1 2.1`,
			`2 rev 0 calls+1 [] at 3.1; 0 at 3.1 calls+1 []; conflicts`,
			`3 rev 1 calls+9 [{n 3 1}] at 4.0; 0 at 3.2 calls+1 [{q 4 }], 1 at 4.0 calls+9 [{n 3 1}]; conflicts`,
			`4 rev 1 cancelled calls+1 [{late 4 }] at 5.1; 0 at 5.1 calls+1 [{late 4 }], 1 at 5.0 cancelled; conflicts`,
		}
		for i, txn := range []string{"1", "2", "3", "4"} {
			e := r.event(txn)
			if got := historyLine(&e); got != want[i] {
				t.Errorf("event is\n%s\nwant\n%s", got, want[i])
			}
		}
		if ids, total := r.page(query.EventsRequest{Limit: 10}); !slices.Equal(ids, []string{"3", "2"}) || total != 2 {
			t.Errorf("events are %q of %d", ids, total)
		}
	}
	check()
	r.checkpoint()
	check()
	r.stop()
	r.start()
	check()
	r.send(0, call("3", text("z", "")))
	if e := r.event("3"); !strings.HasSuffix(historyLine(&e), "conflicts 6.0") {
		t.Errorf("after another conflict the event is %s", historyLine(&e))
	}
	r.stop()
}

// historyLine writes an event with all that is told of it on one line.
func historyLine(e *query.Event) string {
	at := func(p ingest.Position) string { return fmt.Sprintf("%d.%d", p.Offset(), p.Index()) }
	text := fmt.Sprintf("%s rev %d ", e.TransactionID, e.Revision)
	if e.Cancelled {
		text += "cancelled "
	}
	text += fmt.Sprintf("%s+%d %v at %s; ", e.Code, e.Timestamp-base, e.Properties, at(e.Position))
	for i, v := range e.Versions {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d at %s", v.Revision, at(v.Position))
		if v.Cancelled {
			text += " cancelled"
			if v.Code != "" || v.Timestamp != 0 || v.Properties != nil || v.ReceivedAt != 0 {
				text += " with content"
			}
		} else {
			text += fmt.Sprintf(" %s+%d %v", v.Code, v.Timestamp-base, v.Properties)
			if v.ReceivedAt != 1_700_000_000_000_000_000 {
				text += fmt.Sprintf(" received at %d", v.ReceivedAt)
			}
		}
	}
	text += "; conflicts"
	for _, c := range e.Conflicts {
		text += " " + at(c.Position)
		if c.ReceivedAt != 1_700_000_000_000_000_000 || c.Partition != e.Partition {
			text += fmt.Sprintf(" of partition %d received at %d", c.Partition, c.ReceivedAt)
		}
	}
	return text
}

// TestHistoryIsBounded: of many versions and conflicts the newest are given.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	r.send(0, call("1"))
	for i := range 2 * query.HistoryMax {
		r.send(0, call("1").amended(uint32(i+1), base+1, number("n", fmt.Sprint(i))), call("1", number("other", fmt.Sprint(i))))
		if i == query.HistoryMax/2 {
			r.checkpoint()
		}
	}
	e := r.event("1")
	if len(e.Versions) != query.HistoryMax || e.Versions[0].Revision != query.HistoryMax+1 || e.Revision != 2*query.HistoryMax {
		t.Errorf("%d versions from revision %d on, of %d", len(e.Versions), e.Versions[0].Revision, e.Revision)
	}
	last := ingest.PositionOf(2*query.HistoryMax, 1)
	if n := len(e.Conflicts); n != query.HistoryMax || e.Conflicts[n-1].Position != last || e.Conflicts[0].Position != ingest.PositionOf(query.HistoryMax+1, 1) {
		t.Errorf("%d conflicts from %d to %d", n, e.Conflicts[0].Position, e.Conflicts[n-1].Position)
	}
	r.stop()
}

// TestEventsBehindAUsage: for each bucket of a usage, and for each reason not to take part, the
// events behind it are as many as it says, and together they are all; page by page in order.
func TestEventsBehindAUsage(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	metric := &aggregator.Metric{
		Organization: orgA, Code: "calls", Aggregation: aggregator.SumAgg, FieldName: "tokens", CellKeys: []string{"model", "region"},
	}
	split := aggregator.Split{
		GroupKeys: []string{"model"},
		Filters: []aggregator.Filter{
			{Conditions: []aggregator.FilterCondition{{Key: "region", Values: []string{"eu", "us"}, Wildcard: true}}, GroupKeys: []string{"region", "model"}},
			{Conditions: []aggregator.FilterCondition{{Key: "region", Values: []string{"us"}}, {Key: "model", Values: []string{"1"}}}},
		},
	}
	r := newRig(t, 1)
	r.catalog.Store(aggregator.NewCatalog(1, []*aggregator.Metric{metric}))
	r.start()
	models := []ingest.Property{number("model", "1"), text("model", "1"), text("model", "b"), {Name: []byte("model"), Kind: ingest.KindNull}}
	for i := range 300 {
		var properties []ingest.Property
		if n := rng.IntN(5); n < 4 {
			properties = append(properties, models[n])
		}
		if n := rng.IntN(4); n < 3 {
			properties = append(properties, text("region", []string{"eu", "us", "asia"}[n]))
		}
		if n := rng.IntN(4); n < 3 {
			properties = append(properties, []ingest.Property{number("tokens", "2.5"), text("tokens", "7"), text("tokens", "seven")}[n])
		}
		s := call(fmt.Sprintf("%03d", i), properties...)
		s.timestamp = base + rng.Int64N(20)
		r.send(0, s)
		if other := call(fmt.Sprintf("%03d", rng.IntN(i+1))); rng.IntN(6) == 0 {
			r.send(0, other.cancel(1))
		} else if rng.IntN(6) == 0 {
			r.send(0, other.amended(2, base+rng.Int64N(20), properties...))
		}
		if i == 200 {
			r.checkpoint()
		}
	}
	answer, err := r.worker.Usage(r.ctx(), query.UsageRequest{
		Organization: orgA, Subscription: "alpha", From: time.Unix(0, base), To: time.Unix(0, base+15),
		Items: []query.UsageItem{{Metric: metric, Split: split}}, AtLeast: r.end(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	item := answer.Items[0]
	if len(item.Buckets) < 8 || item.Uncounted[aggregator.MissingProperty] == 0 || item.Uncounted[aggregator.NotANumber] == 0 {
		t.Fatalf("usage is too plain: %s", describe(item))
	}
	req := query.EventsRequest{Subscription: "alpha", Limit: 7, From: time.Unix(0, base), To: time.Unix(0, base+15)}
	found := map[string]int{}
	behind := func(part aggregator.Part, want int64) {
		t.Helper()
		part.Metric = metric
		req.Of, req.Offset = &part, 0
		for {
			ids, total := r.page(req)
			if int64(total) != want {
				t.Fatalf("%d events are behind %+v, want %d", total, part, want)
			}
			for _, id := range ids {
				found[id]++
			}
			if req.Offset += len(ids); len(ids) < req.Limit {
				break
			}
		}
		if req.Offset != int(want) {
			t.Fatalf("pages have %d events, want %d", req.Offset, want)
		}
	}
	taking := int64(0)
	for _, b := range item.Buckets {
		behind(aggregator.Part{Split: split, Filter: b.Filter, Group: b.Group}, b.EventsCount)
		taking += b.EventsCount
	}
	for _, reason := range []aggregator.Reason{aggregator.MissingProperty, aggregator.NotANumber, aggregator.ExpressionFailed} {
		behind(aggregator.Part{Reason: reason, Filter: aggregator.AnyFilter}, item.Uncounted[reason])
	}
	for id, n := range found {
		if n != 1 {
			t.Errorf("event %s is in %d parts", id, n)
		}
	}
	req.Of, req.Offset, req.Limit = nil, 0, query.EventsLimitMax
	all, total := r.page(req)
	if len(found) != len(all) || total != len(all) {
		t.Errorf("%d events are in some part, of %d, total %d", len(found), len(all), total)
	}
	behind(aggregator.Part{Filter: aggregator.AnyFilter}, taking)
	r.stop()
}

// TestSeriesOfAnOrganization: every series with a current event in the range is told of, those in no
// checkpoint as well as the others, in order and page by page.
func TestSeriesOfAnOrganization(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.tune = func(o *worker.Options) { o.StateBytesMax = 1 }
	r.start()
	want := map[query.SeriesKey]query.SeriesInfo{}
	send := func(sub, code string, from, to int) {
		for i := from; i < to; i++ {
			s := sent{org: orgA, txn: fmt.Sprint(code, i), sub: sub, code: code, timestamp: base + int64(i)}
			r.send(r.home(&s), s)
		}
		key := query.SeriesKey{Subscription: sub, Code: code}
		info, known := want[key]
		if !known {
			info = query.SeriesInfo{SeriesKey: key, Partition: r.home(&sent{org: orgA, sub: sub}), Oldest: base + int64(from)}
		}
		info.Events, info.Newest = info.Events+to-from, base+int64(to-1)
		want[key] = info
	}
	for i := range 10 {
		send(fmt.Sprint("s", i), "calls", 1, 3+i)
		send(fmt.Sprint("s", i), "a\x00b", 5, 6)
	}
	before := sent{org: orgA, txn: "t", sub: "s1", code: "before", timestamp: base - 1}
	r.send(r.home(&before), before)
	others := sent{org: orgB, txn: "t", sub: "s1", code: "calls", timestamp: base + 1}
	r.send(r.home(&others), others)
	gone := sent{org: orgA, txn: "t", sub: "s2", code: "gone", timestamp: base + 1}
	r.send(r.home(&gone), gone)
	r.checkpoint()
	cancelled := gone
	cancelled.cancelled, cancelled.revision = true, 1
	r.send(r.home(&gone), cancelled)
	send("s3", "calls", 100, 105) // now stored and pending
	send("s3", "zz", 1, 2)
	send("s0", "0", 1, 2)
	send("zzz", "new", 1, 2)
	for _, limit := range []int{1, 4, query.SeriesLimitMax} {
		got := r.series(query.SeriesRequest{Limit: limit})
		if len(got) != len(want) {
			t.Errorf("limit %d: %d series, want %d: %v", limit, len(got), len(want), got)
		}
		for i, s := range got {
			if s != want[s.SeriesKey] {
				t.Errorf("limit %d: series is %+v, want %+v", limit, s, want[s.SeriesKey])
			}
			if i > 0 && got[i-1].Compare(s.SeriesKey) >= 0 {
				t.Errorf("limit %d: %v comes after %v", limit, s.SeriesKey, got[i-1].SeriesKey)
			}
		}
	}
	if got := r.series(query.SeriesRequest{Subscription: "s3", Limit: 2}); len(got) != 3 {
		t.Errorf("series of one subscription are %v", got)
	}
	r.stop()
}

// TestSeriesAreCountedUpTo: events are counted up to a bound.
func TestSeriesAreCountedUpTo(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.start()
	for from := 0; from < 3*query.SeriesCountMax; from += 100 {
		var events []sent
		for i := range 100 {
			s := call(fmt.Sprint(from + i))
			s.timestamp = base + int64(from+i)
			events = append(events, s)
		}
		r.send(0, events...)
		if from == query.SeriesCountMax/2 {
			r.checkpoint()
		}
	}
	for range 2 {
		got := r.series(query.SeriesRequest{Limit: 1})
		if len(got) != 1 || got[0].Events != query.SeriesCountMax || got[0].Newest != base+3*query.SeriesCountMax-1 {
			t.Errorf("series are %+v", got)
		}
		r.checkpoint()
	}
	r.stop()
}

// series reads all pages.
func (r *rig) series(req query.SeriesRequest) (list []query.SeriesInfo) {
	r.tb.Helper()
	req.Organization, req.From, req.To = orgA, time.Unix(0, base), time.Unix(0, base+day)
	req.AtLeast = map[int32]int64{}
	for p := range r.log.Identity().Partitions {
		req.AtLeast[p] = r.end(p)
	}
	for range 1000 {
		answer, err := r.worker.Series(r.ctx(), req)
		if err != nil {
			r.tb.Fatalf("series: %v", err)
		}
		if len(answer.Series) > req.Limit {
			r.tb.Fatalf("a page of %d has %d series", req.Limit, len(answer.Series))
		}
		list = append(list, answer.Series...)
		if req.After = answer.Next; req.After == (query.SeriesKey{}) {
			return list
		}
	}
	r.tb.Fatalf("pages have no end")
	return nil
}

// TestBadQuestionsAreNotAnswered: what the wire refuses is refused without it, too.
func TestBadQuestionsAreNotAnswered(t *testing.T) {
	t.Parallel()
	r := startCounting(t)
	if _, err := r.worker.Usage(r.ctx(), query.UsageRequest{Organization: orgA, Items: itemsOf(&aggregator.Metric{Code: "x"})}); err == nil {
		t.Error("usage of a metric without aggregation was answered")
	}
	split := aggregator.Split{GroupKeys: []string{"x"}}
	if _, err := r.worker.Usage(r.ctx(), query.UsageRequest{Organization: orgA, Items: []query.UsageItem{{Metric: calls, Split: split}}}); err == nil {
		t.Error("usage by a group that the metric does not have was answered")
	}
	if _, err := r.worker.Events(r.ctx(), query.EventsRequest{Organization: orgA, Limit: 1, Of: &aggregator.Part{Metric: calls}}); err == nil {
		t.Error("events behind the usage of no subscription were answered")
	}
	if _, err := r.worker.Series(r.ctx(), query.SeriesRequest{Organization: orgA}); err == nil {
		t.Error("a page of no series was answered")
	}
	r.stop()
}
