package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/billing"
	"weir/billing/postgres"
	"weir/billing/postgres/pgtest"
)

// addTax makes a tax of so many percent.
func (x *tenant) addTax(code, rate string) billing.Tax {
	x.t.Helper()
	t := billing.Tax{
		OrganizationID: x.org.ID, Code: code, Name: "Tax " + code, Description: "of tests", Rate: dec(rate), CreatedAt: jan1,
	}
	must(x.t, x.db.CreateTax(x.t.Context(), &t))
	return t
}

// taxesOf returns taxes that are to be written: with a code and nothing else.
func taxesOf(codes ...string) []billing.Tax {
	taxes := make([]billing.Tax, len(codes))
	for i, code := range codes {
		taxes[i].Code = code
	}
	return taxes
}

func mustTaxes(t testing.TB, what string, taxes []billing.Tax, want ...string) {
	t.Helper()
	mustList(t, what, codes(taxes, func(t billing.Tax) string { return t.Code }), want...)
	for _, tax := range taxes {
		if tax.ID.Version() != 7 || tax.Name != "Tax "+tax.Code || tax.Rate.IsZero() || tax.CreatedAt.IsZero() {
			t.Errorf("%s: tax is not complete: %+v", what, tax)
		}
	}
}

func TestTax(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	before := x.version()
	vat := x.addTax("vat", "20.000000000000000001")
	equal(t, "version after a tax", x.version(), before+1)
	read, err := x.db.Tax(ctx, x.org.ID, "vat")
	must(t, err)
	equal(t, "tax", jsonOf(t, read), jsonOf(t, vat))
	if !read.Rate.Equal(dec("20.000000000000000001")) || read.AppliedToOrganization || read.Description != "of tests" {
		t.Errorf("tax %+v", read)
	}
	_, err = x.db.Tax(ctx, other.org.ID, "vat")
	mustNotFound(t, err, "tax_not_found")
	_, err = x.db.Tax(ctx, x.org.ID, "a\x00b")
	mustNotFound(t, err, "tax_not_found")
	again := vat
	again.ID = nobody
	mustInvalid(t, x.db.CreateTax(ctx, &again), "code", billing.CodeAlreadyExist)
	again.OrganizationID = nobody
	mustNotFound(t, x.db.CreateTax(ctx, &again), "organization_not_found")

	got, err := x.db.UpdateTax(ctx, x.org.ID, "vat", jan10, func(tax *billing.Tax) error {
		equal(t, "tax to change", jsonOf(t, *tax), jsonOf(t, vat))
		tax.Code, tax.Name, tax.Description, tax.Rate, tax.AppliedToOrganization = "tva", "TVA", "", dec("19.6"), true
		return nil
	})
	must(t, err)
	equal(t, "version after a change", x.version(), before+2)
	read, err = x.db.Tax(ctx, x.org.ID, "tva")
	must(t, err)
	equal(t, "tax", jsonOf(t, got), jsonOf(t, read))
	if read.Name != "TVA" || read.Description != "" || !read.Rate.Equal(dec("19.6")) || !read.AppliedToOrganization ||
		!read.UpdatedAt.Equal(jan10) || !read.CreatedAt.Equal(jan1) || read.ID != vat.ID {
		t.Errorf("tax %+v", read)
	}
	x.addTax("gst", "5")
	_, err = x.db.UpdateTax(ctx, x.org.ID, "tva", jan10, func(tax *billing.Tax) error {
		tax.Code = "gst"
		return nil
	})
	mustInvalid(t, err, "code", billing.CodeAlreadyExist)
	_, err = x.db.UpdateTax(ctx, x.org.ID, "tva", jan10, func(tax *billing.Tax) error {
		tax.Rate = dec("1")
		return billing.Invalid("rate", billing.CodeInvalid)
	})
	mustInvalid(t, err, "rate", billing.CodeInvalid)
	_, err = x.db.UpdateTax(ctx, other.org.ID, "tva", jan10, func(*billing.Tax) error { panic("not found") })
	mustNotFound(t, err, "tax_not_found")
	equal(t, "version after refusals", x.version(), before+3) // of gst
}

func TestTaxLists(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	for i, code := range []string{"a", "b", "c"} {
		tax := billing.Tax{
			OrganizationID: x.org.ID, Code: code, Name: "Tax " + code, Rate: dec("1"), AppliedToOrganization: code != "b",
			CreatedAt: jan1.Add(time.Duration(i) * time.Hour),
		}
		must(t, x.db.CreateTax(ctx, &tax))
	}
	taxes, total, err := x.db.Taxes(ctx, x.org.ID, postgres.Page{Number: 1, Size: 2})
	must(t, err)
	equal(t, "total", total, 3)
	mustTaxes(t, "taxes", taxes, "c", "b") // the newest first
	taxes, err = x.db.OrganizationTaxes(ctx, x.org.ID)
	must(t, err)
	mustTaxes(t, "the organization's taxes", taxes, "a", "c") // the oldest first
	taxes, err = x.db.OrganizationTaxes(ctx, addTenant(t, x.db, "Pied Piper").org.ID)
	must(t, err)
	mustTaxes(t, "another organization's taxes", taxes)

	taxes, err = x.db.TaxesByCode(ctx, x.org.ID, []string{"c", "a", "c"})
	must(t, err)
	mustTaxes(t, "taxes by code", taxes, "c", "a")
	taxes, err = x.db.TaxesByCode(ctx, x.org.ID, nil)
	must(t, err)
	mustTaxes(t, "taxes by no code", taxes)
	for _, unknown := range []string{"d", "a\x00b"} {
		_, err = x.db.TaxesByCode(ctx, x.org.ID, []string{"a", unknown})
		mustNotFound(t, err, "tax_not_found")
	}
}

