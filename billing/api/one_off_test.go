package api_test

import (
	"fmt"
	"slices"
	"testing"
)

// oneOffBody is a one-off invoice of acme with the given fees.
func oneOffBody(change object, fees ...any) object {
	body := object{"external_customer_id": "acme", "fees": fees}
	for name, value := range change {
		body[name] = value
	}
	return object{"invoice": body}
}

func TestOneOffInvoice(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.clock(t, "2024-03-15T23:30:00Z") // the 16th in Berlin
	s.taxed(t)
	s.must(t, "POST", "/customers", object{"customer": object{
		"external_id": "acme", "timezone": "Europe/Berlin", "net_payment_term": 14,
	}})
	invoice := s.check(t, "invoice_one_off", "POST", "/invoices", oneOffBody(object{"currency": "USD"},
		object{"add_on_code": "setup"},
		object{
			"add_on_code": "seat", "units": "2.5", "unit_amount_cents": 333, "description": "For the fair",
			"invoice_display_name": "Extra seats", "tax_codes": []any{"vat"},
			"from_datetime": "2024-03-01T00:00:00Z", "to_datetime": "2024-03-10T23:59:59Z",
		},
		object{"add_on_code": "seat", "units": 2},
	))["invoice"].(object)
	// 100.00; 2.5 × 3.33 = 8.325, so 8.33; 2 × 5.00: 118.33. low of 100.00 is 7.00; vat of 18.33 is 3.4827.
	for name, want := range map[string]string{
		"invoice_type": "one_off", "status": "finalized", "issuing_date": "2024-03-16", "payment_due_date": "2024-03-30",
		"fees_amount_cents": "11833", "taxes_amount_cents": "1048", "total_amount_cents": "12881", "sequential_id": "1",
	} {
		expect(t, invoice, want, name)
	}
	expect(t, invoice, "2024-03-01T00:00:00Z", "fees", 1, "from_date")
	expect(t, invoice, "2024-03-10T23:59:59Z", "fees", 1, "to_date")
	expect(t, invoice, "2024-03-15T23:30:00Z", "fees", 0, "from_date") // not said: now
	expect(t, invoice, "2024-03-15T23:30:00Z", "fees", 0, "to_date")
	expect(t, invoice, "8.325", "fees", 1, "precise_amount")
	expect(t, s.must(t, "GET", "/customers/acme", nil), "USD", "customer", "currency") // it had none

	// It is an invoice like others: read, listed, numbered without a gap.
	again := s.must(t, "GET", fmt.Sprint("/invoices/", invoice["lago_id"]), nil)
	if fmt.Sprint(again["invoice"]) != fmt.Sprint(invoice) {
		t.Errorf("read again it is %v, was %v", again["invoice"], invoice)
	}
	listed := s.must(t, "GET", "/invoices?invoice_type=one_off", nil)
	expect(t, listed, "1", "meta", "total_count")
	expect(t, listed, "low", "invoices", 0, "applied_taxes", 0, "tax_code")
	expect(t, s.must(t, "GET", "/invoices?invoice_type=subscription", nil), "0", "meta", "total_count")
	s.invalid(t, "GET", "/invoices?invoice_type=gift", nil, "invoice_type: value_is_invalid")
	expect(t, s.must(t, "GET", "/fees?fee_type=add_on&external_customer_id=acme", nil), "3", "meta", "total_count")
	expect(t, s.must(t, "GET", "/fees?external_subscription_id=sub", nil), "0", "meta", "total_count")
	untaxed := s.must(t, "POST", "/invoices", oneOffBody(object{"purchase_order_number": "PO-1"}, object{"add_on_code": "setup", "tax_codes": []any{}}))
	expect(t, untaxed, "PO-1", "invoice", "purchase_order_number")
	expect(t, untaxed, "MINE-0001-001-002", "invoice", "number")
	expect(t, untaxed, "10000", "invoice", "total_amount_cents") // no tax, and not the add-on's
	nothing := s.must(t, "POST", "/invoices", oneOffBody(nil, object{"add_on_code": "seat", "units": 0}))
	expect(t, nothing, "MINE-0001-001-003", "invoice", "number")
	expect(t, nothing, "0", "invoice", "total_amount_cents")
	expect(t, nothing, "succeeded", "invoice", "payment_status") // there is nothing to pay
}

