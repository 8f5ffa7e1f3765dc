package billing

import (
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
)

func TestMeterCharges(t *testing.T) {
	t.Parallel()
	byModel := standardAt("1")
	byModel.PricingGroupKeys = []string{"model"}
	ch := testCharge(Standard, byModel)
	second := *ch
	second.ID, second.Properties = uuid.New(), standardAt("2")
	charges := []*Charge{ch, &second}
	catalog, err := MetricDefinition(ch.Metric, []Charge{*ch, second})
	if err != nil {
		t.Fatal(err)
	}

	f := func(what string, change func(m *aggregator.Metric), fits bool) {
		t.Helper()
		definition := *catalog
		change(&definition)
		metered, err := MeterCharges(charges, map[uuid.UUID]*aggregator.Metric{ch.Metric.ID: &definition})
		if err != nil {
			t.Fatal(err)
		}
		for i := range metered {
			m := &metered[i]
			if m.Charge != charges[i] || (m.Metric == &definition) != fits || m.Metric != metered[0].Metric {
				t.Errorf("%s: charge %d is metered by %+v", what, i, m.Metric)
			}
			if err := m.Split.Check(m.Metric); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if m.Metric.Aggregation != aggregator.SumAgg || m.Metric.FieldName != "amount" {
				t.Errorf("%s: metered by %+v", what, m.Metric)
			}
		}
	}
	f("equal", func(*aggregator.Metric) {}, true)
	f("split further", func(m *aggregator.Metric) { m.CellKeys = []string{"model", "region"} }, true)
	f("with precise totals", func(m *aggregator.Metric) { m.PreciseTotals = true }, true)
	f("not split enough", func(m *aggregator.Metric) { m.CellKeys = nil }, false)
	f("another aggregation", func(m *aggregator.Metric) { m.Aggregation = aggregator.MaxAgg }, false)
	f("another field", func(m *aggregator.Metric) { m.FieldName = "n" }, false)
	f("recurring", func(m *aggregator.Metric) { m.Recurring = true }, false)
	f("of a later code", func(m *aggregator.Metric) { m.ReceivedFrom = 1 }, false)
	f("another code", func(m *aggregator.Metric) { m.Code = "other" }, false)

	// A dynamic charge needs the prices of the events.
	second.Model = Dynamic
	f("without precise totals", func(*aggregator.Metric) {}, false)

	// One that the catalog does not have is made from the charges, and one that can't be
	// made is an error.
	metered, err := MeterCharges(charges, nil)
	if err != nil || !metered[1].Metric.PreciseTotals {
		t.Errorf("metered %+v, %v", metered, err)
	}
	ch.Metric.AggregationType = "custom_agg"
	if _, err := MeterCharges(charges, nil); err == nil {
		t.Error("a metric that can't be made was metered")
	}
}
