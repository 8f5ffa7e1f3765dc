-- +goose Up

-- The transaction that last changed what the management API remembers of a row. A reader
-- that asks for the rows of all transactions which had not ended when it asked last misses
-- none, and no writer waits for another, as it would to raise a counter or to notify. Older
-- rows have none: they have not changed since.
ALTER TABLE organizations ADD COLUMN changed_in xid8;
ALTER TABLE customers ADD COLUMN changed_in xid8;
ALTER TABLE subscriptions ADD COLUMN changed_in xid8;

-- +goose StatementBegin
CREATE FUNCTION stamp_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER organizations_change BEFORE INSERT OR UPDATE OF timezone, catalog_version, test_clock ON organizations
    FOR EACH ROW EXECUTE FUNCTION stamp_change();
-- Not for a lease or an invoice's number: those pass with every invoice.
CREATE TRIGGER customers_change BEFORE INSERT OR UPDATE OF external_id, timezone, deleted_at ON customers
    FOR EACH ROW EXECUTE FUNCTION stamp_change();
CREATE TRIGGER subscriptions_change BEFORE INSERT OR UPDATE ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION stamp_change();

CREATE INDEX organizations_changed_in ON organizations (changed_in);
CREATE INDEX customers_changed_in ON customers (changed_in);
CREATE INDEX subscriptions_changed_in ON subscriptions (changed_in);
