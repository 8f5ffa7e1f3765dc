package billing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/aggregator"
)

// describeDifferences is one line for each: charge, filter, group, then units, events and
// cents that were billed and are now.
func describeDifferences(differences []UsageDifference) []string {
	lines := make([]string, 0, len(differences))
	for _, d := range differences {
		filter := "-"
		if d.Filter != nil {
			filter = fmt.Sprint(d.Filter.Values)
		}
		var group []string
		for key, v := range d.GroupedBy {
			if v == nil {
				group = append(group, key+"=null")
			} else {
				group = append(group, key+"="+*v)
			}
		}
		lines = append(lines, fmt.Sprintf("%s %s %v: %s/%d/%d -> %s/%d/%d", d.Charge.Code, filter, group,
			d.Billed.Units, d.Billed.EventsCount, d.Billed.AmountCents, d.Now.Units, d.Now.EventsCount, d.Now.AmountCents))
	}
	return lines
}

func TestDifference(t *testing.T) {
	t.Parallel()
	byModel := standardAt("1")
	byModel.PricingGroupKeys = []string{"model"}
	grouped := testCharge(Standard, byModel, filterBy(standardAt("2"), map[string][]string{"region": {"eu"}}))
	grouped.Code = "grouped"
	rounded := testCharge(Graduated, tiers(tier(0, to(10), "1", "5"), tier(11, nil, "0.5", "0")))
	rounded.Code, rounded.Metric.RoundingFunction = "rounded", RoundCeil
	charges := []*Charge{grouped, rounded}

	f := func(billed, now [2][]cellUsage, want ...string) {
		t.Helper()
		metered, err := MeterCharges(charges, nil)
		if err != nil {
			t.Fatal(err)
		}
		u := &InvoicedUsage{Currency: "USD", Metered: metered}
		var answer [][]aggregator.BucketUsage
		for i, ch := range charges {
			u.Usages = append(u.Usages, priced(t, ch, billed[i]...))
			answer = append(answer, measured(t, ch, now[i]))
		}
		differences, err := Difference(u, answer)
		if err != nil {
			t.Fatal(err)
		}
		if got := describeDifferences(differences); !slices.Equal(got, want) {
			t.Errorf("differences:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	type cells = [2][]cellUsage
	before := cells{{cell("3", 1, "a", ""), cell("5", 1, "", ""), cell("7", 1, "a", "eu")}, {cell("9.5", 2)}}
	f(before, before)
	f(cells{}, cells{})
	// A late event of a group that was billed, one of a new group, one in the filter.
	f(before, cells{{cell("4", 2, "a", ""), cell("5", 1, "", ""), cell("2", 1, "b", ""), cell("17", 2, "a", "eu")}, {cell("9.5", 2)}},
		"grouped map[region:[eu]] []: 7/1/1400 -> 17/2/3400",
		"grouped - [model=a]: 3/1/300 -> 4/2/400",
		"grouped - [model=b]: 0/0/0 -> 2/1/200")
	// The only event of a group was cancelled, and one of the null group amended.
	f(before, cells{{cell("3", 1, "a", ""), cell("8", 1, "", "")}, {cell("9.5", 2)}},
		"grouped map[region:[eu]] []: 7/1/1400 -> 0/0/0",
		"grouped - [model=null]: 5/1/500 -> 8/1/800")
	// Units are rounded as they were: 9.5 and 9.9 are 10, but an event more is a difference.
	f(before, cells{before[0], {cell("9.9", 2)}})
	f(before, cells{before[0], {cell("9.9", 3)}}, "rounded - []: 10/2/1500 -> 10/3/1500")
	f(before, cells{before[0], {cell("10.1", 3)}}, "rounded - []: 10/2/1500 -> 11/3/1550") // 10x1 + 5 + 0.5
	f(before, cells{before[0]}, "rounded - []: 10/2/1500 -> 0/0/500")                      // the first flat amount is due without usage

	change := UsageFigures{Units: dec("2"), EventsCount: 1, AmountCents: 100}.Less(UsageFigures{Units: dec("5"), EventsCount: 3, AmountCents: 40})
	if !change.Units.Equal(dec("-3")) || change.EventsCount != -2 || change.AmountCents != 60 {
		t.Errorf("change %+v", change)
	}
	if _, err := Difference(&InvoicedUsage{Usages: make([]ChargeUsage, 1)}, nil); err == nil {
		t.Error("an invoice without evidence was compared")
	}
}

// A dynamic charge may change in money alone.
func TestDifferenceOfPrices(t *testing.T) {
	t.Parallel()
	ch := testCharge(Dynamic, ChargeProperties{})
	metered, err := MeterCharges([]*Charge{ch}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bucket := func(total string) []aggregator.BucketUsage {
		return []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Units: dec("2"), EventsCount: 1, PreciseTotal: dec(total)}}
	}
	billed, err := PriceCharge(ch, bucket("150"), "USD")
	if err != nil {
		t.Fatal(err)
	}
	u := &InvoicedUsage{Currency: "USD", Metered: metered, Usages: []ChargeUsage{billed}}
	differences, err := Difference(u, [][]aggregator.BucketUsage{bucket("175.4")})
	if err != nil {
		t.Fatal(err)
	}
	if got := describeDifferences(differences); !slices.Equal(got, []string{"tokens - []: 2/1/150 -> 2/1/175"}) {
		t.Errorf("differences %v", got)
	}
}
