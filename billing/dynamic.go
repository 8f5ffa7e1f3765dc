package billing

// The dynamic model: every event carries its own price, and the charge is their sum.

// centsDigits makes currency units of precise_total_amount_cents, which are hundredths
// whatever the currency's own minor unit is (Lago).
const centsDigits = 2

// priceDynamic returns the sum of the events' own prices. Where the units or that sum are
// negative nothing is due, as with Lago.
func priceDynamic(q Quantity) Price {
	details := []byte(`{}`)
	if q.Units.IsNegative() || q.PreciseTotal.IsNegative() {
		return Price{Details: details}
	}
	amount := q.PreciseTotal.Shift(-centsDigits)
	return Price{Amount: amount, UnitAmount: divide(amount, q.Units), Details: details}
}
