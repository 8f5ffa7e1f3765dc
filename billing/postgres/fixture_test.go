package postgres_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/billing"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// Instants of the tests, all in UTC.
var (
	jan1  = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	jan10 = time.Date(2024, 1, 10, 8, 30, 0, 123456000, time.UTC)
	feb1  = time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	mar1  = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
)

// tenant is an organization with a metric, a plan and a customer.
type tenant struct {
	t        *testing.T
	db       *postgres.DB
	org      billing.Organization
	metric   billing.BillableMetric
	plan     billing.Plan
	customer billing.Customer
}

// newTenant makes a database with one tenant in it.
func newTenant(t *testing.T) *tenant {
	t.Helper()
	return addTenant(t, pgtest.New(t), "Hooli")
}

func addTenant(t *testing.T, db *postgres.DB, name string) *tenant {
	t.Helper()
	x := &tenant{t: t, db: db, org: billing.Organization{Name: name, CreatedAt: jan1}}
	must(t, db.CreateOrganization(t.Context(), &x.org))
	x.metric = x.addMetric("requests")
	x.plan = x.addPlan("basic")
	x.customer = x.addCustomer("acme")
	return x
}

func (x *tenant) addMetric(code string) billing.BillableMetric {
	x.t.Helper()
	m := billing.BillableMetric{
		OrganizationID: x.org.ID, Code: code, Name: "Metric " + code, Description: "of tests",
		AggregationType: billing.SumAgg, FieldName: "tokens", RoundingFunction: "ceil", RoundingPrecision: -2,
		Filters:   []billing.MetricFilter{{Key: "region", Values: []string{"eu", "us"}}},
		CreatedAt: jan1,
	}
	must(x.t, x.db.CreateBillableMetric(x.t.Context(), &m))
	return m
}

// addPlan makes a plan with two charges, the first with two filters.
func (x *tenant) addPlan(code string) billing.Plan {
	x.t.Helper()
	p := billing.Plan{
		OrganizationID: x.org.ID, Code: code, Name: "Plan " + code, InvoiceDisplayName: "The plan",
		Interval: billing.Monthly, AmountCents: 3000, Currency: "EUR", PayInAdvance: true, CreatedAt: jan1,
		Charges: []billing.Charge{
			{
				Metric: billing.BillableMetric{ID: x.metric.ID}, Code: "tiers", Model: billing.Graduated,
				Properties: billing.ChargeProperties{
					GraduatedRanges: []billing.GraduatedRange{
						{FromValue: 0, ToValue: ptr(int64(10)), PerUnitAmount: price("0.05"), FlatAmount: price("1")},
						{FromValue: 11, PerUnitAmount: price("0.000000000000001"), FlatAmount: price("0")},
					},
					PricingGroupKeys: []string{"model"},
				},
				Filters: []billing.ChargeFilter{
					{
						Values:     map[string][]string{"region": {"eu"}},
						Properties: billing.ChargeProperties{GraduatedRanges: []billing.GraduatedRange{{}}, PricingGroupKeys: []string{"cloud"}},
					},
					{
						Values: map[string][]string{"region": {billing.AllFilterValues}}, InvoiceDisplayName: "rest",
						Properties: billing.DefaultProperties(billing.Graduated),
					},
				},
			},
			{
				Metric: billing.BillableMetric{ID: x.metric.ID}, Code: "flat", Model: billing.Standard,
				Properties: billing.ChargeProperties{Amount: ptr(price("12.50"))},
			},
		},
	}
	must(x.t, x.db.CreatePlan(x.t.Context(), &p))
	return p
}

func (x *tenant) addCustomer(externalID string) billing.Customer {
	x.t.Helper()
	c, err := x.db.UpsertCustomer(x.t.Context(), x.org.ID, externalID, jan1, func(c *billing.Customer) error {
		c.Name = "Customer " + externalID
		return nil
	})
	must(x.t, err)
	return c
}

// subscription returns an active subscription of the customer since January 1st that
// falls due at an instant. It is not written yet.
func (x *tenant) subscription(customer billing.Customer, externalID string, dueAt time.Time) billing.Subscription {
	return billing.Subscription{
		OrganizationID: x.org.ID, CustomerID: customer.ID, PlanID: x.plan.ID, ExternalID: externalID,
		Status: billing.Active, BillingTime: billing.Calendar, SubscriptionAt: jan1, StartedAt: ptr(jan1),
		BaseBilledUntil: jan1, UsageBilledUntil: jan1, FixedBilledUntil: jan1,
		NextDueAt: &dueAt, CreatedAt: jan1,
	}
}

func (x *tenant) addSubscription(customer billing.Customer, externalID string, dueAt time.Time) billing.Subscription {
	x.t.Helper()
	s := x.subscription(customer, externalID, dueAt)
	must(x.t, x.db.CreateSubscription(x.t.Context(), &s))
	return s
}

func ptr[T any](v T) *T { return &v }

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func price(text string) billing.Amount { return billing.Amount{Decimal: dec(text)} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustInvalid(t testing.TB, err error, field, code string) {
	t.Helper()
	var e *billing.Error
	if !errors.As(err, &e) || e.Kind != billing.KindValidation || !slices.Equal(e.Fields[field], []string{code}) {
		t.Fatalf("error is %v, want %s: %s", err, field, code)
	}
}

func mustNotFound(t testing.TB, err error, code string) {
	t.Helper()
	var e *billing.Error
	if !errors.As(err, &e) || e.Kind != billing.KindNotFound || e.Code != code {
		t.Fatalf("error is %v, want %s", err, code)
	}
}

// equal compares things that read well when printed.
func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func codes[T any](rows []T, code func(T) string) []string {
	out := []string{}
	for _, row := range rows {
		out = append(out, code(row))
	}
	return out
}

func mustList(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s are %q, want %q", what, got, want)
	}
}

var nobody = uuid.MustParse("00000000-0000-7000-8000-000000000001")

// jsonOf shows a value whose decimals may differ in memory while they are equal.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}
