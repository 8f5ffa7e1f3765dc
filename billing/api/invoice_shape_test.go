package api_test

import (
	"fmt"
	"testing"
)

// What Lago's specification says of each object; what its server has besides, and what is
// ours, stands in a line of its own, the last.
const (
	invoiceShape = `lago_id:uuid billing_entity_code:str sequential_id:int number:str issuing_date:str payment_dispute_lost_at:ts?
		payment_due_date:str payment_overdue:bool net_payment_term:int invoice_type:str status:str payment_status:str currency:str
		fees_amount_cents:int coupons_amount_cents:int credit_notes_amount_cents:int sub_total_excluding_taxes_amount_cents:int
		taxes_amount_cents:int sub_total_including_taxes_amount_cents:int prepaid_credit_amount_cents:int
		prepaid_granted_credit_amount_cents:int? prepaid_purchased_credit_amount_cents:int? progressive_billing_credit_amount_cents:int
		total_amount_cents:int version_number:int self_billed:bool file_url:str? web_url:str? created_at:ts updated_at:ts
		customer:obj metadata:list applied_taxes:list
		purchase_order_number:str? total_due_amount_cents:int total_paid_amount_cents:int
		total_offsetted_credit_note_amount_cents:int voided_at:ts? xml_url:str? taxes_rate:num`
	invoiceExtendedShape = invoiceShape + ` billing_periods:list credits:list fees:list subscriptions:list error_details:list
		applied_invoice_custom_sections:list applied_usage_thresholds:list`
	billingPeriodShape = `lago_subscription_id:uuid external_subscription_id:str lago_plan_id:uuid subscription_from_datetime:ts
		subscription_to_datetime:ts charges_from_datetime:ts charges_to_datetime:ts invoicing_reason:str
		fixed_charges_from_datetime:ts fixed_charges_to_datetime:ts`
	appliedTaxShape = `lago_id:uuid lago_tax_id:uuid? tax_name:str tax_code:str tax_rate:num tax_description:str? amount_cents:int
		amount_currency:str created_at:ts`
	feeShape = `lago_id:uuid? lago_charge_id:uuid? lago_charge_filter_id:uuid? lago_fixed_charge_id:uuid? lago_invoice_id:uuid?
		lago_true_up_fee_id:uuid? lago_true_up_parent_fee_id:uuid? lago_subscription_id:uuid? lago_customer_id:uuid?
		external_customer_id:str? external_subscription_id:str? amount_cents:int precise_amount:dec precise_total_amount:dec
		amount_currency:str taxes_amount_cents:int taxes_precise_amount:dec taxes_rate:num units:dec precise_unit_amount:dec
		total_aggregated_units:dec total_amount_cents:int total_amount_currency:str events_count:int? pay_in_advance:bool
		invoiceable:bool from_date:ts? to_date:ts? payment_status:str created_at:ts? succeeded_at:ts? failed_at:ts? refunded_at:ts?
		event_transaction_id:str? description:str? precise_coupons_amount_cents:dec sub_total_excluding_taxes_amount_cents:int
		sub_total_excluding_taxes_precise_amount_cents:dec amount_details:obj self_billed:bool item:obj applied_taxes:list
		pricing_unit_details:obj? presentation_breakdowns:list
		lago_original_fee_id:uuid?`
	feeItemShape = `type:str code:str name:str description:str? invoice_display_name:str filter_invoice_display_name:str? filters:obj?
		lago_item_id:uuid item_type:str grouped_by:obj`
	pricingUnitDetailsShape = `lago_pricing_unit_id:uuid pricing_unit_code:str short_name:str amount_cents:int precise_amount_cents:dec
		unit_amount_cents:int precise_unit_amount:dec conversion_rate:dec`
	customerUsageShape = `from_datetime:ts to_datetime:ts issuing_date:str lago_invoice_id:uuid? currency:str amount_cents:int
		taxes_amount_cents:int total_amount_cents:int charges_usage:list`
	chargeUsageShape = `units:dec events_count:int amount_cents:int amount_currency:str pricing_unit_details:obj? charge:obj
		billable_metric:obj filters:list grouped_usage:list presentation_breakdowns:list`
	usagePricingUnitShape = `amount_cents:int short_name:str conversion_rate:dec`
)

// Invoices, fees and usage have the members of Lago's specification, each of its kind: number
// or text.
func TestInvoiceShapes(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.subscribePriced(t)
	get := func(path string, at ...any) any {
		t.Helper()
		return dig(t, exactly(t, s.send(t, s.mine, "GET", "/api/v1"+path, nil).raw), at...)
	}
	const ofSub = "?external_subscription_id=sub"
	current := get("/customers/acme/current_usage"+ofSub, "customer_usage")
	shaped(t, "current usage", current, customerUsageShape)
	projected := get("/customers/acme/projected_usage"+ofSub, "customer_projected_usage")
	shaped(t, "projected usage", projected, customerUsageShape+` projected_amount_cents:int`)
	for i := range 3 { // the charges
		shaped(t, "charge usage", dig(t, current, "charges_usage", i), chargeUsageShape+` total_aggregated_units:dec`)
		shaped(t, "projected charge usage", dig(t, projected, "charges_usage", i),
			chargeUsageShape+` projected_units:dec projected_amount_cents:int projected_presentation_breakdowns:list`)
	}
	shaped(t, "pricing unit of usage", dig(t, current, "charges_usage", 2, "pricing_unit_details"), usagePricingUnitShape)
	shaped(t, "pricing unit of projected usage", dig(t, projected, "charges_usage", 2, "pricing_unit_details"), usagePricingUnitShape)

	s.clock(t, "2024-04-01T00:00:00Z")
	s.must(t, "POST", "/invoices", oneOffBody(nil, object{"add_on_code": "setup"}))
	shaped(t, "past usage", get("/customers/acme/past_usage"+ofSub, "usage_periods", 0), customerUsageShape)
	counts := make(map[string]int)
	for _, listed := range get("/invoices", "invoices").([]any) {
		shaped(t, "invoice in the list", listed, invoiceShape)
		invoice := get(fmt.Sprint("/invoices/", dig(t, listed, "lago_id")), "invoice")
		shaped(t, "invoice", invoice, invoiceExtendedShape)
		for _, tax := range dig(t, invoice, "applied_taxes").([]any) {
			shaped(t, "tax of an invoice", tax, appliedTaxShape+` lago_invoice_id:uuid fees_amount_cents:int`)
		}
		for _, period := range dig(t, invoice, "billing_periods").([]any) {
			shaped(t, "billing period", period, billingPeriodShape)
		}
		for _, fee := range dig(t, invoice, "fees").([]any) {
			kind := fmt.Sprint(dig(t, fee, "item", "type"))
			counts[kind]++
			shaped(t, kind+" fee", fee, feeShape)
			shaped(t, "item of a "+kind+" fee", dig(t, fee, "item"), feeItemShape)
			for _, tax := range dig(t, fee, "applied_taxes").([]any) {
				shaped(t, "tax of a fee", tax, appliedTaxShape+` lago_fee_id:uuid`)
			}
			if details := dig(t, fee, "pricing_unit_details"); details != nil {
				shaped(t, "pricing unit of a fee", details, pricingUnitDetailsShape)
			}
			shaped(t, kind+" fee by itself", get(fmt.Sprint("/fees/", dig(t, fee, "lago_id")), "fee"), feeShape+` weir:obj`)
		}
	}
	if got, want := fmt.Sprint(counts), "map[add_on:1 charge:4 commitment:1 fixed_charge:1 subscription:1]"; got != want {
		t.Errorf("fees were %s, want %s", got, want)
	}
}
