package billing

import (
	"testing"
	"time"
)

// The days that metering is told of hold the usage period, also where the customer has moved
// since it began, and are as many as the whole period has.
func TestUsageDays(t *testing.T) {
	t.Parallel()
	f := func(from, to, zone string, days int, first, last string) {
		t.Helper()
		at := func(text string) time.Time {
			instant, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			return instant
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		s := &Subscription{BillingTime: Calendar, SubscriptionAt: at("2024-01-01T00:00:00Z")}
		got := s.UsageDays(Period{From: at(from), To: at(to)}, &Plan{Interval: Monthly}, location)
		if len(got) != days+1 || !got[0].Equal(at(first)) || !got[days].Equal(at(last)) {
			t.Errorf("%s to %s in %s: %d days from %s to %s, want %d from %s to %s", from, to, zone,
				len(got)-1, got[0].UTC(), got[len(got)-1].UTC(), days, first, last)
		}
	}
	// A whole April, and a part of it: the days are always those of the whole.
	f("2024-04-01T00:00:00Z", "2024-05-01T00:00:00Z", "UTC", 30, "2024-04-01T00:00:00Z", "2024-05-01T00:00:00Z")
	f("2024-04-10T12:00:00Z", "2024-04-20T12:00:00Z", "UTC", 30, "2024-04-01T00:00:00Z", "2024-05-01T00:00:00Z")
	// Begun in Tokyo, 13 hours before New York's April, which ends at 04:00.
	f("2024-03-31T15:00:00Z", "2024-05-01T04:00:00Z", "America/New_York", 30, "2024-03-31T15:00:00Z", "2024-05-01T04:00:00Z")
	// Begun in New York, 13 hours into Tokyo's, which ends at 15:00 the day before.
	f("2024-04-01T04:00:00Z", "2024-04-30T15:00:00Z", "Asia/Tokyo", 30, "2024-03-31T15:00:00Z", "2024-04-30T15:00:00Z")
}
