package biller

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest"
)

// price asks for all that the bill is made of besides the catalog: the usage that it covers,
// and what earlier invoices have billed of the commitment that it settles.
func (r *round) price(ctx context.Context, organization uuid.UUID, bill billing.Bill, location *time.Location) (billing.PricedBill, error) {
	p := billing.PricedBill{Bill: bill}
	if !bill.Usage.IsZero() && len(bill.Plan.Charges) > 0 {
		if err := r.priceUsage(ctx, organization, &p, location); err != nil {
			return p, err
		}
	}
	if bill.Plan.Commitment == nil || bill.Commitment.IsZero() {
		return p, nil
	}
	var err error
	p.CommittedCents, err = r.biller.opts.DB.FeesSince(ctx, organization, bill.Subscription.ID, bill.CommitmentFees)
	if err != nil {
		return p, fmt.Errorf("cannot read what was billed of a commitment: %w", err)
	}
	return p, nil
}

// priceUsage takes the cut: it asks for the usage that the bill covers, complete up to the
// end of the log as it is now, and prices it.
func (r *round) priceUsage(ctx context.Context, organization uuid.UUID, p *billing.PricedBill, location *time.Location) error {
	charges := p.Plan.Charges
	if err := r.meter(ctx, organization, p, charges); err != nil {
		return err
	}
	if billing.NeedsDays(p.Metered) {
		p.Days = p.Subscription.UsageDays(p.Usage, p.Plan, location)
	}
	answer, err := r.usage(ctx, organization, p)
	if err != nil {
		return err
	}
	p.Cut = &billing.Cut{LogID: answer.LogID, Partition: answer.Partition, Next: answer.Next}
	for i := range charges {
		usage, err := billing.PriceCharge(&charges[i], answer.Items[i].Buckets, p.Plan.Currency)
		if err != nil {
			return err
		}
		p.Charges = append(p.Charges, usage)
	}
	return nil
}

// meter sets what to ask of metering for the charges.
func (r *round) meter(ctx context.Context, organization uuid.UUID, p *billing.PricedBill, charges []billing.Charge) error {
	definitions, err := r.organizationMetrics(ctx, organization)
	if err != nil {
		return err
	}
	asked := make([]*billing.Charge, len(charges))
	for i := range charges {
		asked[i] = &charges[i]
	}
	p.Metered, err = billing.MeterCharges(asked, definitions)
	return err
}

// usage asks the owner of the subscription's partition.
func (r *round) usage(ctx context.Context, organization uuid.UUID, p *billing.PricedBill) (query.UsageAnswer, error) {
	items := make([]query.UsageItem, len(p.Metered))
	for i := range p.Metered {
		items[i] = query.UsageItem{Metric: p.Metered[i].Metric, Split: p.Metered[i].Split}
	}
	subscription := p.Subscription.ExternalID
	partition := ingest.Partition(organization, subscription, r.biller.opts.Partitions)
	end, err := r.end(ctx, partition)
	if err != nil {
		return query.UsageAnswer{}, err
	}
	answer, err := r.biller.opts.Usage.Usage(ctx, query.UsageRequest{
		Organization: organization,
		Subscription: subscription,
		From:         p.Usage.From,
		To:           p.Usage.To,
		Days:         p.Days,
		Items:        items,
		AtLeast:      end,
		Committed:    true,
	})
	if err != nil {
		return answer, fmt.Errorf("cannot ask for usage at offset %d of partition %d: %w", end, partition, err)
	}
	if answer.LogID != r.biller.opts.LogID || answer.Partition != partition || answer.Next < end || len(answer.Items) != len(items) {
		return answer, fmt.Errorf("usage is of offset %d of partition %d of log %q with %d items; asked for %d, %d, %q and %d",
			answer.Next, answer.Partition, answer.LogID, len(answer.Items), end, partition, r.biller.opts.LogID, len(items))
	}
	return answer, nil
}

func (r *round) organizationMetrics(ctx context.Context, organization uuid.UUID) (map[uuid.UUID]*aggregator.Metric, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if definitions := r.definitions[organization]; definitions != nil {
		return definitions, nil
	}
	definitions, err := r.biller.opts.DB.Definitions(ctx, organization)
	if err != nil {
		return nil, fmt.Errorf("cannot load metric definitions: %w", err)
	}
	r.definitions[organization] = definitions.Metrics
	return definitions.Metrics, nil
}

// end returns the end of a partition of the log: everything acknowledged lies below it.
func (r *round) end(ctx context.Context, partition int32) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end, ok := r.ends[partition]; ok {
		return end, nil
	}
	_, end, err := r.biller.opts.Ends(ctx, partition)
	if err != nil {
		return 0, fmt.Errorf("cannot read the end of partition %d: %w", partition, err)
	}
	r.ends[partition] = end
	return end, nil
}
