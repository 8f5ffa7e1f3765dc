package eventlog

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestEmbeddedNotes: a reader at the end gets the notes that came with the records, also
// one that begins in the middle of a frame. Who reads the disk gets none.
func TestEmbeddedNotes(t *testing.T) {
	t.Parallel()
	const records = 100
	for name, tailBytes := range map[string]int{"tail": 0, "disk": 1} {
		log, err := embeddedPlace(t, "log", vfs.NewMem(), tailBytes).open(2, "")
		if err != nil {
			t.Fatal(err)
		}
		answers := make([]<-chan answer, 0, 2*records)
		for i := range records {
			answers = append(answers, appendAsync(log, 0, bytes.Repeat([]byte{1}, i)), appendAsync(log, 1, nil))
		}
		for _, a := range answers {
			if a := wait(t, a); a.err != nil {
				t.Fatal(a.err)
			}
		}
		for from := range int64(records) {
			reader, err := log.Read(testContext(t), 0, from)
			if err != nil {
				t.Fatal(err)
			}
			list, err := reader.Next(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				var want []byte
				if name == "tail" {
					want = noteOn(r.Value)
				}
				if !bytes.Equal(r.Note, want) {
					t.Fatalf("%s: from %d, record %d has the note %q, want %q", name, from, r.Offset, r.Note, want)
				}
			}
			reader.Close()
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEmbeddedNoteTooLarge: it is left out, and the record is not.
func TestEmbeddedNoteTooLarge(t *testing.T) {
	t.Parallel()
	log := mustOpen(t, embeddedPlace(t, "log", vfs.NewMem(), 0), 1)
	for _, size := range []int{NoteBytesMax, NoteBytesMax + 1} {
		answers := make(chan answer, 1)
		log.Append(0, []byte("value"), make([]byte, size), func(offset int64, err error) { answers <- answer{offset, err} })
		if a := wait(t, answers); a.err != nil {
			t.Fatal(a.err)
		}
	}
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var noted []bool
	for len(noted) < 2 {
		list, err := reader.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			noted = append(noted, r.Note != nil)
		}
	}
	if !slices.Equal(noted, []bool{true, false}) {
		t.Errorf("records with notes: %v, want the first", noted)
	}
}
