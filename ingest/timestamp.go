package ingest

import "time"

// timestamp reads the member timestamp: seconds since the Unix epoch as a number
// or numeric string, at most nine decimals; in a record also RFC 3339.
func (b *Batch) timestamp(e *Event) bool {
	s := &b.scan
	switch c := s.space(); {
	case c == 'n':
		return s.literal("null")
	case c == '"':
		text, ok := s.string()
		if !ok {
			return false
		}
		b.setTimestamp(e, text, isPlain(text))
		return true
	case c == '-' || c-'0' <= 9:
		text, ok := s.number()
		if !ok {
			return false
		}
		b.setTimestamp(e, text, true)
		return true
	}
	b.fault("timestamp", CodeInvalidFormat, 0)
	return s.value()
}

func (b *Batch) setTimestamp(e *Event, text []byte, numeric bool) {
	e.Filled = false
	if !numeric {
		if b.call.record {
			b.setTimestampRFC3339(e, text, "timestamp")
		} else {
			b.fault("timestamp", CodeInvalidFormat, 0)
		}
		return
	}
	ns, ok := parseShort(text)
	if !ok {
		var fault scaleFault
		switch ns, fault = parseScaled(text); fault {
		case scaleTooFine, scaleNotDecimal:
			b.fault("timestamp", CodeInvalidFormat, 0)
			return
		case scaleTooLarge:
			b.fault("timestamp", CodeOutOfRange, 0)
			return
		}
	}
	if ns < TimestampMin || ns >= TimestampMax {
		b.fault("timestamp", CodeOutOfRange, 0)
		return
	}
	e.Timestamp = ns
}

func (b *Batch) setTimestampRFC3339(e *Event, text []byte, field string) {
	e.Filled = false
	seconds, ns, ok := parseRFC3339(text)
	if !ok {
		b.fault(field, CodeInvalidFormat, 0)
		return
	}
	if seconds < TimestampMin/int64(time.Second) || seconds >= TimestampMax/int64(time.Second) {
		b.fault(field, CodeOutOfRange, 0)
		return
	}
	e.Timestamp = seconds*int64(time.Second) + ns
}

// parseRFC3339 reads 2024-03-01T12:30:00.123456789+02:00 as seconds and
// nanoseconds since the Unix epoch. The decimals may be missing, or zeros beyond
// the ninth; the zone may be Z or missing, which is UTC. Leap seconds are refused.
func parseRFC3339(text []byte) (seconds, ns int64, ok bool) {
	const dateTime = len("2006-01-02T15:04:05")
	if len(text) < dateTime {
		return 0, 0, false
	}
	year, ok1 := fixedDigits(text[0:4])
	month, ok2 := fixedDigits(text[5:7])
	day, ok3 := fixedDigits(text[8:10])
	hour, ok4 := fixedDigits(text[11:13])
	minute, ok5 := fixedDigits(text[14:16])
	second, ok6 := fixedDigits(text[17:19])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) ||
		text[4] != '-' || text[7] != '-' || text[10]|0x20 != 't' || text[13] != ':' || text[16] != ':' ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if month < 1 || month > 12 || t.Day() != day {
		return 0, 0, false // the 31st of February
	}
	ns, rest, ok := parseDecimals(text[dateTime:])
	if !ok {
		return 0, 0, false
	}
	offset, ok := parseZone(rest)
	return t.Unix() - offset, ns, ok
}

// parseDecimals reads .123456789, if anything, and returns it as nanoseconds.
func parseDecimals(text []byte) (ns int64, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '.' {
		return 0, text, true
	}
	n := countDigits(text[1:])
	digits, rest := text[1:1+n], text[1+n:]
	for i, c := range digits {
		switch {
		case i < ScaleDigits:
			ns = ns*10 + int64(c-'0')
		case c != '0':
			return 0, nil, false
		}
	}
	for range ScaleDigits - n {
		ns *= 10
	}
	return ns, rest, n > 0
}

// parseZone reads Z, +02:00 or nothing, and returns the seconds east of UTC.
func parseZone(text []byte) (offset int64, ok bool) {
	if len(text) == 0 || len(text) == 1 && text[0]|0x20 == 'z' {
		return 0, true
	}
	if len(text) != len("+02:00") || text[0] != '+' && text[0] != '-' || text[3] != ':' {
		return 0, false
	}
	hour, ok1 := fixedDigits(text[1:3])
	minute, ok2 := fixedDigits(text[4:6])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false
	}
	offset = int64(hour*3600 + minute*60)
	if text[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// fixedDigits reads text as a whole number; every byte must be a digit.
func fixedDigits(text []byte) (n int, ok bool) {
	for _, c := range text {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
