package billing

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// InvoiceTypeOneOff is the type of an invoice for add-ons, without a subscription.
const InvoiceTypeOneOff = "one_off"

// OneOff is what a one-off invoice is made from.
type OneOff struct {
	Organization *Organization
	Customer     *Customer      // with its taxes
	Location     *time.Location // the customer's; see Location
	// OrganizationTaxes are those that hold where nothing else is said.
	OrganizationTaxes []Tax
	// Currency is that of the invoice; "": the customer's, or if it has none that of the first add-on.
	Currency Currency
	Items    []OneOffItem     // in the order they shall have
	Now      time.Time        // when the invoice is made
	NewID    func() uuid.UUID // makes the ids of invoice, fees and taxes
}

// OneOffItem is one line of a one-off invoice: an add-on, and in what it differs from the catalog.
type OneOffItem struct {
	AddOn           *AddOn           // with its taxes
	Units           *decimal.Decimal // nil: 1
	UnitAmountCents *int64           // price of one unit; nil: the add-on's
	DisplayName     string           // invoice_display_name; "": the add-on's
	Description     string           // "": the add-on's
	Taxes           []Tax            // those and no others, also if there are none; nil: those of the hierarchy
	Period          Period           // what it is for; a bound that is zero: Now
}

// AssembleOneOff makes a finalized one-off invoice of fees and taxes alone, without its number
// (postgres.CreateOneOffInvoice gives it one). The errors are the caller's: there are no
// items (fees_not_found), something of an item is out of range, or the invoice is in another
// currency than the price of an add-on that it would use.
func AssembleOneOff(o OneOff) (*Invoice, error) {
	if len(o.Items) == 0 {
		return nil, NotFound("fees")
	}
	a := Assembly{
		Organization: o.Organization, Customer: o.Customer, Location: o.Location,
		OrganizationTaxes: o.OrganizationTaxes, Now: o.Now, NewID: o.NewID,
	}
	inv := a.newInvoice(InvoiceTypeOneOff, cmp.Or(o.Currency, o.Customer.Currency, o.Items[0].AddOn.Currency), o.Now)
	for i := range o.Items {
		fee, err := a.addOnFee(inv, &o.Items[i], fmt.Sprintf("fees.%d.", i))
		if err != nil {
			return nil, err
		}
		inv.Fees = append(inv.Fees, fee)
	}
	if err := inv.settle(a.taxer()); err != nil {
		return nil, Invalid("fees", CodeOutOfRange)
	}
	return inv, nil
}

// addOnFee makes the fee of a line. path is how the line is named in faults.
func (a *Assembly) addOnFee(inv *Invoice, item *OneOffItem, path string) (Fee, error) {
	addOn := item.AddOn
	fee := a.newItem(inv)
	fee.Type, fee.AddOn = AddOnFee, addOn
	fee.Units = decimal.NewFromInt(1)
	if item.Units != nil {
		fee.Units = *item.Units
	}
	fee.TotalUnits = fee.Units
	unitCents := addOn.AmountCents
	switch {
	case item.UnitAmountCents != nil:
		unitCents = *item.UnitAmountCents
	case addOn.Currency != inv.Currency: // Lago takes 10.00 EUR for 10.00 USD
		return fee, Invalid("currency", CodeCurrenciesDiffer)
	}
	if fee.Units.IsNegative() || !validPrice(Amount{fee.Units}) {
		return fee, Invalid(path+"units", CodeOutOfRange)
	}
	if unitCents < 0 {
		return fee, Invalid(path+"unit_amount_cents", CodeOutOfRange)
	}
	fee.UnitAmount = FromCents(unitCents, inv.Currency)
	fee.PreciseAmount = decimal.NewFromInt(unitCents).Mul(fee.Units)
	var err error
	if fee.AmountCents, err = roundCents(fee.PreciseAmount); err != nil {
		return fee, Invalid(path+"units", CodeOutOfRange)
	}
	fee.AmountDetails = mustJSON(struct{}{})
	fee.ItemCode, fee.ItemName = addOn.Code, addOn.Name
	fee.DisplayName = cmp.Or(item.DisplayName, addOn.InvoiceDisplayName, addOn.Name)
	fee.Description = firstNonEmpty(item.Description, addOn.Description)
	if fee.Period, err = item.period(a.Now, path); err != nil {
		return fee, err
	}
	a.chooseItemTaxes(&fee, item)
	return fee, nil
}

// period returns what the line is for.
func (item *OneOffItem) period(now time.Time, path string) (Period, error) {
	p := item.Period
	if p.From.IsZero() {
		p.From = now
	}
	if p.To.IsZero() {
		p.To = later(now, p.From)
	}
	if p.To.Before(p.From) {
		return p, Invalid(path+"to_datetime", CodeInvalidDate)
	}
	return p, nil
}

// chooseItemTaxes puts taxes on the fee of a line.
func (a *Assembly) chooseItemTaxes(fee *Fee, item *OneOffItem) {
	x := a.taxer()
	if item.Taxes != nil {
		fee.Taxes = x.applied(item.Taxes)
		return
	}
	x.choose(fee, item.AddOn.Taxes)
}
