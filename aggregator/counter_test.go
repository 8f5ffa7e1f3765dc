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

	// Version 2: events, highest position, which parts there are; then each behind its length, the sum first.
	weighted := Counter{EventsCount: 1, Sum: sumOf(t, "0.5")} // 1000 ns behind the window's beginning: 5e11, zigzag 1e12
	weighted.parts().moment.addNumberProduct(mustNumber(t, "0.5"), 1000)
	f("02"+"01"+"00"+"01"+"06"+"00"+"8094ebdc03"+"07"+"00"+"80a094a58d1d", weighted)
	precise := Counter{EventsCount: 2, Highest: 5}
	precise.parts().precise.Add(mustNumber(t, "1.5")) // zigzag 3e9
	f("02"+"02"+"05"+"02"+"02"+"00"+"00"+"06"+"00"+"80bcc1960b", precise)
	// A point: kind, timestamp, id behind its length, value as a sum.
	highest := Counter{EventsCount: 1}
	highest.parts().point.offer(highestKind, &Quantity{value: mustNumber(t, "7")}) // zigzag 14e9
	f("02"+"01"+"00"+"04"+"02"+"00"+"00"+"09"+"01"+"00"+"00"+"00"+"8098dc9334", highest)
	lowest := Counter{EventsCount: 1}
	lowest.parts().point.offer(lowestKind, &Quantity{value: mustNumber(t, "-2.5")}) // zigzag 5e9 - 1
	f("02"+"01"+"00"+"04"+"02"+"00"+"00"+"09"+"02"+"00"+"00"+"00"+"ffe397d012", lowest)
	latest := Counter{EventsCount: 1}
	latest.parts().point.offer(latestKind, &Quantity{value: mustNumber(t, "7"), timestamp: 1000, id: []byte("a")}) // zigzag 2000
	f("02"+"01"+"00"+"04"+"02"+"00"+"00"+"0b"+"03"+"d00f"+"01"+"61"+"00"+"8098dc9334", latest)
	removed := Counter{EventsCount: 1}
	removed.parts().point.offer(latestKind, &Quantity{removed: true, timestamp: 1000, id: []byte("a")})
	f("02"+"01"+"00"+"04"+"02"+"00"+"00"+"07"+"83"+"d00f"+"01"+"61"+"00"+"00", removed)
	wide := Counter{EventsCount: 1} // the value: narrow 0, 7e-12 as exponent -12, plus, one byte
	wide.parts().point.offer(highestKind, &Quantity{value: mustNumber(t, "0.000000000007")})
	f("02"+"01"+"00"+"04"+"02"+"00"+"00"+"09"+"01"+"00"+"00"+"80"+"00"+"17"+"00"+"01"+"07", wide)
	// All parts; those that hold nothing are not written.
	all := Counter{EventsCount: 1, Sum: sumOf(t, "0.5"), rare: &rare{moment: weighted.rare.moment, precise: precise.rare.precise, point: removed.rare.point}}
	f("02"+"01"+"00"+"07"+"06"+"00"+"8094ebdc03"+"07"+"00"+"80a094a58d1d"+"06"+"00"+"80bcc1960b"+"07"+"83"+"d00f"+"01"+"61"+"00"+"00", all)
	f("01"+"01"+"00"+"00"+"00", Counter{EventsCount: 1, rare: new(rare)})
}

// TestCorruptCounters: what AppendCounter never writes is refused, also where it has a meaning.
func TestCorruptCounters(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                      "",
		"version 0":                    "00" + "03" + "00" + "00" + "00",
		"version 3":                    "03" + "03" + "00" + "00" + "00",
		"no parts":                     "02" + "01" + "00" + "00" + "02" + "00" + "00",
		"an unknown part":              "02" + "01" + "00" + "08" + "02" + "00" + "00" + "02" + "00" + "00",
		"less than no events":          "01" + "ffffffffffffffffff01" + "00" + "00" + "00",
		"a part beyond the end":        "02" + "01" + "00" + "02" + "02" + "00" + "00" + "07" + "00" + "80bcc1960b",
		"a point of no kind":           "02" + "01" + "00" + "04" + "02" + "00" + "00" + "05" + "00" + "00" + "00" + "00" + "00",
		"a point of an unknown kind":   "02" + "01" + "00" + "04" + "02" + "00" + "00" + "05" + "04" + "00" + "00" + "00" + "00",
		"an unknown form of sum":       "01" + "01" + "00" + "02" + "00",
		"a sign that is none":          "01" + "01" + "00" + "80" + "00" + "17" + "02" + "01" + "07",
		"an exponent of 2,147,483,647": "01" + "01" + "00" + "80" + "00" + "feffffff0f" + "00" + "01" + "07",
		"an exponent below all":        "01" + "01" + "00" + "80" + "00" + "ffffffff0f" + "00" + "01" + "07",
		"a wide part of nothing":       "01" + "01" + "00" + "80" + "00" + "17" + "00" + "00",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := DecodeCounter(b); err == nil {
			t.Errorf("%s was taken, for %+v", name, c)
		}
	}
}

// FuzzCounter: no bytes break it, and what it reads it writes so that it reads the same.
func FuzzCounter(f *testing.F) {
	for _, seed := range []string{
		"0103818008000" + "0", "01010000" + "8094ebdc03", "0102000100000000000000" + "00fffffffffffffffe", "010100800017010107",
		"0201000106008094ebdc03070080a094a58d1d", "02020502020000060080bcc1960b", "020100040200000901000000" + "8098dc9334",
		"02010004020000078" + "3d00f01610000", "0201000706008094ebdc03070080a094a58d1d060080bcc1960b0783d00f01610000",
	} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCounter(b)
		if err != nil {
			return
		}
		written := AppendCounter(nil, &c)
		back, err := DecodeCounter(written)
		if err != nil || !back.Equal(&c) || back.Highest != c.Highest {
			t.Fatalf("%x is written as %x, which is %+v (%v) and not %+v", b, written, back, err, c)
		}
		if again := AppendCounter(nil, &back); !bytes.Equal(again, written) {
			t.Fatalf("%x is written as %x, and that as %x", b, written, again)
		}
		if back.IsZero() != c.IsZero() {
			t.Fatalf("%x holds nothing: %t, and %t", b, c.IsZero(), back.IsZero())
		}
		// Twice as much, less as much.
		sum := c.Clone()
		sum.Merge(&back, 0)
		if sum.EventsCount != 2*c.EventsCount && c.EventsCount < 1<<62 {
			t.Fatalf("%x twice has %d events", b, sum.EventsCount)
		}
	})
}
