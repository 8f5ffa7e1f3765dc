package billing

import "github.com/shopspring/decimal"

// The graduated percentage model: units are an amount, of which each range costs its rate, and
// each range that is entered a flat amount; the first is entered by nothing at all.

// percentOf returns rate percent of an amount, exactly.
func percentOf(amount, rate decimal.Decimal) decimal.Decimal { return amount.Mul(rate).Shift(-2) }

// graduatedPercentageDetails are Lago's amount_details of a graduated percentage charge.
type graduatedPercentageDetails struct {
	Ranges []graduatedPercentageRangeDetails `json:"graduated_percentage_ranges"`
}

type graduatedPercentageRangeDetails struct {
	FromValue           int64  `json:"from_value"`
	ToValue             *int64 `json:"to_value"`
	FlatUnitAmount      string `json:"flat_unit_amount"`
	Rate                string `json:"rate"`
	Units               string `json:"units"`
	PerUnitTotalAmount  string `json:"per_unit_total_amount"`
	TotalWithFlatAmount string `json:"total_with_flat_amount"`
}

func (p *ChargeProperties) validateGraduatedPercentage() []string {
	if len(p.GraduatedPercentageRanges) == 0 {
		return []string{CodeMissingGraduatedPercentageRanges}
	}
	var codes []string
	all := p.graduatedPercentageBounds()
	for _, r := range p.GraduatedPercentageRanges {
		if !validPrice(r.FlatAmount) {
			codes = append(codes, CodeInvalidAmount)
			break
		}
	}
	for _, r := range p.GraduatedPercentageRanges {
		if !validPrice(r.Rate) {
			codes = append(codes, CodeInvalidRate)
			break
		}
	}
	if !rangesConnect(all) {
		codes = append(codes, CodeInvalidGraduatedPercentageRanges)
	}
	return codes
}

func (p *ChargeProperties) graduatedPercentageBounds() []bounds {
	all := make([]bounds, len(p.GraduatedPercentageRanges))
	for i, r := range p.GraduatedPercentageRanges {
		all[i] = bounds{r.FromValue, r.ToValue}
	}
	return all
}

func (p *ChargeProperties) priceGraduatedPercentage(units decimal.Decimal) Price {
	var details graduatedPercentageDetails
	total := decimal.Zero
	for i, inRange := range portions(p.graduatedPercentageBounds(), units) {
		r := &p.GraduatedPercentageRanges[i]
		percent := percentOf(inRange, r.Rate.Decimal)
		withFlat := percent.Add(r.FlatAmount.Decimal)
		total = total.Add(withFlat)
		details.Ranges = append(details.Ranges, graduatedPercentageRangeDetails{
			FromValue:           r.FromValue,
			ToValue:             r.ToValue,
			FlatUnitAmount:      FormatDecimal(r.FlatAmount.Decimal),
			Rate:                FormatDecimal(r.Rate.Decimal),
			Units:               FormatDecimal(inRange),
			PerUnitTotalAmount:  FormatDecimal(percent),
			TotalWithFlatAmount: FormatDecimal(withFlat),
		})
	}
	return Price{Amount: total, UnitAmount: divide(total, units), Details: mustJSON(details)}
}
