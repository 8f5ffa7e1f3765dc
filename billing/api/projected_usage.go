package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/billing"
)

// projectedUsageObject is Lago's CustomerProjectedUsageObject.
type projectedUsageObject struct {
	FromDatetime         string                               `json:"from_datetime"`
	ToDatetime           string                               `json:"to_datetime"`
	IssuingDate          string                               `json:"issuing_date"`
	LagoInvoiceID        *uuid.UUID                           `json:"lago_invoice_id"`
	Currency             string                               `json:"currency"`
	AmountCents          int64                                `json:"amount_cents"`
	ProjectedAmountCents int64                                `json:"projected_amount_cents"`
	TaxesAmountCents     int64                                `json:"taxes_amount_cents"`
	TotalAmountCents     int64                                `json:"total_amount_cents"`
	ChargesUsage         []chargeUsageObject[projectedObject] `json:"charges_usage"`
}

// projectedObject is what the usage of anything amounts to, and will.
type projectedObject struct {
	Units                           string                  `json:"units"`
	ProjectedUnits                  string                  `json:"projected_units"`
	EventsCount                     int64                   `json:"events_count"`
	AmountCents                     int64                   `json:"amount_cents"`
	ProjectedAmountCents            int64                   `json:"projected_amount_cents"`
	PricingUnitDetails              *usagePricingUnitObject `json:"pricing_unit_details"`
	PresentationBreakdowns          []presentationObject    `json:"presentation_breakdowns"`
	ProjectedPresentationBreakdowns []presentationObject    `json:"projected_presentation_breakdowns"`
}

// showProjectedUsage is GET /customers/{external_id}/projected_usage: what the running
// period comes to if it goes on as it went.
func (a *api) showProjectedUsage(ctx context.Context, r request) (any, error) {
	p := r.params()
	asked, err := a.running(ctx, r, p)
	if err != nil {
		return nil, err
	}
	metered, err := asked.catalog.meter(asked.plan, &usageFilter{})
	if err != nil {
		return nil, err
	}
	usages, err := a.priceUsage(ctx, r, asked.subscribed, asked.period, metered)
	if err != nil {
		return nil, err
	}
	current, err := asked.usageOf(usages, p)
	if err != nil {
		return nil, err
	}
	o := projectedUsageObject{
		FromDatetime: current.FromDatetime, ToDatetime: current.ToDatetime, IssuingDate: current.IssuingDate,
		Currency: current.Currency, AmountCents: current.AmountCents,
		TaxesAmountCents: current.TaxesAmountCents, TotalAmountCents: current.TotalAmountCents,
	}
	for i := range usages {
		projected, err := project(&usages[i], asked.elapsed(), asked.plan.Currency)
		if err != nil {
			return nil, err
		}
		if o.ProjectedAmountCents, err = billing.AddCents(o.ProjectedAmountCents, projected.of(usages[i].Charge, usages[i].Buckets).ProjectedAmountCents); err != nil {
			return nil, err
		}
		o.ChargesUsage = append(o.ChargesUsage, chargeUsageOf(&usages[i], asked.plan.Currency, projected.of))
	}
	return struct {
		CustomerProjectedUsage projectedUsageObject `json:"customer_projected_usage"`
	}{o}, nil
}

// elapsed returns how much of the running period is over, in the customer's days.
func (u *runningUsage) elapsed() billing.Elapsed {
	over := billing.Period{From: u.period.From, To: u.now.Add(1)}
	return billing.Elapsed{Days: over.Days(u.location), Of: u.period.Days(u.location)}
}

// projections are those of the buckets of one charge.
type projections map[projectionKey]billing.Projection

type projectionKey struct {
	filter uuid.UUID // zero: the default bucket
	group  string
}

func projectionKeyOf(b *billing.BucketUsage) projectionKey {
	key := projectionKey{group: groupName(b.GroupedBy)}
	if b.Filter != nil {
		key.filter = b.Filter.ID
	}
	return key
}

// project extends the usage of a charge to the end of the period.
func project(u *billing.ChargeUsage, elapsed billing.Elapsed, currency billing.Currency) (projections, error) {
	projected := make(projections, len(u.Buckets))
	var total int64
	for i := range u.Buckets {
		p, err := u.Buckets[i].Project(u.Charge, elapsed, currency)
		if err == nil {
			total, err = billing.AddCents(total, p.AmountCents)
		}
		if err != nil {
			return nil, err
		}
		projected[projectionKeyOf(&u.Buckets[i])] = p
	}
	return projected, nil
}

// of sums some of the charge's buckets.
func (p projections) of(ch *billing.Charge, buckets []billing.BucketUsage) projectedObject {
	current := usageOf(ch, buckets)
	o := projectedObject{
		Units: current.Units, EventsCount: current.EventsCount, AmountCents: current.AmountCents,
		PricingUnitDetails: current.PricingUnitDetails, PresentationBreakdowns: current.PresentationBreakdowns,
	}
	units := decimal.Zero
	for i := range buckets {
		projection := p[projectionKeyOf(&buckets[i])]
		units = units.Add(projection.Units)
		o.ProjectedAmountCents += projection.AmountCents
	}
	o.ProjectedUnits = billing.FormatDecimal(units)
	o.ProjectedPresentationBreakdowns = presentationOf(buckets, func(b *billing.BucketUsage) []billing.PresentationUsage {
		return p[projectionKeyOf(b)].Presentation
	})
	return o
}
