package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/bench/trace"
	"weir/billing/postgres/pgtest"
	"weir/ingest/eventlog"
)

// The tests in this file and in kafka_test.go need a real Apache Kafka:
// deploy/kafka/kafka.sh test starts one and says where it is.

// kafkaBrokers returns where Kafka is, or skips the test: make test needs none.
func kafkaBrokers(t *testing.T) string {
	t.Helper()
	brokers := os.Getenv("WEIR_TEST_KAFKA_BROKERS")
	if brokers == "" {
		t.Skip("SKIPPED: WEIR_TEST_KAFKA_BROKERS is not set; make test-kafka starts a Kafka and runs this")
	}
	return brokers
}

const rolesKey = "roles-test-key"

// installation is what the processes of one installation share: a topic and a
// group of the test's own on Kafka, and a database of its own.
type installation struct {
	t                               *testing.T
	brokers, topic, group, database string
}

func newInstallation(t *testing.T, brokers string) *installation {
	t.Helper()
	id := uuid.NewString()
	return &installation{t: t, brokers: brokers, topic: "weir-test-" + id, group: "weir-test-" + id, database: pgtest.URL(t)}
}

// settings are those of every process.
func (i *installation) settings(more ...string) []string {
	return append([]string{
		"WEIR_KAFKA_BROKERS=" + i.brokers, "WEIR_KAFKA_TOPIC=" + i.topic, "WEIR_KAFKA_GROUP=" + i.group,
		"WEIR_DATABASE_URL=" + i.database, "WEIR_API_KEY=" + rolesKey, "WEIR_SANDBOX=true",
	}, more...)
}

// start starts a process of the installation.
func (i *installation) start(role string, more ...string) *weir {
	i.t.Helper()
	return start(i.t, role, i.settings(more...)...)
}

// log opens the installation's log beside the processes.
func (i *installation) log() *eventlog.Kafka {
	i.t.Helper()
	log, err := eventlog.OpenKafka(i.t.Context(), eventlog.KafkaOptions{Brokers: strings.Split(i.brokers, ","), Topic: i.topic, Group: i.group})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { log.Close() }) // it wrote nothing
	return log
}

// series returns the values of a metric by its one label.
func (w *weir) series(metric string) map[string]float64 {
	w.t.Helper()
	res, err := http.Get(w.ops + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), metric+"{")
		if !ok {
			continue
		}
		_, rest, _ = strings.Cut(rest, `="`)
		label, number, ok := strings.Cut(rest, `"} `)
		value, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil {
			w.t.Fatalf("metric line %q is not understood: %v", lines.Text(), err)
		}
		values[label] = value
	}
	return values
}

// resumed returns, for each partition that an aggregator owns, the offset where
// its reading began.
func (w *weir) resumed() map[int32]int64 {
	w.t.Helper()
	offsets := map[int32]int64{}
	for label, offset := range w.series("weir_aggregator_resume_offset") {
		partition, err := strconv.ParseInt(label, 10, 32)
		if err != nil {
			w.t.Fatal(err)
		}
		offsets[int32(partition)] = int64(offset)
	}
	return offsets
}

// awaitOwned waits until the aggregators read so many partitions each.
func awaitOwned(t *testing.T, n int, aggregators ...*weir) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		for i, w := range aggregators {
			if owned := len(w.resumed()); owned != n {
				return fmt.Errorf("aggregator %d reads %d partitions, not %d", i, owned, n)
			}
		}
		return nil
	})
}

// split is an installation with every role in processes of its own.
type split struct {
	*installation
	ingest, api, biller *weir
	aggregators         [2]*weir
	dirs                [2]string // of the aggregators
}

// newSplit starts the roles and waits until both aggregators have their half.
func newSplit(t *testing.T, brokers string) *split {
	t.Helper()
	s := &split{installation: newInstallation(t, brokers)}
	s.api = s.start("api") // makes the organization
	s.api.waitReady()
	s.ingest, s.biller = s.start("ingest"), s.start("biller")
	for i := range s.aggregators {
		s.dirs[i] = testDir(t)
		s.aggregators[i] = s.startAggregator(i)
	}
	for _, w := range []*weir{s.ingest, s.biller, s.aggregators[0], s.aggregators[1]} {
		w.waitReady()
	}
	awaitOwned(t, eventlog.PartitionsDefault/2, s.aggregators[:]...)
	return s
}

func (s *split) startAggregator(i int) *weir {
	s.t.Helper()
	return s.start("aggregator", "WEIR_DATA_DIR="+s.dirs[i])
}

