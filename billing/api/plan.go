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
	plan := readPlan(f)
	metrics, err := a.chargedMetrics(ctx, r.organization.ID, f)
	if err != nil {
		return nil, err
	}
	plan.Charges = readCharges(f, metrics)
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

func readPlan(f form) billing.Plan {
	p := billing.Plan{
		Name:     f.required("name"),
		Code:     f.required("code"),
		Interval: readInterval(f),
		Currency: billing.Currency(f.required("amount_currency")),
	}
	if p.Currency != "" && !p.Currency.Valid() {
		f.fault("amount_currency", billing.CodeInvalidCurrency)
	}
	f.into(&p.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	f.into(&p.Description, "description", descriptionBytesMax)
	p.AmountCents, _ = f.integer("amount_cents", 0, math.MaxInt64)
	if _, given := f.given("amount_cents"); !given {
		f.fault("amount_cents", billing.CodeMandatory)
	}
	p.PayInAdvance, _ = f.boolean("pay_in_advance")
	if _, given := f.given("pay_in_advance"); !given {
		f.fault("pay_in_advance", billing.CodeMandatory)
	}
	f.notYet("trial_period", "tax_codes", "minimum_commitment", "fixed_charges", "usage_thresholds", "metadata")
	return p
}

func readInterval(f form) billing.Interval {
	switch name := f.required("interval"); name {
	case "", string(billing.Monthly):
		return billing.Interval(name)
	case "weekly", "quarterly", "semiannual", "yearly":
		f.fault("interval", billing.CodeNotSupported)
	default:
		f.fault("interval", billing.CodeInvalid)
	}
	return ""
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
