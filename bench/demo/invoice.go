package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"weir/bench/oracle"
)

// invoice is Lago's invoice, as far as it is looked at here.
type invoice struct {
	ID         string `json:"lago_id"`
	Number     string `json:"number"`
	Status     string `json:"status"`
	Currency   string `json:"currency"`
	IssuedOn   string `json:"issuing_date"`
	TotalCents int64  `json:"total_amount_cents"`
	Customer   struct {
		ExternalID string `json:"external_id"`
	} `json:"customer"`
	Fees []fee `json:"fees"`
}

type fee struct {
	AmountCents int64  `json:"amount_cents"`
	Units       string `json:"units"`
	EventsCount int64  `json:"events_count"`
	Item        struct {
		Type string `json:"type"` // subscription or charge
		Code string `json:"code"`
	} `json:"item"`
}

// invoices reads all invoices with their fees, in the order of the customers.
func (d *demo) invoices(ctx context.Context) ([]invoice, error) {
	var list struct {
		Invoices []invoice `json:"invoices"`
	}
	if err := d.api.Get(ctx, "/invoices?per_page=100", &list, ""); err != nil {
		return nil, err
	}
	for i := range list.Invoices {
		var out struct {
			Invoice invoice `json:"invoice"`
		}
		if err := d.api.Get(ctx, "/invoices/"+url.PathEscape(list.Invoices[i].ID), &out, ""); err != nil {
			return nil, err
		}
		list.Invoices[i] = out.Invoice
	}
	slices.SortFunc(list.Invoices, func(a, b invoice) int {
		return strings.Compare(a.Customer.ExternalID, b.Customer.ExternalID)
	})
	return list.Invoices, nil
}

// chargeFee returns the invoice's fee for a metric, nil if there is none.
func (inv *invoice) chargeFee(code string) *fee {
	for i := range inv.Fees {
		if inv.Fees[i].Item.Type == "charge" && inv.Fees[i].Item.Code == code {
			return &inv.Fees[i]
		}
	}
	return nil
}

// baseFee returns the invoice's fee for the plan itself, nil if there is none.
func (inv *invoice) baseFee() *fee {
	for i := range inv.Fees {
		if inv.Fees[i].Item.Type == "subscription" {
			return &inv.Fees[i]
		}
	}
	return nil
}

// printInvoices prints a row for each invoice: number, base fee, units and amount
// of each charge, total.
func printInvoices(invoices []invoice) {
	header := []string{"invoice", "customer", "base"}
	for _, charge := range plan.Charges {
		header = append(header, strings.ReplaceAll(charge.Metric.Code, "_", " "), "amount")
	}
	rows := [][]string{append(header, "total")}
	for i := range invoices {
		rows = append(rows, invoiceRow(&invoices[i]))
	}
	printTable(rows)
}

func invoiceRow(inv *invoice) []string {
	row := []string{inv.Number, inv.Customer.ExternalID, "–"}
	if base := inv.baseFee(); base != nil {
		row[2] = dollars(base.AmountCents)
	}
	for _, charge := range plan.Charges {
		if f := inv.chargeFee(charge.Metric.Code); f != nil {
			units, fraction, _ := strings.Cut(f.Units, ".")
			if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
				fraction = "." + fraction
			}
			row = append(row, groupedText(units)+fraction, dollars(f.AmountCents))
		} else {
			row = append(row, "–", "–")
		}
	}
	return append(row, dollars(inv.TotalCents))
}

// leftColumns are aligned left, the numbers after them right.
const leftColumns = 2

func printTable(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	fmt.Println()
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			width := widths[i]
			if i < leftColumns {
				width = -width
			}
			fmt.Fprintf(&line, "  %*s", width, cell)
		}
		fmt.Println(line.String())
		if n == 0 {
			fmt.Println("  " + strings.Repeat("─", len([]rune(line.String()))-2))
		}
	}
	fmt.Println()
}

// independent returns what the subscription of a customer owes, by the count
// that knows nothing of weir.
func (d *demo) independent(subscription string) oracle.Invoice {
	return plan.Invoice(d.events[subscription], subscription, monthFrom, monthTo)
}
