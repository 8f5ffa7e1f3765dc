package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/billing"
	"weir/billing/postgres"
)

// feeObject is Lago's FeeObject.
type feeObject struct {
	LagoID                                   uuid.UUID            `json:"lago_id"`
	LagoChargeID                             *uuid.UUID           `json:"lago_charge_id"`
	LagoChargeFilterID                       *uuid.UUID           `json:"lago_charge_filter_id"`
	LagoFixedChargeID                        *uuid.UUID           `json:"lago_fixed_charge_id"`
	LagoInvoiceID                            uuid.UUID            `json:"lago_invoice_id"`
	LagoTrueUpFeeID                          *uuid.UUID           `json:"lago_true_up_fee_id"`
	LagoTrueUpParentFeeID                    *uuid.UUID           `json:"lago_true_up_parent_fee_id"`
	LagoOriginalFeeID                        *uuid.UUID           `json:"lago_original_fee_id"`
	LagoSubscriptionID                       *uuid.UUID           `json:"lago_subscription_id"`
	LagoCustomerID                           uuid.UUID            `json:"lago_customer_id"`
	ExternalCustomerID                       string               `json:"external_customer_id"`
	ExternalSubscriptionID                   *string              `json:"external_subscription_id"`
	Item                                     feeItemObject        `json:"item"`
	PayInAdvance                             bool                 `json:"pay_in_advance"`
	Invoiceable                              bool                 `json:"invoiceable"`
	AmountCents                              int64                `json:"amount_cents"`
	AmountCurrency                           string               `json:"amount_currency"`
	PreciseAmount                            string               `json:"precise_amount"`
	PreciseTotalAmount                       string               `json:"precise_total_amount"`
	TaxesAmountCents                         int64                `json:"taxes_amount_cents"`
	TaxesPreciseAmount                       string               `json:"taxes_precise_amount"`
	TaxesRate                                jsontext.Value       `json:"taxes_rate"` // percent, a number
	TotalAggregatedUnits                     string               `json:"total_aggregated_units"`
	TotalAmountCents                         int64                `json:"total_amount_cents"`
	TotalAmountCurrency                      string               `json:"total_amount_currency"`
	Units                                    string               `json:"units"`
	PreciseUnitAmount                        string               `json:"precise_unit_amount"`
	PreciseCouponsAmountCents                string               `json:"precise_coupons_amount_cents"`
	SubTotalExcludingTaxesAmountCents        int64                `json:"sub_total_excluding_taxes_amount_cents"`
	SubTotalExcludingTaxesPreciseAmountCents string               `json:"sub_total_excluding_taxes_precise_amount_cents"`
	EventsCount                              int64                `json:"events_count"`
	PaymentStatus                            string               `json:"payment_status"`
	CreatedAt                                string               `json:"created_at"`
	SucceededAt                              *string              `json:"succeeded_at"`
	FailedAt                                 *string              `json:"failed_at"`
	RefundedAt                               *string              `json:"refunded_at"`
	AmountDetails                            jsontext.Value       `json:"amount_details"`
	FromDate                                 *string              `json:"from_date"`
	ToDate                                   *string              `json:"to_date"`
	EventTransactionID                       *string              `json:"event_transaction_id"`
	Description                              *string              `json:"description"`
	SelfBilled                               bool                 `json:"self_billed"`
	PricingUnitDetails                       *pricingUnitDetails  `json:"pricing_unit_details"`
	PresentationBreakdowns                   []presentationObject `json:"presentation_breakdowns"`
	AppliedTaxes                             []feeTaxObject       `json:"applied_taxes"`
}

// pricingUnitDetails is Lago's PricingUnitDetailsObject: a fee's amounts in its charge's pricing
// unit, of which a "cent" is a hundredth.
type pricingUnitDetails struct {
	LagoPricingUnitID  uuid.UUID `json:"lago_pricing_unit_id"`
	PricingUnitCode    string    `json:"pricing_unit_code"`
	ShortName          string    `json:"short_name"`
	AmountCents        int64     `json:"amount_cents"`
	PreciseAmountCents string    `json:"precise_amount_cents"`
	UnitAmountCents    int64     `json:"unit_amount_cents"`
	PreciseUnitAmount  string    `json:"precise_unit_amount"`
	ConversionRate     string    `json:"conversion_rate"`
}

