package ingest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// goldenEvents are the events of goldenRecord, with every kind of property and every flag.
func goldenEvents() []Event {
	return []Event{
		{
			TransactionID: []byte("t1"), Subscription: []byte("s1"), Code: []byte("c1"),
			Timestamp:    1_709_999_998_500_000_000,
			PreciseTotal: []byte("12.5"),
			Properties: []Property{
				{[]byte("a"), KindNested, []byte("[1]")},
				{[]byte("b"), KindTrue, nil},
				{[]byte("c"), KindFalse, nil},
				{[]byte("d"), KindNull, nil},
				{[]byte("e"), KindNumber, []byte("1.50")},
				{[]byte("f"), KindString, []byte("x")},
			},
		},
		{
			TransactionID: []byte("t2"), Subscription: []byte("s2"), Code: []byte("c2"),
			Timestamp: 1_710_000_000_000_000_000, Filled: true,
		},
	}
}

var goldenHeader = Header{Organization: benchOrganization, ReceivedAt: 1_710_000_000_000_000_000}

// goldenRecord was made by hand: records in this form are in logs, for ever.
const goldenRecord = "" +
	"01" + // version
	"8b40efe3" + // CRC-32C of the rest
	"6ba7b8109dad11d180b400c04fd430c8" + // organization
	"0000eba5f023bb17" + // received at 1,710,000,000,000,000,000
	"02" + // two entries

	"00" + "02" + // an event, with a precise total
	"ffbbc1960b" + // -1.5 s
	"02" + "7431" + "02" + "7331" + "02" + "6331" + // t1, s1, c1
	"04" + "31322e35" + // 12.5
	"06" + // six properties
	"05" + "01" + "61" + "03" + "5b315d" + // a: [1]
	"02" + "01" + "62" + // b: true
	"01" + "01" + "63" + // c: false
	"00" + "01" + "64" + // d: null
	"03" + "01" + "65" + "04" + "312e3530" + // e: 1.50
	"04" + "01" + "66" + "01" + "78" + // f: "x"

	"00" + "01" + // an event, its timestamp filled in
	"00" + // at the time of receipt
	"02" + "7432" + "02" + "7332" + "02" + "6332" + // t2, s2, c2
	"00" // no properties

func TestRecordGolden(t *testing.T) {
	t.Parallel()
	want, err := hex.DecodeString(goldenRecord)
	if err != nil {
		t.Fatal(err)
	}
	if got := AppendRecord([]byte("before"), goldenHeader, goldenEvents()); !bytes.Equal(got, append([]byte("before"), want...)) {
		t.Errorf("AppendRecord:\n%x, want\n%x", got[len("before"):], want)
	}
	var b Batch
	h, err := b.ParseRecord(want, 0)
	if err != nil || h != goldenHeader {
		t.Fatalf("ParseRecord: %v, %v", h, err)
	}
	checkEvents(t, b.Events, goldenEvents())
}

// goldenCorrections are the entries of goldenCorrectionsRecord.
func goldenCorrections() []Event {
	return []Event{
		{
			TransactionID: []byte("t1"), Subscription: []byte("s1"), Code: []byte("c2"),
			Timestamp: 1_710_000_000_000_000_001, Entry: EntryAmendment, Revision: 1,
			PreciseTotal: []byte("7"),
			Properties:   []Property{{[]byte("a"), KindNumber, []byte("2")}},
		},
		{TransactionID: []byte("t2"), Subscription: []byte("s2"), Entry: EntryCancellation, Revision: 300},
		{
			TransactionID: []byte("t3"), Subscription: []byte("s3"), Code: []byte("c3"),
			Timestamp: 1_710_000_000_000_000_000,
		},
	}
}

