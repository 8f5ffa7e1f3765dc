package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// planParts are the rows of plans' parts, whichever plan they are of.
type planParts struct {
	charges      []billing.Charge
	fixedCharges []billing.FixedCharge
	history      []fixedUnits
	commitments  []planCommitment
	taxes        []appliedTax
}

// completePlans fills in all that belongs to plans of one organization, as far as it is
// live, in two round trips however many they are.
func completePlans(ctx context.Context, q querier, org uuid.UUID, plans []billing.Plan) error {
	if len(plans) == 0 {
		return nil
	}
	ids := planIDs(plans)
	var parts planParts
	batch := &pgx.Batch{}
	queueCharges(batch, org, ids, &parts.charges)
	parts.queue(batch, org, ids)
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := completeCharges(ctx, q, org, parts.charges, false); err != nil {
		return err
	}
	parts.place(plans)
	return nil
}

func planIDs(plans []billing.Plan) []uuid.UUID {
	ids := make([]uuid.UUID, len(plans))
	for i := range plans {
		ids[i] = plans[i].ID
	}
	return ids
}

// queue has all parts but charges read, in their order.
func (parts *planParts) queue(batch *pgx.Batch, org uuid.UUID, plans []uuid.UUID) {
	const fixedCharges = `SELECT ` + fixedChargeColumns + fixedChargesFrom + `
		WHERE f.organization_id = $1 AND f.plan_id = ANY ($2) AND f.deleted_at IS NULL
		ORDER BY f.plan_id, f.position`
	const history = `SELECT ` + fixedUnitsColumns + ` FROM fixed_charge_units h
		JOIN fixed_charges f ON f.organization_id = h.organization_id AND f.id = h.fixed_charge_id
		WHERE h.organization_id = $1 AND f.plan_id = ANY ($2) AND f.deleted_at IS NULL
		ORDER BY h.fixed_charge_id, h.set_at, h.id`
	const commitments = `SELECT ` + commitmentColumns + ` FROM minimum_commitments m
		WHERE m.organization_id = $1 AND m.plan_id = ANY ($2)`
	const taxes = `SELECT x.owner_id, ` + taxColumns + ` FROM (
			SELECT plan_id AS owner_id, tax_id, position FROM plan_taxes WHERE plan_id = ANY ($2)
			UNION ALL SELECT c.id, x.tax_id, x.position FROM charge_taxes x JOIN charges c ON c.id = x.charge_id
				WHERE c.plan_id = ANY ($2) AND c.deleted_at IS NULL
			UNION ALL SELECT f.id, x.tax_id, x.position FROM fixed_charge_taxes x JOIN fixed_charges f ON f.id = x.fixed_charge_id
				WHERE f.plan_id = ANY ($2) AND f.deleted_at IS NULL
			UNION ALL SELECT m.id, x.tax_id, x.position FROM minimum_commitment_taxes x
				JOIN minimum_commitments m ON m.id = x.minimum_commitment_id WHERE m.plan_id = ANY ($2)
			UNION ALL SELECT add_on_id, tax_id, position FROM add_on_taxes WHERE add_on_id IN (
				SELECT f.add_on_id FROM fixed_charges f WHERE f.plan_id = ANY ($2) AND f.deleted_at IS NULL)
		) x JOIN taxes t ON t.id = x.tax_id
		WHERE t.organization_id = $1 AND t.deleted_at IS NULL
		ORDER BY x.owner_id, x.position`
	queueAll(batch, "fixed charges", &parts.fixedCharges, scanFixedCharge, fixedCharges, org, plans)
	queueAll(batch, "units of fixed charges", &parts.history, scanFixedUnits, history, org, plans)
	queueAll(batch, "minimum commitments", &parts.commitments, scanCommitment, commitments, org, plans)
	queueAll(batch, "taxes", &parts.taxes, scanAppliedTax, taxes, org, plans)
}

// place gives each plan its parts, and each part its taxes.
func (parts *planParts) place(plans []billing.Plan) {
	taxes := byOwner(parts.taxes)
	history := make(map[uuid.UUID][]billing.FixedUnits)
	for _, set := range parts.history {
		history[set.fixedChargeID] = append(history[set.fixedChargeID], set.FixedUnits)
	}
	index := make(map[uuid.UUID]*billing.Plan, len(plans))
	for i := range plans {
		index[plans[i].ID] = &plans[i]
		plans[i].Taxes = taxes[plans[i].ID]
	}
	for _, c := range parts.charges {
		c.Taxes = taxes[c.ID]
		plan := index[c.PlanID]
		plan.Charges = append(plan.Charges, c)
	}
	for _, f := range parts.fixedCharges {
		f.Taxes, f.AddOn.Taxes, f.History = taxes[f.ID], taxes[f.AddOn.ID], history[f.ID]
		plan := index[f.PlanID]
		plan.FixedCharges = append(plan.FixedCharges, f)
	}
	for _, c := range parts.commitments {
		c.Taxes = taxes[c.ID]
		index[c.planID].Commitment = &c.MinimumCommitment
	}
}

// clonePlan returns a plan whose parts may be replaced without touching the original's.
func clonePlan(p *billing.Plan) billing.Plan {
	cloned := *p
	cloned.Taxes = slices.Clone(p.Taxes)
	cloned.Charges = slices.Clone(p.Charges)
	for i := range cloned.Charges {
		c := &cloned.Charges[i]
		c.Filters, c.Taxes = slices.Clone(c.Filters), slices.Clone(c.Taxes)
		c.PricingUnit = clonePointer(c.PricingUnit)
	}
	cloned.FixedCharges = slices.Clone(p.FixedCharges)
	for i := range cloned.FixedCharges {
		f := &cloned.FixedCharges[i]
		f.History, f.Taxes, f.AddOn.Taxes = slices.Clone(f.History), slices.Clone(f.Taxes), slices.Clone(f.AddOn.Taxes)
	}
	if cloned.Commitment = clonePointer(p.Commitment); cloned.Commitment != nil {
		cloned.Commitment.Taxes = slices.Clone(p.Commitment.Taxes)
	}
	return cloned
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
