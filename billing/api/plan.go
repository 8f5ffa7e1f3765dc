package api

import (
	"context"
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
)

// Limits of a plan.
const (
	chargesMax   = 500
	trialDaysMax = 36_500
	trialPlaces  = 10 // digits of a day's fraction
)

// planObject is Lago's PlanObject.
type planObject struct {
	LagoID                  uuid.UUID                `json:"lago_id"`
	Name                    string                   `json:"name"`
	InvoiceDisplayName      *string                  `json:"invoice_display_name"`
	CreatedAt               string                   `json:"created_at"`
	Code                    string                   `json:"code"`
	Interval                string                   `json:"interval"`
	Description             *string                  `json:"description"`
	AmountCents             int64                    `json:"amount_cents"`
	AmountCurrency          string                   `json:"amount_currency"`
	TrialPeriod             jsontext.Value           `json:"trial_period"` // days, a number
	PayInAdvance            bool                     `json:"pay_in_advance"`
	BillChargesMonthly      *bool                    `json:"bill_charges_monthly"`
	BillFixedChargesMonthly *bool                    `json:"bill_fixed_charges_monthly"`
	MinimumCommitment       *minimumCommitmentObject `json:"minimum_commitment"`
	Charges                 []chargeObject           `json:"charges"`
	FixedCharges            []fixedChargeObject      `json:"fixed_charges"`
	Taxes                   []taxObject              `json:"taxes"`
	UsageThresholds         none                     `json:"usage_thresholds"`
	Entitlements            none                     `json:"entitlements"`
	Metadata                *planMetadata            `json:"metadata"`
	ParentID                *string                  `json:"parent_id"`
	PendingDeletion         bool                     `json:"pending_deletion"`

	// Deprecated counters: always 0, as in Lago.
	ActiveSubscriptionsCount int `json:"active_subscriptions_count"`
	CustomersCount           int `json:"customers_count"`
	DraftInvoicesCount       int `json:"draft_invoices_count"`
}

func planOf(p *billing.Plan) planObject {
	o := planObject{
		LagoID:             p.ID,
		Name:               p.Name,
		InvoiceDisplayName: orNull(p.InvoiceDisplayName),
		CreatedAt:          stamp(p.CreatedAt),
		Code:               p.Code,
		Interval:           string(p.Interval),
		Description:        orNull(p.Description),
		AmountCents:        p.AmountCents,
		AmountCurrency:     string(p.Currency),
		TrialPeriod:        number(p.TrialDays),
		PayInAdvance:       p.PayInAdvance,
		MinimumCommitment:  minimumCommitmentOf(p),
		Charges:            each(p.Charges, chargeOf),
		FixedCharges:       each(p.FixedCharges, fixedChargeOf),
		Taxes:              each(p.Taxes, taxOf),
		Metadata:           planMetadataOf(p),
		PendingDeletion:    p.PendingDeletion,
	}
	if p.Interval.HasMonthly() {
		o.BillChargesMonthly, o.BillFixedChargesMonthly = &p.BillChargesMonthly, &p.BillFixedChargesMonthly
	}
	return o
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
	sold, err := a.soldBy(ctx, r.organization.ID, f)
	if err != nil {
		return nil, err
	}
	plan.Charges = readCharges(f, nil, sold.metrics)
	plan.FixedCharges = readFixedCharges(f, nil, sold.addOns, false)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	plan.ID, plan.OrganizationID = newID(), r.organization.ID
	plan.CreatedAt, plan.UpdatedAt = now, now
	if err := a.DB.CreatePlan(ctx, &plan); err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}

// readPlan takes over what a request says of a plan, new or not, but for its charges.
func readPlan(f form, p *billing.Plan) {
	readPlanPrices(f, p)
	f.demand(&p.Code, "code")
	readAmountCurrency(f, &p.Currency)
	if p.ID == uuid.Nil || f.has("pay_in_advance") {
		p.PayInAdvance, _ = f.boolean("pay_in_advance")
		f.mustGive("pay_in_advance")
	}
	if f.has("trial_period") {
		p.TrialDays, _ = f.decimal("trial_period", trialDaysMax, trialPlaces)
	}
	readInterval(f, p)
}

