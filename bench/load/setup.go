package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/target"
)

// setUpConnections is how many customers or subscriptions are created at a time.
const setUpConnections = 16

// subscriptionsPerCustomer is how the subscriptions are spread over customers.
const subscriptionsPerCustomer = 10

// setUp creates the metric (once for a weir), and a plan, customers and subscriptions
// of this run's own. The first of each is made through the API. The others are copies
// of its row when we can reach the weir's private database: what is measured comes after,
// and 100,000 calls would take a minute.
func (r *run) setUp(ctx context.Context) error {
	started := time.Now()
	r.id = strings.ToLower(rand.Text()[:10])
	for i := range r.Subscriptions {
		r.names = append(r.names, fmt.Sprintf("%s%06d", r.prefix(), i))
	}
	if r.least != "" {
		return nil // it knows of no subscriptions
	}
	if err := r.refuseSandbox(ctx); err != nil {
		return err
	}
	metricID, err := r.metricID(ctx)
	if err != nil {
		return err
	}
	if err := r.createPlan(ctx, metricID); err != nil {
		return err
	}
	r.probe = r.prefix() + "probe"
	r.customers = (r.Subscriptions + subscriptionsPerCustomer - 1) / subscriptionsPerCustomer
	err = r.copyRows(ctx)
	if errors.Is(err, target.ErrNoDatabase) {
		err = r.createAll(ctx)
	}
	if err != nil {
		return err
	}
	if err := r.createCustomer(ctx, r.probeCustomer()); err != nil {
		return err
	}
	err = r.subscribe(ctx, r.probeCustomer(), r.probe)
	r.setUpTook = time.Since(started).Round(time.Millisecond)
	return err
}

// prefix begins all names of this run.
func (r *run) prefix() string { return "load-" + r.id + "-" }

func (r *run) customer(number int) string { return fmt.Sprintf("%sc%06d", r.prefix(), number) }

// customerOf returns whose a subscription is.
func (r *run) customerOf(subscription int) string { return r.customer(subscription % r.customers) }

func (r *run) probeCustomer() string { return r.prefix() + "cprobe" }

// refuseSandbox: events happen now, and subscriptions of a sandbox live by another clock.
func (r *run) refuseSandbox(ctx context.Context) error {
	err := r.api.Get(ctx, "/test_clock", nil, "")
	var refusal *target.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return nil
	}
	if err == nil {
		err = errors.New("it is a sandbox (WEIR_SANDBOX)")
	}
	return fmt.Errorf("cannot load this weir: %w", err)
}

func (r *run) metricID(ctx context.Context) (string, error) {
	var out struct {
		Metric struct {
			ID string `json:"lago_id"`
		} `json:"billable_metric"`
	}
	if err := r.api.Get(ctx, "/billable_metrics/"+metricCode, &out, ""); err == nil {
		return out.Metric.ID, nil // of an earlier run
	}
	var filters []target.Object
	for _, c := range charges {
		values := c.values
		if c.field == regionField {
			values = append([]string{restOfRegions}, values...)
		}
		filters = append(filters, target.Object{"key": c.field, "values": values})
	}
	err := r.api.Post(ctx, "/billable_metrics", target.Object{"billable_metric": target.Object{
		"name": "Load", "code": metricCode, "aggregation_type": "sum_agg", "field_name": metricField, "filters": filters,
	}}, &out)
	return out.Metric.ID, err
}

// createPlan makes a plan whose two charges filter the metric.
func (r *run) createPlan(ctx context.Context, metricID string) error {
	var priced []target.Object
	for _, c := range charges {
		var filters []target.Object
		for _, value := range c.values {
			filters = append(filters, target.Object{
				"values": target.Object{c.field: []string{value}}, "properties": target.Object{"amount": "0.000002"},
			})
		}
		priced = append(priced, target.Object{
			"billable_metric_id": metricID, "code": "by_" + c.field, "charge_model": "standard",
			"properties": target.Object{"amount": "0.000001"}, "filters": filters,
		})
	}
	return r.api.Post(ctx, "/plans", target.Object{"plan": target.Object{
		"name": "Load", "code": r.planCode(), "interval": "monthly", "pay_in_advance": false,
		"amount_cents": 0, "amount_currency": "USD", "charges": priced,
	}}, nil)
}

func (r *run) planCode() string { return "load-" + r.id }

func (r *run) createCustomer(ctx context.Context, id string) error {
	return r.api.Post(ctx, "/customers", target.Object{"customer": target.Object{
		"external_id": id, "name": "Load", "currency": "USD",
	}}, nil)
}

// subscribe creates a subscription whose first period has begun and lasts a
// month: the run's events are in it.
func (r *run) subscribe(ctx context.Context, customer, name string) error {
	return r.api.Post(ctx, "/subscriptions", target.Object{"subscription": target.Object{
		"external_customer_id": customer, "external_id": name, "plan_code": r.planCode(),
		"billing_time": "anniversary", "subscription_at": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
	}}, nil)
}

// createAll makes every customer and subscription through the API.
func (r *run) createAll(ctx context.Context) error {
	running, within := errgroup.WithContext(ctx)
	running.SetLimit(setUpConnections)
	for i := range r.customers {
		running.Go(func() error { return r.createCustomer(within, r.customer(i)) })
	}
	if err := running.Wait(); err != nil {
		return err
	}
	running, within = errgroup.WithContext(ctx)
	running.SetLimit(setUpConnections)
	for i, name := range r.names {
		running.Go(func() error { return r.subscribe(within, r.customerOf(i), name) })
	}
	return running.Wait()
}

// copyRows makes the first customer and subscription through the API and the others by
// copying their rows, with all columns there may be. It needs a data directory.
func (r *run) copyRows(ctx context.Context) error {
	if r.data == "" {
		return target.ErrNoDatabase
	}
	if err := target.SQL(ctx, r.data, ""); err != nil {
		return err
	}
	if err := r.createCustomer(ctx, r.customer(0)); err != nil {
		return err
	}
	if err := r.subscribe(ctx, r.customer(0), r.names[0]); err != nil {
		return err
	}
	return target.SQL(ctx, r.data, strings.NewReplacer(
		"{customers}", fmt.Sprint(r.customers), "{subscriptions}", fmt.Sprint(r.Subscriptions),
		"{prefix}", r.prefix(), "{customer}", r.customer(0), "{subscription}", r.names[0],
	).Replace(copyStatements))
}

// copyStatements write no name that needs quoting.
const copyStatements = `
INSERT INTO customers
SELECT made.* FROM customers c, generate_series(1, {customers} - 1) n, LATERAL jsonb_populate_record(c, jsonb_build_object(
	'id', gen_random_uuid(), 'sequential_id', c.sequential_id + n, 'external_id', '{prefix}c' || lpad(n::text, 6, '0'))) made
WHERE c.external_id = '{customer}';

UPDATE organizations SET customer_sequence = customer_sequence + {customers}
WHERE id = (SELECT organization_id FROM customers WHERE external_id = '{customer}');

INSERT INTO subscriptions
SELECT made.* FROM subscriptions s, generate_series(1, {subscriptions} - 1) n
JOIN customers c ON c.external_id = '{prefix}c' || lpad((n % {customers})::text, 6, '0'), LATERAL jsonb_populate_record(s, jsonb_build_object(
	'id', gen_random_uuid(), 'customer_id', c.id, 'external_id', '{prefix}' || lpad(n::text, 6, '0'))) made
WHERE s.external_id = '{subscription}';

ANALYZE customers, subscriptions;
`