// goldenCorrectionsRecord was made by hand, like goldenRecord.
const goldenCorrectionsRecord = "" +
	"01" + // version
	"334b175c" + // CRC-32C of the rest
	"6ba7b8109dad11d180b400c04fd430c8" + // organization
	"0000eba5f023bb17" + // received at 1,710,000,000,000,000,000
	"03" + // three entries

	"01" + "01" + // an amendment of revision 1
	"02" + // with a precise total
	"02" + // 1 ns later than received
	"02" + "7431" + "02" + "7331" + "02" + "6332" + // t1, s1, c2
	"01" + "37" + // 7
	"01" + // one property
	"03" + "01" + "61" + "01" + "32" + // a: 2

	"02" + "ac02" + // a cancellation of revision 300 = 2<<7 | 0x2c
	"02" + "7432" + "02" + "7332" + // t2, s2

	"00" + "00" + // an event as sent
	"00" + // at the time of receipt
	"02" + "7433" + "02" + "7333" + "02" + "6333" + // t3, s3, c3
	"00" // no properties

func TestRecordCorrectionsGolden(t *testing.T) {
	t.Parallel()
	want, err := hex.DecodeString(goldenCorrectionsRecord)
	if err != nil {
		t.Fatal(err)
	}
	if got := AppendRecord(nil, goldenHeader, goldenCorrections()); !bytes.Equal(got, want) {
		t.Errorf("AppendRecord:\n%x, want\n%x", got, want)
	}
	var b Batch
	h, err := b.ParseRecord(want, 0)
	if err != nil || h != goldenHeader {
		t.Fatalf("ParseRecord: %v, %v", h, err)
	}
	checkEvents(t, b.Events, goldenCorrections())
}

func TestAppendRecordOf(t *testing.T) {
	t.Parallel()
	events := benchBatch(t, 10).Events
	record := AppendRecordOf(nil, goldenHeader, events, []int32{9, 0, 4})
	var b Batch
	if _, err := b.ParseRecord(record, 0); err != nil {
		t.Fatal(err)
	}
	checkEvents(t, b.Events, []Event{events[9], events[0], events[4]})
}

func checkEvents(t *testing.T, got, want []Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range got {
		if d := diffEvents(&got[i], &want[i]); d != "" {
			t.Errorf("event %d: %s", i, d)
		}
	}
}

// TestRecordDamaged cuts the golden records everywhere and flips every bit of them.
func TestRecordDamaged(t *testing.T) {
	t.Parallel()
	check := func(what string, record []byte) {
		var b Batch
		_, err := b.ParseRecord(record, 0)
		var damaged *RecordError
		if !errors.As(err, &damaged) || damaged.Offset < 0 || damaged.Offset > len(record) {
			t.Errorf("%s: %v", what, err)
		}
		if len(b.Events) != 0 || len(b.properties) != 0 {
			t.Errorf("%s: something stays in the batch", what)
		}
	}
	for _, text := range []string{goldenRecord, goldenCorrectionsRecord} {
		golden, _ := hex.DecodeString(text)
		for n := range golden {
			check(fmt.Sprintf("%.10s cut to %d bytes", text, n), golden[:n])
			check(fmt.Sprintf("%.10s cut to %d bytes, checksum right", text, n), resealed(golden[:n]))
		}
		check("one byte more", append(slices.Clone(golden), 0))
		for i := range len(golden) * 8 {
			record := slices.Clone(golden)
			record[i/8] ^= 1 << (i % 8)
			check(fmt.Sprintf("%.10s, bit %d flipped", text, i), record)
		}
	}
}

// resealed returns a copy with the checksum put right, if there is room for one.
func resealed(record []byte) []byte {
	record = slices.Clone(record)
	if len(record) >= 5 {
		binary.LittleEndian.PutUint32(record[1:], crc32.Checksum(record[5:], crc32.MakeTable(crc32.Castagnoli)))
	}
	return record
}

