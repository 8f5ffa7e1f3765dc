package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
)

type chargeAnswer struct {
	Charge chargeObject `json:"charge"`
}

// createPlanCharge is POST /plans/{code}/charges: the charge becomes the plan's last.
func (a *api) createPlanCharge(ctx context.Context, r request) (any, error) {
	f, metrics, err := a.chargeForm(ctx, r)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	plan, err := a.changePlan(ctx, r, func(p *billing.Plan, _ bool) error {
		if len(p.Charges) >= chargesMax {
			f.overLimit("charges", billing.CodeInvalidCount, fmt.Sprintf("at most %d charges of a plan", chargesMax))
		}
		charge := readCharge(f, nil, metrics)
		id = charge.ID
		p.Charges = append(p.Charges, charge)
		return checkPlanCharge(f, p, len(p.Charges)-1)
	})
	return chargeOfPlan(&plan, id, err)
}

// updatePlanCharge is PUT /plans/{code}/charges/{charge_code}. What is not said stays.
func (a *api) updatePlanCharge(ctx context.Context, r request) (any, error) {
	f, metrics, err := a.chargeForm(ctx, r)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	plan, err := a.changePlan(ctx, r, func(p *billing.Plan, _ bool) error {
		at, err := pathCharge(r, p)
		if err != nil {
			return err
		}
		id = p.Charges[at].ID
		p.Charges[at] = readCharge(f, &p.Charges[at], metrics)
		return checkPlanCharge(f, p, at)
	})
	return chargeOfPlan(&plan, id, err)
}

// deletePlanCharge is DELETE /plans/{code}/charges/{charge_code}. Its body may say
// cascade_updates, which changes nothing here.
func (a *api) deletePlanCharge(ctx context.Context, r request) (any, error) {
	var deleted billing.Charge
	_, err := a.changePlan(ctx, r, func(p *billing.Plan, _ bool) error {
		at, err := pathCharge(r, p)
		if err != nil {
			return err
		}
		deleted = p.Charges[at]
		p.Charges = slices.Delete(p.Charges, at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return chargeAnswer{chargeOf(&deleted)}, nil
}

// listPlanCharges is GET /plans/{code}/charges: in the order they have on the plan.
func (a *api) listPlanCharges(ctx context.Context, r request) (any, error) {
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
		Charges []chargeObject `json:"charges"`
		Meta    meta           `json:"meta"`
	}{each(onPage(plan.Charges, page), chargeOf), metaOf(page, len(plan.Charges))}, nil
}

// showPlanCharge is GET /plans/{code}/charges/{charge_code}.
func (a *api) showPlanCharge(ctx context.Context, r request) (any, error) {
	plan, err := a.pathPlan(ctx, r)
	if err != nil {
		return nil, err
	}
	at, err := pathCharge(r, &plan)
	if err != nil {
		return nil, err
	}
	return chargeAnswer{chargeOf(&plan.Charges[at])}, nil
}

// pathCharge returns where the charge that the path names stands on the plan.
func pathCharge(r request, p *billing.Plan) (int, error) {
	code := r.PathValue("charge_code")
	at := slices.IndexFunc(p.Charges, func(ch billing.Charge) bool { return ch.Code == code })
	if at < 0 {
		return 0, billing.NotFound("charge")
	}
	return at, nil
}

// chargeForm reads the request's charge, and loads the metric that it names by
// billable_metric_id or, as only the routes of one charge take, billable_metric_code.
func (a *api) chargeForm(ctx context.Context, r request) (form, map[uuid.UUID]billing.BillableMetric, error) {
	f, err := r.form("charge")
	if err != nil {
		return form{}, nil, err
	}
	metrics := make(map[uuid.UUID]billing.BillableMetric)
	var metric billing.BillableMetric
	id, byID := f.uuid("billable_metric_id")
	code, _ := f.text("billable_metric_code", textBytesMax)
	switch _, given := f.given("billable_metric_id"); {
	case byID:
		metric, err = a.DB.BillableMetricByID(ctx, r.organization.ID, id)
	case !given && code != "":
		metric, err = a.DB.BillableMetric(ctx, r.organization.ID, code)
		f.members["billable_metric_id"] = jsontext.Value(`"` + metric.ID.String() + `"`) // as if it had been named so
	default:
		return f, metrics, nil
	}
	if err != nil {
		return form{}, nil, err
	}
	metrics[metric.ID] = metric
	return f, metrics, nil
}

// checkPlanCharge gives the plan's charge that was just read a code if it has none, and
// checks it beside the others. It returns what is wrong with the request in all.
func checkPlanCharge(f form, p *billing.Plan, at int) error {
	charge := &p.Charges[at]
	taken := codesBeside(p.Charges, at, func(ch *billing.Charge) string { return ch.Code })
	settleCode(f, &charge.Code, charge.Metric.Code, taken)
	checkSplit(f, p)
	return f.faults.err()
}

// codesBeside returns the codes of all but the one at the index.
func codesBeside[T any](all []T, at int, code func(*T) string) map[string]bool {
	taken := make(map[string]bool)
	for i := range all {
		if i != at {
			taken[code(&all[i])] = true
		}
	}
	return taken
}

// settleCode makes a code from another where none was given, and records that one is taken.
func settleCode(f form, code *string, from string, taken map[string]bool) {
	switch {
	case *code == "":
		*code = freeCode(from, taken)
	case taken[*code]:
		f.fault("code", billing.CodeAlreadyExist)
	}
}

// checkSplit records that the plan's charges filter and group by too much.
func checkSplit(f form, p *billing.Plan) {
	if billing.SplitBytes(p.Charges) > billing.SplitBytesMax {
		f.overLimit("charges", billing.CodeOutOfRange, splitLimit)
	}
}

// chargeOfPlan answers with the charge of a plan that was changed.
func chargeOfPlan(p *billing.Plan, id uuid.UUID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(p.Charges, func(ch billing.Charge) bool { return ch.ID == id })
	return chargeAnswer{chargeOf(&p.Charges[at])}, nil
}
