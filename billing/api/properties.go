package api

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"weir/billing"
)

// propertiesObject are the prices of one charge model, as Lago shows them.
type propertiesObject struct {
	Amount           *string                `json:"amount,omitempty"`
	GraduatedRanges  []graduatedRangeObject `json:"graduated_ranges,omitempty"`
	PackageSize      *int64                 `json:"package_size,omitempty"`
	FreeUnits        *int64                 `json:"free_units,omitempty"`
	PricingGroupKeys []string               `json:"pricing_group_keys,omitempty"`
	GroupedBy        []string               `json:"grouped_by,omitempty"` // the older name of the same

	PresentationGroupKeys []presentationKeyObject `json:"presentation_group_keys,omitempty"`
}

// presentationKeyObject is a property by which usage is broken down for display.
type presentationKeyObject struct {
	Value   string                 `json:"value"`
	Options presentationKeyOptions `json:"options"`
}

type presentationKeyOptions struct {
	DisplayInInvoice bool `json:"display_in_invoice"`
}

type graduatedRangeObject struct {
	FromValue     int64  `json:"from_value"`
	ToValue       *int64 `json:"to_value"`
	PerUnitAmount string `json:"per_unit_amount"`
	FlatAmount    string `json:"flat_amount"`
}

func propertiesOf(model billing.ChargeModel, p *billing.ChargeProperties) propertiesObject {
	o := propertiesObject{PricingGroupKeys: p.PricingGroupKeys, GroupedBy: p.PricingGroupKeys}
	for _, key := range p.PresentationGroupKeys {
		options := presentationKeyOptions{DisplayInInvoice: slices.Contains(p.PresentedOnInvoice, key)}
		o.PresentationGroupKeys = append(o.PresentationGroupKeys, presentationKeyObject{key, options})
	}
	if p.Amount != nil {
		amount := p.Amount.String()
		o.Amount = &amount
	}
	if model == billing.Package {
		o.PackageSize, o.FreeUnits = &p.PackageSize, &p.FreeUnits
	}
	if model == billing.Graduated {
		o.GraduatedRanges = each(p.GraduatedRanges, func(r *billing.GraduatedRange) graduatedRangeObject {
			return graduatedRangeObject{r.FromValue, r.ToValue, r.PerUnitAmount.String(), r.FlatAmount.String()}
		})
	}
	return o
}

// readProperties reads the prices of a charge or a filter. None at all are the
// model's defaults: it costs nothing.
func readProperties(f form, model billing.ChargeModel) billing.ChargeProperties {
	o, ok := f.object("properties")
	if !ok {
		return billing.DefaultProperties(model)
	}
	before := len(o.faults.fields)
	p := readModel(o, model)
	p.PricingGroupKeys = readGroupKeys(o)
	readPresentationKeys(o, &p)
	if len(o.faults.fields) > before {
		return p // what could not be read would be found missing
	}
	for _, code := range p.Validate(model) {
		f.fault("properties", code)
	}
	return p
}

func readModel(f form, model billing.ChargeModel) (p billing.ChargeProperties) {
	switch model {
	case billing.Standard:
		p.Amount = readAmount(f)
	case billing.Package:
		p.Amount = readAmount(f)
		p.PackageSize = readCount(f, "package_size", 1, billing.CodeInvalidPackageSize)
		p.FreeUnits = readCount(f, "free_units", 0, billing.CodeInvalidFreeUnits)
	case billing.Graduated:
		p.GraduatedRanges = readGraduatedRanges(f)
	}
	return p
}

func readAmount(f form) *billing.Amount {
	amount, ok := f.amount("amount")
	if !ok {
		return nil
	}
	return &amount
}

// readCount reads a whole number of units from min on; anything else is the fault code.
func readCount(f form, name string, min int64, code string) int64 {
	n, err := strconv.ParseInt(string(f.members[name]), 10, 64)
	if err != nil || n < min {
		f.fault(name, code)
	}
	return n
}

func readGraduatedRanges(f form) []billing.GraduatedRange {
	if _, given := f.given("graduated_ranges"); !given {
		f.fault("graduated_ranges", billing.CodeMissingGraduatedRanges)
	}
	var ranges []billing.GraduatedRange
	for _, o := range f.objects("graduated_ranges", billing.GraduatedRangesMax) {
		var r billing.GraduatedRange
		r.FromValue = readCount(o, "from_value", 0, billing.CodeInvalidGraduatedRanges)
		if _, given := o.given("to_value"); given {
			to := readCount(o, "to_value", 0, billing.CodeInvalidGraduatedRanges)
			r.ToValue = &to
		}
		r.PerUnitAmount, _ = o.amount("per_unit_amount")
		r.FlatAmount, _ = o.amount("flat_amount")
		ranges = append(ranges, r)
	}
	return ranges
}

// readGroupKeys reads the properties to group by, under either of their names.
func readGroupKeys(f form) []string {
	name := "pricing_group_keys"
	if _, given := f.given(name); !given {
		name = "grouped_by"
	}
	keys := f.texts(name, pricingGroupKeysMax)
	if slices.Contains(keys, "") {
		f.fault(name, billing.CodeInvalid)
	}
	return distinct(keys)
}

// readPresentationKeys reads the properties to break usage down by: objects as in Lago, or
// just their names.
func readPresentationKeys(f form, p *billing.ChargeProperties) {
	const name = "presentation_group_keys"
	for i, value := range f.list(name, billing.PresentationGroupKeysMax) {
		key, onInvoice := readPresentationKey(f, name+"."+strconv.Itoa(i), value)
		if key == "" || slices.Contains(p.PresentationGroupKeys, key) {
			f.fault(name, billing.CodeInvalid)
			return
		}
		p.PresentationGroupKeys = append(p.PresentationGroupKeys, key)
		if onInvoice {
			p.PresentedOnInvoice = append(p.PresentedOnInvoice, key)
		}
	}
}

func readPresentationKey(f form, name string, value jsontext.Value) (key string, onInvoice bool) {
	if value.Kind() == '"' {
		key, _ = f.textOf(name, value, textBytesMax)
		return key, false
	}
	o, ok := f.objectOf(name, value)
	if !ok {
		return "", false
	}
	key = o.required("value")
	if options, ok := o.object("options"); ok {
		onInvoice, _ = options.boolean("display_in_invoice")
	}
	return key, onInvoice
}