func (s *split) client() *client {
	c := newClient(s.api.url, rolesKey)
	c.ingest = s.ingest.url
	return c
}

// TestRolesWalk: the roles in processes of their own pass the same walk as weir
// all, although one aggregator is killed in the middle: the other gets its
// partitions and rebuilds them from the log.
func TestRolesWalk(t *testing.T) {
	t.Parallel()
	s := newSplit(t, kafkaBrokers(t))
	killed, survivor := s.aggregators[0], s.aggregators[1]
	walk(t, s.client(), func() { killAggregator(t, s, killed, survivor) })
	awaitOwned(t, eventlog.PartitionsDefault, survivor)
	for _, w := range []*weir{s.ingest, s.biller, s.api, survivor} {
		w.stop()
	}
}

// TestRolesReturn: an aggregator that was killed comes back when it is needed
// most, and passes the walk on what its disk still holds: half of the partitions,
// at checkpoints that others have read past long ago.
func TestRolesReturn(t *testing.T) {
	t.Parallel()
	s := newSplit(t, kafkaBrokers(t))
	killed, survivor := s.aggregators[0], s.aggregators[1]
	walk(t, s.client(), func() {
		had := killed.resumed()
		eventually(t, 30*time.Second, func() error {
			if killed.metrics()["weir_aggregator_checkpoints_total"] == 0 {
				return errors.New("no checkpoint is written yet")
			}
			return nil
		})
		killAggregator(t, s, killed, survivor)
		survivor.stop()
		returned := s.startAggregator(0)
		returned.waitReady()
		awaitOwned(t, eventlog.PartitionsDefault, returned)
		behind := 0
		for partition, from := range returned.resumed() {
			switch _, hadIt := had[partition]; {
			case from > 0 && hadIt:
				behind++
			case from > 0:
				t.Errorf("partition %d resumes at %d, and was never here", partition, from)
			}
		}
		if behind == 0 {
			t.Error("every partition is read from 0: no checkpoint was used")
		}
	})
}

// killAggregator kills one of two aggregators when half of the trace was sent,
// and checks that the other takes all partitions, reads those that are new to it
// from the beginning of the log, and counts every event once.
func killAggregator(t *testing.T, s *split, killed, survivor *weir) {
	t.Helper()
	before := survivor.resumed()
	replayed := survivor.metrics()["weir_aggregator_replayed_records_total"]
	killed.kill()
	awaitOwned(t, eventlog.PartitionsDefault, survivor)

	// Nobody sends: what is in the log is what the survivor had to replay.
	log := s.log()
	var want int64
	for partition, from := range survivor.resumed() {
		if _, had := before[partition]; had {
			continue
		}
		if from != 0 {
			t.Errorf("partition %d, new to the survivor, is read from offset %d, not from 0", partition, from)
		}
		_, end, err := log.Range(t.Context(), partition)
		if err != nil {
			t.Fatal(err)
		}
		want += end
	}
	after := survivor.metrics()
	if got := after["weir_aggregator_replayed_records_total"] - replayed; int64(got) != want || want == 0 {
		t.Errorf("the survivor replayed %v records; the partitions it took have %d", got, want)
	}
	const half = 3 * trace.Requests / 2
	eventually(t, 30*time.Second, func() error {
		if got := survivor.metrics()["weir_aggregator_events_total"]; got != half {
			return fmt.Errorf("the survivor counted %v events; sent were %d", got, half)
		}
		return nil
	})
}

// TestRolesAllOnKafka: weir all passes the walk with Kafka as its log.
func TestRolesAllOnKafka(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	c, _ := inProcess(t, "--sandbox", "--kafka-brokers="+kafkaBrokers(t), "--kafka-topic=weir-test-"+id, "--kafka-group=weir-test-"+id)
	walk(t, c, func() {})
}

// TestRolesNeedShared: a role of its own does not start on a log or a database
// that no other process could reach, and says what it needs.
func TestRolesNeedShared(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"ingest", "aggregator", "api", "biller"} {
		w := start(t, role, "WEIR_DATA_DIR="+testDir(t))
		select {
		case <-w.exited:
		case <-time.After(time.Minute):
			t.Fatalf("weir %s runs without Kafka and a database", role)
		}
		if code, said := w.cmd.ProcessState.ExitCode(), w.output.String(); code != exitFailure || !strings.Contains(said, "WEIR_KAFKA_BROKERS and WEIR_DATABASE_URL") {
			t.Errorf("weir %s ended with %d and said %q", role, code, said)
		}
	}
}
