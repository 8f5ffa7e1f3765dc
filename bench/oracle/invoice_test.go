package oracle

import (
	"encoding/json"
	"math/big"
	"reflect"
	"testing"
	"time"
)

// event is one of subscription s and code c, with property n.
func event(id string, second int64, n any) Event {
	return Event{TransactionID: id, Subscription: "s", Code: "c", Time: time.Unix(second, 0), Properties: map[string]any{"n": n}}
}

func TestInvoice(t *testing.T) {
	t.Parallel()
	plan := Plan{BaseCents: 3000, Digits: 2, Charges: []Charge{
		{Metric{Code: "c", Aggregation: CountAgg}, Standard{Decimal("0.001")}},           // 3 × 0.001 = 0.003 → 0.00
		{Metric{Code: "c", Aggregation: SumAgg, Field: "n"}, Standard{Decimal("0.005")}}, // 3 × 0.005 = 0.015 → 0.02
		{Metric{Code: "none", Aggregation: CountAgg}, Standard{Decimal("1")}},
		{Metric{Code: "minus", Aggregation: SumAgg, Field: "n"}, Standard{Decimal("1")}}, // -1: 0 is billed
	}}
	events := []Event{
		event("a", 1, json.Number("1")), event("b", 1, json.Number("1")), event("c", 1, json.Number("1")),
		event("b", 1, json.Number("1")),
		{TransactionID: "m", Subscription: "s", Code: "minus", Time: time.Unix(1, 0), Properties: map[string]any{"n": json.Number("-1")}},
	}
	got := plan.Invoice(events, "s", time.Unix(0, 0), time.Unix(2, 0))
	want := Invoice{BaseCents: 3000, TotalCents: 3002, Fees: []Fee{
		{"c", big.NewRat(3, 1), 3, 0},
		{"c", big.NewRat(3, 1), 3, 2},
		{"none", new(big.Rat), 0, 0},
		{"minus", new(big.Rat), 1, 0},
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
