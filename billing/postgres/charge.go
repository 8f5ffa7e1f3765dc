package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"weir/billing"
)

const chargeColumns = `c.id, c.plan_id, c.billable_metric_id, c.code, c.invoice_display_name,
	c.charge_model, c.properties, c.prorated, c.min_amount_cents, c.pricing_unit_id, c.conversion_rate, c.created_at`

// scanCharge reads a charge whose metric, filters, pricing unit and taxes are still to be
// filled in.
func scanCharge(row pgx.CollectableRow) (c billing.Charge, err error) {
	var unit *uuid.UUID
	var rate decimal.NullDecimal
	err = row.Scan(&c.ID, &c.PlanID, &c.Metric.ID, &c.Code, &c.InvoiceDisplayName,
		&c.Model, &c.Properties, &c.Prorated, &c.MinAmountCents, &unit, &rate, &c.CreatedAt)
	if unit != nil {
		c.PricingUnit = &billing.AppliedPricingUnit{Unit: billing.PricingUnit{ID: *unit}, ConversionRate: rate.Decimal}
	}
	return c, err
}

// pricingUnitColumnsOf returns what a charge's columns of its pricing unit hold.
func pricingUnitColumnsOf(c *billing.Charge) (unit *uuid.UUID, rate decimal.NullDecimal) {
	if c.PricingUnit == nil {
		return nil, rate
	}
	return &c.PricingUnit.Unit.ID, decimal.NewNullDecimal(c.PricingUnit.ConversionRate)
}

// chargeFilter is a filter with the charge it belongs to.
type chargeFilter struct {
	billing.ChargeFilter
	chargeID uuid.UUID
}

const chargeFilterColumns = `f.id, f.charge_id, f.invoice_display_name, f.filter_values, f.properties`

func scanChargeFilter(row pgx.CollectableRow) (f chargeFilter, err error) {
	err = row.Scan(&f.ID, &f.chargeID, &f.InvoiceDisplayName, &f.Values, &f.Properties)
	return f, err
}

// queueInsertCharge inserts a new charge of the plan with its filters.
func queueInsertCharge(batch *pgx.Batch, p *billing.Plan, position int, now time.Time) {
	const insert = `INSERT INTO charges (id, organization_id, plan_id, billable_metric_id, code, position,
			invoice_display_name, charge_model, properties, prorated, min_amount_cents, pricing_unit_id, conversion_rate,
			created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`
	c := &p.Charges[position]
	if c.ID == uuid.Nil {
		c.ID = newID()
	}
	c.PlanID, c.CreatedAt = p.ID, stamp(now)
	unit, rate := pricingUnitColumnsOf(c)
	batch.Queue(insert, c.ID, p.OrganizationID, p.ID, c.Metric.ID, c.Code, position,
		c.InvoiceDisplayName, c.Model, c.Properties, c.Prorated, c.MinAmountCents, unit, rate, c.CreatedAt)
	taxedCharges.queueSetTaxes(batch, p.OrganizationID, c.ID, nil, c.Taxes)
	for i := range c.Filters {
		queueInsertFilter(batch, p.OrganizationID, c.ID, i, &c.Filters[i], now)
	}
}