// feeItemObject says what a fee is for.
type feeItemObject struct {
	Type                     string               `json:"type"`
	Code                     string               `json:"code"`
	Name                     string               `json:"name"`
	Description              *string              `json:"description"`
	InvoiceDisplayName       string               `json:"invoice_display_name"`
	Filters                  *map[string][]string `json:"filters"`
	FilterInvoiceDisplayName *string              `json:"filter_invoice_display_name"`
	LagoItemID               uuid.UUID            `json:"lago_item_id"`
	ItemType                 string               `json:"item_type"`
	GroupedBy                map[string]*string   `json:"grouped_by"`
}

// feeParties are what a fee names besides what it is for.
type feeParties struct {
	customer     billing.Customer
	subscription billing.Subscription // zero on a one-off invoice
	plan         billing.Plan         // zero on a one-off invoice
	trueUpID     uuid.UUID            // of the fee that makes up for the charge's minimum; uuid.Nil: none
}

func feeOf(fee *billing.Fee, of *feeParties) feeObject {
	o := feeObject{
		LagoID:                                   fee.ID,
		LagoInvoiceID:                            fee.InvoiceID,
		LagoTrueUpFeeID:                          idOrNull(of.trueUpID),
		LagoTrueUpParentFeeID:                    idOrNull(fee.TrueUpParentID),
		LagoSubscriptionID:                       idOrNull(fee.SubscriptionID),
		LagoCustomerID:                           fee.CustomerID,
		ExternalCustomerID:                       of.customer.ExternalID,
		ExternalSubscriptionID:                   orNull(of.subscription.ExternalID),
		Item:                                     feeItemOf(fee, &of.plan),
		PayInAdvance:                             paidInAdvance(fee, &of.plan),
		Invoiceable:                              true,
		AmountCents:                              fee.AmountCents,
		AmountCurrency:                           string(fee.Currency),
		TaxesAmountCents:                         fee.TaxesCents,
		TaxesRate:                                number(fee.TaxesRate),
		TotalAggregatedUnits:                     billing.FormatDecimal(fee.TotalUnits),
		TotalAmountCents:                         fee.AmountCents + fee.TaxesCents,
		TotalAmountCurrency:                      string(fee.Currency),
		Units:                                    billing.FormatDecimal(fee.Units),
		PreciseUnitAmount:                        billing.FormatDecimal(fee.UnitAmount),
		PreciseCouponsAmountCents:                billing.FormatDecimal(decimal.Zero),
		SubTotalExcludingTaxesAmountCents:        fee.AmountCents,
		SubTotalExcludingTaxesPreciseAmountCents: billing.FormatDecimal(fee.PreciseAmount),
		EventsCount:                              fee.EventsCount,
		PaymentStatus:                            string(fee.PaymentStatus),
		CreatedAt:                                stamp(fee.CreatedAt),
		AmountDetails:                            fee.AmountDetails,
		Description:                              orNull(fee.Description),
		PricingUnitDetails:                       pricingUnitDetailsOf(fee.PricingUnit),
		PresentationBreakdowns: each(fee.Presentation, func(part *billing.PresentationUsage) presentationObject {
			return presentationObject{part.PresentedBy, billing.FormatDecimal(part.Units)}
		}),
		AppliedTaxes: feeTaxesOf(fee),
	}
	o.FromDate, o.ToDate = periodBounds(fee.Period, of.subscription.TerminatedAt)
	o.setPrecise(fee)
	if fee.Charge != nil {
		o.LagoChargeID = &fee.Charge.ID
	}
	if fee.Filter != nil {
		o.LagoChargeFilterID = &fee.Filter.ID
	}
	if fee.FixedCharge != nil {
		o.LagoFixedChargeID = &fee.FixedCharge.ID
	}
	return o
}

