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
	f.charge_id, f.charge_filter_id, f.fixed_charge_id, f.add_on_id, f.true_up_parent_fee_id, f.grouped_by,
	f.currency, f.amount_cents, f.precise_amount_cents, f.taxes_amount_cents, f.taxes_precise_cents, f.taxes_rate,
	f.unit_amount, f.units, f.total_units, f.events_count, f.amount_details, f.pricing_unit, f.description,
	f.item_code, f.item_name, f.display_name, f.filter_display_name, f.presentation, f.payment_status,
	f.period_from, f.period_to, f.created_at`

// storedFee is a fee whose taxes, and what it names of the catalog, are still to be filled in.
type storedFee struct {
	billing.Fee
	of feeReferences
}

func scanFee(row pgx.CollectableRow) (f storedFee, err error) {
	var subscriptionID, parentID *uuid.UUID
	err = row.Scan(&f.ID, &f.OrganizationID, &f.InvoiceID, &f.CustomerID, &subscriptionID, &f.Type,
		&f.of.charge, &f.of.filter, &f.of.fixedCharge, &f.of.addOn, &parentID, &f.GroupedBy,
		&f.Currency, &f.AmountCents, &f.PreciseAmount, &f.TaxesCents, &f.PreciseTaxes, &f.TaxesRate,
		&f.UnitAmount, &f.Units, &f.TotalUnits, &f.EventsCount, &f.AmountDetails, &f.PricingUnit, &f.Description,
		&f.ItemCode, &f.ItemName, &f.DisplayName, &f.FilterDisplayName, &f.Presentation, &f.PaymentStatus,
		&f.Period.From, &f.Period.To, &f.CreatedAt)
	f.SubscriptionID, f.TrueUpParentID = orNil(subscriptionID), orNil(parentID)
	return f, err
}

// orNil returns an id that may be null.
func orNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

// feeCatalog is what fees name, by id. Fees of one charge share it.
type feeCatalog struct {
	charges      map[uuid.UUID]*billing.Charge
	fixedCharges map[uuid.UUID]*billing.FixedCharge
	addOns       map[uuid.UUID]*billing.AddOn
	taxes        map[uuid.UUID][]billing.AppliedTax // by fee
}

// completeFees fills in taxes, charges and filters, fixed charges and add-ons, in so many
// queries however many fees there are.
func (db *DB) completeFees(ctx context.Context, org uuid.UUID, stored []storedFee) ([]billing.Fee, error) {
	catalog, err := db.readFeeCatalog(ctx, org, stored)
	if err != nil {
		return nil, err
	}
	fees := make([]billing.Fee, len(stored))
	for i := range stored {
		if err := stored[i].complete(catalog); err != nil {
			return nil, err
		}
		fees[i] = stored[i].Fee
	}
	return fees, nil
}

func (db *DB) readFeeCatalog(ctx context.Context, org uuid.UUID, stored []storedFee) (c feeCatalog, err error) {
	var fees, chargeIDs, fixedChargeIDs, addOnIDs []uuid.UUID
	add := func(ids *[]uuid.UUID, id *uuid.UUID) {
		if id != nil {
			*ids = append(*ids, *id)
		}
	}
	for i := range stored {
		f := &stored[i]
		fees = append(fees, f.ID)
		add(&chargeIDs, f.of.charge)
		add(&fixedChargeIDs, f.of.fixedCharge)
		add(&addOnIDs, f.of.addOn)
	}
	charges, err := chargesByID(ctx, db.pool, org, list(chargeIDs))
	if err != nil {
		return c, err
	}
	c.charges = shared(charges)
	if len(fixedChargeIDs) > 0 {
		fixedCharges, err := fixedChargesByID(ctx, db.pool, org, fixedChargeIDs)
		if err != nil {
			return c, err
		}
		c.fixedCharges = shared(fixedCharges)
	}
	if len(addOnIDs) > 0 {
		addOns, err := addOnsByID(ctx, db.pool, org, addOnIDs)
		if err != nil {
			return c, err
		}
		c.addOns = shared(addOns)
	}
	c.taxes, err = feeTaxes(ctx, db.pool, org, list(fees))
	return c, err
}

// shared makes the values of a map ones that many can point to.
func shared[T any](values map[uuid.UUID]T) map[uuid.UUID]*T {
	pointers := make(map[uuid.UUID]*T, len(values))
	for id, v := range values {
		pointers[id] = &v
	}
	return pointers
}

func (f *storedFee) complete(c feeCatalog) error {
	f.Taxes = c.taxes[f.ID]
	if f.of.addOn != nil {
		if f.AddOn = c.addOns[*f.of.addOn]; f.AddOn == nil {
			return fmt.Errorf("BUG: fee %s has no add-on %s", f.ID, f.of.addOn)
		}
	}
	if f.of.fixedCharge != nil {
		if f.FixedCharge = c.fixedCharges[*f.of.fixedCharge]; f.FixedCharge == nil {
			return fmt.Errorf("BUG: fee %s has no fixed charge %s", f.ID, f.of.fixedCharge)
		}
	}
	if f.of.charge == nil {
		return nil
	}
	if f.Charge = c.charges[*f.of.charge]; f.Charge == nil {
		return fmt.Errorf("BUG: fee %s has no charge %s", f.ID, f.of.charge)
	}
	return f.completeFilter()
}

func (f *storedFee) completeFilter() error {
	if f.of.filter == nil {
		return nil
	}
	for i := range f.Charge.Filters {
		if f.Charge.Filters[i].ID == *f.of.filter {
			f.Filter = &f.Charge.Filters[i]
			return nil
		}
	}
	return fmt.Errorf("BUG: fee %s has no filter %s", f.ID, f.of.filter)
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
		LEFT JOIN subscriptions s ON s.id = f.subscription_id -- a one-off invoice has none
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
