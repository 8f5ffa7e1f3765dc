package worker

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// lookedAt is a context that tells when the owner looks at its question: that is when it is answered.
type lookedAt struct {
	context.Context
	look func()
}

func (c lookedAt) Err() error {
	if c.look != nil {
		c.look()
	}
	return nil
}

// askedOf puts a question for the usage of one of tokenRecords' subscriptions before the owner, who finds it
// when it next looks. look is called when it does, and may be nil; answered returns the events of the answer and
// the offset that it is of, or false when there is none.
func askedOf(t *testing.T, p *partition, look func()) (answered func() (events, next int64, ok bool)) {
	t.Helper()
	return askedFrom(t, p, 1_690_000_000_000_000_000, look)
}

// askedFrom is askedOf of the usage from an instant on.
func askedFrom(t *testing.T, p *partition, from int64, look func()) (answered func() (events, next int64, ok bool)) {
	t.Helper()
	metric := p.options.Catalog().Metric(uuid.UUID{1}, []byte("tokens"))
	req := query.UsageRequest{
		Organization: uuid.UUID{1}, Subscription: "subscription-0007", Items: []query.UsageItem{{Metric: metric}},
	}
	period := aggregator.Span{From: from, To: 1_710_000_000_000_000_000}
	q := &question{
		ctx: lookedAt{t.Context(), look}, wanted: wantedBy(&req), period: period, answer: make(chan answer, 1),
	}
	p.questions <- q
	t.Cleanup(func() {
		select {
		case a := <-q.answer:
			a.view.close()
		default:
		}
	})
	return func() (events, next int64, ok bool) {
		t.Helper()
		select {
		case a := <-q.answer:
			if a.err != nil {
				t.Fatal(a.err)
			}
			defer a.view.close()
			budget := new(query.Budget)
			held := budget.Reserve()
			defer held.Release()
			usages := usages{partition: p, ctx: t.Context(), req: &req, view: a.view, wanted: q.wanted, period: period, held: &held}
			defer usages.end()
			reducer, err := usages.of(metric)
			if err != nil {
				t.Fatal(err)
			}
			buckets, err := reducer.Buckets(&aggregator.Split{})
			if err != nil {
				t.Fatal(err)
			}
			return buckets[0].EventsCount, a.view.next, true
		default:
			return 0, 0, false
		}
	}
}

// answeringPartition is a partition whose questions can be put before anybody takes them, so that nothing here
// depends on time.
func answeringPartition(t *testing.T) *partition {
	p := applyPartition(t)
	p.questions = make(chan *question, 2*questionsAtATime)
	return p
}

// manySubscriptions is a record of one event of each of n subscriptions.
func manySubscriptions(n int) eventlog.Record {
	events := make([]ingest.Event, n)
	for i := range events {
		events[i] = ingest.Event{
			TransactionID: fmt.Appendf(nil, "transaction-%d", i), Subscription: fmt.Appendf(nil, "subscription-%04d", i),
			Code: []byte("tokens"), Timestamp: 1_700_000_000_000_000_000,
			Properties: []ingest.Property{{Name: []byte("tokens"), Kind: ingest.KindNumber, Text: []byte("1")}},
		}
	}
	header := ingest.Header{Organization: uuid.UUID{1}, ReceivedAt: 1_700_000_000_000_000_000}
	return eventlog.Record{Value: ingest.AppendRecord(nil, header, events)}
}

// groupOf makes a group of all the records.
func groupOf(records []eventlog.Record) *group {
	g := new(group)
	for i := range records {
		g.add(&records[i], 0, 1)
	}
	return g
}