// paidInAdvance reports whether a fee is for a period that begins with its invoice.
func paidInAdvance(fee *billing.Fee, plan *billing.Plan) bool {
	switch fee.Type {
	case billing.SubscriptionFee:
		return plan.PayInAdvance
	case billing.FixedChargeFee:
		return fee.FixedCharge != nil && fee.FixedCharge.PayInAdvance
	}
	return false
}

// setPrecise prints the amounts in currency units, before rounding.
func (o *feeObject) setPrecise(fee *billing.Fee) {
	digits := fee.Currency.Digits()
	taxes := fee.PreciseTaxes.Shift(-digits)
	amount := fee.PreciseAmount.Shift(-digits)
	o.PreciseAmount = billing.FormatDecimal(amount)
	o.TaxesPreciseAmount = billing.FormatDecimal(taxes)
	o.PreciseTotalAmount = billing.FormatDecimal(amount.Add(taxes))
}

// pricingUnitDetailsOf describes amounts in a pricing unit, null where there is none.
func pricingUnitDetailsOf(p *billing.PricingUnitAmounts) *pricingUnitDetails {
	if p == nil {
		return nil
	}
	return &pricingUnitDetails{
		LagoPricingUnitID:  p.UnitID,
		PricingUnitCode:    p.Code,
		ShortName:          p.ShortName,
		AmountCents:        p.AmountCents,
		PreciseAmountCents: billing.FormatDecimal(p.PreciseAmount),
		UnitAmountCents:    p.UnitAmountCents(),
		PreciseUnitAmount:  billing.FormatDecimal(p.UnitAmount),
		ConversionRate:     billing.FormatDecimal(p.ConversionRate),
	}
}

func feeItemOf(fee *billing.Fee, plan *billing.Plan) feeItemObject {
	item := feeItemObject{
		Type:               string(fee.Type),
		Code:               fee.ItemCode,
		Name:               fee.ItemName,
		InvoiceDisplayName: fee.DisplayName,
		GroupedBy:          fee.GroupedBy,
	}
	switch {
	case fee.Charge != nil:
		item.LagoItemID, item.ItemType = fee.Charge.Metric.ID, "BillableMetric"
		item.Description = orNull(fee.Charge.Metric.Description)
	case fee.AddOn != nil:
		item.LagoItemID, item.ItemType = fee.AddOn.ID, "AddOn"
		item.Description = orNull(fee.AddOn.Description)
	default:
		item.LagoItemID, item.ItemType = fee.SubscriptionID, "Subscription"
		item.Description = orNull(plan.Description)
	}
	if fee.Filter != nil {
		name := filterDisplayName(fee.FilterDisplayName, fee.Filter.Values)
		item.Filters, item.FilterInvoiceDisplayName = &fee.Filter.Values, &name
	}
	return item
}

// filterDisplayName is the filter's name on the invoice, or what it looks for.
func filterDisplayName(name string, wanted map[string][]string) string {
	if name != "" {
		return name
	}
	keys := slices.Sorted(maps.Keys(wanted))
	var values []string
	for _, key := range keys {
		for _, value := range wanted[key] {
			if value == billing.AllFilterValues {
				value = key
			}
			values = append(values, value)
		}
	}
	return strings.Join(values, ", ")
}

