package biller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/shopspring/decimal"

	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/biller"
	"weir/ingest"
)

func wantLines(t *testing.T, inv billing.Invoice, want ...string) {
	t.Helper()
	if got := lines(inv); !slices.Equal(got, want) {
		t.Errorf("invoice:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOneInvoiceForSubscriptionsDueTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.subscribe("c", "s1", w.plan, "2024-04-10T12:00:00Z")
	second := w.subscribe("c", "s2", w.plan, "2024-04-16T00:00:00Z")
	w.usage.add("s1", "2024-04-10T11:59:59.999Z", 1000) // before it began
	w.usage.add("s1", "2024-04-10T12:00:00Z", 100)
	w.usage.add("s1", "2024-04-30T23:59:59.999999Z", 20)
	w.usage.add("s1", "2024-05-01T00:00:00Z", 1000) // in May
	w.usage.add("s2", "2024-04-20T00:00:00Z", 3)

	w.tick("2024-05-01T00:09:59Z", 0) // the billing delay is not over
	w.tick("2024-05-01T00:10:00Z", 1)
	w.tick("2024-05-01T00:10:00Z", 0)

	invoices := w.invoices("c")
	if len(invoices) != 1 {
		t.Fatalf("%d invoices", len(invoices))
	}
	inv := invoices[0]
	wantLines(t, inv,
		"ACM-0001-001-001 2024-05-01 4415 USD",
		"subscription pro 1 units 0 events 2100", // 21 of 30 days of 30.00
		"charge tokens 120 units 2 events 600",   // x 0.05
		"charge requests 2 units 2 events 100",   // one package
		"subscription pro 1 units 0 events 1500", // 15 of 30 days
		"charge tokens 3 units 1 events 15",
		"charge requests 1 units 1 events 100")
	if got := inv.PaymentDueDate.Format(time.DateOnly); got != "2024-05-31" {
		t.Errorf("payment is due %s", got)
	}
	for i, s := range []billing.Subscription{first, second} {
		covers := inv.Subscriptions[i]
		want := billing.Cut{LogID: logID, Partition: ingest.Partition(w.org.ID, s.ExternalID, partitions), Next: logEnd + 7}
		if covers.SubscriptionID != s.ID || covers.Cut == nil || *covers.Cut != want {
			t.Errorf("subscription %d of the invoice: %+v, cut %+v", i, covers, covers.Cut)
		}
	}
	w.checkAsked(t)
}

// checkAsked checks that usage was asked for from checkpoints at the log's end, each
// metric once.
func (w *world) checkAsked(t *testing.T) {
	t.Helper()
	if len(w.usage.asked) != 2 {
		t.Errorf("usage was asked for %d times", len(w.usage.asked))
	}
	for _, req := range w.usage.asked {
		if !req.Committed || req.AtLeast != logEnd || len(req.Items) != 2 {
			t.Errorf("asked %+v", req)
		}
	}
}

func TestOnlyWhatFallsDueTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("c", "s1", w.plan, "2024-04-01T00:00:00Z")
	w.subscribe("d", "s2", w.newPlan("euro", "EUR", false), "2024-04-01T00:00:00Z")
	w.subscribe("d", "s3", w.plan, "2024-04-01T00:00:00Z") // another currency
	w.subscribe("d", "s4", w.plan, "2024-05-07T00:00:00Z") // another month
	w.tick("2024-05-02T00:00:00Z", 3)
	wantLines(t, w.invoices("c")[0], "ACM-0001-001-001 2024-05-01 3000 USD", "subscription pro 1 units 0 events 3000")
	invoices := w.invoices("d")
	if len(invoices) != 2 || invoices[0].Currency != "EUR" || invoices[1].Currency != "USD" || invoices[1].TotalAmountCents != 3000 {
		t.Errorf("invoices %+v", invoices)
	}
}

func TestTwoBillersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const customers = 30
	for i := range customers {
		id := fmt.Sprint("c", i)
		w.subscribe(id, id+"-1", w.plan, "2024-04-01T00:00:00Z")
		w.subscribe(id, id+"-2", w.plan, "2024-04-01T00:00:00Z")
	}
	const now = "2024-05-01T01:00:00Z"
	var wg sync.WaitGroup
	written := make([]int, 3)
	for i := range written {
		b := w.biller(now)
		wg.Go(func() {
			var err error
			if written[i], err = b.Tick(w.ctx, at(now)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if total := written[0] + written[1] + written[2]; total != customers {
		t.Errorf("%d invoices, want %d", total, customers)
	}
	for i := range customers {
		invoices := w.invoices(fmt.Sprint("c", i))
		if len(invoices) != 1 || invoices[0].TotalAmountCents != 6000 || len(invoices[0].Subscriptions) != 2 {
			t.Errorf("customer %d has %d invoices", i, len(invoices))
		}
	}
}

// A biller whose lease runs out while it works makes nothing twice: whoever comes second
// finds the subscription moved.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("c", "s", w.plan, "2024-04-01T00:00:00Z")
	var once sync.Once
	w.usage.answer = func(query.UsageRequest, *query.UsageAnswer) error {
		once.Do(func() {
			// While this biller asks, another one an hour later takes the customer over.
			other := &usageTable{events: w.usage.events}
			b := w.biller("2024-05-01T02:00:00Z", func(o *biller.Options) { o.Usage = other })
			if n, err := b.Tick(w.ctx, at("2024-05-01T02:00:00Z")); n != 1 || err != nil {
				t.Errorf("the other biller wrote %d invoices, %v", n, err)
			}
		})
		return nil
	}
	w.tick("2024-05-01T01:00:00Z", 0)
	if invoices := w.invoices("c"); len(invoices) != 1 {
		t.Errorf("%d invoices", len(invoices))
	}
}

// The transaction fails after everything in it but the last: nothing stays, and the next
// try makes the one invoice, with the first number.
func TestTransactionFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("c", "s", w.plan, "2024-04-01T00:00:00Z")
	w.subscribe("d", "s2", w.plan, "2024-04-01T00:00:00Z")
	w.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.subject_id IN (SELECT i.id FROM invoices i JOIN customers c ON c.id = i.customer_id WHERE c.external_id = 'c')
		THEN RAISE 'power cut'; END IF; RETURN NEW; END $$`)
	w.exec(`CREATE TRIGGER fail BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION fail()`)

	now := at("2024-05-01T01:00:00Z")
	registry := prometheus.NewRegistry()
	b := w.biller("", func(o *biller.Options) {
		o.Clock, o.Registerer = func() time.Time { return now }, registry
	})
	tick := func(want int) {
		t.Helper()
		if got, err := b.Tick(w.ctx, now); got != want || err != nil {
			t.Fatalf("%d invoices, %v; want %d", got, err, want)
		}
	}
	tick(1) // d's: one customer's fault holds up no other
	if got := w.invoices("c"); len(got) != 0 {
		t.Fatalf("%d invoices of a failed transaction", len(got))
	}
	if got := w.subscription(s); !got.UsageBilledUntil.Equal(s.UsageBilledUntil) || !got.NextDueAt.Equal(*s.NextDueAt) {
		t.Fatalf("the subscription moved: %+v", got)
	}
	w.wantMetrics(registry, 1, 1)

	w.exec(`DROP TRIGGER fail ON outbox`)
	tick(0) // it waits
	now = now.Add(6 * time.Second)
	tick(1)
	invoices := w.invoices("c")
	if len(invoices) != 1 || invoices[0].Number != "ACM-0001-001-001" {
		t.Fatalf("invoices %+v", invoices)
	}
	w.wantMetrics(registry, 2, 1)
}

func (w *world) exec(sql string) {
	w.t.Helper()
	conn, err := pgx.Connect(w.ctx, w.url)
	w.must(err)
	defer conn.Close(w.ctx)
	_, err = conn.Exec(w.ctx, sql)
	w.must(err)
}

func (w *world) wantMetrics(registry *prometheus.Registry, invoices, failures int) {
	w.t.Helper()
	want := fmt.Sprintf(`# HELP weir_billing_failures_total Customers that could not be billed and wait for another try.
# TYPE weir_billing_failures_total counter
weir_billing_failures_total %d
# HELP weir_billing_invoices_total Invoices written.
# TYPE weir_billing_invoices_total counter
weir_billing_invoices_total %d
`, failures, invoices)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "weir_billing_invoices_total", "weir_billing_failures_total"); err != nil {
		w.t.Error(err)
	}
}

// Usage that is not what was asked for makes no invoice.
func TestRefusesOtherAnswers(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*query.UsageAnswer) error{
		"not yet":         func(*query.UsageAnswer) error { return query.ErrNotYet },
		"other log":       func(a *query.UsageAnswer) error { a.LogID = "log-2"; return nil },
		"other partition": func(a *query.UsageAnswer) error { a.Partition++; return nil },
		"too early":       func(a *query.UsageAnswer) error { a.Next = logEnd - 1; return nil },
		"item missing":    func(a *query.UsageAnswer) error { a.Items = a.Items[:1]; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.subscribe("c", "s", w.plan, "2024-04-01T00:00:00Z")
			w.usage.answer = func(_ query.UsageRequest, a *query.UsageAnswer) error { return spoil(a) }
			w.tick("2024-05-01T01:00:00Z", 0)
			if got := w.invoices("c"); len(got) != 0 {
				t.Errorf("%d invoices", len(got))
			}
		})
	}
}

func TestStartsNeedNoDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	advance := w.newPlan("ahead", "USD", true)
	w.subscribe("c", "s1", advance, "2024-04-16T12:00:00Z")
	pending := w.subscribeAt("d", "s2", w.plan, "2024-04-16T12:00:00Z", "2024-04-01T00:00:00Z")
	w.tick("2024-04-16T11:59:59Z", 0)
	w.tick("2024-04-16T12:00:00Z", 1)
	wantLines(t, w.invoices("c")[0], "ACM-0001-001-001 2024-04-16 1500 USD", "subscription ahead 1 units 0 events 1500")
	if got := w.subscription(pending); got.Status != billing.Active || !got.StartedAt.Equal(at("2024-04-16T12:00:00Z")) {
		t.Errorf("status %s since %v", got.Status, got.StartedAt)
	}
	if got := w.invoices("d"); len(got) != 0 {
		t.Errorf("a start in arrears made %d invoices", len(got))
	}
	w.usage.add("s1", "2024-04-20T00:00:00Z", 1)
	w.tick("2024-05-01T00:10:00Z", 2)
	wantLines(t, w.invoices("c")[1], "ACM-0001-001-002 2024-05-01 3105 USD", "subscription ahead 1 units 0 events 3000",
		"charge tokens 1 units 1 events 5", "charge requests 1 units 1 events 100")
}

func TestTerminated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("c", "s", w.plan, "2024-04-01T00:00:00Z")
	w.usage.add("s", "2024-04-15T17:59:59.999Z", 10)
	w.usage.add("s", "2024-04-15T18:00:00Z", 1000) // after the end
	_, err := w.db.UpdateSubscription(w.ctx, w.org.ID, s.ID, at("2024-04-15T18:00:00Z"), func(s *billing.Subscription) error {
		return s.Terminate(&w.plan, time.UTC, at("2024-04-15T18:00:00Z"), false)
	})
	w.must(err)
	w.tick("2024-04-15T18:10:00Z", 1)
	inv := w.invoices("c")[0]
	wantLines(t, inv, "ACM-0001-001-001 2024-04-15 1650 USD", "subscription pro 1 units 0 events 1500",
		"charge tokens 10 units 1 events 50", "charge requests 1 units 1 events 100")
	if inv.Subscriptions[0].Reason != billing.ReasonTerminating {
		t.Errorf("reason %s", inv.Subscriptions[0].Reason)
	}
	w.tick("2025-01-01T00:00:00Z", 0)
}

// A termination between claim and write is not overwritten.
func TestTerminatedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("c", "s", w.plan, "2024-04-01T00:00:00Z")
	var once sync.Once
	w.usage.answer = func(query.UsageRequest, *query.UsageAnswer) error {
		once.Do(func() {
			_, err := w.db.UpdateSubscription(w.ctx, w.org.ID, s.ID, at("2024-05-01T00:30:00Z"), func(s *billing.Subscription) error {
				return s.Terminate(&w.plan, time.UTC, at("2024-05-01T00:30:00Z"), false)
			})
			if err != nil {
				t.Error(err)
			}
		})
		return nil
	}
	w.tick("2024-05-01T00:30:00Z", 0)
	w.tick("2024-05-01T01:00:00Z", 2)
	invoices := w.invoices("c")
	if len(invoices) != 2 || invoices[0].TotalAmountCents != 3000 || invoices[1].TotalAmountCents != 97 { // 1 of 31 days
		t.Errorf("invoices %+v", invoices)
	}
}

func TestSandboxOverThreeMonths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-01-01T00:00:00Z")))
	endingAt := at("2024-03-10T06:00:00Z")
	w.subscribe("c", "s", w.plan, "2024-01-01T00:00:00Z")
	w.subscribe("d", "s2", w.newPlan("ahead", "USD", true), "2024-02-15T00:00:00Z")
	ending := billing.Subscription{OrganizationID: w.org.ID, CustomerID: w.customer("e").ID, PlanID: w.plan.ID, ExternalID: "s3", EndingAt: &endingAt}
	w.must(ending.Start(&w.plan, time.UTC, at("2024-02-01T00:00:00Z")))
	w.must(w.db.CreateSubscription(w.ctx, &ending))
	w.usage.add("s", "2024-01-31T23:59:59.999Z", 1)
	w.usage.add("s", "2024-02-01T00:00:00Z", 2)
	w.usage.add("s", "2024-03-31T23:59:59.999Z", 4)
	w.usage.add("s", "2024-04-01T00:00:00Z", 8)

	w.tick("2030-01-01T00:00:00Z", 0) // the system's clock has nothing to say here
	b := w.biller("2030-01-01T00:00:00Z")
	w.must(b.Advance(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")))

	invoices := w.invoices("c")
	if len(invoices) != 3 {
		t.Fatalf("%d invoices", len(invoices))
	}
	tokens := []int{5, 10, 20} // 1, 2 and 4 tokens of 0.05, and a package of 1.00
	for i, inv := range invoices {
		due := time.Date(2024, time.Month(i+2), 1, 0, 0, 0, 0, time.UTC)
		wantLines(t, inv, fmt.Sprintf("ACM-0001-001-%03d %s %d USD", i+1, due.Format(time.DateOnly), 3100+tokens[i]),
			"subscription pro 1 units 0 events 3000",
			fmt.Sprintf("charge tokens %d units 1 events %d", tokens[i]/5, tokens[i]), "charge requests 1 units 1 events 100")
		if !inv.CreatedAt.Equal(due) {
			t.Errorf("invoice %s was created at %s", inv.Number, inv.CreatedAt)
		}
	}
	var dates []string
	for _, inv := range append(w.invoices("d"), w.invoices("e")...) {
		dates = append(dates, fmt.Sprintf("%s %d", inv.IssuingDate.Format(time.DateOnly), inv.TotalAmountCents))
	}
	// d pays February's 15 of 29 days at its start, then month by month. e ends on 10 March.
	if want := []string{"2024-02-15 1552", "2024-03-01 3000", "2024-04-01 3000", "2024-03-01 3000", "2024-03-10 968"}; !slices.Equal(dates, want) {
		t.Errorf("%v, want %v", dates, want)
	}

	w.must(b.Advance(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")))
	if got := w.invoices("c"); len(got) != 3 {
		t.Errorf("the same instant again made %d invoices", len(got))
	}
}

// Two calls at once for one sandbox: both return only when everything is done.
func TestSandboxTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-01-01T00:00:00Z")))
	for i := range 4 {
		id := fmt.Sprint("s", i)
		w.subscribe(id, id, w.plan, "2024-01-01T00:00:00Z")
	}
	var wg sync.WaitGroup
	for range 2 {
		b := w.biller("2030-01-01T00:00:00Z")
		wg.Go(func() {
			if err := b.Advance(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")); err != nil {
				t.Error(err)
			}
			for i := range 4 {
				if got := w.invoices(fmt.Sprint("s", i)); len(got) != 3 {
					t.Errorf("%d invoices when it returned", len(got))
				}
			}
		})
	}
	wg.Wait()
}

// Filters and groups of charges are asked for by the definition of all charges on the
// metric, and each bucket has its fee.
func TestFiltersAndGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := price("1"), price("2")
	plan := billing.Plan{
		OrganizationID: w.org.ID, Code: "f", Name: "f", Interval: billing.Monthly, Currency: "JPY", CreatedAt: w.org.CreatedAt,
		Charges: []billing.Charge{{
			Metric: w.tokens, Code: "tokens", Model: billing.Standard,
			Properties: billing.ChargeProperties{Amount: &one, PricingGroupKeys: []string{"model"}},
			Filters: []billing.ChargeFilter{{
				Values:     map[string][]string{"region": {"eu"}},
				Properties: billing.ChargeProperties{Amount: &two},
			}},
		}},
	}
	w.must(w.db.CreatePlan(w.ctx, &plan))
	w.subscribe("c", "s", plan, "2024-04-01T00:00:00Z")
	w.usage.send("s", "tokens", "2024-04-02T00:00:00Z", "n=3")
	w.usage.send("s", "tokens", "2024-04-03T00:00:00Z", "n=5", "model=a1")
	w.usage.send("s", "tokens", "2024-04-04T00:00:00Z", "n=7", "model=a1", "region=eu")
	w.usage.answer = func(req query.UsageRequest, _ *query.UsageAnswer) error {
		if got := req.Items[0].Metric.CellKeys; !slices.Equal(got, []string{"model", "region"}) {
			t.Errorf("cells by %v", got)
		}
		return nil
	}
	w.tick("2024-05-01T01:00:00Z", 1)
	inv := w.invoices("c")[0]
	wantLines(t, inv, "ACM-0001-001-001 2024-05-01 22 JPY", "subscription f 1 units 0 events 0",
		"charge tokens 7 units 1 events 14", // yen have no minor unit
		"charge tokens 3 units 1 events 3", "charge tokens 5 units 1 events 5")
	if f := inv.Fees[1].Filter; f == nil || !slices.Equal(f.Values["region"], []string{"eu"}) {
		t.Errorf("filter %+v", f)
	}
	if g := inv.Fees[2].GroupedBy; len(g) != 1 || g["model"] != nil {
		t.Errorf("group %v", g)
	}
	if g := inv.Fees[3].GroupedBy; len(g) != 1 || g["model"] == nil || *g["model"] != "a1" {
		t.Errorf("group %v", g)
	}
}

// In a sandbox things happen in the order of time, whoever they belong to.
func TestSandboxInOrderOfTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-01-01T00:00:00Z")))
	for i := range 5 {
		id := fmt.Sprint("s", i)
		w.subscribe("c"+id, id, w.plan, "2024-01-01T00:00:00Z")
	}
	w.must(w.biller("2030-01-01T00:00:00Z").Advance(w.ctx, w.org.ID, at("2024-06-15T00:00:00Z")))
	last := time.Time{}
	for _, req := range w.usage.asked {
		if req.To.Before(last) {
			t.Errorf("usage until %s asked for after usage until %s", req.To, last)
		}
		last = req.To
	}
	if len(w.usage.asked) != 25 {
		t.Errorf("asked %d times, want 5 subscriptions x 5 months", len(w.usage.asked))
	}
}

func TestSandboxGoesOnAfterFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.SetTestClock(w.ctx, w.org.ID, at("2024-01-01T00:00:00Z")))
	w.subscribe("c", "s", w.plan, "2024-01-01T00:00:00Z")
	broken := errors.New("aggregator is down")
	w.usage.answer = func(req query.UsageRequest, _ *query.UsageAnswer) error {
		if req.From.Month() == time.February {
			return broken
		}
		return nil
	}
	b := w.biller("2030-01-01T00:00:00Z")
	if err := b.Advance(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")); !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	if got := w.invoices("c"); len(got) != 1 {
		t.Fatalf("%d invoices before the failure", len(got))
	}
	w.usage.answer = nil
	w.must(b.Advance(w.ctx, w.org.ID, at("2024-04-01T00:00:00Z")))
	if got := w.invoices("c"); len(got) != 3 {
		t.Errorf("%d invoices in the end", len(got))
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("c", "s", w.plan, "2024-04-01T00:00:00Z")
	ctx, cancel := context.WithCancel(w.ctx)
	w.usage.answer = func(req query.UsageRequest, _ *query.UsageAnswer) error {
		if req.From.Month() == time.May { // April has been billed
			cancel()
		}
		return nil
	}
	b := w.biller("2024-06-02T00:00:00Z")
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := w.invoices("c"); len(got) < 1 {
		t.Error("no invoice")
	}
}

// together is a Querier that answers nobody before so many ask at once.
type together struct {
	query.Querier
	want  int32
	asked atomic.Int32
	all   chan struct{}
}

func (q *together) Usage(ctx context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	if q.asked.Add(1) == q.want {
		close(q.all)
	}
	select {
	case <-q.all:
		return q.Querier.Usage(ctx, req)
	case <-ctx.Done():
		return query.UsageAnswer{}, ctx.Err()
	}
}

// An answer waits for its partition's next checkpoint. A customer whose subscriptions lie
// in many partitions must not wait for one after the other: it would never be billed.
func TestSubscriptionsAreAskedForTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const subscriptions = 8
	for i := range subscriptions {
		id := fmt.Sprint("s", i)
		w.subscribe("c", id, w.plan, "2024-04-01T00:00:00Z")
		w.usage.add(id, "2024-04-10T00:00:00Z", int64(i+1))
	}
	q := &together{Querier: w.usage, want: subscriptions, all: make(chan struct{})}
	b := w.biller("2024-05-01T01:00:00Z", func(o *biller.Options) { o.Usage = q })
	if n, err := b.Tick(w.ctx, at("2024-05-01T01:00:00Z")); n != 1 || err != nil {
		t.Fatalf("%d invoices, %v", n, err)
	}
	inv := w.invoices("c")[0]
	for i, fee := range inv.Fees { // three for each subscription, in the order they were made
		if fee.SubscriptionID != inv.Subscriptions[i/3].SubscriptionID {
			t.Errorf("fee %d is of subscription %s", i, fee.SubscriptionID)
		}
		if want := int64(i/3 + 1); fee.ItemCode == "tokens" && !fee.Units.Equal(decimal.NewFromInt(want)) {
			t.Errorf("subscription %d has %s units, want %d", i/3, fee.Units, want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := biller.New(biller.Options{Delay: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"DB", "Usage", "Ends", "LogID", "Partitions", "Registerer", "Delay"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
}
