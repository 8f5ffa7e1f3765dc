package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/bench/chart"
	"weir/bench/report"
	"weir/bench/target"
)

// The shares of an hour's run, and how it samples.
const (
	soakShare      = 0.70 // of measured capacity
	soakReads      = 100  // a second
	sampleEvery    = 10 * time.Second
	besideTheSoak  = 3 * time.Minute // for what is measured before and after it
	soakMin        = 30 * time.Second
	overloadFactor = 5
)

// full is what an hour found.
type full struct {
	At       time.Time      `json:"at"`
	Commit   string         `json:"commit"`
	Machine  report.Machine `json:"machine"`
	Capacity int64          `json:"capacity_events_per_second"`

	Soak     *report.Result `json:"soak"`
	Samples  []sample       `json:"samples"`
	Verdicts []verdict      `json:"flatness"`
	Overload *report.Result `json:"overload"`
	// Neighbours are without and with limits.
	Neighbours []*neighbours `json:"neighbours"`
	durable    string
}

// full measures capacity, soaks at 70 % of it, and then overloads.
func (s *suite) full(ctx context.Context) error {
	f := &full{At: time.Now().UTC(), Commit: s.commit, Machine: s.machine}
	capacity, err := s.sendLoad(ctx, s.standard(report.ModeBatch, 100, standardConnections, "duration", s.run+s.run/2))
	if err != nil {
		return err
	}
	f.Capacity, f.durable = capacity.CountedPerSecond, capacity.Durable
	var failed error
	for _, measure := range []func(context.Context, *full) error{s.soak, s.overload, s.neighbour} {
		failed = errors.Join(failed, measure(ctx, f))
		if ctx.Err() != nil {
			return failed
		}
	}
	text := f.String()
	if failed != nil {
		text += "\nFAILED: " + failed.Error() + "\n"
	}
	fmt.Print(text)
	return errors.Join(failed, report.WriteFiles(s.out, "full", text, f))
}

func (s *suite) soak(ctx context.Context, f *full) (err error) {
	if s.duration == 0 {
		return nil
	}
	c, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	sampling, stop := context.WithCancel(ctx)
	defer stop()
	sampled := make(chan error, 1)
	go func() { sampled <- f.sampleUntil(sampling, c) }()

	series := filepath.Join(c.Dir, "series")
	length := max(soakMin, s.duration-besideTheSoak)
	f.Soak, err = s.sendLoad(ctx, s.standard(report.ModeBatch, 100, 2*standardConnections,
		"rate", int(soakShare*float64(f.Capacity)), "reads", soakReads, "duration", length,
		"series", series, "every", sampleEvery).of(c, c.API, true))
	stop()
	if err := errors.Join(err, <-sampled); err != nil {
		return fmt.Errorf("soak: %w", err)
	}
	f.Soak.Durable = f.durable
	if err := f.addSeries(series); err != nil {
		return err
	}
	f.Verdicts = judge(f.Samples)
	if err := s.drawSoak(f); err != nil {
		return err
	}
	return notFlat(f.Verdicts)
}

// sample is the state of a weir at one moment of a soak.
type sample struct {
	Seconds           float64        `json:"seconds"`
	MemoryBytes       int64          `json:"memory_bytes"`
	LogBytes          int64          `json:"log_bytes"`
	StoreBytes        int64          `json:"store_bytes"`
	Events            int64          `json:"events_counted"`
	CompactionDebt    int64          `json:"compaction_debt_bytes"`
	Tables            int64          `json:"tables"`
	CPUPerEvent       time.Duration  `json:"cpu_per_event_ns"` // since the sample before
	Lag               int64          `json:"lag_events"`
	ReadAmplification int64          `json:"read_amplification"`
	Latencies         *report.Moment `json:"latencies"` // nil: none were told for this moment
	at                time.Time
	cpu               time.Duration
}

func (f *full) sampleUntil(ctx context.Context, c *target.Child) error {
	started := time.Now()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := takeSample(ctx, c, started)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot sample: %w", err)
		}
		if n := len(f.Samples); n > 0 && now.Events > f.Samples[n-1].Events {
			now.CPUPerEvent = (now.cpu - f.Samples[n-1].cpu) / time.Duration(now.Events-f.Samples[n-1].Events)
		}
		f.Samples = append(f.Samples, now)
	}
}

