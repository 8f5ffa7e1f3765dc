package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing"
	"weir/billing/api"
)

// Requests that make the things the tests are about.

// metric creates a billable metric and returns its id.
func (s *server) metric(t *testing.T, body object) string {
	t.Helper()
	return dig(t, s.must(t, "POST", "/billable_metrics", object{"billable_metric": body}), "billable_metric", "lago_id").(string)
}

// calls creates a count metric that charges may filter by region and tier.
func (s *server) calls(t *testing.T) string {
	t.Helper()
	return s.metric(t, object{
		"name": "Calls", "code": "calls", "aggregation_type": "count_agg",
		"filters": []any{
			object{"key": "region", "values": []any{"eu", "us"}},
			object{"key": "tier", "values": []any{"gold"}},
		},
	})
}

// tokens creates a sum metric.
func (s *server) tokens(t *testing.T) string {
	t.Helper()
	return s.metric(t, object{"name": "Tokens", "code": "tokens", "aggregation_type": "sum_agg", "field_name": "n"})
}

// planBody is a valid plan with the given charges.
func planBody(code string, charges ...any) object {
	return object{"plan": object{
		"name": "Basic", "code": code, "interval": "monthly", "amount_cents": 1000, "amount_currency": "USD",
		"pay_in_advance": false, "charges": charges,
	}}
}

// subscribe creates a plan without charges, a customer, and a subscription of theirs.
func (s *server) subscribe(t *testing.T, charges ...any) {
	t.Helper()
	s.must(t, "POST", "/plans", planBody("basic", charges...))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "name": "Acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
}

// subscriptionBody is a valid subscription of acme to basic, with some members changed.
func subscriptionBody(externalID string, change object) object {
	body := object{
		"external_customer_id": "acme", "plan_code": "basic", "external_id": externalID,
		"billing_time": "calendar", "subscription_at": "2024-03-01T00:00:00Z",
	}
	for name, value := range change {
		body[name] = value
	}
	return object{"subscription": body}
}

// chargesOf are the three charge models on two metrics.
func chargesOf(calls, tokens string) []any {
	return []any{
		object{"billable_metric_id": calls, "charge_model": "standard", "properties": object{"amount": "0.05"}},
		object{"billable_metric_id": tokens, "charge_model": "graduated", "properties": object{"graduated_ranges": []any{
			object{"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "5"},
			object{"from_value": 11, "to_value": nil, "per_unit_amount": "0.5", "flat_amount": "2"},
		}}},
		object{
			"billable_metric_id": tokens, "charge_model": "package",
			"properties": object{"amount": "25.00", "package_size": 100, "free_units": 50},
		},
	}
}

func TestCreateFlow(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	calls, tokens := s.calls(t), s.tokens(t)
	s.subscribe(t, chargesOf(calls, tokens)...)

	expect(t, s.must(t, "GET", "/billable_metrics/calls", nil), calls, "billable_metric", "lago_id")
	metrics := s.must(t, "GET", "/billable_metrics", nil)
	expect(t, metrics, "2", "meta", "total_count")

	plan := s.must(t, "GET", "/plans/basic", nil)
	expect(t, plan, "calls", "plan", "charges", 0, "code") // the metric's code,
	expect(t, plan, "tokens", "plan", "charges", 1, "code")
	expect(t, plan, "tokens_2", "plan", "charges", 2, "code") // made unique
	expect(t, plan, "25.00", "plan", "charges", 2, "properties", "amount")
	expect(t, plan, "0.5", "plan", "charges", 1, "properties", "graduated_ranges", 1, "per_unit_amount")
	expect(t, plan, "<nil>", "plan", "charges", 1, "properties", "graduated_ranges", 1, "to_value")

	sub := s.must(t, "GET", "/subscriptions/sub", nil)
	expect(t, sub, "active", "subscription", "status")
	expect(t, sub, "basic", "subscription", "plan", "code")
	expect(t, sub, "2024-03-01T00:00:00.000Z", "subscription", "started_at")
	expect(t, sub, "2024-03-01T00:00:00Z", "subscription", "current_billing_period_started_at")
	expect(t, sub, "2024-03-31T23:59:59Z", "subscription", "current_billing_period_ending_at")
	// The customer takes the currency of the first plan.
	expect(t, s.must(t, "GET", "/customers/acme", nil), "USD", "customer", "currency")
	expect(t, s.must(t, "GET", "/customers/acme/subscriptions", nil), "1", "meta", "total_count")
}

func TestCustomerUpsertKeepsWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	first := s.must(t, "POST", "/customers", object{"customer": object{
		"external_id": "acme", "name": "Acme", "country": "de", "net_payment_term": 30, "timezone": "Europe/Berlin",
		"metadata": []any{object{"key": "a", "value": "1"}, object{"key": "b", "value": "2", "display_in_invoice": true}},
	}})
	expect(t, first, "DE", "customer", "country")
	expect(t, first, "Europe/Berlin", "customer", "applicable_timezone")
	expect(t, first, "MINE-0001-001", "customer", "slug")
	b := dig(t, first, "customer", "metadata", 1, "lago_id")

	second := s.must(t, "POST", "/customers", object{"customer": object{
		"external_id": "acme", "name": "Acme Ltd", "net_payment_term": nil, "timezone": nil,
		"metadata": []any{object{"id": b, "value": "3"}},
	}})
	if dig(t, first, "customer", "lago_id") != dig(t, second, "customer", "lago_id") {
		t.Error("the second call made another customer")
	}
	expect(t, second, "Acme Ltd", "customer", "name")
	expect(t, second, "DE", "customer", "country")              // not named: kept
	expect(t, second, "<nil>", "customer", "net_payment_term")  // null: cleared
	expect(t, second, "UTC", "customer", "applicable_timezone") // the organization's
	expect(t, second, "b", "customer", "metadata", 0, "key")    // the note it names stays itself
	expect(t, second, "3", "customer", "metadata", 0, "value")  // and changes
	expect(t, second, "true", "customer", "metadata", 0, "display_in_invoice")
	if n := len(dig(t, second, "customer", "metadata").([]any)); n != 1 {
		t.Errorf("%d notes, want 1", n)
	}
	expect(t, s.must(t, "GET", "/customers", nil), "1", "meta", "total_count")
}