// readPlanPrices takes over what may change of a plan at any time.
func readPlanPrices(f form, p *billing.Plan) {
	f.demand(&p.Name, "name")
	f.into(&p.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	f.into(&p.Description, "description", descriptionBytesMax)
	if p.ID == uuid.Nil || f.has("amount_cents") {
		p.AmountCents, _ = f.integer("amount_cents", 0, math.MaxInt64)
		f.mustGive("amount_cents")
	}
	p.Taxes = readTaxCodes(f, p.Taxes)
	readMinimumCommitment(f, p)
	if f.has("metadata") {
		p.Metadata = readPlanMetadata(f)
	}
	f.notYet("usage_thresholds")
}

// readInterval reads how long a period is, and whether usage and fixed charges are billed
// each month of it. Where it has no such months, that is not said, whatever the request says.
func readInterval(f form, p *billing.Plan) {
	name := string(p.Interval)
	f.demand(&name, "interval")
	if p.Interval = billing.Interval(name); name != "" && !p.Interval.Valid() {
		f.fault("interval", billing.CodeInvalid)
	}
	if f.has("bill_charges_monthly") {
		p.BillChargesMonthly, _ = f.boolean("bill_charges_monthly")
	}
	if f.has("bill_fixed_charges_monthly") {
		p.BillFixedChargesMonthly, _ = f.boolean("bill_fixed_charges_monthly")
	}
	if !p.Interval.HasMonthly() {
		p.BillChargesMonthly, p.BillFixedChargesMonthly = false, false
	}
}

// updatePlan is PUT /plans/{code}. What is not said stays, charges as well; where charges
// are said, they are all that the plan has afterwards, and so it is with fixed charges. On a
// plan with live subscriptions what decides when they are billed, the code and the currency
// stay what they are, whatever is said, as in Lago. The rest applies to periods that are not
// billed yet.
func (a *api) updatePlan(ctx context.Context, r request) (any, error) {
	f, err := r.form("plan")
	if err != nil {
		return nil, err
	}
	sold, err := a.soldBy(ctx, r.organization.ID, f)
	if err != nil {
		return nil, err
	}
	plan, err := a.changePlan(ctx, r, func(p *billing.Plan, live bool) error {
		if live {
			readPlanPrices(f, p)
		} else {
			readPlan(f, p)
		}
		if _, given := f.given("charges"); given {
			p.Charges = readCharges(f, append([]billing.Charge{}, p.Charges...), sold.metrics)
		}
		if _, given := f.given("fixed_charges"); given {
			p.FixedCharges = readFixedCharges(f, append([]billing.FixedCharge{}, p.FixedCharges...), sold.addOns, live)
		}
		return f.faults.err()
	})
	if err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}

// changePlan changes the plan that the path names, under its lock: all that a request
// changes of it is one change, and one version of the catalog.
func (a *api) changePlan(ctx context.Context, r request, change func(p *billing.Plan, live bool) error) (billing.Plan, error) {
	code, err := r.pathText("code", "plan")
	if err != nil {
		return billing.Plan{}, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return billing.Plan{}, err
	}
	return a.DB.UpdatePlan(ctx, r.organization.ID, code, now, change)
}

// pathPlan loads the plan that the path names.
func (a *api) pathPlan(ctx context.Context, r request) (billing.Plan, error) {
	code, err := r.pathText("code", "plan")
	if err != nil {
		return billing.Plan{}, err
	}
	return a.DB.Plan(ctx, r.organization.ID, code)
}

// sold is what the charges and fixed charges of a request are of.
type sold struct {
	metrics map[uuid.UUID]billing.BillableMetric
	addOns  addOns
}

// soldBy loads what the charges and fixed charges of a plan name. What does not exist is not
// found; what is no name at all is left to be refused where it is read.
func (a *api) soldBy(ctx context.Context, organization uuid.UUID, f form) (s sold, err error) {
	if s.metrics, err = a.chargedMetrics(ctx, organization, f); err != nil {
		return s, err
	}
	quiet := form{members: f.members, faults: &faults{}} // they are read again
	s.addOns, err = a.addOnsNamed(ctx, organization, quiet.objects("fixed_charges", fixedChargesMax)...)
	return s, err
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
	plan, err := a.pathPlan(ctx, r)
	if err != nil {
		return nil, err
	}
	return planAnswer{planOf(&plan)}, nil
}
