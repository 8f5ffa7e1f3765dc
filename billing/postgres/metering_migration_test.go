package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/aggregator"
	"weir/billing"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// A database of the first version with a customer that was invoiced: metric and charge
// with one filter, an invoice with a fee of that filter.
const firstVersion = `
INSERT INTO organizations (id, name, document_number_prefix, created_at) VALUES (@org, 'Hooli', 'HOO', '2024-01-01');
INSERT INTO billable_metrics (id, organization_id, code, name, aggregation_type, field_name, rounding_function,
		rounding_precision, filters, created_at, updated_at, deleted_at) VALUES
	(@metric, @org, 'tokens', 'Tokens', 'sum_agg', 'n', 'ceil', -2, '[{"key":"region","values":["eu"]}]', '2024-01-01', '2024-01-01', NULL),
	(@gone, @org, 'gone', 'Gone', 'count_agg', '', '', 0, '[]', '2024-01-01', '2024-01-01', '2024-01-02 03:04:05.678901+00');
INSERT INTO plans (id, organization_id, code, name, interval, amount_cents, currency, pay_in_advance, created_at, updated_at)
	VALUES (@plan, @org, 'pro', 'Pro', 'monthly', 3000, 'USD', false, '2024-01-01', '2024-01-01');
INSERT INTO charges (id, organization_id, plan_id, billable_metric_id, code, position, charge_model, properties, created_at, updated_at)
	VALUES (@charge, @org, @plan, @metric, 'tokens', 0, 'standard', '{"amount":"0.10"}', '2024-01-01', '2024-01-01');
INSERT INTO charge_filters (id, organization_id, charge_id, position, invoice_display_name, filter_values, properties, created_at)
	VALUES (@filter, @org, @charge, 0, 'Europe', '{"region":["eu"]}', '{"amount":"0.20"}', '2024-01-01');
INSERT INTO customers (id, organization_id, external_id, sequential_id, created_at, updated_at)
	VALUES (@customer, @org, 'acme', 1, '2024-01-01', '2024-01-01');
INSERT INTO subscriptions (id, organization_id, customer_id, plan_id, external_id, status, billing_time, subscription_at,
		started_at, base_billed_until, usage_billed_until, fixed_billed_until, next_due_at, created_at, updated_at)
	VALUES (@subscription, @org, @customer, @plan, 's', 'active', 'calendar', '2024-01-01',
		'2024-01-01', '2024-02-01', '2024-02-01', '2024-02-01', '2024-03-01', '2024-01-01', '2024-01-01');
INSERT INTO invoices (id, organization_id, customer_id, number, sequential_id, invoice_type, status, payment_status, currency,
		issuing_date, payment_due_date, net_payment_term_days, fees_amount_cents, sub_total_excluding_taxes_amount_cents,
		sub_total_including_taxes_amount_cents, total_amount_cents, created_at, updated_at)
	VALUES (@invoice, @org, @customer, 'HOO-001-001', 1, 'subscription', 'finalized', 'pending', 'USD',
		'2024-02-01', '2024-02-01', 0, 40, 40, 40, 40, '2024-02-01', '2024-02-01');
INSERT INTO invoice_subscriptions (invoice_id, subscription_id, organization_id, position, reason, usage_from, usage_to,
		cut_log_id, cut_partition, cut_next)
	VALUES (@invoice, @subscription, @org, 0, 'subscription_periodic', '2024-01-01', '2024-02-01', 'log', 3, 77);
INSERT INTO fees (id, organization_id, invoice_id, position, customer_id, subscription_id, fee_type, charge_id, charge_filter_id,
		grouped_by, currency, amount_cents, precise_amount_cents, unit_amount, units, total_units, events_count, item_id,
		item_code, item_name, display_name, payment_status, period_from, period_to, created_at)
	VALUES (@fee, @org, @invoice, 0, @customer, @subscription, 'charge', @charge, @filter, '{}', 'USD', 40, 40, 0.2, 2, 2, 1,
		@metric, 'tokens', 'Tokens', 'Tokens', 'pending', '2024-01-01', '2024-02-01', '2024-02-01');
INSERT INTO usage_snapshots (invoice_id, subscription_id, organization_id, charge_id, charge_filter_id, grouped_by, units,
		events_count, definition, fee_id)
	VALUES (@invoice, @subscription, @org, @charge, @filter, '{}', 2, 1, '{}', @fee),
		(@invoice, @subscription, @org, @charge, NULL, '{}', 0, 0, '{}', NULL);
`