// A deleted tax is on nothing any more, and neither is a later one with its code.
func TestDeleteTax(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.URL(t)
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 4})
	must(t, err)
	t.Cleanup(db.Close)
	x := addTenant(t, db, "Hooli")
	plan := x.addWholePlan("whole") // everything on it has the tax vat
	_, err = x.db.UpsertCustomer(ctx, x.org.ID, "acme", jan10, func(c *billing.Customer) error {
		c.Taxes = taxesOf("city", "vat")
		return nil
	})
	must(t, err)
	before := x.version()
	deleted, err := x.db.DeleteTax(ctx, x.org.ID, "vat", feb1)
	must(t, err)
	equal(t, "deleted tax", deleted.ID, plan.Taxes[0].ID)
	equal(t, "version", x.version(), before+1)

	off := func(what string, taxes []billing.Tax, want ...string) {
		t.Helper()
		mustTaxes(t, "taxes of "+what, taxes, want...)
	}
	check := func() {
		t.Helper()
		read, err := x.db.Plan(ctx, x.org.ID, "whole")
		must(t, err)
		off("the plan", read.Taxes, "city")
		off("the charge", read.Charges[0].Taxes)
		off("the fixed charge", read.FixedCharges[0].Taxes, "city")
		off("its add-on", read.FixedCharges[0].AddOn.Taxes)
		off("the commitment", read.Commitment.Taxes)
		addOn, err := x.db.AddOn(ctx, x.org.ID, "seat")
		must(t, err)
		off("the add-on", addOn.Taxes)
		customer, err := x.db.Customer(ctx, x.org.ID, "acme")
		must(t, err)
		off("the customer", customer.Taxes, "city")
	}
	check()
	_, err = x.db.Tax(ctx, x.org.ID, "vat")
	mustNotFound(t, err, "tax_not_found")
	_, err = x.db.DeleteTax(ctx, x.org.ID, "vat", feb1)
	mustNotFound(t, err, "tax_not_found")
	if again := x.addTax("vat", "7"); again.ID == deleted.ID {
		t.Error("the new tax is the deleted one")
	}
	check()

	// No row is left of it, so that a tax that comes and goes leaves nothing behind.
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	var left int
	must(t, conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM customer_taxes WHERE tax_id = $1) + (SELECT count(*) FROM plan_taxes WHERE tax_id = $1)
		+ (SELECT count(*) FROM charge_taxes WHERE tax_id = $1) + (SELECT count(*) FROM fixed_charge_taxes WHERE tax_id = $1)
		+ (SELECT count(*) FROM minimum_commitment_taxes WHERE tax_id = $1) + (SELECT count(*) FROM add_on_taxes WHERE tax_id = $1)`, deleted.ID).Scan(&left))
	equal(t, "rows of the deleted tax", left, 0)
}

// Changes at the same time come one after another, and none is lost.
func TestUpdateTaxRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addTax("vat", "1")
	const changes = 8
	var group sync.WaitGroup
	for range changes {
		group.Go(func() {
			_, err := x.db.UpdateTax(ctx, x.org.ID, "vat", jan10, func(tax *billing.Tax) error {
				tax.Rate = tax.Rate.Add(dec("1"))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	tax, err := x.db.Tax(ctx, x.org.ID, "vat")
	must(t, err)
	equal(t, "rate", tax.Rate.String(), "9") // 1 + 8
}

// A tax is deleted while customers get it: each either has it before, or does not find it,
// and none has it afterwards. Nobody waits for ever.
func TestDeleteTaxOfCustomersRace(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addTax("city", "1")
	const rounds, customers = 10, 4
	for round := range rounds {
		x.addTax("vat", "2")
		var group sync.WaitGroup
		for i := range customers {
			group.Go(func() {
				set := []string{"city", "vat"}
				if round%2 == 1 {
					set = []string{"vat", "city"} // rows are written in another order
				}
				_, err := x.db.UpsertCustomer(ctx, x.org.ID, fmt.Sprint("c", i), jan10, func(c *billing.Customer) error {
					c.Taxes = taxesOf(set...)
					return nil
				})
				if err != nil && !billing.IsNotFound(err) {
					t.Error(err)
				}
			})
		}
		group.Go(func() {
			if _, err := x.db.DeleteTax(ctx, x.org.ID, "vat", jan10); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		all, _, err := x.db.Customers(ctx, x.org.ID, postgres.Page{})
		must(t, err)
		for _, c := range all {
			if got := codes(c.Taxes, func(t billing.Tax) string { return t.Code }); strings.Contains(fmt.Sprint(got), "vat") {
				t.Fatalf("round %d: customer %s has the taxes %q", round, c.ExternalID, got)
			}
		}
	}
}
