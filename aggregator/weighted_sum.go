package aggregator

import (
	"time"

	"github.com/shopspring/decimal"
)

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

// DaysLength returns what weighted sums are divided by in a period of so many local days, in
// nanoseconds: all days are of 24 hours there.
func DaysLength(days int) int64 { return int64(days) * int64(24*time.Hour) }

// weightedUnits: weighted_sum_agg's units are the running sum of the values, each
// level weighed by how long of the period it held: Σ valueᵢ × (to − tᵢ) / length.
// The counter's window begins with the period; recurring, what came before the
// period counts as from its beginning. 0 of none. It goes with every charge model but
// dynamic.
//
// length is Lago's in what is billed: the local days of the full period, each of 86,400
// seconds. So 100 units in half a month are 50, and 100 units in a month of 743 hours not
// quite 100. In any other span of time it is the span's own.
func weightedUnits(c *Counter, period Span, length int64) decimal.Decimal {
	if period.Empty() {
		return decimal.Zero
	}
	area := c.Sum.Decimal().Mul(decimal.NewFromInt(period.To - period.From))
	if c.rare != nil {
		area = area.Sub(c.rare.moment.Decimal())
	}
	units, rest := area.QuoRem(decimal.NewFromInt(length), weightedDigits) // cut towards zero
	if rest.IsPositive() {
		units = units.Add(decimal.New(1, -weightedDigits))
	}
	return units
}
