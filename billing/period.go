package billing

import (
	"fmt"
	"time"

	// Time zones must mean the same on every machine, also on one without the files.
	_ "time/tzdata"
)

// Schedule is where the periods of a subscription begin and end: at the start of local days,
// a week or some months apart. The zero Schedule is not valid.
type Schedule struct {
	months int // of one period; 0: it is a week
	// first is where the period with the number 0 begins: its month, counted from the year 0,
	// or for weeks its day, counted from 1970-01-01. It is less than the length of a period.
	first    int
	day      int // of the month; 29 to 31 are clamped to each month's last
	location *time.Location
	// shift is more than a boundary ever moves when the time zone changes, and less than half
	// of a period.
	shift time.Duration
}

// By how much a boundary moves at most when the customer's time zone changes.
const (
	// zoneShiftMax: from UTC+14 to UTC-12. So much for the same local day.
	zoneShiftMax = 26 * time.Hour
	// zoneShiftWeekMax: the anchor may be on another local day, and so the boundaries.
	zoneShiftWeekMax = zoneShiftMax + dayUTC
	// zoneShiftMonthMax: the 1 March may become the 28 February, or even the 27, and the
	// boundary of 1 April that of 27 March.
	zoneShiftMonthMax = 6 * dayUTC
)

// NewSchedule returns the schedule of periods of an interval in its customer's zone.
// anchor is Subscription.SubscriptionAt; calendar periods do not look at it. They begin on
// Mondays, on the 1st of each month, of January, April, July and October, of January and July,
// or of January; anniversary periods on the weekday, the day of the month (or the month's last)
// and the months of the anchor's local day.
func NewSchedule(interval Interval, billingTime BillingTime, anchor time.Time, location *time.Location) Schedule {
	if !interval.Valid() {
		panic("BUG: " + string(interval) + " is no interval")
	}
	s := Schedule{months: interval.months(), day: 1, location: location, shift: zoneShiftMax}
	switch {
	case interval == Weekly && billingTime == Anniversary:
		s.first, s.shift = modulo(dayOf(LocalDate(anchor, location)), daysPerWeek), zoneShiftWeekMax
	case interval == Weekly:
		s.first = mondayFirst
	case billingTime == Anniversary:
		local := anchor.In(location)
		s.first, s.day, s.shift = modulo(monthOf(local), s.months), local.Day(), zoneShiftMonthMax
	}
	return s
}

// PeriodAt returns the full period that holds t. Periods tile time: each ends where
// the next begins.
func (s Schedule) PeriodAt(t time.Time) Period {
	n := s.guess(t)
	// A clock that is put back over midnight shows yesterday's date for a while again,
	// so the date is a guess and the instants decide.
	from := s.start(n)
	for t.Before(from) {
		n--
		from = s.start(n)
	}
	to := s.start(n + 1)
	for !t.Before(to) {
		n++
		from, to = to, s.start(n+1)
	}
	return Period{From: from, To: to}
}

// periodFrom returns the full period whose beginning is nearest to t: that which begins
// at t, although t was found in another time zone.
func (s Schedule) periodFrom(t time.Time) Period {
	p := s.PeriodAt(t)
	if p.To.Sub(t) < t.Sub(p.From) {
		return s.PeriodAt(p.To)
	}
	return p
}

// fullOf returns the full period of which a period that is billed is a part, or all. Its
// beginning may have been found in another time zone.
func (s Schedule) fullOf(p Period) Period {
	if full := s.periodFrom(p.From); full.From.Before(p.To) && full.From.Sub(p.From).Abs() <= s.shift {
		return full
	}
	return s.PeriodAt(p.From)
}

// guess returns the number of the period that holds the local date of t, or nearly.
func (s Schedule) guess(t time.Time) int {
	if s.months == 0 {
		return floor(dayOf(LocalDate(t, s.location))-s.first, daysPerWeek)
	}
	return floor(monthOf(t.In(s.location))-s.first, s.months)
}

// start returns the instant at which the n-th period begins.
func (s Schedule) start(n int) time.Time {
	if s.months == 0 {
		return dayStart(1970, time.January, 1+s.first+n*daysPerWeek, s.location)
	}
	month := s.first + n*s.months
	year, m := floor(month, monthsPerYear), time.Month(modulo(month, monthsPerYear)+1)
	lastDay := time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return dayStart(year, m, min(s.day, lastDay), s.location)
}

