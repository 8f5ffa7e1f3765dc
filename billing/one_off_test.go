package billing

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
)

func oneOff(items ...OneOffItem) OneOff {
	return OneOff{
		Organization: &Organization{ID: uuid.New(), NetPaymentTermDays: 14},
		Customer:     &Customer{ID: uuid.New(), Currency: "EUR"},
		Location:     time.UTC,
		Items:        items,
		Now:          at("2024-05-01T10:00:00Z"),
		NewID:        uuid.New,
	}
}

func TestAssembleOneOff(t *testing.T) {
	t.Parallel()
	setup := &AddOn{ID: uuid.New(), Code: "setup", Name: "Setup", Description: "once", AmountCents: 5000, Currency: "EUR"}
	half, vat, low := dec("1.5"), testTax("vat", "20"), testTax("low", "5")
	march := Period{at("2024-03-01T00:00:00Z"), at("2024-04-01T00:00:00Z")}
	o := oneOff(
		OneOffItem{AddOn: setup},
		OneOffItem{AddOn: setup, Units: &half, UnitAmountCents: ptrTo(int64(333)), DisplayName: "More", Description: "again", Taxes: []Tax{low}, Period: march},
		OneOffItem{AddOn: setup, Taxes: []Tax{}}, // none of the hierarchy's
	)
	o.OrganizationTaxes = []Tax{vat}
	inv, err := AssembleOneOff(o)
	if err != nil {
		t.Fatal(err)
	}
	// 1.5 × 3.33 = 4.995 → 5.00, of which 5 % are 0.25; 50.00 × 20 % = 10.00.
	wantTexts(t, describeFees(inv), "add_on setup 1 x 50 = 5000", "add_on setup 1.5 x 3.33 = 500", "add_on setup 1 x 50 = 5000")
	// 20 × 50/105 + 5 × 5/105 = 9.7619…
	wantTexts(t, describeTaxes(inv), "fee 5000 taxes 1000 rate 20", "fee 500 taxes 25 rate 5", "fee 5000 taxes 0 rate 0",
		"vat 20% of 5000 is 1000", "low 5% of 500 is 25", "10500 + 1025 = 11525 at 9.7619%")
	if inv.Type != "one_off" || inv.Status != InvoiceFinalized || inv.PaymentStatus != PaymentPending || inv.Currency != "EUR" ||
		inv.IssuingDate.Format(time.DateOnly) != "2024-05-01" || inv.PaymentDueDate.Format(time.DateOnly) != "2024-05-15" || len(inv.Subscriptions) != 0 {
		t.Errorf("invoice %+v", inv)
	}
	first, second := inv.Fees[0], inv.Fees[1]
	if first.DisplayName != "Setup" || first.Description != "once" || first.Period != (Period{o.Now, o.Now}) || first.AddOn != setup || first.SubscriptionID != uuid.Nil {
		t.Errorf("first fee %+v", first)
	}
	if second.DisplayName != "More" || second.Description != "again" || second.Period != march || !second.PreciseAmount.Equal(dec("499.5")) || second.InvoiceID != inv.ID {
		t.Errorf("second fee %+v", second)
	}
}

func TestOneOffTaxes(t *testing.T) {
	t.Parallel()
	addOn := &AddOn{Code: "a", AmountCents: 100, Currency: "EUR", Taxes: []Tax{testTax("add_on", "1")}}
	o := oneOff(OneOffItem{AddOn: addOn, Taxes: []Tax{testTax("explicit", "1")}})
	o.Customer.Taxes, o.OrganizationTaxes = []Tax{testTax("customer", "1")}, []Tax{testTax("organization", "1")}
	f := func(want string) {
		t.Helper()
		inv, err := AssembleOneOff(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := inv.Fees[0].Taxes[0].Code; got != want {
			t.Errorf("tax %s, want %s", got, want)
		}
	}
	f("explicit")
	o.Items[0].Taxes = nil
	f("add_on")
	addOn.Taxes = nil
	f("customer")
	o.Customer.Taxes = nil
	f("organization")
}

func TestOneOffCurrency(t *testing.T) {
	t.Parallel()
	dollars, euros := &AddOn{AmountCents: 100, Currency: "USD"}, &AddOn{AmountCents: 100, Currency: "EUR"}
	f := func(requested, customers Currency, want string, items ...OneOffItem) {
		t.Helper()
		o := oneOff(items...)
		o.Currency, o.Customer.Currency = requested, customers
		inv, err := AssembleOneOff(o)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(inv.Currency, inv.Fees[0].Currency)
		}
		if got != want {
			t.Errorf("%s requested, %s the customer's: %s, want %s", requested, customers, got, want)
		}
	}
	f("", "EUR", "EUREUR", OneOffItem{AddOn: euros})
	f("", "", "USDUSD", OneOffItem{AddOn: dollars})
	f("EUR", "", "EUREUR", OneOffItem{AddOn: euros})
	f("EUR", "", "currency: currencies_does_not_match", OneOffItem{AddOn: dollars})
	f("", "", "currency: currencies_does_not_match", OneOffItem{AddOn: euros}, OneOffItem{AddOn: dollars})
	f("EUR", "", "EUREUR", OneOffItem{AddOn: dollars, UnitAmountCents: ptrTo(int64(90))}) // a price of its own
}

func TestOneOffFaults(t *testing.T) {
	t.Parallel()
	addOn := &AddOn{AmountCents: math.MaxInt64, Currency: "EUR"}
	f := func(want string, items ...OneOffItem) {
		t.Helper()
		_, err := AssembleOneOff(oneOff(items...))
		var e *Error
		if !errors.As(err, &e) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	minus, two, long, huge := dec("-1"), dec("2"), dec("1e-100"), dec("1e100")
	f("fees_not_found")
	f("fees.0.units: value_is_out_of_range", OneOffItem{AddOn: addOn, Units: &minus})
	f("fees.0.units: value_is_out_of_range", OneOffItem{AddOn: addOn, Units: &two})
	f("fees.0.units: value_is_out_of_range", OneOffItem{AddOn: addOn, Units: &long})
	f("fees.0.units: value_is_out_of_range", OneOffItem{AddOn: addOn, Units: &huge})
	f("fees.0.unit_amount_cents: value_is_out_of_range", OneOffItem{AddOn: addOn, UnitAmountCents: ptrTo(int64(-1))})
	f("fees: value_is_out_of_range", OneOffItem{AddOn: addOn}, OneOffItem{AddOn: addOn})
	f("fees.0.to_datetime: invalid_date", OneOffItem{AddOn: addOn, Period: Period{at("2024-05-02T00:00:00Z"), at("2024-05-01T00:00:00Z")}})
}
