package worker

import (
	"math/rand/v2"
	"slices"
	"testing"

	"weir/ingest"
	"weir/ingest/eventlog"
)

// TestGroupControl: what the log wrote for itself is no event and no damage, and
// is moved past: whoever waits for the log's end would wait for ever.
func TestGroupControl(t *testing.T) {
	t.Parallel()
	g := new(group)
	g.reset()
	g.add(&eventlog.Record{Offset: 7, Time: 11, Value: []byte("\x00\x00\x00\x01"), Control: true}, 0, 1)
	if g.next != 8 || g.time != 11 || len(g.records) != 0 || len(g.events) != 0 {
		t.Errorf("after a control record at 7: next %d, time %d, %d records, %d events", g.next, g.time, len(g.records), len(g.events))
	}
	g.add(&eventlog.Record{Offset: 8, Time: 12, Value: []byte("damaged")}, 0, 1)
	if g.next != 9 || len(g.records) != 1 || g.records[0].err == nil {
		t.Errorf("after a damaged record at 8: next %d, %d records", g.next, len(g.records))
	}
}

// TestGroupNote: with a note on a record, the group knows of its events what it finds out
// without; a note that was made for another log is not believed.
func TestGroupNote(t *testing.T) {
	t.Parallel()
	const partition, partitions = 3, 16
	random := rand.New(rand.NewPCG(1, 1))
	header := ingest.Header{Organization: stageOrganization, ReceivedAt: 1_700_000_000_000_000_000}
	var events []ingest.Event
	var sightings []ingest.Sighting
	var indexes []int32
	for id := 0; len(indexes) < 50; id++ {
		e := loadEvent(random, id, id, header.ReceivedAt)
		e.Code = [][]byte{[]byte("a"), []byte("b")}[random.IntN(2)]
		if ingest.Partition(header.Organization, e.Subscription, partitions) == partition {
			indexes = append(indexes, int32(id))
		}
		events = append(events, e)
		sightings = append(sightings, ingest.Sighting{
			Key: ingest.IDKey(header.Organization, e.Subscription, e.TransactionID), Content: ingest.ContentHash32(&e),
		})
	}
	record := eventlog.Record{Value: ingest.AppendRecordOf(nil, header, events, indexes)}
	groupOf := func(note ingest.Note) *group {
		g := new(group)
		g.reset()
		record.Note = note
		g.add(&record, partition, partitions)
		return g
	}
	want := groupOf(nil)
	if len(want.events) != len(indexes) || want.foreign > 0 {
		t.Fatalf("%d events, %d of them foreign, want %d", len(want.events), want.foreign, len(indexes))
	}
	note := ingest.AppendNote(nil, partitions, sightings, indexes)
	if got := groupOf(note); !slices.Equal(got.events, want.events) {
		t.Error("with the note the events are others")
	}
	if got := groupOf(ingest.AppendNote(nil, partitions, make([]ingest.Sighting, len(events)), indexes)); slices.Equal(got.events, want.events) {
		t.Error("the note is not used")
	}
	for name, wrong := range map[string]ingest.Note{
		"of another log": ingest.AppendNote(nil, partitions+1, make([]ingest.Sighting, len(events)), indexes),
		"on fewer":       ingest.AppendNote(nil, partitions, make([]ingest.Sighting, len(events)), indexes[1:]),
	} {
		if got := groupOf(wrong); !slices.Equal(got.events, want.events) {
			t.Errorf("a note %s is believed", name)
		}
	}
}
