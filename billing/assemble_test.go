package billing

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// counter makes the ids 1, 2, 3, …
func counter() func() uuid.UUID {
	var n uint64
	return func() (id uuid.UUID) {
		n++
		binary.BigEndian.PutUint64(id[8:], n)
		return id
	}
}

// aprilBill is the bill of a plan of 30.00 over April 2024, with a charge for each usage.
func aprilBill(t *testing.T, code string, charges ...ChargeUsage) PricedBill {
	t.Helper()
	plan := plan30(false)
	plan.Code, plan.Name = code, "Plan "+code
	s := started(t, plan, Calendar, "2024-04-10T00:00:00Z", "2024-04-10T00:00:00Z", time.UTC)
	b, ok := NextBill(s, plan, time.UTC)
	if !ok {
		t.Fatal("nothing is due")
	}
	return PricedBill{Bill: b, Charges: charges, Cut: &Cut{LogID: "log", Partition: 3, Next: 17}}
}

func priced(t *testing.T, ch *Charge, cells ...cellUsage) ChargeUsage {
	t.Helper()
	usage, err := PriceCharge(ch, measured(t, ch, cells), "USD")
	if err != nil {
		t.Fatal(err)
	}
	return usage
}

func assembly(bills ...PricedBill) Assembly {
	return Assembly{
		Organization: &Organization{ID: uuid.New(), NetPaymentTermDays: 14},
		Customer:     &Customer{ID: uuid.New()},
		Location:     time.UTC,
		Bills:        bills,
		Now:          at("2024-05-01T00:10:03Z"),
		NewID:        counter(),
	}
}

