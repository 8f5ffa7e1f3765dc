package aggregator

import "github.com/shopspring/decimal"

// countUnits: count_agg's units are the number of events.
func countUnits(c *Counter) decimal.Decimal { return decimal.NewFromInt(c.EventsCount) }
