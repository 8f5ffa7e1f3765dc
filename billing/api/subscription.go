package api

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/postgres"
)

// subscriptionObject is Lago's SubscriptionObject.
type subscriptionObject struct {
	LagoID                        uuid.UUID     `json:"lago_id"`
	ExternalID                    string        `json:"external_id"`
	LagoCustomerID                uuid.UUID     `json:"lago_customer_id"`
	ExternalCustomerID            string        `json:"external_customer_id"`
	BillingEntityCode             string        `json:"billing_entity_code"`
	Name                          *string       `json:"name"`
	PlanCode                      string        `json:"plan_code"`
	PlanAmountCents               int64         `json:"plan_amount_cents"`
	PlanAmountCurrency            string        `json:"plan_amount_currency"`
	Status                        string        `json:"status"`
	BillingTime                   string        `json:"billing_time"`
	SubscriptionAt                string        `json:"subscription_at"`
	StartedAt                     *string       `json:"started_at"`
	ActivatedAt                   *string       `json:"activated_at"`
	TrialEndedAt                  *string       `json:"trial_ended_at"`
	EndingAt                      *string       `json:"ending_at"`
	TerminatedAt                  *string       `json:"terminated_at"`
	CanceledAt                    *string       `json:"canceled_at"`
	CancellationReason            *string       `json:"cancellation_reason"`
	CreatedAt                     string        `json:"created_at"`
	PreviousPlanCode              *string       `json:"previous_plan_code"`
	NextPlanCode                  *string       `json:"next_plan_code"`
	DowngradePlanDate             *string       `json:"downgrade_plan_date"`
	CurrentBillingPeriodStartedAt *string       `json:"current_billing_period_started_at"`
	CurrentBillingPeriodEndingAt  *string       `json:"current_billing_period_ending_at"`
	OnTerminationCreditNote       *string       `json:"on_termination_credit_note"`
	OnTerminationInvoice          string        `json:"on_termination_invoice"`
	ProgressiveBillingDisabled    bool          `json:"progressive_billing_disabled"`
	ConsolidateInvoice            bool          `json:"consolidate_invoice"`
	PurchaseOrderNumber           *string       `json:"purchase_order_number"`
	AppliedInvoiceCustomSections  none          `json:"applied_invoice_custom_sections"`
	ActivationRules               none          `json:"activation_rules"`
	PaymentMethod                 paymentMethod `json:"payment_method"`
}

// paymentMethod is Lago's PaymentMethodReference: nobody collects the money here.
type paymentMethod struct {
	Type *string    `json:"payment_method_type"`
	ID   *uuid.UUID `json:"payment_method_id"`
}

// subscriptionExtendedObject is Lago's SubscriptionObjectExtended.
type subscriptionExtendedObject struct {
	subscriptionObject        `json:",inline"`
	Plan                      planObject `json:"plan"`
	Entitlements              none       `json:"entitlements"`
	ApplicableUsageThresholds none       `json:"applicable_usage_thresholds"`
}

type subscriptionAnswer struct {
	Subscription subscriptionObject `json:"subscription"`
}

type subscriptionExtendedAnswer struct {
	Subscription subscriptionExtendedObject `json:"subscription"`
}

// subscribed is a subscription with what it binds.
type subscribed struct {
	subscription *billing.Subscription
	customer     *billing.Customer
	plan         *billing.Plan
	location     *time.Location // the customer's
}

// object returns the subscription as Lago shows it at the given instant.
func (s subscribed) object(now time.Time) subscriptionObject {
	sub := s.subscription
	o := subscriptionObject{
		LagoID:               sub.ID,
		ExternalID:           sub.ExternalID,
		LagoCustomerID:       sub.CustomerID,
		ExternalCustomerID:   s.customer.ExternalID,
		BillingEntityCode:    billingEntityDefault,
		Name:                 orNull(sub.Name),
		PlanCode:             s.plan.Code,
		PlanAmountCents:      s.plan.AmountCents,
		PlanAmountCurrency:   string(s.plan.Currency),
		Status:               string(sub.Status),
		BillingTime:          string(sub.BillingTime),
		SubscriptionAt:       stamp(sub.SubscriptionAt),
		StartedAt:            stampMillisOrNull(sub.StartedAt),
		ActivatedAt:          stampOrNull(sub.StartedAt),
		TrialEndedAt:         stampOrNull(s.trialEndedAt(now)),
		EndingAt:             stampOrNull(sub.EndingAt),
		TerminatedAt:         stampOrNull(sub.TerminatedAt),
		CanceledAt:           stampOrNull(sub.CanceledAt),
		CreatedAt:            stamp(sub.CreatedAt),
		OnTerminationInvoice: "generate",
		ConsolidateInvoice:   !sub.SeparateInvoice,
		PurchaseOrderNumber:  orNull(sub.PurchaseOrderNumber),
	}
	if sub.SkipFinalInvoice {
		o.OnTerminationInvoice = "skip"
	}
	if sub.Status == billing.Active {
		period := sub.UsagePeriodAt(now, s.plan, s.location)
		o.CurrentBillingPeriodStartedAt, o.CurrentBillingPeriodEndingAt = periodBounds(period, sub.EndingAt)
	}
	return o
}

// trialEndedAt returns when the trial ended, nil when there was none, it lasts, or the
// subscription ended before. It need not have been noted yet: a plan in arrears makes no
// invoice then.
func (s subscribed) trialEndedAt(now time.Time) *time.Time {
	sub := s.subscription
	end, ok := sub.TrialEnd(s.plan)
	switch {
	case sub.TrialEndedAt != nil || !ok || sub.StartedAt == nil || now.Before(end):
		return sub.TrialEndedAt
	case sub.TerminatedAt != nil && sub.TerminatedAt.Before(end), sub.EndingAt != nil && sub.EndingAt.Before(end):
		return nil
	}
	return &end
}

