package worker

import (
	"testing"

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
