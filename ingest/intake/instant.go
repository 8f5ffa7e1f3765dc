package intake

import "time"

// Times in answers are printed as Lago prints them: 2006-01-02T15:04:05.000Z those
// of events, 2006-01-02T15:04:05Z others.

// layoutDate is the part of a time that a day prints once.
const layoutDate = "2006-01-02T"

const (
	nanosecondsPerDay    = int64(24 * time.Hour)
	nanosecondsPerSecond = int64(time.Second)
	nanosecondsPerMilli  = int64(time.Millisecond)
)

// day prints instants, and remembers the date of the last one: those of one request
// mostly lie in one day. The zero day is ready for use. Used by one goroutine at a time.
type day struct {
	number int64 // days since the Unix epoch
	date   []byte
}

// appendMillis appends an instant (nanoseconds since the Unix epoch, from
// ingest.TimestampMin up) with its milliseconds; what is finer is left away.
func (d *day) appendMillis(dst []byte, instant int64) []byte {
	dst, rest := d.appendSecond(dst, instant)
	millis := uint(rest / nanosecondsPerMilli)
	return append(dst, '.', byte('0'+millis/100), byte('0'+millis/10%10), byte('0'+millis%10), 'Z')
}

// appendSeconds appends an instant; what is finer than a second is left away.
func (d *day) appendSeconds(dst []byte, instant int64) []byte {
	dst, _ = d.appendSecond(dst, instant)
	return append(dst, 'Z')
}

// appendSecond appends an instant down to its second, and returns the nanoseconds that are left.
func (d *day) appendSecond(dst []byte, instant int64) ([]byte, int64) {
	number := instant / nanosecondsPerDay
	if number != d.number || len(d.date) == 0 {
		d.number = number
		d.date = time.Unix(0, number*nanosecondsPerDay).UTC().AppendFormat(d.date[:0], layoutDate)
	}
	dst = append(dst, d.date...)
	rest := instant - number*nanosecondsPerDay
	second := uint(rest / nanosecondsPerSecond)
	hour, minute := second/3600, second/60%60
	second %= 60
	dst = append(dst,
		byte('0'+hour/10), byte('0'+hour%10), ':',
		byte('0'+minute/10), byte('0'+minute%10), ':',
		byte('0'+second/10), byte('0'+second%10))
	return dst, rest % nanosecondsPerSecond
}
