package billing

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// The graduated model: each unit costs what the range it falls into says, and each
// range that is entered costs a flat amount; the first is entered by no units at all.
//
// Of prorated units each is in the range in which it was when it came, for as many days as it
// stayed; flat amounts are whole, and due up to the highest range that was reached.

// graduatedDetails are Lago's amount_details of a graduated charge.
type graduatedDetails struct {
	Ranges []graduatedRangeDetails `json:"graduated_ranges"`
}

type graduatedRangeDetails struct {
	FromValue           int64  `json:"from_value"`
	ToValue             *int64 `json:"to_value"`
	FlatUnitAmount      string `json:"flat_unit_amount"`
	PerUnitAmount       string `json:"per_unit_amount"`
	Units               string `json:"units"`
	PerUnitTotalAmount  string `json:"per_unit_total_amount"`
	TotalWithFlatAmount string `json:"total_with_flat_amount"`
}

func (p *ChargeProperties) validateGraduated() []string {
	if len(p.GraduatedRanges) == 0 {
		return []string{CodeMissingGraduatedRanges}
	}
	return validateRanges(p.GraduatedRanges, CodeInvalidGraduatedRanges)
}

// validateRanges returns what is wrong with ranges of prices; code is that for how they follow
// each other.
func validateRanges(ranges []GraduatedRange, code string) []string {
	var codes []string
	for _, r := range ranges {
		if !validPrice(r.PerUnitAmount) || !validPrice(r.FlatAmount) {
			codes = append(codes, CodeInvalidAmount)
			break
		}
	}
	if !rangesConnect(graduatedBounds(ranges)) {
		codes = append(codes, code)
	}
	return codes
}

func (p *ChargeProperties) priceGraduated(q Quantity) (Price, error) {
	ranges := graduatedBounds(p.GraduatedRanges)
	if q.Fold == nil {
		return p.priceRanges(portions(ranges, q.Units), q.Units), nil
	}
	unitDays := q.Fold.TierUnitDays
	if len(ranges) == 1 {
		unitDays = []decimal.Decimal{q.Fold.UnitDays}
	}
	if len(unitDays) != len(ranges) {
		return Price{}, fmt.Errorf("metering divided units by %d ranges, not %d", len(unitDays), len(ranges))
	}
	units := make([]decimal.Decimal, entered(ranges, q.Fold.Highest))
	for i := range units {
		var err error
		if units[i], err = proratedUnits(unitDays[i], q.Fold.Days); err != nil {
			return Price{}, err
		}
	}
	return p.priceRanges(units, q.Units), nil
}

// priceRanges returns what units cost of which so many are in each range that was entered;
// full are those that are shown.
func (p *ChargeProperties) priceRanges(units []decimal.Decimal, full decimal.Decimal) Price {
	var details graduatedDetails
	total := decimal.Zero
	for i, inRange := range units {
		r := &p.GraduatedRanges[i]
		perUnit := inRange.Mul(r.PerUnitAmount.Decimal)
		withFlat := perUnit.Add(r.FlatAmount.Decimal)
		total = total.Add(withFlat)
		details.Ranges = append(details.Ranges, graduatedRangeDetails{
			FromValue:           r.FromValue,
			ToValue:             r.ToValue,
			FlatUnitAmount:      FormatDecimal(r.FlatAmount.Decimal),
			PerUnitAmount:       FormatDecimal(r.PerUnitAmount.Decimal),
			Units:               FormatDecimal(inRange),
			PerUnitTotalAmount:  FormatDecimal(perUnit),
			TotalWithFlatAmount: FormatDecimal(withFlat),
		})
	}
	return Price{Amount: total, UnitAmount: divide(total, full), Details: mustJSON(details)}
}
