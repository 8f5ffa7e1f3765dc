package store

import (
	"encoding/hex"
	"testing"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
	"weir/ingest/eventlog"
)

var org = uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff")

// The bytes of keys and values are for ever: a change here needs a new version
// of the store, and code that reads the old one.
func TestGoldenKeys(t *testing.T) {
	t.Parallel()
	definition := aggregator.Definition{0xd0, 15: 0xdf}
	f := func(name string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s is %x, want %s", name, got, want)
		}
	}
	const orgHex = "00112233445566778899aabbccddeeff"
	// 's' 'u' 'b', end; 'c', an escaped zero byte, 'd', end
	f("series", appendSeriesKey(nil, spaceSeries, org, "sub", "c\x00d"), "6e"+orgHex+"7375620001"+"6300ff640001")
	// day 2 and its hour 23: hour 71 of all; 3,599,999 ms are the last of an hour
	block := blockKey{series: 258, hour: 71, lowest: ingest.PositionOf(7, 9), first: 1, last: 3_599_999}
	f("block", block.append(nil), "65"+"00000002"+"0000000000000102"+"17"+"0000000000070009"+"000001"+"36ee7f")
	// the position of the entry, then the one that superseded it
	f("tombstone", (&tombstone{series: 258, hour: 53, entry: ingest.PositionOf(7, 9), by: ingest.PositionOf(8, 1)}).appendKey(nil),
		"74"+"0000000000000102"+"00000002"+"05"+"0000000000070009"+"0000000000080001")
	f("name", appendNumberKey(nil, spaceName, 258), "6f0000000000000102")
	f("cell", appendCellKey(nil, 1, definition, "\x02a"), "6b0000000000000001"+"d00000000000000000000000000000df"+"0261")
	f("counter", appendCounterKey(nil, 1, definition, Day, 19675, "\x02a"),
		"630000000000000001"+"d00000000000000000000000000000df"+"02"+"00004cdb"+"0261")
	f("aside", appendAsideKey(nil, ingest.PositionOf(1, 2), Conflict), "61"+"0000000000010002"+"01")
	f("identity", metaIdentity, "6d01")
	f("progress", metaProgress, "6d02")
	f("stop", metaStop, "6d03")
	f("segments", metaSegments, "6d04")
}

func TestGoldenValues(t *testing.T) {
	t.Parallel()
	f := func(name string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s is %x, want %s", name, got, want)
		}
	}
	f("tombstone", tombstoneValue, "01")
	place := blockPlace{segment: 1, at: 300, bytes: 5000, checksum: 0x01020304}
	f("place of a block", place.append(nil), "02"+"01"+"ac02"+"8827"+"04030201")
	end := segmentEnd{number: 2, length: 4096}
	f("end of the segments", end.append(nil), "01"+"00000002"+"0000000000001000")
	f("series", appendSeries(nil, &Series{Number: 300, State: Counted, Definition: aggregator.Definition{0xd0, 15: 0xdf}, DayMax: 19675}),
		"01"+"01"+"ac02"+"d00000000000000000000000000000df"+"db9901")
	f("name", appendSeriesName(nil, &SeriesName{Organization: org, Subscription: "s", Code: "cd"}),
		"01"+"00112233445566778899aabbccddeeff"+"0173"+"026364")
	progress := Progress{SeriesNext: 4, Totals: Totals{Events: 5, Duplicates: 6, Forwarded: 7, Superseded: 9, Amended: 300, Cancelled: 11}}
	progress.Progress = eventlog.Progress{LogID: "L", Next: 300, Checksum: 0x0102030405060708}
	progress.Totals.Aside[Conflict] = 8
	f("progress", appendProgress(nil, &progress), "02"+"014c"+"ac02"+"0102030405060708"+"04"+"05"+"06"+"07"+"09"+"ac02"+"0b"+"03"+"0108"+"0200"+"0300")
	f("aside", appendAside(nil, &Aside{Organization: org, Message: "m", Record: []byte{0xee}}),
		"01"+"00112233445566778899aabbccddeeff"+"016d"+"ee")
}

// TestProgressOfVersion1: a store from before there were corrections says how far it had come.
func TestProgressOfVersion1(t *testing.T) {
	t.Parallel()
	old, err := hex.DecodeString("01" + "014c" + "ac02" + "0102030405060708" + "04" + "05" + "06" + "07" + "03" + "0108" + "0200" + "0300")
	if err != nil {
		t.Fatal(err)
	}
	want := Progress{SeriesNext: 4, Totals: Totals{Events: 5, Duplicates: 6, Forwarded: 7}}
	want.Progress = eventlog.Progress{LogID: "L", Next: 300, Checksum: 0x0102030405060708}
	want.Totals.Aside[Conflict] = 8
	if got, err := decodeProgress(old); err != nil || got != want {
		t.Errorf("it says %+v (%v), want %+v", got, err, want)
	}
	if taken := want.Totals.Taken(); taken != 5+6+7+8 {
		t.Errorf("%d were taken, want 26", taken)
	}
	old[0] = progressVersion + 1
	if _, err := decodeProgress(old); err == nil {
		t.Error("progress of a later version was taken")
	}
}

func TestTextKeepsOrder(t *testing.T) {
	t.Parallel()
	texts := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00b", "a\x01", "ab", "\xff", "\xff\x00"}
	for i, text := range texts {
		key := append(appendText(nil, text), "rest"...)
		got, rest, err := readText(key)
		if err != nil || string(got) != text || string(rest) != "rest" {
			t.Errorf("%q comes back as %q, %q, %v", text, got, rest, err)
		}
		if i > 0 && string(appendText(nil, texts[i-1])) >= string(appendText(nil, text)) {
			t.Errorf("%q does not come before %q", texts[i-1], text)
		}
	}
}

func TestTruncatedBytesAreErrors(t *testing.T) {
	t.Parallel()
	progress := Progress{SeriesNext: 4}
	progress.LogID = "log"
	values := map[string]struct {
		bytes  []byte
		decode func([]byte) error
	}{
		"series": {appendSeries(nil, &Series{Number: 1}), func(b []byte) error { _, err := decodeSeries(b); return err }},
		"name": {
			appendSeriesName(nil, &SeriesName{Subscription: "s", Code: "c"}),
			func(b []byte) error { _, err := decodeSeriesName(1, b); return err },
		},
		"progress": {appendProgress(nil, &progress), func(b []byte) error { _, err := decodeProgress(b); return err }},
	}
	for name, v := range values {
		if err := v.decode(v.bytes); err != nil {
			t.Errorf("%s: whole bytes: %v", name, err)
		}
		for n := range v.bytes {
			if v.decode(v.bytes[:n]) == nil {
				t.Errorf("%s: the first %d of %d bytes were taken", name, n, len(v.bytes))
			}
		}
	}
}

func text(name, value string) ingest.Property {
	return ingest.Property{Name: []byte(name), Kind: ingest.KindString, Text: []byte(value)}
}
