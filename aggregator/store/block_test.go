package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/aggregator"
	"weir/ingest"
)

// goldenPending are three events of the hour 0, in the order of the log.
func goldenPending() *Pending {
	p := new(Pending)
	put := func(e ingest.Event, position ingest.Position, receivedAt int64) {
		p.Append(series, ingest.ID{}, 0, &e, position, receivedAt)
	}
	const milli = int64(time.Millisecond)
	number := func(name, text string) ingest.Property {
		return ingest.Property{Name: []byte(name), Kind: ingest.KindNumber, Text: []byte(text)}
	}
	null := ingest.Property{Name: []byte("b")}
	put(ingest.Event{TransactionID: []byte("tx-1"), Timestamp: 5 * milli, Properties: []ingest.Property{number("a", "1.5"), null}},
		ingest.PositionOf(7, 9), 5*milli+4)
	put(ingest.Event{TransactionID: []byte("tx-2"), Timestamp: 9 * milli, Revision: 2, Properties: []ingest.Property{text("c", "x")}},
		ingest.PositionOf(7, 10), 5*milli)
	put(ingest.Event{
		TransactionID: []byte("tx-2"), Timestamp: 5 * milli, Filled: true, PreciseTotal: []byte("12"),
		Properties: []ingest.Property{number("a", "1.5"), null},
	}, ingest.PositionOf(8, 0), 5*milli+4)
	return p
}

// The golden block: its events come in the order of time, so the last of the log is the second.
const goldenBlock = "01" + "03" + "f7ff03" + "02" + // 3 events, 1<<16 - 9 positions above the lowest, milliseconds
	"00" + "02" + "030161" + "000162" + // shape 0, which is defined: 2 properties, number "a", null "b"
	"05" + "00" + "09" + "08" + // 5 ms; the record of the key, index 9; received 4 ns after its own time
	"00" + "04" + "74782d31" + "06312e35" + "00" + // "tx-1"; "1.5"; nothing
	"0b" + "00" + "02" + "00" + // filled in, precise, received with the one before; the same time; the next record, index 0
	"03" + "01" + "32" + "023132" + "01" + "01" + // 3 bytes shared and "2"; "12"; both texts are those before
	"14" + "01" + "040163" + // shape 1, revised: 1 property, string "c"
	"04" + "01" + "0a" + "02" + "07" + // 4 ms later; the record before, index 10; revision 2; received 4 ns before
	"04" + "00" + "0278" // the same transaction id; "x"

func goldenBytes(t testing.TB) []byte {
	b, err := hex.DecodeString(goldenBlock)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoldenBlock(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := goldenPending().writeEvents(into(batch)); err != nil {
		t.Fatal(err)
	}
	reader := batch.Reader()
	_, key, value, ok, err := reader.Next()
	if err != nil || !ok {
		t.Fatal(err)
	}
	const wantKey = "65" + "00000000" + "0000000000000001" + "00" + "0000000000070009" + "000005" + "000009"
	if hex.EncodeToString(key) != wantKey || hex.EncodeToString(value) != goldenBlock {
		t.Errorf("block is\n%x = %x, want\n%s = %s", key, value, wantKey, goldenBlock)
	}
	if _, _, _, more, _ := reader.Next(); more {
		t.Error("there is a second block")
	}
	var got []string
	for _, e := range eventsOf(t, key, goldenBytes(t)) {
		got = append(got, fmt.Sprintf("%s %d@%d:%d r%d %v %q %d", e.TransactionID, e.Timestamp, e.Position.Offset(), e.Position.Index(), e.Revision, e.Filled, e.PreciseTotal, e.ReceivedAt))
	}
	want := []string{
		`tx-1 5000000@7:9 r0 false "" 5000004`, `tx-2 5000000@8:0 r0 true "12" 5000004`, `tx-2 9000000@7:10 r2 false "" 5000000`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("events are %q, want %q", got, want)
	}
}

// TestBlockTruncated: no part of a block is taken for a whole one.
func TestBlockTruncated(t *testing.T) {
	t.Parallel()
	whole := goldenBytes(t)
	read := func(b []byte) error {
		var r blockReader
		err := r.open(b, 0, ingest.PositionOf(7, 9))
		for ok := true; ok && err == nil; {
			ok, err = r.next()
		}
		return err
	}
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if read(whole[:n]) == nil {
			t.Errorf("the first %d of %d bytes were taken", n, len(whole))
		}
	}
	if read(append(whole, 0)) == nil {
		t.Error("a byte too many was taken")
	}
	whole[0]++
	if read(whole) == nil {
		t.Error("a later version was taken")
	}
}

