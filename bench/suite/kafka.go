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

// kafka measures the throughput with Kafka as the log, and beside it that of Kafka's own
// producer with records of the size that weir writes.
func (s *suite) kafka(ctx context.Context) error {
	if s.brokers == "" {
		return errors.New("kafka needs -brokers; deploy/kafka/kafka.sh test sets it")
	}
	t := &table{At: time.Now().UTC(), Commit: s.commit, Machine: s.machine}
	r, size, err := s.loadKafka(ctx)
	if err != nil {
		return err
	}
	own, err := s.produce(ctx, size.bytes)
	if err != nil {
		return err
	}
	level := own * size.events / 1000
	t.add(r,
		row{What: "batches of 100, Kafka as the log", Unit: "k/s", Value: kilo(r.CountedPerSecond), Floor: 200, Target: level, Beside: costs(r)},
		row{
			What: "Kafka's own producer, records of the same size", Unit: "k/s", Value: level,
			Beside: fmt.Sprintf("%.0f records/s of %d bytes, which weir fills with %.1f events; acks=all, nothing else on the machine", own, size.bytes, size.events),
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

func (s *suite) loadKafka(ctx context.Context) (r *report.Result, size recordSize, err error) {
	c, err := target.Start(ctx, target.ChildOptions{Binary: s.weir, Env: []string{"WEIR_KAFKA_BROKERS=" + s.brokers}})
	if err != nil {
		return nil, size, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	// A broker that has just started compiles its code first.
	if _, err := s.sendLoad(ctx, s.standard(report.ModeBatch, 100, 2*standardConnections, "probe", 0).of(c, c.API, true)); err != nil {
		return nil, size, err
	}
	before, err := c.CPU()
	if err != nil {
		return nil, size, err
	}
	counted, err := target.ReadMetrics(ctx, c.OpsURL)
	if err != nil {
		return nil, size, err
	}
	r, err = s.sendLoad(ctx, s.standard(report.ModeBatch, 100, 2*standardConnections).of(c, c.API, true))
	if err != nil {
		return nil, size, err
	}
	after, err := c.CPU()
	if err != nil {
		return nil, size, err
	}
	r.Durable = "every event was acknowledged by the one broker there is, which syncs to the disk in its own time"
	r.CPUPerEvent = (after - before) / time.Duration(r.Events) // with the last reading of all usage
	m, err := target.ReadMetrics(ctx, c.OpsURL)
	const recordsName, bytesName = "weir_ingest_log_records_total", "weir_ingest_log_record_bytes_total"
	records := m.Sum(recordsName) - counted.Sum(recordsName)
	if err != nil || records <= 0 {
		return nil, size, errors.Join(err, errors.New("weir's metrics know of no records"))
	}
	size.bytes = int((m.Sum(bytesName) - counted.Sum(bytesName)) / records)
	size.events = float64(r.Events) / records
	return r, size, nil
}

// produce runs Kafka's client as fast as it goes and returns records per second.
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
