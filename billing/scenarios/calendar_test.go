package scenarios

import (
	"fmt"
	"slices"
	"sync"
)

// calendarDay is a local day as the number of days since 1 January 1970.
type calendarDay int

// calendarFirst and calendarYears bound the days that the calculator knows.
const (
	calendarFirst = 1970
	calendarYears = 80
)

// calendar is every day's year, month and day of the month, one after the other.
var calendar = sync.OnceValue(func() [][3]int {
	var all [][3]int
	for year := calendarFirst; year < calendarFirst+calendarYears; year++ {
		for month := 1; month <= 12; month++ {
			for day := 1; day <= daysOfMonth(year, month); day++ {
				all = append(all, [3]int{year, month, day})
			}
		}
	}
	return all
})

// date returns the day's year, month and day of the month.
func (d calendarDay) date() (year, month, day int) {
	at := calendar()[d]
	return at[0], at[1], at[2]
}

// dayOf returns the day of a date.
func dayOf(year, month, day int) calendarDay {
	return calendarDay(slices.Index(calendar(), [3]int{year, month, day}))
}

func daysOfYear(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 366
	}
	return 365
}

func daysOfMonth(year, month int) int {
	switch month {
	case 2:
		return daysOfYear(year) - 337
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// weekday returns 0 for Monday: 1 January 1970 was a Thursday.
func (d calendarDay) weekday() int { return (int(d) + 3) % 7 }

// String writes the date.
func (d calendarDay) String() string {
	year, month, day := d.date()
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
}

// rhythm says on which days periods begin.
type rhythm struct {
	interval string
	anchor   calendarDay // of an anniversary; -1: by the calendar
}

// begins reports whether a period begins on the day.
func (r rhythm) begins(d calendarDay) bool {
	year, month, day := d.date()
	anchorMonth, anchorDay, weekday := 1, 1, 0
	if r.anchor >= 0 {
		_, anchorMonth, anchorDay = r.anchor.date()
		weekday = r.anchor.weekday()
	}
	if r.interval == "weekly" {
		return d.weekday() == weekday
	}
	every := map[string]int{"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}[r.interval]
	return day == min(anchorDay, daysOfMonth(year, month)) && (month-anchorMonth+12)%every == 0
}

// days are those from the first up to, and without, the end.
type days struct{ first, end calendarDay }

func (d days) count() int64 { return int64(d.end - d.first) }

// around returns the whole period that holds a day.
func (r rhythm) around(d calendarDay) days {
	p := days{d, d + 1}
	for !r.begins(p.first) {
		p.first--
	}
	for !r.begins(p.end) {
		p.end++
	}
	return p
}
