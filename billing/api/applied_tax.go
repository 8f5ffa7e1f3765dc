package api

import (
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
)

// appliedTaxObject is Lago's BaseAppliedTax: a tax as it stands on a document, whatever has
// become of it since.
type appliedTaxObject struct {
	LagoID         uuid.UUID      `json:"lago_id"`
	LagoTaxID      uuid.UUID      `json:"lago_tax_id"`
	TaxName        string         `json:"tax_name"`
	TaxCode        string         `json:"tax_code"`
	TaxRate        jsontext.Value `json:"tax_rate"` // percent, a number
	TaxDescription *string        `json:"tax_description"`
	AmountCents    int64          `json:"amount_cents"`
	AmountCurrency string         `json:"amount_currency"`
	CreatedAt      string         `json:"created_at"`
}

// feeTaxObject is Lago's FeeAppliedTaxObject.
type feeTaxObject struct {
	LagoFeeID uuid.UUID `json:"lago_fee_id"`
	appliedTaxObject
}

// invoiceTaxObject is Lago's InvoiceAppliedTaxObject.
type invoiceTaxObject struct {
	LagoInvoiceID uuid.UUID `json:"lago_invoice_id"`
	appliedTaxObject
	FeesAmountCents int64 `json:"fees_amount_cents"` // of the fees that the tax is put on
}

func appliedTaxOf(t *billing.AppliedTax, currency billing.Currency) appliedTaxObject {
	return appliedTaxObject{
		LagoID:         t.ID,
		LagoTaxID:      t.TaxID,
		TaxName:        t.Name,
		TaxCode:        t.Code,
		TaxRate:        number(t.Rate),
		TaxDescription: orNull(t.Description),
		AmountCents:    t.AmountCents,
		AmountCurrency: string(currency),
		CreatedAt:      stamp(t.CreatedAt),
	}
}

// feeTaxesOf describes the taxes of a fee.
func feeTaxesOf(fee *billing.Fee) []feeTaxObject {
	return each(fee.Taxes, func(t *billing.AppliedTax) feeTaxObject {
		return feeTaxObject{LagoFeeID: fee.ID, appliedTaxObject: appliedTaxOf(t, fee.Currency)}
	})
}

// invoiceTaxesOf describes the taxes of an invoice, one for each code.
func invoiceTaxesOf(inv *billing.Invoice) []invoiceTaxObject {
	return each(inv.Taxes, func(t *billing.AppliedTax) invoiceTaxObject {
		return invoiceTaxObject{
			LagoInvoiceID: inv.ID, appliedTaxObject: appliedTaxOf(t, inv.Currency),
			FeesAmountCents: t.BaseCents.IntPart(), // whole: a sum of fees' amounts
		}
	})
}
