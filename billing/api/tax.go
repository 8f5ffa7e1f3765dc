package api

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
)

// Limits of a tax.
const (
	taxRateMax    = 1000 // percent
	taxRatePlaces = 10   // digits after the point
	taxCodesMax   = 100  // taxes of one thing
)

// taxObject is Lago's TaxObject.
type taxObject struct {
	LagoID                uuid.UUID      `json:"lago_id"`
	Name                  string         `json:"name"`
	Code                  string         `json:"code"`
	Rate                  jsontext.Value `json:"rate"` // percent, a number
	Description           *string        `json:"description"`
	AppliedToOrganization bool           `json:"applied_to_organization"`

	// Deprecated counters: always 0, as in Lago.
	AddOnsCount    int `json:"add_ons_count"`
	CustomersCount int `json:"customers_count"`
	PlansCount     int `json:"plans_count"`
	ChargesCount   int `json:"charges_count"`

	CreatedAt string `json:"created_at"`
}

func taxOf(t *billing.Tax) taxObject {
	return taxObject{
		LagoID:                t.ID,
		Name:                  t.Name,
		Code:                  t.Code,
		Rate:                  number(t.Rate),
		Description:           orNull(t.Description),
		AppliedToOrganization: t.AppliedToOrganization,
		CreatedAt:             stamp(t.CreatedAt),
	}
}

type taxAnswer struct {
	Tax taxObject `json:"tax"`
}

// createTax is POST /taxes.
func (a *api) createTax(ctx context.Context, r request) (any, error) {
	f, err := r.form("tax")
	if err != nil {
		return nil, err
	}
	var tax billing.Tax
	readTax(f, &tax)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	tax.ID, tax.OrganizationID = newID(), r.organization.ID
	tax.CreatedAt, tax.UpdatedAt = now, now
	if err := a.DB.CreateTax(ctx, &tax); err != nil {
		return nil, err
	}
	return taxAnswer{taxOf(&tax)}, nil
}

// readTax takes over what a request says of a tax, new or not.
func readTax(f form, t *billing.Tax) {
	f.demand(&t.Name, "name")
	f.demand(&t.Code, "code")
	f.into(&t.Description, "description", descriptionBytesMax)
	if t.ID == uuid.Nil || f.has("rate") {
		t.Rate, _ = f.decimal("rate", taxRateMax, taxRatePlaces)
		f.mustGive("rate")
	}
	if applied, ok := f.boolean("applied_to_organization"); ok {
		t.AppliedToOrganization = applied
	}
}

// updateTax is PUT /taxes/{code}. It covers what is not billed yet: an invoice keeps its
// taxes as they were.
func (a *api) updateTax(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "tax")
	if err != nil {
		return nil, err
	}
	f, err := r.form("tax")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	tax, err := a.DB.UpdateTax(ctx, r.organization.ID, code, now, func(t *billing.Tax) error {
		readTax(f, t)
		return f.faults.err()
	})
	if err != nil {
		return nil, err
	}
	return taxAnswer{taxOf(&tax)}, nil
}

// deleteTax is DELETE /taxes/{code}: it is taken off everything that it holds for.
func (a *api) deleteTax(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "tax")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	tax, err := a.DB.DeleteTax(ctx, r.organization.ID, code, now)
	if err != nil {
		return nil, err
	}
	return taxAnswer{taxOf(&tax)}, nil
}

// listTaxes is GET /taxes.
func (a *api) listTaxes(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	taxes, total, err := a.DB.Taxes(ctx, r.organization.ID, page)
	if err != nil {
		return nil, err
	}
	return struct {
		Taxes []taxObject `json:"taxes"`
		Meta  meta        `json:"meta"`
	}{each(taxes, taxOf), metaOf(page, total)}, nil
}

// showTax is GET /taxes/{code}.
func (a *api) showTax(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "tax")
	if err != nil {
		return nil, err
	}
	tax, err := a.DB.Tax(ctx, r.organization.ID, code)
	if err != nil {
		return nil, err
	}
	return taxAnswer{taxOf(&tax)}, nil
}

// readTaxCodes returns the taxes that a request names in tax_codes, in their order; when it
// names none by that member, or null, what there was before. Of those that are named only
// the code is filled in: who writes them finds the rest.
func readTaxCodes(f form, before []billing.Tax) []billing.Tax {
	if _, given := f.given("tax_codes"); !given {
		return before
	}
	codes := distinct(f.texts("tax_codes", taxCodesMax))
	taxes := make([]billing.Tax, len(codes))
	for i, code := range codes {
		taxes[i].Code = code
	}
	return taxes
}
