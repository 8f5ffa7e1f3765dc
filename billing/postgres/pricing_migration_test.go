package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// What comes to the rows of firstVersion before version 4: of the same external id a
// subscription that ended before, and one of another id that has not begun.
const thirdVersion = `
INSERT INTO subscriptions (id, organization_id, customer_id, plan_id, external_id, status, billing_time, subscription_at,
		started_at, terminated_at, base_billed_until, usage_billed_until, fixed_billed_until, next_due_at, created_at, updated_at) VALUES
	(@ended, @org, @customer, @plan, 's', 'terminated', 'calendar', '2023-11-05', '2023-11-05', '2023-12-07',
		'2023-12-07', '2023-12-07', '2023-12-08', NULL, '2023-11-05', '2023-12-07'),
	(@pending, @org, @customer, @plan, 'p', 'pending', 'calendar', '2024-05-01', NULL, NULL,
		'2024-05-01', '2024-05-01', '2024-05-01', '2024-05-01', '2024-01-01', '2024-01-01');
`

// TestMigrateFromThird brings a database of the third version, with rows in it, to this
// one: everything reads as it was, and what is new has its default.
func TestMigrateFromThird(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.EmptyURL(t)
	must(t, postgres.MigrateTo(ctx, url, 1))
	args := pgx.NamedArgs{}
	id := func(name string) uuid.UUID {
		args[name] = uuid.Must(uuid.NewV7())
		return args[name].(uuid.UUID)
	}
	org, invoice, subscription, ended, pending := id("org"), id("invoice"), id("subscription"), id("ended"), id("pending")
	for _, name := range []string{"metric", "gone", "plan", "charge", "filter", "customer", "fee"} {
		id(name)
	}
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	write := func(sql string) {
		t.Helper()
		for _, statement := range statements(sql) {
			_, err = conn.Exec(ctx, statement, args)
			must(t, err)
		}
	}
	write(firstVersion)
	must(t, postgres.MigrateTo(ctx, url, 3))
	write(thirdVersion)
	must(t, postgres.Migrate(ctx, url))
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 2})
	must(t, err)
	t.Cleanup(db.Close)

	plan, err := db.Plan(ctx, org, "pro")
	must(t, err)
	if !plan.TrialDays.IsZero() || plan.BillChargesMonthly || plan.BillFixedChargesMonthly || plan.Commitment != nil ||
		plan.FixedCharges != nil || plan.Taxes != nil || plan.Metadata != nil || plan.AmountCents != 3000 {
		t.Errorf("plan %+v", plan)
	}
	charge := plan.Charges[0]
	if charge.Prorated || charge.MinAmountCents != 0 || charge.PricingUnit != nil || charge.Taxes != nil || len(charge.Filters) != 1 {
		t.Errorf("charge %+v", charge)
	}
	customer, err := db.Customer(ctx, org, "acme")
	must(t, err)
	if customer.Taxes != nil {
		t.Errorf("customer %+v", customer)
	}
	inv, err := db.Invoice(ctx, org, invoice)
	must(t, err)
	if fee := inv.Fees[0]; fee.AmountCents != 40 || fee.FixedCharge != nil || fee.AddOn != nil || fee.PricingUnit != nil ||
		len(fee.Taxes) != 0 || fee.TrueUpParentID != uuid.Nil || !fee.TaxesRate.IsZero() || len(inv.Taxes) != 0 || !inv.TaxesRate.IsZero() {
		t.Errorf("invoice %+v", inv)
	}

	// A trial counts from the first start with the external id; fixed charges in advance begin
	// when the next invoice falls due.
	day := func(year int, month time.Month, day int) *time.Time {
		return ptr(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
	}
	for _, want := range []struct {
		id                      uuid.UUID
		initialStartedAt, ahead *time.Time
	}{
		{subscription, day(2023, 11, 5), day(2024, 3, 1)},
		{ended, day(2023, 11, 5), day(2023, 12, 8)},
		{pending, nil, day(2024, 5, 1)},
	} {
		var initial, trialEnded, ahead *time.Time
		must(t, conn.QueryRow(ctx, `SELECT initial_started_at, trial_ended_at, fixed_ahead_billed_until FROM subscriptions WHERE id = $1`,
			want.id).Scan(&initial, &trialEnded, &ahead))
		if (initial == nil) != (want.initialStartedAt == nil) || initial != nil && !initial.Equal(*want.initialStartedAt) ||
			trialEnded != nil || !ahead.Equal(*want.ahead) {
			t.Errorf("subscription %s has %v, %v, %v", want.id, initial, trialEnded, ahead)
		}
	}

	// Nothing was ever asked of the invoices.
	running, err := db.SubscriptionByID(ctx, org, subscription)
	must(t, err)
	if running.PurchaseOrderNumber != "" || running.SeparateInvoice || running.MovedAt != nil || inv.PurchaseOrderNumber != "" || plan.PendingDeletion {
		t.Errorf("subscription %+v, invoice %+v", running, inv)
	}

	// What was there can be sold with what is new.
	_, err = db.DeleteTax(ctx, org, "vat", jan10)
	mustNotFound(t, err, "tax_not_found")
	catalog, err := db.OrganizationCatalog(ctx, org)
	must(t, err)
	equal(t, "plan of the catalog", jsonOf(t, catalog.Plans[plan.ID]), jsonOf(t, plan))
	equal(t, "number of taxes", len(catalog.Taxes), 0)
}