// TestMigrateFromFirst brings a database of the first version, with rows in it, to this
// one: everything reads as it was, and what is new has its default.
func TestMigrateFromFirst(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.EmptyURL(t)
	must(t, postgres.MigrateTo(ctx, url, 1))
	args := pgx.NamedArgs{}
	id := func(name string) uuid.UUID {
		args[name] = uuid.Must(uuid.NewV7())
		return args[name].(uuid.UUID)
	}
	org, customer, invoice, filter := id("org"), id("customer"), id("invoice"), id("filter")
	for _, name := range []string{"metric", "gone", "plan", "charge", "subscription", "fee"} {
		id(name)
	}
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	for _, statement := range statements(firstVersion) {
		_, err = conn.Exec(ctx, statement, args)
		must(t, err)
	}
	must(t, postgres.Migrate(ctx, url))
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 2})
	must(t, err)
	t.Cleanup(db.Close)

	m, err := db.BillableMetric(ctx, org, "tokens")
	must(t, err)
	if m.Expression != "" || m.Recurring || m.WeightedInterval != "" || !m.Percentile.IsZero() || m.ReceivedFrom != 0 || m.RoundingPrecision != -2 {
		t.Errorf("metric %+v", m)
	}
	catalog, err := db.Catalog(ctx)
	must(t, err)
	// The definition hash of the first version: its counters go on being right.
	want := (&aggregator.Metric{Organization: org, Code: "tokens", Aggregation: aggregator.SumAgg, FieldName: "n", CellKeys: []string{"region"}}).Definition()
	equal(t, "definition", catalog.Metric(org, []byte("tokens")).Definition(), want)

	inv, err := db.Invoice(ctx, org, invoice)
	must(t, err)
	fee := inv.Fees[0]
	if fee.FilterDisplayName != "Europe" || fee.Presentation != nil || fee.Filter == nil || fee.Filter.ID != filter || fee.AmountCents != 40 {
		t.Errorf("fee %+v", fee)
	}
	usages, total, err := db.InvoicedUsage(ctx, org, customer, postgres.InvoicedUsageFilter{}, postgres.Page{})
	must(t, err)
	equal(t, "number of periods", total, 1)
	u := usages[0]
	equal(t, "number of charges", len(u.Usages), 1)
	equal(t, "number of buckets", len(u.Usages[0].Buckets), 2)
	if u.Metered != nil || u.Usages[0].AmountCents != 40 || !u.Usages[0].Units.Equal(dec("2")) || u.Usages[0].Charge.Code != "tokens" {
		t.Errorf("usage %+v", u)
	}

	// A metric that was deleted before keeps its events to itself. 2024-01-02T03:04:05.678901Z
	again := billing.BillableMetric{OrganizationID: org, Code: "gone", AggregationType: billing.CountAgg, CreatedAt: jan10}
	must(t, db.CreateBillableMetric(ctx, &again))
	equal(t, "received from", again.ReceivedFrom, int64(1704164645678901000))
}

// statements splits SQL at the ends of its lines.
func statements(sql string) []string {
	var all []string
	for statement := range strings.SplitSeq(strings.TrimSpace(sql), ";\n") {
		all = append(all, strings.TrimSuffix(statement, ";"))
	}
	return all
}
