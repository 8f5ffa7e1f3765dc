package main

import (
	"context"
	"fmt"
	"time"

	"weir/bench/oracle"
	"weir/bench/target"
	"weir/bench/trace"
)

// customers is among how many the requests are dealt out, by row number.
const customers = 20

// The month of the hour, which is 2023-11-16 18:15 to 19:14 UTC, and where the
// sandbox's clock is set.
var (
	monthFrom = time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC)
	hourOver  = time.Date(2023, 11, 16, 20, 0, 0, 0, time.UTC)
	monthTo   = time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)
	monthOver = monthTo.Add(time.Hour)
)

// plan is the plan as the independent count prices it. planBody says the same to weir.
var plan = oracle.Plan{
	BaseCents: 49_00,
	Digits:    2,
	Charges: []oracle.Charge{
		{
			Metric: oracle.Metric{Code: trace.RequestsCode, Aggregation: oracle.CountAgg},
			Price: oracle.Graduated{
				{UpTo: oracle.Decimal("500"), PerUnit: oracle.Decimal("0.02"), Flat: oracle.Decimal("0")},
				{UpTo: nil, PerUnit: oracle.Decimal("0.0125"), Flat: oracle.Decimal("2.5")},
			},
		},
		{
			Metric: oracle.Metric{Code: trace.InputTokensCode, Aggregation: oracle.SumAgg, Field: trace.TokensField},
			Price:  oracle.Package{PerPackage: oracle.Decimal("0.03"), Size: 10_000, Free: 50_000},
		},
		{
			Metric: oracle.Metric{Code: trace.OutputTokensCode, Aggregation: oracle.SumAgg, Field: trace.TokensField},
			Price:  oracle.Standard{PerUnit: oracle.Decimal("0.000015")},
		},
	},
}

const planCode = "llm"

// planBody is the plan in Lago's words. metricIDs are the metrics' lago_ids by code.
func planBody(metricIDs map[string]string) target.Object {
	return target.Object{"plan": target.Object{
		"name": "LLM API", "code": planCode, "interval": "monthly", "pay_in_advance": false,
		"amount_cents": plan.BaseCents, "amount_currency": "USD",
		"charges": []target.Object{
			{
				"billable_metric_id": metricIDs[trace.RequestsCode], "charge_model": "graduated",
				"properties": target.Object{"graduated_ranges": []target.Object{
					{"from_value": 0, "to_value": 500, "per_unit_amount": "0.02", "flat_amount": "0"},
					{"from_value": 501, "to_value": nil, "per_unit_amount": "0.0125", "flat_amount": "2.5"},
				}},
			},
			{
				"billable_metric_id": metricIDs[trace.InputTokensCode], "charge_model": "package",
				"properties": target.Object{"amount": "0.03", "package_size": 10_000, "free_units": 50_000},
			},
			{
				"billable_metric_id": metricIDs[trace.OutputTokensCode], "charge_model": "standard",
				"properties": target.Object{"amount": "0.000015"},
			},
		},
	}}
}

func customerOf(n int) string { return fmt.Sprintf("customer-%02d", n+1) }

func (d *demo) createCatalog(ctx context.Context) error {
	if err := d.setClock(ctx, monthFrom); err != nil {
		return err
	}
	metricIDs := make(map[string]string)
	for _, charge := range plan.Charges {
		id, err := d.createMetric(ctx, charge.Metric)
		if err != nil {
			return err
		}
		metricIDs[charge.Metric.Code] = id
	}
	if err := d.api.Post(ctx, "/plans", planBody(metricIDs), nil); err != nil {
		return err
	}
	for n := range customers {
		if err := d.createCustomer(ctx, n); err != nil {
			return err
		}
	}
	step("catalog", "%d metrics, 1 plan, %d customers, each with a subscription from 1 November", len(metricIDs), customers)
	return nil
}

func (d *demo) createMetric(ctx context.Context, metric oracle.Metric) (id string, err error) {
	body := target.Object{"name": metric.Code, "code": metric.Code, "aggregation_type": metric.Aggregation}
	if metric.Field != "" {
		body["field_name"] = metric.Field
	}
	var out struct {
		Metric struct {
			ID string `json:"lago_id"`
		} `json:"billable_metric"`
	}
	err = d.api.Post(ctx, "/billable_metrics", target.Object{"billable_metric": body}, &out)
	return out.Metric.ID, err
}

func (d *demo) createCustomer(ctx context.Context, n int) error {
	customer := target.Object{"external_id": customerOf(n), "name": fmt.Sprintf("Customer %d", n+1), "currency": "USD"}
	if err := d.api.Post(ctx, "/customers", target.Object{"customer": customer}, nil); err != nil {
		return err
	}
	return d.api.Post(ctx, "/subscriptions", target.Object{"subscription": target.Object{
		"external_customer_id": customerOf(n), "external_id": trace.SubscriptionOf(n), "plan_code": planCode,
		"billing_time": "calendar", "subscription_at": monthFrom.Format(time.RFC3339),
	}}, nil)
}

func (d *demo) setClock(ctx context.Context, now time.Time) error {
	return d.api.Post(ctx, "/test_clock", target.Object{"test_clock": target.Object{"now": now.Format(time.RFC3339)}}, nil)
}