func (s subscribed) extended(now time.Time) subscriptionExtendedAnswer {
	return subscriptionExtendedAnswer{subscriptionExtendedObject{
		subscriptionObject: s.object(now), Plan: planOf(s.plan),
	}}
}

// subscribedTo loads what a subscription binds.
func (a *api) subscribedTo(ctx context.Context, organization *billing.Organization, s *billing.Subscription) (subscribed, error) {
	all, err := a.subscribedToAll(ctx, organization, []billing.Subscription{*s})
	if err != nil {
		return subscribed{}, err
	}
	return all[0], nil
}

// subscribedToAll loads what subscriptions bind, in few queries.
func (a *api) subscribedToAll(ctx context.Context, organization *billing.Organization, subs []billing.Subscription) ([]subscribed, error) {
	var customerIDs, planIDs []uuid.UUID
	for i := range subs {
		customerIDs = append(customerIDs, subs[i].CustomerID)
		planIDs = append(planIDs, subs[i].PlanID)
	}
	customers, err := a.DB.CustomersByID(ctx, organization.ID, customerIDs)
	if err != nil {
		return nil, fmt.Errorf("cannot load customers of subscriptions: %w", err)
	}
	plans, err := a.DB.PlansByID(ctx, organization.ID, planIDs)
	if err != nil {
		return nil, fmt.Errorf("cannot load plans of subscriptions: %w", err)
	}
	all := make([]subscribed, len(subs))
	for i := range subs {
		customer, plan := customers[subs[i].CustomerID], plans[subs[i].PlanID]
		location, err := billing.Location(&customer, organization)
		if err != nil {
			return nil, err
		}
		all[i] = subscribed{&subs[i], &customer, &plan, location}
	}
	return all, nil
}

// listSubscriptions is GET /subscriptions.
func (a *api) listSubscriptions(ctx context.Context, r request) (any, error) {
	p := r.params()
	return a.subscriptionPage(ctx, r, p, p.text("external_customer_id"))
}

// listCustomerSubscriptions is GET /customers/{external_id}/subscriptions.
func (a *api) listCustomerSubscriptions(ctx context.Context, r request) (any, error) {
	customer, err := a.pathCustomer(ctx, r)
	if err != nil {
		return nil, err
	}
	return a.subscriptionPage(ctx, r, r.params(), customer.ExternalID)
}

func (a *api) subscriptionPage(ctx context.Context, r request, p params, customer string) (any, error) {
	filter := postgres.SubscriptionFilter{
		CustomerExternalID: customer, PlanCode: p.text("plan_code"), Currency: billing.Currency(p.text("currency")),
		Statuses: readStatuses(p),
	}
	if len(filter.Statuses) == 0 {
		filter.Statuses = []billing.SubscriptionStatus{billing.Active}
	}
	p.notYet("billing_entity_codes")
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	subs, total, err := a.DB.Subscriptions(ctx, r.organization.ID, filter, page)
	if err != nil {
		return nil, err
	}
	objects, err := a.subscriptionObjects(ctx, &r.organization, subs)
	if err != nil {
		return nil, err
	}
	return struct {
		Subscriptions []subscriptionObject `json:"subscriptions"`
		Meta          meta                 `json:"meta"`
	}{objects, metaOf(page, total)}, nil
}

// readStatuses reads the statuses that are listed. Lago's incomplete is one that none ever has.
func readStatuses(p params) []billing.SubscriptionStatus {
	var statuses []billing.SubscriptionStatus
	for _, status := range p.texts("status") {
		switch s := billing.SubscriptionStatus(status); s {
		case billing.Pending, billing.Active, billing.Terminated, billing.Canceled, "incomplete":
			statuses = append(statuses, s)
		default:
			p.fault("status", billing.CodeInvalid)
		}
	}
	return statuses
}

func (a *api) subscriptionObjects(ctx context.Context, organization *billing.Organization, subs []billing.Subscription) ([]subscriptionObject, error) {
	now, err := a.now(ctx, organization.ID)
	if err != nil {
		return nil, err
	}
	bound, err := a.subscribedToAll(ctx, organization, subs)
	if err != nil {
		return nil, err
	}
	return each(bound, func(s *subscribed) subscriptionObject { return s.object(now) }), nil
}

// showSubscription is GET /subscriptions/{external_id}; the active one unless
// status asks for another.
func (a *api) showSubscription(ctx context.Context, r request) (any, error) {
	_, bound, err := a.pathSubscription(ctx, r)
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	return bound.extended(now), nil
}

// pathSubscription loads the subscription that path and ?status name.
func (a *api) pathSubscription(ctx context.Context, r request) (params, subscribed, error) {
	p := r.params()
	status := billing.SubscriptionStatus(p.text("status"))
	if err := p.err(); err != nil {
		return p, subscribed{}, err
	}
	bound, err := a.subscriptionIn(ctx, r, status)
	return p, bound, err
}

// subscriptionIn loads the subscription in a status that the path names; "" is active.
func (a *api) subscriptionIn(ctx context.Context, r request, status billing.SubscriptionStatus) (subscribed, error) {
	externalID, err := r.pathText("external_id", "subscription")
	if err != nil {
		return subscribed{}, err
	}
	if status == "" {
		status = billing.Active
	}
	sub, err := a.DB.Subscription(ctx, r.organization.ID, externalID, status)
	if err != nil {
		return subscribed{}, err
	}
	return a.subscribedTo(ctx, &r.organization, &sub)
}
