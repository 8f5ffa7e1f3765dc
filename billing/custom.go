package billing

import (
	"fmt"

	"github.com/shopspring/decimal"

	"weir/ingest"
)

// The custom model: units and events cost what an expression over them says, in currency
// units. Its language is that of metrics' expressions: exact decimals, + - * / ( ), round, ceil
// and floor; less than nothing is nothing.
//
// An expression may have no value: it divides by zero, or a number grows beyond
// ingest.ExpressionDigitsMax digits. Then there is no price, which is an error that names the
// charge; the invoice waits until the charge's expression is another, which holds for periods
// that are not billed yet. What has no value for no usage at all is refused when the charge is
// made: it could never bill a subscription that has used nothing.

// The names in a custom charge's expression: its units, rounded as the metric says and at least
// 0, and how many events they are of.
const (
	customUnits       = "units"
	customEventsCount = "events_count"
)

func (p *ChargeProperties) validateCustom() []string {
	if p.Expression == "" {
		return []string{CodeMandatory}
	}
	price, err := p.priceCustom(Quantity{})
	if err == nil {
		_, err = Cents(price.Amount, mostDigits)
	}
	if err != nil {
		return []string{CodeInvalidExpression}
	}
	return nil
}

// mostDigits is a currency with as many digits after the point as any.
const mostDigits Currency = "CLF"

func (p *ChargeProperties) priceCustom(q Quantity) (Price, error) {
	formula, err := ingest.ParseFormula(p.Expression, customUnits, customEventsCount)
	if err != nil {
		return Price{}, err
	}
	text, err := formula.Eval(q.Units.String(), decimal.NewFromInt(q.EventsCount).String())
	if err != nil {
		return Price{}, fmt.Errorf("%w: of %s units and %d events", err, q.Units, q.EventsCount)
	}
	amount, err := decimal.NewFromString(text)
	if err != nil {
		return Price{}, fmt.Errorf("cannot read what an expression gave: %w", err)
	}
	amount = decimal.Max(amount, decimal.Zero)
	return Price{Amount: amount, UnitAmount: divide(amount, q.Units), Details: []byte(`{}`)}, nil
}
