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
	LagoSubscriptionID                       uuid.UUID            `json:"lago_subscription_id"`
	LagoCustomerID                           uuid.UUID            `json:"lago_customer_id"`
	ExternalCustomerID                       string               `json:"external_customer_id"`
	ExternalSubscriptionID                   string               `json:"external_subscription_id"`
	Item                                     feeItemObject        `json:"item"`
	PayInAdvance                             bool                 `json:"pay_in_advance"`
	Invoiceable                              bool                 `json:"invoiceable"`
	AmountCents                              int64                `json:"amount_cents"`
	AmountCurrency                           string               `json:"amount_currency"`
	PreciseAmount                            string               `json:"precise_amount"`
	PreciseTotalAmount                       string               `json:"precise_total_amount"`
	TaxesAmountCents                         int64                `json:"taxes_amount_cents"`
	TaxesPreciseAmount                       string               `json:"taxes_precise_amount"`
	TaxesRate                                int                  `json:"taxes_rate"`
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
	PricingUnitDetails                       *struct{}            `json:"pricing_unit_details"`
	PresentationBreakdowns                   []presentationObject `json:"presentation_breakdowns"`
	AppliedTaxes                             none                 `json:"applied_taxes"`
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

func feeOf(fee *billing.Fee, customer *billing.Customer, s *billing.Subscription, plan *billing.Plan) feeObject {
	o := feeObject{
		LagoID:                                   fee.ID,
		LagoInvoiceID:                            fee.InvoiceID,
		LagoSubscriptionID:                       fee.SubscriptionID,
		LagoCustomerID:                           fee.CustomerID,
		ExternalCustomerID:                       customer.ExternalID,
		ExternalSubscriptionID:                   s.ExternalID,
		Item:                                     feeItemOf(fee),
		Invoiceable:                              true,
		AmountCents:                              fee.AmountCents,
		AmountCurrency:                           string(fee.Currency),
		TaxesAmountCents:                         fee.TaxesCents,
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
		PresentationBreakdowns: each(fee.Presentation, func(part *billing.PresentationUsage) presentationObject {
			return presentationObject{part.PresentedBy, billing.FormatDecimal(part.Units)}
		}),
	}
	o.PayInAdvance = fee.Type == billing.SubscriptionFee && plan.PayInAdvance
	o.FromDate, o.ToDate = periodBounds(fee.Period, s.TerminatedAt)
	o.setPrecise(fee)
	if fee.Charge != nil {
		o.LagoChargeID = &fee.Charge.ID
	}
	if fee.Filter != nil {
		o.LagoChargeFilterID = &fee.Filter.ID
	}
	return o
}

// setPrecise prints the amounts in currency units, before rounding.
func (o *feeObject) setPrecise(fee *billing.Fee) {
	digits := fee.Currency.Digits()
	taxes := decimal.New(fee.TaxesCents, -digits)
	amount := fee.PreciseAmount.Shift(-digits)
	o.PreciseAmount = billing.FormatDecimal(amount)
	o.TaxesPreciseAmount = billing.FormatDecimal(taxes)
	o.PreciseTotalAmount = billing.FormatDecimal(amount.Add(taxes))
}

func feeItemOf(fee *billing.Fee) feeItemObject {
	item := feeItemObject{
		Type:               string(fee.Type),
		Code:               fee.ItemCode,
		Name:               fee.ItemName,
		InvoiceDisplayName: fee.DisplayName,
		LagoItemID:         fee.SubscriptionID,
		ItemType:           "Subscription",
		GroupedBy:          fee.GroupedBy,
	}
	if fee.Charge != nil {
		item.LagoItemID, item.ItemType = fee.Charge.Metric.ID, "BillableMetric"
		item.Description = orNull(fee.Charge.Metric.Description)
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
	var customerIDs, subscriptionIDs []uuid.UUID
	for i := range fees {
		customerIDs = append(customerIDs, fees[i].CustomerID)
		subscriptionIDs = append(subscriptionIDs, fees[i].SubscriptionID)
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
	return each(fees, func(fee *billing.Fee) feeObject {
		customer, sub := customers[fee.CustomerID], subs[fee.SubscriptionID]
		plan := plans[sub.PlanID]
		return feeOf(fee, &customer, &sub, &plan)
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
		Type:                   billing.FeeType(p.text("fee_type")),
		MetricCode:             p.text("billable_metric_code"),
		Currency:               billing.Currency(p.text("currency")),
		PaymentStatus:          billing.PaymentStatus(p.text("payment_status")),
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

// showFee is GET /fees/{lago_id}.
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
	return struct {
		Fee feeObject `json:"fee"`
	}{objects[0]}, nil
}
