package aggregator

import "github.com/shopspring/decimal"

// minUnits: min_agg's units are the lowest value, also when it is negative; 0 of
// none. It goes with the models that price units as such: standard, graduated,
// package and volume.
func minUnits(c *Counter) decimal.Decimal { return c.pointValue() }
