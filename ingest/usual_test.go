package ingest

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// checkWays parses twice, with usual.go and without, and wants the same events, byte
// for byte and nil for nil, or the same error.
func checkWays(t *testing.T, input []byte, parse func(b *Batch) error) {
	t.Helper()
	usual, thorough := Batch{}, Batch{thorough: true}
	got, want := parse(&usual), parse(&thorough)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: %v the usual way, %v the thorough one", input, got, want)
	}
	if !slices.EqualFunc(usual.Events, thorough.Events, func(a, b Event) bool { return reflect.DeepEqual(a, b) }) {
		t.Fatalf("%q: %+v the usual way, %+v the thorough one", input, usual.Events, thorough.Events)
	}
}

func checkLineWays(t *testing.T, line []byte) {
	t.Helper()
	checkWays(t, line, func(b *Batch) error { return b.ParseLine(line) })
	if len(line) > 0 && line[0] == '{' {
		checkWays(t, line, func(b *Batch) error { _, err := b.ParseRecord(line, 1_700_000_000_000_000_000); return err })
	}
}

// usualLines are events as they usually are, each in other ways.
var usualLines = []string{
	string(benchEvent(7)),
	`{"transaction_id": "t", "external_subscription_id": "s", "code": "c", "timestamp": 1710000000, "properties": {"b": -0.5, "a": 0, "long_name_2": true, "long_name_1": null}}`,
	`{"transaction_id":"tö","external_subscription_id":"東京","code":"c","properties":{"größe":"großer Raum","größe2":"😀","g":1}}`,
	`{"code":"c","timestamp":1710000000.1234567,"external_subscription_id":"s","transaction_id":"t","properties":{"":"","long_name":1.5,"long_nam":false,"a":"b"}}`,
	`{"properties":{"p":"0","o":1,"n":2,"m":3,"l":4,"k":5,"j":6,"i":7,"h":8,"g":9,"f":10,"e":11,"d":12,"c":13,"b":14,"a":15},"transaction_id":"t","code":"c","external_subscription_id":"s"}`,
	`{"properties":{"q":16,"p":"0","o":1,"n":2,"m":3,"l":4,"k":5,"j":6,"i":7,"h":8,"g":9,"f":10,"e":11,"d":12,"c":13,"b":14,"a":15},"transaction_id":"t","code":"c","external_subscription_id":"s"}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","timestamp":7258118399.9999999,"properties":{"a":99999999999999999999999999999999999999,"b":0.00000001}}`,
	`{"transaction_id":"t","external_subscription_id":"s","code":"c","timestamp":7258118400,"properties":{"a":1}}`,
}

// TestUsualLines changes usual events by one byte, at every place, into every byte that
// means something there.
func TestUsualLines(t *testing.T) {
	t.Parallel()
	const bytes = "\"\\{}[]:, \t\n\r09.-+eEtfna_/;!\x00\x1f\x7f\x80\xc3\xff"
	for _, line := range usualLines {
		checkLineWays(t, []byte(line))
		for at := range line {
			checkLineWays(t, []byte(line[:at]))
			checkLineWays(t, []byte(line[:at]+line[at+1:]))
			for _, c := range []byte(bytes) {
				checkLineWays(t, []byte(line[:at]+string([]byte{c})+line[at+1:]))
				checkLineWays(t, []byte(line[:at]+string([]byte{c})+line[at:]))
			}
		}
	}
}

func TestUsualRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	for range 2000 {
		checkLineWays(t, g.event())
	}
}

// TestUsualRecords changes records by one byte at every place, into the values around
// those that lengths and kinds have.
func TestUsualRecords(t *testing.T) {
	t.Parallel()
	header := Header{Organization: benchOrganization, ReceivedAt: 1_710_000_001_000_000_000}
	var long Batch
	for _, line := range usualLines[:7] {
		if err := long.ParseLine([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for _, events := range [][]Event{benchBatch(t, 3).Events, long.Events, goldenEvents()} {
		record := AppendRecord(nil, header, events)
		check := func(record []byte) {
			record = resealed(record)
			checkWays(t, record, func(b *Batch) error { _, err := b.ParseRecord(record, 0); return err })
		}
		for at := recordBodyStart; at < len(record); at++ {
			check(slices.Clone(record[:at]))
			for _, c := range []byte{0, 1, 2, 3, 5, 6, record[at] - 1, record[at] + 1, 100, 101, 0x7f, 0x80, 0xff} {
				changed := slices.Clone(record)
				changed[at] = c
				check(changed)
			}
		}
	}
}

// TestUsualIsTaken holds that usual events are read the usual way, whole.
func TestUsualIsTaken(t *testing.T) {
	t.Parallel()
	var b Batch
	for _, line := range usualLines[:5] {
		d := []byte(line)
		for i, c := range d {
			if member, value := usualMember(d, i); c == '"' && member != memberUnknown {
				if end := b.usualValue(new(Event), member, d, value); end == 0 {
					t.Errorf("%s: not usual", d[i:])
				}
			}
		}
	}
	header := Header{Organization: benchOrganization, ReceivedAt: 1_710_000_001_000_000_000}
	record := AppendRecord(nil, header, benchBatch(t, 1).Events)
	const entryAt = recordBodyStart + 16 + 8 + 1
	if end := b.usualEntry(new(Event), record, entryAt, header.ReceivedAt); end != len(record) {
		t.Errorf("the entry ends at %d, want %d", end, len(record))
	}
}

// TestShortVarint holds the quick reading of a varint against every length that it takes.
func TestShortVarint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		word  uint64 // the first byte is the lowest
		value int64
		n     int
	}{
		{0x00, 0, 1},
		{0xff01, -1, 1},                   // zigzag: odd is negative
		{0x7f, -64, 1},                    // 127
		{0x0180, 64, 2},                   // 1<<7 = 128
		{0x8000, 0, 1},                    // what follows is another's
		{0x0080, 0, 2},                    // longer than need be
		{0x01ff, -128, 2},                 // 127 + 1<<7 = 255
		{0x7fffffffffffffff, -1 << 55, 8}, // 2^56-1
		{0x8080808080808080, 0, 0},        // nine or more
	} {
		if value, n := shortVarint(tt.word); value != tt.value || n != tt.n {
			t.Errorf("%x: %d in %d bytes, want %d in %d", tt.word, value, n, tt.value, tt.n)
		}
	}
}
