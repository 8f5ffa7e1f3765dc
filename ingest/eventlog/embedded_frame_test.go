package eventlog

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// encoded is a frame's stored bytes.
func encoded(f *frame) []byte {
	f.sumSections()
	var e frameEncoder
	e.encode(f)
	return append(e.header, e.packed...)
}

// A frame of three partitions: the first stands at 300 and has no record here,
// the second has the records 5 ("ab") and 6 (empty, a nanosecond earlier), the third is new.
func TestFrameGolden(t *testing.T) {
	t.Parallel()
	f := &frame{time: 0x0102030405060708, parts: []part{{first: 300}, {first: 5, count: 2, from: 0, to: 6}, {}}}
	f.raw = appendRecord(appendRecord(nil, []byte("ab"), 0), nil, -1)
	// The checksums are of another program's CRC-32C, bit by bit: of the section, and of all before it.
	want := "01" + "0102030405060708" + "03" + // version, time, partitions
		"ac02" + "00" + // 300 = 0x2c | 0x80, 2; none
		"05" + "02" + "06" + "06" + "b645975e" + // 5, two records, 6 bytes, stored as 6
		"00" + "00" +
		"f2eb3bcf" +
		"02" + "00" + "6162" + // 2 bytes, at the frame's time
		"00" + "01" // no bytes, zigzag(-1) = 1
	if got := hex.EncodeToString(encoded(f)); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// A section that is compressed: S2's own bytes are not ours to pin, what comes back of fixed ones is.
func TestFrameGoldenCompressed(t *testing.T) {
	t.Parallel()
	// S2: 203 bytes (0xcb01); a literal of 4 (tag 3<<2 = 0x0c): c8 01 00 78; the copy of
	// 199 bytes from 1 back, as three: 64 (tag 63<<2|2 = 0xfe, offset 0100), 64, 64, and of 7 (0x1a).
	const block = "cb01" + "0c" + "c8010078" + "fe0100" + "fe0100" + "fe0100" + "1a0100"
	value, err := hex.DecodeString("01" + "0102030405060708" + "01" + "00" + "01" + "cb01" + "13" + "e025c917" + "c4e26328" + block)
	if err != nil {
		t.Fatal(err)
	}
	var f storedFrame
	if err := f.parse(value, 1); err != nil {
		t.Fatal(err)
	}
	section := make([]byte, f.parts[0].bytes)
	if err := f.parts[0].unpack(section); err != nil {
		t.Fatal(err)
	}
	if want := append([]byte{0xc8, 0x01, 0}, bytes.Repeat([]byte("x"), 200)...); !bytes.Equal(section, want) {
		t.Fatalf("got %x", section)
	}
}

// randomFrame has sections of any size, of bytes that compress and bytes that don't.
func randomFrame(random *rand.Rand, partitions int) *frame {
	f := &frame{time: random.Int64(), parts: make([]part, partitions)}
	for i := range f.parts {
		p := &f.parts[i]
		p.first, p.from = random.Int64N(1<<40), int32(len(f.raw))
		p.count = int32(max(0, random.IntN(12)-4))
		for range p.count {
			value := bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(300))
			for i := range value {
				if p.count%2 == 0 {
					value[i] = byte(random.Uint32())
				}
			}
			f.raw = appendRecord(f.raw, value, random.Int64N(3)-1)
		}
		p.to = int32(len(f.raw))
	}
	return f
}

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var stored storedFrame
	compressed := 0
	for range 2000 {
		f := randomFrame(random, 1+random.IntN(20))
		if err := stored.parse(encoded(f), len(f.parts)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if stored.time != f.time {
			t.Fatalf("seed %d: time %d, want %d", seed, stored.time, f.time)
		}
		for i := range f.parts {
			want, got := &f.parts[i], &stored.parts[i]
			raw := make([]byte, got.bytes)
			if err := got.unpack(raw); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if got.first != want.first || got.count != want.count || !bytes.Equal(raw, f.raw[want.from:want.to]) {
				t.Fatalf("seed %d: partition %d came back as another", seed, i)
			}
			if len(got.stored) < got.bytes {
				compressed++
			}
		}
	}
	if compressed == 0 {
		t.Fatal("no section was compressed: the test tests half")
	}
}

