package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"weir/billing"
)

// The granularities of usage over time: hours, days and calendar months of the customer.
const (
	granularityHour  = "hour"
	granularityDay   = "day"
	granularityMonth = "month"
)

// buckets divides the period; the first and the last bucket may be cut short by its ends.
func (q *usageQuestion) buckets() ([]billing.Period, error) {
	if q.granularity == "" {
		return nil, nil
	}
	var buckets []billing.Period
	for at := q.period.From; at.Before(q.period.To); {
		if len(buckets) == usageBucketsMax || (len(buckets)+1)*len(q.metrics) > usageFiguresMax {
			return nil, tooMuch("granularity", fmt.Sprintf(
				"at most %d buckets of time, and %d times the number of metrics; a shorter range from from to to, or billable_metric_code, has fewer",
				usageBucketsMax, usageFiguresMax))
		}
		next := nextBoundary(at, q.granularity, q.location)
		if next.After(q.period.To) {
			next = q.period.To
		}
		buckets = append(buckets, billing.Period{From: at, To: next})
		at = next
	}
	return buckets, nil
}

// longestDay is more than the longest local day, and less than two of the shortest.
const longestDay = 27 * time.Hour

// nextBoundary returns the first instant after t at which a local hour, day or month begins.
func nextBoundary(t time.Time, granularity string, location *time.Location) time.Time {
	switch granularity {
	case granularityHour:
		_, offset := t.In(location).Zone()
		shift := time.Duration(offset) * time.Second
		return t.Add(shift).Truncate(time.Hour).Add(time.Hour - shift)
	case granularityDay:
		return billing.DayStart(billing.DayStart(t, location).Add(longestDay), location)
	default:
		return billing.NewSchedule(billing.Monthly, billing.Calendar, time.Time{}, location).PeriodAt(t).To
	}
}

// span reads a period [from, to), each an instant as moment reads it; what is not given
// is as in byDefault.
func (p params) span(from, to string, byDefault billing.Period) billing.Period {
	period := byDefault
	if t, ok := p.moment(from); ok {
		period.From = t
	}
	if t, ok := p.moment(to); ok {
		period.To = t
	}
	if !period.From.Before(period.To) && (p.Get(from) != "" || p.Get(to) != "") {
		p.fault(to, billing.CodeInvalidDate)
	}
	return period
}

// moment returns a parameter that is an instant, to the nanosecond: RFC 3339, a date, or
// seconds since the Unix epoch.
func (p params) moment(name string) (t time.Time, ok bool) {
	text := p.text(name)
	if text == "" {
		return time.Time{}, false
	}
	if t, ok = parseEpoch(text); !ok {
		if t, ok = parseInstant(text); ok {
			if exact, err := time.Parse(time.RFC3339Nano, text); err == nil {
				t = exact.UTC()
			}
		}
	}
	if !ok || t.Before(instantMin) || t.After(instantMax) {
		p.fault(name, billing.CodeInvalidDate)
		return time.Time{}, false
	}
	return t, true
}

// epochBytesMax is the longest epoch that is read: ten digits, a point and nine more.
const epochBytesMax = 20

// parseEpoch reads seconds since the Unix epoch with at most nine decimals.
func parseEpoch(text string) (time.Time, bool) {
	if len(text) > epochBytesMax || strings.Trim(text, "0123456789.") != "" {
		return time.Time{}, false
	}
	seconds, err := decimal.NewFromString(text)
	if err != nil || seconds.Exponent() < -9 {
		return time.Time{}, false
	}
	nanoseconds, err := strconv.ParseInt(seconds.Shift(9).StringFixed(0), 10, 64)
	return time.Unix(0, nanoseconds).UTC(), err == nil
}

// stampNano prints an instant with all of its digits.
func stampNano(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
