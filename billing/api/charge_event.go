package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
)

// defaultFilter stands in charge_filter_id for what no filter of the charge takes.
const defaultFilter = "default"

// chargeEvents is how a request names the figure whose events it wants.
type chargeEvents struct {
	subscription string
	id, code     string // of the charge
	filter       string // id, defaultFilter, or "" for all
	groups       map[string][]string
	invoice      *uuid.UUID
}

func (p params) chargeEvents(subscription string) (chargeEvents, bool) {
	c := chargeEvents{
		subscription: subscription, id: p.text("charge_id"), code: p.text("charge_code"),
		filter: p.text("charge_filter_id"), groups: p.group("grouped_by"),
	}
	if text := p.text("invoice_id"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			p.fault("invoice_id", billing.CodeInvalid)
		}
		c.invoice = &id
	}
	for _, values := range c.groups {
		if len(values) > 1 {
			p.fault("grouped_by", billing.CodeInvalid)
		}
	}
	asked := c.id != "" || c.code != ""
	if asked && subscription == "" {
		p.fault("external_subscription_id", billing.CodeMandatory)
	}
	if !asked && (c.filter != "" || c.groups != nil || c.invoice != nil) {
		p.fault("charge_code", billing.CodeMandatory)
	}
	return c, asked
}

// ofCharge narrows a list down to the events behind a figure of a usage or an invoice, if
// the request names a charge.
func (a *api) ofCharge(ctx context.Context, r request, p params, ask *query.EventsRequest) error {
	c, asked := p.chargeEvents(ask.Subscription)
	if err := p.err(); err != nil || !asked {
		return err
	}
	var metered billing.MeteredCharge
	var err error
	if c.invoice == nil {
		metered, err = a.meteredNow(ctx, r, &c)
	} else {
		var invoiced *billing.InvoicedUsage
		if metered, invoiced, err = a.meteredThen(ctx, r, &c); err == nil {
			bound(ask, &metered, invoiced)
		}
	}
	if err != nil {
		return err
	}
	ask.Code = ""
	ask.Of, err = c.part(&metered)
	return err
}

// meteredNow finds the charge on the plan of the subscription.
func (a *api) meteredNow(ctx context.Context, r request, c *chargeEvents) (billing.MeteredCharge, error) {
	sub, err := a.DB.Subscription(ctx, r.organization.ID, c.subscription)
	if err != nil {
		return billing.MeteredCharge{}, err
	}
	plan, err := a.DB.PlanByID(ctx, r.organization.ID, sub.PlanID)
	if err != nil {
		return billing.MeteredCharge{}, err
	}
	i := slices.IndexFunc(plan.Charges, func(ch billing.Charge) bool { return c.names(&ch) })
	if i < 0 {
		return billing.MeteredCharge{}, billing.NotFound("charge")
	}
	definitions, err := a.definitions(ctx, r)
	if err != nil {
		return billing.MeteredCharge{}, err
	}
	metered, err := billing.MeterCharges([]*billing.Charge{&plan.Charges[i]}, definitions.Metrics)
	if err != nil {
		return billing.MeteredCharge{}, err
	}
	return metered[0], nil
}

// meteredThen finds the charge as the invoice priced it.
func (a *api) meteredThen(ctx context.Context, r request, c *chargeEvents) (billing.MeteredCharge, *billing.InvoicedUsage, error) {
	versions, err := a.DB.SubscriptionsOf(ctx, r.organization.ID, c.subscription)
	if err != nil {
		return billing.MeteredCharge{}, nil, err
	}
	missing := billing.NotFound("invoice")
	for i := range versions {
		invoiced, err := a.invoicedAt(ctx, &versions[i], postgres.InvoicedUsageFilter{InvoiceID: c.invoice})
		if err != nil {
			return billing.MeteredCharge{}, nil, err
		}
		if invoiced == nil {
			continue
		}
		missing = billing.NotFound("charge")
		for _, metered := range invoiced.Metered {
			if c.names(metered.Charge) {
				return metered, invoiced, nil
			}
		}
	}
	return billing.MeteredCharge{}, nil, missing
}

// names reports whether the charge is the one that is asked for.
func (c *chargeEvents) names(ch *billing.Charge) bool {
	return (c.id == "" || c.id == ch.ID.String()) && (c.code == "" || c.code == ch.Code)
}

// bound narrows the question down to what the invoice was made of: its period, and the
// events as they were at its cut. What is behind a recurring metric has no beginning.
func bound(ask *query.EventsRequest, m *billing.MeteredCharge, u *billing.InvoicedUsage) {
	if !m.Metric.Recurring && u.Period.From.After(ask.From) {
		ask.From = u.Period.From
	}
	if u.Period.To.Before(ask.To) {
		ask.To = u.Period.To
	}
	if u.Cut == nil || u.Cut.Next == 0 { // made of nothing
		ask.To = ask.From
		return
	}
	ask.At = u.Cut.Next
}

// part returns what is asked for as metering names it. Only the group keys that the
// request gives are looked at, so that some of them name all groups that agree in them.
func (c *chargeEvents) part(m *billing.MeteredCharge) (*aggregator.Part, error) {
	part := &aggregator.Part{Metric: m.Metric, Split: m.Split, Filter: aggregator.AnyFilter}
	switch {
	case c.filter == defaultFilter:
		part.Filter = aggregator.NoFilter
	case c.filter != "":
		part.Filter = slices.IndexFunc(m.Charge.Filters, func(f billing.ChargeFilter) bool { return f.ID.String() == c.filter })
		if part.Filter < 0 {
			return nil, billing.NotFound("charge_filter")
		}
	case len(c.groups) > 0 && len(m.Charge.Filters) > 0:
		return nil, billing.Invalid("charge_filter_id", billing.CodeMandatory)
	case len(c.groups) > 0:
		part.Filter = aggregator.NoFilter
	}
	if part.Filter == aggregator.AnyFilter {
		return part, nil
	}
	keys := &part.Split.GroupKeys
	if part.Filter != aggregator.NoFilter {
		part.Split.Filters = slices.Clone(part.Split.Filters)
		keys = &part.Split.Filters[part.Filter].GroupKeys
	}
	given := make([]string, 0, len(c.groups))
	for key := range c.groups {
		if !slices.Contains(*keys, key) {
			return nil, billing.Invalid("grouped_by", billing.CodeInvalid)
		}
		given = append(given, key)
	}
	slices.Sort(given)
	*keys = given
	for _, key := range given {
		text := c.groups[key][0]
		part.Group = append(part.Group, aggregator.Value{Text: text, Null: text == ""})
	}
	return part, nil
}
