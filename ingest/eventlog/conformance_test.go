package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestConformance runs what every Log must do against every kind of log.
func TestConformance(t *testing.T) {
	t.Parallel()
	suite := map[string]func(t *testing.T, p place){
		"appends are dense and in order": conformOrder,
		"concurrent appenders":           conformConcurrent,
		"readers from any offset":        conformAnyOffset,
		"readers wait":                   conformWait,
		"large reads are bounded":        conformLarge,
		"offsets out of range":           conformOutOfRange,
		"identity":                       conformIdentity,
		"durable over reopening":         conformReopen,
		"close answers everything":       conformClose,
		"close ends readers":             conformCloseReaders,
		"records of any size":            conformSizes,
		"no such partition":              conformNoPartition,
		"verify":                         conformVerify,
		"gate":                           conformGate,
	}
	for kind, newPlace := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for name, conform := range suite {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					conform(t, newPlace(t))
				})
			}
		})
	}
}

func conformOrder(t *testing.T, p place) {
	log := mustOpen(t, p, 4)
	const n = 300
	var mu sync.Mutex
	answered := map[int32][]int64{}
	var all sync.WaitGroup
	for i := range n {
		partition := int32(i % 3) // 100 each, partition 3 stays empty
		all.Add(1)
		log.Append(partition, numbered(partition, i), nil, func(offset int64, err error) {
			defer all.Done()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("cannot append: %v", err)
			}
			answered[partition] = append(answered[partition], offset)
		})
	}
	all.Wait()
	for partition := range int32(3) {
		for i, offset := range answered[partition] {
			if offset != int64(i) {
				t.Fatalf("partition %d: answer %d has offset %d", partition, i, offset)
			}
		}
		if start, end := mustRange(t, log, partition); start != 0 || end != 100 {
			t.Fatalf("partition %d: range is [%d, %d], want [0, 100]", partition, start, end)
		}
		for i, value := range readAll(t, log, partition, 0, 100) {
			if want := numbered(partition, i*3+int(partition)); !bytes.Equal(value, want) {
				t.Fatalf("partition %d: record %d is %q, want %q", partition, i, value, want)
			}
		}
	}
	if start, end := mustRange(t, log, 3); start != 0 || end != 0 {
		t.Fatalf("empty partition: range is [%d, %d], want [0, 0]", start, end)
	}
}

func conformConcurrent(t *testing.T, p place) {
	log := mustOpen(t, p, 4)
	const appenders, each, partitions = 16, 60, 4
	var acknowledged [partitions][appenders * each][]byte // by partition and offset
	var taken [partitions]atomic.Int64
	var running sync.WaitGroup
	for a := range appenders {
		running.Go(func() {
			for i := range each {
				partition := int32((a + i) % partitions)
				value := seeded(uint64(a), i, 2000)
				got := wait(t, appendAsync(log, partition, value))
				if got.err != nil {
					t.Errorf("cannot append: %v", got.err)
					return
				}
				acknowledged[partition][got.offset] = value // offsets are given once, or the counts below differ
				taken[partition].Add(1)
			}
		})
	}
	running.Wait()
	for partition := range int32(partitions) {
		_, end := mustRange(t, log, partition)
		if end != taken[partition].Load() {
			t.Fatalf("partition %d: end is %d after %d appends", partition, end, taken[partition].Load())
		}
		for offset, value := range readAll(t, log, partition, 0, end) {
			if !bytes.Equal(value, acknowledged[partition][offset]) {
				t.Fatalf("partition %d: record %d is not what was acknowledged there", partition, offset)
			}
		}
	}
}

func conformAnyOffset(t *testing.T, p place) {
	log := mustOpen(t, p, 2)
	const n = 12
	fill(t, log, 1, n)
	for from := range int64(n) {
		for i, value := range readAll(t, log, 1, from, n) {
			if want := numbered(1, int(from)+i); !bytes.Equal(value, want) {
				t.Fatalf("from %d: got %q, want %q", from, value, want)
			}
		}
	}
}

func conformWait(t *testing.T, p place) {
	log := mustOpen(t, p, 2)
	fill(t, log, 0, 3)
	reader, err := log.Read(testContext(t), 0, 3)
	if err != nil {
		t.Fatalf("cannot read from the end: %v", err)
	}
	defer reader.Close()

	short, cancel := context.WithTimeout(testContext(t), 20*time.Millisecond)
	defer cancel()
	if records, err := reader.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("at the end Next returned %v, %v, want a wait until the context ends", records, err)
	}
	// Records of another partition wake nobody; records of this one do, also after an ended context.
	mustAppend(t, log, 1, []byte("elsewhere"))
	type result struct {
		value string
		err   error
	}
	got := make(chan result, 1)
	go func() {
		records, err := reader.Next(testContext(t))
		if err != nil {
			got <- result{err: err}
			return
		}
		got <- result{value: fmt.Sprint(records[0].Offset, " ", string(records[0].Value))}
	}()
	mustAppend(t, log, 0, []byte("here"))
	if r := <-got; r.err != nil || r.value != "3 here" {
		t.Fatalf("waiting reader got %q, %v", r.value, r.err)
	}
}