func TestAssemble(t *testing.T) {
	t.Parallel()
	filtered := testCharge(Standard, standardAt("1"), filterBy(standardAt("2"), map[string][]string{"region": {"eu"}}),
		filterBy(standardAt("3"), map[string][]string{"region": {"us"}}))
	usage := priced(t, filtered, cell("7", 7, ""), cell("3", 3, "us"))
	free := testCharge(Standard, standardAt("0"))
	second := aprilBill(t, "b", priced(t, free, cell("5", 5)))
	a := assembly(aprilBill(t, "a", usage), second)
	inv, snapshots, err := Assemble(a)
	if err != nil {
		t.Fatal(err)
	}

	var lines []string
	for _, fee := range inv.Fees {
		lines = append(lines, fmt.Sprintf("%s %s %s x %s = %d", fee.Type, fee.ItemCode, fee.Units, fee.UnitAmount, fee.AmountCents))
	}
	want := []string{
		"subscription a 1 x 21 = 2100", // 21 of 30 days of 30.00
		"charge tokens 3 x 3 = 900",    // the eu filter saw nothing and has no row
		"charge tokens 7 x 1 = 700",
		"subscription b 1 x 21 = 2100",
		"charge tokens 5 x 0 = 0", // free, but used
	}
	if !slices.Equal(lines, want) {
		t.Errorf("fees:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if inv.FeesAmountCents != 5800 || inv.SubTotalExcludingTaxesAmountCents != 5800 ||
		inv.SubTotalIncludingTaxesAmountCents != 5800 || inv.TotalAmountCents != 5800 || inv.PaymentStatus != PaymentPending {
		t.Errorf("totals %+v", inv)
	}
	if inv.Status != InvoiceFinalized || inv.Type != "subscription" || inv.Currency != "USD" || inv.Number != "" {
		t.Errorf("invoice %+v", inv)
	}
	if len(inv.Subscriptions) != 2 {
		t.Fatalf("%d subscriptions", len(inv.Subscriptions))
	}
	s := inv.Subscriptions[1]
	if s.SubscriptionID != second.Subscription.ID || s.Reason != ReasonPeriodic || s.Cut.Next != 17 ||
		span(s.Base) != "04-10 00:00/05-01 00:00" || s.Usage != s.Base || s.Fixed != s.Usage {
		t.Errorf("second subscription %+v", s)
	}
	checkFees(t, inv)
	checkSnapshots(t, inv, snapshots)
}

func checkFees(t *testing.T, inv *Invoice) {
	t.Helper()
	ids := map[uuid.UUID]bool{inv.ID: true}
	for _, fee := range inv.Fees {
		if ids[fee.ID] || fee.InvoiceID != inv.ID || fee.CustomerID != inv.CustomerID || fee.OrganizationID != inv.OrganizationID {
			t.Errorf("fee %+v", fee)
		}
		ids[fee.ID] = true
		if fee.GroupedBy == nil || fee.Period.IsZero() || fee.DisplayName == "" || !fee.CreatedAt.Equal(inv.CreatedAt) {
			t.Errorf("fee %+v", fee)
		}
	}
	base, charge := inv.Fees[0], inv.Fees[1]
	if string(base.AmountDetails) != `{"plan_amount_cents":3000}` || base.DisplayName != "Plan a" || !base.PreciseAmount.Equal(dec("2100")) {
		t.Errorf("base fee %+v", base)
	}
	if charge.EventsCount != 3 || charge.Filter == nil || charge.Filter.Values["region"][0] != "us" || !charge.PreciseAmount.Equal(dec("900")) {
		t.Errorf("charge fee %+v", charge)
	}
}

func checkSnapshots(t *testing.T, inv *Invoice, snapshots []UsageSnapshot) {
	t.Helper()
	var fees []uuid.UUID // of the buckets eu, us, default of the first charge, and the second's only one
	for _, s := range snapshots {
		if s.FeeID == nil {
			fees = append(fees, uuid.Nil)
		} else {
			fees = append(fees, *s.FeeID)
		}
	}
	if want := []uuid.UUID{uuid.Nil, inv.Fees[1].ID, inv.Fees[2].ID, inv.Fees[4].ID}; !slices.Equal(fees, want) {
		t.Errorf("snapshots' fees %v, want %v", fees, want)
	}
	s := snapshots[1]
	metric := inv.Fees[1].Charge.Metric.ID
	want := `{"billable_metric":{"lago_id":"` + metric.String() + `","code":"tokens","aggregation_type":"sum_agg","field_name":"amount"},` +
		`"charge_id":"` + s.ChargeID.String() + `","charge_model":"standard","filter":{"region":["us"]},"properties":{"amount":"3"}}`
	if string(s.Definition) != want {
		t.Errorf("definition:\n got %s\nwant %s", s.Definition, want)
	}
	if *s.ChargeFilterID != inv.Fees[1].Filter.ID || snapshots[2].ChargeFilterID != nil || !s.Units.Equal(dec("3")) || s.EventsCount != 3 {
		t.Errorf("snapshot %+v", s)
	}
}

func TestAssembleDates(t *testing.T) {
	t.Parallel()
	f := func(zoneName string, terms *int, now, issued, due string) {
		t.Helper()
		a := assembly(aprilBill(t, "a"))
		a.Bills[0].At = at("2024-05-01T03:59:00Z")
		a.Location, a.Customer.NetPaymentTermDays, a.Now = zone(t, zoneName), terms, at(now)
		inv, _, err := Assemble(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := inv.IssuingDate.Format(time.RFC3339) + " " + inv.PaymentDueDate.Format(time.RFC3339); got != issued+"T00:00:00Z "+due+"T00:00:00Z" {
			t.Errorf("%s: issued and due %s, want %s %s", zoneName, got, issued, due)
		}
	}
	zero := 0
	f("UTC", nil, "2024-05-01T04:10:00Z", "2024-05-01", "2024-05-15")
	f("America/New_York", nil, "2024-05-01T04:10:00Z", "2024-04-30", "2024-05-14")
	f("Asia/Tokyo", &zero, "2024-05-01T04:10:00Z", "2024-05-01", "2024-05-01")
	f("UTC", &zero, "2024-05-04T00:00:00Z", "2024-05-01", "2024-05-01") // the biller was down for days
}

func TestAssembleNothingToPay(t *testing.T) {
	t.Parallel()
	bill := aprilBill(t, "free")
	bill.Plan.AmountCents = 0
	inv, _, err := Assemble(assembly(bill))
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Fees) != 1 || inv.TotalAmountCents != 0 || inv.PaymentStatus != PaymentSucceeded {
		t.Errorf("%d fees, %d cents, %s", len(inv.Fees), inv.TotalAmountCents, inv.PaymentStatus)
	}
}

func TestAssembleTooLarge(t *testing.T) {
	t.Parallel()
	first, second := aprilBill(t, "a"), aprilBill(t, "b")
	for _, b := range []*PricedBill{&first, &second} {
		b.Plan.AmountCents, b.BaseDays = math.MaxInt64, b.BasePeriodDays
	}
	if inv, _, err := Assemble(assembly(first, second)); err == nil {
		t.Errorf("a total beyond int64 became %d", inv.TotalAmountCents)
	}
}

func TestBaseFee(t *testing.T) {
	t.Parallel()
	f := func(cents int64, days, periodDays int, want string) {
		t.Helper()
		if got := BaseFee(&Plan{AmountCents: cents}, days, periodDays); !got.Equal(dec(want)) {
			t.Errorf("%d of %d days of %d cents: %s, want %s", days, periodDays, cents, got, want)
		}
	}
	f(3000, 21, 30, "2100")
	f(3000, 15, 30, "1500")
	f(3000, 30, 30, "3000")
	f(9999, 31, 31, "9999")
	f(1000, 1, 31, "32.258064516129032")
	f(math.MaxInt64, 31, 31, "9223372036854775807")
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	if got := NumberInvoice("ACM-1234", 7, 12); got != "ACM-1234-007-012" {
		t.Error(got)
	}
	if got := NumberInvoice("X", 1234, 10000); got != "X-1234-10000" {
		t.Error(got)
	}
	id := uuid.MustParse("018f3a5e-0000-7000-8000-00000000beef")
	if got := DefaultDocumentPrefix("Acme Inc", id); got != "ACM-BEEF" {
		t.Error(got)
	}
	if got := DefaultDocumentPrefix("Ü", id); got != "Ü-BEEF" {
		t.Error(got)
	}
}
