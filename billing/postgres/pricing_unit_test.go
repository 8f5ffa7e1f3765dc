package postgres_test

import (
	"errors"
	"testing"
	"time"

	"weir/billing"
	"weir/billing/postgres"
)

func (x *tenant) addPricingUnit(code string) billing.PricingUnit {
	x.t.Helper()
	u := billing.PricingUnit{
		OrganizationID: x.org.ID, Code: code, Name: "Unit " + code, ShortName: "CR", Description: "of tests", CreatedAt: jan1,
	}
	must(x.t, x.db.CreatePricingUnit(x.t.Context(), &u))
	return u
}

func TestPricingUnit(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	other := addTenant(t, x.db, "Pied Piper")
	before := x.version()
	credits := x.addPricingUnit("credits")
	equal(t, "version after a unit", x.version(), before+1)
	read, err := x.db.PricingUnit(ctx, x.org.ID, "credits")
	must(t, err)
	equal(t, "unit", jsonOf(t, read), jsonOf(t, credits))
	again := credits
	again.ID = nobody
	mustInvalid(t, x.db.CreatePricingUnit(ctx, &again), "code", billing.CodeAlreadyExist)
	for _, f := range []func() error{
		func() error { _, err := x.db.PricingUnit(ctx, other.org.ID, "credits"); return err },
		func() error { _, err := x.db.PricingUnit(ctx, x.org.ID, "\xff"); return err },
		func() error { _, err := x.db.DeletePricingUnit(ctx, other.org.ID, "credits", jan10); return err },
		func() error {
			_, err := x.db.UpdatePricingUnit(ctx, other.org.ID, "credits", jan10, func(*billing.PricingUnit) error { panic("not found") })
			return err
		},
	} {
		mustNotFound(t, f(), "pricing_unit_not_found")
	}

	got, err := x.db.UpdatePricingUnit(ctx, x.org.ID, "credits", jan10, func(u *billing.PricingUnit) error {
		equal(t, "unit to change", jsonOf(t, *u), jsonOf(t, credits))
		u.Code, u.Name, u.ShortName, u.Description = "tokens", "Tokens", "TOK", ""
		return nil
	})
	must(t, err)
	read, err = x.db.PricingUnit(ctx, x.org.ID, "tokens")
	must(t, err)
	equal(t, "unit", jsonOf(t, got), jsonOf(t, read))
	if read.ID != credits.ID || read.Name != "Tokens" || read.ShortName != "TOK" || read.Description != "" || !read.UpdatedAt.Equal(jan10) {
		t.Errorf("unit %+v", read)
	}
	newer := billing.PricingUnit{OrganizationID: x.org.ID, Code: "newer", CreatedAt: jan1.Add(time.Hour)}
	must(t, x.db.CreatePricingUnit(ctx, &newer))
	units, total, err := x.db.PricingUnits(ctx, x.org.ID, postgres.Page{})
	must(t, err)
	equal(t, "total", total, 2)
	mustList(t, "units", codes(units, func(u billing.PricingUnit) string { return u.Code }), "newer", "tokens")
}

// A unit stays as long as live charges are priced in it; deleted ones keep it.
func TestDeletePricingUnit(t *testing.T) {
	t.Parallel()
	x, ctx := newTenant(t), t.Context()
	plan := x.addWholePlan("whole") // its first charge is priced in credits
	_, err := x.db.DeletePricingUnit(ctx, x.org.ID, "credits", feb1)
	if e := (*billing.Error)(nil); !errors.As(err, &e) || e.Kind != billing.KindNotAllowed || e.Code != billing.CodeAttached {
		t.Fatalf("error is %v, want %s", err, billing.CodeAttached)
	}
	_, err = x.db.UpdatePlan(ctx, x.org.ID, "whole", jan10, func(p *billing.Plan, _ bool) error {
		p.Charges = nil
		return nil
	})
	must(t, err)
	deleted, err := x.db.DeletePricingUnit(ctx, x.org.ID, "credits", feb1)
	must(t, err)
	equal(t, "deleted unit", deleted.ID, plan.Charges[0].PricingUnit.Unit.ID)
	_, err = x.db.PricingUnit(ctx, x.org.ID, "credits")
	mustNotFound(t, err, "pricing_unit_not_found")
	_, total, err := x.db.PricingUnits(ctx, x.org.ID, postgres.Page{})
	must(t, err)
	equal(t, "total", total, 0)
	x.addPricingUnit("credits") // the code is free
}
