package api

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"weir/billing"
	"weir/ingest"
)

// propertiesObject are the prices of one charge model, as Lago shows them.
type propertiesObject struct {
	Amount          *string                `json:"amount,omitempty"`
	GraduatedRanges []graduatedRangeObject `json:"graduated_ranges,omitempty"`
	PackageSize     *int64                 `json:"package_size,omitempty"`
	FreeUnits       *int64                 `json:"free_units,omitempty"`

	Rate                         *string `json:"rate,omitempty"`
	FixedAmount                  *string `json:"fixed_amount,omitempty"`
	FreeUnitsPerEvents           *int64  `json:"free_units_per_events,omitempty"`
	FreeUnitsPerTotalAggregation *string `json:"free_units_per_total_aggregation,omitempty"`
	PerTransactionMinAmount      *string `json:"per_transaction_min_amount,omitempty"`
	PerTransactionMaxAmount      *string `json:"per_transaction_max_amount,omitempty"`

	VolumeRanges              []graduatedRangeObject           `json:"volume_ranges,omitempty"`
	GraduatedPercentageRanges []graduatedPercentageRangeObject `json:"graduated_percentage_ranges,omitempty"`

	Expression string `json:"expression,omitempty"`

	PricingGroupKeys []string `json:"pricing_group_keys,omitempty"`
	GroupedBy        []string `json:"grouped_by,omitempty"` // the older name of the same

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

// priceOrNull prints a price that may not have been given.
func priceOrNull(a *billing.Amount) *string {
	if a == nil {
		return nil
	}
	text := a.String()
	return &text
}

func propertiesOf(model billing.ChargeModel, p *billing.ChargeProperties) propertiesObject {
	o := propertiesObject{PricingGroupKeys: p.PricingGroupKeys, GroupedBy: p.PricingGroupKeys}
	for _, key := range p.PresentationGroupKeys {
		options := presentationKeyOptions{DisplayInInvoice: slices.Contains(p.PresentedOnInvoice, key)}
		o.PresentationGroupKeys = append(o.PresentationGroupKeys, presentationKeyObject{key, options})
	}
	switch model {
	case billing.Standard:
		o.Amount = priceOrNull(p.Amount)
	case billing.Package:
		o.Amount, o.PackageSize, o.FreeUnits = priceOrNull(p.Amount), &p.PackageSize, &p.FreeUnits
	case billing.Graduated:
		o.GraduatedRanges = each(p.GraduatedRanges, graduatedRangeOf)
	case billing.Percentage:
		o.Rate, o.FixedAmount = priceOrNull(p.Rate), priceOrNull(p.FixedAmount)
		o.FreeUnitsPerEvents, o.FreeUnitsPerTotalAggregation = p.FreeUnitsPerEvents, priceOrNull(p.FreeUnitsPerTotalAggregation)
		o.PerTransactionMinAmount, o.PerTransactionMaxAmount = priceOrNull(p.PerTransactionMinAmount), priceOrNull(p.PerTransactionMaxAmount)
	case billing.Volume:
		o.VolumeRanges = each(p.VolumeRanges, volumeRangeOf)
	case billing.GraduatedPercentage:
		o.GraduatedPercentageRanges = each(p.GraduatedPercentageRanges, graduatedPercentageRangeOf)
	case billing.Custom:
		o.Expression = p.Expression
	}
	return o
}

// readProperties reads the prices of a charge or a filter. None at all are the
// model's defaults: it costs nothing. A custom one must say what it costs.
func readProperties(f form, model billing.ChargeModel) billing.ChargeProperties {
	o, ok := f.object("properties")
	if !ok {
		if _, given := f.given("properties"); model == billing.Custom && !given {
			f.fault("properties.expression", billing.CodeMandatory)
		}
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
		p.Amount = readPrice(f, "amount", billing.CodeInvalidAmount)
	case billing.Package:
		p.Amount = readPrice(f, "amount", billing.CodeInvalidAmount)
		p.PackageSize = readCount(f, "package_size", 1, billing.CodeInvalidPackageSize)
		p.FreeUnits = readCount(f, "free_units", 0, billing.CodeInvalidFreeUnits)
	case billing.Graduated:
		p.GraduatedRanges = readGraduatedRanges(f)
	case billing.Percentage:
		readPercentage(f, &p)
	case billing.Volume:
		p.VolumeRanges = readVolumeRanges(f)
	case billing.GraduatedPercentage:
		p.GraduatedPercentageRanges = readGraduatedPercentageRanges(f)
	case billing.Custom:
		readExpression(f, &p)
	}
	return p
}

// readExpression reads what a custom charge costs.
func readExpression(f form, p *billing.ChargeProperties) {
	f.into(&p.Expression, "expression", ingest.ExpressionBytesMax)
	if len(f.faults.fields[f.path+"expression"]) > 0 {
		return
	}
	for _, code := range p.Validate(billing.Custom) {
		f.fault("expression", code)
	}
}

// readPrice reads a price or a rate, which must be there; what is none is the fault code.
func readPrice(f form, name, code string) *billing.Amount {
	amount, ok := f.amount(name, code)
	if !ok {
		return nil
	}
	return &amount
}

// readOptionalPrice is readPrice of one that need not be given.
func readOptionalPrice(f form, name, code string) *billing.Amount {
	if _, given := f.given(name); !given {
		return nil
	}
	return readPrice(f, name, code)
}

// readCount reads a whole number of units from min on; anything else is the fault code.
func readCount(f form, name string, min int64, code string) int64 {
	n, err := strconv.ParseInt(string(f.members[name]), 10, 64)
	if err != nil || n < min {
		f.fault(name, code)
	}
	return n
}

// readPercentage reads the prices of a percentage charge, each with its own code (Lago).
func readPercentage(f form, p *billing.ChargeProperties) {
	p.Rate = readPrice(f, "rate", billing.CodeInvalidRate)
	p.FixedAmount = readOptionalPrice(f, "fixed_amount", billing.CodeInvalidFixedAmount)
	if _, given := f.given("free_units_per_events"); given {
		n := readCount(f, "free_units_per_events", 1, billing.CodeInvalidFreeUnitsPerEvents)
		p.FreeUnitsPerEvents = &n
	}
	p.FreeUnitsPerTotalAggregation = readOptionalPrice(f, "free_units_per_total_aggregation", billing.CodeInvalidFreeUnitsPerTotalAggregation)
	p.PerTransactionMinAmount = readOptionalPrice(f, "per_transaction_min_amount", billing.CodeInvalidAmount)
	p.PerTransactionMaxAmount = readOptionalPrice(f, "per_transaction_max_amount", billing.CodeInvalidAmount)
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