// feeObjects loads what the fees name.
func (a *api) feeObjects(ctx context.Context, organization uuid.UUID, fees []billing.Fee) ([]feeObject, error) {
	var feeIDs, customerIDs, subscriptionIDs []uuid.UUID
	for i := range fees {
		customerIDs = append(customerIDs, fees[i].CustomerID)
		if fees[i].SubscriptionID != uuid.Nil {
			subscriptionIDs = append(subscriptionIDs, fees[i].SubscriptionID)
		}
		if fees[i].Type == billing.ChargeFee && fees[i].TrueUpParentID == uuid.Nil {
			feeIDs = append(feeIDs, fees[i].ID)
		}
	}
	customers, err := a.DB.CustomersByID(ctx, organization, customerIDs)
	if err != nil {
		return nil, fmt.Errorf("cannot load customers of fees: %w", err)
	}
	subs, err := a.DB.SubscriptionsByID(ctx, organization, subscriptionIDs)
	if err != nil {
		return nil, fmt.Errorf("cannot load subscriptions of fees: %w", err)
	}
	plans, err := a.plansOf(ctx, organization, subs)
	if err != nil {
		return nil, err
	}
	trueUps, err := a.DB.TrueUpFees(ctx, organization, feeIDs)
	if err != nil {
		return nil, fmt.Errorf("cannot load true-ups of fees: %w", err)
	}
	return each(fees, func(fee *billing.Fee) feeObject {
		of := feeParties{customer: customers[fee.CustomerID], subscription: subs[fee.SubscriptionID], trueUpID: trueUps[fee.ID]}
		of.plan = plans[of.subscription.PlanID]
		return feeOf(fee, &of)
	}), nil
}

// plansOf loads the plans of subscriptions, by id.
func (a *api) plansOf(ctx context.Context, organization uuid.UUID, subs map[uuid.UUID]billing.Subscription) (map[uuid.UUID]billing.Plan, error) {
	var ids []uuid.UUID
	for _, s := range subs {
		ids = append(ids, s.PlanID)
	}
	plans, err := a.DB.PlansByID(ctx, organization, ids)
	if err != nil {
		return nil, fmt.Errorf("cannot load plans of fees: %w", err)
	}
	return plans, nil
}

// listFees is GET /fees: oldest first.
func (a *api) listFees(ctx context.Context, r request) (any, error) {
	p := r.params()
	filter := readFeeFilter(p)
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	fees, total, err := a.DB.Fees(ctx, r.organization.ID, filter, page)
	if err != nil {
		return nil, err
	}
	objects, err := a.feeObjects(ctx, r.organization.ID, fees)
	if err != nil {
		return nil, err
	}
	return struct {
		Fees []feeObject `json:"fees"`
		Meta meta        `json:"meta"`
	}{objects, metaOf(page, total)}, nil
}

func readFeeFilter(p params) postgres.FeeFilter {
	filter := postgres.FeeFilter{
		CustomerExternalID:     p.text("external_customer_id"),
		SubscriptionExternalID: p.text("external_subscription_id"),
		Type:                   billing.FeeType(p.choice("fee_type", "charge", "fixed_charge", "add_on", "subscription", "credit", "commitment")),
		MetricCode:             p.text("billable_metric_code"),
		Currency:               billing.Currency(p.text("currency")),
		PaymentStatus:          billing.PaymentStatus(p.choice("payment_status", "pending", "succeeded", "failed", "refunded")),
	}
	if from, ok := p.instant("created_at_from"); ok {
		filter.CreatedFrom = &from
	}
	if to, ok := p.instant("created_at_to"); ok {
		filter.CreatedTo = &to
	}
	p.notYet("event_transaction_id", "succeeded_at_from", "succeeded_at_to", "failed_at_from", "failed_at_to",
		"refunded_at_from", "refunded_at_to")
	return filter
}

// showFee is GET /fees/{lago_id}: the fee, and how it came about.
func (a *api) showFee(ctx context.Context, r request) (any, error) {
	id, err := r.pathUUID("lago_id", "fee")
	if err != nil {
		return nil, err
	}
	fee, err := a.DB.Fee(ctx, r.organization.ID, id)
	if err != nil {
		return nil, err
	}
	objects, err := a.feeObjects(ctx, r.organization.ID, []billing.Fee{fee})
	if err != nil {
		return nil, err
	}
	explained, err := a.explainFee(ctx, &fee, &objects[0])
	if err != nil {
		return nil, fmt.Errorf("cannot explain fee %s: %w", id, err)
	}
	return struct {
		Fee feeExplainedObject `json:"fee"`
	}{feeExplainedObject{objects[0], explained}}, nil
}