// DayStart returns the first instant of the local day that holds t.
func DayStart(t time.Time, location *time.Location) time.Time {
	year, month, day := LocalDate(t, location).Date()
	return dayStart(year, month, day, location)
}

// DayStarts returns the instants at which the local days that a period touches begin, ascending,
// and then its end. A day that never was has none.
func DayStarts(p Period, location *time.Location) []time.Time {
	var starts []time.Time
	for day := LocalDate(p.From, location); ; day = day.AddDate(0, 0, 1) {
		start := dayStart(day.Year(), day.Month(), day.Day(), location)
		if !start.Before(p.To) {
			return append(starts, p.To)
		}
		if len(starts) == 0 || starts[len(starts)-1].Before(start) {
			starts = append(starts, start)
		}
	}
}

// LocalDate returns the local calendar day that holds t, as midnight UTC. Where a clock was put
// back over midnight and shows the day before again, that is the day which had begun.
func LocalDate(t time.Time, location *time.Location) time.Time {
	year, month, day := t.In(location).Date()
	if !t.Before(dayStart(year, month, day+1, location)) {
		day++
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Days returns how many local days a period touches: a day that is touched at all
// counts as one, also those of 23 and 25 hours.
func (p Period) Days(location *time.Location) int {
	if !p.From.Before(p.To) {
		return 0
	}
	first, last := LocalDate(p.From, location), LocalDate(p.To.Add(-1), location)
	return int(last.Sub(first)/dayUTC) + 1
}

// Location returns the time zone that a customer is billed in: its own, or the
// organization's.
func Location(c *Customer, o *Organization) (*time.Location, error) {
	name := c.Timezone
	if name == "" {
		name = o.Timezone
	}
	location, ok := loadLocation(name)
	if !ok {
		return nil, fmt.Errorf("cannot load time zone %q of customer %s", name, c.ID)
	}
	return location, nil
}

// ValidTimezone reports whether name is an IANA time zone.
func ValidTimezone(name string) bool {
	_, ok := loadLocation(name)
	return ok
}

const (
	monthsPerYear = 12
	daysPerWeek   = 7
	mondayFirst   = 4 // 1970-01-01 was a Thursday
	dayUTC        = 24 * time.Hour
)

// loadLocation loads an IANA time zone. Those begin with a capital. What else a machine may
// have beside them means this machine alone (localtime), or counts leap seconds, and
// would put midnight half a minute off (right/UTC).
func loadLocation(name string) (*time.Location, bool) {
	if name == "" || name[0] < 'A' || name[0] > 'Z' || name == "Local" {
		return nil, false
	}
	location, err := time.LoadLocation(name)
	return location, err == nil
}

func monthOf(local time.Time) int {
	return local.Year()*monthsPerYear + int(local.Month()) - 1
}

// dayOf numbers days, given as midnight UTC: 1970-01-01 is 0.
func dayOf(date time.Time) int { return floor(int(date.Unix()), int(dayUTC/time.Second)) }

// floor returns a / b, rounded down; b is positive.
func floor(a, b int) int { return (a - modulo(a, b)) / b }

// modulo returns what is left of a by b, which is positive: 0 or more.
func modulo(a, b int) int { return ((a % b) + b) % b }

// dayStart returns the first instant at which the local date is the given one or later.
// Midnight may not exist (the clock jumps over it), exist twice, or the whole day may be
// missing (Samoa had no 30 December 2011); time.Date promises nothing in these cases.
func dayStart(year int, month time.Month, day int, location *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	_, before := midnight.Add(-dayUTC).In(location).Zone()
	_, after := midnight.Add(dayUTC).In(location).Zone()
	first := midnight.Add(-time.Duration(max(before, after)) * time.Second)
	for _, offset := range []int{max(before, after), min(before, after)} {
		t := midnight.Add(-time.Duration(offset) * time.Second)
		if _, actual := t.In(location).Zone(); actual == offset {
			return t.UTC()
		}
	}
	// Neither offset makes a midnight: it was jumped over, at the transition after first.
	_, transition := first.In(location).ZoneBounds()
	return transition.UTC()
}
