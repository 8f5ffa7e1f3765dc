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

// setUpConnections is how many subscriptions are created, or read, at a time.
const setUpConnections = 8

// run is one measurement of one weir.
type run struct {
	options
	api      target.API
	child    *target.Child // nil: it ran already
	id       string        // makes this run's names its own
	customer string
	names    []string // external ids of the subscriptions
	probe    string   // external id of the probe's
}

// setUp creates the metric (once for a weir), and a plan, a customer and
// subscriptions of this run's own.
func (r *run) setUp(ctx context.Context) error {
	if err := r.refuseSandbox(ctx); err != nil {
		return err
	}
	r.id = strings.ToLower(rand.Text()[:10])
	r.customer = "load-" + r.id
	metricID, err := r.metricID(ctx)
	if err != nil {
		return err
	}
	err = r.api.Post(ctx, "/plans", target.Object{"plan": target.Object{
		"name": "Load", "code": r.customer, "interval": "monthly", "pay_in_advance": false,
		"amount_cents": 0, "amount_currency": "USD",
		"charges": []target.Object{{
			"billable_metric_id": metricID, "charge_model": "standard", "properties": target.Object{"amount": "0.000001"},
		}},
	}}, nil)
	if err != nil {
		return err
	}
	customer := target.Object{"external_id": r.customer, "name": "Load", "currency": "USD"}
	if err := r.api.Post(ctx, "/customers", target.Object{"customer": customer}, nil); err != nil {
		return err
	}
	r.probe = r.customer + "-probe"
	for i := range r.Subscriptions {
		r.names = append(r.names, fmt.Sprintf("%s-%d", r.customer, i))
	}
	return r.eachSubscription(ctx, append([]string{r.probe}, r.names...), r.subscribe)
}

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
	err := r.api.Post(ctx, "/billable_metrics", target.Object{"billable_metric": target.Object{
		"name": "Load", "code": metricCode, "aggregation_type": "sum_agg", "field_name": metricField,
	}}, &out)
	return out.Metric.ID, err
}

// subscribe creates a subscription whose first period has begun and lasts a
// month: the run's events are in it.
func (r *run) subscribe(ctx context.Context, _ int, name string) error {
	return r.api.Post(ctx, "/subscriptions", target.Object{"subscription": target.Object{
		"external_customer_id": r.customer, "external_id": name, "plan_code": r.customer,
		"billing_time": "anniversary", "subscription_at": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
	}}, nil)
}

// eachSubscription calls do for every name, some at a time. The index is that in names.
func (r *run) eachSubscription(ctx context.Context, names []string, do func(context.Context, int, string) error) error {
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(setUpConnections)
	for i, name := range names {
		running.Go(func() error { return do(ctx, i, name) })
	}
	return running.Wait()
}
