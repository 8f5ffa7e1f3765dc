package ingest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestAllocations holds the hot path to no allocation once a Batch is warm.
func TestAllocations(t *testing.T) {
	var (
		b      Batch
		body   = benchBody(100)
		single = fmt.Appendf(nil, `{"event":%s}`, benchEvent(1))
		// With escapes, nested values, ignored members and more names than are compared one by one.
		heavy  = []byte(line(`"x":{` + manyProperties(40) + `},"properties":{"\u0061":"\n","b":{"c": 1},` + manyProperties(90) + `}`))
		events = benchBatch(t, 100).Events
		header = Header{Organization: benchOrganization, ReceivedAt: 1_710_000_000_000_000_000}
		record = AppendRecord(nil, header, events)
		large  = benchBatch(t, 1).Events[0]
		buf    []byte

		unicode    = []byte(usualLines[2])
		thorough   = Batch{thorough: true}
		identifier Identifier
	)
	identifier.Reset(benchOrganization)
	for i := range 50 {
		large.Properties = append(large.Properties, Property{fmt.Appendf(nil, "q%02d", i), KindString, bytes.Repeat([]byte("x"), 100)})
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func(){
		"ParseEvent":  func() { b.Reset(); must(b.ParseEvent(single)) },
		"ParseEvents": func() { b.Reset(); must(b.ParseEvents(body, 100)) },
		"ParseLine":   func() { b.Reset(); must(b.ParseLine(heavy)); must(b.ParseLine(unicode)) },
		"thorough":    func() { thorough.Reset(); must(thorough.ParseEvents(body, 100)) },
		"Identifier": func() {
			identifier.Reset(benchOrganization)
			identifier.Identify(events[0].Subscription, events[0].TransactionID)
			identifier.Partition(events[0].Subscription, 16)
		},
		"ParseRecord":    func() { b.Reset(); _, err := b.ParseRecord(record, 0); must(err) },
		"AppendRecord":   func() { buf = AppendRecord(buf[:0], header, events) },
		"AppendRecordOf": func() { buf = AppendRecordOf(buf[:0], header, events, []int32{0, 7, 99}) },
		"EncodedSize":    func() { EncodedSize(header, &events[0]) },
		"IDKey":          func() { IDKey(benchOrganization, events[0].Subscription, events[0].TransactionID) },
		"IDPrefix":       func() { IDPrefix(benchOrganization, events[0].TransactionID) },
		"EventID":        func() { EventID(benchOrganization, events[0].Subscription, events[0].TransactionID) },
		"ContentHash":    func() { ContentHash(&events[0]); ContentHash32(&large) },
		"Partition":      func() { Partition(benchOrganization, events[0].Subscription, 16) },
		"Numbers": func() {
			ParseScaled([]byte("12.5e-3"))
			buf = AppendPlain(buf[:0], []byte("12.5e-3"))
			NumericText(Property{Kind: KindString, Text: []byte("12.50")})
		},
	} {
		if raceEnabled && name == "Identifier" {
			continue // a hash's AppendBinary appends a make, which the detector keeps from being optimized away
		}
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestBatchGrows holds events that were parsed first against what they were,
// after the Batch's memory has moved many times.
func TestBatchGrows(t *testing.T) {
	t.Parallel()
	const n = 3000
	var b Batch
	for i := range n {
		input := fmt.Sprintf(`{"transaction_id":"\u0074%d","external_subscription_id":"s","code":"c","properties":{"b":"\u0062%d","a":[ %d ]}}`, i, i, i)
		if err := b.ParseLine([]byte(input)); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 { // a refused line in between takes nothing away
			if err := b.ParseLine([]byte(strings.Replace(input, `"c"`, `""`, 1))); err == nil {
				t.Fatal("no error")
			}
		}
	}
	for i := range b.Events {
		e := &b.Events[i]
		got := fmt.Sprintf("%s %s %s", e.TransactionID, e.Properties[1].Text, e.Properties[0].Text)
		if want := fmt.Sprintf("t%d b%d [%d]", i, i, i); got != want {
			t.Fatalf("event %d: %s, want %s", i, got, want)
		}
	}
	if len(b.Events) != n {
		t.Fatalf("%d events", len(b.Events))
	}
}

// TestResetBounds has Reset let go of what a giant request needed.
func TestResetBounds(t *testing.T) {
	t.Parallel()
	b := Batch{Events: make([]Event, 1, 1<<20)}
	b.Reset()
	if cap(b.Events) != 0 {
		t.Errorf("room for %d events is kept", cap(b.Events))
	}
}

// TestResetLeftovers fills a Batch with events that have everything, and then with one that
// has next to nothing, in each way: nothing is left of the others.
func TestResetLeftovers(t *testing.T) {
	t.Parallel()
	everything := goldenEvents()
	for i := range everything {
		everything[i].Filled = true
	}
	least := Event{TransactionID: []byte("t"), Subscription: []byte("s"), Code: []byte("c"), Timestamp: 5_000_000_000}
	h := Header{Organization: benchOrganization, ReceivedAt: 1}
	record := AppendRecord(nil, h, []Event{least})
	for name, parse := range map[string]func(b *Batch) error{
		"record": func(b *Batch) error { _, err := b.ParseRecord(record, 0); return err },
		"line": func(b *Batch) error {
			return b.ParseLine([]byte(`{"transaction_id":"t","external_subscription_id":"s","code":"c","timestamp":5}`))
		},
		"another": func(b *Batch) error {
			return b.ParseLine([]byte(`{"timestamp":"5","code":"\u0063","external_subscription_id":"s","transaction_id":"t"}`))
		},
	} {
		var b Batch
		for range 2 {
			if _, err := b.ParseRecord(AppendRecord(nil, h, everything), 0); err != nil {
				t.Fatal(err)
			}
			b.Reset()
			if err := parse(&b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(b.Events) != 1 || !reflect.DeepEqual(b.Events[0], least) {
				t.Errorf("%s: %+v, want %+v", name, b.Events, least)
			}
			b.Reset()
		}
	}
}

// TestNames holds the search for duplicates against a map, over objects around
// the size where the way of searching changes, nested and abandoned.
func TestNames(t *testing.T) {
	t.Parallel()
	var n names
	for size := 1; size < 200; size = size*5/4 + 1 {
		outer := n.open()
		for i := range size {
			if reason := n.add(outer, fmt.Appendf(nil, "name%d", i)); reason != "" {
				t.Fatalf("name %d of %d: %s", i, size, reason)
			}
			inner := n.open() // the same names again, one level deeper
			for j := range size {
				if reason := n.add(inner, fmt.Appendf(nil, "name%d", j)); reason != "" {
					t.Fatalf("inner name %d of %d: %s", j, size, reason)
				}
			}
			if reason := n.add(inner, []byte("name0")); reason != reasonDuplicateName {
				t.Fatalf("inner name0 again, %d names: %q", size, reason)
			}
			n.close(inner)
		}
		for i := range size {
			if reason := n.add(outer, fmt.Appendf(nil, "name%d", i)); reason != reasonDuplicateName {
				t.Fatalf("name %d of %d again: %q", i, size, reason)
			}
		}
		if size%2 == 0 {
			n.abandon()
		} else {
			n.close(outer)
		}
		if len(n.stack) != 0 || n.chained != 0 {
			t.Fatalf("%d names stay, %d chained", len(n.stack), n.chained)
		}
		for _, b := range n.buckets {
			if b != 0 {
				t.Fatal("a bucket is not empty")
			}
		}
	}
}

func TestObjectMembersMax(t *testing.T) {
	t.Parallel()
	var b Batch
	err := b.ParseLine([]byte(`{"x":{` + manyProperties(ObjectMembersMax) + `,"more":1}}`))
	if err == nil || !strings.HasPrefix(err.Error(), reasonTooManyMembers) {
		t.Errorf("%v", err)
	}
}