// TestRecordRefused has records that are whole, but not as we write them.
func TestRecordRefused(t *testing.T) {
	t.Parallel()
	const (
		header = "01" + "00000000" + "6ba7b8109dad11d180b400c04fd430c8" + "0000eba5f023bb17" // 29 bytes
		event  = "0000" + "00" + "017401730163" + "00"
	)
	long := "ff01" + strings.Repeat("61", 255)
	for _, c := range []struct{ record, err string }{
		{header + "01" + event, ""},
		{header + "01" + "0000" + "00" + long + long + long + "00", ""},
		{"", "unexpected end of record at byte 0"},
		{"00", "unknown version of the record at byte 0"},
		{"02" + header[2:] + "01" + event, "unknown version of the record at byte 0"},
		{"5b5d", "unknown version of the record at byte 0"}, // []
		{header + "00", "wrong number of events at byte 29"},
		{header + "808004" + event, "wrong number of events at byte 29"}, // 65,536
		{header + "ffffffffffffffffffff01", "wrong number of events at byte 29"},
		{header + "02" + event, "unexpected end of record at byte 40"},
		{header + "01" + event + "00", "unexpected data after the last entry at byte 40"},
		{header + "01" + "03" + event[2:], "unknown kind of entry at byte 30"},
		{header + "01" + "0101" + event[2:], ""},                                  // an amendment of revision 1
		{header + "01" + "01ffffffff0f" + event[2:], ""},                          // the largest revision
		{header + "01" + "0100" + event[2:], "wrong revision at byte 31"},         // an amendment with none
		{header + "01" + "018080808010" + event[2:], "wrong revision at byte 31"}, // 1<<32
		{header + "01" + "01ffffffffffffffffffff01", "wrong revision at byte 31"},
		{header + "01" + "0180", "unexpected end of record at byte 31"},
		{header + "01" + "010104" + event[4:], "unknown flags of an event at byte 32"},
		{header + "01" + "0201" + "01740173", ""}, // a cancellation of revision 1
		{header + "01" + "0200" + "01740173", "wrong revision at byte 31"},
		{header + "01" + "0201" + "000173", "wrong length of transaction_id at byte 32"},
		{header + "01" + "0201" + "01748002", "wrong length of external_subscription_id at byte 34"},
		{header + "01" + "0201" + "017401730163", "unexpected data after the last entry at byte 36"},
		{header + "01" + "0004" + event[4:], "unknown flags of an event at byte 31"},
		{header + "01" + "0000" + "ffffffffffffffffff01" + event[6:], "timestamp out of range at byte 32"},
		{header + "01" + "0000" + "80", "wrong timestamp at byte 32"},
		{header + "01" + "0000" + "00" + "00" + "01730163" + "00", "wrong length of transaction_id at byte 33"},
		{header + "01" + "0000" + "00" + "0174" + "8002" + "0163", "wrong length of external_subscription_id at byte 35"},
		{header + "01" + "0000" + "00" + "01740173" + "00", "wrong length of code at byte 37"},
		{header + "01" + "0002" + "00" + "017401730163" + "00", "wrong length of precise_total_amount_cents at byte 39"},
		{header + "01" + "0000" + "00" + "017401730163" + "65", "wrong number of properties at byte 39"}, // 101
		{header + "01" + "0000" + "00" + "017401730163" + "01" + "060161", "unknown kind of property at byte 40"},
		{header + "01" + "0000" + "00" + "017401730163" + "01" + "008101", "wrong length of a property's name at byte 41"}, // 129
		{header + "01" + "0000" + "00" + "017401730163" + "01" + "0401618108", "wrong length of a property's value at byte 43"},
		{header + "01" + "0000" + "00" + "017401730163" + "02" + "000162" + "000161", "properties out of order at byte 43"},
		{header + "01" + "0000" + "00" + "017401730163" + "02" + "000161" + "000161", "properties out of order at byte 43"},
	} {
		record, err := hex.DecodeString(c.record)
		if err != nil {
			t.Fatal(c.record, err)
		}
		var b Batch
		_, err = b.ParseRecord(resealed(record), 0)
		want := "cannot decode record: " + c.err
		if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != want) {
			t.Errorf("%.100s: %v, want %s", c.record, err, want)
		}
	}
}

