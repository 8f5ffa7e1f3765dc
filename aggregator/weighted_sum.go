package aggregator

import "github.com/shopspring/decimal"

// weightedDigits is how many digits after the point a weighted sum has; what is
// beyond rounds up, as Lago has it.
const weightedDigits = 20

// addWeighted adds an event's value, and the value times how far into the counter's
// window it came. Of these two any later instant's weighted sum can be made.
func addWeighted(c *Counter, q *Quantity, start int64) {
	c.Sum.Add(q.value)
	c.parts().moment.addNumberProduct(q.value, q.timestamp-start)
}

func removeWeighted(c *Counter, q *Quantity, start int64) {
	c.Sum.Sub(q.value)
	c.parts().moment.addNumberProduct(q.value, start-q.timestamp)
}

// weightedUnits: weighted_sum_agg's units are the running sum of the values, each
// level weighed by how long of the period it held: Σ valueᵢ × (to − tᵢ) / (to − from).
// The counter's window begins with the period; recurring, what came before the
// period counts as from its beginning. 0 of none. It goes with every charge model but
// dynamic.
//
// Lago divides by the period's days times 86,400 seconds. weir divides by the time
// that there is between from and to, so that 100 units all the time are 100 units also in
// the months in which clocks change.
func weightedUnits(c *Counter, period Span) decimal.Decimal {
	if period.Empty() {
		return decimal.Zero
	}
	length := decimal.NewFromInt(period.To - period.From)
	area := c.Sum.Decimal().Mul(length)
	if c.rare != nil {
		area = area.Sub(c.rare.moment.Decimal())
	}
	units, rest := area.QuoRem(length, weightedDigits) // cut towards zero
	if rest.IsPositive() {
		units = units.Add(decimal.New(1, -weightedDigits))
	}
	return units
}
