package billing

// Valid reports whether it is one of the intervals.
func (i Interval) Valid() bool {
	return i == Weekly || i.months() > 0
}

// HasMonthly reports whether a plan of the interval may bill usage or fixed charges each month
// (BillChargesMonthly, BillFixedChargesMonthly): those of half a year and longer, as with Lago.
func (i Interval) HasMonthly() bool {
	return i == Semiannual || i == Yearly
}

// months returns how many months the interval has; 0 for weeks and for what is no interval.
func (i Interval) months() int {
	switch i {
	case Monthly:
		return 1
	case Quarterly:
		return 3
	case Semiannual:
		return 6
	case Yearly:
		return monthsPerYear
	}
	return 0
}
