package api

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"weir/billing"
)

// shortNameCharsMax is the longest short name of a pricing unit, in characters.
const shortNameCharsMax = 3

// pricingUnitObject is what charges may be priced in instead of a currency. Its routes are
// ours: Lago has it in its user interface only.
type pricingUnitObject struct {
	LagoID      uuid.UUID `json:"lago_id"`
	Code        string    `json:"code"`
	Name        string    `json:"name"`
	ShortName   string    `json:"short_name"`
	Description *string   `json:"description"`
	CreatedAt   string    `json:"created_at"`
}

func pricingUnitOf(u *billing.PricingUnit) pricingUnitObject {
	return pricingUnitObject{u.ID, u.Code, u.Name, u.ShortName, orNull(u.Description), stamp(u.CreatedAt)}
}

type pricingUnitAnswer struct {
	PricingUnit pricingUnitObject `json:"pricing_unit"`
}

// createPricingUnit is POST /pricing_units.
func (a *api) createPricingUnit(ctx context.Context, r request) (any, error) {
	f, err := r.form("pricing_unit")
	if err != nil {
		return nil, err
	}
	var unit billing.PricingUnit
	readPricingUnit(f, &unit)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	unit.ID, unit.OrganizationID = newID(), r.organization.ID
	unit.CreatedAt, unit.UpdatedAt = now, now
	if err := a.DB.CreatePricingUnit(ctx, &unit); err != nil {
		return nil, err
	}
	return pricingUnitAnswer{pricingUnitOf(&unit)}, nil
}

// readPricingUnit takes over what a request says of a pricing unit, new or not.
func readPricingUnit(f form, u *billing.PricingUnit) {
	f.demand(&u.Name, "name")
	f.demand(&u.Code, "code")
	f.demand(&u.ShortName, "short_name")
	if utf8.RuneCountInString(u.ShortName) > shortNameCharsMax {
		f.overLimit("short_name", billing.CodeTooLong, fmt.Sprintf("at most %d characters", shortNameCharsMax))
	}
	f.into(&u.Description, "description", descriptionBytesMax)
}

// updatePricingUnit is PUT /pricing_units/{code}.
func (a *api) updatePricingUnit(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "pricing_unit")
	if err != nil {
		return nil, err
	}
	f, err := r.form("pricing_unit")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	unit, err := a.DB.UpdatePricingUnit(ctx, r.organization.ID, code, now, func(u *billing.PricingUnit) error {
		readPricingUnit(f, u)
		return f.faults.err()
	})
	if err != nil {
		return nil, err
	}
	return pricingUnitAnswer{pricingUnitOf(&unit)}, nil
}

// deletePricingUnit is DELETE /pricing_units/{code}. One that a charge is priced in stays.
func (a *api) deletePricingUnit(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "pricing_unit")
	if err != nil {
		return nil, err
	}
	now, err := a.now(ctx, r.organization.ID)
	if err != nil {
		return nil, err
	}
	unit, err := a.DB.DeletePricingUnit(ctx, r.organization.ID, code, now)
	if err != nil {
		return nil, err
	}
	return pricingUnitAnswer{pricingUnitOf(&unit)}, nil
}

// listPricingUnits is GET /pricing_units.
func (a *api) listPricingUnits(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	units, total, err := a.DB.PricingUnits(ctx, r.organization.ID, page)
	if err != nil {
		return nil, err
	}
	return struct {
		PricingUnits []pricingUnitObject `json:"pricing_units"`
		Meta         meta                `json:"meta"`
	}{each(units, pricingUnitOf), metaOf(page, total)}, nil
}

// showPricingUnit is GET /pricing_units/{code}.
func (a *api) showPricingUnit(ctx context.Context, r request) (any, error) {
	code, err := r.pathText("code", "pricing_unit")
	if err != nil {
		return nil, err
	}
	unit, err := a.DB.PricingUnit(ctx, r.organization.ID, code)
	if err != nil {
		return nil, err
	}
	return pricingUnitAnswer{pricingUnitOf(&unit)}, nil
}
