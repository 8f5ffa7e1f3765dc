package aggregator

import "github.com/shopspring/decimal"

// latestUnits: latest_agg's units are the value of the last event, also when it is
// negative; 0 of none. The last is the one with the greatest timestamp, and of those
// with one timestamp the one with the greatest transaction_id, by its bytes: the order of
// arrival, which Lago takes, would make usage depend on it. It goes with every charge
// model but dynamic, percentage and graduated percentage.
func latestUnits(c *Counter) decimal.Decimal { return c.pointValue() }
