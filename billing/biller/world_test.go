package biller_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/biller"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
	"weir/ingest"
)

const (
	logID      = "log-1"
	partitions = 4
	logEnd     = 100
	delay      = 10 * time.Minute
)

func price(text string) billing.Amount {
	return billing.Amount{Decimal: decimal.RequireFromString(text)}
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

// usageTable is a Querier that answers from a table of events, by the reducer of metering.
type usageTable struct {
	query.Querier // what a biller does not ask panics
	mu            sync.Mutex
	events        map[string][]ingest.Event // by external subscription id
	asked         []query.UsageRequest
	// answer, when set, may change or refuse an answer.
	answer func(req query.UsageRequest, a *query.UsageAnswer) error
}

// anyCode is the code of events that every metric takes.
const anyCode = ""

// add makes an event of units for every metric.
func (u *usageTable) add(subscription, when string, units int64) {
	u.send(subscription, anyCode, when, fmt.Sprintf("n=%d", units))
}

// send makes an event with properties name=text; what is a number is one.
func (u *usageTable) send(subscription, code, when string, properties ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	e := ingest.Event{
		TransactionID: fmt.Appendf(nil, "t%06d", len(u.events[subscription])),
		Code:          []byte(code), Timestamp: at(when).UnixNano(),
	}
	for _, p := range properties {
		name, text, _ := strings.Cut(p, "=")
		if name == "precise" {
			e.PreciseTotal = []byte(text)
			continue
		}
		e.Properties = append(e.Properties, ingest.Property{Name: []byte(name), Kind: ingest.KindString, Text: []byte(text)})
	}
	u.events[subscription] = append(u.events[subscription], e)
}

func (u *usageTable) Usage(_ context.Context, req query.UsageRequest) (query.UsageAnswer, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked = append(u.asked, req)
	a := query.UsageAnswer{
		LogID:     logID,
		Partition: ingest.Partition(req.Organization, req.Subscription, partitions),
		Next:      req.AtLeast + 7, // a checkpoint that lies somewhat later
	}
	for i := range req.Items {
		a.Items = append(a.Items, query.ItemUsage{Buckets: u.buckets(req, &req.Items[i])})
	}
	if u.answer != nil {
		return a, u.answer(req, &a)
	}
	return a, nil
}

func (u *usageTable) buckets(req query.UsageRequest, item *query.UsageItem) []aggregator.BucketUsage {
	period := aggregator.SpanOf(req.From, req.To)
	r := u.reduce(req, item, period)
	buckets, err := r.Buckets(&item.Split)
	if err != nil {
		panic(err)
	}
	if item.Split.Folds() {
		u.fold(req, item, period, buckets)
	}
	return buckets
}

func (u *usageTable) reduce(req query.UsageRequest, item *query.UsageItem, period aggregator.Span) *aggregator.Reducer {
	r := aggregator.NewReducer(item.Metric, period)
	for i, e := range u.of(req, item) {
		if r.Reaches(e.Timestamp) {
			r.AddEvent(e, time.Now().UnixNano(), ingest.PositionOf(int64(i), 0))
		}
	}
	return r
}

// of returns the events of the item's metric in the order of their timestamps.
func (u *usageTable) of(req query.UsageRequest, item *query.UsageItem) []*ingest.Event {
	var events []*ingest.Event
	for i := range u.events[req.Subscription] {
		if e := &u.events[req.Subscription][i]; string(e.Code) == anyCode || string(e.Code) == item.Metric.Code {
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b *ingest.Event) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return events
}

func (u *usageTable) fold(req query.UsageRequest, item *query.UsageItem, period aggregator.Span, buckets []aggregator.BucketUsage) {
	folder := aggregator.NewFolder(item.Metric, &item.Split, period, aggregator.InstantsOf(req.Days))
	if before, ok := folder.History(); ok {
		if err := folder.Open(u.reduce(req, item, before)); err != nil {
			panic(err)
		}
	}
	for _, e := range u.of(req, item) {
		folder.Add(e, time.Now().UnixNano())
	}
	folder.Fill(buckets)
}

// world is an organization with a plan, in a database of its own.
type world struct {
	t        testing.TB
	ctx      context.Context
	url      string
	db       *postgres.DB
	usage    *usageTable
	org      billing.Organization
	tokens   billing.BillableMetric
	requests billing.BillableMetric
	plan     billing.Plan // 30.00 in arrears; 0.05 a token; requests in packages of 10 for 1.00
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), url: pgtest.URL(t), usage: &usageTable{events: map[string][]ingest.Event{}}}
	db, err := postgres.Open(w.ctx, w.url, postgres.Options{MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w.db = db
	w.org = billing.Organization{ID: uuid.New(), Name: "Acme", DefaultCurrency: "USD", Timezone: "UTC", DocumentNumberPrefix: "ACM-0001", NetPaymentTermDays: 30, CreatedAt: at("2024-01-01T00:00:00Z")}
	w.must(db.CreateOrganization(w.ctx, &w.org))
	w.tokens = billing.BillableMetric{OrganizationID: w.org.ID, Code: "tokens", Name: "Tokens", AggregationType: billing.SumAgg, FieldName: "n", Filters: []billing.MetricFilter{{Key: "region", Values: []string{"eu", "us"}}}, CreatedAt: w.org.CreatedAt}
	w.requests = billing.BillableMetric{OrganizationID: w.org.ID, Code: "requests", Name: "Requests", AggregationType: billing.CountAgg, CreatedAt: w.org.CreatedAt}
	w.must(db.CreateBillableMetric(w.ctx, &w.tokens))
	w.must(db.CreateBillableMetric(w.ctx, &w.requests))
	w.plan = w.newPlan("pro", "USD", false)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newPlan(code string, currency billing.Currency, inAdvance bool) billing.Plan {
	w.t.Helper()
	perToken, perPackage := price("0.05"), price("1")
	p := billing.Plan{
		OrganizationID: w.org.ID, Code: code, Name: code, Interval: billing.Monthly,
		AmountCents: 3000, Currency: currency, PayInAdvance: inAdvance, CreatedAt: w.org.CreatedAt,
		Charges: []billing.Charge{
			{Metric: w.tokens, Code: "tokens", Model: billing.Standard, Properties: billing.ChargeProperties{Amount: &perToken}},
			{Metric: w.requests, Code: "requests", Model: billing.Package, Properties: billing.ChargeProperties{Amount: &perPackage, PackageSize: 10}},
		},
	}
	w.must(w.db.CreatePlan(w.ctx, &p))
	return p
}

func (w *world) customer(externalID string) billing.Customer {
	w.t.Helper()
	c, err := w.db.UpsertCustomer(w.ctx, w.org.ID, externalID, w.org.CreatedAt, func(*billing.Customer) error { return nil })
	w.must(err)
	return c
}

// subscribe makes a subscription of the customer that begins and is created at an instant.
func (w *world) subscribe(customer, subscription string, plan billing.Plan, begins string) billing.Subscription {
	w.t.Helper()
	return w.subscribeAt(customer, subscription, plan, begins, begins)
}

func (w *world) subscribeAt(customer, subscription string, plan billing.Plan, begins, created string) billing.Subscription {
	w.t.Helper()
	s := billing.Subscription{
		ID: uuid.Must(uuid.NewV7()), OrganizationID: w.org.ID, CustomerID: w.customer(customer).ID, PlanID: plan.ID,
		ExternalID: subscription, SubscriptionAt: at(begins),
	}
	w.must(s.Start(&plan, time.UTC, at(created)))
	w.must(w.db.CreateSubscription(w.ctx, &s))
	return s
}

// biller returns a biller whose system clock stands at the given instant.
func (w *world) biller(clock string, change ...func(*biller.Options)) *biller.Biller {
	w.t.Helper()
	opts := biller.Options{
		DB:    w.db,
		Usage: w.usage,
		Ends: func(context.Context, int32) (int64, int64, error) {
			return 0, logEnd, nil
		},
		LogID:      logID,
		Partitions: partitions,
		Delay:      delay,
		Clock:      func() time.Time { return at(clock) },
		Registerer: prometheus.NewRegistry(),
	}
	for _, f := range change {
		f(&opts)
	}
	b, err := biller.New(opts)
	w.must(err)
	return b
}

// tick runs one tick of a fresh biller at an instant and checks how many invoices it wrote.
func (w *world) tick(now string, want int) {
	w.t.Helper()
	got, err := w.biller(now).Tick(w.ctx, at(now))
	w.must(err)
	if got != want {
		w.t.Fatalf("tick at %s wrote %d invoices, want %d", now, got, want)
	}
}

// invoices returns the customer's invoices with fees, in the order of their numbers.
func (w *world) invoices(customer string) []billing.Invoice {
	w.t.Helper()
	listed, _, err := w.db.Invoices(w.ctx, w.org.ID, postgres.InvoiceFilter{CustomerExternalID: customer}, postgres.Page{Number: 1, Size: 100})
	w.must(err)
	invoices := make([]billing.Invoice, len(listed))
	for _, l := range listed {
		inv, err := w.db.Invoice(w.ctx, w.org.ID, l.ID)
		w.must(err)
		if inv.SequentialID < 1 || int(inv.SequentialID) > len(listed) {
			w.t.Fatalf("invoice %s is number %d of %d", inv.Number, inv.SequentialID, len(listed))
		}
		invoices[inv.SequentialID-1] = inv
	}
	return invoices
}

// lines is an invoice as text: number, date, total, then a line for each fee.
func lines(inv billing.Invoice) []string {
	text := []string{fmt.Sprintf("%s %s %d %s", inv.Number, inv.IssuingDate.Format(time.DateOnly), inv.TotalAmountCents, inv.Currency)}
	for _, fee := range inv.Fees {
		text = append(text, fmt.Sprintf("%s %s %s units %d events %d", fee.Type, fee.ItemCode, fee.Units, fee.EventsCount, fee.AmountCents))
	}
	return text
}

func (w *world) subscription(s billing.Subscription) billing.Subscription {
	w.t.Helper()
	got, err := w.db.SubscriptionByID(w.ctx, w.org.ID, s.ID)
	w.must(err)
	return got
}
