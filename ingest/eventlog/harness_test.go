package eventlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience is how long a test waits for what must come, before it fails.
const patience = 30 * time.Second

// place is where one log lives; open opens it, again and again.
type place struct {
	open func(partitions int32, id string) (Log, error)
}

// kinds are the logs that the conformance suite runs against. The real Kafka is
// among them when WEIR_TEST_KAFKA_BROKERS names one.
func kinds() map[string]func(t *testing.T) place {
	all := map[string]func(t *testing.T) place{
		"embedded in memory":    func(t *testing.T) place { return embeddedPlace(t, "log", vfs.NewMem(), 0) },
		"embedded on disk":      func(t *testing.T) place { return embeddedPlace(t, t.TempDir(), nil, 0) },
		"embedded without tail": func(t *testing.T) place { return embeddedPlace(t, "log", vfs.NewMem(), 1) },
		"embedded, little tail": func(t *testing.T) place { return embeddedPlace(t, "log", vfs.NewMem(), 4<<10) },
		"kfake":                 func(t *testing.T) place { return kafkaPlace(t, startFake(t).ListenAddrs()) },
	}
	if brokers := os.Getenv("WEIR_TEST_KAFKA_BROKERS"); brokers != "" {
		all["kafka"] = func(t *testing.T) place { return kafkaPlace(t, strings.Split(brokers, ",")) }
	}
	return all
}

// embeddedPlace is an embedded log whose readers find tailBytes in memory (0 = as
// ever), and the rest in Pebble. That nobody has written to what readers share is
// looked at when it leaves the memory.
func embeddedPlace(t *testing.T, dir string, fs vfs.FS, tailBytes int) place {
	return place{open: func(partitions int32, id string) (Log, error) {
		return orNil(OpenEmbedded(dir, EmbeddedOptions{
			Partitions: partitions, ID: id, FS: fs, tailBytes: tailBytes, tailDropped: untouched(t),
		}))
	}}
}

// untouched fails the test when a frame leaves the tail with other bytes than it came with.
func untouched(t testing.TB) func(*frame) {
	return func(f *frame) {
		before := slices.Clone(f.parts)
		f.sumSections()
		if !slices.Equal(before, f.parts) {
			t.Errorf("somebody has written to frame %d, which readers share", f.sequence)
		}
	}
}

// orNil keeps a nil pointer from becoming a Log that is not nil.
func orNil[L Log](log L, err error) (Log, error) {
	if err != nil {
		return nil, err
	}
	return log, nil
}

func startFake(t testing.TB, more ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3)}, more...)...)
	if err != nil {
		t.Fatalf("cannot start kfake: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func kafkaPlace(t testing.TB, brokers []string) place {
	topic := "weir-test-" + uuid.NewString()
	t.Cleanup(func() { deleteTopic(t, brokers, topic) })
	return place{open: func(partitions int32, id string) (Log, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return orNil(OpenKafka(ctx, KafkaOptions{Brokers: brokers, Topic: topic, Partitions: partitions, ID: id}))
	}}
}

func deleteTopic(t testing.TB, brokers []string, topic string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Errorf("cannot clean up topic %s: %v", topic, err)
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := kadm.NewClient(client).DeleteTopic(ctx, topic); err != nil && !strings.Contains(err.Error(), "UNKNOWN_TOPIC") {
		t.Errorf("cannot clean up topic %s: %v", topic, err)
	}
}

// mustOpen opens the log in p and closes it when the test ends.
func mustOpen(t testing.TB, p place, partitions int32) Log {
	t.Helper()
	log, err := p.open(partitions, "")
	if err != nil {
		t.Fatalf("cannot open: %v", err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

type answer struct {
	offset int64
	err    error
}

// appendAsync appends and returns where the answer will be.
func appendAsync(log Log, partition int32, value []byte) <-chan answer {
	answers := make(chan answer, 1)
	log.Append(partition, value, noteOn(value), func(offset int64, err error) { answers <- answer{offset, err} })
	return answers
}

// noteOn is the note that goes along with a value: with every third length none.
func noteOn(value []byte) []byte {
	if len(value)%3 == 0 {
		return nil
	}
	return fmt.Appendf(nil, "on %x", value[:min(8, len(value))])
}

func wait(t testing.TB, answers <-chan answer) answer {
	t.Helper()
	select {
	case a := <-answers:
		return a
	case <-time.After(patience):
		t.Fatal("append was not answered")
		return answer{}
	}
}

// mustAppend appends a record and returns its offset once it is durable.
func mustAppend(t testing.TB, log Log, partition int32, value []byte) int64 {
	t.Helper()
	a := wait(t, appendAsync(log, partition, value))
	if a.err != nil {
		t.Fatalf("cannot append: %v", a.err)
	}
	return a.offset
}

// fill appends n numbered records to a partition and waits for all.
func fill(t testing.TB, log Log, partition int32, n int) {
	t.Helper()
	answers := make([]<-chan answer, n)
	for i := range n {
		answers[i] = appendAsync(log, partition, numbered(partition, i))
	}
	for i := range n {
		if a := wait(t, answers[i]); a.err != nil || a.offset != int64(i) {
			t.Fatalf("append %d: got offset %d, error %v", i, a.offset, a.err)
		}
	}
}

func numbered(partition int32, i int) []byte {
	return fmt.Appendf(nil, "partition %d record %d", partition, i)
}

// seeded is a value that only (seed, n) makes, of a length in [8, 8+spread].
func seeded(seed uint64, n, spread int) []byte {
	x := seed ^ uint64(n)*0x9e3779b97f4a7c15
	value := make([]byte, 8+int(x>>33)%(spread+1))
	for i := range value {
		value[i] = byte(x >> (i % 8 * 8))
	}
	binary.BigEndian.PutUint32(value, uint32(n))
	return value
}

// readAll reads the records [from, to) of a partition, checks that they follow each other, and copies their values.
func readAll(t testing.TB, log Log, partition int32, from, to int64) [][]byte {
	t.Helper()
	ctx := testContext(t)
	reader, err := log.Read(ctx, partition, from)
	if err != nil {
		t.Fatalf("cannot read: %v", err)
	}
	defer reader.Close()
	var values [][]byte
	for next := from; next < to; {
		records, err := reader.Next(ctx)
		if err != nil {
			t.Fatalf("cannot read record %d: %v", next, err)
		}
		if len(records) == 0 {
			t.Fatal("Next returned no record and no error")
		}
		for _, r := range records {
			if r.Offset != next {
				t.Fatalf("got record %d, want %d", r.Offset, next)
			}
			if r.Note != nil && !bytes.Equal(r.Note, noteOn(r.Value)) {
				t.Fatalf("record %d, %q, has the note %q", r.Offset, r.Value, r.Note)
			}
			values = append(values, append([]byte{}, r.Value...))
			next++
		}
	}
	return values
}

func mustRange(t testing.TB, log Log, partition int32) (start, end int64) {
	t.Helper()
	start, end, err := log.Range(testContext(t), partition)
	if err != nil {
		t.Fatalf("cannot ask for the range: %v", err)
	}
	return start, end
}