// Every bit of a frame is checked: by the header's checksum, a section's, or S2.
func TestFrameCorrupt(t *testing.T) {
	t.Parallel()
	f := randomFrame(rand.New(rand.NewPCG(3, 0)), 5)
	value := encoded(f)
	read := func(value []byte) error {
		var stored storedFrame
		if err := stored.parse(value, len(f.parts)); err != nil {
			return err
		}
		for i := range stored.parts {
			if err := stored.parts[i].unpack(make([]byte, stored.parts[i].bytes)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(value); err != nil {
		t.Fatal(err)
	}
	for at := range value {
		for bit := range 8 {
			broken := bytes.Clone(value)
			broken[at] ^= 1 << bit
			if err := read(broken); err == nil || !strings.Contains(err.Error(), "corrupt log") {
				// S2 may take another block for the same bytes: then nothing is lost.
				if err != nil || !sameSections(t, broken, f) {
					t.Fatalf("bit %d of byte %d of %d: got %v, want a corrupt log", bit, at, len(value), err)
				}
			}
		}
	}
	for n := range value {
		if err := read(value[:n]); err == nil {
			t.Fatalf("the first %d bytes of %d read as a frame", n, len(value))
		}
	}
	if err := read(append(bytes.Clone(value), 0)); err == nil {
		t.Fatal("a byte more reads as a frame")
	}
}

func sameSections(t *testing.T, value []byte, f *frame) bool {
	var stored storedFrame
	if err := stored.parse(value, len(f.parts)); err != nil {
		t.Fatal(err)
	}
	for i := range f.parts {
		raw := make([]byte, stored.parts[i].bytes)
		if err := stored.parts[i].unpack(raw); err != nil || !bytes.Equal(raw, f.raw[f.parts[i].from:f.parts[i].to]) {
			return false
		}
	}
	return true
}

// A section says how many records it has; other bytes than these are an error, not a record.
func TestSectionCorrupt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		count int32
		bytes string
	}{
		"empty":               {1, ""},
		"no time":             {1, "00"},
		"value cut short":     {1, "020061"},
		"length beyond all":   {1, "ffffffffffffffffff0100"},
		"length without end":  {1, "ffffffffffffffffffff"},
		"bytes after the end": {1, "00000000"},
	} {
		raw, err := hex.DecodeString(tt.bytes)
		if err != nil {
			t.Fatal(err)
		}
		s := section{count: tt.count, bytes: raw}
		if _, err := s.take(); err == nil || !strings.Contains(err.Error(), "corrupt log") {
			t.Errorf("%s: got %v, want a corrupt log", name, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	random := rand.New(rand.NewPCG(7, 0))
	for range 20 {
		f.Add(encoded(randomFrame(random, 3)))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		// Whoever can write the store can write the checksum: it must not be what keeps the parser whole.
		var stored storedFrame
		if err := stored.parse(value, 3); err != nil {
			return
		}
		for i := range stored.parts {
			p := &stored.parts[i]
			raw := make([]byte, p.bytes)
			if err := p.unpack(raw); err != nil {
				continue
			}
			if crc32.Checksum(raw, castagnoli) != p.sum {
				t.Fatal("a section with another checksum was taken")
			}
			s := section{next: p.first, count: p.count, bytes: raw}
			for s.count > 0 {
				if _, err := s.take(); err != nil {
					break
				}
			}
		}
	})
}

// frameOf is a frame with one record for each partition of values, from the given firsts on.
func frameOf(sequence uint64, firsts []int64, values map[int32]string) *frame {
	f := &frame{sequence: sequence, parts: make([]part, len(firsts))}
	for p := range f.parts {
		f.parts[p] = part{first: firsts[p], from: int32(len(f.raw)), to: int32(len(f.raw))}
		if value, ok := values[int32(p)]; ok {
			f.raw = appendRecord(f.raw, []byte(value), 0)
			f.parts[p].count, f.parts[p].to = 1, int32(len(f.raw))
		}
	}
	f.memory = slices.Clip(f.raw)
	f.users.Store(1)
	f.sumSections()
	return f
}

// TestTail: a reader gets the frames with its records from its offset on, and
// none when the first of them has left.
func TestTail(t *testing.T) {
	t.Parallel()
	partitions := make([]embeddedPartition, 2)
	// Records of 1 byte: a frame takes 3 bytes and its parts. Four frames fit.
	tail := tail{max: 4 * (3 + 2*partBytesMax), recycled: new(frameMemory)}
	var dropped []uint64
	tail.dropped = func(f *frame) { dropped = append(dropped, f.sequence) }
	for n := range int64(6) { // partition 0 has the even frames, 1 the odd ones
		tail.push(frameOf(uint64(n), []int64{(n + 1) / 2, n / 2}, map[int32]string{int32(n % 2): "x"}), partitions)
	}
	if got := fmt.Sprint(dropped); got != "[0 1]" {
		t.Errorf("frames that left: %s, want [0 1]", got)
	}
	for p, end := range []int64{3, 3} {
		if got := partitions[p].end.Load(); got != end {
			t.Errorf("partition %d ends at %d, want %d", p, got, end)
		}
	}
	tests := []struct {
		partition int32
		offset    int64
		bytesMax  int
		want      string
	}{
		{0, 0, 100, "[]"}, // record 0 was in frame 0
		{0, 1, 100, "[2 4]"},
		{0, 2, 100, "[4]"},
		{1, 0, 100, "[]"},
		{1, 1, 100, "[3 5]"},
		{1, 1, 5, "[3]"}, // two sections are 6 bytes
		{1, 1, 0, "[3]"}, // one in any case
	}
	for _, tt := range tests {
		var got []uint64
		for _, f := range tail.collect(nil, tt.partition, tt.offset, tt.bytesMax) {
			got = append(got, f.sequence)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("partition %d from %d, %d bytes: got %v, want %s", tt.partition, tt.offset, tt.bytesMax, got, tt.want)
		}
	}
}
