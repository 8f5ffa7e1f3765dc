package api

import (
	"math"

	"github.com/google/uuid"

	"weir/billing"
)

// minimumCommitmentObject is Lago's MinimumCommitmentObject.
type minimumCommitmentObject struct {
	LagoID             uuid.UUID   `json:"lago_id"`
	PlanCode           string      `json:"plan_code"`
	InvoiceDisplayName *string     `json:"invoice_display_name"`
	Interval           string      `json:"interval"`
	AmountCents        int64       `json:"amount_cents"`
	CreatedAt          string      `json:"created_at"`
	UpdatedAt          string      `json:"updated_at"`
	Taxes              []taxObject `json:"taxes"`
}

// minimumCommitmentOf describes the plan's commitment; nil when it has none.
func minimumCommitmentOf(p *billing.Plan) *minimumCommitmentObject {
	c := p.Commitment
	if c == nil {
		return nil
	}
	return &minimumCommitmentObject{
		LagoID:             c.ID,
		PlanCode:           p.Code,
		InvoiceDisplayName: orNull(c.InvoiceDisplayName),
		Interval:           string(p.Interval),
		AmountCents:        c.AmountCents,
		CreatedAt:          stamp(c.CreatedAt),
		UpdatedAt:          stamp(c.UpdatedAt),
		Taxes:              each(c.Taxes, taxOf),
	}
}

// readMinimumCommitment takes over what a request says of a plan's commitment. An empty
// object takes it away, as in Lago.
func readMinimumCommitment(f form, p *billing.Plan) {
	o, ok := f.object("minimum_commitment")
	if !ok {
		return
	}
	if len(o.members) == 0 {
		p.Commitment = nil
		return
	}
	var c billing.MinimumCommitment
	if p.Commitment != nil {
		c = *p.Commitment
	}
	if p.Commitment == nil || o.has("amount_cents") {
		c.AmountCents, _ = o.integer("amount_cents", 1, math.MaxInt64)
		o.mustGive("amount_cents")
	}
	o.into(&c.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	c.Taxes = readTaxCodes(o, c.Taxes)
	p.Commitment = &c
}