func TestBadOneOffInvoices(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.taxed(t)
	s.must(t, "POST", "/add_ons", object{"add_on": object{"name": "Fair", "code": "fair", "amount_cents": 1, "amount_currency": "EUR"}})
	s.must(t, "POST", "/customers", object{"customer": object{"external_id": "acme", "currency": "USD"}})
	seat := object{"add_on_code": "seat"}

	s.refused(t, "POST", "/invoices", oneOffBody(object{"external_customer_id": "nobody"}, seat), notFound("customer_not_found"))
	s.refused(t, "POST", "/invoices", oneOffBody(object{"external_customer_id": nil}, seat), notFound("customer_not_found"))
	s.refused(t, "POST", "/invoices", oneOffBody(nil), notFound("fees_not_found"))
	s.refused(t, "POST", "/invoices", oneOffBody(object{"fees": nil}), notFound("fees_not_found"))
	s.refused(t, "POST", "/invoices", oneOffBody(nil, seat, object{"add_on_code": "gone"}), notFound("add_on_not_found"))
	s.refused(t, "POST", "/invoices", oneOffBody(nil, object{"units": 1}), notFound("add_on_not_found"))
	s.refused(t, "POST", "/invoices", oneOffBody(nil, object{"add_on_code": "seat", "tax_codes": []any{"low", "none"}}), notFound("tax_not_found"))
	if a := s.send(t, s.other, "POST", "/api/v1/invoices", oneOffBody(nil, seat)); a.status != 404 || a.body["code"] != "customer_not_found" {
		t.Errorf("another organization's customer was invoiced: %d %s", a.status, a.raw)
	}

	f := func(body object, fields ...string) {
		t.Helper()
		s.invalid(t, "POST", "/invoices", body, fields...)
	}
	f(oneOffBody(object{"currency": "EUR"}, object{"add_on_code": "seat", "unit_amount_cents": 1}), "currency: currencies_does_not_match")
	f(oneOffBody(object{"currency": "XXX"}, seat), "currency: value_is_invalid")
	f(oneOffBody(nil, seat, object{"add_on_code": "fair"}), "fees.1.add_on_code: currencies_does_not_match") // its price is in EUR
	f(oneOffBody(object{"fees": "seat"}), "fees: value_is_invalid")
	f(oneOffBody(nil, "seat"), "fees.0: value_is_invalid")
	fee := func(change object) object {
		body := object{"add_on_code": "seat"}
		for name, value := range change {
			body[name] = value
		}
		return oneOffBody(nil, body)
	}
	f(fee(object{"units": "-1"}), "fees.0.units: value_is_out_of_range")
	f(fee(object{"units": "many"}), "fees.0.units: value_is_invalid")
	f(fee(object{"units": "1e3"}), "fees.0.units: value_is_invalid")
	f(fee(object{"unit_amount_cents": -1}), "fees.0.unit_amount_cents: value_is_out_of_range")
	f(fee(object{"unit_amount_cents": 1.5}), "fees.0.unit_amount_cents: value_is_invalid")
	f(fee(object{"from_datetime": "2024-03-02T00:00:00Z", "to_datetime": "2024-03-01T00:00:00Z"}), "fees.0.to_datetime: invalid_date")
	f(fee(object{"from_datetime": "soon"}), "fees.0.from_datetime: invalid_date")
	f(fee(object{"tax_codes": "vat"}), "fees.0.tax_codes: value_is_invalid")
	f(fee(object{"skip_psp": true}), "fees.0.skip_psp: not_supported_yet")
	f(oneOffBody(object{
		"skip_psp": true, "payment_method": object{"payment_method_type": "manual"}, "billing_entity_code": "other",
		"invoice_custom_section": object{"invoice_custom_section_codes": []any{"legal"}},
	}, seat), "skip_psp: not_supported_yet", "payment_method: not_supported_yet", "billing_entity_code: not_supported_yet",
		"invoice_custom_section: not_supported_yet")
	f(oneOffBody(object{"purchase_order_number": 7}, seat), "purchase_order_number: value_is_invalid")
	// 1e15 × 1e18 cents, and 20 fees of 1e18: no invoice could hold them.
	huge := object{"add_on_code": "seat", "unit_amount_cents": 999999999999999999}
	f(oneOffBody(nil, seat, object{"add_on_code": "seat", "units": "999999999999999", "unit_amount_cents": 999999999999999999}),
		"fees.1.units: value_is_out_of_range")
	f(oneOffBody(nil, slices.Repeat([]any{huge}, 20)...), "fees: value_is_out_of_range")
	expect(t, s.must(t, "GET", "/invoices", nil), "0", "meta", "total_count") // nothing is left of all that
	s.must(t, "POST", "/invoices", fee(object{"skip_psp": false, "unit_amount_cents": "7", "units": "1.0"}))
}
