package store

// timeUnits are the units that blocks of events and of ids may count their timestamps in: the greatest in which all are
// whole. In nanoseconds.
var timeUnits = [...]int64{1, 1e3, 1e6, 1e9}

// isWhole reports whether a time is a multiple of a unit. The units are constants here: a division by a variable takes several times
// as long, and this is asked for each event.
func isWhole(t int64, unit int) bool {
	switch unit {
	case 1:
		return t%1e3 == 0
	case 2:
		return t%1e6 == 0
	case 3:
		return t%1e9 == 0
	default:
		return true
	}
}
