package eventlog

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kinds of requests, as kmsg numbers them.
const (
	produceKey      = 0
	fetchKey        = 1
	offsetCommitKey = 8
)

func openFake(t *testing.T, cluster *kfake.Cluster, opts KafkaOptions) *Kafka {
	t.Helper()
	opts.Brokers = cluster.ListenAddrs()
	log, err := OpenKafka(testContext(t), opts)
	if err != nil {
		t.Fatalf("cannot open: %v", err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// TestKafkaTopic: what the topic is created with, and what is taken of one that exists.
func TestKafkaTopic(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	log := openFake(t, cluster, KafkaOptions{})
	if got := log.Identity().Partitions; got != PartitionsDefault {
		t.Errorf("a new topic has %d partitions, want %d", got, PartitionsDefault)
	}
	info := cluster.TopicInfo(TopicDefault)
	for name, want := range topicConfig() {
		if got := info.Configs[name]; got == nil || *got != *want {
			t.Errorf("setting %s is %v, want %s", name, got, *want)
		}
	}
	if err := cluster.CreateTopic("theirs", 5, nil); err != nil {
		t.Fatal(err)
	}
	if got := openFake(t, cluster, KafkaOptions{Topic: "theirs"}).Identity().Partitions; got != 5 {
		t.Errorf("their topic has %d partitions, want 5", got)
	}
}

// TestKafkaPing: a topic that is deleted and made anew is another log.
func TestKafkaPing(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	log := openFake(t, cluster, KafkaOptions{Partitions: 2})
	if err := log.Ping(testContext(t)); err != nil {
		t.Fatalf("the topic is as it was: %v", err)
	}
	if err := errors.Join(cluster.DeleteTopic(TopicDefault), cluster.CreateTopic(TopicDefault, 2, nil)); err != nil {
		t.Fatal(err)
	}
	if err := log.Ping(testContext(t)); !errors.Is(err, ErrMismatch) {
		t.Fatalf("the topic was made anew: got %v, want ErrMismatch", err)
	}
}

// TestKafkaDeliveryTimeout: brokers that never answer. Each append is answered
// all the same, and those beyond the bound at once.
func TestKafkaDeliveryTimeout(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	log := openFake(t, cluster, KafkaOptions{Partitions: 1, DeliveryTimeout: time.Second, QueueBytesMax: 10_000})
	mustAppend(t, log, 0, []byte("works"))
	cluster.ControlKey(produceKey, func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return nil, errors.New("connection lost"), true
	})
	var answers []<-chan answer
	for range 10 {
		answers = append(answers, appendAsync(log, 0, make([]byte, 1000)))
	}
	if a := wait(t, appendAsync(log, 0, make([]byte, 1000))); !errors.Is(a.err, ErrOverloaded) || a.offset != -1 {
		t.Fatalf("append to a full buffer: %+v, want ErrOverloaded", a)
	}
	for _, c := range answers {
		if a := wait(t, c); a.err == nil {
			t.Fatal("acknowledged by a broker that did not answer")
		}
	}
	cluster.DropControl()
}

// TestKafkaRounds: when a record goes at once, and when it waits for the next round.
func TestKafkaRounds(t *testing.T) {
	t.Parallel()
	q := appendQueue{every: produceEveryMin}
	start := time.Unix(1_700_000_000, 0)
	for _, at := range []struct {
		since time.Duration
		open  bool
	}{
		{0, true}, // the first one ever opens a round
		{lingerMax - 1, true},
		{lingerMax, false},
		{produceEveryMin - 1, false},
		{produceEveryMin, true}, // opens another
		{produceEveryMin + lingerMax - 1, true},
		{produceEveryMin + lingerMax, false},
		{2*produceEveryMin - 1, false},
		{time.Hour, true},
		{time.Hour + lingerMax, false},
	} {
		if got := q.isOpen(start.Add(at.since)); got != at.open {
			t.Errorf("after %v: open %v, want %v", at.since, got, at.open)
		}
	}
}

// TestKafkaWaiting: what waits for the next round is counted, sent when much waits or
// the log is closed, and in the order of its appends.
func TestKafkaWaiting(t *testing.T) {
	t.Parallel()
	log := openFake(t, startFake(t), KafkaOptions{Partitions: 1})
	mustAppend(t, log, 0, []byte("first")) // a producer has its number now
	// No round is open, nor does the next one begin by itself.
	between := func() {
		log.queue.Lock()
		defer log.queue.Unlock()
		log.queue.every = time.Hour
		log.queue.opened = time.Now().Add(-lingerMax)
	}
	waiting := func() int {
		log.queue.Lock()
		defer log.queue.Unlock()
		return len(log.queue.waiting)
	}
	between()
	large := make([]byte, produceBytesReady/2)
	half := appendAsync(log, 0, large)
	if n := waiting(); n != 1 || log.queue.bytes.Load() != int64(len(large)+appendOverheadBytes) {
		t.Fatalf("%d records of %d bytes wait, want the one", n, log.queue.bytes.Load())
	}
	whole := appendAsync(log, 0, large)
	if a, b := wait(t, half), wait(t, whole); a.offset != 1 || b.offset != 2 || a.err != nil || b.err != nil {
		t.Fatalf("when much waited: %+v and %+v, want the offsets 1 and 2", a, b)
	}
	between()
	last := appendAsync(log, 0, []byte("last"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if a := wait(t, last); a.offset != 3 || a.err != nil {
		t.Fatalf("when the log was closed: %+v, want the offset 3", a)
	}
	if n := log.queue.bytes.Load(); n != 0 {
		t.Errorf("%d bytes wait after all is answered", n)
	}
}

// TestKafkaRefused: a broker's refusal is an error, never an acknowledgement.
func TestKafkaRefused(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	registry := prometheus.NewPedanticRegistry()
	log := openFake(t, cluster, KafkaOptions{Partitions: 1, Registerer: registry})
	const topicAuthorizationFailed = 29
	cluster.ControlKey(produceKey, func(req kmsg.Request) (kmsg.Response, error, bool) {
		request := req.(*kmsg.ProduceRequest)
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = partition.Partition, topicAuthorizationFailed
				rt.Partitions = append(rt.Partitions, rp)
			}
			response.Topics = append(response.Topics, rt)
		}
		return response, nil, true
	})
	if a := wait(t, appendAsync(log, 0, []byte("refused"))); a.err == nil || a.offset != -1 {
		t.Fatalf("refused by the broker: %+v", a)
	}
	if offset := mustAppend(t, log, 0, []byte("taken")); offset != 0 {
		t.Fatalf("the first record taken has offset %d", offset)
	}
	want := `
# HELP weir_ingest_log_failures_total Records whose append failed or whose outcome is not known.
# TYPE weir_ingest_log_failures_total counter
weir_ingest_log_failures_total 1
# HELP weir_ingest_log_records_total Records that were made durable in the log.
# TYPE weir_ingest_log_records_total counter
weir_ingest_log_records_total 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "weir_ingest_log_failures_total", "weir_ingest_log_records_total"); err != nil {
		t.Error(err)
	}
}

// TestKafkaLeaderMoves: appending and reading go on while leadership wanders and
// brokers lose their connections; nothing is missing, doubled or out of order.
func TestKafkaLeaderMoves(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	log := openFake(t, cluster, KafkaOptions{Partitions: 1})
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	const n = 300
	var appender sync.WaitGroup
	defer appender.Wait()
	appender.Go(func() {
		for i := range n {
			if i%50 == 25 {
				to := (cluster.LeaderFor(TopicDefault, 0) + 1) % 3
				if err := cluster.MoveTopicPartition(TopicDefault, 0, to); err != nil {
					t.Errorf("cannot move the leader: %v", err)
				}
			}
			a := <-appendAsync(log, 0, numbered(0, i))
			if a.err != nil || a.offset != int64(i) {
				t.Errorf("append %d: %+v", i, a)
			}
		}
	})
	for next := 0; next < n; {
		records, err := reader.Next(testContext(t))
		if err != nil {
			t.Fatalf("reader at %d: %v", next, err)
		}
		for _, r := range records {
			if r.Offset != int64(next) || !bytes.Equal(r.Value, numbered(0, next)) {
				t.Fatalf("got record %d %q, want %d", r.Offset, r.Value, next)
			}
			next++
		}
	}
}

// TestKafkaTrimmedUnderReader: records that are gone before they were read are an
// error that stays, not a jump over them.
func TestKafkaTrimmedUnderReader(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	log := openFake(t, cluster, KafkaOptions{Partitions: 1})
	fill(t, log, 0, 10)
	var trimmed atomic.Bool // until then nothing is fetched: what a reader has fetched it may still hand out
	cluster.ControlKey(fetchKey, func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if trimmed.Load() {
			return nil, nil, false
		}
		return nil, errors.New("connection lost"), true
	})
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := cluster.DeleteRecords(TopicDefault, 0, 5); err != nil {
		t.Fatal(err)
	}
	trimmed.Store(true)
	for range 2 {
		if records, err := reader.Next(testContext(t)); !errors.Is(err, ErrOutOfRange) {
			t.Fatalf("got %v, %v, want ErrOutOfRange", records, err)
		}
	}
	if start, end := mustRange(t, log, 0); start != 5 || end != 10 {
		t.Fatalf("range is [%d, %d], want [5, 10]", start, end)
	}
	if _, err := log.Read(testContext(t), 0, 4); !errors.Is(err, ErrOutOfRange) {
		t.Fatalf("reading below the start: got %v, want ErrOutOfRange", err)
	}
}

// TestKafkaForeignProducer: others write with keys and their own timestamps, and in transactions.
func TestKafkaForeignProducer(t *testing.T) {
	t.Parallel()
	cluster := startFake(t)
	log := openFake(t, cluster, KafkaOptions{Partitions: 1})
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic(TopicDefault), kgo.TransactionalID("theirs"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	produce := func(end kgo.TransactionEndTry, value string) {
		t.Helper()
		record := &kgo.Record{Key: []byte("org/sub"), Value: []byte(value), Timestamp: time.UnixMilli(1_700_000_000_123)}
		err := errors.Join(client.BeginTransaction(), client.ProduceSync(testContext(t), record).FirstErr(), client.EndTransaction(testContext(t), end))
		if err != nil {
			t.Fatal(err)
		}
	}
	produce(kgo.TryAbort, "aborted")
	produce(kgo.TryCommit, "committed")
	reader, err := log.Read(testContext(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	// Offsets: 0 aborted, 1 its marker, 2 committed, 3 its marker.
	var records []Record
	for len(records) < 3 {
		batch, err := reader.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch {
			r.Value = bytes.Clone(r.Value)
			records = append(records, r)
		}
	}
	r := records[1]
	if string(r.Value) != "committed" || string(r.Key) != "org/sub" || r.Time != 1_700_000_000_123_000_000 || r.Offset != 2 || r.Control {
		t.Fatalf("got %d %q %q at %d, control: %v", r.Offset, r.Key, r.Value, r.Time, r.Control)
	}
	for i, offset := range map[int]int64{0: 1, 2: 3} {
		if r := records[i]; r.Offset != offset || !r.Control {
			t.Errorf("got %d %q, control: %v, want the marker at %d", r.Offset, r.Value, r.Control, offset)
		}
	}
	if _, end := mustRange(t, log, 0); end != 4 {
		t.Fatalf("end is %d, want 4, behind the last marker", end)
	}
	id := log.Identity().ID
	if err := Verify(testContext(t), log, 0, Progress{id, 3, Checksum([]byte("committed"))}); err != nil {
		t.Errorf("progress behind the record: %v", err)
	}
	if err := Verify(testContext(t), log, 0, Progress{id, 4, Checksum(records[2].Value)}); err != nil {
		t.Errorf("progress at the end, behind the marker: %v", err)
	}
}

// member follows one Assignor.
type member struct {
	mu      sync.Mutex
	owned   []int32
	changed chan struct{}
	stop    func()
	ended   chan error
}

func join(t *testing.T, log *Kafka) *member {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	m := &member{changed: make(chan struct{}, 64), stop: cancel, ended: make(chan error, 1)}
	change := func(do func()) {
		m.mu.Lock()
		do()
		m.mu.Unlock()
		m.changed <- struct{}{}
	}
	go func() {
		m.ended <- log.Assignor().Run(ctx,
			func(p []int32) { change(func() { m.owned = append(m.owned, p...) }) },
			func(p []int32) {
				change(func() { m.owned = slices.DeleteFunc(m.owned, func(o int32) bool { return slices.Contains(p, o) }) })
			})
	}()
	return m
}

func (m *member) owns() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(slices.Values(m.owned))
}

// await waits until the member owns n partitions.
func (m *member) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.After(patience); len(m.owns()) != n; {
		select {
		case <-m.changed:
		case <-deadline:
			t.Fatalf("owns %v, want %d partitions", m.owns(), n)
		}
	}
}

// TestKafkaAssignorOfNothing: a member that gets no partition is told so.
func TestKafkaAssignorOfNothing(t *testing.T) {
	t.Parallel()
	cluster := startFake(t, kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	a := join(t, openFake(t, cluster, KafkaOptions{Partitions: 1}))
	a.await(t, 1)
	b := join(t, openFake(t, cluster, KafkaOptions{Partitions: 1}))
	select {
	case <-b.changed:
	case <-time.After(patience):
		t.Error("the second member was told nothing")
	}
	if owned := append(a.owns(), b.owns()...); len(owned) != 1 {
		t.Errorf("owned are %v of one partition", owned)
	}
	for _, m := range []*member{a, b} {
		m.stop()
		if err := <-m.ended; err != nil {
			t.Error(err)
		}
	}
}

// TestKafkaAssignor: members share the partitions, each owned once; who leaves
// gives them back; and the group neither fetches nor commits.
func TestKafkaAssignor(t *testing.T) {
	t.Parallel()
	cluster := startFake(t, kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	one := openFake(t, cluster, KafkaOptions{Partitions: 6})
	two := openFake(t, cluster, KafkaOptions{Partitions: 6})
	fill(t, one, 0, 5)
	for _, key := range []int16{fetchKey, offsetCommitKey} {
		cluster.ControlKey(key, func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			t.Errorf("the group sent a request of kind %d", key)
			return nil, nil, false
		})
	}
	a := join(t, one)
	a.await(t, 6)
	b := join(t, two)
	b.await(t, 3)
	a.await(t, 3)
	if all := slices.Sorted(slices.Values(append(a.owns(), b.owns()...))); !slices.Equal(all, []int32{0, 1, 2, 3, 4, 5}) {
		t.Fatalf("owned are %v and %v", a.owns(), b.owns())
	}
	a.stop()
	if err := <-a.ended; err != nil {
		t.Fatalf("leaving the group: %v", err)
	}
	if left := a.owns(); len(left) != 0 {
		t.Fatalf("after Run the partitions %v are still owned", left)
	}
	b.await(t, 6)
	b.stop()
	if err := <-b.ended; err != nil || len(b.owns()) != 0 {
		t.Fatalf("after Run: %v, still owned %v", err, b.owns())
	}
}
