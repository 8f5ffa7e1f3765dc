package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const customerColumns = `c.id, c.organization_id, c.external_id, c.sequential_id, c.name, c.firstname, c.lastname,
	c.email, c.legal_name, c.legal_number, c.tax_number, c.phone, c.url, c.logo_url, c.customer_type,
	c.address, c.shipping_address, c.currency, c.timezone, c.net_payment_term_days, c.metadata,
	c.created_at, c.updated_at`

func scanCustomer(row pgx.CollectableRow) (c billing.Customer, err error) {
	err = row.Scan(customerFields(&c)...)
	return c, err
}

// customerFields returns where customerColumns go.
func customerFields(c *billing.Customer) []any {
	return []any{
		&c.ID, &c.OrganizationID, &c.ExternalID, &c.SequentialID, &c.Name, &c.Firstname, &c.Lastname,
		&c.Email, &c.LegalName, &c.LegalNumber, &c.TaxNumber, &c.Phone, &c.URL, &c.LogoURL, &c.CustomerType,
		&c.Address, &c.ShippingAddress, &c.Currency, &c.Timezone, &c.NetPaymentTermDays, &c.Metadata,
		&c.CreatedAt, &c.UpdatedAt,
	}
}

func customerID(c *billing.Customer) uuid.UUID { return c.ID }

// UpsertCustomer loads the customer with the external id under its lock, or makes a
// new one with the organization's next sequential id, lets change work on it, and
// saves it: so a change keeps what it does not name, also against another change at
// the same time. change gets the id set and must leave ids and CreatedAt alone; for a
// new customer CreatedAt is zero. Of taxes that change gives only the codes count; one that
// is not there is tax_not_found. When change fails nothing is written. It may not use the
// database.
func (db *DB) UpsertCustomer(ctx context.Context, org uuid.UUID, externalID string, now time.Time, change func(c *billing.Customer) error) (billing.Customer, error) {
	var customer billing.Customer
	defer db.recent.customerChanged(org, externalID)
	err := db.inTx(ctx, func(tx pgx.Tx) (err error) {
		var created bool
		if customer, created, err = lockOrNewCustomer(ctx, tx, org, externalID); err != nil {
			return err
		}
		if !created {
			if err := readCustomerTaxes(ctx, tx, &customer); err != nil {
				return err
			}
		}
		before := slices.Clone(customer.Taxes)
		if err := change(&customer); err != nil {
			return err
		}
		customer.UpdatedAt = stamp(now)
		if created {
			customer.CreatedAt = customer.UpdatedAt
			err = insertCustomer(ctx, tx, &customer)
		} else {
			err = updateCustomer(ctx, tx, &customer)
		}
		if err != nil {
			return err
		}
		return setCustomerTaxes(ctx, tx, &customer, before)
	})
	if err != nil {
		return billing.Customer{}, writeError("cannot save customer", err)
	}
	return customer, nil
}

// setCustomerTaxes keeps the customer's taxes, which were those of before. Who remembers the
// customer is told by the row itself, which is always written with them.
func setCustomerTaxes(ctx context.Context, tx pgx.Tx, c *billing.Customer, before []billing.Tax) error {
	if slices.EqualFunc(before, c.Taxes, func(a, b billing.Tax) bool { return a.Code == b.Code }) {
		c.Taxes = before
		return nil
	}
	if err := resolveTaxes(ctx, tx, c.OrganizationID, &c.Taxes); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	taxedCustomers.queueSetTaxes(batch, c.OrganizationID, c.ID, before, c.Taxes)
	return tx.SendBatch(ctx, batch).Close()
}

// lockOrNewCustomer returns the customer, locked, or a new one. New customers of one
// organization are made one after another, so that two requests for the same one find
// each other and the sequence has no gaps.
func lockOrNewCustomer(ctx context.Context, tx pgx.Tx, org uuid.UUID, externalID string) (billing.Customer, bool, error) {
	const find = `SELECT ` + customerColumns + ` FROM customers c
		WHERE c.organization_id = $1 AND c.external_id = $2 AND c.deleted_at IS NULL
		FOR NO KEY UPDATE`
	const lock = `SELECT customer_sequence FROM organizations WHERE id = $1 FOR NO KEY UPDATE`
	const raise = `UPDATE organizations SET customer_sequence = customer_sequence + 1 WHERE id = $1`
	customer, err := readOne(ctx, tx, "customer", scanCustomer, find, org, externalID)
	if !billing.IsNotFound(err) {
		return customer, false, err
	}
	sequence, err := readOne(ctx, tx, "organization", pgx.RowTo[int64], lock, org)
	if err != nil {
		return billing.Customer{}, false, err
	}
	// While we waited for the lock, another may have made it.
	customer, err = readOne(ctx, tx, "customer", scanCustomer, find, org, externalID)
	if !billing.IsNotFound(err) {
		return customer, false, err
	}
	if _, err := tx.Exec(ctx, raise, org); err != nil {
		return billing.Customer{}, false, fmt.Errorf("cannot take a customer's number: %w", err)
	}
	return billing.Customer{
		ID: newID(), OrganizationID: org, ExternalID: externalID, SequentialID: sequence + 1,
	}, true, nil
}

