package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
)

// InvoicedUsage is the usage of one subscription over one period as a finalized invoice
// billed it, with the evidence to ask for it again.
type InvoicedUsage struct {
	InvoiceID      uuid.UUID
	InvoiceNumber  string
	IssuingDate    time.Time // a calendar day, at 00:00 UTC
	Currency       Currency
	SubscriptionID uuid.UUID
	ExternalID     string // the subscription's
	Period         Period
	Cut            *Cut // nil where there were no charges
	// Usages is what was billed of each charge, in the order of the plan as it was then.
	// The charges are those that were priced, whatever has become of them since.
	Usages []ChargeUsage
	// Metered is what metering was asked for each of Usages; nil for an invoice of the
	// first version, which did not keep it.
	Metered []MeteredCharge
	// Days are the local days that metering was told of (query.UsageRequest.Days); nil: it was told none.
	Days []time.Time
	// PreciseTaxes are those on the fees of each charge, by its id: in cents, before rounding. A
	// charge without taxes is not in it. What makes up for a charge's minimum is none of its usage.
	PreciseTaxes map[uuid.UUID]decimal.Decimal
}

// TaxesCents returns the taxes on Usages, rounded once as those of an invoice are.
func (u *InvoicedUsage) TaxesCents() (int64, error) {
	total := decimal.Zero
	for i := range u.Usages {
		total = total.Add(u.PreciseTaxes[u.Usages[i].Charge.ID])
	}
	cents, err := roundCents(total)
	if err != nil {
		return 0, fmt.Errorf("cannot total the taxes on usage: %w", err)
	}
	return cents, nil
}

// UsageDifference is by how much the usage of one charge, filter and group is another
// now than an invoice has billed: events came late, were amended or cancelled.
type UsageDifference struct {
	Charge *Charge       // as it was priced
	Filter *ChargeFilter // nil: the charge's default bucket
	// GroupedBy is the pricing group: property -> value, nil value = events without it.
	GroupedBy map[string]*string
	Billed    UsageFigures
	Now       UsageFigures
}

// UsageFigures are what usage amounts to.
type UsageFigures struct {
	Units       decimal.Decimal // rounded as the metric said when it was billed
	EventsCount int64
	AmountCents int64 // at the prices of then
}

// Less returns f - g.
func (f UsageFigures) Less(g UsageFigures) UsageFigures {
	return UsageFigures{
		Units:       f.Units.Sub(g.Units),
		EventsCount: f.EventsCount - g.EventsCount,
		AmountCents: f.AmountCents - g.AmountCents,
	}
}

// Difference returns what has become of the usage that an invoice billed: for every
// charge, filter and group whose units, events count or amount are others now. Change is
// Now.Less(Billed). now is metering's answer to the very question of the invoice, one
// answer for each of u.Metered, over u.Period, at whatever position of the log.
//
// Of a recurring metric a late event makes a difference in its own period and in every
// later one that has been billed. Amounts compare at the prices of the invoice, charge by
// charge: what a customer is owed also depends on what comes after the fees.
func Difference(u *InvoicedUsage, now [][]aggregator.BucketUsage) ([]UsageDifference, error) {
	if len(now) != len(u.Metered) || len(u.Usages) != len(u.Metered) {
		return nil, fmt.Errorf("cannot compare the usage of %d charges with that of %d", len(now), len(u.Usages))
	}
	var differences []UsageDifference
	for i := range u.Usages {
		usage, err := PriceCharge(u.Metered[i].Charge, now[i], u.Currency)
		if err != nil {
			return nil, err
		}
		differences = append(differences, compareUsage(&u.Usages[i], &usage)...)
	}
	return differences, nil
}

// compareUsage pairs the buckets of a charge by filter and group: those that were billed
// in their order, then those that are new.
func compareUsage(billed, now *ChargeUsage) []UsageDifference {
	var pairs []UsageDifference
	index := make(map[string]int)
	pair := func(b *BucketUsage) *UsageDifference {
		name := bucketName(b)
		at, met := index[name]
		if !met {
			at = len(pairs)
			index[name] = at
			pairs = append(pairs, UsageDifference{Charge: billed.Charge, Filter: b.Filter, GroupedBy: b.GroupedBy})
		}
		return &pairs[at]
	}
	for i := range billed.Buckets {
		pair(&billed.Buckets[i]).Billed = billed.Buckets[i].figures()
	}
	for i := range now.Buckets {
		pair(&now.Buckets[i]).Now = now.Buckets[i].figures()
	}
	differences := pairs[:0]
	for _, p := range pairs {
		if change := p.Now.Less(p.Billed); !change.Units.IsZero() || change.EventsCount != 0 || change.AmountCents != 0 {
			differences = append(differences, p)
		}
	}
	return differences
}

func (b *BucketUsage) figures() UsageFigures {
	return UsageFigures{Units: b.Units, EventsCount: b.EventsCount, AmountCents: b.AmountCents}
}

// bucketName is equal for buckets of the same filter and group.
func bucketName(b *BucketUsage) string {
	filter := uuid.Nil
	if b.Filter != nil {
		filter = b.Filter.ID
	}
	return filter.String() + string(mustJSON(b.GroupedBy)) // of a map: sorted by key
}
