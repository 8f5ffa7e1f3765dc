package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"weir/billing"
)

type fixedChargeAnswer struct {
	FixedCharge fixedChargeObject `json:"fixed_charge"`
}

// createPlanFixedCharge is POST /plans/{code}/fixed_charges: it becomes the plan's last.
func (a *api) createPlanFixedCharge(ctx context.Context, r request) (any, error) {
	f, of, err := a.fixedChargeForm(ctx, r)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	plan, err := a.changePlan(ctx, r, func(p *billing.Plan, live bool) error {
		if len(p.FixedCharges) >= fixedChargesMax {
			f.overLimit("fixed_charges", billing.CodeInvalidCount, fmt.Sprintf("at most %d fixed charges of a plan", fixedChargesMax))
		}
		charge := readFixedCharge(f, nil, of, live)
		id = charge.ID
		p.FixedCharges = append(p.FixedCharges, charge)
		return checkPlanFixedCharge(f, p, len(p.FixedCharges)-1)
	})
	return fixedChargeOfPlan(&plan, id, err)
}

// updatePlanFixedCharge is PUT /plans/{code}/fixed_charges/{fixed_charge_code}. What is not
// said stays. Other units count from the next period on, or with apply_units_immediately
// from now on.
func (a *api) updatePlanFixedCharge(ctx context.Context, r request) (any, error) {
	f, of, err := a.fixedChargeForm(ctx, r)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	plan, err := a.changePlan(ctx, r, func(p *billing.Plan, live bool) error {
		at, err := pathFixedCharge(r, p)
		if err != nil {
			return err
		}
		id = p.FixedCharges[at].ID
		p.FixedCharges[at] = readFixedCharge(f, &p.FixedCharges[at], of, live)
		return checkPlanFixedCharge(f, p, at)
	})
	return fixedChargeOfPlan(&plan, id, err)
}

// deletePlanFixedCharge is DELETE /plans/{code}/fixed_charges/{fixed_charge_code}.
func (a *api) deletePlanFixedCharge(ctx context.Context, r request) (any, error) {
	var deleted billing.FixedCharge
	_, err := a.changePlan(ctx, r, func(p *billing.Plan, _ bool) error {
		at, err := pathFixedCharge(r, p)
		if err != nil {
			return err
		}
		deleted = p.FixedCharges[at]
		p.FixedCharges = slices.Delete(p.FixedCharges, at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return fixedChargeAnswer{fixedChargeOf(&deleted)}, nil
}

// listPlanFixedCharges is GET /plans/{code}/fixed_charges: in the order they have on the plan.
func (a *api) listPlanFixedCharges(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	plan, err := a.pathPlan(ctx, r)
	if err != nil {
		return nil, err
	}
	return struct {
		FixedCharges []fixedChargeObject `json:"fixed_charges"`
		Meta         meta                `json:"meta"`
	}{each(onPage(plan.FixedCharges, page), fixedChargeOf), metaOf(page, len(plan.FixedCharges))}, nil
}

// showPlanFixedCharge is GET /plans/{code}/fixed_charges/{fixed_charge_code}.
func (a *api) showPlanFixedCharge(ctx context.Context, r request) (any, error) {
	plan, err := a.pathPlan(ctx, r)
	if err != nil {
		return nil, err
	}
	at, err := pathFixedCharge(r, &plan)
	if err != nil {
		return nil, err
	}
	return fixedChargeAnswer{fixedChargeOf(&plan.FixedCharges[at])}, nil
}

// pathFixedCharge returns where the fixed charge that the path names stands on the plan.
func pathFixedCharge(r request, p *billing.Plan) (int, error) {
	code := r.PathValue("fixed_charge_code")
	at := slices.IndexFunc(p.FixedCharges, func(fc billing.FixedCharge) bool { return fc.Code == code })
	if at < 0 {
		return 0, billing.NotFound("fixed_charge")
	}
	return at, nil
}

// fixedChargeForm reads the request's fixed charge, and loads the add-on that it names.
func (a *api) fixedChargeForm(ctx context.Context, r request) (form, addOns, error) {
	f, err := r.form("fixed_charge")
	if err != nil {
		return form{}, addOns{}, err
	}
	of, err := a.addOnsNamed(ctx, r.organization.ID, f)
	return f, of, err
}

// checkPlanFixedCharge gives the plan's fixed charge that was just read a code if it has
// none, and checks it beside the others. It returns what is wrong with the request in all.
func checkPlanFixedCharge(f form, p *billing.Plan, at int) error {
	charge := &p.FixedCharges[at]
	taken := codesBeside(p.FixedCharges, at, func(fc *billing.FixedCharge) string { return fc.Code })
	settleCode(f, &charge.Code, charge.AddOn.Code, taken)
	return f.faults.err()
}

// fixedChargeOfPlan answers with the fixed charge of a plan that was changed.
func fixedChargeOfPlan(p *billing.Plan, id uuid.UUID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(p.FixedCharges, func(fc billing.FixedCharge) bool { return fc.ID == id })
	return fixedChargeAnswer{fixedChargeOf(&p.FixedCharges[at])}, nil
}
