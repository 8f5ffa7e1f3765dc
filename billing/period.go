package billing

import (
	"fmt"
	"time"

	// Time zones must mean the same on every machine, also on one without the files.
	_ "time/tzdata"
)

// Schedule is where the billing periods of a subscription begin and end: at the start
// of local days, months apart. The zero Schedule is not valid.
type Schedule struct {
	day      int // of the month; 29 to 31 are clamped to the month's last
	location *time.Location
}

// NewSchedule returns the monthly schedule of a subscription in its customer's zone.
// anchor is Subscription.SubscriptionAt; calendar periods do not look at it.
func NewSchedule(billingTime BillingTime, anchor time.Time, location *time.Location) Schedule {
	if billingTime != Anniversary {
		return Schedule{day: 1, location: location}
	}
	return Schedule{day: anchor.In(location).Day(), location: location}
}

// PeriodAt returns the full period that holds t. Periods tile time: each ends where
// the next begins.
func (s Schedule) PeriodAt(t time.Time) Period {
	month := monthOf(t.In(s.location))
	// A clock that is put back over midnight shows yesterday's date for a while again,
	// so the date is a guess and the instants decide.
	for t.Before(s.start(month)) {
		month--
	}
	for !t.Before(s.start(month + 1)) {
		month++
	}
	return Period{From: s.start(month), To: s.start(month + 1)}
}

// start returns the instant at which the period of a month begins.
func (s Schedule) start(month int) time.Time {
	year, m := month/monthsPerYear, time.Month(month%monthsPerYear+1)
	lastDay := time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return dayStart(year, m, min(s.day, lastDay), s.location)
}

// DayStart returns the first instant of the local day that holds t.
func DayStart(t time.Time, location *time.Location) time.Time {
	year, month, day := t.In(location).Date()
	return dayStart(year, month, day, location)
}

// LocalDate returns the local calendar day that holds t, as midnight UTC.
func LocalDate(t time.Time, location *time.Location) time.Time {
	year, month, day := t.In(location).Date()
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
