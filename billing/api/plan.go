package api

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"

	"weir/billing"
)

// chargesMax is how many charges a plan may have.
const chargesMax = 500

// planObject is Lago's PlanObject.
type planObject struct {
	LagoID                  uuid.UUID      `json:"lago_id"`
	Name                    string         `json:"name"`
	InvoiceDisplayName      *string        `json:"invoice_display_name"`
	CreatedAt               string         `json:"created_at"`
	Code                    string         `json:"code"`
	Interval                string         `json:"interval"`
	Description             *string        `json:"description"`
	AmountCents             int64          `json:"amount_cents"`
	AmountCurrency          string         `json:"amount_currency"`
	TrialPeriod             int            `json:"trial_period"`
	PayInAdvance            bool           `json:"pay_in_advance"`
	BillChargesMonthly      *bool          `json:"bill_charges_monthly"`
	BillFixedChargesMonthly *bool          `json:"bill_fixed_charges_monthly"`
	MinimumCommitment       *struct{}      `json:"minimum_commitment"`
	Charges                 []chargeObject `json:"charges"`
	FixedCharges            none           `json:"fixed_charges"`
	Taxes                   none           `json:"taxes"`
	UsageThresholds         none           `json:"usage_thresholds"`
	Entitlements            none           `json:"entitlements"`
	Metadata                *struct{}      `json:"metadata"`
	ParentID                *string        `json:"parent_id"`
	PendingDeletion         bool           `json:"pending_deletion"`

	// Deprecated counters: always 0, as in Lago.
	ActiveSubscriptionsCount int `json:"active_subscriptions_count"`
	CustomersCount           int `json:"customers_count"`
	DraftInvoicesCount       int `json:"draft_invoices_count"`
}

func planOf(p *billing.Plan) planObject {
	return planObject{
		LagoID:             p.ID,
		Name:               p.Name,
		InvoiceDisplayName: orNull(p.InvoiceDisplayName),
		CreatedAt:          stamp(p.CreatedAt),
		Code:               p.Code,
		Interval:           string(p.Interval),
		Description:        orNull(p.Description),
		AmountCents:        p.AmountCents,
		AmountCurrency:     string(p.Currency),
		PayInAdvance:       p.PayInAdvance,
		Charges:            each(p.Charges, chargeOf),
	}
}

type planAnswer struct {
	Plan planObject `json:"plan"`
}

// createPlan is POST /plans.
func (a *api) createPlan(ctx context.Context, r request) (any, error) {
	f, err := r.form("plan")
	if err != nil {
		return nil, err
	}
	var plan billing.Plan
	readPlan(f, &plan)
	metrics, err := a.chargedMetrics(ctx, r.organization.ID, f)
	if err != nil {
		return nil, err
	}
	plan.Charges = readCharges(f, nil, metrics)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	plan.ID, plan.OrganizationID = newID(), r.organization.ID
	plan.CreatedAt, plan.UpdatedAt = now, now
	for i := range plan.Charges {
		plan.Charges[i].PlanID, plan.Charges[i].CreatedAt = plan.ID, now
	}
	if err := a.DB.CreatePlan(ctx, &plan); err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}

// readPlan takes over what a request says of a plan, new or not.
func readPlan(f form, p *billing.Plan) {
	readPlanTexts(f, p)
	f.demand(&p.Code, "code")
	readInterval(f, p)
	currency := string(p.Currency)
	f.demand(&currency, "amount_currency")
	if p.Currency = billing.Currency(currency); currency != "" && !p.Currency.Valid() {
		f.fault("amount_currency", billing.CodeInvalidCurrency)
	}
	if p.ID == uuid.Nil || f.has("pay_in_advance") {
		p.PayInAdvance, _ = f.boolean("pay_in_advance")
		f.mustGive("pay_in_advance")
	}
}

// readPlanTexts takes over what may change of a plan at any time.
func readPlanTexts(f form, p *billing.Plan) {
	f.demand(&p.Name, "name")
	f.into(&p.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	f.into(&p.Description, "description", descriptionBytesMax)
	if p.ID == uuid.Nil || f.has("amount_cents") {
		p.AmountCents, _ = f.integer("amount_cents", 0, math.MaxInt64)
		f.mustGive("amount_cents")
	}
	f.notYet("trial_period", "tax_codes", "minimum_commitment", "fixed_charges", "usage_thresholds", "metadata")
}

func readInterval(f form, p *billing.Plan) {
	name := string(p.Interval)
	f.demand(&name, "interval")
	switch name {
	case "", string(billing.Monthly):
	case "weekly", "quarterly", "semiannual", "yearly":
		f.fault("interval", billing.CodeNotSupported)
	default:
		f.fault("interval", billing.CodeInvalid)
	}
	p.Interval = billing.Interval(name)
}

// updatePlan is PUT /plans/{code}. What is not said stays, charges as well; where charges
// are said, they are all that the plan has afterwards. On a plan with live subscriptions the
// code, interval, currency and pay_in_advance stay what they are, whatever is said, as in
// Lago. The rest applies to periods that are not billed yet.
func (a *api) updatePlan(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "plan")
	if err != nil {
		return nil, err
	}
	f, err := r.form("plan")
	if err != nil {
		return nil, err
	}
	metrics, err := a.chargedMetrics(ctx, r.organization.ID, f)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	plan, err := a.DB.UpdatePlan(ctx, r.organization.ID, code, now, func(p *billing.Plan, live bool) error {
		if live {
			readPlanTexts(f, p)
		} else {
			readPlan(f, p)
		}
		if _, given := f.given("charges"); given {
			p.Charges = readCharges(f, append([]billing.Charge{}, p.Charges...), metrics)
		}
		return f.faults.err()
	})
	if err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}

// chargedMetrics loads the metrics that the plan's charges name. One that does
// not exist is not found; what is no id at all is left for readCharges to refuse.
func (a *api) chargedMetrics(ctx context.Context, organization uuid.UUID, f form) (map[uuid.UUID]billing.BillableMetric, error) {
	metrics := make(map[uuid.UUID]billing.BillableMetric)
	for _, o := range (form{members: f.members, faults: &faults{}}).objects("charges", chargesMax) {
		id, ok := o.uuid("billable_metric_id")
		if _, loaded := metrics[id]; !ok || loaded {
			continue
		}
		metric, err := a.DB.BillableMetricByID(ctx, organization, id)
		if billing.IsNotFound(err) {
			return nil, billing.NotFound("billable_metrics")
		}
		if err != nil {
			return nil, fmt.Errorf("cannot load metric of a charge: %w", err)
		}
		metrics[id] = metric
	}
	return metrics, nil
}

// listPlans is GET /plans.
func (a *api) listPlans(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	plans, total, err := a.DB.Plans(ctx, r.organization.ID, page)
	if err != nil {
		return nil, err
	}
	return struct {
		Plans []planObject `json:"plans"`
		Meta  meta         `json:"meta"`
	}{each(plans, planOf), metaOf(page, total)}, nil
}

// showPlan is GET /plans/{code}.
func (a *api) showPlan(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "plan")
	if err != nil {
		return nil, err
	}
	plan, err := a.DB.Plan(ctx, r.organization.ID, code)
	if err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}
