package oracle

import (
	"encoding/json"
	"math/big"
	"reflect"
	"testing"
	"time"
)

func at(second int64) time.Time { return time.Unix(second, 0).UTC() }

// event is one of subscription s and code c, with property n.
func event(id string, second int64, n any) Event {
	return Event{TransactionID: id, Subscription: "s", Code: "c", Time: at(second), Properties: map[string]any{"n": n}}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	other := event("other", 15, json.Number("1000"))
	other.Subscription = "t"
	otherCode := event("code", 15, json.Number("1000"))
	otherCode.Code = "d"
	sameIDElsewhere := event("a", 15, json.Number("1000"))
	sameIDElsewhere.Subscription = "t"
	events := []Event{
		event("before", 9, json.Number("1000")),
		event("a", 10, json.Number("1.5")), // the first instant is in
		sameIDElsewhere,                    // another event, of another subscription
		event("b", 15, "2.25"),             // a quoted number counts
		event("c", 15, json.Number("-1e-1")),
		event("d", 15, "1e3"),                 // a quoted exponent does not
		event("e", 15, "many"),                // nor does this
		event("f", 15, nil),                   // nor this
		event("a", 15, json.Number("999")),    // a repeat: the first content counts
		event("end", 20, json.Number("1000")), // the last instant is out
		other, otherCode,
	}
	for _, c := range []struct {
		name   string
		metric Metric
		amount string
		events int
	}{
		{"count", Metric{Code: "c"}, "6", 6},                     // a b c d e f
		{"sum", Metric{Code: "c", Field: "n"}, "3.65", 3},        // 1.5 + 2.25 - 0.1
		{"no such field", Metric{Code: "c", Field: "m"}, "0", 0}, // nothing takes part
		{"no such code", Metric{Code: "x"}, "0", 0},
	} {
		got := Usage(events, c.metric, "s", at(10), at(20))
		if got.Amount.Cmp(Decimal(c.amount)) != 0 || got.Events != c.events {
			t.Errorf("%s: %s of %d events, want %s of %d", c.name, got.Amount.RatString(), got.Events, c.amount, c.events)
		}
	}
}

func TestNegativeSumIsZero(t *testing.T) {
	t.Parallel()
	events := []Event{event("a", 1, json.Number("2")), event("b", 1, json.Number("-5"))}
	got := Usage(events, Metric{"c", "n"}, "s", at(0), at(2))
	if got.Amount.Sign() != 0 || got.Events != 2 {
		t.Errorf("%s of %d events, want 0 of 2", got.Amount.RatString(), got.Events)
	}
}

func tier(upTo, perUnit, flat string) Tier {
	if upTo == "" {
		return Tier{nil, Decimal(perUnit), Decimal(flat)}
	}
	return Tier{Decimal(upTo), Decimal(perUnit), Decimal(flat)}
}

func TestPrices(t *testing.T) {
	t.Parallel()
	graduated := Graduated{tier("10", "1", "5"), tier("", "0.5", "2")}
	three := Graduated{tier("10", "1", "0"), tier("20", "0.5", "3"), tier("", "0.1", "7")}
	packages := Package{Decimal("25"), 100, 50}
	for _, c := range []struct {
		name  string
		price Price
		units string
		want  string
	}{
		{"standard", Standard{Decimal("0.05")}, "120", "6"},
		{"standard, fraction", Standard{Decimal("0.000007")}, "3", "0.000021"},
		{"standard, none", Standard{Decimal("0.05")}, "0", "0"},
		{"graduated", graduated, "15", "19.5"},               // 10×1+5 + 5×0.5+2
		{"graduated, none", graduated, "0", "5"},             // the first flat fee
		{"graduated, full tier", graduated, "10", "15"},      // 10×1+5: the second tier is not entered
		{"graduated, just over", graduated, "10.5", "17.25"}, // 10×1+5 + 0.5×0.5+2
		{"graduated, three", three, "20", "18"},              // 10 + 10×0.5+3
		{"graduated, all three", three, "120", "35"},         // 10 + 5+3 + 100×0.1+7
		{"package", packages, "230", "50"},                   // 180 left: two packages
		{"package, free", packages, "50", "0"},
		{"package, one unit over", packages, "51", "25"},
		{"package, full", packages, "150", "25"},
		{"package, a little over full", packages, "150.1", "50"},
		{"package, none", packages, "0", "0"},
	} {
		if got := c.price.Amount(Decimal(c.units)); got.Cmp(Decimal(c.want)) != 0 {
			t.Errorf("%s: %s units cost %s, want %s", c.name, c.units, got.FloatString(6), c.want)
		}
	}
}

func TestCents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount string
		digits int
		want   int64
	}{
		{"19.50", 2, 1950},
		{"0.005", 2, 1},
		{"0.0049999999999999999999", 2, 0},
		{"-0.005", 2, -1},
		{"-0.0049", 2, 0},
		{"1.5", 0, 2},
		{"2.5", 0, 3}, // away from zero, not to even
		{"1.0005", 3, 1001},
		{"0", 2, 0},
		{"90071992547409.93", 2, 9007199254740993}, // more than a float64 holds
	} {
		if got := Cents(Decimal(c.amount), c.digits); got != c.want {
			t.Errorf("%s with %d digits is %d, want %d", c.amount, c.digits, got, c.want)
		}
	}
	if got := Cents(big.NewRat(2, 3), 2); got != 67 { // 0.666…
		t.Errorf("2/3 is %d cents, want 67", got)
	}
}

func TestInvoice(t *testing.T) {
	t.Parallel()
	plan := Plan{BaseCents: 3000, Digits: 2, Charges: []Charge{
		{Metric{Code: "c"}, Standard{Decimal("0.001")}},             // 3 × 0.001 = 0.003 → 0.00
		{Metric{Code: "c", Field: "n"}, Standard{Decimal("0.005")}}, // 3 × 0.005 = 0.015 → 0.02
		{Metric{Code: "none"}, Standard{Decimal("1")}},
	}}
	events := []Event{
		event("a", 1, json.Number("1")), event("b", 1, json.Number("1")), event("c", 1, json.Number("1")),
		event("b", 1, json.Number("1")),
	}
	got := plan.Invoice(events, "s", at(0), at(2))
	want := Invoice{BaseCents: 3000, TotalCents: 3002, Fees: []Fee{
		{"c", big.NewRat(3, 1), 3, 0}, {"c", big.NewRat(3, 1), 3, 2}, {"none", new(big.Rat), 0, 0},
	}}
	if got.BaseCents != want.BaseCents || got.TotalCents != want.TotalCents || len(got.Fees) != len(want.Fees) {
		t.Fatalf("invoice is %+v, want %+v", got, want)
	}
	for i := range want.Fees {
		g, w := got.Fees[i], want.Fees[i]
		if g.Units.Cmp(w.Units) != 0 {
			t.Errorf("fee %d has %s units, want %s", i, g.Units, w.Units)
		}
		g.Units, w.Units = nil, nil
		if !reflect.DeepEqual(g, w) {
			t.Errorf("fee %d is %+v, want %+v", i, g, w)
		}
	}
}
