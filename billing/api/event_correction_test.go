package api_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"weir/ingest"
)

// sumOf is what current usage says of acme's subscription's only charge.
func (s *server) sumOf(t *testing.T) string {
	t.Helper()
	charge := dig(t, s.must(t, "GET", "/customers/acme/current_usage?external_subscription_id=sub", nil), "customer_usage", "charges_usage", 0)
	return fmt.Sprint(dig(t, charge, "units"), " of ", dig(t, charge, "events_count"))
}

func event(members object) object { return object{"event": members} }

func TestEventIsAmendedAndCancelled(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	s.subscribe(t, object{"billable_metric_id": s.tokens(t), "charge_model": "standard", "properties": object{"amount": "1"}})
	j.sendAll(t, s.mine, "sub", "a tokens 2024-03-02T00:00:00Z n=5 region=eu", "b tokens 2024-03-03T00:00:00Z n=7")
	if got := s.sumOf(t); got != "12.0 of 2" {
		t.Fatalf("before: %s", got)
	}

	// Properties are replaced whole, everything else stays.
	amended := dig(t, s.must(t, "PUT", "/events/a", event(object{"properties": object{"n": 6}})), "event")
	expect(t, amended, "map[n:6]", "properties")
	expect(t, amended, "2024-03-02T00:00:00.000Z", "timestamp")
	expect(t, amended, "tokens", "code")
	expect(t, amended, "1", "weir", "revision")
	expect(t, amended, "map[n:5 region:eu]", "weir", "versions", 0, "properties")
	if got := s.sumOf(t); got != "13.0 of 2" {
		t.Errorf("amended: %s", got)
	}
	// In April it is not in March.
	s.must(t, "PUT", "/events/a", event(object{"timestamp": "1711929600.000000001"}))
	expect(t, s.must(t, "GET", "/events/a", nil), "2024-04-01T00:00:00.000000001Z", "event", "weir", "timestamp")
	expect(t, s.must(t, "GET", "/events/a", nil), "map[n:6]", "event", "properties")
	if got := s.sumOf(t); got != "7.0 of 1" {
		t.Errorf("in April: %s", got)
	}
	s.must(t, "PUT", "/events/a", event(object{"timestamp": 1709337600, "precise_total_amount_cents": "1.5"}))
	expect(t, s.must(t, "PUT", "/events/a", event(object{"properties": nil, "precise_total_amount_cents": nil})), "map[]", "event", "properties")
	if got := s.sumOf(t); got != "7.0 of 1" { // without the property it takes no part
		t.Errorf("without properties: %s", got)
	}
	expect(t, s.must(t, "GET", "/events/a", nil), "missing_property", "event", "weir", "uncounted", "reason")
	expect(t, s.must(t, "GET", "/events/a", nil), "<nil>", "event", "precise_total_amount_cents")

	cancelled := dig(t, s.must(t, "DELETE", "/events/b", nil), "event", "weir")
	expect(t, cancelled, "true", "cancelled")
	expect(t, cancelled, "cancelled", "uncounted", "reason")
	expect(t, cancelled, "<nil>", "versions", 1, "properties")
	if got := s.sumOf(t); got != "0.0 of 0" {
		t.Errorf("cancelled: %s", got)
	}
	// An amendment brings it back, with the content it had where none is given.
	revived := dig(t, s.must(t, "PUT", "/events/b", event(object{"code": "tokens"})), "event")
	expect(t, revived, "map[n:7]", "properties")
	expect(t, revived, "2", "weir", "revision")
	if got := s.sumOf(t); got != "7.0 of 1" {
		t.Errorf("revived: %s", got)
	}
}

