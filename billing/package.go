package billing

import (
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"
)

// The package model: after some free units, every package of units that was begun is paid.

// packageDetails are Lago's amount_details of a package charge.
type packageDetails struct {
	FreeUnits            string `json:"free_units"`
	PaidUnits            string `json:"paid_units"`
	PerPackageSize       int64  `json:"per_package_size"`
	PerPackageUnitAmount string `json:"per_package_unit_amount"`
}

func (p *ChargeProperties) validatePackage() []string {
	var codes []string
	if p.Amount == nil || !validPrice(*p.Amount) {
		codes = append(codes, CodeInvalidAmount)
	}
	if p.PackageSize < 1 {
		codes = append(codes, CodeInvalidPackageSize)
	}
	if p.FreeUnits < 0 {
		codes = append(codes, CodeInvalidFreeUnits)
	}
	return codes
}

func (p *ChargeProperties) pricePackage(units decimal.Decimal) Price {
	free := decimal.NewFromInt(p.FreeUnits)
	paid := decimal.Max(units.Sub(free), decimal.Zero)
	amount := ceilQuotient(paid, p.PackageSize, 0).Mul(p.Amount.Decimal)
	return Price{
		Amount:     amount,
		UnitAmount: divide(amount, paid),
		Details: mustJSON(packageDetails{
			FreeUnits:            FormatDecimal(free),
			PaidUnits:            FormatDecimal(paid),
			PerPackageSize:       p.PackageSize,
			PerPackageUnitAmount: FormatDecimal(p.Amount.Decimal),
		}),
	}
}

// mustJSON returns the JSON of a value of our own whose type always has one.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("BUG: cannot marshal %T: %v", v, err))
	}
	return text
}
