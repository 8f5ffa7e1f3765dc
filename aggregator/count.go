package aggregator

import "github.com/shopspring/decimal"

// countUnits: count_agg's units are the number of events; 0 of none. It goes with
// every charge model.
func countUnits(c *Counter) decimal.Decimal { return decimal.NewFromInt(c.EventsCount) }
