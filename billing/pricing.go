package billing

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/ingest"
)

// ChargeUsage is the priced usage of one charge over one period.
type ChargeUsage struct {
	Charge *Charge
	// Buckets are the parts that are priced each by itself: those of the charge's
	// filters in their order, then the default bucket, which takes what no filter does.
	// With pricing group keys a filter has a bucket for each group that was seen, in the
	// order of the values, and none if there was none; without, always exactly one.
	Buckets []BucketUsage

	// The sums over the buckets.
	Units       decimal.Decimal
	EventsCount int64
	AmountCents int64
	// PricingUnitCents are hundredths of the charge's pricing unit, 0 where it is priced in the currency.
	PricingUnitCents int64
}

// TotalCents returns the sum of what charges amount to, in minor units. It is an error if
// that does not fit an int64.
func TotalCents(usages []ChargeUsage) (int64, error) {
	var total int64
	for i := range usages {
		var err error
		if total, err = AddCents(total, usages[i].AmountCents); err != nil {
			return 0, fmt.Errorf("cannot total usage: %w", err)
		}
	}
	return total, nil
}

// BucketUsage is the priced usage of one filter and group of a charge.
type BucketUsage struct {
	Filter *ChargeFilter // nil: the charge's default bucket
	// GroupedBy is the pricing group: property -> value, nil value = events without it.
	// Empty, never nil, where the bucket is not grouped.
	GroupedBy map[string]*string

	Units decimal.Decimal // rounded as the metric says, at least 0
	// TotalUnits is Lago's total_aggregated_units: of a weighted sum the running sum at the
	// period's end, as it is; of all others Units.
	TotalUnits    decimal.Decimal
	EventsCount   int64
	AmountCents   int64           // minor units of the currency, also of a charge with a pricing unit
	PreciseAmount decimal.Decimal // in cents, before rounding
	UnitAmount    decimal.Decimal // in currency units; see Price.UnitAmount
	AmountDetails []byte          // JSON; see Price.Details
	// PricingUnit are the amounts in the charge's pricing unit; nil: it is priced in the currency.
	PricingUnit *PricingUnitAmounts
	// Presentation breaks the usage down for display, in the order of the values; empty
	// where the charge has no presentation group keys.
	Presentation []PresentationUsage
}

// PresentationUsage is a part of a bucket that is shown by itself, and not priced.
type PresentationUsage struct {
	PresentedBy map[string]*string `json:"presentation_by"` // property -> value, nil value = events without it
	// Units are as they were measured: what rounds and bounds the bucket's does not apply.
	Units decimal.Decimal `json:"units"`
}

// Properties returns the prices of the bucket: its filter's, or the charge's own.
func (b *BucketUsage) Properties(ch *Charge) *ChargeProperties {
	if b.Filter != nil {
		return &b.Filter.Properties
	}
	return &ch.Properties
}

// IsEmpty reports whether the bucket makes no fee: no units, no events, no amount.
func (b *BucketUsage) IsEmpty() bool {
	return b.Units.IsZero() && b.EventsCount == 0 && b.AmountCents == 0
}

// PriceCharge prices the usage of a charge, in the order that ChargeUsage says. buckets
// are what metering answered for the charge's metric and ChargeSplit. It is the one function
// that makes money of usage: for current usage as for invoices. The error is an amount
// too large for int64 minor units, an answer that lacks what the split asked for, or, the
// caller's (Error), a custom charge whose expression has no value for the usage.
func PriceCharge(ch *Charge, buckets []aggregator.BucketUsage, currency Currency) (ChargeUsage, error) {
	usage := ChargeUsage{Charge: ch}
	for i := range buckets {
		if buckets[i].Fold == nil && ch.fold(ch.properties(buckets[i].Filter)) != nil {
			return ChargeUsage{}, fmt.Errorf("cannot price charge %s: metering did not say what its events come to one after the other", ch.ID)
		}
	}
	for _, b := range bucketUsage(ch, buckets) {
		if err := usage.add(b, currency); err != nil {
			return ChargeUsage{}, fmt.Errorf("cannot price charge %s: %w", ch.ID, err)
		}
	}
	return usage, nil
}

// properties returns the prices of a filter, or the charge's own for aggregator.NoFilter.
func (ch *Charge) properties(filter int) *ChargeProperties {
	if filter == aggregator.NoFilter {
		return &ch.Properties
	}
	return &ch.Filters[filter].Properties
}

