package oracle

import (
	"math/big"
	"time"
)

// Charge prices one metric.
type Charge struct {
	Metric Metric
	Price  Price
}

// Plan is what a subscription costs for one whole period.
type Plan struct {
	BaseCents int64 // base fee, minor units
	Digits    int   // of the currency's minor unit
	Charges   []Charge
}

// Fee is what one charge comes to.
type Fee struct {
	Code   string // of the metric
	Units  *big.Rat
	Events int
	Cents  int64
}

// Invoice is what one subscription owes for one whole period.
type Invoice struct {
	BaseCents  int64
	Fees       []Fee // one for each charge of the plan, in its order, also where it is zero
	TotalCents int64
}

// Invoice prices the subscription's events in [from, to). Each fee is rounded by
// itself; the total is the sum of what stands on the invoice.
func (p Plan) Invoice(events []Event, subscription string, from, to time.Time) Invoice {
	invoice := Invoice{BaseCents: p.BaseCents, TotalCents: p.BaseCents}
	for _, charge := range p.Charges {
		usage := Usage(events, charge.Metric, subscription, from, to, Split{}).Find(NoFilter)
		units := NotNegative(usage.Rounded)
		cents := Cents(charge.Price.Amount(units), p.Digits)
		invoice.Fees = append(invoice.Fees, Fee{charge.Metric.Code, units, usage.Events, cents})
		invoice.TotalCents += cents
	}
	return invoice
}
