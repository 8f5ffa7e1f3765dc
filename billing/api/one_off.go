package api

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"weir/billing"
)

// Limits of a one-off invoice.
const (
	oneOffFeesMax     = 1000
	oneOffUnitsMax    = 1_000_000_000_000_000 // units of one fee
	oneOffUnitsPlaces = 15                    // digits after the point
)

// oneOffRequest is a one-off invoice as a request names it.
type oneOffRequest struct {
	customer            string // external_id
	currency            billing.Currency
	purchaseOrderNumber string
	fees                []oneOffFee
}

// oneOffFee is one fee as a request names it.
type oneOffFee struct {
	form      form
	addOnCode string
	item      billing.OneOffItem // without its add-on; of the taxes only the codes
}

// createOneOffInvoice is POST /invoices: an invoice of add-ons, final at once.
func (a *api) createOneOffInvoice(ctx context.Context, r request) (any, error) {
	f, err := r.form("invoice")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	asked := readOneOff(f, now)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	customer, err := a.DB.Customer(ctx, r.organization.ID, asked.customer)
	if err != nil {
		return nil, err
	}
	o := billing.OneOff{Organization: &r.organization, Customer: &customer, Currency: asked.currency, Now: now, NewID: newID}
	if err := a.completeOneOff(ctx, &o, asked.fees); err != nil {
		return nil, err
	}
	inv, err := billing.AssembleOneOff(o)
	if err != nil {
		return nil, err
	}
	inv.PurchaseOrderNumber = asked.purchaseOrderNumber
	if err := a.settleCustomer(ctx, &customer, inv.Currency, now); err != nil {
		return nil, err
	}
	if err := a.DB.CreateOneOffInvoice(ctx, inv, now); err != nil {
		return nil, err
	}
	return a.invoiceAnswer(ctx, &r.organization, inv.ID)
}

// readOneOff reads a one-off invoice that is made now.
func readOneOff(f form, now time.Time) oneOffRequest {
	asked := oneOffRequest{currency: readCurrency(f), fees: readOneOffFees(f, now)}
	asked.customer, _ = f.text("external_customer_id", textBytesMax)
	if number := readPurchaseOrderNumber(f); number != nil {
		asked.purchaseOrderNumber = *number
	}
	f.notYet("skip_psp", "payment_method", "invoice_custom_section")
	f.notYetUnless("billing_entity_code", `"`+billingEntityDefault+`"`)
	return asked
}

// readCurrency returns the currency that a request names, "" when it names none.
func readCurrency(f form) billing.Currency {
	text, _ := f.text("currency", textBytesMax)
	currency := billing.Currency(text)
	if text != "" && !currency.Valid() {
		f.fault("currency", billing.CodeInvalidCurrency)
		return ""
	}
	return currency
}

// readOneOffFees reads the fees of a one-off invoice.
func readOneOffFees(f form, now time.Time) []oneOffFee {
	var fees []oneOffFee
	for _, o := range f.objects("fees", oneOffFeesMax) {
		fee := oneOffFee{form: o}
		fee.addOnCode, _ = o.text("add_on_code", textBytesMax)
		o.into(&fee.item.DisplayName, "invoice_display_name", textBytesMax)
		o.into(&fee.item.Description, "description", descriptionBytesMax)
		if units, ok := o.decimal("units", oneOffUnitsMax, oneOffUnitsPlaces); ok {
			fee.item.Units = &units
		}
		if cents, ok := o.integer("unit_amount_cents", 0, math.MaxInt64); ok {
			fee.item.UnitAmountCents = &cents
		}
		fee.item.Taxes = readTaxCodes(o, nil)
		fee.item.Period = readOneOffPeriod(o, now)
		o.notYet("skip_psp")
		fees = append(fees, fee)
	}
	return fees
}

// readOneOffPeriod reads what a fee is for: a bound that is not given is now. to_datetime is the
// last instant, as in Lago.
func readOneOffPeriod(f form, now time.Time) billing.Period {
	first, last := now, now
	if from, ok := f.instant("from_datetime"); ok {
		first = from
	}
	if to, ok := f.instant("to_datetime"); ok {
		last = to
	}
	if last.Before(first) {
		f.fault("to_datetime", billing.CodeInvalidDate)
	}
	return billing.Period{From: first, To: last.Add(time.Millisecond)}
}

// completeOneOff loads what the fees name.
func (a *api) completeOneOff(ctx context.Context, o *billing.OneOff, fees []oneOffFee) (err error) {
	if len(fees) == 0 {
		return billing.NotFound("fees")
	}
	organization := o.Organization.ID
	if o.Location, err = billing.Location(o.Customer, o.Organization); err != nil {
		return err
	}
	if o.OrganizationTaxes, err = a.DB.OrganizationTaxes(ctx, organization); err != nil {
		return fmt.Errorf("cannot load the organization's taxes: %w", err)
	}
	addOns, err := a.addOnsOf(ctx, organization, fees)
	if err != nil {
		return err
	}
	taxes, err := a.taxesOf(ctx, organization, fees)
	if err != nil {
		return err
	}
	if o.Currency == "" {
		o.Currency = o.Customer.Currency
	}
	for i := range fees {
		item := fees[i].item
		item.AddOn = addOns[fees[i].addOnCode]
		if o.Currency == "" {
			o.Currency = item.AddOn.Currency
		}
		if item.UnitAmountCents == nil && item.AddOn.Currency != o.Currency {
			fees[i].form.fault("add_on_code", codeOtherCurrency) // its price is in another
		}
		for j := range item.Taxes {
			item.Taxes[j] = taxes[item.Taxes[j].Code]
		}
		o.Items = append(o.Items, item)
	}
	return fees[0].form.faults.err()
}

// addOnsOf loads the add-ons of the fees, by code. It is add_on_not_found if there is one less.
func (a *api) addOnsOf(ctx context.Context, organization uuid.UUID, fees []oneOffFee) (map[string]*billing.AddOn, error) {
	var codes []string
	for i := range fees {
		codes = append(codes, fees[i].addOnCode)
	}
	found, err := a.DB.AddOnsByCode(ctx, organization, distinct(codes))
	if err != nil {
		return nil, err
	}
	addOns := make(map[string]*billing.AddOn, len(found))
	for i := range fees {
		addOn, ok := found[fees[i].addOnCode]
		if !ok {
			return nil, billing.NotFound("add_on")
		}
		addOns[addOn.Code] = &addOn
	}
	return addOns, nil
}

// taxesOf loads the taxes that the fees name, by code. It is tax_not_found if there is one less.
func (a *api) taxesOf(ctx context.Context, organization uuid.UUID, fees []oneOffFee) (map[string]billing.Tax, error) {
	var codes []string
	for i := range fees {
		for j := range fees[i].item.Taxes {
			codes = append(codes, fees[i].item.Taxes[j].Code)
		}
	}
	if len(codes) == 0 {
		return nil, nil
	}
	taxes, err := a.DB.TaxesByCode(ctx, organization, distinct(codes))
	if err != nil {
		return nil, err
	}
	byCode := make(map[string]billing.Tax, len(taxes))
	for i := range taxes {
		byCode[taxes[i].Code] = taxes[i]
	}
	return byCode, nil
}