func TestSubscriptionLife(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.subscribe(t)
	s.must(t, "POST", "/plans", planBody("pro"))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "beta"}})
	id := dig(t, s.must(t, "GET", "/subscriptions/sub", nil), "subscription", "lago_id")

	// A customer that nobody created is created, as in Lago; a refused request creates none.
	fresh := s.must(t, "POST", "/subscriptions", subscriptionBody("fresh", object{"external_customer_id": "gamma"}))
	expect(t, s.must(t, "GET", "/customers/gamma", nil), fmt.Sprint(dig(t, fresh, "subscription", "lago_customer_id")), "customer", "lago_id")
	s.must(t, "DELETE", "/subscriptions/fresh", nil)
	s.refused(t, "POST", "/subscriptions", subscriptionBody("none", object{"external_customer_id": "delta", "plan_code": "none"}), notFound("plan_not_found"))
	s.invalid(t, "POST", "/subscriptions", subscriptionBody("none", object{"external_customer_id": "delta", "ending_at": "2024-03-01T00:00:00Z"}),
		"ending_at: invalid_date")
	s.invalid(t, "POST", "/subscriptions", subscriptionBody("sub", object{"external_customer_id": "delta"}), "external_id: value_already_exist")
	s.refused(t, "GET", "/customers/delta", nil, notFound("customer_not_found"))

	// The same again changes nothing, whatever else it says.
	again := s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"name": "other", "billing_time": "anniversary"}))
	if dig(t, again, "subscription", "lago_id") != id {
		t.Error("the same subscription was made twice")
	}
	expect(t, again, "calendar", "subscription", "billing_time")
	s.invalid(t, "POST", "/subscriptions", subscriptionBody("sub", object{"plan_code": "pro"}), "plan_code: not_supported_yet")
	s.invalid(t, "POST", "/subscriptions", subscriptionBody("sub", object{"external_customer_id": "beta"}), "external_id: value_already_exist")

	// One that begins later waits, and can be canceled.
	expect(t, s.must(t, "POST", "/subscriptions", subscriptionBody("later", object{"subscription_at": "2024-04-01T00:00:00Z"})),
		"pending", "subscription", "status")
	s.refused(t, "GET", "/subscriptions/later", nil, notFound("subscription_not_found"))
	expect(t, s.must(t, "GET", "/subscriptions/later?status=pending", nil), "<nil>", "subscription", "started_at")
	expect(t, s.must(t, "GET", "/subscriptions?status[]=pending&status[]=active", nil), "2", "meta", "total_count")
	expect(t, s.must(t, "GET", "/subscriptions", nil), "1", "meta", "total_count")
	s.refused(t, "DELETE", "/subscriptions/later", nil, notFound("subscription_not_found"))
	canceled := s.must(t, "DELETE", "/subscriptions/later?status=pending", nil)
	expect(t, canceled, "canceled", "subscription", "status")
	expect(t, canceled, "2024-03-15T10:30:00Z", "subscription", "canceled_at")

	// One that ends is gone at the second try.
	s.invalid(t, "DELETE", "/subscriptions/sub?on_termination_invoice=maybe", nil, "on_termination_invoice: value_is_invalid")
	ended := s.must(t, "DELETE", "/subscriptions/sub?on_termination_invoice=skip", nil)
	expect(t, ended, "terminated", "subscription", "status")
	expect(t, ended, "2024-03-15T10:30:00Z", "subscription", "terminated_at")
	expect(t, ended, "skip", "subscription", "on_termination_invoice")
	s.refused(t, "DELETE", "/subscriptions/sub", nil, notFound("subscription_not_found"))
	s.refused(t, "GET", "/subscriptions/sub", nil, notFound("subscription_not_found"))
	expect(t, s.must(t, "GET", "/subscriptions/sub?status=terminated", nil), "terminated", "subscription", "status")

	// Its external_id is free, but not for the time in which it was taken.
	s.invalid(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-03-15T10:29:59Z"}),
		"subscription_at: value_is_out_of_range")
	expect(t, s.must(t, "POST", "/subscriptions", subscriptionBody("sub", object{"subscription_at": "2024-03-15T10:30:00Z"})),
		"active", "subscription", "status")
}

