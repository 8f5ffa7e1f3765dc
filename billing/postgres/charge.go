package postgres

import (
	"context"
	"time"

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
	batch := &pgx.Batch{}
	for i := range p.Charges {
		queueInsertCharge(batch, p, i, p.CreatedAt)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// queueInsertCharge inserts a new charge of the plan with its filters.
func queueInsertCharge(batch *pgx.Batch, p *billing.Plan, position int, now time.Time) {
	const insert = `INSERT INTO charges (id, organization_id, plan_id, billable_metric_id, code, position,
			invoice_display_name, charge_model, properties, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`
	c := &p.Charges[position]
	if c.ID == uuid.Nil {
		c.ID = newID()
	}
	c.PlanID, c.CreatedAt = p.ID, stamp(now)
	batch.Queue(insert, c.ID, p.OrganizationID, p.ID, c.Metric.ID, c.Code, position,
		c.InvoiceDisplayName, c.Model, c.Properties, c.CreatedAt)
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

// updateCharges makes a plan's charges those of p: what before has and p has not is
// deleted, what is new is inserted, and what has the id of one that was there changes it.
func updateCharges(ctx context.Context, tx pgx.Tx, before, p *billing.Plan, now time.Time) error {
	const remove = `UPDATE charges SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2`
	// Two charges may exchange their codes: each is out of the others' way first.
	const release = `UPDATE charges SET code = id::text WHERE organization_id = $1 AND id = $2`
	batch := &pgx.Batch{}
	kept := byID(p.Charges, chargeID)
	for i := range before.Charges {
		id := before.Charges[i].ID
		if _, ok := kept[id]; ok {
			batch.Queue(release, p.OrganizationID, id)
		} else {
			batch.Queue(remove, p.OrganizationID, id, stamp(now))
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
	return tx.SendBatch(ctx, batch).Close()
}

// queueUpdateCharge changes a charge. A filter with the id of one that was there keeps its
// values: fees refer to it.
func queueUpdateCharge(batch *pgx.Batch, before *billing.Charge, p *billing.Plan, position int, now time.Time) {
	const update = `UPDATE charges SET code = $3, position = $4, invoice_display_name = $5, charge_model = $6,
			properties = $7, updated_at = $8
		WHERE organization_id = $1 AND id = $2`
	const updateFilter = `UPDATE charge_filters SET position = $3, invoice_display_name = $4, properties = $5
		WHERE organization_id = $1 AND id = $2`
	c := &p.Charges[position]
	batch.Queue(update, p.OrganizationID, c.ID, c.Code, position, c.InvoiceDisplayName, c.Model, c.Properties, stamp(now))
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

// checkCharges looks at charges once more under the catalog's lock: since the caller read
// the metrics, one may have been deleted or changed.
func checkCharges(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	const query = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.id = ANY ($2) AND m.deleted_at IS NULL`
	ids := make([]uuid.UUID, len(p.Charges))
	for i := range p.Charges {
		ids[i] = p.Charges[i].Metric.ID
	}
	metrics, err := readAll(ctx, tx, "billable metrics", scanMetric, query, p.OrganizationID, ids)
	if err != nil {
		return err
	}
	live := byID(metrics, metricID)
	for i := range p.Charges {
		metric, ok := live[p.Charges[i].Metric.ID]
		if !ok {
			return billing.NotFound("billable_metric")
		}
		p.Charges[i].Metric = metric
		if err := p.Charges[i].Check(); err != nil {
			return err
		}
	}
	if billing.SplitBytes(p.Charges) > billing.SplitBytesMax {
		return billing.Invalid("charges", billing.CodeOutOfRange)
	}
	return nil
}

// checkSplits returns an error of the caller's if the plans of the charges, whose metric was
// changed in this transaction, filter and group by too much now.
func checkSplits(ctx context.Context, tx pgx.Tx, org uuid.UUID, charges []billing.Charge) error {
	var plans []billing.Plan
	for i := range charges { // they come plan by plan
		if id := charges[i].PlanID; len(plans) == 0 || plans[len(plans)-1].ID != id {
			plans = append(plans, billing.Plan{ID: id})
		}
	}
	if err := readCharges(ctx, tx, org, plans); err != nil {
		return err
	}
	for i := range plans {
		if billing.SplitBytes(plans[i].Charges) > billing.SplitBytesMax {
			return billing.Invalid("filters", billing.CodeOutOfRange)
		}
	}
	return nil
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
	return byID(charges, chargeID), nil
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
