package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/aggregator"
	"weir/billing"
)

// OrganizationCatalog is what an organization sells, in the state of one version of its
// catalog: metrics as metering knows them, plans with all their parts, and taxes. It is
// immutable, and may be shared: nobody changes what it holds.
type OrganizationCatalog struct {
	Definitions
	// Plans are all plans by id, with their live parts in order; also those that were
	// deleted, whose subscriptions are still billed.
	Plans map[uuid.UUID]*billing.Plan
	// Taxes are the live taxes by id. One that is not in it was deleted, though a customer's
	// row that was read before may still name it.
	Taxes map[uuid.UUID]*billing.Tax
	// DefaultTaxes are those of them that are applied to the organization, the oldest first.
	DefaultTaxes []billing.Tax
	// Rows is how many rows of tables it holds: about a kilobyte each.
	Rows int
}

// OrganizationCatalog returns the newest state of an organization's catalog.
func (db *DB) OrganizationCatalog(ctx context.Context, org uuid.UUID) (*OrganizationCatalog, error) {
	var rows catalogRows
	err := db.inSnapshot(ctx, func(tx pgx.Tx) error { return rows.read(ctx, tx, org) })
	if err != nil {
		return nil, fmt.Errorf("cannot read the organization's catalog: %w", err)
	}
	c := &OrganizationCatalog{
		Definitions: definitionsOf(rows.version, rows.sold.define()),
		Plans:       make(map[uuid.UUID]*billing.Plan, len(rows.plans)),
		Taxes:       make(map[uuid.UUID]*billing.Tax, len(rows.taxes)),
		Rows:        len(rows.sold.metrics) + len(rows.taxes),
	}
	for i := range rows.plans {
		plan := &rows.plans[i]
		c.Plans[plan.ID] = plan
		c.Rows += planRows(plan)
	}
	for i := range rows.taxes {
		tax := &rows.taxes[i]
		c.Taxes[tax.ID] = tax
		if tax.AppliedToOrganization {
			c.DefaultTaxes = append(c.DefaultTaxes, *tax)
		}
	}
	return c, nil
}

// planRows returns how many rows a plan is made of.
func planRows(p *billing.Plan) int {
	rows := 1 + len(p.Charges) + len(p.FixedCharges) + len(p.Taxes)
	for i := range p.Charges {
		rows += len(p.Charges[i].Filters) + len(p.Charges[i].Taxes)
	}
	for i := range p.FixedCharges {
		rows += len(p.FixedCharges[i].History) + len(p.FixedCharges[i].Taxes)
	}
	if p.Commitment != nil {
		rows += 1 + len(p.Commitment.Taxes)
	}
	return rows
}

// catalogRows is what an OrganizationCatalog is made of.
type catalogRows struct {
	version int64
	sold    sold
	taxes   []billing.Tax // the oldest first
	plans   []billing.Plan
}

// read reads all rows in two round trips. Charges are asked for by the organization and not
// by their plans, as completePlans does: a thousand ids take longer than what they are of.
func (r *catalogRows) read(ctx context.Context, tx pgx.Tx, org uuid.UUID) error {
	const versionQuery = `SELECT catalog_version FROM organizations WHERE id = $1`
	const taxesQuery = `SELECT ` + taxColumns + ` FROM taxes t
		WHERE t.organization_id = $1 AND t.deleted_at IS NULL ORDER BY t.created_at, t.id`
	const unitsQuery = `SELECT ` + pricingUnitColumns + ` FROM pricing_units u
		WHERE u.organization_id = $1 AND u.deleted_at IS NULL`
	const plansQuery = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1`
	var versions []int64
	batch := &pgx.Batch{}
	queueAll(batch, "catalog version", &versions, pgx.RowTo[int64], versionQuery, org)
	queueAll(batch, "taxes", &r.taxes, scanTax, taxesQuery, org)
	queueAll(batch, "pricing units", &r.sold.units, scanPricingUnit, unitsQuery, org)
	queueAll(batch, "plans", &r.plans, scanPlan, plansQuery, org)
	r.sold.queue(batch, &org)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if len(versions) == 0 {
		return billing.NotFound("organization")
	}
	r.version = versions[0]
	r.sold.place()
	return r.readParts(ctx, tx, org)
}

// readParts gives the plans their charges, which are there, and all else that belongs to them.
func (r *catalogRows) readParts(ctx context.Context, tx pgx.Tx, org uuid.UUID) error {
	parts := planParts{charges: r.sold.charges}
	batch := &pgx.Batch{}
	parts.queue(batch, org, planIDs(r.plans))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	parts.place(r.plans)
	return nil
}

// definitionsOf returns definitions by the metric's id.
func definitionsOf(version int64, definitions []definition) Definitions {
	d := Definitions{Version: version, Metrics: make(map[uuid.UUID]*aggregator.Metric, len(definitions))}
	for _, made := range definitions {
		if made.err == nil {
			d.Metrics[made.id] = made.metric
			continue
		}
		if d.Faults == nil {
			d.Faults = make(map[uuid.UUID]error)
		}
		d.Faults[made.id] = made.err
	}
	return d
}

// sold is the live metrics and charges of an organization, or of all.
type sold struct {
	metrics []billing.BillableMetric
	charges []billing.Charge // with metrics and filters, plan by plan in their order; without taxes
	filters []chargeFilter
	units   []billing.PricingUnit // empty: nobody looks at them
}

// readSold reads the metrics and charges of one organization, or of all when org is nil.
func readSold(ctx context.Context, q querier, org *uuid.UUID) (sold, error) {
	var s sold
	batch := &pgx.Batch{}
	s.queue(batch, org)
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return sold{}, err
	}
	s.place()
	return s, nil
}

// queue has metrics and charges read. Charges of deleted plans count: their subscriptions
// are still billed.
func (s *sold) queue(batch *pgx.Batch, org *uuid.UUID) {
	const metricsQuery = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE ($1::uuid IS NULL OR m.organization_id = $1) AND m.deleted_at IS NULL`
	const chargesQuery = `SELECT ` + chargeColumns + ` FROM charges c
		WHERE ($1::uuid IS NULL OR c.organization_id = $1) AND c.deleted_at IS NULL
		ORDER BY c.plan_id, c.position`
	const filtersQuery = `SELECT ` + chargeFilterColumns + ` FROM charge_filters f
		WHERE ($1::uuid IS NULL OR f.organization_id = $1) AND f.deleted_at IS NULL
		ORDER BY f.charge_id, f.position`
	queueAll(batch, "billable metrics", &s.metrics, scanMetric, metricsQuery, org)
	queueAll(batch, "charges", &s.charges, scanCharge, chargesQuery, org)
	queueAll(batch, "charge filters", &s.filters, scanChargeFilter, filtersQuery, org)
}

// place gives the charges what belongs to them.
func (s *sold) place() { placeInCharges(s.charges, s.metrics, s.filters, s.units) }

// define makes the metrics' definitions.
func (s *sold) define() []definition {
	ofMetric := make(map[uuid.UUID][]billing.Charge)
	for _, c := range s.charges {
		ofMetric[c.Metric.ID] = append(ofMetric[c.Metric.ID], c)
	}
	definitions := make([]definition, 0, len(s.metrics))
	for _, m := range s.metrics {
		metric, err := billing.MetricDefinition(m, ofMetric[m.ID])
		definitions = append(definitions, definition{id: m.ID, organization: m.OrganizationID, metric: metric, err: err})
	}
	return definitions
}
