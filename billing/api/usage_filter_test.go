package api_test

import (
	"fmt"
	"testing"

	"weir/ingest"
)

// usageLines describes the charges of a usage: "code units events cents".
func usageLines(t *testing.T, usage any) string {
	t.Helper()
	var lines []string
	for _, charge := range dig(t, usage, "charges_usage").([]any) {
		lines = append(lines, fmt.Sprint(dig(t, charge, "billable_metric", "code"), " ", dig(t, charge, "units"), " ",
			dig(t, charge, "events_count"), " ", dig(t, charge, "amount_cents")))
	}
	return fmt.Sprint(lines)
}

// newGroupedUsage starts an API with usage in two months: of calls, grouped by cloud and
// shown by team and zone, and of tokens, not grouped.
func newGroupedUsage(t *testing.T) *server {
	t.Helper()
	s, j := newJournalServer(t, nil)
	calls := s.metric(t, object{"name": "Calls", "code": "calls", "aggregation_type": "sum_agg", "field_name": "n"})
	s.subscribeFrom(t, "2024-02-10T00:00:00Z",
		object{"billable_metric_id": calls, "charge_model": "graduated", "properties": object{
			"pricing_group_keys":      []any{"cloud"},
			"presentation_group_keys": []any{object{"value": "team"}, object{"value": "zone"}},
			"graduated_ranges": []any{
				object{"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "0"},
				object{"from_value": 11, "to_value": nil, "per_unit_amount": "0.5", "flat_amount": "0"},
			},
		}},
		object{"billable_metric_id": s.tokens(t), "charge_model": "standard", "properties": object{"amount": "1"}},
	)
	j.sendAll(t, s.mine, "sub",
		"a calls 2024-02-20T00:00:00Z n=3 cloud=aws team=x zone=1",
		"b calls 2024-03-02T00:00:00Z n=8 cloud=aws team=x zone=1",
		"c calls 2024-03-03T00:00:00Z n=4 cloud=aws team=y zone=1",
		"d calls 2024-03-04T00:00:00Z n=5 cloud=gcp team=x zone=2",
		"e calls 2024-03-05T00:00:00Z n=1 team=x",
		"f tokens 2024-03-06T00:00:00Z n=2",
	)
	return s
}

// subscribeFrom is subscribe from an instant on.
func (s *server) subscribeFrom(t *testing.T, at string, charges ...any) {
	t.Helper()
	s.must(t, "POST", "/plans", planBody("basic", charges...))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "name": "Acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": at}))
}

func TestCurrentUsageNarrowedDown(t *testing.T) {
	t.Parallel()
	s := newGroupedUsage(t)
	// Tiers apply by group: aws 12 = 10 × 1 + 2 × 0.5 = 11.00, gcp 5.00, none 1.00; tokens 2.00.
	for query, want := range map[string]string{
		"":                               "[calls 18.0 4 1700 tokens 2.0 1 200]",
		"apply_taxes=false&unheard_of=1": "[calls 18.0 4 1700 tokens 2.0 1 200]",
		"filter_by_group[cloud]=aws":     "[calls 12.0 2 1100]",
		"filter_by_group[cloud][]=aws&filter_by_group[cloud][]=gcp": "[calls 17.0 3 1600]",
		`filter_by_group={"cloud":["gcp"]}`:                         "[calls 5.0 1 500]",
		`group={"cloud":null}`:                                      "[calls 1.0 1 100]",
		"group[cloud]=":                                             "[calls 1.0 1 100]",
		"group[cloud]=azure":                                        "[calls 0.0 0 0]",
		"group[zone]=1":                                             "[]", // no charge is grouped by it
		"charge_code=tokens":                                        "[tokens 2.0 1 200]",
		"filter_by_metric_code=calls":                               "[calls 18.0 4 1700]",
		"billable_metric_code=calls&skip_grouping=true":             "[calls 18.0 4 1400]", // 10 + 8 × 0.5
		// Since 10 February: aws 15 = 12.50.
		"full_usage=true&filter_by_group[cloud]=aws": "[calls 15.0 3 1250]",
		"full_usage=true&charge_code=calls":          "[calls 21.0 5 1850]",
	} {
		usage := dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub&"+query, nil), "customer_usage")
		if got := usageLines(t, usage); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
		if fmt.Sprint(dig(t, usage, "amount_cents")) != fmt.Sprint(dig(t, usage, "total_amount_cents")) {
			t.Errorf("%s: taxes out of nothing", query)
		}
	}
	const path = "/customers/acme/current_usage?external_subscription_id=sub&"
	full := s.must(t, "GET", path+"full_usage=true&charge_code=calls", nil)
	expect(t, full, "2024-02-10T00:00:00Z", "customer_usage", "from_datetime")
	s.refused(t, "GET", path+"full_usage=true", nil, `{"status":405,"error":"Method Not Allowed","code":"full_usage_not_allowed"}`)
	s.refused(t, "GET", path+"charge_code=none", nil, notFound("charge_not_found"))
	s.refused(t, "GET", path+"charge_code=calls&billable_metric_code=tokens", nil, notFound("charge_not_found"))
	s.invalid(t, "GET", path+"filter_by_group={", nil, "filter_by_group: value_is_invalid")
	s.invalid(t, "GET", path+`group={"cloud":1}`, nil, "group: value_is_invalid")
	s.invalid(t, "GET", path+"filter_by_presentation=[1]", nil, "filter_by_presentation: value_is_invalid")
}

