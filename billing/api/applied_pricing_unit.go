package api

import "weir/billing"

// conversionRateMax is the most currency units that one pricing unit may be worth.
const conversionRateMax = 1_000_000_000_000

// appliedPricingUnitObject says what a charge's prices are in instead of the currency.
type appliedPricingUnitObject struct {
	ConversionRate string `json:"conversion_rate"` // currency units for one
	Code           string `json:"code"`
}

func appliedPricingUnitOf(a *billing.AppliedPricingUnit) *appliedPricingUnitObject {
	if a == nil {
		return nil
	}
	return &appliedPricingUnitObject{billing.FormatDecimal(a.ConversionRate), a.Unit.Code}
}

// usagePricingUnitObject is Lago's UsagePricingUnitDetailsObject: what usage comes to in the
// pricing unit of its charge, in hundredths.
type usagePricingUnitObject struct {
	AmountCents    int64  `json:"amount_cents"`
	ShortName      string `json:"short_name"`
	ConversionRate string `json:"conversion_rate"`
}

// usagePricingUnitOf sums buckets of a charge; null where it is priced in the currency.
func usagePricingUnitOf(ch *billing.Charge, buckets []billing.BucketUsage) *usagePricingUnitObject {
	if ch.PricingUnit == nil {
		return nil
	}
	o := &usagePricingUnitObject{
		ShortName:      ch.PricingUnit.Unit.ShortName,
		ConversionRate: billing.FormatDecimal(ch.PricingUnit.ConversionRate),
	}
	for i := range buckets {
		o.AmountCents += buckets[i].PricingUnit.Cents() // a part of a sum that fits
	}
	return o
}

// readAppliedPricingUnit reads what the charge's prices are in, the currency where nothing was
// ever said. Null changes nothing, as in Lago; an empty object is the currency again. Of one
// that was said before it is enough to say what is another now.
func readAppliedPricingUnit(f form, ch *billing.Charge) {
	const name = "applied_pricing_unit"
	o, ok := f.object(name)
	if !ok {
		return
	}
	if len(o.members) == 0 {
		ch.PricingUnit = nil
		return
	}
	var applied billing.AppliedPricingUnit
	if ch.PricingUnit != nil {
		applied = *ch.PricingUnit
	}
	code := applied.Unit.Code
	if o.demand(&code, "code"); code != applied.Unit.Code {
		applied.Unit = billing.PricingUnit{Code: code} // who writes it finds the rest
	}
	if rate, ok := o.decimal("conversion_rate", conversionRateMax, billing.PrecisionDigits); ok {
		applied.ConversionRate = rate
		if rate.IsZero() {
			o.overLimit("conversion_rate", billing.CodeOutOfRange, "above 0")
		}
	} else if applied.ConversionRate.IsZero() {
		o.mustGive("conversion_rate")
	}
	ch.PricingUnit = &applied
}
