package aggregator

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestGoldenCounters(t *testing.T) {
	t.Parallel()
	f := func(want string, c Counter) {
		t.Helper()
		b := AppendCounter(nil, &c)
		if hex.EncodeToString(b) != want {
			t.Errorf("counter of %d and %s is %x, want %s", c.EventsCount, c.Sum.Decimal(), b, want)
		}
		back, err := DecodeCounter(b)
		if err != nil || !bytes.Equal(AppendCounter(nil, &back), b) {
			t.Errorf("%x comes back as %+v, %v", b, back, err)
		}
		for n := range b {
			if _, err := DecodeCounter(b[:n]); err == nil {
				t.Errorf("the first %d of %d bytes were taken", n, len(b))
			}
		}
		if _, err := DecodeCounter(append(b, 0)); err == nil {
			t.Errorf("%x and one byte more were taken", b)
		}
	}
	// version, events, highest position (2<<16|1 as varint), form, sum
	f("01"+"03"+"818008"+"00"+"00", Counter{EventsCount: 3, Highest: 2<<16 | 1})
	f("01"+"01"+"00"+"00"+"8094ebdc03", Counter{EventsCount: 1, Sum: sumOf(t, "0.5")}) // 5e8, zigzag 1e9
	f("01"+"02"+"00"+"01"+"0000000000000000"+"fffffffffffffffe", Counter{EventsCount: 2, Sum: sumOf(t, "9223372036.854775807", "9223372036.854775807")})
	f("01"+"02"+"00"+"01"+"ffffffffffffffff"+"0000000000000002", Counter{EventsCount: 2, Sum: sumOf(t, "-9223372036.854775807", "-9223372036.854775807")})
	// wide: narrow part 0, exponent -12 (zigzag 23), sign, one byte of magnitude
	f("01"+"01"+"00"+"80"+"00"+"17"+"01"+"01"+"07", Counter{EventsCount: 1, Sum: sumOf(t, "-0.000000000007")})
	f("01"+"01"+"00"+"80"+"00"+"3c"+"00"+"01"+"01", Counter{EventsCount: 1, Sum: sumOf(t, "1000000000000000000000000000000")}) // 1e30
}