// A charge without a code gets its metric's, with a number where that is taken; a long one
// is cut between characters.
func TestChargeCodes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	long := strings.Repeat("é", 127) + "a" // 255 bytes
	id := s.metric(t, object{"name": "Long", "code": long, "aggregation_type": "count_agg"})
	charge := object{"billable_metric_id": id, "charge_model": "standard", "properties": object{"amount": "1.00"}}
	plan := s.must(t, "POST", "/plans", planBody("basic", charge, charge))
	expect(t, plan, long, "plan", "charges", 0, "code")
	expect(t, plan, strings.Repeat("é", 126)+"_2", "plan", "charges", 1, "code")
	expect(t, plan, "1.00", "plan", "charges", 1, "properties", "amount") // as it was given
}

// A creation that failed after it was written is answered alike when it is repeated, and
// what it makes due is made then.
func TestRepeatedSubscriptionSettles(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	s := newSandbox(t, func(opts *api.Options) {
		advance := opts.Advance
		opts.Advance = func(ctx context.Context, organization uuid.UUID, now time.Time) error {
			if failing.Load() {
				return errors.New("no aggregator")
			}
			return advance(ctx, organization, now)
		}
	})
	s.must(t, "POST", "/test_clock", object{"test_clock": object{"now": "2024-04-10T12:00:00Z"}})
	plan := planBody("basic")
	plan["plan"].(object)["pay_in_advance"] = true
	s.must(t, "POST", "/plans", plan)
	body := subscriptionBody("sub", object{"subscription_at": "2024-04-10T12:00:00Z"})
	failing.Store(true)
	if a := s.send(t, s.mine, "POST", "/api/v1/subscriptions", body); a.status != 500 {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	failing.Store(false)
	s.must(t, "POST", "/subscriptions", body)
	expect(t, s.must(t, "GET", "/invoices", nil), "1", "meta", "total_count")
}

// A subscription that begins while its cancellation is under way is not ended in its place.
func TestCancelingWhatHasBegunMeanwhile(t *testing.T) {
	t.Parallel()
	var meanwhile func()
	s := newServer(t, func(opts *api.Options) {
		opts.Clock = func() time.Time { // which is asked after the subscription was found
			if meanwhile != nil {
				meanwhile()
			}
			return testNow
		}
	})
	s.subscribe(t)
	later := s.must(t, "POST", "/subscriptions", subscriptionBody("later", object{"subscription_at": "2024-04-01T00:00:00Z"}))
	id := uuid.MustParse(dig(t, later, "subscription", "lago_id").(string))
	meanwhile = func() {
		_, err := s.db.UpdateSubscription(t.Context(), s.mine.organization.ID, id, testNow, func(sub *billing.Subscription) error {
			sub.Status, sub.StartedAt = billing.Active, &sub.SubscriptionAt
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	s.refused(t, "DELETE", "/subscriptions/later?status=pending", nil, notFound("subscription_not_found"))
	meanwhile = nil
	expect(t, s.must(t, "GET", "/subscriptions/later", nil), "active", "subscription", "status")
}

// The same request sent many times at once makes one subscription, and every
// answer is that one.
func TestSubscribingAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.must(t, "POST", "/plans", planBody("basic"))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	answers := make(chan answer)
	const times = 8
	for range times {
		go func() {
			var a answer
			defer func() { answers <- a }() // also when send gives up
			a = s.send(t, s.mine, "POST", "/api/v1/subscriptions", subscriptionBody("sub", nil))
		}()
	}
	ids := make(map[any]bool)
	for range times {
		a := <-answers
		if a.status != 200 {
			t.Errorf("%d %s", a.status, a.raw)
			continue
		}
		ids[dig(t, a.body, "subscription", "lago_id")] = true
	}
	if len(ids) != 1 {
		t.Errorf("%d subscriptions were made", len(ids))
	}
}

func TestSubscriptionPaidInAdvanceCannotEndWithoutSayingWhatBecomesOfTheMoney(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	plan := planBody("basic")
	plan["plan"].(object)["pay_in_advance"] = true
	s.must(t, "POST", "/plans", plan)
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme"}})
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	for _, asked := range []string{"", "?on_termination_credit_note=credit", "?on_termination_credit_note=refund"} {
		s.invalid(t, "DELETE", "/subscriptions/sub"+asked, nil, "on_termination_credit_note: not_supported_yet")
	}
	expect(t, s.must(t, "DELETE", "/subscriptions/sub?on_termination_credit_note=skip", nil), "terminated", "subscription", "status")

	// Nor may an end be set that would give days back; the last day of a period gives none.
	f := func(endingAt string, faults ...string) {
		t.Helper()
		body := subscriptionBody(endingAt, object{"ending_at": endingAt})
		if len(faults) > 0 {
			s.invalid(t, "POST", "/subscriptions", body, faults...)
			return
		}
		s.must(t, "POST", "/subscriptions", body)
	}
	f("2024-05-20T00:00:00Z", "ending_at: not_supported_yet")
	f("2024-05-31T00:00:00Z", "ending_at: not_supported_yet") // nothing of the 31st
	f("2024-05-31T23:59:59Z")
	f("2024-06-01T00:00:00Z")
}

func TestOneCurrencyPerCustomer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.must(t, "POST", "/plans", planBody("basic"))
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "currency": "EUR"}})
	s.invalid(t, "POST", "/subscriptions", subscriptionBody("sub", nil), "currency: currencies_does_not_match")
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "currency": "USD"}}) // nothing binds it yet
	s.must(t, "POST", "/subscriptions", subscriptionBody("sub", nil))
	s.invalid(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "currency": "EUR"}},
		"currency: currencies_does_not_match")
}

