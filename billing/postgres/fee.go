package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const feeColumns = `f.id, f.organization_id, f.invoice_id, f.customer_id, f.subscription_id, f.fee_type,
	f.charge_id, f.charge_filter_id, f.grouped_by, f.currency, f.amount_cents, f.precise_amount_cents,
	f.taxes_amount_cents, f.unit_amount, f.units, f.total_units, f.events_count, f.amount_details,
	f.item_code, f.item_name, f.display_name, f.filter_display_name, f.presentation, f.payment_status,
	f.period_from, f.period_to, f.created_at`

// storedFee is a fee whose charge and filter are still to be filled in.
type storedFee struct {
	billing.Fee
	chargeID, filterID *uuid.UUID
}

func scanFee(row pgx.CollectableRow) (f storedFee, err error) {
	err = row.Scan(&f.ID, &f.OrganizationID, &f.InvoiceID, &f.CustomerID, &f.SubscriptionID, &f.Type,
		&f.chargeID, &f.filterID, &f.GroupedBy, &f.Currency, &f.AmountCents, &f.PreciseAmount,
		&f.TaxesCents, &f.UnitAmount, &f.Units, &f.TotalUnits, &f.EventsCount, &f.AmountDetails,
		&f.ItemCode, &f.ItemName, &f.DisplayName, &f.FilterDisplayName, &f.Presentation, &f.PaymentStatus,
		&f.Period.From, &f.Period.To, &f.CreatedAt)
	return f, err
}

// completeFees fills in charges and filters, in three queries however many fees there
// are. Fees of one charge share it.
func (db *DB) completeFees(ctx context.Context, org uuid.UUID, stored []storedFee) ([]billing.Fee, error) {
	var ids []uuid.UUID
	for _, f := range stored {
		if f.chargeID != nil {
			ids = append(ids, *f.chargeID)
		}
	}
	charges, err := chargesByID(ctx, db.pool, org, list(ids))
	if err != nil {
		return nil, err
	}
	shared := make(map[uuid.UUID]*billing.Charge, len(charges))
	for id, c := range charges {
		shared[id] = &c
	}
	fees := make([]billing.Fee, len(stored))
	for i := range stored {
		if err := stored[i].complete(shared); err != nil {
			return nil, err
		}
		fees[i] = stored[i].Fee
	}
	return fees, nil
}

func (f *storedFee) complete(charges map[uuid.UUID]*billing.Charge) error {
	if f.chargeID == nil {
		return nil
	}
	if f.Charge = charges[*f.chargeID]; f.Charge == nil {
		return fmt.Errorf("BUG: fee %s has no charge %s", f.ID, f.chargeID)
	}
	if f.filterID == nil {
		return nil
	}
	for i := range f.Charge.Filters {
		if f.Charge.Filters[i].ID == *f.filterID {
			f.Filter = &f.Charge.Filters[i]
			return nil
		}
	}
	return fmt.Errorf("BUG: fee %s has no filter %s", f.ID, f.filterID)
}

// Fee returns one fee with its charge.
func (db *DB) Fee(ctx context.Context, org, id uuid.UUID) (billing.Fee, error) {
	const query = `SELECT ` + feeColumns + ` FROM fees f WHERE f.organization_id = $1 AND f.id = $2`
	stored, err := readOne(ctx, db.pool, "fee", scanFee, query, org, id)
	if err != nil {
		return billing.Fee{}, err
	}
	fees, err := db.completeFees(ctx, org, []storedFee{stored})
	if err != nil {
		return billing.Fee{}, err
	}
	return fees[0], nil
}

// FeeFilter says which fees are listed; the zero value is all.
type FeeFilter struct {
	CustomerExternalID     string
	SubscriptionExternalID string
	Type                   billing.FeeType
	MetricCode             string
	Currency               billing.Currency
	PaymentStatus          billing.PaymentStatus
	CreatedFrom, CreatedTo *time.Time // both inclusive
}

// Fees returns a page of the fees with their charges, the oldest first, and how many
// there are. Fees made together are in the order of their invoice.
func (db *DB) Fees(ctx context.Context, org uuid.UUID, f FeeFilter, page Page) ([]billing.Fee, int, error) {
	const from = ` FROM fees f
		JOIN customers c ON c.id = f.customer_id
		JOIN subscriptions s ON s.id = f.subscription_id
		WHERE f.organization_id = @org
			AND (@customer = '' OR c.external_id = @customer)
			AND (@subscription = '' OR s.external_id = @subscription)
			AND (@type = '' OR f.fee_type = @type)
			AND (@metric = '' OR (f.item_code = @metric AND f.fee_type = 'charge'))
			AND (@currency = '' OR f.currency = @currency)
			AND (@payment_status = '' OR f.payment_status = @payment_status)
			AND (@created_from::timestamptz IS NULL OR f.created_at >= @created_from)
			AND (@created_to::timestamptz IS NULL OR f.created_at <= @created_to)`
	stored, total, err := readPage(ctx, db.pool, listing{
		what:  "fees",
		count: `SELECT count(*)` + from,
		list: `SELECT ` + feeColumns + from + `
			ORDER BY f.created_at, f.invoice_id, f.position LIMIT @limit OFFSET @offset`,
		args: pgx.NamedArgs{
			"org": org, "customer": f.CustomerExternalID, "subscription": f.SubscriptionExternalID,
			"type": f.Type, "metric": f.MetricCode, "currency": f.Currency, "payment_status": f.PaymentStatus,
			"created_from": f.CreatedFrom, "created_to": f.CreatedTo,
		},
	}, page, scanFee)
	if err != nil {
		return nil, 0, err
	}
	fees, err := db.completeFees(ctx, org, stored)
	return fees, total, err
}
