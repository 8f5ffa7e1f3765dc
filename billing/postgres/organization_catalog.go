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
// catalog: metrics as metering knows them, and plans with their charges. It is
// immutable, and may be shared: nobody changes what it holds.
type OrganizationCatalog struct {
	Definitions
	// Plans are all plans by id, with their live charges in order; also those that were
	// deleted, whose subscriptions are still billed.
	Plans map[uuid.UUID]*billing.Plan
	// Rows is how many metrics, plans, charges and filters it holds: about a kilobyte each.
	Rows int
}

// OrganizationCatalog returns the newest state of an organization's catalog.
func (db *DB) OrganizationCatalog(ctx context.Context, org uuid.UUID) (*OrganizationCatalog, error) {
	const versionQuery = `SELECT catalog_version FROM organizations WHERE id = $1`
	const plansQuery = `SELECT ` + planColumns + ` FROM plans p WHERE p.organization_id = $1`
	var version int64
	var sold sold
	var plans []billing.Plan
	err := db.inSnapshot(ctx, func(tx pgx.Tx) (err error) {
		if version, err = readOne(ctx, tx, "organization", pgx.RowTo[int64], versionQuery, org); err != nil {
			return err
		}
		if sold, err = readSold(ctx, tx, &org); err != nil {
			return err
		}
		plans, err = readAll(ctx, tx, "plans", scanPlan, plansQuery, org)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the organization's catalog: %w", err)
	}
	c := &OrganizationCatalog{
		Definitions: definitionsOf(version, sold.define()),
		Plans:       make(map[uuid.UUID]*billing.Plan, len(plans)),
		Rows:        len(sold.metrics) + len(sold.charges) + sold.filters + len(plans),
	}
	for i := range plans {
		c.Plans[plans[i].ID] = &plans[i]
	}
	for _, charge := range sold.charges {
		plan := c.Plans[charge.PlanID]
		if plan == nil {
			return nil, fmt.Errorf("BUG: charge %s has no plan", charge.ID)
		}
		plan.Charges = append(plan.Charges, charge)
	}
	return c, nil
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
	charges []billing.Charge // with metrics and filters, plan by plan in their order
	filters int              // of all charges
}

// readSold reads the metrics and charges of one organization, or of all when org is nil.
// Charges of deleted plans count: their subscriptions are still billed.
func readSold(ctx context.Context, q querier, org *uuid.UUID) (sold, error) {
	const metricsQuery = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE ($1::uuid IS NULL OR m.organization_id = $1) AND m.deleted_at IS NULL`
	const chargesQuery = `SELECT ` + chargeColumns + ` FROM charges c
		WHERE ($1::uuid IS NULL OR c.organization_id = $1) AND c.deleted_at IS NULL
		ORDER BY c.plan_id, c.position`
	const filtersQuery = `SELECT ` + chargeFilterColumns + ` FROM charge_filters f
		WHERE ($1::uuid IS NULL OR f.organization_id = $1) AND f.deleted_at IS NULL
		ORDER BY f.charge_id, f.position`
	metrics, err := readAll(ctx, q, "billable metrics", scanMetric, metricsQuery, org)
	if err != nil {
		return sold{}, err
	}
	charges, err := readAll(ctx, q, "charges", scanCharge, chargesQuery, org)
	if err != nil {
		return sold{}, err
	}
	filters, err := readAll(ctx, q, "charge filters", scanChargeFilter, filtersQuery, org)
	if err != nil {
		return sold{}, err
	}
	ofCharge := make(map[uuid.UUID][]billing.ChargeFilter)
	for _, f := range filters {
		ofCharge[f.chargeID] = append(ofCharge[f.chargeID], f.ChargeFilter)
	}
	metric := byID(metrics, metricID)
	for i := range charges {
		charges[i].Filters = ofCharge[charges[i].ID]
		charges[i].Metric = metric[charges[i].Metric.ID]
	}
	return sold{metrics, charges, len(filters)}, nil
}

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
