package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const chargeColumns = `c.id, c.plan_id, c.billable_metric_id, c.code, c.invoice_display_name,
	c.charge_model, c.properties, c.created_at`

// scanCharge reads a charge whose metric and filters are still to be filled in.
func scanCharge(row pgx.CollectableRow) (c billing.Charge, err error) {
	err = row.Scan(&c.ID, &c.PlanID, &c.Metric.ID, &c.Code, &c.InvoiceDisplayName,
		&c.Model, &c.Properties, &c.CreatedAt)
	return c, err
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

// insertCharges writes the charges of a new plan, in one round trip.
func insertCharges(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	const insert = `INSERT INTO charges (id, organization_id, plan_id, billable_metric_id, code, position,
			invoice_display_name, charge_model, properties, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`
	batch := &pgx.Batch{}
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.ID == uuid.Nil {
			c.ID = newID()
		}
		c.PlanID, c.CreatedAt = p.ID, p.CreatedAt
		batch.Queue(insert, c.ID, p.OrganizationID, p.ID, c.Metric.ID, c.Code, i,
			c.InvoiceDisplayName, c.Model, c.Properties, c.CreatedAt)
		queueChargeFilters(batch, p.OrganizationID, c)
	}
	return tx.SendBatch(ctx, batch).Close()
}

func queueChargeFilters(batch *pgx.Batch, org uuid.UUID, c *billing.Charge) {
	const insert = `INSERT INTO charge_filters (id, organization_id, charge_id, position,
			invoice_display_name, filter_values, properties, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	for i := range c.Filters {
		f := &c.Filters[i]
		if f.ID == uuid.Nil {
			f.ID = newID()
		}
		batch.Queue(insert, f.ID, org, c.ID, i, f.InvoiceDisplayName, f.Values, f.Properties, c.CreatedAt)
	}
}

// readCharges fills in the live charges of plans of one organization, with metrics
// and filters, in three queries however many they are.
func readCharges(ctx context.Context, q querier, org uuid.UUID, plans []billing.Plan) error {
	const query = `SELECT ` + chargeColumns + ` FROM charges c
		WHERE c.organization_id = $1 AND c.plan_id = ANY ($2) AND c.deleted_at IS NULL
		ORDER BY c.plan_id, c.position`
	index := make(map[uuid.UUID]int, len(plans))
	ids := make([]uuid.UUID, len(plans))
	for i := range plans {
		ids[i], index[plans[i].ID] = plans[i].ID, i
	}
	charges, err := readAll(ctx, q, "charges", scanCharge, query, org, ids)
	if err != nil {
		return err
	}
	if err := completeCharges(ctx, q, org, charges, false); err != nil {
		return err
	}
	for _, c := range charges {
		plan := &plans[index[c.PlanID]]
		plan.Charges = append(plan.Charges, c)
	}
	return nil
}

// chargesByID returns the charges with the ids, they and their filters deleted or not: a
// fee keeps what it was priced by.
func chargesByID(ctx context.Context, q querier, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.Charge, error) {
	const query = `SELECT ` + chargeColumns + ` FROM charges c WHERE c.organization_id = $1 AND c.id = ANY ($2)`
	charges, err := readAll(ctx, q, "charges", scanCharge, query, org, ids)
	if err != nil {
		return nil, err
	}
	if err := completeCharges(ctx, q, org, charges, true); err != nil {
		return nil, err
	}
	return byID(charges, func(c *billing.Charge) uuid.UUID { return c.ID }), nil
}

// completeCharges fills in metrics and filters; filters that were deleted only when asked
// for, since to price by one would take usage from those in force.
func completeCharges(ctx context.Context, q querier, org uuid.UUID, charges []billing.Charge, deleted bool) error {
	if len(charges) == 0 {
		return nil
	}
	const metricsQuery = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.id = ANY ($2)`
	const filtersQuery = `SELECT ` + chargeFilterColumns + ` FROM charge_filters f
		WHERE f.organization_id = $1 AND f.charge_id = ANY ($2) AND (f.deleted_at IS NULL OR $3)
		ORDER BY f.charge_id, f.position`
	ids, metricIDs := make([]uuid.UUID, len(charges)), make([]uuid.UUID, len(charges))
	index := make(map[uuid.UUID]int, len(charges))
	for i := range charges {
		ids[i], metricIDs[i], index[charges[i].ID] = charges[i].ID, charges[i].Metric.ID, i
	}
	metrics, err := readAll(ctx, q, "billable metrics", scanMetric, metricsQuery, org, metricIDs)
	if err != nil {
		return err
	}
	filters, err := readAll(ctx, q, "charge filters", scanChargeFilter, filtersQuery, org, ids, deleted)
	if err != nil {
		return err
	}
	metric := byID(metrics, metricID)
	for i := range charges {
		charges[i].Metric = metric[charges[i].Metric.ID]
	}
	for _, f := range filters {
		c := &charges[index[f.chargeID]]
		c.Filters = append(c.Filters, f.ChargeFilter)
	}
	return nil
}
