package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const metricColumns = `m.id, m.organization_id, m.code, m.name, m.description, m.aggregation_type,
	m.field_name, m.expression, m.recurring, m.weighted_interval, m.percentile, m.received_from,
	m.rounding_function, m.rounding_precision, m.filters, m.created_at, m.updated_at`

func scanMetric(row pgx.CollectableRow) (m billing.BillableMetric, err error) {
	err = row.Scan(&m.ID, &m.OrganizationID, &m.Code, &m.Name, &m.Description, &m.AggregationType,
		&m.FieldName, &m.Expression, &m.Recurring, &m.WeightedInterval, &m.Percentile, &m.ReceivedFrom,
		&m.RoundingFunction, &m.RoundingPrecision, &m.Filters, &m.CreatedAt, &m.UpdatedAt)
	return m, err
}

func metricID(m *billing.BillableMetric) uuid.UUID { return m.ID }

// metricArgs returns every column by name.
func metricArgs(m *billing.BillableMetric) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": m.ID, "org": m.OrganizationID, "code": m.Code, "name": m.Name, "description": m.Description,
		"aggregation_type": m.AggregationType, "field_name": m.FieldName, "expression": m.Expression,
		"recurring": m.Recurring, "weighted_interval": m.WeightedInterval, "percentile": m.Percentile,
		"received_from": m.ReceivedFrom, "rounding_function": m.RoundingFunction,
		"rounding_precision": m.RoundingPrecision, "filters": list(m.Filters),
		"created_at": m.CreatedAt, "updated_at": m.UpdatedAt,
	}
}

// CreateBillableMetric makes a metric and raises the organization's catalog version.
// A nil id is set; CreatedAt must be. ReceivedFrom is set to when a metric with the same
// code was last deleted. A code in use is code: value_already_exist.
func (db *DB) CreateBillableMetric(ctx context.Context, m *billing.BillableMetric) error {
	const tried = "cannot create billable metric"
	if err := setNew(&m.ID, &m.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	m.UpdatedAt = m.CreatedAt
	const insert = `INSERT INTO billable_metrics (id, organization_id, code, name, description, aggregation_type,
			field_name, expression, recurring, weighted_interval, percentile, received_from,
			rounding_function, rounding_precision, filters, created_at, updated_at)
		VALUES (@id, @org, @code, @name, @description, @aggregation_type,
			@field_name, @expression, @recurring, @weighted_interval, @percentile, @received_from,
			@rounding_function, @rounding_precision, @filters, @created_at, @updated_at)`
	return writeError(tried, db.inCatalogTx(ctx, m.OrganizationID, func(tx pgx.Tx) (err error) {
		if m.ReceivedFrom, err = codeFreeSince(ctx, tx, m.OrganizationID, m.Code); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insert, metricArgs(m))
		return err
	}))
}

// codeFreeSince returns when a metric with the code was last deleted, in nanoseconds since
// the Unix epoch, 0 when none was: events received before belong to that one.
func codeFreeSince(ctx context.Context, tx pgx.Tx, org uuid.UUID, code string) (int64, error) {
	const query = `SELECT coalesce(max(received_until), 0) FROM billable_metrics
		WHERE organization_id = $1 AND code = $2 AND deleted_at IS NOT NULL`
	return readOne(ctx, tx, "billable_metric", pgx.RowTo[int64], query, org, code)
}

// UpdateBillableMetric changes the live metric with the code, and raises the
// organization's catalog version. change gets the metric and the live charges on it, with
// filters, to look at; when it fails nothing is written. It may not use the database.
// Values of filters that the metric no longer declares are taken out of its charges'
// filters; see billing.ChargeFilter.Within. A metric that takes another code takes it as
// a new one would; see CreateBillableMetric. Values that would make more than
// billing.SplitBytesMax of a plan's wildcards are filters: value_is_out_of_range.
func (db *DB) UpdateBillableMetric(ctx context.Context, org uuid.UUID, code string, now time.Time, change func(m *billing.BillableMetric, charges []billing.Charge) error) (billing.BillableMetric, error) {
	var metric billing.BillableMetric
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) error {
		before, charges, err := lockMetric(ctx, tx, org, code)
		if err != nil {
			return err
		}
		metric = before
		if err := change(&metric, charges); err != nil {
			return err
		}
		if metric.Code != before.Code {
			if metric.ReceivedFrom, err = codeFreeSince(ctx, tx, org, metric.Code); err != nil {
				return err
			}
		}
		metric.UpdatedAt = stamp(now)
		if err := updateMetric(ctx, tx, &metric); err != nil {
			return err
		}
		if err := narrowChargeFilters(ctx, tx, &metric, charges, now); err != nil {
			return err
		}
		return checkSplits(ctx, tx, org, charges)
	})
	if err != nil {
		return billing.BillableMetric{}, writeError("cannot change billable metric", err)
	}
	return metric, nil
}

