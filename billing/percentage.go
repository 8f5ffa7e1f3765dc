package billing

import (
	"github.com/shopspring/decimal"

	"weir/aggregator"
)

// The percentage model: units are an amount, of which a rate is due, and each event costs a
// fixed amount besides. Some of both may be free: which, and what an event costs that is bounded
// by itself, depends on the events one after the other, and so metering says it (aggregator.Fold).

// percentageDetails are Lago's amount_details of a percentage charge.
type percentageDetails struct {
	Units                  string `json:"units"`
	FreeUnits              string `json:"free_units"`
	FreeEvents             int64  `json:"free_events"`
	PaidUnits              string `json:"paid_units"`
	Rate                   string `json:"rate"`
	PerUnitTotalAmount     string `json:"per_unit_total_amount"`
	PaidEvents             int64  `json:"paid_events"`
	FixedFeeUnitAmount     string `json:"fixed_fee_unit_amount"`
	FixedFeeTotalAmount    string `json:"fixed_fee_total_amount"`
	MinMaxAdjustmentAmount string `json:"min_max_adjustment_total_amount"`
}

func (p *ChargeProperties) validatePercentage() []string {
	var codes []string
	wrong := func(bad bool, code string) {
		if bad {
			codes = append(codes, code)
		}
	}
	bad := func(a *Amount) bool { return a != nil && !validPrice(*a) }
	lowest, highest := p.PerTransactionMinAmount, p.PerTransactionMaxAmount
	wrong(p.Rate == nil || bad(p.Rate), CodeInvalidRate)
	wrong(bad(p.FixedAmount), CodeInvalidFixedAmount)
	wrong(p.FreeUnitsPerEvents != nil && *p.FreeUnitsPerEvents < 1, CodeInvalidFreeUnitsPerEvents)
	wrong(bad(p.FreeUnitsPerTotalAggregation), CodeInvalidFreeUnitsPerTotalAggregation)
	wrong(bad(lowest) || bad(highest), CodeInvalidAmount)
	wrong(lowest != nil && highest != nil && highest.LessThan(lowest.Decimal), CodeTransactionMaxLowerThanMin)
	return codes
}

// percentageFold returns what metering is asked for besides units and events: nothing where
// nothing is free and no event is bounded.
func (p *ChargeProperties) percentageFold() *aggregator.Fold {
	var fold aggregator.Fold
	allowance := aggregator.Allowance{Units: p.FreeUnitsPerTotalAggregation.or0()}
	if p.FreeUnitsPerEvents != nil {
		allowance.Events = *p.FreeUnitsPerEvents
	}
	if allowance.Events > 0 || allowance.Units.IsPositive() {
		fold.Allowance = &allowance
	}
	if p.bounded() {
		fold.Transaction = &aggregator.Transaction{
			Rate: p.Rate.or0(), Fixed: p.FixedAmount.or0(), Min: p.PerTransactionMinAmount.or0(),
		}
		if p.PerTransactionMaxAmount != nil {
			fold.Transaction.Max = &p.PerTransactionMaxAmount.Decimal
		}
	}
	if fold.Allowance == nil && fold.Transaction == nil {
		return nil
	}
	return &fold
}

// bounded reports whether each event costs a minimum or a maximum.
func (p *ChargeProperties) bounded() bool {
	return p.PerTransactionMinAmount != nil || p.PerTransactionMaxAmount != nil
}

func (p *ChargeProperties) pricePercentage(q Quantity) Price {
	var fold aggregator.FoldUsage
	if q.Fold != nil {
		fold = *q.Fold
	}
	negative := q.Units.IsNegative()
	q.Units = decimal.Max(q.Units, decimal.Zero)
	freeEvents := min(fold.FreeEvents, q.EventsCount)
	paidEvents := q.EventsCount - freeEvents
	paidUnits := decimal.Max(q.Units.Sub(fold.FreeUnits), decimal.Zero)
	percent := percentOf(paidUnits, p.Rate.or0())
	var fixed, fixedEach decimal.Decimal
	if q.Units.IsPositive() { // events that amount to nothing cost nothing (Lago)
		fixed = decimal.NewFromInt(paidEvents).Mul(p.FixedAmount.or0())
	}
	if paidEvents > 0 {
		fixedEach = p.FixedAmount.or0()
	}
	amount := percent.Add(fixed)
	adjustment := decimal.Zero
	if p.bounded() {
		bounded := decimal.Max(fold.TransactionsAmount, decimal.Zero)
		if negative {
			bounded = decimal.Zero
		}
		adjustment, amount = bounded.Sub(amount), bounded
	}
	return Price{
		Amount:     amount,
		UnitAmount: divide(amount, q.Units),
		Details: mustJSON(percentageDetails{
			Units:                  FormatDecimal(q.Units),
			FreeUnits:              FormatDecimal(fold.FreeUnits),
			FreeEvents:             freeEvents,
			PaidUnits:              FormatDecimal(paidUnits),
			Rate:                   FormatDecimal(p.Rate.or0()),
			PerUnitTotalAmount:     FormatDecimal(percent),
			PaidEvents:             paidEvents,
			FixedFeeUnitAmount:     FormatDecimal(fixedEach),
			FixedFeeTotalAmount:    FormatDecimal(fixed),
			MinMaxAdjustmentAmount: FormatDecimal(adjustment),
		}),
	}
}