func queueInsertFilter(batch *pgx.Batch, org, chargeID uuid.UUID, position int, f *billing.ChargeFilter, now time.Time) {
	const insert = `INSERT INTO charge_filters (id, organization_id, charge_id, position,
			invoice_display_name, filter_values, properties, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	if f.ID == uuid.Nil {
		f.ID = newID()
	}
	batch.Queue(insert, f.ID, org, chargeID, position, f.InvoiceDisplayName, f.Values, f.Properties, stamp(now))
}

func queueDeleteFilter(batch *pgx.Batch, org, id uuid.UUID, now time.Time) {
	const remove = `UPDATE charge_filters SET deleted_at = $3 WHERE organization_id = $1 AND id = $2`
	batch.Queue(remove, org, id, stamp(now))
}

// queuePlanCharges makes a plan's charges those of p: what before has and p has not is
// deleted, what is new is inserted, and what has the id of one that was there changes it.
func queuePlanCharges(batch *pgx.Batch, before, p *billing.Plan, now time.Time) {
	const remove = `UPDATE charges SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2`
	// Two charges may exchange their codes: each is out of the others' way first.
	const release = `UPDATE charges SET code = id::text WHERE organization_id = $1 AND id = $2`
	kept := byID(p.Charges, chargeID)
	for i := range before.Charges {
		was := &before.Charges[i]
		if c, ok := kept[was.ID]; !ok {
			batch.Queue(remove, p.OrganizationID, was.ID, stamp(now))
		} else if c.Code != was.Code {
			batch.Queue(release, p.OrganizationID, was.ID)
		}
	}
	old := byID(before.Charges, chargeID)
	for i := range p.Charges {
		if was, ok := old[p.Charges[i].ID]; ok {
			queueUpdateCharge(batch, &was, p, i, now)
		} else {
			queueInsertCharge(batch, p, i, now)
		}
	}
}

// queueUpdateCharge changes a charge. A filter with the id of one that was there keeps its
// values: fees refer to it.
func queueUpdateCharge(batch *pgx.Batch, before *billing.Charge, p *billing.Plan, position int, now time.Time) {
	const update = `UPDATE charges SET code = $3, position = $4, invoice_display_name = $5, charge_model = $6,
			properties = $7, prorated = $8, min_amount_cents = $9, pricing_unit_id = $10, conversion_rate = $11,
			updated_at = $12
		WHERE organization_id = $1 AND id = $2`
	const updateFilter = `UPDATE charge_filters SET position = $3, invoice_display_name = $4, properties = $5
		WHERE organization_id = $1 AND id = $2`
	c := &p.Charges[position]
	unit, rate := pricingUnitColumnsOf(c)
	batch.Queue(update, p.OrganizationID, c.ID, c.Code, position, c.InvoiceDisplayName, c.Model, c.Properties,
		c.Prorated, c.MinAmountCents, unit, rate, stamp(now))
	taxedCharges.queueSetTaxes(batch, p.OrganizationID, c.ID, before.Taxes, c.Taxes)
	was, kept := byID(before.Filters, chargeFilterID), byID(c.Filters, chargeFilterID)
	for i := range before.Filters {
		if _, ok := kept[before.Filters[i].ID]; !ok {
			queueDeleteFilter(batch, p.OrganizationID, before.Filters[i].ID, now)
		}
	}
	for i := range c.Filters {
		f := &c.Filters[i]
		if _, ok := was[f.ID]; ok {
			batch.Queue(updateFilter, p.OrganizationID, f.ID, i, f.InvoiceDisplayName, f.Properties)
		} else {
			queueInsertFilter(batch, p.OrganizationID, c.ID, i, f, now)
		}
	}
}

func chargeID(c *billing.Charge) uuid.UUID { return c.ID }

func chargeFilterID(f *billing.ChargeFilter) uuid.UUID { return f.ID }

// checkSplits returns an error of the caller's if the plans of the charges, whose metric was
// changed in this transaction, filter and group by too much now.
func checkSplits(ctx context.Context, tx pgx.Tx, org uuid.UUID, charges []billing.Charge) error {
	var plans []billing.Plan
	for i := range charges { // they come plan by plan
		if id := charges[i].PlanID; len(plans) == 0 || plans[len(plans)-1].ID != id {
			plans = append(plans, billing.Plan{ID: id})
		}
	}
	if err := completePlans(ctx, tx, org, plans); err != nil {
		return err
	}
	for i := range plans {
		if billing.SplitBytes(plans[i].Charges) > billing.SplitBytesMax {
			return billing.Invalid("filters", billing.CodeOutOfRange)
		}
	}
	return nil
}

// queueCharges has the live charges of plans read, plan by plan in their order.
func queueCharges(batch *pgx.Batch, org uuid.UUID, plans []uuid.UUID, into *[]billing.Charge) {
	const query = `SELECT ` + chargeColumns + ` FROM charges c
		WHERE c.organization_id = $1 AND c.plan_id = ANY ($2) AND c.deleted_at IS NULL
		ORDER BY c.plan_id, c.position`
	queueAll(batch, "charges", into, scanCharge, query, org, plans)
}

// chargesByID returns the charges with the ids, they and their filters deleted or not and
// without their taxes: a fee keeps what it was priced by.
func chargesByID(ctx context.Context, q querier, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.Charge, error) {
	const query = `SELECT ` + chargeColumns + ` FROM charges c WHERE c.organization_id = $1 AND c.id = ANY ($2)`
	charges, err := readAll(ctx, q, "charges", scanCharge, query, org, ids)
	if err != nil {
		return nil, err
	}
	if err := completeCharges(ctx, q, org, charges, true); err != nil {
		return nil, err
	}
	return byID(charges, chargeID), nil
}

// completeCharges fills in metrics, filters and pricing units, in one round trip however
// many they are; filters that were deleted only when asked for, since to price by one
// would take usage from those in force.
func completeCharges(ctx context.Context, q querier, org uuid.UUID, charges []billing.Charge, deleted bool) error {
	if len(charges) == 0 {
		return nil
	}
	const metricsQuery = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.id = ANY ($2)`
	const filtersQuery = `SELECT ` + chargeFilterColumns + ` FROM charge_filters f
		WHERE f.organization_id = $1 AND f.charge_id = ANY ($2) AND (f.deleted_at IS NULL OR $3)
		ORDER BY f.charge_id, f.position`
	const unitsQuery = `SELECT ` + pricingUnitColumns + ` FROM pricing_units u
		WHERE u.organization_id = $1 AND u.id = ANY ($2)`
	ids := make([]uuid.UUID, len(charges))
	metricIDs, unitIDs := map[uuid.UUID]bool{}, map[uuid.UUID]bool{} // many charges are on the same
	for i := range charges {
		c := &charges[i]
		ids[i], metricIDs[c.Metric.ID] = c.ID, true
		if c.PricingUnit != nil {
			unitIDs[c.PricingUnit.Unit.ID] = true
		}
	}
	var metrics []billing.BillableMetric
	var filters []chargeFilter
	var units []billing.PricingUnit
	batch := &pgx.Batch{}
	queueAll(batch, "billable metrics", &metrics, scanMetric, metricsQuery, org, slices.Collect(maps.Keys(metricIDs)))
	queueAll(batch, "charge filters", &filters, scanChargeFilter, filtersQuery, org, ids, deleted)
	if len(unitIDs) > 0 {
		queueAll(batch, "pricing units", &units, scanPricingUnit, unitsQuery, org, slices.Collect(maps.Keys(unitIDs)))
	}
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	placeInCharges(charges, metrics, filters, units)
	return nil
}

func placeInCharges(charges []billing.Charge, metrics []billing.BillableMetric, filters []chargeFilter, units []billing.PricingUnit) {
	metric, unit := byID(metrics, metricID), byID(units, pricingUnitID)
	ofCharge := make(map[uuid.UUID][]billing.ChargeFilter)
	for _, f := range filters {
		ofCharge[f.chargeID] = append(ofCharge[f.chargeID], f.ChargeFilter)
	}
	for i := range charges {
		c := &charges[i]
		c.Metric, c.Filters = metric[c.Metric.ID], ofCharge[c.ID]
		if c.PricingUnit != nil {
			c.PricingUnit.Unit = unit[c.PricingUnit.Unit.ID]
		}
	}
}
