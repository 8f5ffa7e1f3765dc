package billing

import (
	"testing"

	"weir/aggregator"
)

// percentOfEvents returns properties of a percentage charge; "" and 0 leave a member out.
func percentOfEvents(rate, fixed string, freeEvents int64, freeUnits, lowest, highest string) ChargeProperties {
	optional := func(text string) *Amount {
		if text == "" {
			return nil
		}
		return amount(text)
	}
	p := ChargeProperties{
		Rate: optional(rate), FixedAmount: optional(fixed), FreeUnitsPerTotalAggregation: optional(freeUnits),
		PerTransactionMinAmount: optional(lowest), PerTransactionMaxAmount: optional(highest),
	}
	if freeEvents != 0 {
		p.FreeUnitsPerEvents = &freeEvents
	}
	return p
}

func TestPricePercentage(t *testing.T) {
	t.Parallel()
	f := func(p ChargeProperties, units string, events int64, fold *aggregator.FoldUsage, amount, unitAmount, details string) {
		t.Helper()
		if codes := p.Validate(Percentage); codes != nil {
			t.Fatal(codes)
		}
		got, err := p.Price(Percentage, Quantity{Units: dec(units), EventsCount: events, Fold: fold})
		if err != nil || !got.Amount.Equal(dec(amount)) || !got.UnitAmount.Equal(dec(unitAmount)) || string(got.Details) != details {
			t.Errorf("%s units of %d events: %s, %s a unit, %s, %v; want\n%s, %s a unit, %s",
				units, events, got.Amount, got.UnitAmount, got.Details, err, amount, unitAmount, details)
		}
	}
	// Events of 40, 30, 60 and 70; of the running totals 40, 70, 130 (N = 3) two are below
	// T = 100: 100 units and 2 events are free. (200 - 100) x 2 % + (4 - 2) x 0.50
	f(percentOfEvents("2", "0.50", 3, "100", "", ""), "200", 4,
		&aggregator.FoldUsage{FreeEvents: 2, FreeUnits: dec("100")}, "3", "0.015",
		`{"units":"200.0","free_units":"100.0","free_events":2,"paid_units":"100.0","rate":"2.0","per_unit_total_amount":"2.0",`+
			`"paid_events":2,"fixed_fee_unit_amount":"0.5","fixed_fee_total_amount":"1.0","min_max_adjustment_total_amount":"0.0"}`)
	// Nothing is free: nothing needs to be asked. 500 x 1.5 % + 3 x 0.10
	f(percentOfEvents("1.5", "0.10", 0, "", "", ""), "500", 3, nil, "7.8", "0.0156",
		`{"units":"500.0","free_units":"0.0","free_events":0,"paid_units":"500.0","rate":"1.5","per_unit_total_amount":"7.5",`+
			`"paid_events":3,"fixed_fee_unit_amount":"0.1","fixed_fee_total_amount":"0.3","min_max_adjustment_total_amount":"0.0"}`)
	// Events of 10, 200 and 1000 at 1 %, at least 0.30 and at most 5: 0.30 + 2.00 + 5.00, where
	// 1 % of all would be 12.10.
	f(percentOfEvents("1", "", 0, "", "0.30", "5"), "1210", 3, &aggregator.FoldUsage{TransactionsAmount: dec("7.30")}, "7.3", "0.006033057851240",
		`{"units":"1210.0","free_units":"0.0","free_events":0,"paid_units":"1210.0","rate":"1.0","per_unit_total_amount":"12.1",`+
			`"paid_events":3,"fixed_fee_unit_amount":"0.0","fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"-4.8"}`)
	// All is free, and more would be.
	f(percentOfEvents("2", "0.50", 3, "", "", ""), "70", 2, &aggregator.FoldUsage{FreeEvents: 3, FreeUnits: dec("70")}, "0", "0",
		`{"units":"70.0","free_units":"70.0","free_events":2,"paid_units":"0.0","rate":"2.0","per_unit_total_amount":"0.0",`+
			`"paid_events":0,"fixed_fee_unit_amount":"0.0","fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}`)
	// What the first events brought was taken back: less is left than is free.
	f(percentOfEvents("2", "0.50", 0, "100", "", ""), "20", 2, &aggregator.FoldUsage{FreeEvents: 1, FreeUnits: dec("100")}, "0.5", "0.025",
		`{"units":"20.0","free_units":"100.0","free_events":1,"paid_units":"0.0","rate":"2.0","per_unit_total_amount":"0.0",`+
			`"paid_events":1,"fixed_fee_unit_amount":"0.5","fixed_fee_total_amount":"0.5","min_max_adjustment_total_amount":"0.0"}`)
	const nothing = `{"units":"0.0","free_units":"0.0","free_events":0,"paid_units":"0.0","rate":"2.0","per_unit_total_amount":"0.0",` +
		`"paid_events":0,"fixed_fee_unit_amount":"0.0","fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}`
	f(percentOfEvents("2", "0.50", 3, "100", "1", "2"), "0", 0, nil, "0", "0", nothing)
	// Events that amount to nothing, or less, cost nothing, whatever each of them would.
	f(percentOfEvents("2", "0.50", 0, "", "", ""), "0", 2, nil, "0", "0",
		`{"units":"0.0","free_units":"0.0","free_events":0,"paid_units":"0.0","rate":"2.0","per_unit_total_amount":"0.0",`+
			`"paid_events":2,"fixed_fee_unit_amount":"0.5","fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}`)
	f(percentOfEvents("2", "", 0, "", "0.3", ""), "-10", 2, &aggregator.FoldUsage{TransactionsAmount: dec("0.60")}, "0", "0",
		`{"units":"0.0","free_units":"0.0","free_events":0,"paid_units":"0.0","rate":"2.0","per_unit_total_amount":"0.0",`+
			`"paid_events":2,"fixed_fee_unit_amount":"0.0","fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}`)
	f(percentOfEvents("0", "", 0, "", "", ""), "10", 2, nil, "0", "0",
		`{"units":"10.0","free_units":"0.0","free_events":0,"paid_units":"10.0","rate":"0.0","per_unit_total_amount":"0.0",`+
			`"paid_events":2,"fixed_fee_unit_amount":"0.0","fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}`)
}

