package ingest

import (
	"bytes"
	"testing"
)

func TestNote(t *testing.T) {
	t.Parallel()
	sightings := []Sighting{
		{Key: ID{0: 1, 15: 2}, Content: 0x01020304},
		{Key: ID{0: 3, 15: 4}, Content: 0x05060708},
		{Key: ID{0: 5, 15: 6}, Content: 0x090a0b0c},
	}
	n := AppendNote([]byte("before"), 16, sightings, []int32{2, 0})[len("before"):]
	want := "\x10\x00\x00\x00" +
		"\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06" + "\x0c\x0b\x0a\x09" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x04\x03\x02\x01"
	if !bytes.Equal(n, []byte(want)) {
		t.Fatalf("note %x, want %x", []byte(n), want)
	}
	for i, of := range []int{2, 0} {
		if id, content := n.Event(i); id != sightings[of].Key || content != sightings[of].Content {
			t.Errorf("event %d: %x, %08x, want %x, %08x", i, id, content, sightings[of].Key, sightings[of].Content)
		}
	}
	for _, c := range []struct {
		note       Note
		events     int
		partitions int32
		want       bool
	}{
		{n, 2, 16, true},
		{n, 1, 16, false},
		{n, 3, 16, false},
		{n, 2, 8, false}, // the events may be others' there
		{n[:len(n)-1], 2, 16, false},
		{nil, 0, 16, false},
		{nil, 2, 16, false},
		{Note{16, 0, 0, 0}, 0, 16, true},
	} {
		if got := c.note.Tells(c.events, c.partitions); got != c.want {
			t.Errorf("a note of %d bytes tells of %d events of %d partitions: %v, want %v", len(c.note), c.events, c.partitions, got, c.want)
		}
	}
}
