package query

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"weir/aggregator"
)

type wireFold struct {
	Allowance   *wireAllowance   `json:"allowance,omitempty"`
	Transaction *wireTransaction `json:"transaction,omitempty"`
	Prorated    bool             `json:"prorated,omitzero"`
	Tiers       []string         `json:"tiers,omitempty"`
}

type wireAllowance struct {
	Events int64  `json:"events,string"`
	Units  string `json:"units"`
}

type wireTransaction struct {
	Rate  string  `json:"rate"`
	Fixed string  `json:"fixed"`
	Min   string  `json:"min"`
	Max   *string `json:"max,omitempty"`
}

type wireFoldUsage struct {
	FreeEvents         int64    `json:"free_events,string"`
	FreeUnits          string   `json:"free_units"`
	TransactionsAmount string   `json:"transactions_amount"`
	UnitDays           string   `json:"unit_days"`
	Days               int64    `json:"days,string"`
	TierUnitDays       []string `json:"tier_unit_days,omitempty"`
	Highest            string   `json:"highest"`
}

func foldToWire(f *aggregator.Fold) *wireFold {
	if f == nil {
		return nil
	}
	w := &wireFold{Prorated: f.Prorated, Tiers: decimalsToWire(f.Tiers)}
	if a := f.Allowance; a != nil {
		w.Allowance = &wireAllowance{a.Events, a.Units.String()}
	}
	if t := f.Transaction; t != nil {
		w.Transaction = &wireTransaction{Rate: t.Rate.String(), Fixed: t.Fixed.String(), Min: t.Min.String()}
		if t.Max != nil {
			most := t.Max.String()
			w.Transaction.Max = &most
		}
	}
	return w
}

func (w *wireFold) fold() (*aggregator.Fold, error) {
	if w == nil {
		return nil, nil
	}
	var r decimalReader
	f := &aggregator.Fold{Prorated: w.Prorated, Tiers: r.readAll(w.Tiers)}
	if a := w.Allowance; a != nil {
		f.Allowance = &aggregator.Allowance{Events: a.Events, Units: r.read(a.Units)}
	}
	if t := w.Transaction; t != nil {
		f.Transaction = &aggregator.Transaction{Rate: r.read(t.Rate), Fixed: r.read(t.Fixed), Min: r.read(t.Min)}
		if t.Max != nil {
			most := r.read(*t.Max)
			f.Transaction.Max = &most
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("cannot read fold: %w", r.err)
	}
	return f, nil
}

func foldUsageToWire(u *aggregator.FoldUsage) *wireFoldUsage {
	if u == nil {
		return nil
	}
	return &wireFoldUsage{
		FreeEvents: u.FreeEvents, FreeUnits: u.FreeUnits.String(), TransactionsAmount: u.TransactionsAmount.String(),
		UnitDays: u.UnitDays.String(), Days: u.Days, TierUnitDays: decimalsToWire(u.TierUnitDays), Highest: u.Highest.String(),
	}
}

func (w *wireFoldUsage) usage() (*aggregator.FoldUsage, error) {
	if w == nil {
		return nil, nil
	}
	var r decimalReader
	u := &aggregator.FoldUsage{
		FreeEvents: w.FreeEvents, FreeUnits: r.read(w.FreeUnits), TransactionsAmount: r.read(w.TransactionsAmount),
		UnitDays: r.read(w.UnitDays), Days: w.Days, TierUnitDays: r.readAll(w.TierUnitDays), Highest: r.read(w.Highest),
	}
	return u, r.err
}

func decimalsToWire(list []decimal.Decimal) []string {
	var texts []string
	for _, d := range list {
		texts = append(texts, d.String())
	}
	return texts
}

// decimalReader reads decimals, and keeps what was wrong with any.
type decimalReader struct{ err error }

func (r *decimalReader) read(text string) decimal.Decimal {
	d, err := readDecimal(text)
	r.err = errors.Join(r.err, err)
	return d
}

func (r *decimalReader) readAll(texts []string) []decimal.Decimal {
	var list []decimal.Decimal
	for _, text := range texts {
		list = append(list, r.read(text))
	}
	return list
}
