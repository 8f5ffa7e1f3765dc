package scenarios

import (
	"encoding/json"
	"strings"
	"testing"
)

// properties returns the prices that a line says, from its word first on, as Lago's API takes
// those of the model.
func properties(t *testing.T, model string, l line, first int) object {
	t.Helper()
	words := l.words[min(first, len(l.words)):]
	prices := object{}
	switch model {
	case "standard":
		prices["amount"] = words[0]
	case "package":
		amount, size, ok := strings.Cut(words[0], "/")
		if !ok {
			t.Fatalf("%s: a package is amount/size", l.text)
		}
		prices["amount"], prices["package_size"], prices["free_units"] = amount, json.Number(size), json.Number(or(l.named["free"], "0"))
	case "percentage":
		percentage(prices, words[0], l)
	case "graduated":
		prices["graduated_ranges"] = ranges(t, words, "per_unit_amount", l.text)
	case "volume":
		prices["volume_ranges"] = ranges(t, words, "per_unit_amount", l.text)
	case "graduated_percentage":
		prices["graduated_percentage_ranges"] = ranges(t, words, "rate", l.text)
	case "custom":
		prices["expression"] = words[0]
	case "dynamic":
	default:
		t.Fatalf("%s: no charge model", l.text)
	}
	if keys := l.each("by"); keys != nil {
		prices["pricing_group_keys"] = keys
	}
	return prices
}

func percentage(prices object, rate string, l line) {
	prices["rate"] = rate
	for name, member := range map[string]string{
		"fixed": "fixed_amount", "free_units": "free_units_per_total_aggregation",
		"low": "per_transaction_min_amount", "high": "per_transaction_max_amount",
	} {
		if value, ok := l.named[name]; ok {
			prices[member] = value
		}
	}
	if value, ok := l.named["free_events"]; ok {
		prices["free_units_per_events"] = json.Number(value)
	}
}

// ranges reads tiers: from-to:price+flat, the last without to. What is no tier ends them.
func ranges(t *testing.T, words []string, price, text string) []any {
	t.Helper()
	var tiers []any
	for _, word := range words {
		bounds, amounts, ok := strings.Cut(word, ":")
		if !ok {
			break
		}
		from, to, _ := strings.Cut(bounds, "-")
		per, flat, _ := strings.Cut(amounts, "+")
		tier := object{"from_value": json.Number(from), "to_value": nil, price: per, "flat_amount": or(flat, "0")}
		if to != "" {
			tier["to_value"] = json.Number(to)
		}
		tiers = append(tiers, tier)
	}
	if tiers == nil {
		t.Fatalf("%s: no tiers", text)
	}
	return tiers
}

// or returns a, or b where that is empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
