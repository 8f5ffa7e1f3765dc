package aggregator

import "github.com/shopspring/decimal"

// avgDigits is how many digits after the point a mean has; the last is rounded
// half away from zero.
const avgDigits = 20

// avgUnits: avg_agg's units are the mean of the values; 0 of none. It goes with the
// models that price units as such: standard, graduated, package and volume.
func avgUnits(c *Counter) decimal.Decimal {
	if c.EventsCount == 0 {
		return decimal.Zero
	}
	return c.Sum.Decimal().DivRound(decimal.NewFromInt(c.EventsCount), avgDigits)
}
