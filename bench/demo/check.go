package main

import (
	"context"
	"fmt"
	"math/big"
	"strings"

	"weir/bench/oracle"
	"weir/bench/trace"
)

// differences collects what is not as it should be, so that all of it is shown.
type differences []string

func (d *differences) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

func (d differences) err(what string) error {
	if len(d) == 0 {
		return nil
	}
	return fmt.Errorf("%s DIFFER from the independent count in %d places:\n  %s", what, len(d), strings.Join(d, "\n  "))
}

// compare compares one charge's figures.
func (d *differences) compare(where string, units string, events, cents int64, want oracle.Fee) {
	got, ok := new(big.Rat).SetString(units)
	if !ok || got.Cmp(want.Units) != 0 {
		d.add("%s, %s: %s units, want %s", where, want.Code, units, want.Units.RatString())
	}
	if events != int64(want.Events) {
		d.add("%s, %s: %d events, want %d", where, want.Code, events, want.Events)
	}
	if cents != want.Cents {
		d.add("%s, %s: %s, want %s", where, want.Code, dollars(cents), dollars(want.Cents))
	}
}

// checkUsage compares every subscription's current usage, read so that it covers
// all that was acknowledged.
func (d *demo) checkUsage(ctx context.Context) error {
	var diff differences
	for n := range customers {
		subscription := trace.SubscriptionOf(n)
		usage, err := d.api.CurrentUsage(ctx, customerOf(n), subscription, d.written.String())
		if err != nil {
			return err
		}
		want := d.independent(subscription)
		if got := usage.AmountCents; got != want.TotalCents-want.BaseCents {
			diff.add("%s: usage of %s, want %s", subscription, dollars(got), dollars(want.TotalCents-want.BaseCents))
		}
		if len(usage.Charges) != len(want.Fees) {
			diff.add("%s: %d charges, want %d", subscription, len(usage.Charges), len(want.Fees))
			continue
		}
		for i, charge := range usage.Charges {
			if charge.Metric.Code != want.Fees[i].Code {
				diff.add("%s: charge %d is of %s, want %s", subscription, i, charge.Metric.Code, want.Fees[i].Code)
				continue
			}
			diff.compare(subscription, charge.Units, charge.EventsCount, charge.AmountCents, want.Fees[i])
		}
	}
	return diff.err("units or cents of current usage")
}

// checkInvoices reads the month's invoices, prints them and compares them.
func (d *demo) checkInvoices(ctx context.Context) error {
	invoices, err := d.invoices(ctx)
	if err != nil {
		return err
	}
	step("month closed", "%d invoices", len(invoices))
	printInvoices(invoices)
	var diff differences
	if len(invoices) != customers {
		diff.add("%d invoices, want %d", len(invoices), customers)
	}
	fees, total := 0, int64(0)
	for n := range customers {
		inv := invoiceOf(invoices, customerOf(n))
		if inv == nil {
			diff.add("%s has no invoice", customerOf(n))
			continue
		}
		diff.invoice(inv, d.independent(trace.SubscriptionOf(n)))
		fees += len(inv.Fees)
		total += inv.TotalCents
	}
	if err := diff.err("units or cents of the invoices"); err != nil {
		return err
	}
	step("checked", "units and cents of all %d invoices, %d fees and %s equal the independent count", customers, fees, dollars(total))
	return nil
}

func invoiceOf(invoices []invoice, customer string) *invoice {
	for i := range invoices {
		if invoices[i].Customer.ExternalID == customer {
			return &invoices[i]
		}
	}
	return nil
}

// invoice compares one invoice, fee by fee.
func (d *differences) invoice(inv *invoice, want oracle.Invoice) {
	where := inv.Number + " of " + inv.Customer.ExternalID
	if inv.Status != "finalized" {
		d.add("%s: status is %s, want finalized", where, inv.Status)
	}
	if base := inv.baseFee(); base == nil {
		d.add("%s: no base fee", where)
	} else if base.AmountCents != want.BaseCents {
		d.add("%s: base fee is %s, want %s", where, dollars(base.AmountCents), dollars(want.BaseCents))
	}
	for _, w := range want.Fees {
		if f := inv.chargeFee(w.Code); f == nil {
			d.add("%s: no fee for %s, want %s", where, w.Code, dollars(w.Cents))
		} else {
			d.compare(where, f.Units, f.EventsCount, f.AmountCents, w)
		}
	}
	if got, expected := len(inv.Fees), 1+len(want.Fees); got != expected {
		d.add("%s: %d fees, want %d", where, got, expected)
	}
	if inv.TotalCents != want.TotalCents {
		d.add("%s: total is %s, want %s", where, dollars(inv.TotalCents), dollars(want.TotalCents))
	}
}