// customerArgs returns every column by name. The customer becomes what will be read.
func customerArgs(c *billing.Customer) pgx.NamedArgs {
	c.Metadata = list(c.Metadata)
	for i := range c.Metadata {
		stampAll(&c.Metadata[i].CreatedAt)
	}
	return pgx.NamedArgs{
		"id": c.ID, "org": c.OrganizationID, "external_id": c.ExternalID, "sequential_id": c.SequentialID,
		"name": c.Name, "firstname": c.Firstname, "lastname": c.Lastname, "email": c.Email,
		"legal_name": c.LegalName, "legal_number": c.LegalNumber, "tax_number": c.TaxNumber,
		"phone": c.Phone, "url": c.URL, "logo_url": c.LogoURL, "customer_type": c.CustomerType,
		"address": c.Address, "shipping_address": c.ShippingAddress, "currency": c.Currency,
		"timezone": c.Timezone, "net_payment_term_days": c.NetPaymentTermDays,
		"metadata": c.Metadata, "created_at": c.CreatedAt, "updated_at": c.UpdatedAt,
	}
}

func insertCustomer(ctx context.Context, tx pgx.Tx, c *billing.Customer) error {
	const insert = `INSERT INTO customers (id, organization_id, external_id, sequential_id, name, firstname, lastname,
			email, legal_name, legal_number, tax_number, phone, url, logo_url, customer_type,
			address, shipping_address, currency, timezone, net_payment_term_days, metadata,
			created_at, updated_at)
		VALUES (@id, @org, @external_id, @sequential_id, @name, @firstname, @lastname,
			@email, @legal_name, @legal_number, @tax_number, @phone, @url, @logo_url, @customer_type,
			@address, @shipping_address, @currency, @timezone, @net_payment_term_days, @metadata,
			@created_at, @updated_at)`
	_, err := tx.Exec(ctx, insert, customerArgs(c))
	return err
}

func updateCustomer(ctx context.Context, tx pgx.Tx, c *billing.Customer) error {
	const update = `UPDATE customers SET name = @name, firstname = @firstname, lastname = @lastname,
			email = @email, legal_name = @legal_name, legal_number = @legal_number, tax_number = @tax_number,
			phone = @phone, url = @url, logo_url = @logo_url, customer_type = @customer_type,
			address = @address, shipping_address = @shipping_address, currency = @currency,
			timezone = @timezone, net_payment_term_days = @net_payment_term_days, metadata = @metadata,
			updated_at = @updated_at
		WHERE organization_id = @org AND id = @id`
	_, err := tx.Exec(ctx, update, customerArgs(c))
	return err
}

// Customer returns the customer with the external id.
func (db *DB) Customer(ctx context.Context, org uuid.UUID, externalID string) (billing.Customer, error) {
	const query = `SELECT ` + customerColumns + ` FROM customers c
		WHERE c.organization_id = $1 AND c.external_id = $2 AND c.deleted_at IS NULL`
	return db.oneCustomer(ctx, query, org, externalID)
}

// oneCustomer reads a customer with its taxes.
func (db *DB) oneCustomer(ctx context.Context, query string, org uuid.UUID, key any) (billing.Customer, error) {
	customer, err := readOne(ctx, db.pool, "customer", scanCustomer, query, org, key)
	if err != nil {
		return customer, err
	}
	err = readCustomerTaxes(ctx, db.pool, &customer)
	return customer, err
}

// CustomerByID returns the customer with the id, also one that was deleted: its
// invoices stay.
func (db *DB) CustomerByID(ctx context.Context, org, id uuid.UUID) (billing.Customer, error) {
	const query = `SELECT ` + customerColumns + ` FROM customers c WHERE c.organization_id = $1 AND c.id = $2`
	return db.oneCustomer(ctx, query, org, id)
}

// CustomersByID returns the customers with the ids, as CustomerByID does. An id that
// is not there is not in the map.
func (db *DB) CustomersByID(ctx context.Context, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.Customer, error) {
	const query = `SELECT ` + customerColumns + ` FROM customers c WHERE c.organization_id = $1 AND c.id = ANY ($2)`
	customers, err := readAll(ctx, db.pool, "customers", scanCustomer, query, org, list(ids))
	if err != nil {
		return nil, err
	}
	if err := readCustomerTaxes(ctx, db.pool, pointers(customers)...); err != nil {
		return nil, err
	}
	return byID(customers, customerID), nil
}

// Customers returns a page of the customers, the newest first, and how many there are.
func (db *DB) Customers(ctx context.Context, org uuid.UUID, page Page) ([]billing.Customer, int, error) {
	const from = ` FROM customers c WHERE c.organization_id = @org AND c.deleted_at IS NULL`
	customers, total, err := readPage(ctx, db.pool, listing{
		what:  "customers",
		count: `SELECT count(*)` + from,
		list:  `SELECT ` + customerColumns + from + ` ORDER BY c.created_at DESC, c.id LIMIT @limit OFFSET @offset`,
		args:  pgx.NamedArgs{"org": org},
	}, page, scanCustomer)
	if err != nil {
		return nil, 0, err
	}
	return customers, total, readCustomerTaxes(ctx, db.pool, pointers(customers)...)
}
