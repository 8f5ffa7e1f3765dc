package billing

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// evidencePriced is what an invoice keeps of how it priced what is not usage: with it, and
// with the fees, those fees can be made again.
type evidencePriced struct {
	FixedCharges []evidenceFixedCharge `json:"fixed_charges,omitempty"`
	Minimums     []evidenceMinimum     `json:"minimums,omitempty"`
}

// evidenceFixedCharge is a fixed charge as it was priced, with units as they came to.
type evidenceFixedCharge struct {
	ID                 uuid.UUID         `json:"id"`
	Code               string            `json:"code"`
	InvoiceDisplayName string            `json:"invoice_display_name,omitempty"`
	AddOnID            uuid.UUID         `json:"add_on_id"`
	AddOnCode          string            `json:"add_on_code"`
	AddOnName          string            `json:"add_on_name"`
	Model              ChargeModel       `json:"charge_model"`
	Properties         *ChargeProperties `json:"properties"`
	PayInAdvance       bool              `json:"pay_in_advance,omitempty"`
	Prorated           bool              `json:"prorated,omitempty"`
	Period             evidencePeriod    `json:"period"`
	PeriodDays         int               `json:"period_days"`
	Segments           []evidenceSegment `json:"segments"`
}

type evidenceSegment struct {
	evidencePeriod
	Units decimal.Decimal `json:"units"`
	Days  int             `json:"days"`
}

// evidenceMinimum is a minimum as it was settled.
type evidenceMinimum struct {
	ChargeID    *uuid.UUID     `json:"charge_id,omitempty"` // none: the plan's minimum commitment
	Period      evidencePeriod `json:"period"`
	AmountCents int64          `json:"amount_cents"`
	Days        int            `json:"days"`
	PeriodDays  int            `json:"period_days"`
	BilledCents int64          `json:"billed_cents"`
}

type evidencePeriod struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Evidence returns as JSON all that the invoice keeps of how a subscription's part of it was
// priced: what EncodeEvidence keeps of usage, and what DecodePriced gives back.
func (s *InvoiceSubscription) Evidence() []byte {
	e := newEvidence(s.Metered, s.Days)
	for i := range s.FixedCharges {
		e.FixedCharges = append(e.FixedCharges, evidenceOfFixedCharge(&s.FixedCharges[i]))
	}
	for _, m := range s.Minimums {
		minimum := evidenceMinimum{
			Period: evidencePeriod(m.Period), AmountCents: m.AmountCents,
			Days: m.Days, PeriodDays: m.PeriodDays, BilledCents: m.BilledCents,
		}
		if m.ChargeID != uuid.Nil {
			minimum.ChargeID = &m.ChargeID
		}
		e.Minimums = append(e.Minimums, minimum)
	}
	return mustJSON(e)
}

func evidenceOfFixedCharge(u *FixedChargeUsage) evidenceFixedCharge {
	f := u.FixedCharge
	e := evidenceFixedCharge{
		ID:                 f.ID,
		Code:               f.Code,
		InvoiceDisplayName: f.InvoiceDisplayName,
		AddOnID:            f.AddOn.ID,
		AddOnCode:          f.AddOn.Code,
		AddOnName:          f.AddOn.Name,
		Model:              f.Model,
		Properties:         &f.Properties,
		PayInAdvance:       f.PayInAdvance,
		Prorated:           f.Prorated,
		Period:             evidencePeriod(u.Period),
		PeriodDays:         u.PeriodDays,
	}
	for _, s := range u.Segments {
		e.Segments = append(e.Segments, evidenceSegment{evidencePeriod(s.Period), s.Units, s.Days})
	}
	return e
}

// DecodePriced returns the fixed charges as they were priced, priced anew in the currency of
// the invoice, and the minimums as they were settled, from what Evidence made. An error means
// that it was damaged, or that a newer version made it.
func DecodePriced(text []byte, currency Currency) ([]FixedChargeUsage, []Minimum, error) {
	var e evidence
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, nil, fmt.Errorf("cannot read an invoice's evidence: %w", err)
	}
	if e.Version != evidenceVersion {
		return nil, nil, fmt.Errorf("cannot read an invoice's evidence: version %d is not known", e.Version)
	}
	var usages []FixedChargeUsage
	for i := range e.FixedCharges {
		usage, err := e.FixedCharges[i].usage(currency)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read an invoice's evidence: fixed charge %s: %w", e.FixedCharges[i].ID, err)
		}
		usages = append(usages, usage)
	}
	var minimums []Minimum
	for _, m := range e.Minimums {
		minimum := Minimum{
			Period: Period(m.Period), AmountCents: m.AmountCents,
			Days: m.Days, PeriodDays: m.PeriodDays, BilledCents: m.BilledCents,
		}
		if m.ChargeID != nil {
			minimum.ChargeID = *m.ChargeID
		}
		minimums = append(minimums, minimum)
	}
	return usages, minimums, nil
}

func (e *evidenceFixedCharge) usage(currency Currency) (FixedChargeUsage, error) {
	f := &FixedCharge{
		ID: e.ID, Code: e.Code, InvoiceDisplayName: e.InvoiceDisplayName,
		AddOn: AddOn{ID: e.AddOnID, Code: e.AddOnCode, Name: e.AddOnName},
		Model: e.Model, PayInAdvance: e.PayInAdvance, Prorated: e.Prorated,
	}
	u := FixedChargeUsage{FixedCharge: f, Period: Period(e.Period), PeriodDays: e.PeriodDays}
	for _, s := range e.Segments {
		u.Segments = append(u.Segments, UnitsSegment{Period(s.evidencePeriod), s.Units, s.Days})
	}
	if e.Properties != nil {
		f.Properties = *e.Properties
	}
	if codes := f.Properties.Validate(e.Model); len(codes) > 0 || !e.Model.fixed() || len(u.Segments) == 0 {
		return u, fmt.Errorf("it can't be priced: model %s, %d segments, properties %v", e.Model, len(u.Segments), codes)
	}
	return u, u.price(currency)
}

// fixed reports whether fixed charges can be of the model.
func (model ChargeModel) fixed() bool {
	return model == Standard || model == Graduated || model == Volume
}
