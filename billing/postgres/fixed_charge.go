package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

const fixedChargeColumns = `f.id, f.plan_id, f.code, f.invoice_display_name, f.charge_model, f.properties,
	f.units, f.pay_in_advance, f.prorated, f.created_at, ` + addOnColumns

// fixedChargesFrom joins what fixedChargeColumns name.
const fixedChargesFrom = ` FROM fixed_charges f
	JOIN add_ons a ON a.organization_id = f.organization_id AND a.id = f.add_on_id`

// scanFixedCharge reads a fixed charge whose history and taxes are still to be filled in.
func scanFixedCharge(row pgx.CollectableRow) (f billing.FixedCharge, err error) {
	err = row.Scan(append([]any{
		&f.ID, &f.PlanID, &f.Code, &f.InvoiceDisplayName, &f.Model, &f.Properties,
		&f.Units, &f.PayInAdvance, &f.Prorated, &f.CreatedAt,
	}, addOnFields(&f.AddOn)...)...)
	return f, err
}

func fixedChargeID(f *billing.FixedCharge) uuid.UUID { return f.ID }

// fixedUnits are units with the fixed charge they belong to.
type fixedUnits struct {
	billing.FixedUnits
	fixedChargeID uuid.UUID
}

const fixedUnitsColumns = `h.fixed_charge_id, h.subscription_id, h.units, h.set_at, h.immediately`

func scanFixedUnits(row pgx.CollectableRow) (u fixedUnits, err error) {
	var subscription *uuid.UUID
	err = row.Scan(&u.fixedChargeID, &subscription, &u.Units, &u.SetAt, &u.Immediately)
	if subscription != nil {
		u.SubscriptionID = *subscription
	}
	return u, err
}

// queueFixedCharges makes a plan's fixed charges those of p: what before has and p has
// not is deleted, what is new is inserted, and what has the id of one that was there
// changes it.
func queueFixedCharges(batch *pgx.Batch, before, p *billing.Plan, now time.Time) {
	const remove = `UPDATE fixed_charges SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2`
	// Two may exchange their codes: each is out of the others' way first.
	const release = `UPDATE fixed_charges SET code = id::text WHERE organization_id = $1 AND id = $2`
	kept, old := byID(p.FixedCharges, fixedChargeID), byID(before.FixedCharges, fixedChargeID)
	for i := range before.FixedCharges {
		was := &before.FixedCharges[i]
		if f, ok := kept[was.ID]; !ok {
			batch.Queue(remove, p.OrganizationID, was.ID, stamp(now))
		} else if f.Code != was.Code {
			batch.Queue(release, p.OrganizationID, was.ID)
		}
	}
	for i := range p.FixedCharges {
		if was, ok := old[p.FixedCharges[i].ID]; ok {
			queueUpdateFixedCharge(batch, &was, p, i, now)
		} else {
			queueInsertFixedCharge(batch, p, i, now)
		}
		p.FixedCharges[i].UnitsNow = false
	}
}

// queueInsertFixedCharge inserts a new fixed charge of the plan. Its units count from now on.
func queueInsertFixedCharge(batch *pgx.Batch, p *billing.Plan, position int, now time.Time) {
	const insert = `INSERT INTO fixed_charges (id, organization_id, plan_id, add_on_id, code, position,
			invoice_display_name, charge_model, properties, units, pay_in_advance, prorated, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`
	f := &p.FixedCharges[position]
	if f.ID == uuid.Nil {
		f.ID = newID()
	}
	f.PlanID, f.CreatedAt, f.History = p.ID, stamp(now), nil
	batch.Queue(insert, f.ID, p.OrganizationID, p.ID, f.AddOn.ID, f.Code, position,
		f.InvoiceDisplayName, f.Model, f.Properties, f.Units, f.PayInAdvance, f.Prorated, f.CreatedAt)
	taxedFixedCharges.queueSetTaxes(batch, p.OrganizationID, f.ID, nil, f.Taxes)
	queueUnits(batch, p.OrganizationID, f, now, true)
}

// queueUpdateFixedCharge changes a fixed charge. It stays on its add-on, and its history is
// only added to.
func queueUpdateFixedCharge(batch *pgx.Batch, before *billing.FixedCharge, p *billing.Plan, position int, now time.Time) {
	const update = `UPDATE fixed_charges SET code = $3, position = $4, invoice_display_name = $5, charge_model = $6,
			properties = $7, units = $8, pay_in_advance = $9, prorated = $10, updated_at = $11
		WHERE organization_id = $1 AND id = $2`
	f := &p.FixedCharges[position]
	f.PlanID, f.CreatedAt, f.AddOn, f.History = p.ID, before.CreatedAt, before.AddOn, slices.Clone(before.History)
	batch.Queue(update, p.OrganizationID, f.ID, f.Code, position, f.InvoiceDisplayName, f.Model,
		f.Properties, f.Units, f.PayInAdvance, f.Prorated, stamp(now))
	taxedFixedCharges.queueSetTaxes(batch, p.OrganizationID, f.ID, before.Taxes, f.Taxes)
	if changesUnits(before, f, now) {
		queueUnits(batch, p.OrganizationID, f, now, f.UnitsNow)
	}
}

// changesUnits reports whether the plan's units are to be others than those of before, which
// were set last, or the same sooner. What stands after now in the history was set before the
// clock of a sandbox was set back.
func changesUnits(before, f *billing.FixedCharge, now time.Time) bool {
	if !before.Units.Equal(f.Units) {
		return true
	}
	for _, last := range slices.Backward(before.History) {
		if last.SubscriptionID == uuid.Nil && !last.SetAt.After(now) {
			return f.UnitsNow && !last.Immediately
		}
	}
	return f.UnitsNow
}

// queueUnits adds the units of the plan to a fixed charge's history.
func queueUnits(batch *pgx.Batch, org uuid.UUID, f *billing.FixedCharge, now time.Time, immediately bool) {
	const insert = `INSERT INTO fixed_charge_units (organization_id, fixed_charge_id, units, set_at, immediately)
		VALUES ($1, $2, $3, $4, $5)`
	set := billing.FixedUnits{Units: f.Units, SetAt: stamp(now), Immediately: immediately}
	f.History = append(f.History, set)
	batch.Queue(insert, org, f.ID, set.Units, set.SetAt, set.Immediately)
}

// fixedChargesByID returns the fixed charges with the ids, deleted or not, without their
// history and taxes: a fee keeps what it was priced by. One that is not there is not in
// the map.
func fixedChargesByID(ctx context.Context, q querier, org uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]billing.FixedCharge, error) {
	const query = `SELECT ` + fixedChargeColumns + fixedChargesFrom + ` WHERE f.organization_id = $1 AND f.id = ANY ($2)`
	fixedCharges, err := readAll(ctx, q, "fixed charges", scanFixedCharge, query, org, list(ids))
	if err != nil {
		return nil, err
	}
	return byID(fixedCharges, fixedChargeID), nil
}