func TestRetriesOfCorrectionsWriteNothing(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	j.sendAll(t, s.mine, "sub", "a tokens 2024-03-02T00:00:00Z n=5")
	written := func() int { return len(j.entries) }
	put := func(revision any, n int) object {
		members := object{"properties": object{"n": n}}
		if revision != nil {
			members["revision"] = revision
		}
		return event(members)
	}
	for i, step := range []struct {
		method, path string
		body         any
		revision     string
		written      int // in all
	}{
		{"PUT", "/events/a", put(nil, 5), "0", 1}, // says what it says already
		{"PUT", "/events/a", put(7, 6), "7", 2},
		{"PUT", "/events/a", put(7, 6), "7", 2},   // a retry
		{"PUT", "/events/a", put(nil, 6), "7", 2}, // so is this
		{"PUT", "/events/a", put(8, 6), "8", 3},   // a higher revision counts, whatever it says
		{"DELETE", "/events/a?revision=9", nil, "9", 4},
		{"DELETE", "/events/a?revision=9", nil, "9", 4},
		{"DELETE", "/events/a", nil, "9", 4},
		{"PUT", "/events/a", put(nil, 6), "10", 5},
	} {
		answer := s.must(t, step.method, step.path, step.body)
		if got := fmt.Sprint(dig(t, answer, "event", "weir", "revision")); got != step.revision || written() != step.written {
			t.Errorf("step %d: revision %s, %d entries; want %s, %d", i, got, written(), step.revision, step.written)
		}
	}
	s.invalid(t, "PUT", "/events/a", put(10, 7), "revision: value_is_out_of_range") // other content
	s.invalid(t, "PUT", "/events/a", put(9, 6), "revision: value_is_out_of_range")
	s.invalid(t, "PUT", "/events/a", put(0, 6), "revision: value_is_out_of_range")
	s.invalid(t, "DELETE", "/events/a?revision=10", nil, "revision: value_is_out_of_range")
	s.invalid(t, "DELETE", "/events/a?revision=x", nil, "revision: value_is_invalid")
	if written() != 5 {
		t.Errorf("%d entries after refusals", written())
	}
}

func TestWhichEventIsCorrected(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	j.sendAll(t, s.mine, "one", "a tokens 2024-03-02T00:00:00Z n=1", "only tokens 2024-03-02T00:00:00Z n=1")
	j.sendAll(t, s.mine, "two", "a tokens 2024-03-02T00:00:00Z n=2")
	j.sendAll(t, s.other, "one", "theirs tokens 2024-03-02T00:00:00Z n=1")
	const several = "external_subscription_id: value_is_mandatory"
	s.invalid(t, "DELETE", "/events/a", nil, several)
	s.invalid(t, "PUT", "/events/a", event(object{"code": "x"}), several)
	s.refused(t, "DELETE", "/events/none", nil, notFound("event_not_found"))
	s.refused(t, "PUT", "/events/none", event(object{"code": "x"}), notFound("event_not_found"))
	s.refused(t, "DELETE", "/events/theirs", nil, notFound("event_not_found"))
	s.refused(t, "DELETE", "/events/a?external_subscription_id=three", nil, notFound("event_not_found"))
	// The identity stays.
	s.invalid(t, "PUT", "/events/only", event(object{"external_subscription_id": "two"}), "external_subscription_id: value_is_invalid")
	s.invalid(t, "PUT", "/events/only?external_subscription_id=one", event(object{"external_subscription_id": "two"}), "external_subscription_id: value_is_invalid")
	s.invalid(t, "PUT", "/events/only", event(object{"transaction_id": "other"}), "transaction_id: value_is_invalid")
	if len(j.entries) != 4 {
		t.Errorf("refused corrections wrote %d entries", len(j.entries)-4)
	}
	// Named by the body, by the parameter, or alone.
	expect(t, s.must(t, "PUT", "/events/a", event(object{"external_subscription_id": "two", "transaction_id": "a", "code": "x"})), "two", "event", "external_subscription_id")
	expect(t, s.must(t, "DELETE", "/events/a?external_subscription_id=one", nil), "one", "event", "external_subscription_id")
	expect(t, s.must(t, "PUT", "/events/only", event(object{"code": "y"})), "y", "event", "code")
}

