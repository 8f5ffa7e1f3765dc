package billing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestEvidencePrices makes the fees of fixed charges and minimums again from nothing but the
// stored evidence.
func TestEvidencePrices(t *testing.T) {
	t.Parallel()
	charge := testCharge(Standard, standardAt("1"))
	charge.MinAmountCents = 1000
	bill := aprilPeriods(aprilBill(t, "a", priced(t, charge, cell("3.2", 1))))
	bill.Commitment, bill.CommitmentFees, bill.CommitmentDays, bill.CommitmentPeriodDays = bill.UsageFull, bill.UsageFull, 30, 30
	bill.Plan.Commitment = &MinimumCommitment{AmountCents: 10_000}
	seats := testFixedCharge(Standard, standardAt("5"), units("10", "2024-01-01T00:00:00Z", false), units("12", "2024-04-21T00:00:00Z", true))
	seats.Prorated = true
	stairs := testFixedCharge(Graduated, tiers(tier(0, ptrTo(int64(5)), "1", "2"), tier(6, nil, "0.5", "0")), units("7", "2024-01-01T00:00:00Z", false))
	nothing := testFixedCharge(Standard, standardAt("5"), units("0", "2024-01-01T00:00:00Z", false))
	bill.Plan.FixedCharges = []FixedCharge{seats, stairs, nothing}
	inv, _, err := Assemble(assembly(bill))
	if err != nil {
		t.Fatal(err)
	}
	usages, minimums, err := DecodePriced(inv.Subscriptions[0].Evidence(), "USD")
	if err != nil {
		t.Fatal(err)
	}
	if len(usages) != 3 || len(minimums) != 2 {
		t.Fatalf("%d fixed charges and %d minimums", len(usages), len(minimums))
	}
	var got []string
	for i := range usages {
		u := &usages[i]
		got = append(got, fmt.Sprintf("%s %s units %s = %d %s", u.FixedCharge.AddOn.Code, span(u.Period), u.Units, u.AmountCents, u.AmountDetails))
	}
	for i := range minimums {
		missing, err := minimums[i].Missing()
		got = append(got, fmt.Sprintf("minimum of %t: %d, %v", minimums[i].ChargeID == charge.ID, missing, err))
	}
	var want []string
	for _, fee := range inv.Fees {
		if fee.FixedCharge != nil {
			want = append(want, fmt.Sprintf("%s %s units %s = %d %s", fee.ItemCode, span(fee.Period), fee.Units, fee.AmountCents, fee.AmountDetails))
		}
	}
	want = append(want, "seat 04-10 00:00/05-01 00:00 units 0 = 0 {}") // made no fee
	// 10.00 × 21/30 − 3.20, and 100.00 − 21.00 − 7.00 − what the fixed charges came to:
	// (10 × 11 + 12 × 10) / 30 × 5 = 38.33 and 5 × 1 + 2 + 2 × 0.50 = 8.00.
	want = append(want, "minimum of true: 380, <nil>", "minimum of false: 2567, <nil>")
	wantTexts(t, got, want...)

	charges, _, err := DecodeEvidence(charge.Metric.OrganizationID, inv.Subscriptions[0].Evidence())
	if err != nil || len(charges) != 0 { // the bill was priced without having been metered
		t.Errorf("%d charges, %v", len(charges), err)
	}
}

// The JSON that is stored: it is added to, never changed.
func TestEvidencePricedGolden(t *testing.T) {
	t.Parallel()
	id := func(n byte) uuid.UUID { return uuid.UUID{15: n} }
	april := Period{at("2024-04-01T00:00:00Z"), at("2024-05-01T00:00:00Z")}
	charge := testFixedCharge(Standard, standardAt("5"))
	charge.ID, charge.AddOn.ID, charge.InvoiceDisplayName, charge.Prorated, charge.PayInAdvance = id(1), id(2), "Seats", true, true
	s := InvoiceSubscription{
		FixedCharges: []FixedChargeUsage{{
			FixedCharge: &charge, Period: april, PeriodDays: 30,
			Segments: []UnitsSegment{{Period: april, Units: dec("10.5"), Days: 30}},
		}},
		Minimums: []Minimum{
			{ChargeID: id(3), Period: april, AmountCents: 1000, Days: 15, PeriodDays: 30, BilledCents: 320},
			{Period: april, AmountCents: 10_000, Days: 30, PeriodDays: 30},
		},
	}
	const period = `"from":"2024-04-01T00:00:00Z","to":"2024-05-01T00:00:00Z"`
	want := strings.Join([]string{
		`{"version":1,"charges":[],"fixed_charges":[{"id":"00000000-0000-0000-0000-000000000001","code":"seats","invoice_display_name":"Seats",`,
		`"add_on_id":"00000000-0000-0000-0000-000000000002","add_on_code":"seat","add_on_name":"Seat","charge_model":"standard",`,
		`"properties":{"amount":"5"},"pay_in_advance":true,"prorated":true,"period":{` + period + `},"period_days":30,`,
		`"segments":[{` + period + `,"units":"10.5","days":30}]}],`,
		`"minimums":[{"charge_id":"00000000-0000-0000-0000-000000000003","period":{` + period + `},"amount_cents":1000,"days":15,"period_days":30,"billed_cents":320},`,
		`{"period":{` + period + `},"amount_cents":10000,"days":30,"period_days":30,"billed_cents":0}]}`,
	}, "")
	if got := string(s.Evidence()); got != want {
		t.Errorf("evidence:\n got %s\nwant %s", got, want)
	}
}

func TestDecodePricedRefuses(t *testing.T) {
	t.Parallel()
	f := func(text string) {
		t.Helper()
		if usages, _, err := DecodePriced([]byte(text), "USD"); err == nil {
			t.Errorf("%s was read as %+v", text, usages)
		}
	}
	f(``)
	f(`{"version":2}`)
	f(`{"version":1,"fixed_charges":[{"charge_model":"standard","properties":{"amount":"1"}}]}`)                                // no segments
	f(`{"version":1,"fixed_charges":[{"charge_model":"standard","segments":[{"units":"1"}]}]}`)                                 // no prices
	f(`{"version":1,"fixed_charges":[{"charge_model":"dynamic","properties":{},"segments":[{"units":"1"}]}]}`)                  // not a model of theirs
	f(`{"version":1,"fixed_charges":[{"charge_model":"standard","properties":{"amount":"1"},"segments":[{"units":"1e400"}]}]}`) // beyond cents
}
