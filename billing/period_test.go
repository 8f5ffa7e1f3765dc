package billing

import (
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
		s := NewSchedule(billingTime, at(anchor), zone(t, zoneName))
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

func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		location := zone(t, rapid.SampledFrom(nastyZones).Draw(t, "zone"))
		billingTime := rapid.SampledFrom([]BillingTime{Calendar, Anniversary}).Draw(t, "billing time")
		anchor := drawInstant(t, "anchor")
		instant := drawInstant(t, "instant")
		s := NewSchedule(billingTime, anchor, location)
		p := s.PeriodAt(instant)
		if instant.Before(p.From) || !instant.Before(p.To) {
			t.Fatalf("[%s, %s) does not hold %s", p.From, p.To, instant)
		}
		for range 30 {
			if s.PeriodAt(p.From) != p || s.PeriodAt(p.To.Add(-1)) != p {
				t.Fatalf("the ends of [%s, %s) are in another period", p.From, p.To)
			}
			if days := p.Days(location); days < 27 || days > 32 {
				t.Fatalf("[%s, %s) has %d days", p.From, p.To, days)
			}
			next := s.PeriodAt(p.To)
			if !next.From.Equal(p.To) {
				t.Fatalf("after [%s, %s) comes [%s, %s)", p.From, p.To, next.From, next.To)
			}
			p = next
		}
	})
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
