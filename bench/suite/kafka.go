package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"weir/bench/report"
	"weir/bench/target"
)

// producerSource is a program that does what kafka-producer-perf-test does, with Kafka's
// own client; the tool itself is not among a broker's jars.
//
//go:embed Producer.java
var producerSource []byte

// kafkaPartitions is how many partitions weir makes.
const kafkaPartitions = 16

// kafkaBytesMin is how small a record of weir's may be on average, for the comparison to make sense.
const kafkaBytesMin = 16

// kafka measures the throughput with Kafka as the log, and beside it that of Kafka's own
// producer with records of the size that weir writes. A load before these, not measured,
// makes the broker compile its code: after a start it takes more processor time for
// that than for what it does.
func (s *suite) kafka(ctx context.Context) error {
	if s.brokers == "" {
		return errors.New("kafka needs -brokers; deploy/kafka/kafka.sh test sets it")
	}
	t := &table{At: time.Now().UTC(), Commit: s.commit, Machine: s.machine}
	size, err := s.warmKafka(ctx)
	if err != nil {
		return err
	}
	r, broker, err := s.loadKafka(ctx)
	if err != nil {
		return err
	}
	own, err := s.produce(ctx, size.bytes)
	if err != nil {
		return err
	}
	level := own * size.events / 1000
	beside := costs(r)
	if broker > 0 {
		beside = fmt.Sprintf("broker %.2f, %s", micros(broker), beside)
	}
	t.add(r,
		row{What: "batches of 100, Kafka as the log", Unit: "k/s", Value: kilo(r.CountedPerSecond), Floor: 200, Target: level, Beside: beside},
		row{
			What: "ack → visible with Kafka, at saturation, p99", Unit: "ms", Value: millis(r.Visible.P99),
			Beside: fmt.Sprintf("p50 %.1f ms", millis(r.Visible.P50)),
		},
		row{
			What: "Kafka's own producer, records of the same size", Unit: "k/s", Value: level,
			Beside: fmt.Sprintf("%.0f records/s of %d bytes, which weir fills with %.1f events; acks=all, and nobody takes in, reads or counts", own, size.bytes, size.events),
		})
	t.Took = time.Since(t.At)
	text := t.String()
	fmt.Print(text)
	return report.WriteFiles(s.out, "kafka", text, t)
}

// recordSize is what weir's records are like on average.
type recordSize struct {
	bytes  int
	events float64
}

// kafkaLoad is the load that both runs send.
func (s *suite) kafkaLoad(more ...any) arguments {
	return s.standard(report.ModeBatch, 100, 2*standardConnections, more...)
}

// warmKafka sends a load for twice the time of a measured one, and returns what records it made.
func (s *suite) warmKafka(ctx context.Context) (size recordSize, err error) {
	c, err := target.Start(ctx, target.ChildOptions{Binary: s.weir, Env: []string{"WEIR_KAFKA_BROKERS=" + s.brokers, "WEIR_KAFKA_TOPIC=weir-warm"}})
	if err != nil {
		return size, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	r, err := s.sendLoad(ctx, s.kafkaLoad("probe", 0, "duration", 2*s.run).of(c, c.API, true))
	if err != nil {
		return size, err
	}
	m, err := target.ReadMetrics(ctx, c.OpsURL)
	if err != nil {
		return size, err
	}
	records := m.Sum("weir_ingest_log_records_total")
	size.bytes = int(m.Sum("weir_ingest_log_record_bytes_total") / max(1, records))
	if size.bytes < kafkaBytesMin {
		return size, fmt.Errorf("weir's metrics know of %.0f records of %d bytes", records, size.bytes)
	}
	size.events = float64(r.Events) / records
	return size, nil
}

// loadKafka sends the measured load to a weir and a topic of its own. broker is the
// processor time that the broker took for an event; 0 where it is not on this machine.
func (s *suite) loadKafka(ctx context.Context) (r *report.Result, broker time.Duration, err error) {
	before, err := s.brokerCPU()
	if err != nil {
		return nil, 0, err
	}
	r, err = s.sendLoad(ctx, s.kafkaLoad("env", "WEIR_KAFKA_BROKERS="+s.brokers))
	if err != nil {
		return nil, 0, err
	}
	after, err := s.brokerCPU()
	if err != nil {
		return nil, 0, err
	}
	r.Durable = "every event was acknowledged by the one broker there is, which syncs to the disk in its own time"
	return r, (after - before) / time.Duration(max(1, r.Events)), nil
}

func (s *suite) brokerCPU() (time.Duration, error) {
	if s.brokerPID == 0 {
		return 0, nil
	}
	return target.ProcessCPU(s.brokerPID)
}

// produce runs Kafka's client as fast as it goes, for half the time without counting,
// and returns records per second.
func (s *suite) produce(ctx context.Context, recordBytes int) (float64, error) {
	dir, err := os.MkdirTemp("", "weir-suite-")
	if err != nil {
		return 0, fmt.Errorf("cannot make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "Producer.java")
	if err := os.WriteFile(source, producerSource, 0o644); err != nil {
		return 0, fmt.Errorf("cannot write Producer.java: %w", err)
	}
	cmd := exec.CommandContext(ctx, "java", "-cp", filepath.Join(s.kafkaLib, "*"), source,
		s.brokers, "weir-bench", strconv.Itoa(kafkaPartitions), strconv.Itoa(recordBytes), strconv.Itoa(int(s.run.Seconds())))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("cannot run Kafka's producer: %w", err)
	}
	perSecond, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return 0, fmt.Errorf("cannot read what Kafka's producer said: %w", err)
	}
	return perSecond, nil
}
