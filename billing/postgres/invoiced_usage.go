package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"weir/billing"
)

// InvoicedPeriodsMax is how many periods one page of InvoicedUsage may have: each comes
// with every bucket that was billed in it.
const InvoicedPeriodsMax = 100

// InvoicedUsageFilter says of which usage InvoicedUsage tells; the zero value is all.
type InvoicedUsageFilter struct {
	SubscriptionExternalID string
	SubscriptionID         *uuid.UUID // nil = any with the external id
	MetricCode             string     // leaves out other metrics' charges, never a period
	// PeriodsCount leaves out all but the newest periods; 0 leaves out none. The
	// subscriptions of a customer have their periods each by itself.
	PeriodsCount int
	InvoiceID    *uuid.UUID // nil = on any invoice
	At           *time.Time // only the periods that hold the instant; nil = all
}

// InvoicedUsage returns a page of the periods of a customer's subscriptions whose usage a
// finalized invoice has billed, the newest first, and how many there are. A page has at
// most InvoicedPeriodsMax periods.
func (db *DB) InvoicedUsage(ctx context.Context, org, customer uuid.UUID, f InvoicedUsageFilter, page Page) ([]billing.InvoicedUsage, int, error) {
	const from = ` FROM invoice_subscriptions x
		JOIN invoices i ON i.id = x.invoice_id
		JOIN subscriptions s ON s.id = x.subscription_id
		WHERE x.organization_id = @org AND i.customer_id = @customer AND i.status = 'finalized'
			AND x.usage_from IS NOT NULL AND (@subscription = '' OR s.external_id = @subscription)
			AND (@subscription_id::uuid IS NULL OR s.id = @subscription_id)
			AND (@invoice::uuid IS NULL OR i.id = @invoice)
			AND (@at::timestamptz IS NULL OR (x.usage_from <= @at AND @at < x.usage_to))`
	page = page.Bounded()
	page.Size = min(page.Size, InvoicedPeriodsMax)
	stored, total, err := readPage(ctx, db.pool, listing{
		what:  "invoiced periods",
		count: `SELECT count(*)` + from,
		list: `SELECT ` + invoicedUsageColumns + from + `
			ORDER BY x.usage_to DESC, i.created_at DESC, i.id, x.position LIMIT @limit OFFSET @offset`,
		args: pgx.NamedArgs{
			"org": org, "customer": customer, "subscription": f.SubscriptionExternalID, "subscription_id": f.SubscriptionID,
			"invoice": f.InvoiceID, "at": f.At,
		},
	}, page, scanInvoicedUsage)
	if err != nil {
		return nil, 0, err
	}
	if f.PeriodsCount > 0 && total > f.PeriodsCount {
		total = f.PeriodsCount
		stored = stored[:min(len(stored), max(0, total-int(page.offset())))]
	}
	usages := make([]billing.InvoicedUsage, len(stored))
	if err := db.completeInvoicedUsage(ctx, org, stored); err != nil {
		return nil, 0, err
	}
	for i := range stored {
		usages[i] = stored[i].InvoicedUsage
		if f.MetricCode != "" {
			keepMetric(&usages[i], f.MetricCode)
		}
	}
	return usages, total, nil
}

// keepMetric leaves out the charges of other metrics.
func keepMetric(u *billing.InvoicedUsage, code string) {
	usages, metered := u.Usages, u.Metered
	u.Usages, u.Metered = nil, nil
	for i := range usages {
		if usages[i].Charge.Metric.Code != code {
			continue
		}
		u.Usages = append(u.Usages, usages[i])
		if metered != nil {
			u.Metered = append(u.Metered, metered[i])
		}
	}
}

