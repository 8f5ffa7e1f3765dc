package billing

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func zone(t interface{ Fatalf(string, ...any) }, name string) *time.Location {
	location, ok := loadLocation(name)
	if !ok {
		t.Fatalf("no time zone %s", name)
	}
	return location
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

// nastyZones have whole and odd offsets, both ends of the world, clocks that jump at
// midnight in both directions, and a day that never was.
var nastyZones = []string{
	"UTC", "America/New_York", "Europe/Paris", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
	"Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Chatham", "Africa/Casablanca",
	"America/Sao_Paulo", // put forward at 00:00, back at 00:00 to 23:00
	"America/Havana",    // put forward at 00:00, back at 01:00 to 00:00
	"Asia/Beirut", "Africa/Cairo", "America/Asuncion", "Asia/Tehran",
	"America/St_Johns", // until 2011 put back at 00:01 to 23:01
	"Pacific/Apia",     // no 30 December 2011
}

func TestPeriodAt(t *testing.T) {
	t.Parallel()
	f := func(billingTime BillingTime, anchor, zoneName, instant, from, to string) {
		t.Helper()
		s := NewSchedule(Monthly, billingTime, at(anchor), zone(t, zoneName))
		got := s.PeriodAt(at(instant))
		if !got.From.Equal(at(from)) || !got.To.Equal(at(to)) {
			t.Errorf("%s: period of %s is [%s, %s), want [%s, %s)", zoneName, instant, got.From.UTC(), got.To.UTC(), from, to)
		}
	}
	const any = "2020-05-31T12:00:00Z"
	f(Calendar, any, "UTC", "2024-02-29T23:59:59.999999999Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z")
	f(Calendar, any, "UTC", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z")
	f(Calendar, any, "UTC", "2023-12-31T00:00:00Z", "2023-12-01T00:00:00Z", "2024-01-01T00:00:00Z")
	// Daylight saving begins in March 2026: one end is EST, the other EDT.
	f(Calendar, any, "America/New_York", "2026-03-10T00:00:00Z", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z")
	f(Calendar, any, "America/New_York", "2026-03-01T04:59:59Z", "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z")

	// Clamped to the month's end, and back.
	const jan31 = "2023-01-31T10:00:00Z"
	f(Anniversary, jan31, "UTC", "2023-02-10T00:00:00Z", "2023-01-31T00:00:00Z", "2023-02-28T00:00:00Z")
	f(Anniversary, jan31, "UTC", "2023-03-01T00:00:00Z", "2023-02-28T00:00:00Z", "2023-03-31T00:00:00Z")
	f(Anniversary, jan31, "UTC", "2023-03-31T00:00:00Z", "2023-03-31T00:00:00Z", "2023-04-30T00:00:00Z")
	f(Anniversary, jan31, "UTC", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z")
	f(Anniversary, "2023-08-15T00:00:00Z", "UTC", "2024-01-14T23:00:00Z", "2023-12-15T00:00:00Z", "2024-01-15T00:00:00Z")
	// The anchor's day is the local one: 02:00 UTC is still the 14th in New York.
	f(Anniversary, "2023-08-15T02:00:00Z", "America/New_York", "2024-01-14T12:00:00Z", "2024-01-14T05:00:00Z", "2024-02-14T05:00:00Z")

	// Midnight of 1 October 2017 did not exist in Asuncion: the clock went from 24:00 to 01:00.
	f(Calendar, any, "America/Asuncion", "2017-10-02T00:00:00Z", "2017-10-01T04:00:00Z", "2017-11-01T03:00:00Z")
	// It came twice on 1 November 2015 in Havana; the first counts.
	f(Calendar, any, "America/Havana", "2015-11-01T04:30:00Z", "2015-11-01T04:00:00Z", "2015-12-01T05:00:00Z")
	// Samoa went from 29 to 31 December 2011.
	f(Anniversary, "2011-10-30T12:00:00Z", "Pacific/Apia", "2012-01-01T00:00:00Z", "2011-12-30T10:00:00Z", "2012-01-29T10:00:00Z")
}

// Each interval, by calendar and by anniversary. Days are those of the calendar on the wall.
func TestPeriodAtOfIntervals(t *testing.T) {
	t.Parallel()
	f := func(interval Interval, billingTime BillingTime, anchor, instant, from, to string) {
		t.Helper()
		const day = "2006-01-02"
		got := NewSchedule(interval, billingTime, at(anchor), time.UTC).PeriodAt(at(instant))
		if got.From.Format(day) != from || got.To.Format(day) != to {
			t.Errorf("%s %s: period of %s is [%s, %s), want [%s, %s)", billingTime, interval, instant, got.From, got.To, from, to)
		}
	}
	const any = "2020-05-30T12:00:00Z"
	// 1 April 2024 was a Monday.
	f(Weekly, Calendar, any, "2024-04-07T23:59:59Z", "2024-04-01", "2024-04-08")
	f(Weekly, Calendar, any, "2024-04-08T00:00:00Z", "2024-04-08", "2024-04-15")
	f(Weekly, Calendar, any, "1969-12-31T12:00:00Z", "1969-12-29", "1970-01-05") // a Wednesday
	f(Quarterly, Calendar, any, "2024-03-31T23:59:59Z", "2024-01-01", "2024-04-01")
	f(Quarterly, Calendar, any, "2024-11-11T00:00:00Z", "2024-10-01", "2025-01-01")
	f(Semiannual, Calendar, any, "2024-06-30T00:00:00Z", "2024-01-01", "2024-07-01")
	f(Semiannual, Calendar, any, "2024-07-01T00:00:00Z", "2024-07-01", "2025-01-01")
	f(Yearly, Calendar, any, "2024-12-31T23:59:59Z", "2024-01-01", "2025-01-01")

	// 10 April 2024 was a Wednesday.
	f(Weekly, Anniversary, "2024-04-10T15:00:00Z", "2024-04-16T00:00:00Z", "2024-04-10", "2024-04-17")
	f(Weekly, Anniversary, "2024-04-10T15:00:00Z", "2024-02-29T00:00:00Z", "2024-02-28", "2024-03-06")
	// 30 November, then the last of February, 30 May, 30 August.
	f(Quarterly, Anniversary, "2023-11-30T15:00:00Z", "2023-12-31T00:00:00Z", "2023-11-30", "2024-02-29")
	f(Quarterly, Anniversary, "2023-11-30T15:00:00Z", "2024-03-01T00:00:00Z", "2024-02-29", "2024-05-30")
	f(Quarterly, Anniversary, "2023-11-30T15:00:00Z", "2024-08-29T00:00:00Z", "2024-05-30", "2024-08-30")
	f(Semiannual, Anniversary, "2023-08-31T00:00:00Z", "2024-01-31T00:00:00Z", "2023-08-31", "2024-02-29")
	f(Semiannual, Anniversary, "2023-08-31T00:00:00Z", "2024-08-30T00:00:00Z", "2024-02-29", "2024-08-31")
	f(Yearly, Anniversary, "2024-02-29T10:00:00Z", "2024-12-31T00:00:00Z", "2024-02-29", "2025-02-28")
	f(Yearly, Anniversary, "2024-02-29T10:00:00Z", "2027-03-01T00:00:00Z", "2027-02-28", "2028-02-29")
	f(Yearly, Anniversary, "2024-06-15T10:00:00Z", "2024-06-14T00:00:00Z", "2023-06-15", "2024-06-15")
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	for interval, monthly := range map[Interval]bool{Weekly: false, Monthly: false, Quarterly: false, Semiannual: true, Yearly: true} {
		if !interval.Valid() || interval.HasMonthly() != monthly {
			t.Errorf("%s is valid: %t, has months: %t", interval, interval.Valid(), interval.HasMonthly())
		}
	}
	for _, none := range []Interval{"", "daily", "Monthly"} {
		if none.Valid() || none.HasMonthly() {
			t.Errorf("%q is an interval", none)
		}
	}
}

var allIntervals = []Interval{Weekly, Monthly, Quarterly, Semiannual, Yearly}

// zoneNames returns the names of all time zones of the tz database of Go 1.26.
func zoneNames(t *testing.T) []string {
	text, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// Periods of all intervals tile a century without a gap and without an overlap, and each begins
// at the first instant of its local day, which is found here by counting days.
func TestPeriodsTileACentury(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	names := zoneNames(t)
	for range 6 {
		checkTiling(t, random, names[random.IntN(len(names))], 1960, 2060)
	}
	for _, name := range names { // and some years in all of them
		year := 1960 + random.IntN(100)
		checkTiling(t, random, name, year, year+2)
	}
}

// checkTiling walks through the periods of all intervals from one year to another.
func checkTiling(t *testing.T, random *rand.Rand, zoneName string, fromYear, toYear int) {
	t.Helper()
	location := zone(t, zoneName)
	anchor := time.Date(2000, time.January, 1+random.IntN(1500), random.IntN(24), random.IntN(60), 0, 0, time.UTC)
	for _, interval := range allIntervals {
		for _, billingTime := range []BillingTime{Calendar, Anniversary} {
			s := NewSchedule(interval, billingTime, anchor, location)
			p := Period{To: s.PeriodAt(time.Date(fromYear, 1, 1, 0, 0, 0, 0, location)).From}
			for day := LocalDate(p.To, location); day.Year() < toYear; day = day.AddDate(0, 0, 1) {
				if !beginsPeriod(day, interval, billingTime, LocalDate(anchor, location)) {
					continue
				}
				next := s.PeriodAt(p.To)
				if !next.From.Equal(p.To) || !next.From.Before(next.To) || s.PeriodAt(next.To.Add(-1)) != next {
					t.Fatalf("%s %s %s from %s: after [%s, %s) comes [%s, %s)", zoneName, billingTime, interval, anchor, p.From, p.To, next.From, next.To)
				}
				if !beginsDay(next.From, day, location) {
					t.Fatalf("%s %s %s from %s: a period begins at %s, which is not where %s does", zoneName, billingTime, interval, anchor, next.From, day)
				}
				p = next
			}
		}
	}
}

// beginsPeriod reports whether a period begins on a day: by the words of the contract, day by day.
func beginsPeriod(day time.Time, interval Interval, billingTime BillingTime, anchor time.Time) bool {
	if interval == Weekly {
		if billingTime == Calendar {
			return day.Weekday() == time.Monday
		}
		return day.Weekday() == anchor.Weekday()
	}
	every := map[Interval]int{Monthly: 1, Quarterly: 3, Semiannual: 6, Yearly: 12}[interval]
	if billingTime == Calendar {
		return day.Day() == 1 && (int(day.Month())-1)%every == 0
	}
	if (int(day.Month())-int(anchor.Month())+12)%every != 0 {
		return false
	}
	last := day.AddDate(0, 0, 1).Day() == 1
	return day.Day() == anchor.Day() || last && day.Day() < anchor.Day()
}

// beginsDay reports whether an instant is the first at which the local date is the day or later.
func beginsDay(instant, day time.Time, location *time.Location) bool {
	if LocalDate(instant, location).Before(day) {
		return false
	}
	// Local time only goes back where the offset changes, so it is latest right before.
	for latest := instant; instant.Sub(latest) < 60*time.Hour; {
		if !LocalDate(latest.Add(-1), location).Before(day) {
			return false
		}
		start, _ := latest.Add(-1).In(location).ZoneBounds()
		if start.IsZero() {
			break
		}
		latest = start
	}
	return true
}

// The first instant of a day, found the slow way: minute by minute.
func TestDayStart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		location := zone(t, rapid.SampledFrom(nastyZones).Draw(t, "zone"))
		instant := drawInstant(t, "instant")
		day := LocalDate(instant, location)
		want := day.Add(-15 * time.Hour) // before any zone's midnight
		for LocalDate(want, location).Before(day) {
			want = want.Add(time.Minute)
		}
		if got := DayStart(instant, location); !got.Equal(want) {
			t.Fatalf("day of %s in %s starts at %s, want %s", instant, location, got, want)
		}
	})
}

// drawInstant draws any instant, or one within two days of a change of clocks.
func drawInstant(t *rapid.T, label string) time.Time {
	seconds := rapid.Int64Range(at("1980-01-01T00:00:00Z").Unix(), at("2100-01-01T00:00:00Z").Unix()).Draw(t, label)
	instant := time.Unix(seconds, 0).UTC()
	if rapid.Bool().Draw(t, label+" near a transition") {
		_, end := instant.In(zone(t, rapid.SampledFrom(nastyZones).Draw(t, label+" zone"))).ZoneBounds()
		if !end.IsZero() {
			return end.UTC().Add(time.Duration(rapid.Int64Range(-48*60, 48*60).Draw(t, label+" minutes")) * time.Minute)
		}
	}
	return instant
}

func TestDays(t *testing.T) {
	t.Parallel()
	f := func(zoneName, from, to string, want int) {
		t.Helper()
		if got := (Period{From: at(from), To: at(to)}).Days(zone(t, zoneName)); got != want {
			t.Errorf("%s: [%s, %s) touches %d days, want %d", zoneName, from, to, got, want)
		}
	}
	f("America/New_York", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z", 31) // 743 hours
	f("America/New_York", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z", 30) // 721 hours
	f("UTC", "2024-04-10T15:00:00Z", "2024-05-01T00:00:00Z", 21)
	f("UTC", "2024-04-01T00:00:00Z", "2024-04-15T10:00:00Z", 15)
	f("UTC", "2024-04-01T00:00:00Z", "2024-04-15T00:00:00Z", 14) // nothing of the 15th
	f("UTC", "2024-04-01T00:00:00Z", "2024-04-01T00:00:00Z", 0)
	f("UTC", "2024-04-01T00:00:00Z", "2024-04-01T00:00:00.000000001Z", 1)
	f("UTC", "2024-04-02T00:00:00Z", "2024-04-01T00:00:00Z", 0)
}

func TestDayStarts(t *testing.T) {
	t.Parallel()
	f := func(zoneName, from, to string, want ...string) {
		t.Helper()
		var got []string
		for _, start := range DayStarts(Period{From: at(from), To: at(to)}, zone(t, zoneName)) {
			got = append(got, start.UTC().Format("01-02 15:04"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: days of [%s, %s) start at %q, want %q", zoneName, from, to, got, want)
		}
	}
	f("UTC", "2024-02-28T06:00:00Z", "2024-03-01T06:00:00Z", "02-28 00:00", "02-29 00:00", "03-01 00:00", "03-01 06:00")
	// The 8 March 2026 has 23 hours in New York.
	f("America/New_York", "2026-03-07T05:00:00Z", "2026-03-10T04:00:00Z", "03-07 05:00", "03-08 05:00", "03-09 04:00", "03-10 04:00")
	// Samoa went from 29 to 31 December 2011.
	f("Pacific/Apia", "2011-12-29T10:00:00Z", "2012-01-01T10:00:00Z", "12-29 10:00", "12-30 10:00", "12-31 10:00", "01-01 10:00")
}

func TestLocation(t *testing.T) {
	t.Parallel()
	f := func(customer, organization, want string) {
		t.Helper()
		location, err := Location(&Customer{ID: uuid.New(), Timezone: customer}, &Organization{Timezone: organization})
		if err != nil || location.String() != want {
			t.Errorf("Location(%q, %q) = %v, %v; want %s", customer, organization, location, err, want)
		}
	}
	f("", "UTC", "UTC")
	f("", "Europe/Paris", "Europe/Paris")
	f("Asia/Tokyo", "Europe/Paris", "Asia/Tokyo")
	for _, bad := range []string{"", "Local", "Mars/Olympus", "../etc/passwd", "right/UTC", "posix/UTC", "posixrules", "localtime"} {
		if ValidTimezone(bad) {
			t.Errorf("%q is a time zone", bad)
		}
	}
}

// St. John's put its clocks back at 0:01: after the first minute of a day there was an hour of
// the day before again, which belongs to the day that had begun. A bill over its first two
// minutes had a base fee of no days.
func TestDayThatBeginsTwice(t *testing.T) {
	t.Parallel()
	location := zone(t, "America/St_Johns")
	f := func(instant, want string) {
		t.Helper()
		if got := LocalDate(at(instant), location).Format("01-02"); got != want {
			t.Errorf("%s is on %s, want %s", instant, got, want)
		}
	}
	// Midnight of 29 October 2006 is at 02:30 UTC; at 02:31 the clocks showed 23:01.
	f("2006-10-29T02:29:59Z", "10-28")
	f("2006-10-29T02:30:00Z", "10-29")
	f("2006-10-29T02:31:00Z", "10-29")
	f("2006-10-29T03:29:00Z", "10-29")
	f("2006-10-29T03:30:00Z", "10-29")
	p := Period{From: at("2006-10-29T02:30:00Z"), To: at("2006-10-29T02:32:00Z")}
	if days := p.Days(location); days != 1 {
		t.Errorf("%d days in two minutes", days)
	}
	if start := DayStart(at("2006-10-29T02:31:00Z"), location); !start.Equal(p.From) {
		t.Errorf("the day begins at %s", start)
	}
}
