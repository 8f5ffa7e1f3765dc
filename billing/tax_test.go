package billing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

func testTax(code, rate string) Tax {
	return Tax{ID: uuid.New(), Code: code, Name: strings.ToUpper(code), Rate: dec(rate)}
}

// taxedFee is a fee of cents with taxes put on it.
func taxedFee(cents int64, taxes ...Tax) Fee {
	x := taxer{newID: uuid.New}
	return Fee{ID: uuid.New(), AmountCents: cents, Taxes: x.applied(taxes)}
}

// taxed settles an invoice of the fees.
func taxed(t *testing.T, fees ...Fee) *Invoice {
	t.Helper()
	inv := &Invoice{Fees: fees}
	if err := inv.settle(&taxer{newID: uuid.New, now: at("2024-05-01T00:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	return inv
}

// describeTaxes is a line for each fee's taxes, one for each of the invoice's and one for its totals.
func describeTaxes(inv *Invoice) []string {
	var lines []string
	for _, fee := range inv.Fees {
		lines = append(lines, fmt.Sprintf("fee %d taxes %d rate %s", fee.AmountCents, fee.TaxesCents, fee.TaxesRate))
	}
	for _, tax := range inv.Taxes {
		lines = append(lines, fmt.Sprintf("%s %s%% of %s is %d", tax.Code, tax.Rate, tax.BaseCents, tax.AmountCents))
	}
	return append(lines, fmt.Sprintf("%d + %d = %d at %s%%", inv.SubTotalExcludingTaxesAmountCents, inv.TaxesAmountCents, inv.TotalAmountCents, inv.TaxesRate))
}

func wantTexts(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTaxes(t *testing.T) {
	t.Parallel()
	five, vat, city := testTax("five", "5"), testTax("vat", "20"), testTax("city", "1.5")
	f := func(fees []Fee, want ...string) {
		t.Helper()
		wantTexts(t, describeTaxes(taxed(t, fees...)), want...)
	}
	// Each fee shows round(0.5) = 1, together 3; the invoice round(30 × 5 %) = round(1.5) = 2.
	f([]Fee{taxedFee(10, five), taxedFee(10, five), taxedFee(10, five)},
		"fee 10 taxes 1 rate 5", "fee 10 taxes 1 rate 5", "fee 10 taxes 1 rate 5",
		"five 5% of 30 is 2", "30 + 2 = 32 at 5%")
	// Several taxes on a fee: 101 × 20 % = 20.2, × 1.5 % = 1.515, together 21.715 → 22.
	f([]Fee{taxedFee(101, vat, city)},
		"fee 101 taxes 22 rate 21.5", "vat 20% of 101 is 20", "city 1.5% of 101 is 2", "101 + 22 = 123 at 21.5%")
	// A tax on some of the fees: 20 × 1000 / 4000 + 1.5 × 3000 / 4000 = 5 + 1.125. Taxes 200 and 45.
	f([]Fee{taxedFee(1000, vat), taxedFee(3000, city)},
		"fee 1000 taxes 200 rate 20", "fee 3000 taxes 45 rate 1.5",
		"vat 20% of 1000 is 200", "city 1.5% of 3000 is 45", "4000 + 245 = 4245 at 6.125%")
	// 20 × 1 / 3 = 6.6666…, 5 digits.
	f([]Fee{taxedFee(100, vat), taxedFee(200)},
		"fee 100 taxes 20 rate 20", "fee 200 taxes 0 rate 0", "vat 20% of 100 is 20", "300 + 20 = 320 at 6.66667%")
	// Where nothing is to pay, fees are weighed by their number: one of two has 20 %.
	f([]Fee{taxedFee(0, vat), taxedFee(0)},
		"fee 0 taxes 0 rate 20", "fee 0 taxes 0 rate 0", "vat 20% of 0 is 0", "0 + 0 = 0 at 10%")
	f(nil, "0 + 0 = 0 at 0%")
	// The rounded taxes of an invoice need not add up to its taxes: 0.5 + 0.5 = 1, and each is 1.
	half := testTax("half", "5")
	f([]Fee{taxedFee(10, five, half)}, "fee 10 taxes 1 rate 10", "five 5% of 10 is 1", "half 5% of 10 is 1", "10 + 1 = 11 at 10%")
	// The rate was raised between the reading of a plan's taxes and that of the organization's.
	raised := vat
	raised.Rate = dec("21")
	f([]Fee{taxedFee(100, vat), taxedFee(100, raised), taxedFee(100, vat)},
		"fee 100 taxes 20 rate 20", "fee 100 taxes 21 rate 21", "fee 100 taxes 20 rate 20",
		"vat 20% of 200 is 40", "vat 21% of 100 is 21", "300 + 61 = 361 at 20.33333%")
}

// TestTaxHierarchy takes away one set of taxes after the other, from the nearest on.
func TestTaxHierarchy(t *testing.T) {
	t.Parallel()
	set := func(code string) []Tax { return []Tax{testTax(code, "10")} }
	charge := testCharge(Standard, standardAt("1"))
	charge.MinAmountCents = 5000
	bill := aprilBill(t, "a", priced(t, charge, cell("20", 1)))
	fixed := testFixedCharge(Standard, standardAt("5"), units("3", "2024-01-01T00:00:00Z", false))
	bill.Plan.FixedCharges = []FixedCharge{fixed}
	bill.Plan.Commitment = &MinimumCommitment{AmountCents: 100_000}
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	bill.UsageFull, bill.FixedFull = april, april
	bill.Fixed = bill.Usage
	bill.Commitment, bill.CommitmentFees, bill.CommitmentDays, bill.CommitmentPeriodDays = april, april, 30, 30
	a := assembly(bill)

	charge.Taxes, bill.Plan.FixedCharges[0].Taxes, bill.Plan.Commitment.Taxes = set("charge"), set("fixed"), set("commitment")
	bill.Plan.Taxes, a.Customer.Taxes, a.OrganizationTaxes = set("plan"), set("customer"), set("organization")
	f := func(want ...string) {
		t.Helper()
		inv, _, err := Assemble(a)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, fee := range inv.Fees {
			text := string(fee.Type)
			for _, tax := range fee.Taxes {
				text += " " + tax.Code
			}
			got = append(got, text)
		}
		wantTexts(t, got, want...)
	}
	// A charge's true-up is taxed as the charge.
	f("subscription plan", "charge charge", "charge charge", "fixed_charge fixed", "commitment commitment")
	charge.Taxes, bill.Plan.FixedCharges[0].Taxes, bill.Plan.Commitment.Taxes = nil, nil, nil
	f("subscription plan", "charge plan", "charge plan", "fixed_charge plan", "commitment plan")
	bill.Plan.Taxes = nil
	f("subscription customer", "charge customer", "charge customer", "fixed_charge customer", "commitment customer")
	a.Customer.Taxes = nil
	f("subscription organization", "charge organization", "charge organization", "fixed_charge organization", "commitment organization")
	a.OrganizationTaxes = nil
	f("subscription", "charge", "charge", "fixed_charge", "commitment")
}

// TestTaxesAddUp puts random taxes on random fees: every sum is off by less than its roundings.
func TestTaxesAddUp(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		catalog := make([]Tax, 1+random.IntN(4))
		for i := range catalog {
			catalog[i] = testTax(fmt.Sprint("t", i), decimal.New(random.Int64N(30_000), -3).String())
		}
		fees := make([]Fee, random.IntN(30))
		for i := range fees {
			fees[i] = taxedFee(random.Int64N(1000), catalog[:random.IntN(len(catalog)+1)]...)
		}
		inv := taxed(t, fees...)
		exact, ofTaxes := decimal.Zero, int64(0)
		for _, tax := range inv.Taxes {
			base := decimal.Zero // Σ of the amounts of the fees that have the tax
			for _, fee := range inv.Fees {
				if slices.ContainsFunc(fee.Taxes, func(x AppliedTax) bool { return x.TaxID == tax.TaxID }) {
					base = base.Add(decimal.NewFromInt(fee.AmountCents))
				}
			}
			amount := base.Mul(tax.Rate).Div(decimal.NewFromInt(100))
			if !tax.BaseCents.Equal(base) || tax.AmountCents != amount.Round(0).IntPart() {
				t.Fatalf("seed %d: tax %+v, want %s of %s", seed, tax, amount, base)
			}
			exact, ofTaxes = exact.Add(amount), ofTaxes+tax.AmountCents
		}
		if inv.TaxesAmountCents != exact.Round(0).IntPart() {
			t.Fatalf("seed %d: taxes %d, want %s", seed, inv.TaxesAmountCents, exact)
		}
		// Each of the taxes is rounded by at most half a cent, and so is their sum.
		if off := 2 * (ofTaxes - inv.TaxesAmountCents); max(off, -off) > int64(len(inv.Taxes))+1 {
			t.Fatalf("seed %d: %d taxes of together %d, and %d on the invoice", seed, len(inv.Taxes), ofTaxes, inv.TaxesAmountCents)
		}
		if inv.TotalAmountCents != inv.FeesAmountCents+inv.TaxesAmountCents || inv.SubTotalIncludingTaxesAmountCents != inv.TotalAmountCents {
			t.Fatalf("seed %d: totals %+v", seed, inv)
		}
	}
}

func TestTaxUsage(t *testing.T) {
	t.Parallel()
	charge := testCharge(Standard, standardAt("0.01"), filterBy(standardAt("0.01"), map[string][]string{"region": {"eu"}}))
	free := testCharge(Standard, standardAt("0.01"))
	free.Taxes = []Tax{testTax("none", "0")}
	usages := []ChargeUsage{priced(t, charge, cell("10", 1, ""), cell("10", 1, "eu")), priced(t, free, cell("10", 1))}
	organization := []Tax{testTax("five", "5")}
	f := func(plan *Plan, customer *Customer, want int64) {
		t.Helper()
		got, err := TaxUsage(usages, plan, customer, organization)
		if err != nil || got != want {
			t.Errorf("taxes %d, %v; want %d", got, err, want)
		}
	}
	f(&Plan{}, &Customer{}, 1)                                   // 10 + 10 cents at 5 %; by fee it would be 2
	f(&Plan{}, &Customer{Taxes: []Tax{testTax("ten", "10")}}, 2) // 20 × 10 %
	f(&Plan{Taxes: []Tax{testTax("plan", "50")}}, &Customer{}, 10)
}