// InvoicedUsageCents returns what finalized invoices have billed for the usage of a
// customer's subscriptions with the external id in all their time, in minor units.
func (db *DB) InvoicedUsageCents(ctx context.Context, org, customer uuid.UUID, externalID string) (int64, error) {
	const query = `SELECT coalesce(sum(f.amount_cents), 0)::bigint FROM fees f
		JOIN invoices i ON i.id = f.invoice_id
		JOIN subscriptions s ON s.id = f.subscription_id
		WHERE f.organization_id = $1 AND i.customer_id = $2 AND s.external_id = $3
			AND f.fee_type = 'charge' AND i.status = 'finalized'`
	return readOne(ctx, db.pool, "subscription", pgx.RowTo[int64], query, org, customer, externalID)
}

// FeesSince returns what a subscription was billed for periods that begin in the span, in minor
// units, voided invoices and commitment fees left out.
func (db *DB) FeesSince(ctx context.Context, org, subscription uuid.UUID, span billing.Period) (int64, error) {
	const query = `SELECT coalesce(sum(f.amount_cents), 0)::bigint FROM fees f
		JOIN invoices i ON i.id = f.invoice_id
		WHERE f.organization_id = $1 AND f.subscription_id = $2 AND f.period_from >= $3 AND f.period_from < $4
			AND f.fee_type <> 'commitment' AND i.status <> 'voided'`
	return readOne(ctx, db.pool, "subscription", pgx.RowTo[int64], query, org, subscription, stamp(span.From), stamp(span.To))
}

const invoicedUsageColumns = `i.id, i.number, i.issuing_date, i.currency, s.id, s.external_id,
	x.usage_from, x.usage_to, x.cut_log_id, x.cut_partition, x.cut_next, x.evidence`

// storedInvoicedUsage is invoiced usage whose charges are still to be filled in.
type storedInvoicedUsage struct {
	billing.InvoicedUsage
	evidence []byte // nil: of the first version
}

func scanInvoicedUsage(row pgx.CollectableRow) (u storedInvoicedUsage, err error) {
	var cut nullableCut
	err = row.Scan(&u.InvoiceID, &u.InvoiceNumber, &u.IssuingDate, &u.Currency, &u.SubscriptionID, &u.ExternalID,
		&u.Period.From, &u.Period.To, &cut.logID, &cut.partition, &cut.next, &u.evidence)
	u.Cut = cut.cut()
	return u, err
}

// usageKey names the usage of one charge on an invoice.
type usageKey struct {
	invoice, subscription, charge uuid.UUID
}

// snapshotRow is a usage snapshot with what its fee adds.
type snapshotRow struct {
	usageKey
	filterID *uuid.UUID
	bucket   billing.BucketUsage
	taxes    decimal.Decimal // on its fee, in cents, before rounding
}

// scanSnapshot reads a snapshot. One without a fee came to nothing.
func scanSnapshot(row pgx.CollectableRow) (r snapshotRow, err error) {
	b := &r.bucket
	err = row.Scan(&r.invoice, &r.subscription, &r.charge, &r.filterID, &b.GroupedBy, &b.Units, &b.EventsCount,
		&b.AmountCents, &b.PreciseAmount, &b.UnitAmount, &b.TotalUnits, &b.AmountDetails, &b.Presentation, &b.PricingUnit,
		&r.taxes)
	return r, err
}

