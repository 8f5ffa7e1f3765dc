-- +goose Up

-- What may be put on fees. A deleted tax stays, because fees name it.
CREATE TABLE taxes (
    id                      uuid PRIMARY KEY,
    organization_id         uuid NOT NULL REFERENCES organizations,
    code                    text NOT NULL,
    name                    text NOT NULL,
    description             text NOT NULL DEFAULT '',
    rate                    numeric NOT NULL CHECK (rate >= 0), -- percent
    applied_to_organization boolean NOT NULL DEFAULT false,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    deleted_at              timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX taxes_code ON taxes (organization_id, code) WHERE deleted_at IS NULL;

-- What is sold by the piece.
CREATE TABLE add_ons (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    code                 text NOT NULL,
    name                 text NOT NULL,
    invoice_display_name text NOT NULL DEFAULT '',
    description          text NOT NULL DEFAULT '',
    amount_cents         bigint NOT NULL CHECK (amount_cents >= 0),
    currency             text NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    deleted_at           timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX add_ons_code ON add_ons (organization_id, code) WHERE deleted_at IS NULL;

-- What charges may be priced in instead of a currency. A deleted one stays, because charges that are deleted name it.
CREATE TABLE pricing_units (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    code            text NOT NULL,
    name            text NOT NULL,
    short_name      text NOT NULL,
    description     text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX pricing_units_code ON pricing_units (organization_id, code) WHERE deleted_at IS NULL;

ALTER TABLE plans
    ADD COLUMN trial_days                 numeric NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
    ADD COLUMN bill_charges_monthly       boolean NOT NULL DEFAULT false,
    ADD COLUMN bill_fixed_charges_monthly boolean NOT NULL DEFAULT false,
    ADD COLUMN metadata                   jsonb, -- null: none was ever set
    -- It is being deleted, and still has subscriptions.
    ADD COLUMN pending_deletion           boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT plans_interval CHECK (interval IN ('weekly', 'monthly', 'quarterly', 'semiannual', 'yearly'));

CREATE TABLE minimum_commitments (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    plan_id              uuid NOT NULL UNIQUE,
    amount_cents         bigint NOT NULL CHECK (amount_cents >= 0),
    invoice_display_name text NOT NULL DEFAULT '',
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    CONSTRAINT minimum_commitments_plan FOREIGN KEY (organization_id, plan_id) REFERENCES plans (organization_id, id)
);

ALTER TABLE charges
    ADD COLUMN prorated         boolean NOT NULL DEFAULT false,
    ADD COLUMN min_amount_cents bigint NOT NULL DEFAULT 0 CHECK (min_amount_cents >= 0),
    ADD COLUMN pricing_unit_id  uuid,
    ADD COLUMN conversion_rate  numeric CHECK (conversion_rate > 0),
    ADD CONSTRAINT charges_pricing_unit FOREIGN KEY (organization_id, pricing_unit_id)
        REFERENCES pricing_units (organization_id, id),
    ADD CONSTRAINT charges_conversion CHECK ((pricing_unit_id IS NULL) = (conversion_rate IS NULL));

CREATE TABLE fixed_charges (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    plan_id              uuid NOT NULL,
    add_on_id            uuid NOT NULL,
    code                 text NOT NULL,
    position             integer NOT NULL, -- order on the plan
    invoice_display_name text NOT NULL DEFAULT '',
    charge_model         text NOT NULL CHECK (charge_model IN ('standard', 'graduated', 'volume')),
    properties           jsonb NOT NULL,
    units                numeric NOT NULL CHECK (units >= 0), -- the newest of the plan; see fixed_charge_units
    pay_in_advance       boolean NOT NULL,
    prorated             boolean NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    deleted_at           timestamptz,
    UNIQUE (organization_id, id),
    CONSTRAINT fixed_charges_plan FOREIGN KEY (organization_id, plan_id) REFERENCES plans (organization_id, id),
    CONSTRAINT fixed_charges_add_on FOREIGN KEY (organization_id, add_on_id) REFERENCES add_ons (organization_id, id)
);
CREATE UNIQUE INDEX fixed_charges_code ON fixed_charges (plan_id, code) WHERE deleted_at IS NULL;
CREATE INDEX fixed_charges_plan_id ON fixed_charges (plan_id, position);
CREATE INDEX fixed_charges_add_on_id ON fixed_charges (add_on_id) WHERE deleted_at IS NULL;

-- Every number of units that was ever set: what a period is billed for depends on when.
CREATE TABLE fixed_charge_units (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    fixed_charge_id uuid NOT NULL,
    subscription_id uuid, -- null: for all subscriptions of the plan that have none of their own
    units           numeric NOT NULL CHECK (units >= 0),
    set_at          timestamptz NOT NULL,
    immediately     boolean NOT NULL, -- from then on, and not only from the next period on
    CONSTRAINT fixed_charge_units_fixed_charge FOREIGN KEY (organization_id, fixed_charge_id)
        REFERENCES fixed_charges (organization_id, id),
    CONSTRAINT fixed_charge_units_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions (organization_id, id)
);
CREATE INDEX fixed_charge_units_fixed_charge_id ON fixed_charge_units (fixed_charge_id, set_at, id);

-- Which taxes hold for what, in their order.
CREATE TABLE customer_taxes (
    organization_id uuid NOT NULL REFERENCES organizations,
    customer_id     uuid NOT NULL,
    tax_id          uuid NOT NULL,
    position        integer NOT NULL,
    PRIMARY KEY (customer_id, tax_id),
    CONSTRAINT customer_taxes_customer FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id),
    CONSTRAINT customer_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX customer_taxes_tax_id ON customer_taxes (tax_id);
CREATE TABLE plan_taxes (
    organization_id uuid NOT NULL REFERENCES organizations,
    plan_id         uuid NOT NULL,
    tax_id          uuid NOT NULL,
    position        integer NOT NULL,
    PRIMARY KEY (plan_id, tax_id),
    CONSTRAINT plan_taxes_plan FOREIGN KEY (organization_id, plan_id) REFERENCES plans (organization_id, id),
    CONSTRAINT plan_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX plan_taxes_tax_id ON plan_taxes (tax_id);
CREATE TABLE charge_taxes (
    organization_id uuid NOT NULL REFERENCES organizations,
    charge_id       uuid NOT NULL,
    tax_id          uuid NOT NULL,
    position        integer NOT NULL,
    PRIMARY KEY (charge_id, tax_id),
    CONSTRAINT charge_taxes_charge FOREIGN KEY (organization_id, charge_id) REFERENCES charges (organization_id, id),
    CONSTRAINT charge_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX charge_taxes_tax_id ON charge_taxes (tax_id);
CREATE TABLE fixed_charge_taxes (
    organization_id uuid NOT NULL REFERENCES organizations,
    fixed_charge_id uuid NOT NULL,
    tax_id          uuid NOT NULL,
    position        integer NOT NULL,
    PRIMARY KEY (fixed_charge_id, tax_id),
    CONSTRAINT fixed_charge_taxes_fixed_charge FOREIGN KEY (organization_id, fixed_charge_id)
        REFERENCES fixed_charges (organization_id, id),
    CONSTRAINT fixed_charge_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX fixed_charge_taxes_tax_id ON fixed_charge_taxes (tax_id);
CREATE TABLE minimum_commitment_taxes (
    organization_id       uuid NOT NULL REFERENCES organizations,
    minimum_commitment_id uuid NOT NULL,
    tax_id                uuid NOT NULL,
    position              integer NOT NULL,
    PRIMARY KEY (minimum_commitment_id, tax_id),
    CONSTRAINT minimum_commitment_taxes_minimum_commitment FOREIGN KEY (organization_id, minimum_commitment_id)
        REFERENCES minimum_commitments (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT minimum_commitment_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX minimum_commitment_taxes_tax_id ON minimum_commitment_taxes (tax_id);
CREATE TABLE add_on_taxes (
    organization_id uuid NOT NULL REFERENCES organizations,
    add_on_id       uuid NOT NULL,
    tax_id          uuid NOT NULL,
    position        integer NOT NULL,
    PRIMARY KEY (add_on_id, tax_id),
    CONSTRAINT add_on_taxes_add_on FOREIGN KEY (organization_id, add_on_id) REFERENCES add_ons (organization_id, id),
    CONSTRAINT add_on_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX add_on_taxes_tax_id ON add_on_taxes (tax_id);

ALTER TABLE subscriptions
    -- When the first subscription with the external id started: a trial counts from then on.
    ADD COLUMN initial_started_at       timestamptz,
    ADD COLUMN trial_ended_at           timestamptz,
    -- When subscription_at was last changed, while it was pending; null: never.
    ADD COLUMN moved_at                 timestamptz,
    -- What falls due together goes on one invoice for each number, and without consolidation on one of its own.
    ADD COLUMN purchase_order_number    text NOT NULL DEFAULT '',
    ADD COLUMN consolidate_invoice      boolean NOT NULL DEFAULT true,
    -- As fixed_billed_until, of fixed charges that are paid in advance.
    ADD COLUMN fixed_ahead_billed_until timestamptz;
UPDATE subscriptions s SET
    -- The running period has passed without such charges: they begin with the next one.
    fixed_ahead_billed_until = greatest(s.fixed_billed_until, s.next_due_at),
    initial_started_at = CASE WHEN s.started_at IS NOT NULL THEN (SELECT min(v.started_at) FROM subscriptions v
        WHERE v.organization_id = s.organization_id AND v.external_id = s.external_id) END;
ALTER TABLE subscriptions ALTER COLUMN fixed_ahead_billed_until SET NOT NULL;
CREATE INDEX subscriptions_plan_id ON subscriptions (plan_id) WHERE status IN ('pending', 'active');

ALTER TABLE invoices
    ADD COLUMN taxes_rate            numeric NOT NULL DEFAULT 0,
    ADD COLUMN purchase_order_number text NOT NULL DEFAULT '';
ALTER TABLE invoice_subscriptions
    ADD COLUMN fixed_ahead_from timestamptz,
    ADD COLUMN fixed_ahead_to   timestamptz;

ALTER TABLE fees
    ALTER COLUMN subscription_id DROP NOT NULL, -- a one-off invoice has none
    ADD COLUMN fixed_charge_id         uuid,
    ADD COLUMN add_on_id               uuid,
    ADD COLUMN true_up_parent_fee_id   uuid,
    ADD COLUMN description             text NOT NULL DEFAULT '',
    ADD COLUMN taxes_precise_cents     numeric NOT NULL DEFAULT 0,
    ADD COLUMN taxes_rate              numeric NOT NULL DEFAULT 0,
    ADD COLUMN pricing_unit            jsonb, -- null: priced in the currency
    ADD CONSTRAINT fees_fixed_charge FOREIGN KEY (organization_id, fixed_charge_id)
        REFERENCES fixed_charges (organization_id, id),
    ADD CONSTRAINT fees_add_on FOREIGN KEY (organization_id, add_on_id) REFERENCES add_ons (organization_id, id),
    ADD CONSTRAINT fees_true_up_parent_fee FOREIGN KEY (organization_id, true_up_parent_fee_id)
        REFERENCES fees (organization_id, id);
-- What a subscription was billed in a span of time, which minimum commitments look at.
CREATE INDEX fees_subscription_period ON fees (subscription_id, period_from) WHERE subscription_id IS NOT NULL;
CREATE INDEX fees_true_up_parent_fee_id ON fees (true_up_parent_fee_id) WHERE true_up_parent_fee_id IS NOT NULL;

-- Taxes as they were applied: they do not change with the tax.
CREATE TABLE fee_taxes (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    fee_id               uuid NOT NULL,
    tax_id               uuid NOT NULL,
    position             integer NOT NULL,
    code                 text NOT NULL,
    name                 text NOT NULL,
    description          text NOT NULL,
    rate                 numeric NOT NULL,
    base_amount_cents    numeric NOT NULL,
    amount_cents         bigint NOT NULL,
    precise_amount_cents numeric NOT NULL,
    created_at           timestamptz NOT NULL,
    CONSTRAINT fee_taxes_fee FOREIGN KEY (organization_id, fee_id) REFERENCES fees (organization_id, id),
    CONSTRAINT fee_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX fee_taxes_fee_id ON fee_taxes (fee_id, position);
CREATE TABLE invoice_taxes (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organizations,
    invoice_id           uuid NOT NULL,
    tax_id               uuid NOT NULL,
    position             integer NOT NULL,
    code                 text NOT NULL,
    name                 text NOT NULL,
    description          text NOT NULL,
    rate                 numeric NOT NULL,
    base_amount_cents    numeric NOT NULL,
    amount_cents         bigint NOT NULL,
    precise_amount_cents numeric NOT NULL,
    created_at           timestamptz NOT NULL,
    CONSTRAINT invoice_taxes_invoice FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id),
    CONSTRAINT invoice_taxes_tax FOREIGN KEY (organization_id, tax_id) REFERENCES taxes (organization_id, id)
);
CREATE INDEX invoice_taxes_invoice_id ON invoice_taxes (invoice_id, position);
