package aggregator

import "github.com/shopspring/decimal"

// maxUnits: max_agg's units are the highest value, also when it is negative; 0 of
// none. It goes with every charge model but dynamic.
func maxUnits(c *Counter) decimal.Decimal { return c.pointValue() }

// pointValue returns the value of the event that the counter keeps, 0 when there is none.
func (c *Counter) pointValue() decimal.Decimal {
	if c.rare == nil || c.rare.point.kind == noPoint {
		return decimal.Zero
	}
	return c.rare.point.value.Decimal()
}
