package billing

import "github.com/shopspring/decimal"

// The standard model: every unit costs the same.

func (p *ChargeProperties) validateStandard() []string {
	if p.Amount == nil || !validPrice(*p.Amount) {
		return []string{CodeInvalidAmount}
	}
	return nil
}

func (p *ChargeProperties) priceStandard(full, priced decimal.Decimal) Price {
	amount := priced.Mul(p.Amount.Decimal)
	return Price{Amount: amount, UnitAmount: divide(amount, full), Details: []byte(`{}`)}
}