func takeSample(ctx context.Context, c *target.Child, started time.Time) (s sample, err error) {
	s.at = time.Now()
	s.Seconds = s.at.Sub(started).Seconds()
	m, err := target.ReadMetrics(ctx, c.OpsURL)
	if err != nil {
		return s, err
	}
	s.Events = int64(m.Sum("weir_aggregator_events_total"))
	s.CompactionDebt = int64(m.Sum("weir_aggregator_store_compaction_debt_bytes"))
	s.Tables = int64(m.Sum("weir_aggregator_store_tables"))
	s.ReadAmplification = int64(m.Sum("weir_aggregator_store_read_amplification"))
	s.Lag = int64(m.Sum("weir_aggregator_lag_events"))
	if s.MemoryBytes, err = c.MemoryNow(); err != nil {
		return s, err
	}
	if s.cpu, err = c.CPU(); err != nil {
		return s, err
	}
	log, store, err := c.Disk()
	s.LogBytes, s.StoreBytes = log.Bytes, store.Bytes
	return s, err
}

// addSeries gives every sample the latencies that bench/load told around its time.
func (f *full) addSeries(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read series: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		m := &report.Moment{}
		if err := json.Unmarshal(lines.Bytes(), m); err != nil {
			return fmt.Errorf("cannot read series: %w", err)
		}
		for i := range f.Samples {
			if d := f.Samples[i].at.Sub(m.At); d.Abs() <= sampleEvery/2 {
				f.Samples[i].Latencies = m
			}
		}
	}
	return lines.Err()
}

func (s *suite) drawSoak(f *full) error {
	lines := map[string]func(*sample) float64{
		"memory, MiB":                   func(s *sample) float64 { return mebi(s.MemoryBytes) },
		"log and store, bytes/event":    bytesPerEvent,
		"compaction debt, MiB":          func(s *sample) float64 { return mebi(s.CompactionDebt) },
		"server CPU, ns/event":          func(s *sample) float64 { return float64(s.CPUPerEvent) },
		"ack of a single event, p99 ms": latencyOf(func(m *report.Moment) report.Latency { return m.ProbeAck }),
		"ack → visible, p99 ms":         latencyOf(func(m *report.Moment) report.Latency { return m.Visible }),
		"current_usage, p99 ms":         latencyOf(func(m *report.Moment) report.Latency { return m.Read }),
	}
	p := chart.Chart{Title: fmt.Sprintf("Soak at %d events/s, weir %s", f.Soak.Shape.Rate, f.Commit), X: "seconds", Y: "see the legend", LogY: true}
	for name, of := range lines {
		line := chart.Line{Name: name}
		for i := range f.Samples {
			if y := of(&f.Samples[i]); y > 0 {
				line.Points = append(line.Points, chart.Point{X: f.Samples[i].Seconds, Y: y})
			}
		}
		p.Lines = append(p.Lines, line)
	}
	return p.Save(filepath.Join(s.out, "soak.png"))
}

func bytesPerEvent(s *sample) float64 {
	if s.Events == 0 {
		return 0
	}
	return float64(s.LogBytes+s.StoreBytes) / float64(s.Events)
}

// latencyOf returns the 99th percentile of one kind, 0 where there is none.
func latencyOf(kind func(*report.Moment) report.Latency) func(*sample) float64 {
	return func(s *sample) float64 {
		if s.Latencies == nil {
			return 0
		}
		return millis(kind(s.Latencies).P99)
	}
}

func (f *full) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "weir %s, %s\n%s\ncapacity: %d events/s in batches of 100\n", f.Commit, f.At.Format(time.RFC3339), f.Machine, f.Capacity)
	if f.Soak != nil {
		fmt.Fprintf(&b, "\nSoak\n\n%s\n", f.Soak)
		for i := range f.Verdicts {
			fmt.Fprintln(&b, &f.Verdicts[i])
		}
	}
	if f.Overload != nil {
		fmt.Fprintf(&b, "\nOverload\n\n%s%s\n", f.Overload, offered(f.Overload, f.Capacity))
	}
	for _, n := range f.Neighbours {
		fmt.Fprintf(&b, "\nNoisy neighbour, %s", n)
	}
	return b.String()
}