func TestCurrentUsageBrokenDownForDisplay(t *testing.T) {
	t.Parallel()
	s := newGroupedUsage(t)
	for query, want := range map[string]string{
		"": "[map[presentation_by:map[team:x zone:<nil>] units:1.0] map[presentation_by:map[team:x zone:1] units:8.0] " +
			"map[presentation_by:map[team:y zone:1] units:4.0] map[presentation_by:map[team:x zone:2] units:5.0]]",
		`filter_by_presentation=["team"]`: "[map[presentation_by:map[team:x] units:14.0] map[presentation_by:map[team:y] units:4.0]]",
		"filter_by_presentation=[]":       "[]",
	} {
		usage := s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub&charge_code=calls&"+query, nil)
		expect(t, usage, want, "customer_usage", "charges_usage", 0, "presentation_breakdowns")
		expect(t, usage, "1700", "customer_usage", "charges_usage", 0, "amount_cents")
	}
	s.check(t, "customer_usage_presented", "GET", "/customers/acme/current_usage?external_subscription_id=sub&charge_code=calls&filter_by_group[cloud]=aws", nil)
}

func TestUsageSaysWhatItIsOf(t *testing.T) {
	t.Parallel()
	s := newGroupedUsage(t)
	a := s.send(t, s.mine, "GET", "/api/v1/customers/acme/current_usage?external_subscription_id=sub", nil)
	partition := ingest.Partition(s.mine.organization.ID, "sub", testPartitions)
	if got, want := a.header.Get("Weir-Log-Position"), fmt.Sprintf("%d:5", partition); got != want { // six records
		t.Errorf("position %q, want %q", got, want)
	}
	version := a.header.Get("Weir-Catalog-Version")
	s.metric(t, object{"name": "More", "code": "more", "aggregation_type": "count_agg"})
	a = s.send(t, s.mine, "GET", "/api/v1/customers/acme/current_usage?external_subscription_id=sub", nil, "Weir-Log-Position: "+a.header.Get("Weir-Log-Position"))
	if next := a.header.Get("Weir-Catalog-Version"); version == "" || next == version || a.status != 200 {
		t.Errorf("catalog version %q, then %q", version, next)
	}
	a = s.send(t, s.mine, "GET", "/api/v1/customers/acme/current_usage?external_subscription_id=sub", nil, fmt.Sprintf("Weir-Log-Position: %d:6", partition))
	if a.status != 503 || a.body["code"] != "position_not_reached" {
		t.Errorf("of a record that is not there: %d %s", a.status, a.raw)
	}
}

// A weighted sum shows its running sum at the end as total_aggregated_units.
func TestCurrentUsageOfAWeightedSum(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	storage := s.metric(t, object{
		"name": "Storage", "code": "storage", "aggregation_type": "weighted_sum_agg", "field_name": "n", "weighted_interval": "seconds",
	})
	s.subscribe(t, object{"billable_metric_id": storage, "charge_model": "standard", "properties": object{"amount": "1"}})
	j.sendAll(t, s.mine, "sub", "a storage 2024-03-11T00:00:00Z n=62", "b storage 2024-03-21T00:00:00Z n=-31")
	charge := dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil), "customer_usage", "charges_usage", 0)
	// (62 × 10 + 31 × 11) / 31 days = 20 + 11
	expect(t, charge, "31.0", "units")
	expect(t, charge, "31.0", "total_aggregated_units")
	j.sendAll(t, s.mine, "sub", "c storage 2024-03-31T00:00:00Z n=-31") // of the last day nothing: 30
	charge = dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil), "customer_usage", "charges_usage", 0)
	expect(t, charge, "30.0", "units")
	expect(t, charge, "0.0", "total_aggregated_units")
}

func TestProjectedUsage(t *testing.T) {
	t.Parallel()
	s := newGroupedUsage(t)
	// 15 March, day 15 of 31: units × 31 / 15. aws 12 -> 24.80 = 10 + 14.8 × 0.5 = 17.40;
	// gcp 5 -> 10.33 = 10 + 0.33 × 0.5 = 10.165 -> 10.17; none 1 -> 2.07; tokens 2 -> 4.13.
	usage := dig(t, s.check(t, "projected_usage", "GET", "/customers/acme/projected_usage?external_subscription_id=sub", nil), "customer_projected_usage")
	expect(t, usage, "1900", "amount_cents")
	expect(t, usage, "3377", "projected_amount_cents") // 1740 + 1017 + 207 + 413
	expect(t, usage, "37.2", "charges_usage", 0, "projected_units")
	expect(t, usage, "4.13", "charges_usage", 1, "projected_units")
	s.refused(t, "GET", "/customers/none/projected_usage?external_subscription_id=sub", nil, notFound("customer_not_found"))
}

// The events of a dynamic charge bring their prices: 1.5 + 2.25 cents = 0.0375, rounded 0.04.
func TestCurrentUsageOfADynamicCharge(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "dynamic"})
	for id, price := range map[string]string{"a": "1.5", "b": "2.25"} {
		j.send(t, s.mine, `{"transaction_id":"`+id+`","external_subscription_id":"sub","code":"tokens","timestamp":1709337600,`+
			`"precise_total_amount_cents":"`+price+`","properties":{"n":2}}`)
	}
	charge := dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil), "customer_usage", "charges_usage", 0)
	expect(t, charge, "4.0", "units")
	expect(t, charge, "4", "amount_cents")
	expect(t, charge, "dynamic", "charge", "charge_model")
	projected := dig(t, s.must(t, "GET", "/customers/acme/projected_usage?external_subscription_id=sub", nil), "customer_projected_usage", "charges_usage", 0)
	expect(t, projected, "8.27", "projected_units")     // × 31 / 15
	expect(t, projected, "8", "projected_amount_cents") // 3.75 × 31 / 15 = 7.75
}