// add prices a bucket and appends it.
func (u *ChargeUsage) add(b aggregator.BucketUsage, currency Currency) error {
	metric := &u.Charge.Metric
	rounded := roundUnits(b.Units, metric.RoundingFunction, metric.RoundingPrecision)
	units := decimal.Max(rounded, decimal.Zero)
	bucket := BucketUsage{Units: units, TotalUnits: units, EventsCount: b.EventsCount}
	if metric.AggregationType == WeightedSumAgg {
		bucket.TotalUnits = b.TotalUnits
	}
	if b.Filter != aggregator.NoFilter {
		bucket.Filter = &u.Charge.Filters[b.Filter]
	}
	properties := u.Charge.properties(b.Filter)
	bucket.GroupedBy = groupedBy(properties.PricingGroupKeys, b.Group)
	bucket.Presentation = presented(properties.PresentationGroupKeys, b.Presentation)

	price, err := u.Charge.price(properties, Quantity{
		Units: rounded, PreciseTotal: b.PreciseTotal, EventsCount: b.EventsCount, Fold: b.Fold,
	})
	if err != nil {
		return err
	}
	if err := bucket.cost(price, u.Charge.PricingUnit, currency); err != nil {
		return err
	}

	u.Buckets = append(u.Buckets, bucket)
	u.Units = u.Units.Add(units)
	u.EventsCount += b.EventsCount
	if u.PricingUnitCents, err = AddCents(u.PricingUnitCents, bucket.PricingUnit.Cents()); err != nil {
		return err
	}
	u.AmountCents, err = AddCents(u.AmountCents, bucket.AmountCents)
	return err
}

// price returns what a quantity costs by properties of the charge, in its pricing unit. An
// expression that has no value is a fault of the charge, which the error names.
func (ch *Charge) price(p *ChargeProperties, q Quantity) (Price, error) {
	price, err := p.Price(ch.Model, q)
	var failure *ingest.EvalError
	if errors.As(err, &failure) {
		err = fmt.Errorf("%w: %w", Invalid("charges."+ch.Code+".properties.expression", CodeInvalidExpression), err)
	}
	return price, err
}

// cost sets the bucket's amounts. A price in a pricing unit is rounded in it, converted, and
// then rounded in the currency; what is precise is what was rounded last.
func (b *BucketUsage) cost(price Price, applied *AppliedPricingUnit, currency Currency) error {
	amount, unitAmount := price.Amount, price.UnitAmount
	var err error
	if applied != nil {
		if b.PricingUnit, err = applied.amounts(price.Amount, price.UnitAmount); err != nil {
			return err
		}
		amount = b.PricingUnit.converted()
		unitAmount = unitAmount.Mul(applied.ConversionRate)
	}
	cents, err := Cents(amount, currency)
	b.AmountCents, b.PreciseAmount = cents, PreciseCents(amount, currency)
	b.UnitAmount, b.AmountDetails = unitAmount, price.Details
	return err
}

// bucketUsage returns the charge's buckets: those of each filter in turn, then the
// default bucket's. What is not grouped has a bucket also without usage: a graduated
// charge's first flat amount is due even then.
func bucketUsage(ch *Charge, seen []aggregator.BucketUsage) []aggregator.BucketUsage {
	var buckets []aggregator.BucketUsage
	for filter := range ch.Filters {
		buckets = appendBuckets(buckets, seen, filter, ch.Filters[filter].Properties.PricingGroupKeys)
	}
	return appendBuckets(buckets, seen, aggregator.NoFilter, ch.Properties.PricingGroupKeys)
}

func appendBuckets(dst, seen []aggregator.BucketUsage, filter int, groupKeys []string) []aggregator.BucketUsage {
	before := len(dst)
	for _, b := range seen {
		if b.Filter == filter {
			dst = append(dst, b)
		}
	}
	if len(dst) == before && len(groupKeys) == 0 {
		dst = append(dst, aggregator.BucketUsage{Filter: filter})
	}
	return dst
}

// presented names the values of the parts that a bucket is broken down to.
func presented(keys []string, parts []aggregator.PresentationUsage) []PresentationUsage {
	var usages []PresentationUsage
	for _, part := range parts {
		usages = append(usages, PresentationUsage{PresentedBy: groupedBy(keys, part.Values), Units: part.Units})
	}
	return usages
}

// groupedBy names the values of a group.
func groupedBy(keys []string, values []aggregator.Value) map[string]*string {
	group := make(map[string]*string, len(keys))
	for i, key := range keys {
		if values[i].Null {
			group[key] = nil
			continue
		}
		text := values[i].Text
		group[key] = &text
	}
	return group
}