// Ids that the official JavaScript client puts into paths as they are.
func TestIDsWithOddCharacters(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for path, id := range map[string]string{
		"a%20b":                            "a b",
		"a%2Fb":                            "a/b", // only a client that escapes can ask for it
		"a.b":                              "a.b",
		"a:b;c=d,e@f":                      "a:b;c=d,e@f",
		"%E2%82%AC":                        "€",
		"%2E%2E":                           "..",
		"https%3A%2F%2Facme.test%2F..%2Fx": "https://acme.test/../x",
		"100%25":                           "100%",
		"current_usage":                    "current_usage",
	} {
		s.must(t, "POST", "/customers", object{"customer": object{"external_id": id}})
		expect(t, s.must(t, "GET", "/customers/"+path, nil), id, "customer", "external_id")
	}
	for _, path := range []string{"%00", "%FF", "nobody"} {
		s.refused(t, "GET", "/customers/"+path, nil, notFound("customer_not_found"))
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	empty := s.must(t, "GET", "/plans", nil)
	expect(t, empty, "map[current_page:0 next_page:<nil> prev_page:<nil> total_count:0 total_pages:0]", "meta")
	expect(t, empty, "[]", "plans")
	for _, code := range []string{"p1", "p2", "p3"} {
		s.must(t, "POST", "/plans", planBody(code))
	}
	page := s.must(t, "GET", "/plans?page=2&per_page=2", nil)
	expect(t, page, "map[current_page:2 next_page:<nil> prev_page:1 total_count:3 total_pages:2]", "meta")
	if n := len(dig(t, page, "plans").([]any)); n != 1 {
		t.Errorf("%d plans on the second page, want 1", n)
	}
	expect(t, s.must(t, "GET", "/plans?page=x&per_page=0", nil), "1", "meta", "current_page") // as Lago: not said
	s.invalid(t, "GET", "/plans?per_page=1001", nil, "per_page: value_is_out_of_range")
}