func conformLarge(t *testing.T, p place) {
	log := mustOpen(t, p, 1)
	const n, size = 40, 200 << 10 // 8 MB
	want := make([][]byte, n)
	for i := range n {
		want[i] = bytes.Repeat(seeded(7, i, 0), size/8)
		mustAppend(t, log, 0, want[i])
	}
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for next := 0; next < n; {
		records, err := reader.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if !bytes.Equal(r.Value, want[next]) {
				t.Fatalf("record %d differs", next)
			}
			next++
		}
	}
}

func conformOutOfRange(t *testing.T, p place) {
	log := mustOpen(t, p, 1)
	fill(t, log, 0, 5)
	for _, from := range []int64{-1, 6, 1 << 40} {
		if _, err := log.Read(testContext(t), 0, from); !errors.Is(err, ErrOutOfRange) {
			t.Errorf("reading from %d in [0, 5]: got %v, want ErrOutOfRange", from, err)
		}
	}
	for _, from := range []int64{0, 5} {
		reader, err := log.Read(testContext(t), 0, from)
		if err != nil {
			t.Fatalf("reading from %d in [0, 5]: %v", from, err)
		}
		reader.Close()
	}
}

func conformIdentity(t *testing.T, p place) {
	log := mustOpen(t, p, 3)
	identity := log.Identity()
	if identity.ID == "" || identity.Partitions != 3 {
		t.Fatalf("identity is %+v, want an id and 3 partitions", identity)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, partitions := range []int32{0, 3} {
		again, err := p.open(partitions, identity.ID)
		if err != nil {
			t.Fatalf("cannot open again with %d partitions: %v", partitions, err)
		}
		if again.Identity() != identity {
			t.Errorf("identity is %+v after reopening, was %+v", again.Identity(), identity)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.open(4, ""); !errors.Is(err, ErrMismatch) {
		t.Errorf("opening with 4 partitions: got %v, want ErrMismatch", err)
	}
	if _, err := p.open(0, "another"); !errors.Is(err, ErrMismatch) {
		t.Errorf("opening with another id: got %v, want ErrMismatch", err)
	}
}

func conformReopen(t *testing.T, p place) {
	log := mustOpen(t, p, 2)
	fill(t, log, 0, 20)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = mustOpen(t, p, 0)
	if offset := mustAppend(t, log, 0, numbered(0, 20)); offset != 20 {
		t.Fatalf("first append after reopening has offset %d, want 20", offset)
	}
	for i, value := range readAll(t, log, 0, 0, 21) {
		if !bytes.Equal(value, numbered(0, i)) {
			t.Fatalf("record %d is %q after reopening", i, value)
		}
	}
	if _, end := mustRange(t, log, 1); end != 0 {
		t.Fatalf("empty partition ends at %d after reopening", end)
	}
}

// conformClose closes the log under load: each done is called exactly once, and
// what was acknowledged is there afterwards.
func conformClose(t *testing.T, p place) {
	log := mustOpen(t, p, 2)
	const n = 400
	var calls [n]atomic.Int32
	var acknowledged atomic.Int64
	var answered sync.WaitGroup
	answered.Add(n)
	half := make(chan struct{})
	var appender sync.WaitGroup
	appender.Go(func() {
		for i := range n {
			if i == n/2 {
				close(half)
			}
			log.Append(0, numbered(0, i), nil, func(_ int64, err error) {
				if calls[i].Add(1) == 1 {
					defer answered.Done()
				}
				switch {
				case err == nil:
					acknowledged.Add(1)
				case !errors.Is(err, ErrClosed):
					t.Errorf("append %d: got %v, want success or ErrClosed", i, err)
				}
			})
		}
	})
	<-half
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	appender.Wait()
	if a := wait(t, appendAsync(log, 0, []byte("late"))); !errors.Is(a.err, ErrClosed) {
		t.Fatalf("append after Close: got %v, want ErrClosed", a.err)
	}
	if err := log.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
	answered.Wait()
	for i := range n {
		if c := calls[i].Load(); c != 1 {
			t.Fatalf("done of append %d was called %d times", i, c)
		}
	}
	if _, end := mustRange(t, mustOpen(t, p, 0), 0); end < acknowledged.Load() || end < n/2 {
		t.Fatalf("the log ends at %d; %d were acknowledged, %d appended before Close", end, acknowledged.Load(), n/2)
	}
}

func conformCloseReaders(t *testing.T, p place) {
	log := mustOpen(t, p, 1)
	mustAppend(t, log, 0, []byte("a"))
	reader, err := log.Read(testContext(t), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := reader.Next(testContext(t))
		ended <- err
	}()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Fatalf("waiting reader got %v, want ErrClosed", err)
	}
	if _, err := log.Read(testContext(t), 0, 0); !errors.Is(err, ErrClosed) {
		t.Fatalf("reading a closed log: got %v, want ErrClosed", err)
	}
	if _, _, err := log.Range(testContext(t), 0); !errors.Is(err, ErrClosed) {
		t.Fatalf("range of a closed log: got %v, want ErrClosed", err)
	}
}

func conformSizes(t *testing.T, p place) {
	log := mustOpen(t, p, 1)
	incompressible := make([]byte, RecordBytesMax+1)
	x := uint64(1)
	for i := range incompressible {
		x = x*6364136223846793005 + 1442695040888963407
		incompressible[i] = byte(x >> 56)
	}
	values := [][]byte{{}, {0}, incompressible[:RecordBytesMax], []byte("after")}
	for _, value := range values {
		mustAppend(t, log, 0, value)
	}
	if a := wait(t, appendAsync(log, 0, incompressible)); !errors.Is(a.err, ErrTooLarge) || a.offset != -1 {
		t.Fatalf("too large a record: got offset %d, %v, want -1, ErrTooLarge", a.offset, a.err)
	}
	if _, end := mustRange(t, log, 0); end != 4 {
		t.Fatalf("end is %d after 4 records and a refused one", end)
	}
	for i, value := range readAll(t, log, 0, 0, 4) {
		if !bytes.Equal(value, values[i]) {
			t.Fatalf("record %d of %d bytes came back with %d", i, len(values[i]), len(value))
		}
	}
}

func conformNoPartition(t *testing.T, p place) {
	log := mustOpen(t, p, 2)
	for _, partition := range []int32{-1, 2} {
		if a := wait(t, appendAsync(log, partition, []byte("x"))); !errors.Is(a.err, ErrNoPartition) {
			t.Errorf("append to partition %d: got %v, want ErrNoPartition", partition, a.err)
		}
		if _, _, err := log.Range(testContext(t), partition); !errors.Is(err, ErrNoPartition) {
			t.Errorf("range of partition %d: got %v, want ErrNoPartition", partition, err)
		}
		if _, err := log.Read(testContext(t), partition, 0); !errors.Is(err, ErrNoPartition) {
			t.Errorf("reading partition %d: got %v, want ErrNoPartition", partition, err)
		}
	}
}

func conformVerify(t *testing.T, p place) {
	log := mustOpen(t, p, 2)
	fill(t, log, 0, 3)
	id := log.Identity().ID
	sum := func(i int) uint64 { return Checksum(numbered(0, i)) }
	tests := []struct {
		name     string
		progress Progress
		want     MismatchField // "" = none
	}{
		{"nothing read, no log known", Progress{}, ""},
		{"nothing read", Progress{LogID: id}, ""},
		{"in the middle", Progress{id, 2, sum(1)}, ""},
		{"everything read", Progress{id, 3, sum(2)}, ""},
		{"another log", Progress{"another", 3, sum(2)}, MismatchID},
		{"no log known but records read", Progress{"", 3, sum(2)}, MismatchID},
		{"beyond the end", Progress{id, 4, sum(2)}, MismatchRange},
		{"before the start", Progress{id, -1, 0}, MismatchRange},
		{"another record", Progress{id, 3, sum(1)}, MismatchChecksum},
		{"no checksum", Progress{id, 1, 0}, MismatchChecksum},
		{"a checksum of nothing", Progress{id, 0, 1}, MismatchChecksum},
	}
	for _, tt := range tests {
		err := Verify(testContext(t), log, 0, tt.progress)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || mismatch.Field != tt.want || !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: got %v, want a mismatch of the %s", tt.name, err, tt.want)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var mismatch *MismatchError
	if err := Verify(testContext(t), log, 0, Progress{id, 3, sum(2)}); err == nil || errors.As(err, &mismatch) {
		t.Errorf("closed log: got %v, want an error that is no mismatch", err)
	}
}

func conformGate(t *testing.T, p place) {
	gate := NewGate(mustOpen(t, p, 3))
	mustAppend(t, gate, 1, []byte("before"))
	gate.SetStopped(map[int32]string{1: "its log is another one"})
	a := wait(t, appendAsync(gate, 1, []byte("stopped")))
	if !errors.Is(a.err, ErrRefused) || a.offset != -1 || !bytes.Contains([]byte(a.err.Error()), []byte("its log is another one")) {
		t.Fatalf("append to a stopped partition: got %d, %v, want -1, ErrRefused with the reason", a.offset, a.err)
	}
	mustAppend(t, gate, 2, []byte("another partition goes on"))
	if got := readAll(t, gate, 1, 0, 1); string(got[0]) != "before" {
		t.Fatalf("a stopped partition reads %q", got)
	}
	gate.Stopped()[2] = "a change of the copy"
	if got := gate.Stopped(); len(got) != 1 || got[1] != "its log is another one" {
		t.Fatalf("stopped partitions are %v", got)
	}
	gate.SetStopped(nil)
	if offset := mustAppend(t, gate, 1, []byte("after")); offset != 1 {
		t.Fatalf("a cleared partition goes on at %d: the refused record left something", offset)
	}
}