func TestBadAmendments(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	s.metric(t, object{
		"name": "Area", "code": "area", "aggregation_type": "sum_agg", "field_name": "m2",
		"expression": "event.properties.a * event.properties.b",
	})
	j.sendAll(t, s.mine, "sub", "a tokens 2024-03-02T00:00:00Z n=5")
	for _, bad := range []struct {
		members object
		fields  []string
	}{
		{object{"code": nil}, []string{"code: value_is_mandatory"}},
		{object{"code": ""}, []string{"code: value_is_mandatory"}},
		{object{"timestamp": "soon", "properties": 5}, []string{"timestamp: invalid_format", "properties: value_is_invalid"}},
		{object{"timestamp": -1}, []string{"timestamp: value_is_out_of_range"}},
		{object{"precise_total_amount_cents": "x"}, []string{"precise_total_amount_cents: value_is_not_valid_number"}},
		{object{"revision": "many"}, []string{"revision: value_is_invalid"}},
	} {
		s.invalid(t, "PUT", "/events/a", event(bad.members), bad.fields...)
	}
	s.refused(t, "PUT", "/events/a", `{"event":{"code":"x","code":"y"}}`, `{"status":400,"error":"BadRequest: body is not a JSON object: jsontext: duplicate object member name \"code\" within \"/event\""}`)
	// The metric's expression must have a value: Lago's bare text.
	a := s.send(t, s.mine, "PUT", "/api/v1/events/a", event(object{"code": "area", "properties": object{"a": 2}}))
	if a.status != 422 || a.body["error_details"] != "expression_evaluation_failed: event.properties.b is missing" {
		t.Errorf("got %d %s", a.status, a.raw)
	}
	if len(j.entries) != 1 {
		t.Errorf("refused amendments wrote %d entries", len(j.entries)-1)
	}
	expect(t, s.must(t, "PUT", "/events/a", event(object{"code": "area", "properties": object{"a": 2, "b": "3"}})), "area", "event", "code")
}

func TestCorrectionsNameTheirPlaceInTheLog(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	j.sendAll(t, s.mine, "sub", "a tokens 2024-03-02T00:00:00Z n=5")
	partition := ingest.Partition(s.mine.organization.ID, "sub", testPartitions)
	a := s.send(t, s.mine, "DELETE", "/api/v1/events/a", nil)
	if got, want := a.header.Get("Weir-Log-Position"), fmt.Sprintf("%d:1", partition); a.status != 200 || got != want {
		t.Errorf("%d, position %q, want %q", a.status, got, want)
	}
	j.fault = errors.New("the disk is full of secrets")
	a = s.send(t, s.mine, "PUT", "/api/v1/events/a", event(object{"code": "x"}))
	if a.status != 503 || a.body["code"] != "log_unavailable" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", a.status, a.raw)
	}
}

func TestCorrectionsWithoutALog(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.refused(t, "DELETE", "/events/a", nil, `{"status":405,"error":"Method Not Allowed","code":"events_cannot_be_corrected"}`)
}

// What an amendment does not name stays as it was, to the last digit.
func TestAmendmentKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	s, j := newJournalServer(t, nil)
	const properties = `{"big":12345678901234567890.10,"list":[1.0,{"a":null}],"no":false,"none":null,"quote \"":"a\nb/\u0001é","yes":true}`
	j.send(t, s.mine, `{"transaction_id":"a","external_subscription_id":"sub","code":"x","timestamp":"1709337600.123456789",`+
		`"precise_total_amount_cents":"12.50","properties":`+properties+`}`)
	before := dig(t, s.must(t, "GET", "/events/a", nil), "event")
	after := dig(t, s.must(t, "PUT", "/events/a", event(object{"code": "y"})), "event")
	for _, name := range []string{"properties", "timestamp", "precise_total_amount_cents"} {
		if fmt.Sprint(dig(t, before, name)) != fmt.Sprint(dig(t, after, name)) {
			t.Errorf("%s was %v, is %v", name, dig(t, before, name), dig(t, after, name))
		}
	}
	kept, amended := j.entries[0], j.entries[1]
	if amended.Code != "y" || amended.Revision != 1 || amended.Timestamp != kept.Timestamp || amended.PreciseTotal != kept.PreciseTotal ||
		!reflect.DeepEqual(amended.Properties, kept.Properties) {
		t.Errorf("%+v became %+v", kept, amended)
	}
	// A timestamp that weir filled in stays one that nobody stated.
	j.send(t, s.mine, `{"transaction_id":"b","external_subscription_id":"sub","code":"x"}`)
	expect(t, s.must(t, "PUT", "/events/b", event(object{"code": "y"})), "true", "event", "weir", "timestamp_filled")
	expect(t, s.must(t, "PUT", "/events/b", event(object{"timestamp": 1709337600})), "false", "event", "weir", "timestamp_filled")
}
