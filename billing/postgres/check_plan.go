package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// checkPlan looks at a plan's parts once more under the catalog's lock, since the caller
// may have read what they refer to before it was deleted or changed, and completes them:
// charges have their metrics and pricing units afterwards, fixed charges their add-ons,
// and everything its taxes.
func checkPlan(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	if err := checkCharges(ctx, tx, p); err != nil {
		return err
	}
	if err := resolvePricingUnits(ctx, tx, p); err != nil {
		return err
	}
	if err := resolveAddOns(ctx, tx, p); err != nil {
		return err
	}
	sets := []*[]billing.Tax{&p.Taxes}
	for i := range p.Charges {
		sets = append(sets, &p.Charges[i].Taxes)
	}
	for i := range p.FixedCharges {
		sets = append(sets, &p.FixedCharges[i].Taxes)
	}
	if p.Commitment != nil {
		sets = append(sets, &p.Commitment.Taxes)
	}
	return resolveTaxes(ctx, tx, p.OrganizationID, sets...)
}

// checkCharges checks charges against their metrics as they are now.
func checkCharges(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	const query = `SELECT ` + metricColumns + ` FROM billable_metrics m
		WHERE m.organization_id = $1 AND m.id = ANY ($2) AND m.deleted_at IS NULL`
	ids := make([]uuid.UUID, len(p.Charges))
	for i := range p.Charges {
		ids[i] = p.Charges[i].Metric.ID
	}
	metrics, err := readAll(ctx, tx, "billable metrics", scanMetric, query, p.OrganizationID, ids)
	if err != nil {
		return err
	}
	live := byID(metrics, metricID)
	for i := range p.Charges {
		metric, ok := live[p.Charges[i].Metric.ID]
		if !ok {
			return billing.NotFound("billable_metric")
		}
		p.Charges[i].Metric = metric
		if err := p.Charges[i].Check(); err != nil {
			return err
		}
	}
	if billing.SplitBytes(p.Charges) > billing.SplitBytesMax {
		return billing.Invalid("charges", billing.CodeOutOfRange)
	}
	return nil
}

// resolvePricingUnits replaces the units of charges, of which only the code counts, by the
// live ones with their codes.
func resolvePricingUnits(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	const query = `SELECT ` + pricingUnitColumns + ` FROM pricing_units u
		WHERE u.organization_id = $1 AND u.code = ANY ($2) AND u.deleted_at IS NULL`
	var codes []string
	for i := range p.Charges {
		if applied := p.Charges[i].PricingUnit; applied != nil {
			codes = append(codes, applied.Unit.Code)
		}
	}
	if len(codes) == 0 {
		return nil
	}
	units, err := readAll(ctx, tx, "pricing units", scanPricingUnit, query, p.OrganizationID, codes)
	if err != nil {
		return err
	}
	byCode := make(map[string]billing.PricingUnit, len(units))
	for _, u := range units {
		byCode[u.Code] = u
	}
	for i := range p.Charges {
		applied := p.Charges[i].PricingUnit
		if applied == nil {
			continue
		}
		unit, ok := byCode[applied.Unit.Code]
		if !ok {
			return billing.NotFound("pricing_unit")
		}
		applied.Unit = unit
	}
	return nil
}

// resolveAddOns replaces the add-ons of fixed charges by the live ones with their ids or,
// where the id is nil, their codes.
func resolveAddOns(ctx context.Context, tx pgx.Tx, p *billing.Plan) error {
	const query = `SELECT ` + addOnColumns + ` FROM add_ons a
		WHERE a.organization_id = $1 AND (a.id = ANY ($2) OR a.code = ANY ($3)) AND a.deleted_at IS NULL`
	if len(p.FixedCharges) == 0 {
		return nil
	}
	ids, codes := []uuid.UUID{}, []string{}
	for i := range p.FixedCharges {
		f := &p.FixedCharges[i]
		if f.Code == "" {
			return billing.Invalid("code", billing.CodeMandatory)
		}
		if f.AddOn.ID != uuid.Nil {
			ids = append(ids, f.AddOn.ID)
		} else {
			codes = append(codes, f.AddOn.Code)
		}
	}
	addOns, err := readAll(ctx, tx, "add-ons", scanAddOn, query, p.OrganizationID, ids, codes)
	if err != nil {
		return err
	}
	if err := readAddOnTaxes(ctx, tx, pointers(addOns)...); err != nil {
		return err
	}
	live, byCode := byID(addOns, addOnID), make(map[string]billing.AddOn, len(addOns))
	for _, a := range addOns {
		byCode[a.Code] = a
	}
	for i := range p.FixedCharges {
		f := &p.FixedCharges[i]
		addOn, ok := live[f.AddOn.ID]
		if f.AddOn.ID == uuid.Nil {
			addOn, ok = byCode[f.AddOn.Code]
		}
		if !ok {
			return billing.NotFound("add_on")
		}
		f.AddOn = addOn
	}
	return nil
}