// TestQuestionsAreAnsweredWhileAGroupIsCounted: within eventsBetweenQuestions events and the record in which they
// end, by exactly what is counted until then. The group has 20 records of 100 events, and 2 of each 100 are
// of the subscription: the owner looks before the records 3, 6, 9 ... 18.
func TestQuestionsAreAnsweredWhileAGroupIsCounted(t *testing.T) {
	p := answeringPartition(t)
	var later func() (int64, int64, bool)
	first := askedOf(t, p, func() {
		if later == nil && p.next == 3 {
			for range questionsAtATime - 1 { // as many as are answered at a time
				askedOf(t, p, nil)
			}
			later = askedOf(t, p, nil) // one too many
		}
	})
	if err := p.apply(groupOf(tokenRecords(20))); err != nil {
		t.Fatal(err)
	}
	if p.next != 20 || p.totals.Events != 2000 {
		t.Fatalf("the group ended at %d with %d events, want 20 with 2000", p.next, p.totals.Events)
	}
	for name, want := range map[string]struct {
		answered     func() (int64, int64, bool)
		events, next int64
	}{
		"the first question":           {first, 6, 3},
		"a question among many others": {later, 12, 6},
	} {
		if events, next, ok := want.answered(); !ok || events != want.events || next != want.next {
			t.Errorf("%s was answered: %v, with %d events up to offset %d, want %d up to %d",
				name, ok, events, next, want.events, want.next)
		}
	}
}

// TestQuestionsAreAnsweredDuringCheckpoints: within seriesBetweenQuestions series, while the owner copies what
// changed and while it takes note that it is durable; and by all that is counted.
func TestQuestionsAreAnsweredDuringCheckpoints(t *testing.T) {
	p := answeringPartition(t)
	// 130 series: the owner looks before the 64th and the 128th.
	const series = 130
	record := manySubscriptions(series)
	if err := p.takeRecord(new(group), &record); err != nil {
		t.Fatal(err)
	}
	check := func(when string, answered func() (int64, int64, bool), done, want int) {
		t.Helper()
		if events, next, ok := answered(); !ok || events != 1 || next != 1 || done != want {
			t.Errorf("%s: answered: %v, after %d series, with %d events up to offset %d; want it after %d, with 1 up to 1",
				when, ok, done, events, next, want)
		}
	}
	copied := -1
	answered := askedOf(t, p, func() { copied = len(p.writing.frozen.series) })
	p.freeze()
	check("while the copy is made", answered, copied, seriesBetweenQuestions-1)

	writing := p.writing
	if err := writing.write(p.store); err != nil {
		t.Fatal(err)
	}
	let := 0
	answered = askedOf(t, p, func() {
		for _, s := range writing.series {
			if !s.frozen {
				let++
			}
		}
	})
	p.endCheckpoint()
	check("while it is let go", answered, let, seriesBetweenQuestions-1)
}

// TestAnswersHoldWhatIsOnItsWay: events that are in a checkpoint that is being written, and those that came since,
// are in an answer that is made of the events themselves. Its period begins within their hour, 50 ms after
// the first. The subscription's are 7 and 57 ms after that in the first record, 107 and 157 in the second: three
// are in the period.
func TestAnswersHoldWhatIsOnItsWay(t *testing.T) {
	p := answeringPartition(t)
	records := tokenRecords(2)
	apply := func(records []eventlog.Record) {
		t.Helper()
		if err := p.apply(groupOf(records)); err != nil {
			t.Fatal(err)
		}
	}
	apply(records[:1])
	writing := p.freeze()
	apply(records[1:])
	check := func(when string) {
		t.Helper()
		answered := askedFrom(t, p, 1_700_000_000_050_000_000, nil)
		p.askWaiting()
		if events, next, ok := answered(); !ok || events != 3 || next != 2 {
			t.Errorf("%s: answered: %v, with %d events up to offset %d, want 3 up to 2", when, ok, events, next)
		}
	}
	check("before it is written")
	if err := writing.write(p.store); err != nil {
		t.Fatal(err)
	}
	check("when it is written, and the owner does not know yet")
	p.endCheckpoint()
	check("when it is durable")
}
