package api

import (
	"testing"
	"time"
)

func TestNextBoundary(t *testing.T) {
	t.Parallel()
	f := func(zone, granularity, at, want string) {
		t.Helper()
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		next := nextBoundary(from, granularity, location)
		if got := stampNano(next); got != want || !next.After(from) {
			t.Errorf("%s after %s in %s: got %s, want %s", granularity, at, zone, got, want)
		}
	}
	f("UTC", "hour", "2024-03-10T10:00:00Z", "2024-03-10T11:00:00Z")
	f("UTC", "hour", "2024-03-10T10:59:59.999999999Z", "2024-03-10T11:00:00Z")
	f("Asia/Kolkata", "hour", "2024-03-10T10:00:00Z", "2024-03-10T10:30:00Z") // 15:30 there
	f("Europe/Berlin", "day", "2024-03-10T23:00:00Z", "2024-03-11T23:00:00Z")
	f("Europe/Berlin", "day", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z")    // 23 hours
	f("Europe/Berlin", "day", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z")    // 25 hours
	f("Antarctica/Troll", "day", "2023-10-28T22:00:00Z", "2023-10-30T00:00:00Z") // 26 hours
	f("Antarctica/Troll", "day", "2023-10-29T23:30:00Z", "2023-10-30T00:00:00Z")
	f("Pacific/Apia", "day", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z") // there was no 30 December there
	f("Europe/Berlin", "month", "2024-02-29T22:59:59Z", "2024-02-29T23:00:00Z")
	f("Europe/Berlin", "month", "2024-02-29T23:00:00Z", "2024-03-31T22:00:00Z")
}

func TestParseEpoch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "1970-01-01T00:00:00Z", "1710154800": "2024-03-11T11:00:00Z", "1710154800.123456789": "2024-03-11T11:00:00.123456789Z",
		"1.1234567891": "", "": "", ".": "", "1.2.3": "", "-1": "", "1e9": "", "99999999999999999999": "",
	} {
		got, ok := parseEpoch(text)
		if ok != (want != "") || ok && stampNano(got) != want {
			t.Errorf("%q: got %s, %v, want %q", text, got, ok, want)
		}
	}
}
