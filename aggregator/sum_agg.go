package aggregator

import (
	"github.com/shopspring/decimal"

	"weir/ingest"
)

// sumQuantity: sum_agg adds the metric's property. An event that lacks it, or
// whose value is no number, does not take part.
func sumQuantity(e *ingest.Event, field string) (q Quantity, ok bool) {
	p, ok := e.Property(field)
	if !ok {
		return Quantity{}, false
	}
	text, ok := ingest.NumericText(p)
	if !ok {
		return Quantity{}, false
	}
	return quantityOf(text)
}

// sumUnits: sum_agg's units are the sum, also when it is negative.
func sumUnits(c *Counter) decimal.Decimal { return c.Sum.Decimal() }
