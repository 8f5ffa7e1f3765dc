package billing

import "github.com/shopspring/decimal"

// The volume model: all units cost what the one range says that they reach, and its flat
// amount; no units reach the first. So more units may cost less.
//
// Prorated units are priced by the range that the full ones reach.

// volumeDetails are Lago's amount_details of a volume charge. PerUnitAmount is per full unit.
type volumeDetails struct {
	FlatUnitAmount     string `json:"flat_unit_amount"`
	PerUnitAmount      string `json:"per_unit_amount"`
	PerUnitTotalAmount string `json:"per_unit_total_amount"`
}

func (p *ChargeProperties) validateVolume() []string {
	if len(p.VolumeRanges) == 0 {
		return []string{CodeMissingVolumeRanges}
	}
	ranges := p.volumeRanges()
	codes := validateRanges(ranges, CodeInvalidVolumeRanges)
	if len(codes) == 0 && rangeGap(graduatedBounds(ranges)) == 0 {
		return []string{CodeInvalidVolumeRanges} // the bound that two of them share would have two prices
	}
	return codes
}

func (p *ChargeProperties) volumeRanges() []GraduatedRange {
	ranges := make([]GraduatedRange, len(p.VolumeRanges))
	for i, r := range p.VolumeRanges {
		ranges[i] = GraduatedRange(r)
	}
	return ranges
}

func (p *ChargeProperties) priceVolume(full, priced decimal.Decimal) Price {
	r := &p.VolumeRanges[entered(graduatedBounds(p.volumeRanges()), full)-1]
	perUnit := priced.Mul(r.PerUnitAmount.Decimal)
	amount := perUnit.Add(r.FlatAmount.Decimal)
	return Price{
		Amount:     amount,
		UnitAmount: divide(amount, full),
		Details: mustJSON(volumeDetails{
			FlatUnitAmount:     FormatDecimal(r.FlatAmount.Decimal),
			PerUnitAmount:      FormatDecimal(divide(perUnit, full)),
			PerUnitTotalAmount: FormatDecimal(perUnit),
		}),
	}
}
