package api

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
)

// Limits of a fixed charge.
const (
	fixedChargesMax  = 500 // of a plan
	fixedUnitsMax    = 1_000_000_000_000
	fixedUnitsPlaces = 10 // digits after the point
)

// fixedChargeObject is Lago's FixedChargeObject.
type fixedChargeObject struct {
	LagoID             uuid.UUID        `json:"lago_id"`
	LagoAddOnID        uuid.UUID        `json:"lago_add_on_id"`
	Code               string           `json:"code"`
	InvoiceDisplayName *string          `json:"invoice_display_name"`
	AddOnCode          string           `json:"add_on_code"`
	CreatedAt          string           `json:"created_at"`
	ChargeModel        string           `json:"charge_model"`
	PayInAdvance       bool             `json:"pay_in_advance"`
	Prorated           bool             `json:"prorated"`
	Properties         propertiesObject `json:"properties"`
	Units              jsontext.Value   `json:"units"` // a number
	LagoParentID       *string          `json:"lago_parent_id"`
	Taxes              []taxObject      `json:"taxes"`
}

func fixedChargeOf(fc *billing.FixedCharge) fixedChargeObject {
	return fixedChargeObject{
		LagoID:             fc.ID,
		LagoAddOnID:        fc.AddOn.ID,
		Code:               fc.Code,
		InvoiceDisplayName: orNull(fc.InvoiceDisplayName),
		AddOnCode:          fc.AddOn.Code,
		CreatedAt:          stamp(fc.CreatedAt),
		ChargeModel:        string(fc.Model),
		PayInAdvance:       fc.PayInAdvance,
		Prorated:           fc.Prorated,
		Properties:         propertiesOf(fc.Model, &fc.Properties),
		Units:              number(fc.Units),
		Taxes:              each(fc.Taxes, taxOf),
	}
}

// addOns are the add-ons that fixed charges of a request name, by id and by code.
type addOns struct {
	byID   map[uuid.UUID]billing.AddOn
	byCode map[string]billing.AddOn
}

// addOnsNamed loads the add-ons that fixed charges name. One that does not exist is not found.
func (a *api) addOnsNamed(ctx context.Context, organization uuid.UUID, charges ...form) (addOns, error) {
	loaded := addOns{byID: make(map[uuid.UUID]billing.AddOn), byCode: make(map[string]billing.AddOn)}
	for _, f := range charges {
		f.faults = &faults{} // they are read again
		var addOn billing.AddOn
		var err error
		if id, ok := f.uuid("add_on_id"); ok {
			if _, known := loaded.byID[id]; !known {
				addOn, err = a.DB.AddOnByID(ctx, organization, id)
				loaded.byID[id] = addOn
			}
		} else if code, _ := f.text("add_on_code", textBytesMax); code != "" {
			if _, known := loaded.byCode[code]; !known {
				addOn, err = a.DB.AddOn(ctx, organization, code)
				loaded.byCode[code] = addOn
			}
		}
		if err != nil {
			return addOns{}, err
		}
	}
	return loaded, nil
}

// readFixedCharges reads all fixed charges of a plan, of the given add-ons. One with the id
// of one of before changes that; the others are new. live: subscriptions live on the plan.
func readFixedCharges(f form, before []billing.FixedCharge, of addOns, live bool) []billing.FixedCharge {
	var charges []billing.FixedCharge
	codes := make(map[string]bool)
	changed := make(map[uuid.UUID]bool)
	for _, o := range f.objects("fixed_charges", fixedChargesMax) {
		was, ok := named(o, before, changed, fixedChargeID)
		if !ok {
			o.fault("id", billing.CodeInvalid)
			continue
		}
		charge := readFixedCharge(o, was, of, live)
		if charge.Code != "" && codes[charge.Code] {
			o.fault("code", billing.CodeAlreadyExist)
		}
		codes[charge.Code] = true
		charges = append(charges, charge)
	}
	for i := range charges {
		if charges[i].Code == "" {
			charges[i].Code = freeCode(charges[i].AddOn.Code, codes)
		}
	}
	return charges
}

