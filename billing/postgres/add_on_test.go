package postgres_test

import (
	"sync"
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres"
)

func (x *tenant) addAddOn(code string, taxes ...string) billing.AddOn {
	x.t.Helper()
	a := billing.AddOn{
		OrganizationID: x.org.ID, Code: code, Name: "Add-on " + code, InvoiceDisplayName: "Shown", Description: "of tests",
		AmountCents: 1_000_000_000_000, Currency: "USD", Taxes: taxesOf(taxes...), CreatedAt: jan1,
	}
	must(x.t, x.db.CreateAddOn(x.t.Context(), &a))
	return a
}

func TestAddOn(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	x.addTax("vat", "20")
	x.addTax("city", "1")
	before := x.version()
	setup := x.addAddOn("setup", "vat", "city")
	equal(t, "version after an add-on", x.version(), before+1)
	mustTaxes(t, "taxes", setup.Taxes, "vat", "city")
	read, err := x.db.AddOn(ctx, x.org.ID, "setup")
	must(t, err)
	equal(t, "add-on", jsonOf(t, read), jsonOf(t, setup))
	read, err = x.db.AddOnByID(ctx, x.org.ID, setup.ID)
	must(t, err)
	equal(t, "add-on by id", jsonOf(t, read), jsonOf(t, setup))
	if read.AmountCents != 1_000_000_000_000 || read.Currency != "USD" || read.InvoiceDisplayName != "Shown" || read.Description != "of tests" {
		t.Errorf("add-on %+v", read)
	}
	byCode, err := x.db.AddOnsByCode(ctx, x.org.ID, []string{"none", "setup"})
	must(t, err)
	equal(t, "number of add-ons", len(byCode), 1)
	equal(t, "add-on by code", jsonOf(t, byCode["setup"]), jsonOf(t, setup))

	_, err = x.db.AddOn(ctx, other.org.ID, "setup")
	mustNotFound(t, err, "add_on_not_found")
	_, err = x.db.AddOnByID(ctx, other.org.ID, setup.ID)
	mustNotFound(t, err, "add_on_not_found")
	again := billing.AddOn{OrganizationID: x.org.ID, Code: "setup", CreatedAt: jan1}
	mustInvalid(t, x.db.CreateAddOn(ctx, &again), "code", billing.CodeAlreadyExist)
	again = billing.AddOn{OrganizationID: other.org.ID, Code: "setup", Taxes: taxesOf("vat"), CreatedAt: jan1}
	mustNotFound(t, x.db.CreateAddOn(ctx, &again), "tax_not_found") // another organization's
	_, err = x.db.AddOn(ctx, other.org.ID, "setup")
	mustNotFound(t, err, "add_on_not_found")
}

func TestUpdateAddOn(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addTax("vat", "20")
	x.addTax("city", "1")
	setup := x.addAddOn("setup", "vat")
	before := x.version()
	got, err := x.db.UpdateAddOn(ctx, x.org.ID, "setup", jan10, func(a *billing.AddOn) error {
		equal(t, "add-on to change", jsonOf(t, *a), jsonOf(t, setup))
		a.Code, a.Name, a.InvoiceDisplayName, a.Description, a.AmountCents, a.Currency = "once", "Once", "", "", 5, "JPY"
		a.Taxes = append(taxesOf("city"), a.Taxes...)
		return nil
	})
	must(t, err)
	equal(t, "version", x.version(), before+1)
	read, err := x.db.AddOn(ctx, x.org.ID, "once")
	must(t, err)
	equal(t, "add-on", jsonOf(t, got), jsonOf(t, read))
	mustTaxes(t, "taxes", read.Taxes, "city", "vat")
	if read.ID != setup.ID || read.Name != "Once" || read.InvoiceDisplayName != "" || read.Description != "" ||
		read.AmountCents != 5 || read.Currency != "JPY" || !read.UpdatedAt.Equal(jan10) || !read.CreatedAt.Equal(jan1) {
		t.Errorf("add-on %+v", read)
	}
	// What is refused changes nothing.
	for _, change := range []func(*billing.AddOn){
		func(a *billing.AddOn) { a.Taxes = taxesOf("none") },
		func(a *billing.AddOn) { a.Taxes[0].Code = "none" },
	} {
		_, err = x.db.UpdateAddOn(ctx, x.org.ID, "once", feb1, func(a *billing.AddOn) error {
			a.Name = "Lost"
			change(a)
			return nil
		})
		mustNotFound(t, err, "tax_not_found")
	}
	after, err := x.db.AddOn(ctx, x.org.ID, "once")
	must(t, err)
	equal(t, "add-on after refusals", jsonOf(t, after), jsonOf(t, read))

	// Changes at the same time come one after another.
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := x.db.UpdateAddOn(ctx, x.org.ID, "once", feb1, func(a *billing.AddOn) error {
				a.AmountCents++
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	after, err = x.db.AddOn(ctx, x.org.ID, "once")
	must(t, err)
	equal(t, "amount", after.AmountCents, 13) // 5 + 8
	_, err = x.db.UpdateAddOn(ctx, x.org.ID, "once", feb1, func(a *billing.AddOn) error {
		a.Taxes = nil
		return nil
	})
	must(t, err)
	after, err = x.db.AddOn(ctx, x.org.ID, "once")
	must(t, err)
	mustTaxes(t, "taxes", after.Taxes)
}

func TestAddOnPages(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	x.addTax("vat", "20")
	for i, code := range []string{"a", "b", "c"} {
		a := billing.AddOn{
			OrganizationID: x.org.ID, Code: code, Currency: "EUR", Taxes: taxesOf("vat"),
			CreatedAt: jan1.Add(time.Duration(i) * time.Hour),
		}
		must(t, x.db.CreateAddOn(ctx, &a))
	}
	addOns, total, err := x.db.AddOns(ctx, x.org.ID, postgres.Page{Number: 1, Size: 2})
	must(t, err)
	equal(t, "total", total, 3)
	mustList(t, "add-ons", codes(addOns, func(a billing.AddOn) string { return a.Code }), "c", "b")
	for _, a := range addOns {
		mustTaxes(t, "taxes", a.Taxes, "vat")
	}
	_, total, err = x.db.AddOns(ctx, nobody, postgres.Page{})
	must(t, err)
	equal(t, "total of nobody", total, 0)
}

// An add-on takes the fixed charges on it along.
func TestDeleteAddOn(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	plan := x.addWholePlan("whole") // fixed charges seats and more on the add-on seat, then one on support
	before := x.version()
	deleted, err := x.db.DeleteAddOn(ctx, x.org.ID, "seat", feb1)
	must(t, err)
	equal(t, "deleted add-on", deleted.ID, plan.FixedCharges[0].AddOn.ID)
	equal(t, "version", x.version(), before+1)
	read, err := x.db.Plan(ctx, x.org.ID, "whole")
	must(t, err)
	mustList(t, "fixed charges", codes(read.FixedCharges, func(f billing.FixedCharge) string { return f.Code }), "support")
	_, err = x.db.AddOn(ctx, x.org.ID, "seat")
	mustNotFound(t, err, "add_on_not_found")
	_, err = x.db.DeleteAddOn(ctx, x.org.ID, "seat", feb1)
	mustNotFound(t, err, "add_on_not_found")
	_, err = x.db.UpdatePlan(ctx, x.org.ID, "whole", feb1, func(p *billing.Plan, _ bool) error {
		p.FixedCharges = append(p.FixedCharges, plan.FixedCharges[0]) // by its id
		return nil
	})
	mustNotFound(t, err, "add_on_not_found")
	x.addAddOn("seat") // the code is free
}
