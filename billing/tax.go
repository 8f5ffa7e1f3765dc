package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Tax is a rate that is put on fees.
type Tax struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	Code           string
	Name           string
	Description    string
	Rate           decimal.Decimal // percent
	// AppliedToOrganization makes it the tax of every fee for which nothing else is said.
	AppliedToOrganization bool
	CreatedAt             time.Time
	UpdatedAt             time.Time
}

// AppliedTax is a tax as it stands on a fee or an invoice: it does not change with the tax.
type AppliedTax struct {
	ID          uuid.UUID
	TaxID       uuid.UUID
	Code        string
	Name        string
	Description string
	Rate        decimal.Decimal // percent
	// BaseCents is what was taxed, in cents, before rounding: of an invoice the sum over its fees.
	BaseCents     decimal.Decimal
	AmountCents   int64           // rounded by itself
	PreciseAmount decimal.Decimal // in cents, before rounding
	CreatedAt     time.Time
}

// taxesRateDigits is how many digits after the point an invoice's rate of all taxes keeps.
const taxesRateDigits = 5

// taxer puts taxes on fees and sums them up on their invoice. The sum is not that of the
// fees' taxes: each fee shows its own, rounded, and the invoice rounds once for each tax.
// Three fees of 10 cents at 5 % show 1 cent each, and their invoice 2.
type taxer struct {
	customer, organization []Tax // those that hold where nothing else is said
	newID                  func() uuid.UUID
	now                    time.Time
}

// choose puts on a fee the first of the sets that is not empty, or else the customer's or
// the organization's. What they amount to is set by apply, once the fee's base is known.
func (x *taxer) choose(fee *Fee, sets ...[]Tax) {
	fee.Taxes = x.applied(firstTaxes(append(sets, x.customer, x.organization)...))
}

// applied returns the taxes as those of a fee, without what they amount to.
func (x *taxer) applied(taxes []Tax) []AppliedTax {
	var applied []AppliedTax
	for i := range taxes {
		t := &taxes[i]
		applied = append(applied, AppliedTax{
			ID: x.newID(), TaxID: t.ID, Code: t.Code, Name: t.Name, Description: t.Description, Rate: t.Rate, CreatedAt: x.now,
		})
	}
	return applied
}

// firstTaxes returns the first of the sets that is not empty.
func firstTaxes(sets ...[]Tax) []Tax {
	for _, set := range sets {
		if len(set) > 0 {
			return set
		}
	}
	return nil
}

// apply computes the taxes of the fees, each by its base, and those of the invoice.
func (x *taxer) apply(inv *Invoice) error {
	for i := range inv.Fees {
		if err := inv.Fees[i].tax(); err != nil {
			return fmt.Errorf("cannot tax fee %s: %w", inv.Fees[i].ID, err)
		}
	}
	if err := x.sum(inv); err != nil {
		return fmt.Errorf("cannot tax the invoice: %w", err)
	}
	inv.TaxesRate = inv.weightedRate()
	return nil
}

// taxBase returns what a fee is taxed on, in cents: its amount, less what coupons take off
// it once there are any.
func (f *Fee) taxBase() decimal.Decimal { return decimal.NewFromInt(f.AmountCents) }

// tax computes what the fee's taxes amount to.
func (f *Fee) tax() (err error) {
	f.PreciseTaxes, f.TaxesRate = decimal.Zero, decimal.Zero
	for i := range f.Taxes {
		t := &f.Taxes[i]
		t.BaseCents = f.taxBase()
		t.PreciseAmount = t.BaseCents.Mul(t.Rate).Shift(-2) // percent
		if t.AmountCents, err = roundCents(t.PreciseAmount); err != nil {
			return err
		}
		f.PreciseTaxes = f.PreciseTaxes.Add(t.PreciseAmount)
		f.TaxesRate = f.TaxesRate.Add(t.Rate)
	}
	f.TaxesCents, err = roundCents(f.PreciseTaxes)
	return err
}

// sum makes the invoice's taxes, one for each tax of its fees in the order they are met. A
// tax whose rate was changed while the invoice was made stands on it once for each rate.
func (x *taxer) sum(inv *Invoice) (err error) {
	total := decimal.Zero
	for i := range inv.Fees {
		for _, t := range inv.Fees[i].Taxes {
			at := inv.taxIndex(&t)
			if at == len(inv.Taxes) {
				of := t
				of.ID, of.BaseCents, of.PreciseAmount = x.newID(), decimal.Zero, decimal.Zero
				inv.Taxes = append(inv.Taxes, of)
			}
			sum := &inv.Taxes[at]
			sum.BaseCents = sum.BaseCents.Add(t.BaseCents)
			sum.PreciseAmount = sum.PreciseAmount.Add(t.PreciseAmount) // Σ base × rate, as the rate is one
			total = total.Add(t.PreciseAmount)
		}
	}
	for i := range inv.Taxes {
		if inv.Taxes[i].AmountCents, err = roundCents(inv.Taxes[i].PreciseAmount); err != nil {
			return err
		}
	}
	inv.TaxesAmountCents, err = roundCents(total)
	return err
}

// taxIndex returns where a tax of a fee stands among the invoice's, their number if it does not.
func (inv *Invoice) taxIndex(t *AppliedTax) int {
	for i := range inv.Taxes {
		if inv.Taxes[i].TaxID == t.TaxID && inv.Taxes[i].Rate.Equal(t.Rate) {
			return i
		}
	}
	return len(inv.Taxes)
}

// weightedRate returns the rate of all taxes together, in percent: each weighed by the share
// of the sub total that it is put on, or of the fees' number where the sub total is 0.
func (inv *Invoice) weightedRate() decimal.Decimal {
	base, of := decimal.Zero, decimal.NewFromInt(int64(len(inv.Fees)))
	byNumber := true
	for i := range inv.Fees {
		base = base.Add(inv.Fees[i].taxBase())
	}
	if base.IsPositive() {
		of, byNumber = base, false
	}
	weighted := decimal.Zero
	for i := range inv.Fees {
		for _, t := range inv.Fees[i].Taxes {
			if byNumber {
				weighted = weighted.Add(t.Rate)
			} else {
				weighted = weighted.Add(t.Rate.Mul(t.BaseCents))
			}
		}
	}
	return divide(weighted, of).Round(taxesRateDigits)
}

// TaxUsage returns the taxes on usage in cents: those that an invoice would have with the
// fees of the usage and no others. customer comes with its taxes; organization are those
// that hold where nothing else is said.
//
// It makes no such invoice, since it is asked for with every look at current usage: what is
// put on each fee of a charge is the same, and so is put on their sum.
func TaxUsage(usages []ChargeUsage, plan *Plan, customer *Customer, organization []Tax) (int64, error) {
	percents := decimal.Zero
	for i := range usages {
		cents := usages[i].AmountCents
		if cents == 0 {
			continue
		}
		for _, tax := range firstTaxes(usages[i].Charge.Taxes, plan.Taxes, customer.Taxes, organization) {
			percents = percents.Add(decimal.NewFromInt(cents).Mul(tax.Rate))
		}
	}
	taxes, err := roundCents(percents.Shift(-2))
	if err != nil {
		return 0, fmt.Errorf("cannot tax usage: %w", err)
	}
	return taxes, nil
}
