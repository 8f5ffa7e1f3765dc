-- +goose Up

-- What a metric can be besides a count or a sum.
ALTER TABLE billable_metrics
    ADD COLUMN expression        text NOT NULL DEFAULT '',
    ADD COLUMN recurring         boolean NOT NULL DEFAULT false,
    ADD COLUMN weighted_interval text NOT NULL DEFAULT '',
    ADD COLUMN percentile        numeric NOT NULL DEFAULT 0,
    -- Nanoseconds since the Unix epoch, by the system's clock, as events are stamped when
    -- they come in. Events received before received_from belong to a deleted metric with
    -- the same code; received_until is when this metric was deleted.
    ADD COLUMN received_from     bigint NOT NULL DEFAULT 0,
    ADD COLUMN received_until    bigint;
UPDATE billable_metrics SET received_until = (extract(epoch FROM deleted_at) * 1000000000)::bigint
    WHERE deleted_at IS NOT NULL;
ALTER TABLE billable_metrics
    ADD CONSTRAINT billable_metrics_deleted CHECK ((deleted_at IS NULL) = (received_until IS NULL));
CREATE INDEX billable_metrics_deleted_code ON billable_metrics (organization_id, code) WHERE deleted_at IS NOT NULL;

-- What metering was asked for the usage and how it was priced, as versioned JSON: with the
-- cut it recomputes the fees. Null where no usage was billed, and on older invoices.
ALTER TABLE invoice_subscriptions ADD COLUMN evidence json;

-- Order on the subscription's part of the invoice. Older rows have none.
ALTER TABLE usage_snapshots ADD COLUMN position integer NOT NULL DEFAULT 0;

ALTER TABLE fees
    ADD COLUMN filter_display_name text NOT NULL DEFAULT '', -- as invoiced
    ADD COLUMN presentation        json; -- null: not broken down; json: see grouped_by
UPDATE fees SET filter_display_name = f.invoice_display_name
    FROM charge_filters f WHERE f.id = fees.charge_filter_id AND f.invoice_display_name <> '';
