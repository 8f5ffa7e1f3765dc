package billing

import "testing"

func TestMinimumCommitment(t *testing.T) {
	t.Parallel()
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	// 30.00 of base fee for a whole month, 45.00 of usage and, where asked for, 10.00 of seats.
	bill := func(committed int64, seats string) PricedBill {
		b := aprilPeriods(aprilBill(t, "a", priced(t, testCharge(Standard, standardAt("1")), cell("45", 3))))
		b.Base, b.Usage, b.Fixed = april, april, april
		b.BaseDays, b.BasePeriodDays = 30, 30
		b.Commitment, b.CommitmentFees, b.CommitmentDays, b.CommitmentPeriodDays = april, april, 30, 30
		b.Plan.Commitment = &MinimumCommitment{AmountCents: committed}
		if seats != "" {
			b.Plan.FixedCharges = []FixedCharge{testFixedCharge(Standard, standardAt("5"), units(seats, "2024-01-01T00:00:00Z", false))}
		}
		return b
	}
	const base, usage, seat = "subscription a 1 x 30 = 3000", "charge tokens 45 x 1 = 4500", "fixed_charge seat 2 x 5 = 1000"
	wantFees(t, bill(10_000, ""), base, usage, "commitment a 1 x 25 = 2500") // 100.00 − 30.00 − 45.00
	wantFees(t, bill(7500, ""), base, usage)
	wantFees(t, bill(7000, ""), base, usage)
	inv := wantFees(t, bill(10_000, "2"), base, usage, seat, "commitment a 1 x 15 = 1500")
	if fee := inv.Fees[3]; fee.DisplayName != "Minimum commitment" || fee.Period != april || fee.ItemName != "Plan a" {
		t.Errorf("fee %+v", fee)
	}

	part := bill(10_000, "")
	part.CommitmentDays = 24 // 80.00 are owed for
	wantFees(t, part, base, usage, "commitment a 1 x 5 = 500")

	// A year's is settled with what eleven months' invoices have billed of it.
	year := bill(100_000, "")
	year.Commitment = Period{at("2023-05-01T00:00:00Z"), april.To}
	year.CommitmentFees, year.CommittedCents = year.Commitment, 90_000
	wantFees(t, year, base, usage, "commitment a 1 x 25 = 2500") // 1000.00 − 900.00 − 75.00

	// In advance it looks back: the base fee that was paid for April is stored, and that of
	// May, on this invoice, is for a period that begins after it.
	ahead := bill(10_000, "")
	ahead.Base = Period{april.To, at("2024-06-01T00:00:00Z")}
	ahead.CommittedCents = 3000
	wantFees(t, ahead, base, usage, "commitment a 1 x 25 = 2500")
	ahead.CommittedCents = 0
	wantFees(t, ahead, base, usage, "commitment a 1 x 55 = 5500")

	none := bill(10_000, "")
	none.Commitment = Period{} // none is settled now
	wantFees(t, none, base, usage)
	none = bill(10_000, "")
	none.Plan.Commitment = nil
	wantFees(t, none, base, usage)
}

// A charge's true-up counts towards the commitment, and another subscription's fees do not.
func TestCommitmentCountsItsOwn(t *testing.T) {
	t.Parallel()
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	charge := testCharge(Standard, standardAt("1"))
	charge.MinAmountCents = 1000
	commit := func(b PricedBill) PricedBill {
		b = aprilPeriods(b)
		b.Commitment, b.CommitmentFees, b.CommitmentDays, b.CommitmentPeriodDays = april, april, 30, 30
		b.Plan.Commitment = &MinimumCommitment{AmountCents: 5000, InvoiceDisplayName: "At least"}
		return b
	}
	first, second := commit(aprilBill(t, "a", priced(t, charge))), commit(aprilBill(t, "b"))
	inv, _, err := Assemble(assembly(first, second))
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, describeFees(inv),
		"subscription a 1 x 21 = 2100",
		"charge tokens 0 x 0 = 0",
		"charge tokens 1 x 7 = 700 for 1", // 21 of 30 days of 10.00
		"commitment a 1 x 22 = 2200",      // 50.00 − 21.00 − 7.00
		"subscription b 1 x 21 = 2100",
		"commitment b 1 x 29 = 2900",
	)
	if inv.Fees[3].DisplayName != "At least" || inv.Fees[3].SubscriptionID != first.Subscription.ID {
		t.Errorf("fee %+v", inv.Fees[3])
	}
}
