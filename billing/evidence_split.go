package billing

import (
	"fmt"

	"github.com/shopspring/decimal"

	"weir/aggregator"
)

// evidenceSplit is how metering was asked to divide the usage. What filters group by
// stands in their properties.
type evidenceSplit struct {
	Filters []evidenceConditions `json:"filters,omitempty"` // those of the charge, in their order
	Fold    *evidenceFold        `json:"fold,omitempty"`    // asked of what no filter takes
	// FilterFolds are those of the filters, in their order; absent where none asks for anything.
	FilterFolds []*evidenceFold `json:"filter_folds,omitempty"`
}

// evidenceFold is an aggregator.Fold.
type evidenceFold struct {
	Allowance   *evidenceAllowance   `json:"allowance,omitempty"`
	Transaction *evidenceTransaction `json:"transaction,omitempty"`
	Prorated    bool                 `json:"prorated,omitempty"`
	Tiers       []decimal.Decimal    `json:"tiers,omitempty"`
}

type evidenceAllowance struct {
	Events int64           `json:"events"`
	Units  decimal.Decimal `json:"units"`
}

type evidenceTransaction struct {
	Rate  decimal.Decimal  `json:"rate"`
	Fixed decimal.Decimal  `json:"fixed"`
	Min   decimal.Decimal  `json:"min"`
	Max   *decimal.Decimal `json:"max,omitempty"`
}

type evidenceConditions []evidenceCondition

type evidenceCondition struct {
	Key      string   `json:"key"`
	Values   []string `json:"values"` // of a wildcard: those that the metric declared
	Wildcard bool     `json:"wildcard,omitempty"`
}

func evidenceSplitOf(s *aggregator.Split) evidenceSplit {
	e := evidenceSplit{Fold: evidenceFoldOf(s.Fold)}
	folds := make([]*evidenceFold, len(s.Filters))
	for i := range s.Filters {
		var conditions evidenceConditions
		for _, c := range s.Filters[i].Conditions {
			conditions = append(conditions, evidenceCondition{c.Key, c.Values, c.Wildcard})
		}
		e.Filters = append(e.Filters, conditions)
		if folds[i] = evidenceFoldOf(s.Filters[i].Fold); folds[i] != nil {
			e.FilterFolds = folds
		}
	}
	return e
}

func evidenceFoldOf(f *aggregator.Fold) *evidenceFold {
	if f == nil {
		return nil
	}
	e := &evidenceFold{Prorated: f.Prorated, Tiers: f.Tiers}
	if a := f.Allowance; a != nil {
		e.Allowance = &evidenceAllowance{a.Events, a.Units}
	}
	if t := f.Transaction; t != nil {
		e.Transaction = &evidenceTransaction{t.Rate, t.Fixed, t.Min, t.Max}
	}
	return e
}

// into sets in the split of a charge what it was when it was asked for.
func (e *evidenceSplit) into(s *aggregator.Split) error {
	if len(e.Filters) != len(s.Filters) {
		return fmt.Errorf("%d filters were metered, and %d priced", len(e.Filters), len(s.Filters))
	}
	if n := len(e.FilterFolds); n > 0 && n != len(e.Filters) {
		return fmt.Errorf("folds of %d filters were asked for, of %d", n, len(e.Filters))
	}
	s.Fold = e.Fold.fold()
	for i, conditions := range e.Filters {
		f := &s.Filters[i]
		f.Conditions, f.Fold = nil, nil
		for _, c := range conditions {
			f.Conditions = append(f.Conditions, aggregator.FilterCondition{Key: c.Key, Values: c.Values, Wildcard: c.Wildcard})
		}
		if e.FilterFolds != nil {
			f.Fold = e.FilterFolds[i].fold()
		}
	}
	return nil
}

func (e *evidenceFold) fold() *aggregator.Fold {
	if e == nil {
		return nil
	}
	f := &aggregator.Fold{Prorated: e.Prorated, Tiers: e.Tiers}
	if a := e.Allowance; a != nil {
		f.Allowance = &aggregator.Allowance{Events: a.Events, Units: a.Units}
	}
	if t := e.Transaction; t != nil {
		f.Transaction = &aggregator.Transaction{Rate: t.Rate, Fixed: t.Fixed, Min: t.Min, Max: t.Max}
	}
	return f
}