// TestEncodedSize holds sizes against what is written, and the largest event
// against the room of a log record, 1 MiB.
func TestEncodedSize(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	var b Batch
	for len(b.Events) < 200 {
		_ = b.ParseLine(g.event()) // the refused ones leave nothing
	}
	for i := range b.Events {
		e := &b.Events[i]
		if e.Filled {
			e.Timestamp = TimestampMax - 1
		}
		switch g.IntN(4) {
		case 0:
			e.Entry, e.Revision = EntryAmendment, 1+g.Uint32N(math.MaxUint32>>g.IntN(32))
		case 1:
			*e = Event{
				TransactionID: e.TransactionID, Subscription: e.Subscription,
				Entry: EntryCancellation, Revision: 1 + g.Uint32N(math.MaxUint32>>g.IntN(32)),
			}
		}
		h := goldenHeader
		h.ReceivedAt -= g.Int64N(1 << g.IntN(62))
		one := AppendRecord(nil, h, b.Events[i:i+1])
		if overhead := len(one) - EncodedSize(h, e); overhead < 0 || overhead > RecordOverheadBytesMax {
			t.Fatalf("a record of %d bytes, EncodedSize %d", len(one), EncodedSize(h, e))
		}
	}
	all := AppendRecord(nil, goldenHeader, b.Events)
	sum := 0
	for i := range b.Events {
		sum += EncodedSize(goldenHeader, &b.Events[i])
	}
	// A count of 200 takes two bytes.
	if len(all) != sum+RecordOverheadBytesMax-1 {
		t.Errorf("a record of %d bytes, sum of EncodedSize %d", len(all), sum)
	}
	var again Batch
	if _, err := again.ParseRecord(all, 0); err != nil {
		t.Fatal(err)
	}
	checkEvents(t, again.Events, b.Events)
}

func TestLargestEventFitsRecord(t *testing.T) {
	t.Parallel()
	e := Event{
		TransactionID: make([]byte, IDBytesMax), Subscription: make([]byte, IDBytesMax), Code: make([]byte, IDBytesMax),
		Timestamp: TimestampMax - 1, PreciseTotal: make([]byte, PropertyValueBytesMax),
		Entry: EntryAmendment, Revision: math.MaxUint32,
	}
	for range PropertiesMax {
		e.Properties = append(e.Properties, Property{make([]byte, PropertyNameBytesMax), KindString, make([]byte, PropertyValueBytesMax)})
	}
	const recordBytesMax = 1 << 20
	if n := EncodedSize(Header{}, &e) + RecordOverheadBytesMax; n > recordBytesMax {
		t.Errorf("the largest event takes %d bytes", n)
	}
}

func TestAppendRecordPanics(t *testing.T) {
	t.Parallel()
	for what, events := range map[string][]Event{
		"no events":                   {},
		"too many events":             make([]Event, EventsPerRecordMax+1),
		"an event with a revision":    {{Revision: 1}},
		"an amendment without one":    {{Entry: EntryAmendment}},
		"a cancellation without one":  {{Entry: EntryCancellation}},
		"an entry of an unknown kind": {{Entry: EntryCancellation + 1, Revision: 1}},
	} {
		func() {
			defer func() {
				if r := recover(); !strings.HasPrefix(fmt.Sprint(r), "BUG: ") {
					t.Errorf("%s: %v", what, r)
				}
			}()
			AppendRecord(nil, Header{}, events)
		}()
	}
}

// FuzzParseRecord never lets framed bytes crash the decoder; what it takes must
// come back from a record written anew.
func FuzzParseRecord(f *testing.F) {
	golden, _ := hex.DecodeString(goldenRecord)
	f.Add(golden[recordBodyStart:])
	f.Add(golden[recordBodyStart : len(golden)-3])
	corrections, _ := hex.DecodeString(goldenCorrectionsRecord)
	f.Add(corrections[recordBodyStart:])
	f.Add(AppendRecord(nil, goldenHeader, benchBatch(f, 5).Events)[recordBodyStart:])
	f.Fuzz(func(t *testing.T, body []byte) {
		record := resealed(append([]byte{recordVersion, 0, 0, 0, 0}, body...))
		checkWays(t, record, func(b *Batch) error { _, err := b.ParseRecord(record, 0); return err })
		var b, again Batch
		h, err := b.ParseRecord(record, 0)
		if err != nil {
			if len(b.Events) != 0 {
				t.Fatal("events of a refused record stay")
			}
			return
		}
		h2, err := again.ParseRecord(AppendRecord(nil, h, b.Events), 0)
		if err != nil || h2 != h {
			t.Fatalf("written anew: %v, %v, want %v", h2, err, h)
		}
		checkEvents(t, again.Events, b.Events)
	})
}
