package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bill is a line of an invoice, or its head: a name, an amount, and everything else that
// a scenario may want to be so.
type bill struct {
	name, amount string
	facts        map[string]string
}

// String writes all of it.
func (b bill) String() string {
	text := b.name + " " + b.amount
	for _, name := range slices.Sorted(mapKeys(b.facts)) {
		if b.facts[name] != "" {
			text += " " + name + "=" + b.facts[name]
		}
	}
	return text
}

func mapKeys(facts map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range facts {
			if !yield(name) {
				return
			}
		}
	}
}

// invoices returns all invoices of the organization, the oldest first: each is its head and its fees.
func (c *client) invoices(t *testing.T, zone *time.Location) []bill {
	t.Helper()
	listed := list(c.must(t, "GET", "/invoices?per_page=100", nil), "invoices")
	slices.SortFunc(listed, func(a, b any) int { return number(t, a, "sequential_id") - number(t, b, "sequential_id") })
	var bills []bill
	for _, l := range listed {
		invoice := dig(c.must(t, "GET", "/invoices/"+text(l, "lago_id"), nil), "invoice")
		checkSums(t, invoice)
		bills = append(bills, headOf(invoice))
		for _, fee := range list(invoice, "fees") {
			if line := feeOf(fee, zone); line.name != "base" || line.amount != "0" {
				bills = append(bills, line)
			}
		}
	}
	return bills
}

func headOf(invoice any) bill {
	head := bill{name: text(invoice, "issuing_date"), amount: text(invoice, "total_amount_cents"), facts: map[string]string{
		"fees": text(invoice, "fees_amount_cents"), "tax": text(invoice, "taxes_amount_cents"),
		"type": text(invoice, "invoice_type"), "currency": text(invoice, "currency"), "rate": plain(text(invoice, "taxes_rate")),
		"payment": text(invoice, "payment_status"),
	}}
	addTaxes(head.facts, invoice)
	for _, period := range list(invoice, "billing_periods") {
		head.facts["reason"] = text(period, "invoicing_reason")
		head.facts["usage_from"], head.facts["usage_to"] = text(period, "charges_from_datetime"), text(period, "charges_to_datetime")
		head.facts["base_from"], head.facts["base_to"] = text(period, "subscription_from_datetime"), text(period, "subscription_to_datetime")
	}
	return head
}

func feeOf(fee any, zone *time.Location) bill {
	line := bill{name: nameOf(fee), amount: text(fee, "amount_cents"), facts: map[string]string{
		"units": plain(text(fee, "units")), "total": plain(text(fee, "total_aggregated_units")), "events": text(fee, "events_count"),
		"tax": text(fee, "taxes_amount_cents"), "precise": plain(text(fee, "precise_amount")), "each": plain(text(fee, "precise_unit_amount")),
		"from": localDay(text(fee, "from_date"), zone), "to": localDay(text(fee, "to_date"), zone),
		"sub": text(fee, "external_subscription_id"), "filter": text(fee, "item", "filter_invoice_display_name"),
		"advance": text(fee, "pay_in_advance"), "rate": plain(text(fee, "taxes_rate")),
	}}
	addTaxes(line.facts, fee)
	if groups, ok := dig(fee, "item", "grouped_by").(object); ok {
		for key, value := range groups {
			line.facts["by."+key] = or(text(value), "null")
		}
	}
	if details := dig(fee, "pricing_unit_details"); details != nil {
		line.facts["unit_cents"] = text(details, "amount_cents")
	}
	return line
}

// addTaxes adds the amount of each tax under its code.
func addTaxes(facts map[string]string, taxed any) {
	for _, tax := range list(taxed, "applied_taxes") {
		facts["tax."+text(tax, "tax_code")] = text(tax, "amount_cents")
	}
}

func nameOf(fee any) string {
	code := text(fee, "item", "code")
	switch kind := text(fee, "item", "type"); {
	case kind == "subscription":
		return "base"
	case kind == "commitment":
		return kind
	case kind == "fixed_charge":
		return "fixed:" + code
	case kind == "add_on":
		return "add_on:" + code
	case text(fee, "lago_true_up_parent_fee_id") != "":
		return "minimum:" + code
	}
	return code
}

// checkSums checks what holds of every invoice: it is the sum of its fees and its taxes.
func checkSums(t *testing.T, invoice any) {
	t.Helper()
	fees := 0
	for _, fee := range list(invoice, "fees") {
		fees += number(t, fee, "amount_cents")
	}
	taxes, total := number(t, invoice, "taxes_amount_cents"), number(t, invoice, "total_amount_cents")
	if fees != number(t, invoice, "fees_amount_cents") || fees+taxes != total {
		t.Errorf("invoice %s: fees %s and taxes %d make %d, but its fees sum to %d", text(invoice, "number"),
			text(invoice, "fees_amount_cents"), taxes, total, fees)
	}
}

func number(t *testing.T, value any, path ...any) int {
	t.Helper()
	n, err := strconv.Atoi(text(value, path...))
	if err != nil {
		t.Fatalf("%v of %v: %v", path, value, err)
	}
	return n
}

// localDay returns the day in the zone on which an instant lies.
func localDay(stamp string, zone *time.Location) string {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	return at.In(zone).Format(time.DateOnly)
}

// plain strips the decimals that only dress a number up: 10.0 is 10.
func plain(number string) string {
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number
}

// compareBills checks that the lines are those that are wanted, and are as is wanted of them.
func compareBills(t *testing.T, want []line, got []bill) {
	t.Helper()
	same := len(want) == len(got)
	for i := 0; same && i < len(want); i++ {
		same = got[i].is(want[i])
	}
	if same {
		return
	}
	var text strings.Builder
	for i := range max(len(want), len(got)) {
		mark, wanted, there := " ", "-", "-"
		if i < len(want) {
			wanted = want[i].text
		}
		if i < len(got) {
			there = got[i].String()
		}
		if i >= len(want) || i >= len(got) || !got[i].is(want[i]) {
			mark = "≠"
		}
		fmt.Fprintf(&text, "\n%s want %s\n   got %s", mark, wanted, there)
	}
	t.Errorf("the bills are not as they should be:%s", text.String())
}

// is reports whether the line is what is wanted.
func (b bill) is(want line) bool {
	if len(want.words) != 2 || b.name != want.words[0] || b.amount != want.words[1] {
		return false
	}
	for name, value := range want.named {
		if b.facts[name] != value {
			return false
		}
	}
	return true
}
