package api

import (
	"context"
	"net/url"

	"github.com/google/uuid"

	"weir/billing"
)

// feeExplained is ours: the figures that led to a fee, as its invoice has kept them. What does
// not belong to the fee's kind is null.
type feeExplained struct {
	// Events is where the events behind a charge's fee are listed, as they were then.
	Events      *string               `json:"events"`
	FixedCharge *fixedChargeExplained `json:"fixed_charge"`
	// Minimum is what a commitment's fee, or a charge's true-up, makes up for.
	Minimum *minimumExplained `json:"minimum"`
}

// fixedChargeExplained is how a fixed charge was priced.
type fixedChargeExplained struct {
	ChargeModel string           `json:"charge_model"`
	Properties  propertiesObject `json:"properties"`
	Prorated    bool             `json:"prorated"`
	// PricedUnits are those that the model has priced: prorated, the sum of units × days / period_days.
	PricedUnits string                `json:"priced_units"`
	PeriodDays  int                   `json:"period_days"`
	Units       []fixedUnitsExplained `json:"units"`
}

// fixedUnitsExplained are the units that there were for some time.
type fixedUnitsExplained struct {
	FromDatetime string `json:"from_datetime"`
	ToDatetime   string `json:"to_datetime"`
	Units        string `json:"units"`
	Days         int    `json:"days"`
}

// minimumExplained is a minimum as it was settled: the fee is what is due less what was billed.
// That of a charge priced in a pricing unit is in hundredths of it.
type minimumExplained struct {
	FromDatetime string `json:"from_datetime"`
	ToDatetime   string `json:"to_datetime"`
	AmountCents  int64  `json:"amount_cents"` // of a full period
	Days         int    `json:"days"`         // due, of PeriodDays
	PeriodDays   int    `json:"period_days"`
	DueCents     int64  `json:"due_amount_cents"`
	BilledCents  int64  `json:"billed_amount_cents"` // by other fees
}

// feeExplainedObject is a fee by itself.
type feeExplainedObject struct {
	feeObject
	Weir feeExplained `json:"weir"`
}

// explainFee says how a fee came about.
func (a *api) explainFee(ctx context.Context, fee *billing.Fee, o *feeObject) (explained feeExplained, err error) {
	switch {
	case fee.Type == billing.ChargeFee:
		trueUp, err := a.isTrueUp(ctx, fee)
		if err != nil {
			return explained, err
		}
		if !trueUp {
			events := eventsOf(fee, *o.ExternalSubscriptionID)
			explained.Events = &events
			return explained, nil
		}
		explained.Minimum, err = a.explainMinimum(ctx, fee, fee.Charge.ID)
		return explained, err
	case fee.Type == billing.FixedChargeFee:
		explained.FixedCharge, err = a.explainFixedCharge(ctx, fee)
	case fee.Type == billing.CommitmentFee:
		explained.Minimum, err = a.explainMinimum(ctx, fee, uuid.Nil)
	}
	return explained, err
}

// isTrueUp reports whether the fee of a charge makes up for its minimum. Where a grouped charge saw
// nothing there is no fee of usage that it could name as its parent.
func (a *api) isTrueUp(ctx context.Context, fee *billing.Fee) (bool, error) {
	if fee.TrueUpParentID != uuid.Nil || fee.Filter != nil || len(fee.GroupedBy) > 0 {
		return fee.TrueUpParentID != uuid.Nil, nil
	}
	ofUsage, err := a.DB.IsOfUsage(ctx, fee.OrganizationID, fee.InvoiceID, fee.ID)
	return !ofUsage, err
}

// explainFixedCharge says how the fixed charge of a fee was priced, nil where the invoice has not kept it.
func (a *api) explainFixedCharge(ctx context.Context, fee *billing.Fee) (*fixedChargeExplained, error) {
	usages, _, err := a.DB.PricedEvidence(ctx, fee.OrganizationID, fee.InvoiceID, fee.SubscriptionID, fee.Currency)
	for i := range usages {
		if usages[i].FixedCharge.ID == fee.FixedCharge.ID {
			return fixedChargeExplainedOf(&usages[i]), nil
		}
	}
	return nil, err
}

// explainMinimum says what minimum a fee makes up for: that of a charge, or with uuid.Nil the
// plan's commitment. It is nil where the invoice has not kept it.
func (a *api) explainMinimum(ctx context.Context, fee *billing.Fee, charge uuid.UUID) (*minimumExplained, error) {
	_, minimums, err := a.DB.PricedEvidence(ctx, fee.OrganizationID, fee.InvoiceID, fee.SubscriptionID, fee.Currency)
	for i := range minimums {
		if minimums[i].ChargeID == charge {
			return minimumExplainedOf(&minimums[i], fee), nil
		}
	}
	return nil, err
}

// eventsOf returns the path that lists the events behind the fee of a charge.
func eventsOf(fee *billing.Fee, subscription string) string {
	asked := url.Values{
		"external_subscription_id": {subscription},
		"invoice_id":               {fee.InvoiceID.String()},
		"charge_id":                {fee.Charge.ID.String()},
		"charge_filter_id":         {defaultFilter},
	}
	if fee.Filter != nil {
		asked.Set("charge_filter_id", fee.Filter.ID.String())
	}
	for key, value := range fee.GroupedBy {
		text := "" // events without the property
		if value != nil {
			text = *value
		}
		asked.Set("grouped_by["+key+"]", text)
	}
	return "/api/v1/events?" + asked.Encode()
}

func fixedChargeExplainedOf(u *billing.FixedChargeUsage) *fixedChargeExplained {
	return &fixedChargeExplained{
		ChargeModel: string(u.FixedCharge.Model),
		Properties:  propertiesOf(u.FixedCharge.Model, &u.FixedCharge.Properties),
		Prorated:    u.FixedCharge.Prorated,
		PricedUnits: billing.FormatDecimal(u.PricedUnits),
		PeriodDays:  u.PeriodDays,
		Units: each(u.Segments, func(s *billing.UnitsSegment) fixedUnitsExplained {
			return fixedUnitsExplained{stamp(s.From), stamp(lastInstant(s.To, nil)), billing.FormatDecimal(s.Units), s.Days}
		}),
	}
}

func minimumExplainedOf(m *billing.Minimum, fee *billing.Fee) *minimumExplained {
	missing := fee.AmountCents
	if fee.PricingUnit != nil {
		missing = fee.PricingUnit.AmountCents
	}
	return &minimumExplained{
		FromDatetime: stamp(m.Period.From),
		ToDatetime:   stamp(lastInstant(m.Period.To, nil)),
		AmountCents:  m.AmountCents,
		Days:         m.Days,
		PeriodDays:   m.PeriodDays,
		DueCents:     m.BilledCents + missing,
		BilledCents:  m.BilledCents,
	}
}
