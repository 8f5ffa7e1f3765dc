-- +goose Up

-- Every table but the last ones is a tenant's: it carries organization_id, and a
-- foreign key names it together with the id (UNIQUE (organization_id, id) is there
-- for that), so that a row can't refer to another organization's.

CREATE TABLE organizations (
    id                      uuid PRIMARY KEY,
    name                    text NOT NULL,
    default_currency        text NOT NULL DEFAULT 'USD',
    timezone                text NOT NULL DEFAULT 'UTC',
    document_number_prefix  text NOT NULL,
    net_payment_term_days   integer NOT NULL DEFAULT 0,
    late_usage_policy       text NOT NULL DEFAULT 'ignore' CHECK (late_usage_policy IN ('ignore')),
    -- Locked and raised by every change of a metric or charge, so that commit order is version order.
    catalog_version         bigint NOT NULL DEFAULT 0,
    customer_sequence       bigint NOT NULL DEFAULT 0,
    test_clock              timestamptz,
    created_at              timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    hash            bytea NOT NULL UNIQUE, -- SHA-256 of the key
    last_four       text NOT NULL,
    created_at      timestamptz NOT NULL,
    revoked_at      timestamptz
);

CREATE TABLE billable_metrics (
    id                 uuid PRIMARY KEY,
    organization_id    uuid NOT NULL REFERENCES organizations,
    code               text NOT NULL,
    name               text NOT NULL,
    description        text NOT NULL DEFAULT '',
    aggregation_type   text NOT NULL,
    field_name         text NOT NULL DEFAULT '',
    rounding_function  text NOT NULL DEFAULT '',
    rounding_precision integer NOT NULL DEFAULT 0,
    filters            jsonb NOT NULL DEFAULT '[]',
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    deleted_at         timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX billable_metrics_code ON billable_metrics (organization_id, code) WHERE deleted_at IS NULL;

CREATE TABLE plans (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    code                 text NOT NULL,
    name                 text NOT NULL,
    invoice_display_name text NOT NULL DEFAULT '',
    description          text NOT NULL DEFAULT '',
    interval             text NOT NULL,
    amount_cents         bigint NOT NULL CHECK (amount_cents >= 0),
    currency             text NOT NULL,
    pay_in_advance       boolean NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    deleted_at           timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX plans_code ON plans (organization_id, code) WHERE deleted_at IS NULL;

CREATE TABLE charges (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    plan_id              uuid NOT NULL,
    billable_metric_id   uuid NOT NULL,
    code                 text NOT NULL,
    position             integer NOT NULL, -- order on the plan
    invoice_display_name text NOT NULL DEFAULT '',
    charge_model         text NOT NULL,
    properties           jsonb NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    deleted_at           timestamptz,
    UNIQUE (organization_id, id),
    CONSTRAINT charges_plan FOREIGN KEY (organization_id, plan_id) REFERENCES plans (organization_id, id),
    CONSTRAINT charges_billable_metric FOREIGN KEY (organization_id, billable_metric_id)
        REFERENCES billable_metrics (organization_id, id)
);
CREATE UNIQUE INDEX charges_code ON charges (plan_id, code) WHERE deleted_at IS NULL;
CREATE INDEX charges_plan_id ON charges (plan_id, position);
CREATE INDEX charges_billable_metric_id ON charges (billable_metric_id) WHERE deleted_at IS NULL;

CREATE TABLE charge_filters (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    charge_id            uuid NOT NULL,
    position             integer NOT NULL, -- order on the charge
    invoice_display_name text NOT NULL DEFAULT '',
    filter_values        jsonb NOT NULL,
    properties           jsonb NOT NULL,
    created_at           timestamptz NOT NULL,
    deleted_at           timestamptz,
    UNIQUE (organization_id, id),
    CONSTRAINT charge_filters_charge FOREIGN KEY (organization_id, charge_id) REFERENCES charges (organization_id, id)
);
CREATE INDEX charge_filters_charge_id ON charge_filters (charge_id, position);

CREATE TABLE customers (
    id                    uuid PRIMARY KEY,
    organization_id       uuid NOT NULL REFERENCES organizations,
    external_id           text NOT NULL,
    sequential_id         bigint NOT NULL,
    name                  text NOT NULL DEFAULT '',
    firstname             text NOT NULL DEFAULT '',
    lastname              text NOT NULL DEFAULT '',
    email                 text NOT NULL DEFAULT '',
    legal_name            text NOT NULL DEFAULT '',
    legal_number          text NOT NULL DEFAULT '',
    tax_number            text NOT NULL DEFAULT '',
    phone                 text NOT NULL DEFAULT '',
    url                   text NOT NULL DEFAULT '',
    logo_url              text NOT NULL DEFAULT '',
    customer_type         text NOT NULL DEFAULT '',
    address               jsonb NOT NULL DEFAULT '{}',
    shipping_address      jsonb NOT NULL DEFAULT '{}',
    currency              text NOT NULL DEFAULT '',
    timezone              text NOT NULL DEFAULT '',
    net_payment_term_days integer,
    metadata              jsonb NOT NULL DEFAULT '[]',
    -- Number of the customer's newest invoice; taken in the invoice's own transaction.
    invoice_sequence      bigint NOT NULL DEFAULT 0,
    -- A biller's lease on the customer while it makes an invoice, by the system's
    -- clock. The id is what the holder must show; it changes with each claim.
    lease_id              uuid,
    leased_until          timestamptz,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    deleted_at            timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX customers_external_id ON customers (organization_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX customers_listing ON customers (organization_id, created_at DESC, id);
CREATE UNIQUE INDEX customers_sequential_id ON customers (organization_id, sequential_id);

CREATE TABLE subscriptions (
    id                 uuid PRIMARY KEY,
    organization_id    uuid NOT NULL REFERENCES organizations,
    customer_id        uuid NOT NULL,
    plan_id            uuid NOT NULL,
    external_id        text NOT NULL,
    name               text NOT NULL DEFAULT '',
    status             text NOT NULL CHECK (status IN ('pending', 'active', 'terminated', 'canceled')),
    billing_time       text NOT NULL CHECK (billing_time IN ('calendar', 'anniversary')),
    subscription_at    timestamptz NOT NULL,
    started_at         timestamptz,
    ending_at          timestamptz,
    terminated_at      timestamptz,
    canceled_at        timestamptz,
    skip_final_invoice boolean NOT NULL DEFAULT false,
    -- Everything before these instants is on an invoice. They move from a period's
    -- beginning to its end by compare-and-set, in the transaction that writes the invoice.
    base_billed_until  timestamptz NOT NULL,
    usage_billed_until timestamptz NOT NULL,
    fixed_billed_until timestamptz NOT NULL,
    -- When the next invoice falls due, or a pending subscription starts; null: never.
    next_due_at        timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    CONSTRAINT subscriptions_customer FOREIGN KEY (organization_id, customer_id)
        REFERENCES customers (organization_id, id),
    CONSTRAINT subscriptions_plan FOREIGN KEY (organization_id, plan_id) REFERENCES plans (organization_id, id)
);
CREATE UNIQUE INDEX subscriptions_external_id ON subscriptions (organization_id, external_id)
    WHERE status IN ('pending', 'active');
CREATE INDEX subscriptions_customer_id ON subscriptions (customer_id);
CREATE INDEX subscriptions_versions ON subscriptions (organization_id, external_id, created_at);
CREATE INDEX subscriptions_listing ON subscriptions (organization_id, subscription_at DESC, created_at DESC, id);
CREATE INDEX subscriptions_next_due_at ON subscriptions (next_due_at, customer_id) WHERE next_due_at IS NOT NULL;
CREATE INDEX subscriptions_next_due_of ON subscriptions (organization_id, next_due_at) WHERE next_due_at IS NOT NULL;

CREATE TABLE invoices (
    id                                     uuid PRIMARY KEY,
    organization_id                        uuid NOT NULL REFERENCES organizations,
    customer_id                            uuid NOT NULL,
    number                                 text NOT NULL,
    sequential_id                          bigint NOT NULL,
    invoice_type                           text NOT NULL,
    status                                 text NOT NULL,
    payment_status                         text NOT NULL,
    currency                               text NOT NULL,
    issuing_date                           date NOT NULL,
    payment_due_date                       date NOT NULL,
    net_payment_term_days                  integer NOT NULL,
    fees_amount_cents                      bigint NOT NULL,
    coupons_amount_cents                   bigint NOT NULL DEFAULT 0,
    credit_notes_amount_cents              bigint NOT NULL DEFAULT 0,
    prepaid_credit_amount_cents            bigint NOT NULL DEFAULT 0,
    progressive_billing_credit_cents       bigint NOT NULL DEFAULT 0,
    taxes_amount_cents                     bigint NOT NULL DEFAULT 0,
    sub_total_excluding_taxes_amount_cents bigint NOT NULL,
    sub_total_including_taxes_amount_cents bigint NOT NULL,
    total_amount_cents                     bigint NOT NULL,
    created_at                             timestamptz NOT NULL,
    updated_at                             timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    CONSTRAINT invoices_customer FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE UNIQUE INDEX invoices_sequential_id ON invoices (customer_id, sequential_id);
CREATE UNIQUE INDEX invoices_number ON invoices (organization_id, number);
CREATE INDEX invoices_listing ON invoices (organization_id, issuing_date DESC, created_at DESC, id);

-- What of each subscription an invoice covers; null boundaries cover nothing of their kind.
CREATE TABLE invoice_subscriptions (
    invoice_id      uuid NOT NULL,
    subscription_id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES organizations,
    position        integer NOT NULL, -- order on the invoice
    reason          text NOT NULL,
    base_from       timestamptz,
    base_to         timestamptz,
    usage_from      timestamptz,
    usage_to        timestamptz,
    fixed_from      timestamptz,
    fixed_to        timestamptz,
    -- The cut: usage is of exactly the events of this partition in records below cut_next.
    cut_log_id      text,
    cut_partition   integer,
    cut_next        bigint,
    PRIMARY KEY (invoice_id, subscription_id),
    CONSTRAINT invoice_subscriptions_invoice FOREIGN KEY (organization_id, invoice_id)
        REFERENCES invoices (organization_id, id),
    CONSTRAINT invoice_subscriptions_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions (organization_id, id)
);
CREATE INDEX invoice_subscriptions_subscription_id ON invoice_subscriptions (subscription_id);

CREATE TABLE fees (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    invoice_id           uuid NOT NULL,
    position             integer NOT NULL, -- order on the invoice
    customer_id          uuid NOT NULL,
    subscription_id      uuid NOT NULL,
    fee_type             text NOT NULL,
    charge_id            uuid,
    charge_filter_id     uuid,
    -- json, not jsonb: an event's property may hold U+0000, which jsonb refuses.
    grouped_by           json NOT NULL,
    currency             text NOT NULL,
    amount_cents         bigint NOT NULL,
    precise_amount_cents numeric NOT NULL,
    taxes_amount_cents   bigint NOT NULL DEFAULT 0,
    unit_amount          numeric NOT NULL,
    units                numeric NOT NULL,
    total_units          numeric NOT NULL,
    events_count         bigint NOT NULL,
    amount_details       jsonb NOT NULL DEFAULT '{}',
    item_id              uuid NOT NULL, -- billable metric or subscription
    item_code            text NOT NULL,
    item_name            text NOT NULL,
    display_name         text NOT NULL,
    payment_status       text NOT NULL,
    period_from          timestamptz NOT NULL,
    period_to            timestamptz NOT NULL,
    created_at           timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    CONSTRAINT fees_invoice FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id),
    CONSTRAINT fees_customer FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id),
    CONSTRAINT fees_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions (organization_id, id),
    CONSTRAINT fees_charge FOREIGN KEY (organization_id, charge_id) REFERENCES charges (organization_id, id),
    CONSTRAINT fees_charge_filter FOREIGN KEY (organization_id, charge_filter_id)
        REFERENCES charge_filters (organization_id, id)
);
CREATE INDEX fees_invoice_id ON fees (invoice_id, position);
CREATE INDEX fees_listing ON fees (organization_id, created_at, invoice_id, position);

-- The evidence of an invoice: what was priced, and how. One row for each charge,
-- filter and group that was looked at, also where it came to nothing.
CREATE TABLE usage_snapshots (
    invoice_id       uuid NOT NULL,
    subscription_id  uuid NOT NULL,
    organization_id  uuid NOT NULL REFERENCES organizations,
    charge_id        uuid NOT NULL,
    charge_filter_id uuid,
    grouped_by       json NOT NULL,
    units            numeric NOT NULL,
    events_count     bigint NOT NULL,
    definition       json NOT NULL, -- metric, model and properties as priced
    fee_id           uuid,
    CONSTRAINT usage_snapshots_invoice FOREIGN KEY (organization_id, invoice_id)
        REFERENCES invoices (organization_id, id),
    CONSTRAINT usage_snapshots_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions (organization_id, id),
    CONSTRAINT usage_snapshots_fee FOREIGN KEY (organization_id, fee_id) REFERENCES fees (organization_id, id)
);
CREATE INDEX usage_snapshots_invoice_id ON usage_snapshots (invoice_id);

-- What must be told to the outside, written with the change that caused it.
CREATE TABLE outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    kind            text NOT NULL, -- invoice.created, …
    subject_id      uuid NOT NULL,
    created_at      timestamptz NOT NULL
);

-- Who owns which partition of the log: an announcement, not a lock.
CREATE TABLE partition_owners (
    log_id       text NOT NULL,
    partition    integer NOT NULL,
    generation   bigint NOT NULL,
    url          text NOT NULL,
    announced_at timestamptz NOT NULL,
    PRIMARY KEY (log_id, partition)
);

-- Partitions that were stopped for good; only an operator's command clears one.
CREATE TABLE partition_stops (
    log_id     text NOT NULL,
    partition  integer NOT NULL,
    reason     text NOT NULL,
    stopped_at timestamptz NOT NULL,
    PRIMARY KEY (log_id, partition)
);

-- What all processes of one installation share, such as the secret of their own calls.
CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
