package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/ingest"
)

func TestGoldenConflicts(t *testing.T) {
	t.Parallel()
	key := hex.EncodeToString(appendConflictKey(nil, ingest.ID{0xaa, 15: 0xbb}, ingest.PositionOf(7, 9)))
	if want := "64" + "aa0000000000000000000000000000bb" + "0000000000070009"; key != want {
		t.Errorf("key is %s, want %s", key, want)
	}
	value := appendConflict(nil, 300) // 600 in zigzag: 0xd8 0x04
	if want := "01" + "d804"; hex.EncodeToString(value) != want {
		t.Errorf("value is %x, want %s", value, want)
	}
	for _, receivedAt := range []int64{0, 300, -1, 1<<62 + 1} {
		if got, err := decodeConflict(appendConflict(nil, receivedAt)); got != receivedAt || err != nil {
			t.Errorf("%d comes back as %d, %v", receivedAt, got, err)
		}
	}
	for _, bad := range []string{"", "\x01", "\x02\x00", "\x01\x00\x00", "\x01\x80"} {
		if _, err := decodeConflict([]byte(bad)); !errors.Is(err, errCorruptConflict) {
			t.Errorf("%x: error is %v", bad, err)
		}
	}
}

// TestConflicts: an id leads to what was set aside because of it, and to nothing else.
func TestConflicts(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s, err := Open("/s", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one, two := ingest.ID{1}, ingest.ID{1, 15: 1}
	c := &Checkpoint{Progress: Progress{SeriesNext: 1}}
	c.Progress.Next = 1
	for _, a := range []Aside{
		{Position: 9, Reason: Conflict, ID: one, ReceivedAt: 90},
		{Position: 4, Reason: Conflict, ID: one, ReceivedAt: 40},
		{Position: 5, Reason: Conflict, ID: two, ReceivedAt: 50},
		{Position: 6, Reason: Malformed, ID: one, ReceivedAt: 60}, // not of this id alone
		{Position: 7, Reason: Conflict},                           // of no known id
	} {
		c.PutAside(&a)
	}
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	for id, want := range map[ingest.ID][]string{one: {"4 40", "9 90"}, two: {"5 50"}, {2}: nil, {}: nil} {
		var got []string
		err := snapshot.Conflicts(context.Background(), id, func(position ingest.Position, receivedAt int64) error {
			got = append(got, fmt.Sprint(position, " ", receivedAt))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("conflicts of %x are %q (%v), want %q", id, got, err, want)
		}
	}
	asides := 0
	if err := snapshot.Asides(context.Background(), func(Aside) error { asides++; return nil }); err != nil || asides != 5 {
		t.Errorf("%d were set aside (%v), want 5", asides, err)
	}
}

// TestSeriesAfter: from whatever name on, the series behind it come, in order, of one
// organization or one subscription.
func TestSeriesAfter(t *testing.T) {
	t.Parallel()
	s, err := Open("/s", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	other := org
	other[15]++
	texts := []string{"a", "a\x00", "a\x00b", "ab", "b", "\xff"}
	c := &Checkpoint{Progress: Progress{SeriesNext: 1}}
	var all []SeriesName
	for i, subscription := range texts {
		for j, code := range texts {
			name := SeriesName{Number: uint64(1 + 6*i + j), Organization: org, Subscription: subscription, Code: code}
			all = append(all, name)
			c.PutSeries(&name, &Series{Number: name.Number})
			name.Organization, name.Number = other, name.Number+100
			c.PutSeries(&name, &Series{Number: name.Number})
		}
	}
	if err := s.Write(c); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	after := append([]SeriesName{{Organization: org}}, all...)
	for _, name := range []SeriesName{{Subscription: "a"}, {Subscription: "aa", Code: "x"}, {Subscription: "b", Code: "a\x00a"}, {Subscription: "\xff\xff"}} {
		name.Organization = org
		after = append(after, name)
	}
	for _, name := range after {
		for _, subscription := range append([]string{"", "none"}, texts...) {
			var want, got []SeriesName
			for _, n := range all {
				behind := n.Subscription > name.Subscription || n.Subscription == name.Subscription && n.Code > name.Code
				if behind && (subscription == "" || subscription == n.Subscription) {
					want = append(want, n)
				}
			}
			err := snapshot.SeriesAfter(context.Background(), name, subscription, func(n SeriesName) error {
				got = append(got, n)
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("after %q %q of %q: %v (%v)\nwant %v", name.Subscription, name.Code, subscription, got, err, want)
			}
		}
	}
}
