package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"weir/billing"
)

// chargeFilterFullObject is Lago's ChargeFilterFullObject: a filter by itself.
type chargeFilterFullObject struct {
	LagoID             uuid.UUID           `json:"lago_id"`
	ChargeCode         string              `json:"charge_code"`
	InvoiceDisplayName *string             `json:"invoice_display_name"`
	Properties         propertiesObject    `json:"properties"`
	Values             map[string][]string `json:"values"`
}

func chargeFilterOf(ch *billing.Charge, filter *billing.ChargeFilter) chargeFilterFullObject {
	return chargeFilterFullObject{
		LagoID:             filter.ID,
		ChargeCode:         ch.Code,
		InvoiceDisplayName: orNull(filter.InvoiceDisplayName),
		Properties:         propertiesOf(ch.Model, &filter.Properties),
		Values:             filter.Values,
	}
}

type chargeFilterAnswer struct {
	Filter chargeFilterFullObject `json:"filter"`
}

// createChargeFilter is POST /plans/{code}/charges/{charge_code}/filters: the filter becomes
// the charge's last.
func (a *api) createChargeFilter(ctx context.Context, r request) (any, error) {
	f, err := r.form("filter")
	if err != nil {
		return nil, err
	}
	return a.changeCharge(ctx, r, func(p *billing.Plan, ch *billing.Charge) (filter billing.ChargeFilter, err error) {
		if len(ch.Filters) >= chargeFiltersMax {
			f.overLimit("filters", billing.CodeInvalidCount, fmt.Sprintf("at most %d filters of a charge", chargeFiltersMax))
		}
		filter = readChargeFilter(f, ch, nil)
		ch.Filters = append(ch.Filters, filter)
		checkSplit(f, p)
		return filter, f.faults.err()
	})
}

// updateChargeFilter is PUT /plans/{code}/charges/{charge_code}/filters/{filter_id}. What is
// not said stays. A filter that looks for other values afterwards is another one, with
// another id: fees refer to what it was.
func (a *api) updateChargeFilter(ctx context.Context, r request) (any, error) {
	f, err := r.form("filter")
	if err != nil {
		return nil, err
	}
	return a.changeCharge(ctx, r, func(p *billing.Plan, ch *billing.Charge) (filter billing.ChargeFilter, err error) {
		at, err := pathFilter(r, ch)
		if err != nil {
			return filter, err
		}
		filter = readChargeFilter(f, ch, &ch.Filters[at])
		ch.Filters[at] = filter
		checkSplit(f, p)
		return filter, f.faults.err()
	})
}

// deleteChargeFilter is DELETE /plans/{code}/charges/{charge_code}/filters/{filter_id}.
func (a *api) deleteChargeFilter(ctx context.Context, r request) (any, error) {
	return a.changeCharge(ctx, r, func(_ *billing.Plan, ch *billing.Charge) (filter billing.ChargeFilter, err error) {
		at, err := pathFilter(r, ch)
		if err != nil {
			return filter, err
		}
		filter = ch.Filters[at]
		ch.Filters = slices.Delete(ch.Filters, at, at+1)
		return filter, nil
	})
}

// changeCharge changes the charge that the path names, as changePlan, and answers with the
// filter that change returns.
func (a *api) changeCharge(ctx context.Context, r request, change func(*billing.Plan, *billing.Charge) (billing.ChargeFilter, error)) (any, error) {
	var answer chargeFilterAnswer
	_, err := a.changePlan(ctx, r, func(p *billing.Plan, _ bool) error {
		at, err := pathCharge(r, p)
		if err != nil {
			return err
		}
		filter, err := change(p, &p.Charges[at])
		answer.Filter = chargeFilterOf(&p.Charges[at], &filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// readChargeFilter takes over what a request says of one filter of the charge: of was, or of
// a new one where that is nil.
func readChargeFilter(f form, ch *billing.Charge, was *billing.ChargeFilter) billing.ChargeFilter {
	filter := billing.ChargeFilter{ID: newID()}
	if was != nil {
		filter = *was
	}
	if was == nil || f.has("values") {
		values := readFilterValues(f, &ch.Metric)
		if was == nil || !sameValues(was.Values, values) {
			filter.ID, filter.Values = newID(), values
		}
		if slices.ContainsFunc(ch.Filters, func(other billing.ChargeFilter) bool {
			return (was == nil || other.ID != was.ID) && values != nil && sameValues(other.Values, values)
		}) {
			f.fault("values", billing.CodeAlreadyExist)
		}
	}
	if was == nil || f.has("properties") {
		f.mustGive("properties")
		filter.Properties = readProperties(f, ch.Model)
	}
	f.into(&filter.InvoiceDisplayName, "invoice_display_name", textBytesMax)
	return filter
}

// listChargeFilters is GET /plans/{code}/charges/{charge_code}/filters: in the order
// they have on the charge.
func (a *api) listChargeFilters(ctx context.Context, r request) (any, error) {
	p := r.params()
	page := p.page()
	if err := p.err(); err != nil {
		return nil, err
	}
	charge, err := a.pathPlanCharge(ctx, r)
	if err != nil {
		return nil, err
	}
	return struct {
		Filters []chargeFilterFullObject `json:"filters"`
		Meta    meta                     `json:"meta"`
	}{
		each(onPage(charge.Filters, page), func(filter *billing.ChargeFilter) chargeFilterFullObject {
			return chargeFilterOf(&charge, filter)
		}),
		metaOf(page, len(charge.Filters)),
	}, nil
}

// showChargeFilter is GET /plans/{code}/charges/{charge_code}/filters/{filter_id}.
func (a *api) showChargeFilter(ctx context.Context, r request) (any, error) {
	charge, err := a.pathPlanCharge(ctx, r)
	if err != nil {
		return nil, err
	}
	at, err := pathFilter(r, &charge)
	if err != nil {
		return nil, err
	}
	return chargeFilterAnswer{chargeFilterOf(&charge, &charge.Filters[at])}, nil
}

// pathPlanCharge loads the charge that the path names.
func (a *api) pathPlanCharge(ctx context.Context, r request) (billing.Charge, error) {
	plan, err := a.pathPlan(ctx, r)
	if err != nil {
		return billing.Charge{}, err
	}
	at, err := pathCharge(r, &plan)
	if err != nil {
		return billing.Charge{}, err
	}
	return plan.Charges[at], nil
}

// pathFilter returns where the filter that the path names stands on the charge.
func pathFilter(r request, ch *billing.Charge) (int, error) {
	id, err := r.pathUUID("filter_id", "charge_filter")
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(ch.Filters, func(filter billing.ChargeFilter) bool { return filter.ID == id })
	if at < 0 {
		return 0, billing.NotFound("charge_filter")
	}
	return at, nil
}