// lockMetric returns the organization's live metric with the code, whose catalog is locked,
// and the live charges on it.
func lockMetric(ctx context.Context, tx pgx.Tx, org uuid.UUID, code string) (billing.BillableMetric, []billing.Charge, error) {
	const query = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.code = $2 AND m.deleted_at IS NULL`
	const chargesQuery = `SELECT ` + chargeColumns + ` FROM charges c
		WHERE c.organization_id = $1 AND c.billable_metric_id = $2 AND c.deleted_at IS NULL
		ORDER BY c.plan_id, c.position`
	metric, err := readOne(ctx, tx, "billable_metric", scanMetric, query, org, code)
	if err != nil {
		return metric, nil, err
	}
	charges, err := readAll(ctx, tx, "charges", scanCharge, chargesQuery, org, metric.ID)
	if err != nil {
		return metric, nil, err
	}
	return metric, charges, completeCharges(ctx, tx, org, charges, false)
}

func updateMetric(ctx context.Context, tx pgx.Tx, m *billing.BillableMetric) error {
	const update = `UPDATE billable_metrics SET code = @code, name = @name, description = @description,
			aggregation_type = @aggregation_type, field_name = @field_name, expression = @expression,
			recurring = @recurring, weighted_interval = @weighted_interval, percentile = @percentile,
			received_from = @received_from, rounding_function = @rounding_function,
			rounding_precision = @rounding_precision, filters = @filters, updated_at = @updated_at
		WHERE organization_id = @org AND id = @id`
	_, err := tx.Exec(ctx, update, metricArgs(m))
	return err
}

// narrowChargeFilters takes out of charge filters what their metric no longer declares. A
// filter's values never change under its id, which fees refer to: one that is left with
// fewer is a new one in the same place.
func narrowChargeFilters(ctx context.Context, tx pgx.Tx, m *billing.BillableMetric, charges []billing.Charge, now time.Time) error {
	batch := &pgx.Batch{}
	for i := range charges {
		for position, f := range charges[i].Filters {
			values, changed := f.Within(m)
			if !changed {
				continue
			}
			queueDeleteFilter(batch, m.OrganizationID, f.ID, now)
			if values != nil {
				f.ID, f.Values = uuid.Nil, values
				queueInsertFilter(batch, m.OrganizationID, charges[i].ID, position, &f, now)
			}
		}
	}
	return tx.SendBatch(ctx, batch).Close()
}

// DeleteBillableMetric deletes the live metric with the code and the charges on it, and
// raises the organization's catalog version. What was invoiced stays as it is, and so do
// the events; but a later metric with the same code counts only those that are received
// after deletedAt, the system's clock. now is the organization's.
func (db *DB) DeleteBillableMetric(ctx context.Context, org uuid.UUID, code string, now, deletedAt time.Time) (billing.BillableMetric, error) {
	const deleteMetric = `UPDATE billable_metrics SET deleted_at = $3, updated_at = $3, received_until = $4
		WHERE organization_id = $1 AND id = $2`
	const deleteCharges = `UPDATE charges SET deleted_at = $3, updated_at = $3
		WHERE organization_id = $1 AND billable_metric_id = $2 AND deleted_at IS NULL`
	var metric billing.BillableMetric
	err := db.inCatalogTx(ctx, org, func(tx pgx.Tx) (err error) {
		if metric, _, err = lockMetric(ctx, tx, org, code); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteCharges, org, metric.ID, stamp(now)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, deleteMetric, org, metric.ID, stamp(now), deletedAt.UnixNano())
		return err
	})
	if err != nil {
		return billing.BillableMetric{}, writeError("cannot delete billable metric", err)
	}
	return metric, nil
}

// BillableMetric returns the live metric with the code.
func (db *DB) BillableMetric(ctx context.Context, org uuid.UUID, code string) (billing.BillableMetric, error) {
	const query = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.code = $2 AND m.deleted_at IS NULL`
	return readOne(ctx, db.pool, "billable_metric", scanMetric, query, org, code)
}

// BillableMetricByID returns the live metric with the id.
func (db *DB) BillableMetricByID(ctx context.Context, org, id uuid.UUID) (billing.BillableMetric, error) {
	const query = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.id = $2 AND m.deleted_at IS NULL`
	return readOne(ctx, db.pool, "billable_metric", scanMetric, query, org, id)
}

// BillableMetrics returns a page of the live metrics, the newest first, and how many there are.
func (db *DB) BillableMetrics(ctx context.Context, org uuid.UUID, page Page) ([]billing.BillableMetric, int, error) {
	const from = ` FROM billable_metrics m WHERE m.organization_id = @org AND m.deleted_at IS NULL`
	return readPage(ctx, db.pool, listing{
		what:  "billable metrics",
		count: `SELECT count(*)` + from,
		list:  `SELECT ` + metricColumns + from + ` ORDER BY m.created_at DESC, m.id LIMIT @limit OFFSET @offset`,
		args:  pgx.NamedArgs{"org": org},
	}, page, scanMetric)
}
