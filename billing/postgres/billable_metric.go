package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const metricColumns = `m.id, m.organization_id, m.code, m.name, m.description, m.aggregation_type,
	m.field_name, m.rounding_function, m.rounding_precision, m.filters, m.created_at, m.updated_at`

func scanMetric(row pgx.CollectableRow) (m billing.BillableMetric, err error) {
	err = row.Scan(&m.ID, &m.OrganizationID, &m.Code, &m.Name, &m.Description, &m.AggregationType,
		&m.FieldName, &m.RoundingFunction, &m.RoundingPrecision, &m.Filters, &m.CreatedAt, &m.UpdatedAt)
	return m, err
}

func metricID(m *billing.BillableMetric) uuid.UUID { return m.ID }

// CreateBillableMetric makes a metric and raises the organization's catalog version.
// A nil id is set; CreatedAt must be. A code in use is code: value_already_exist.
func (db *DB) CreateBillableMetric(ctx context.Context, m *billing.BillableMetric) error {
	const tried = "cannot create billable metric"
	if err := setNew(&m.ID, &m.CreatedAt); err != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	m.UpdatedAt = m.CreatedAt
	const insert = `INSERT INTO billable_metrics (id, organization_id, code, name, description, aggregation_type,
			field_name, rounding_function, rounding_precision, filters, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	return writeError(tried, db.inTx(ctx, func(tx pgx.Tx) error {
		if err := raiseCatalogVersion(ctx, tx, m.OrganizationID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insert, m.ID, m.OrganizationID, m.Code, m.Name, m.Description, m.AggregationType,
			m.FieldName, m.RoundingFunction, m.RoundingPrecision, list(m.Filters), m.CreatedAt, m.UpdatedAt)
		return err
	}))
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