// FuzzBlock: whatever the bytes are, reading ends, and what is read lies where a block says that it does.
func FuzzBlock(f *testing.F) {
	f.Add(goldenBytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		const start = int64(time.Hour) * 3
		var r blockReader
		if r.open(b, start, 77) != nil {
			return
		}
		for {
			ok, err := r.next()
			if err != nil || !ok {
				return
			}
			e := &r.event
			if e.Timestamp < start || e.Timestamp >= start+int64(time.Hour) || e.Position < 77 || e.Position > r.highest {
				t.Fatalf("event is at %d, position %d", e.Timestamp, e.Position)
			}
			for i := range e.Properties {
				_ = len(e.Properties[i].Name) + len(e.Properties[i].Text)
			}
		}
	})
}

// drawEvent draws an event with texts that repeat, in shapes that repeat.
func drawEvent(rng *rand.Rand) ingest.Event {
	units := []int64{1, 1e3, 1e6, 1e9}
	e := ingest.Event{
		TransactionID: fmt.Appendf(nil, "transaction-%d", rng.IntN(1000)),
		Timestamp:     int64(time.Hour)*rng.Int64N(3) + rng.Int64N(3600)*units[rng.IntN(4)],
		Filled:        rng.IntN(4) == 0, Revision: uint32(max(0, rng.IntN(8)-5)),
	}
	if rng.IntN(5) == 0 {
		e.PreciseTotal = []byte{}[:0:0]
		if rng.IntN(2) == 0 {
			e.PreciseTotal = fmt.Append(nil, rng.IntN(100))
		}
	}
	for i := range rng.IntN(4) {
		property := ingest.Property{Name: fmt.Appendf(nil, "property-%d", i), Kind: ingest.Kind(rng.IntN(6))}
		if property.Kind > ingest.KindTrue {
			property.Text = bytes.Repeat([]byte{byte('a' + rng.IntN(20))}, rng.IntN(200)*rng.IntN(2))
		}
		e.Properties = append(e.Properties, property)
	}
	return e
}

// TestBlocksHoldAll: any events come back from their blocks as they went in, and from what is pending, too.
func TestBlocksHoldAll(t *testing.T) {
	t.Parallel()
	for range 20 {
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 1))
		s := open(t, vfs.NewMem())
		var p Pending
		want := map[ingest.Position]Event{}
		for i := range 1 + rng.IntN(2000) {
			e, receivedAt := drawEvent(rng), rng.Int64N(1e10)*rng.Int64N(2)
			name := &SeriesName{Number: 1 + rng.Uint64N(3), Organization: org, Subscription: "s", Code: "c"}
			position := ingest.PositionOf(int64(i), rng.IntN(1<<16))
			p.Append(name, ingest.ID{}, 0, &e, position, receivedAt)
			whole := eventOf(name)
			whole.Event = e
			whole.Subscription, whole.Code = []byte("s"), []byte("c")
			whole.Position, whole.ReceivedAt = position, receivedAt
			whole.setRevision(e.Revision)
			want[position] = whole
		}
		for i := range p.events {
			var e Event
			p.load(i, &e)
			mustEqual(t, seed, &e, want)
		}
		batch := s.db.NewBatch()
		if err := p.writeEvents(into(batch)); err != nil {
			t.Fatal(err)
		}
		count := 0
		var before *Event
		for reader := batch.Reader(); ; {
			_, key, value, ok, err := reader.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			k, err := readBlockKey(key)
			if err != nil {
				t.Fatal(err)
			}
			events := eventsOf(t, key, value)
			for i := range events {
				e := &events[i]
				if i > 0 && (before.Timestamp > e.Timestamp || before.Timestamp == e.Timestamp && bytes.Compare(before.TransactionID, e.TransactionID) > 0) {
					t.Fatalf("seed %d: %+v comes before %+v", seed, before, e)
				}
				before = e
				if want := want[e.Position].Series; want != k.series || aggregator.HourOf(e.Timestamp) != k.hour {
					t.Fatalf("seed %d: event of series %d at %d stands in %+v", seed, want, e.Timestamp, k)
				}
				e.Organization, e.Subscription, e.Code = org, []byte("s"), []byte("c")
				mustEqual(t, seed, e, want)
				count++
			}
		}
		if count != len(want) {
			t.Fatalf("seed %d: %d events came back, want %d", seed, count, len(want))
		}
		if err := batch.Close(); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
	}
}

// mustEqual compares an event with the one of its position.
func mustEqual(t *testing.T, seed uint64, got *Event, want map[ingest.Position]Event) {
	t.Helper()
	w := want[got.Position]
	if !equalEvents(got, &w) || !bytes.Equal(got.TransactionID, w.TransactionID) || got.Timestamp != w.Timestamp ||
		got.Revision != w.Revision || got.Entry != w.Entry || got.Series != w.Series || got.Organization != w.Organization ||
		!bytes.Equal(got.Subscription, w.Subscription) || !bytes.Equal(got.Code, w.Code) {
		t.Fatalf("seed %d: event is\n%+v, want\n%+v", seed, got, w)
	}
	if (got.PreciseTotal == nil) != (w.PreciseTotal == nil) {
		t.Fatalf("seed %d: precise total is %q, want %q", seed, got.PreciseTotal, w.PreciseTotal)
	}
}
