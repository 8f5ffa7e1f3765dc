package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"weir/ingest"
)

// goldenEntries are two whose ids differ in the last byte only.
func goldenEntries() []idEntry {
	return []idEntry{
		{ingest.ID{0xaa, 15: 1}, Seen{Position: ingest.PositionOf(7, 9), Content: 0x01020304, Filled: true, Series: 300, Timestamp: 5e6}},
		{ingest.ID{0xaa, 15: 2}, Seen{Position: ingest.PositionOf(8, 9), Revision: 2, Content: 0x05060708, Series: 301, Timestamp: 7e6}},
	}
}

// The bytes of keys and values are for ever, like those of TestGoldenKeys.
func TestGoldenIDs(t *testing.T) {
	t.Parallel()
	f := func(name string, got []byte, want ...string) {
		t.Helper()
		if want := strings.Join(want, ""); hex.EncodeToString(got) != want {
			t.Errorf("%s is %x, want %s", name, got, want)
		}
	}
	const run = "0000000000000102"
	f("row's key", appendRunHead(nil, spaceRun, 258), "72", run)
	f("block's key", appendIDBlockKey(nil, 258, &ingest.ID{0xaa, 15: 2}, 3, 5),
		"73", run, "00", "aa000000000000000000000000000002", "00000003", "0000000000000005")
	f("filter's key", appendFilterKey(nil, 258, 3), "73", run, "01", "00000003")
	// count 3, positions from 1 to 1<<16, 300 bytes, 1 line
	f("row", appendRun(nil, &idRun{count: 3, low: 1, high: ingest.PositionOf(1, 0), bytes: 300}), "01", "03", "01", "808004", "ac02", "01")
	f("block", new(idBlockWriter).append(nil, goldenEntries()),
		"01", "0200", "0f", "02", // 2 entries, 15 bytes shared, milliseconds
		"0000000000000000", "01", // flags
		"0000000000000000", "01", // revisions
		"0700000000000000", "01", // offsets
		"0900000000000000", "00", // indexes: all 9
		"2c01000000000000", "01", // series: 300 and
		"404b4c0000000000", "01", // timestamps: 5,000,000 and
		"aa0000000000000000000000000000", "01", "02",
		"04030201", "08070605",
		"0100", "0002", "0001", "0001", "0002", // filled; revision 2; 7 and 8; 300 and 301; 5 and 7 ms
		"0000000000000000")
	// Bits 0x10041: of the words, 6 bits each from the lowest, 1, 1, 16, and then 0.
	filter := make(idFilter, 2)
	filter.add(nil, []idEntry{{id: ingest.ID{7: 1, 15: 0x41}}}) // the lower half of the lines: the first
	var pieces []byte
	err := filter.pieces(func(number int, value []byte) error {
		pieces = append(append(pieces, byte(number)), value...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f("filter", pieces, "00",
		"0200000000000000", "0200000000000000", "0000010000000000", strings.Repeat("0100000000000000", 5),
		strings.Repeat("00", filterLineBytes))
	filter.add(nil, []idEntry{{id: ingest.ID{8: 0x80}}}) // the upper half
	if filter[1] != (filterLine{1, 1, 1, 1, 1, 1, 1, 1}) {
		t.Errorf("the second line is %x", filter[1])
	}
}

// anyEntries returns n entries in order, of values near and far.
func anyEntries(rng *rand.Rand, n int) []idEntry {
	entries := make([]idEntry, n)
	any64 := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	base := randomID(rng)
	for i := range entries {
		e := &entries[i]
		e.id = base
		random := randomID(rng)
		copy(e.id[rng.IntN(17):], random[:])
		e.seen = Seen{
			Position: ingest.PositionOf(int64(any64()>>17), rng.IntN(ingest.EventsPerRecordMax+1)), Revision: uint32(any64()),
			Cancelled: rng.IntN(9) == 0, Filled: rng.IntN(9) == 0, Content: rng.Uint32(), Series: any64(), Timestamp: int64(any64()),
		}
		if rng.IntN(2) == 0 {
			e.seen.Timestamp = -e.seen.Timestamp
		}
	}
	slices.SortFunc(entries, func(a, b idEntry) int { return a.compare(&b) })
	return entries
}

// TestIDBlockKeeps: what goes into a block comes out, and is found.
func TestIDBlockKeeps(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	var w idBlockWriter
	extremes := []idEntry{
		{ingest.ID{}, Seen{Timestamp: math.MinInt64}},
		{ingest.ID{15: 1}, Seen{Position: math.MaxInt64, Revision: math.MaxUint32, Content: math.MaxUint32, Series: math.MaxUint64, Timestamp: math.MaxInt64}},
	}
	blocks := [][]idEntry{extremes, extremes[:1], extremes[1:], goldenEntries()}
	for range 300 {
		blocks = append(blocks, anyEntries(rng, 1+rng.IntN(idBlockEntries)))
	}
	for _, want := range blocks {
		bytes := w.append([]byte("before"), want)[len("before"):]
		if most := idBlockHeadBytes + idBlockEntries*(16+idContentBytes+1+4+6+2+8+8) + idBlockPadding + 16; len(bytes) > most || most > 13<<10 {
			t.Fatalf("a block has %d bytes, want at most %d", len(bytes), most)
		}
		block, err := readIDBlock(bytes)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got := block.appendEntries(nil); !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %+v\nwant %+v", seed, got, want)
		}
		for range 20 {
			e := want[rng.IntN(len(want))]
			switch rng.IntN(3) {
			case 0:
				e.id = randomID(rng)
			case 1:
				e.seen.Position = ingest.Position(rng.Int64())
			}
			first := slices.IndexFunc(want, func(x idEntry) bool { return x.compare(&e) >= 0 })
			if first < 0 {
				first = len(want)
			}
			if got := block.search(&e.id, e.seen.Revision, e.seen.Position); got != first {
				t.Fatalf("seed %d: %+v is found at %d, want %d", seed, e, got, first)
			}
		}
	}
}

func TestTruncatedIDsAreErrors(t *testing.T) {
	t.Parallel()
	block := new(idBlockWriter).append(nil, goldenEntries())
	row := appendRun(nil, &idRun{count: 300, low: 1, high: 2, bytes: 300})
	for n := range block {
		if _, err := readIDBlock(block[:n]); !errors.Is(err, errCorruptIDs) {
			t.Errorf("the first %d bytes of a block were taken", n)
		}
	}
	for n := range row {
		if _, _, err := decodeRun(1, row[:n]); !errors.Is(err, errCorruptRun) {
			t.Errorf("the first %d bytes of a row were taken", n)
		}
	}
	for at, what := range map[int]string{0: "version", 1: "count", 3: "shared bytes", 4: "unit", 5 + 8: "width"} {
		wrong := bytes.Clone(block)
		wrong[at] = 0xff
		if _, err := readIDBlock(wrong); !errors.Is(err, errCorruptIDs) {
			t.Errorf("a block with another %s was taken", what)
		}
	}
	for _, run := range []idRun{{count: 0}, {count: 1, low: 2, high: 1}, {count: 1, low: -1}} {
		if _, _, err := decodeRun(1, appendRun(nil, &run)); !errors.Is(err, errCorruptRun) {
			t.Errorf("row of %+v was taken", run)
		}
	}
}

func FuzzIDBlock(f *testing.F) {
	f.Add(new(idBlockWriter).append(nil, goldenEntries()))
	f.Add(new(idBlockWriter).append(nil, anyEntries(rand.New(rand.NewPCG(1, 1)), 100)))
	f.Fuzz(func(t *testing.T, b []byte) {
		block, err := readIDBlock(b)
		if err != nil {
			return
		}
		entries := block.appendEntries(nil)
		if len(entries) != block.count || block.count < 1 || block.count > idBlockEntries {
			t.Fatalf("%d entries of %d", len(entries), block.count)
		}
		for i := range entries {
			if at := block.search(&entries[i].id, entries[i].seen.Revision, entries[i].seen.Position); at < 0 || at > block.count {
				t.Fatalf("entry %d is found at %d of %d", i, at, block.count)
			}
		}
		if !slices.IsSortedFunc(entries, func(a, b idEntry) int { return a.compare(&b) }) {
			return
		}
		again, err := readIDBlock(new(idBlockWriter).append(nil, entries))
		if err != nil || !slices.Equal(again.appendEntries(nil), entries) {
			t.Fatalf("%+v come back as %+v, %v", entries, again.appendEntries(nil), err)
		}
	})
}

// TestFilter: what was added may be there, and hardly anything else, also when somebody chose the ids' first parts.
func TestFilter(t *testing.T) {
	t.Parallel()
	const ids = 200_000
	rng := rand.New(rand.NewPCG(1, 2))
	for lineIDs, perMillionMax := range map[int]int{filterLineIDs: 3000, filterLineIDsSmall: 300} {
		for _, aimed := range []bool{false, true} {
			draw := func() (id ingest.ID) {
				id = randomID(rng)
				if aimed {
					copy(id[:], "same")
				}
				return id
			}
			filter := make(idFilter, ids/lineIDs)
			entries := make([]idEntry, ids)
			for i := range entries {
				entries[i].id = draw()
			}
			hashes := filter.add(nil, entries)
			for i := range hashes {
				if !filter.may(&hashes[i]) {
					t.Fatalf("id %x was added and is not there", entries[i].id)
				}
			}
			wrong := 0
			for range 1_000_000 {
				id := draw()
				hash := hashOf(&id)
				if filter.may(&hash) {
					wrong++
				}
			}
			t.Logf("%d ids a line, aimed %v: %d of a million are taken wrongly", lineIDs, aimed, wrong)
			if wrong > perMillionMax || wrong == 0 {
				t.Errorf("%d ids a line, aimed %v: %d of a million, want at most %d", lineIDs, aimed, wrong, perMillionMax)
			}
		}
	}
	if lines := filterLines(filterSmallIDs) * filterLineBytes; lines > filterSmallIDs*25/8 {
		t.Errorf("a filter of %d ids has %d bytes", filterSmallIDs, lines)
	}
	if bytes := filterLines(100_000_000) * filterLineBytes; bytes > 200_000_064 {
		t.Errorf("a filter of 100 M ids has %d bytes", bytes)
	}
}

// TestFilterPieces: a filter of several values comes back, and one that lacks a part does not.
func TestFilterPieces(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	filter := make(idFilter, 2*filterPieceLines+100)
	for i := range filter {
		for word := range filter[i] {
			filter[i][word] = rng.Uint64()
		}
	}
	got := make(idFilter, len(filter))
	var sizes []int
	err := filter.pieces(func(number int, value []byte) error {
		sizes = append(sizes, len(value))
		if got.setPiece(number, value[:len(value)-1]) == nil || got.setPiece(3, value) == nil {
			t.Error("a piece that does not fit was taken")
		}
		return got.setPiece(number, value)
	})
	if err != nil || !slices.Equal(got, filter) || !slices.Equal(sizes, []int{256 << 10, 256 << 10, 6400}) {
		t.Errorf("pieces of %v bytes come back (%v): %v", sizes, slices.Equal(got, filter), err)
	}
}

// TestFilterLost: a store whose filter lacks a piece does not open: it would take known ids for new ones.
func TestFilterLost(t *testing.T) {
	t.Parallel()
	w := newIDWorld(t, 8)
	w.write(w.entriesOf(3))
	if err := w.store.db.Delete(appendFilterKey(nil, 1, 0), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	w.close()
	if s, err := Open("/data/partition-00003", Options{FS: w.fs, Partition: 3}); !errors.Is(err, errCorruptRun) {
		t.Errorf("it opens: %v, %v", s, err)
	}
}

// TestOrderOfIDs: whatever the ids are, pending entries are brought in order.
func TestOrderOfIDs(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, n := range []int{1, 2, 3, 7, 8, 100, 5000} {
		for _, same := range []int{0, 4, 8, 15, 16} { // bytes that all ids share
			t.Run(fmt.Sprintf("%d ids that share %d bytes, seed %d", n, same, seed), func(t *testing.T) {
				var p Pending
				for i := range n {
					id := randomID(rng)
					copy(id[:same], "0123456789abcdef")
					p.events = append(p.events, pendingEvent{id: id, revision: rng.Uint32N(3), position: ingest.PositionOf(int64(i), 0)})
				}
				var order []idEntry
				var sorter idSorter
				for range 2 { // with memory that is used again, too
					order = order[:0]
					err := sorter.each(&p, func(e *idEntry) error {
						order = append(order, *e)
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				at := make(map[ingest.Position]bool)
				for i, o := range order {
					at[o.seen.Position] = true
					if i == 0 {
						continue
					}
					if order[i-1].compare(&o) >= 0 {
						t.Fatalf("%+v stands before %+v", order[i-1], o)
					}
				}
				if len(order) != n || len(at) != n {
					t.Errorf("%d of %d entries stand at %d places", len(at), n, len(order))
				}
			})
		}
	}
}

func TestTierOf(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]int{1: 0, 1024: 0, 1025: 1, 8 << 10: 1, 8<<10 + 1: 2, 64 << 10: 2, 64<<10 + 1: 3, 1 << 40: 10, math.MaxInt: 18} {
		if got := tierOf(count); got != want || got >= maxTiers {
			t.Errorf("%d entries are of tier %d, want %d", count, got, want)
		}
	}
}

// TestLookupAllocatesNothing: ids that were never seen, which nearly all are, cost no memory.
func TestLookupAllocatesNothing(t *testing.T) {
	w := newIDWorld(t, 9)
	defer w.close()
	for range 7 {
		w.write(w.entriesOf(500))
	}
	ids := make([]ingest.ID, 200)
	for i := range ids {
		ids[i] = randomID(w.rng)
	}
	err := w.store.Lookup(ids, func(int, Seen) { t.Error("an id is known that never came") })
	allocs := testing.AllocsPerRun(100, func() {
		err = errors.Join(err, w.store.Lookup(ids, func(int, Seen) {}))
	})
	if err != nil || allocs != 0 {
		t.Errorf("a look-up allocates %v times, %v", allocs, err)
	}
}
