package aggregator

import "github.com/shopspring/decimal"

// sumUnits: sum_agg's units are the sum of the values, also when it is negative; 0
// of none. Recurring, it is the sum of all that came before the period's end. It goes
// with every charge model, and is the only one that goes with dynamic prices.
func sumUnits(c *Counter) decimal.Decimal { return c.Sum.Decimal() }