func TestPercentageFold(t *testing.T) {
	t.Parallel()
	f := func(p ChargeProperties, want string) {
		t.Helper()
		ch := testCharge(Percentage, p, filterBy(p, map[string][]string{"region": {"eu"}}))
		split := ChargeSplit(ch)
		for _, fold := range []*aggregator.Fold{split.Fold, split.Filters[0].Fold} {
			if got := string(mustJSON(evidenceFoldOf(fold))); got != want {
				t.Errorf("fold %s, want %s", got, want)
			}
		}
	}
	f(percentOfEvents("2", "0.50", 0, "", "", ""), `null`)
	f(percentOfEvents("2", "0.50", 0, "0", "", ""), `null`)
	f(percentOfEvents("2", "0.50", 3, "", "", ""), `{"allowance":{"events":3,"units":"0"}}`)
	f(percentOfEvents("2", "", 0, "100", "", ""), `{"allowance":{"events":0,"units":"100"}}`)
	f(percentOfEvents("2", "0.50", 0, "", "", "5"), `{"transaction":{"rate":"2","fixed":"0.5","min":"0","max":"5"}}`)
	f(percentOfEvents("2", "", 0, "", "0.3", ""), `{"transaction":{"rate":"2","fixed":"0","min":"0.3"}}`)
	f(percentOfEvents("2", "", 1, "7", "0", "0"),
		`{"allowance":{"events":1,"units":"7"},"transaction":{"rate":"2","fixed":"0","min":"0","max":"0"}}`)
}

func TestValidatePercentage(t *testing.T) {
	t.Parallel()
	f := func(p ChargeProperties, want ...string) {
		t.Helper()
		sameCodes(t, p.Validate(Percentage), want)
	}
	f(DefaultProperties(Percentage))
	f(ChargeProperties{}, CodeInvalidRate)
	f(percentOfEvents("-1", "-1", -1, "-1", "-1", "1"), CodeInvalidRate, CodeInvalidFixedAmount,
		CodeInvalidFreeUnitsPerEvents, CodeInvalidFreeUnitsPerTotalAggregation, CodeInvalidAmount)
	f(percentOfEvents("1", "", 0, "", "2", "1.99"), CodeTransactionMaxLowerThanMin)
	f(percentOfEvents("1", "", 0, "", "2", "2"))
	none := int64(0)
	f(ChargeProperties{Rate: amount("1"), FreeUnitsPerEvents: &none}, CodeInvalidFreeUnitsPerEvents)
}