// completeInvoicedUsage fills in the charges as they were priced and their buckets.
func (db *DB) completeInvoicedUsage(ctx context.Context, org uuid.UUID, stored []storedInvoicedUsage) error {
	const query = `SELECT u.invoice_id, u.subscription_id, u.charge_id, u.charge_filter_id, u.grouped_by, u.units,
			u.events_count, coalesce(f.amount_cents, 0), coalesce(f.precise_amount_cents, 0), coalesce(f.unit_amount, 0),
			coalesce(f.total_units, u.units), coalesce(f.amount_details, '{}'), f.presentation, f.pricing_unit,
			coalesce(f.taxes_precise_cents, 0)
		FROM usage_snapshots u LEFT JOIN fees f ON f.id = u.fee_id
		WHERE u.organization_id = $1 AND u.invoice_id = ANY ($2)
		ORDER BY u.invoice_id, u.position, f.position`
	ids := make([]uuid.UUID, len(stored))
	for i := range stored {
		ids[i] = stored[i].InvoiceID
	}
	rows, err := readAll(ctx, db.pool, "usage snapshots", scanSnapshot, query, org, ids)
	if err != nil {
		return err
	}
	if err := db.readPricedCharges(ctx, org, stored, rows); err != nil {
		return err
	}
	type place struct {
		of    *billing.InvoicedUsage
		usage *billing.ChargeUsage
	}
	places := make(map[usageKey]place)
	for i := range stored {
		of := &stored[i].InvoicedUsage
		for j := range of.Usages {
			places[usageKey{of.InvoiceID, of.SubscriptionID, of.Usages[j].Charge.ID}] = place{of, &of.Usages[j]}
		}
	}
	for i := range rows {
		to, ok := places[rows[i].usageKey]
		if !ok {
			continue // of another subscription on the same invoice
		}
		if err := rows[i].addTo(to.of, to.usage); err != nil {
			return err
		}
	}
	return nil
}

// readPricedCharges makes a usage without buckets for every charge that was priced.
func (db *DB) readPricedCharges(ctx context.Context, org uuid.UUID, stored []storedInvoicedUsage, rows []snapshotRow) error {
	var older []*storedInvoicedUsage
	for i := range stored {
		s := &stored[i]
		if s.evidence == nil {
			older = append(older, s)
			continue
		}
		var err error
		if s.Metered, s.Days, err = billing.DecodeEvidence(org, s.evidence); err != nil {
			return fmt.Errorf("invoice %s: %w", s.InvoiceID, err)
		}
		for j := range s.Metered {
			s.Usages = append(s.Usages, billing.ChargeUsage{Charge: s.Metered[j].Charge})
		}
	}
	if len(older) == 0 {
		return nil
	}
	return db.readOlderCharges(ctx, org, older, rows)
}

// readOlderCharges does so for invoices of the first version, which kept no evidence: the
// charges are as they are now.
func (db *DB) readOlderCharges(ctx context.Context, org uuid.UUID, older []*storedInvoicedUsage, rows []snapshotRow) error {
	var ids []uuid.UUID
	for i := range rows {
		ids = append(ids, rows[i].charge)
	}
	charges, err := chargesByID(ctx, db.pool, org, list(ids))
	if err != nil {
		return err
	}
	for _, s := range older {
		met := make(map[uuid.UUID]bool)
		for i := range rows {
			charge, ok := charges[rows[i].charge]
			if rows[i].invoice == s.InvoiceID && rows[i].subscription == s.SubscriptionID && ok && !met[charge.ID] {
				met[charge.ID] = true
				s.Usages = append(s.Usages, billing.ChargeUsage{Charge: &charge})
			}
		}
	}
	return nil
}

// addTo appends the bucket to the usage of its charge, and adds its taxes.
func (r *snapshotRow) addTo(of *billing.InvoicedUsage, u *billing.ChargeUsage) error {
	if r.filterID != nil {
		for i := range u.Charge.Filters {
			if u.Charge.Filters[i].ID == *r.filterID {
				r.bucket.Filter = &u.Charge.Filters[i]
			}
		}
		if r.bucket.Filter == nil {
			return fmt.Errorf("invoice %s: charge %s has no filter %s", r.invoice, r.charge, r.filterID)
		}
	}
	u.Buckets = append(u.Buckets, r.bucket)
	u.Units = decimal.Sum(u.Units, r.bucket.Units)
	u.EventsCount += r.bucket.EventsCount
	u.AmountCents += r.bucket.AmountCents
	u.PricingUnitCents += r.bucket.PricingUnit.Cents()
	if !r.taxes.IsZero() {
		if of.PreciseTaxes == nil {
			of.PreciseTaxes = make(map[uuid.UUID]decimal.Decimal)
		}
		of.PreciseTaxes[r.charge] = of.PreciseTaxes[r.charge].Add(r.taxes)
	}
	return nil
}