func fixedChargeID(fc *billing.FixedCharge) uuid.UUID { return fc.ID }

// readFixedCharge takes over what a request says of a fixed charge: of was, or of a new one
// where that is nil. When it is paid and whether it is prorated stay what they were, and on
// a plan with live subscriptions so does its model, as in Lago: what was billed would not go
// with what will be.
func readFixedCharge(f form, was *billing.FixedCharge, of addOns, live bool) billing.FixedCharge {
	fc := billing.FixedCharge{ID: newID()}
	if was != nil {
		fc = *was
	}
	readFixedAddOn(f, &fc, was, of)
	if code, ok := f.text("code", textBytesMax); ok && code != "" {
		fc.Code = code
	}
	f.into(&fc.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	if was == nil {
		fc.PayInAdvance, _ = f.boolean("pay_in_advance")
		fc.Prorated, _ = f.boolean("prorated")
	}
	readFixedUnits(f, &fc, was, live)
	fc.Taxes = readTaxCodes(f, fc.Taxes)
	if was == nil || !live {
		readFixedModel(f, &fc)
	}
	if fc.Model == "" {
		return fc // its properties mean nothing
	}
	if was == nil || was.Model != fc.Model || f.has("properties") {
		fc.Properties = readProperties(f, fc.Model)
		// Nothing is counted that could be grouped.
		fc.Properties.PricingGroupKeys, fc.Properties.PresentationGroupKeys, fc.Properties.PresentedOnInvoice = nil, nil, nil
	}
	return fc
}

// readFixedAddOn reads the add-on of a new fixed charge, by its id or else its code. That of
// an old one stays: fees name it.
func readFixedAddOn(f form, fc, was *billing.FixedCharge, of addOns) {
	_, byID := f.given("add_on_id")
	_, byCode := f.given("add_on_code")
	var named billing.AddOn
	member, ok := "add_on_id", false
	switch {
	case byCode && !byID:
		member = "add_on_code"
		named, ok = of.byCode[f.required(member)]
	case was == nil || byID:
		id, isID := f.uuid(member)
		if !isID {
			f.uuidFault(member)
		}
		named, ok = of.byID[id]
	}
	switch {
	case !ok: // nothing was named, or by what is no name
	case was == nil:
		fc.AddOn = named
	case was.AddOn.ID != named.ID:
		f.fault(member, billing.CodeInvalid)
	}
}

// readFixedUnits reads the units, 0 where a new charge says none. Of a charge that is paid in
// advance they never count at once: what a period costs was billed at its beginning. Fewer
// units are not given back, and more would have to be invoiced at once.
func readFixedUnits(f form, fc, was *billing.FixedCharge, live bool) {
	if units, ok := f.decimal("units", fixedUnitsMax, fixedUnitsPlaces); ok {
		fc.Units = units
	}
	now, _ := f.boolean("apply_units_immediately")
	fc.UnitsNow = now && !fc.PayInAdvance
	more := was == nil && fc.Units.IsPositive() || was != nil && fc.Units.GreaterThan(was.Units)
	if now && fc.PayInAdvance && more && live {
		f.fault("apply_units_immediately", billing.CodeNotSupported)
	}
}

// readFixedModel reads the model, and checks that it goes with how the charge is paid.
func readFixedModel(f form, fc *billing.FixedCharge) {
	name := string(fc.Model)
	f.demand(&name, "charge_model")
	fc.Model = ""
	switch model := billing.ChargeModel(name); model {
	case "":
	case billing.Standard, billing.Graduated, billing.Volume:
		fc.Model = model
	default:
		f.fault("charge_model", billing.CodeInvalid)
	}
	if fc.Model == billing.Volume && fc.PayInAdvance {
		f.fault("pay_in_advance", billing.CodeInvalidChargeModel)
	}
	if fc.Model == billing.Graduated && fc.PayInAdvance && fc.Prorated {
		f.fault("prorated", billing.CodeInvalidChargeModel)
	}
}
