package main

import (
	"errors"
	"fmt"
	"slices"

	"weir/bench/report"
)

// verdict says whether a figure stayed flat: the median of a run's last quarter against
// that of its second one. The first is for warming up.
type verdict struct {
	What          string  `json:"what"`
	Second        float64 `json:"second_quarter"`
	Last          float64 `json:"last_quarter"`
	Factor        float64 `json:"factor_allowed"`
	Slack         float64 `json:"slack_allowed"` // that much more is always well
	Flat          bool    `json:"flat"`
	SamplesEnough bool    `json:"samples_enough"`
}

func (v *verdict) String() string {
	word := "flat"
	if !v.SamplesEnough {
		word = "too few samples to judge"
	} else if !v.Flat {
		word = "NOT FLAT"
	}
	return fmt.Sprintf("%-34s %10.1f → %10.1f  %s (at most × %g or + %g)", v.What, v.Second, v.Last, word, v.Factor, v.Slack)
}

// samplesMin is how many samples a quarter must have for a verdict.
const samplesMin = 5

// judge compares the quarters of a soak.
func judge(samples []sample) []verdict {
	kinds := []struct {
		what          string
		factor, slack float64
		of            func(*sample) float64
	}{
		{"memory, MiB", 1.15, 64, func(s *sample) float64 { return mebi(s.MemoryBytes) }},
		{"disk, bytes per event", 1.10, 5, bytesPerEvent},
		{"compaction debt, MiB", 1.5, 256, func(s *sample) float64 { return mebi(s.CompactionDebt) }},
		{"server CPU, ns per event", 1.15, 100, func(s *sample) float64 { return float64(s.CPUPerEvent) }},
		{"ack of a single event, p99 ms", 1.5, 5, latencyOf(func(m *report.Moment) report.Latency { return m.ProbeAck })},
		{"ack → visible, p99 ms", 1.5, 20, latencyOf(func(m *report.Moment) report.Latency { return m.Visible })},
		{"current_usage, p99 ms", 1.5, 2, latencyOf(func(m *report.Moment) report.Latency { return m.Read })},
	}
	quarter := len(samples) / 4
	var verdicts []verdict
	for _, k := range kinds {
		v := verdict{What: k.what, Factor: k.factor, Slack: k.slack}
		second, enough := median(samples[quarter:2*quarter], k.of)
		last, enoughLast := median(samples[len(samples)-quarter:], k.of)
		v.Second, v.Last, v.SamplesEnough = second, last, enough && enoughLast
		v.Flat = last <= max(second*k.factor, second+k.slack)
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// median leaves out samples without the figure.
func median(samples []sample, of func(*sample) float64) (value float64, enough bool) {
	var values []float64
	for i := range samples {
		if v := of(&samples[i]); v > 0 || samples[i].Latencies != nil {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	return values[len(values)/2], len(values) >= samplesMin
}

// notFlat is an error that names what was not flat.
func notFlat(verdicts []verdict) error {
	var faults []error
	for i := range verdicts {
		if v := &verdicts[i]; v.SamplesEnough && !v.Flat {
			faults = append(faults, fmt.Errorf("soak: %s", v))
		}
	}
	return errors.Join(faults...)
}
