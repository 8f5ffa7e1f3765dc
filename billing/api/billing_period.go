package api

import (
	"time"

	"github.com/google/uuid"

	"weir/billing"
)

// billingPeriodObject is Lago's BillingPeriodObject.
type billingPeriodObject struct {
	LagoSubscriptionID       uuid.UUID `json:"lago_subscription_id"`
	ExternalSubscriptionID   string    `json:"external_subscription_id"`
	LagoPlanID               uuid.UUID `json:"lago_plan_id"`
	SubscriptionFromDatetime *string   `json:"subscription_from_datetime"`
	SubscriptionToDatetime   *string   `json:"subscription_to_datetime"`
	ChargesFromDatetime      *string   `json:"charges_from_datetime"`
	ChargesToDatetime        *string   `json:"charges_to_datetime"`
	FixedChargesFromDatetime *string   `json:"fixed_charges_from_datetime"`
	FixedChargesToDatetime   *string   `json:"fixed_charges_to_datetime"`
	InvoicingReason          string    `json:"invoicing_reason"`
}

// billingPeriodOf describes what an invoice covers of a subscription. Lago's boundaries are never
// null: where the invoice has no base fee they are those of the period that it would be of, and
// where it has no usage or no fixed charges, both are the instant at which the rest begins.
func billingPeriodOf(covered *billing.InvoiceSubscription, of *subscribed) billingPeriodObject {
	s := of.subscription
	base, usage, fixed := covered.Base, covered.Usage, covered.Fixed
	begins := firstInstant(base, usage, fixed, covered.FixedAhead)
	if base.IsZero() {
		base = s.BasePeriodAt(begins, of.plan, of.location)
	}
	if usage.IsZero() {
		usage = billing.Period{From: begins, To: begins}
	}
	if fixed.IsZero() { // Lago has one pair of boundaries for both
		fixed = covered.FixedAhead
	}
	if fixed.IsZero() {
		fixed = billing.Period{From: begins, To: begins}
	}
	o := billingPeriodObject{
		LagoSubscriptionID:     s.ID,
		ExternalSubscriptionID: s.ExternalID,
		LagoPlanID:             s.PlanID,
		InvoicingReason:        covered.Reason,
	}
	o.SubscriptionFromDatetime, o.SubscriptionToDatetime = periodBounds(base, s.TerminatedAt)
	o.ChargesFromDatetime, o.ChargesToDatetime = periodBounds(usage, s.TerminatedAt)
	o.FixedChargesFromDatetime, o.FixedChargesToDatetime = periodBounds(fixed, s.TerminatedAt)
	return o
}

// firstInstant returns when the first of the periods begins that are not zero.
func firstInstant(periods ...billing.Period) time.Time {
	var first time.Time
	for _, p := range periods {
		if !p.IsZero() && (first.IsZero() || p.From.Before(first)) {
			first = p.From
		}
	}
	return first
}
