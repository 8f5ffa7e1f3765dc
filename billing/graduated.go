package billing

import (
	"math"

	"github.com/shopspring/decimal"
)

// The graduated model: each unit costs what the range it falls into says, and each
// range that is entered costs a flat amount; the first is entered by no units at all.

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
	var codes []string
	for _, r := range p.GraduatedRanges {
		if !validPrice(r.PerUnitAmount) || !validPrice(r.FlatAmount) {
			codes = append(codes, CodeInvalidAmount)
			break
		}
	}
	if !rangesConnect(p.GraduatedRanges) {
		codes = append(codes, CodeInvalidGraduatedRanges)
	}
	return codes
}

// rangesConnect reports whether the ranges start at 0, end open, and each begins
// either one after the end of the one before it or exactly there, all in the same way.
func rangesConnect(ranges []GraduatedRange) bool {
	last := len(ranges) - 1
	if len(ranges) > GraduatedRangesMax || ranges[0].FromValue != 0 || ranges[last].ToValue != nil {
		return false
	}
	gap := rangeGap(ranges)
	if gap != 0 && gap != 1 {
		return false
	}
	for i, r := range ranges[:last] {
		if r.ToValue == nil || *r.ToValue < r.FromValue || *r.ToValue == math.MaxInt64 {
			return false
		}
		if next := ranges[i+1].FromValue; next != *r.ToValue+gap {
			return false
		}
		if gap == 0 && *r.ToValue == r.FromValue {
			return false // adjacent ranges share their bound: this one would hold nothing
		}
	}
	return true
}

// rangeGap returns by how much the second range begins after the end of the first:
// 1, or 0 for ranges that share their bounds; 1 when there is only one.
func rangeGap(ranges []GraduatedRange) int64 {
	if len(ranges) < 2 || ranges[0].ToValue == nil {
		return 1
	}
	return ranges[1].FromValue - *ranges[0].ToValue
}

func (p *ChargeProperties) priceGraduated(units decimal.Decimal) Price {
	var details graduatedDetails
	total, below := decimal.Zero, decimal.Zero // below: the units that earlier ranges took
	for _, r := range p.GraduatedRanges {
		upTo, last := units, true
		if r.ToValue != nil {
			bound := decimal.NewFromInt(*r.ToValue)
			upTo, last = decimal.Min(units, bound), bound.GreaterThanOrEqual(units)
		}
		inRange := upTo.Sub(below)
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
		if last {
			break
		}
		below = upTo
	}
	return Price{Amount: total, UnitAmount: divide(total, units), Details: mustJSON(details)}
}
