package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

func TestUpsertCustomer(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	created, err := x.db.UpsertCustomer(ctx, x.org.ID, "bolt", jan10, func(c *billing.Customer) error {
		equal(t, "creation of a new customer", c.CreatedAt.IsZero(), true)
		c.Name, c.Email, c.Currency, c.Timezone = "Bolt", "a@bolt.example", "JPY", "Asia/Tokyo"
		c.Address = billing.Address{Line1: "1 Main", Country: "JP"}
		c.NetPaymentTermDays = ptr(14)
		c.Metadata = []billing.CustomerMetadata{{ID: nobody, Key: "tier", Value: "gold", CreatedAt: jan1}}
		return nil
	})
	must(t, err)
	equal(t, "sequential id", created.SequentialID, 2) // acme is the first
	equal(t, "creation", created.CreatedAt, jan10)

	updated, err := x.db.UpsertCustomer(ctx, x.org.ID, "bolt", feb1, func(c *billing.Customer) error {
		c.Name = "Bolt Ltd"
		return nil
	})
	must(t, err)
	want := created
	want.Name, want.UpdatedAt = "Bolt Ltd", feb1
	equal(t, "customer", jsonOf(t, updated), jsonOf(t, want))
	read, err := x.db.Customer(ctx, x.org.ID, "bolt")
	must(t, err)
	equal(t, "customer as read", jsonOf(t, read), jsonOf(t, want))
	read, err = x.db.CustomerByID(ctx, x.org.ID, created.ID)
	must(t, err)
	equal(t, "customer as read by id", jsonOf(t, read), jsonOf(t, want))
}

func TestUpsertCustomerFails(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	refused := billing.Invalid("timezone", billing.CodeInvalidTimezone)
	_, err := x.db.UpsertCustomer(ctx, x.org.ID, "bolt", jan10, func(c *billing.Customer) error { return refused })
	if !errors.Is(err, refused) {
		t.Fatalf("error is %v, want the change's own", err)
	}
	_, err = x.db.Customer(ctx, x.org.ID, "bolt")
	mustNotFound(t, err, "customer_not_found")
	equal(t, "next sequential id", x.addCustomer("cord").SequentialID, 2) // none was lost

	_, err = x.db.UpsertCustomer(ctx, x.org.ID, "acme", feb1, func(c *billing.Customer) error {
		c.Name = "changed"
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatalf("error is %v, want the change's own", err)
	}
	acme, err := x.db.Customer(ctx, x.org.ID, "acme")
	must(t, err)
	equal(t, "customer", jsonOf(t, acme), jsonOf(t, x.customer))
}

// Requests for new customers race: each external id is one customer, every change is
// kept, and the sequential ids have no gap.
func TestUpsertCustomerRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	const customers, changes = 5, 8
	var group sync.WaitGroup
	for i := range customers * changes {
		group.Go(func() {
			_, err := x.db.UpsertCustomer(ctx, x.org.ID, fmt.Sprintf("c%d", i%customers), jan10, func(c *billing.Customer) error {
				c.Metadata = append(c.Metadata, billing.CustomerMetadata{Key: fmt.Sprint(i / customers)})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	all, total, err := x.db.Customers(ctx, x.org.ID, postgres.Page{})
	must(t, err)
	equal(t, "total", total, 1+customers)
	var sequence []int64
	for _, c := range all {
		sequence = append(sequence, c.SequentialID)
		if c.ID != x.customer.ID {
			equal(t, "number of changes kept", len(c.Metadata), changes)
		}
	}
	slices.Sort(sequence)
	if !slices.Equal(sequence, []int64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("sequential ids are %v", sequence)
	}
}

func TestCustomerOfAnother(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper") // its customer has the same external id

	got, err := x.db.Customer(ctx, other.org.ID, "acme")
	must(t, err)
	equal(t, "customer", got.ID, other.customer.ID)
	equal(t, "sequential id", got.SequentialID, 1)
	_, err = x.db.CustomerByID(ctx, other.org.ID, x.customer.ID)
	mustNotFound(t, err, "customer_not_found")
	found, err := x.db.CustomersByID(ctx, x.org.ID, []uuid.UUID{x.customer.ID, other.customer.ID})
	must(t, err)
	equal(t, "number of customers", len(found), 1)
	equal(t, "customer", found[x.customer.ID].ExternalID, "acme")

	_, err = x.db.Customer(ctx, x.org.ID, "\xff")
	mustNotFound(t, err, "customer_not_found")
	_, err = x.db.UpsertCustomer(ctx, nobody, "acme", jan1, func(*billing.Customer) error { return nil })
	mustNotFound(t, err, "organization_not_found")
}

// Of a customer's taxes the codes are given, in an order; a change that does not name them
// keeps them.
func TestCustomerTaxes(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	x.addTax("vat", "20")
	x.addTax("city", "1")
	other.addTax("gst", "5")
	upsert := func(id string, change func(c *billing.Customer)) (billing.Customer, error) {
		t.Helper()
		return x.db.UpsertCustomer(ctx, x.org.ID, id, jan10, func(c *billing.Customer) error {
			change(c)
			return nil
		})
	}
	check := func(c billing.Customer, err error) func(want ...string) {
		t.Helper()
		must(t, err)
		return func(want ...string) {
			t.Helper()
			mustTaxes(t, "taxes", c.Taxes, want...)
			read, err := x.db.Customer(ctx, x.org.ID, c.ExternalID)
			must(t, err)
			equal(t, "customer", jsonOf(t, read), jsonOf(t, c))
			read, err = x.db.CustomerByID(ctx, x.org.ID, c.ID)
			must(t, err)
			equal(t, "customer by id", jsonOf(t, read), jsonOf(t, c))
			several, err := x.db.CustomersByID(ctx, x.org.ID, []uuid.UUID{c.ID, x.customer.ID})
			must(t, err)
			equal(t, "customer of several", jsonOf(t, several[c.ID]), jsonOf(t, c))
			mustTaxes(t, "taxes of another", several[x.customer.ID].Taxes)
			page, _, err := x.db.Customers(ctx, x.org.ID, postgres.Page{})
			must(t, err)
			equal(t, "customer of a page", jsonOf(t, page[0]), jsonOf(t, c)) // the newest
		}
	}
	check(upsert("bolt", func(c *billing.Customer) { c.Taxes = taxesOf("vat", "city", "vat") }))("vat", "city")
	check(upsert("bolt", func(c *billing.Customer) { c.Name = "Bolt" }))("vat", "city")
	check(upsert("bolt", func(c *billing.Customer) { c.Taxes = taxesOf("city", "vat") }))("city", "vat")
	check(upsert("bolt", func(c *billing.Customer) { c.Taxes = c.Taxes[:1] }))("city")
	for _, code := range []string{"none", "gst"} {
		_, err := upsert("bolt", func(c *billing.Customer) { c.Name, c.Taxes = "Lost", taxesOf("vat", code) })
		mustNotFound(t, err, "tax_not_found")
		_, err = upsert("new", func(c *billing.Customer) { c.Taxes = taxesOf(code) })
		mustNotFound(t, err, "tax_not_found")
	}
	_, err := x.db.Customer(ctx, x.org.ID, "new")
	mustNotFound(t, err, "customer_not_found")
	check(upsert("bolt", func(*billing.Customer) {}))("city")
	check(upsert("bolt", func(c *billing.Customer) { c.Taxes = nil }))()
}
