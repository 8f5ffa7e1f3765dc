package api

import (
	"context"
	"math"

	"github.com/google/uuid"

	"weir/billing"
)

// addOnObject is Lago's AddOnObject.
type addOnObject struct {
	LagoID             uuid.UUID   `json:"lago_id"`
	Name               string      `json:"name"`
	InvoiceDisplayName *string     `json:"invoice_display_name"`
	Code               string      `json:"code"`
	AmountCents        int64       `json:"amount_cents"`
	AmountCurrency     string      `json:"amount_currency"`
	Description        *string     `json:"description"`
	CreatedAt          string      `json:"created_at"`
	Taxes              []taxObject `json:"taxes"`
}

func addOnOf(a *billing.AddOn) addOnObject {
	return addOnObject{
		LagoID:             a.ID,
		Name:               a.Name,
		InvoiceDisplayName: orNull(a.InvoiceDisplayName),
		Code:               a.Code,
		AmountCents:        a.AmountCents,
		AmountCurrency:     string(a.Currency),
		Description:        orNull(a.Description),
		CreatedAt:          stamp(a.CreatedAt),
		Taxes:              each(a.Taxes, taxOf),
	}
}

type addOnAnswer struct {
	AddOn addOnObject `json:"add_on"`
}

// createAddOn is POST /add_ons.
func (a *api) createAddOn(ctx context.Context, r request) (any, error) {
	f, err := r.form("add_on")
	if err != nil {
		return nil, err
	}
	var addOn billing.AddOn
	readAddOn(f, &addOn)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	addOn.ID, addOn.OrganizationID = newID(), r.organization.ID
	addOn.CreatedAt, addOn.UpdatedAt = now, now
	if err := a.DB.CreateAddOn(ctx, &addOn); err != nil {
		return nil, err
	}
	return addOnAnswer{addOnOf(&addOn)}, nil
}

// readAddOn takes over what a request says of an add-on, new or not.
func readAddOn(f form, a *billing.AddOn) {
	f.demand(&a.Name, "name")
	f.demand(&a.Code, "code")
	f.into(&a.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	f.into(&a.Description, "description", descriptionBytesMax)
	if a.ID == uuid.Nil || f.has("amount_cents") {
		a.AmountCents, _ = f.integer("amount_cents", 1, math.MaxInt64)
		f.mustGive("amount_cents")
	}
	readAmountCurrency(f, &a.Currency)
	a.Taxes = readTaxCodes(f, a.Taxes)
}

// readAmountCurrency reads amount_currency, which must be said unless there is one already.
func readAmountCurrency(f form, dst *billing.Currency) {
	currency := string(*dst)
	f.demand(&currency, "amount_currency")
	if *dst = billing.Currency(currency); currency != "" && !dst.Valid() {
		f.fault("amount_currency", billing.CodeInvalidCurrency)
	}
}

// updateAddOn is PUT /add_ons/{code}. Its price and currency do not matter to fixed charges,
// which have prices of their own.
func (a *api) updateAddOn(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "add_on")
	if err != nil {
		return nil, err
	}
	f, err := r.form("add_on")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	addOn, err := a.DB.UpdateAddOn(ctx, r.organization.ID, code, now, func(addOn *billing.AddOn) error {
		readAddOn(f, addOn)
		return f.faults.err()
	})
	if err != nil {
		return nil, err
	}
	return addOnAnswer{addOnOf(&addOn)}, nil
}

// deleteAddOn is DELETE /add_ons/{code}: the fixed charges of plans on it go, too, as in Lago.
func (a *api) deleteAddOn(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "add_on")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	addOn, err := a.DB.DeleteAddOn(ctx, r.organization.ID, code, now)
	if err != nil {
		return nil, err
	}
	return addOnAnswer{addOnOf(&addOn)}, nil
}

// listAddOns is GET /add_ons.
func (a *api) listAddOns(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	addOns, total, err := a.DB.AddOns(ctx, r.organization.ID, page)
	if err != nil {
		return nil, err
	}
	return struct {
		AddOns []addOnObject `json:"add_ons"`
		Meta   meta          `json:"meta"`
	}{each(addOns, addOnOf), metaOf(page, total)}, nil
}

// showAddOn is GET /add_ons/{code}.
func (a *api) showAddOn(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "add_on")
	if err != nil {
		return nil, err
	}
	addOn, err := a.DB.AddOn(ctx, r.organization.ID, code)
	if err != nil {
		return nil, err
	}
	return addOnAnswer{addOnOf(&addOn)}, nil
}
