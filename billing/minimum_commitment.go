package billing

import "fmt"

// commitmentName is how a minimum commitment is called that has no name of its own.
const commitmentName = "Minimum commitment"

// addCommitmentFee adds the fee that makes up for the plan's minimum commitment, where one is
// settled now and something is missing. What was billed for it are all fees for periods that
// begin in its span (Bill.CommitmentFees): this invoice's and those of earlier ones.
func (a *Assembly) addCommitmentFee(inv *Invoice, b *PricedBill) error {
	commitment := b.Plan.Commitment
	if commitment == nil || b.Commitment.IsZero() {
		return nil
	}
	m := Minimum{Period: b.Commitment, AmountCents: commitment.AmountCents, Days: b.CommitmentDays, PeriodDays: b.CommitmentPeriodDays}
	missing, err := m.settle(inv, b)
	if err != nil {
		return fmt.Errorf("cannot settle the minimum commitment of subscription %s: %w", b.Subscription.ID, err)
	}
	evidence := &inv.Subscriptions[len(inv.Subscriptions)-1]
	evidence.Minimums = append(evidence.Minimums, m)
	if missing == 0 {
		return nil
	}
	fee := a.newFee(inv, b)
	fee.Type = CommitmentFee
	fee.ItemCode, fee.ItemName = b.Plan.Code, b.Plan.Name
	fee.DisplayName = firstNonEmpty(commitment.InvoiceDisplayName, commitmentName)
	fee.Period = b.Commitment
	fee.setLumpSum(missing)
	a.taxer().choose(&fee, commitment.Taxes, b.Plan.Taxes)
	inv.Fees = append(inv.Fees, fee)
	return nil
}

// countsForCommitment reports whether fees for a period count for the commitment that is
// settled: it begins in the commitment's span.
func (b *Bill) countsForCommitment(p Period) bool {
	return !p.From.Before(b.CommitmentFees.From) && p.From.Before(b.CommitmentFees.To)
}

// settle adds up what was billed and returns what is missing.
func (m *Minimum) settle(inv *Invoice, b *PricedBill) (missing int64, err error) {
	m.BilledCents = b.CommittedCents
	for i := range inv.Fees {
		fee := &inv.Fees[i]
		if fee.SubscriptionID != b.Subscription.ID || !b.countsForCommitment(fee.Period) {
			continue
		}
		if m.BilledCents, err = AddCents(m.BilledCents, fee.AmountCents); err != nil {
			return 0, err
		}
	}
	return m.Missing()
}
