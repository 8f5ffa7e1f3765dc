package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// result is what one run found.
type result struct {
	At      time.Time `json:"at"`
	Machine machine   `json:"machine"`
	Shape   shape     `json:"load"`

	Events   int64 `json:"events_acknowledged"`
	Requests int64 `json:"requests"`
	Repeated int64 `json:"requests_repeated"`
	Retries  int64 `json:"retries"`
	Late     int64 `json:"requests_sent_late"`

	Sending  time.Duration `json:"sending_ns"`  // from the first request to the last acknowledgement
	Counting time.Duration `json:"counting_ns"` // from there until all usage was read and equal

	AckedPerSecond   int64 `json:"events_per_second_acknowledged"`
	CountedPerSecond int64 `json:"events_per_second_counted"`

	Ack     latency `json:"ack"`
	Visible latency `json:"ack_to_visible"`
	// ProbeAck is of single events sent beside the load.
	ProbeAck latency `json:"probe_ack"`
	// Read is of current usage, over HTTP, from when the reading was due.
	Read latency `json:"usage_read"`

	CPUPerEvent time.Duration `json:"server_cpu_per_event_ns"` // 0: not our child
	CPU         time.Duration `json:"server_cpu_ns"`
	MemoryBytes int64         `json:"server_memory_bytes_max"`
}

// perSecond is how many events a second that is.
func perSecond(events int64, took time.Duration) int64 {
	return int64(float64(events) / took.Seconds())
}

func (r *result) String() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-16s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("at", "%s", r.At.UTC().Format(time.RFC3339))
	line("machine", "%s", r.Machine)
	line("load", "%s", &r.Shape)
	line("acknowledged", "%d events in %d requests in %.2f s: %d events/s",
		r.Events, r.Requests, r.Sending.Seconds(), r.AckedPerSecond)
	line("counted", "all of them, %.2f s after the last acknowledgement (%d usages read and compared): %d events/s",
		r.Counting.Seconds(), r.Shape.Subscriptions, r.CountedPerSecond)
	line("reconciled", "events and sums of every subscription are equal; %d requests were sent twice, %d sent again for want of an answer",
		r.Repeated, r.Retries)
	line("ack", "%s", r.Ack)
	if r.Shape.Rate > 0 {
		line("sent late", "%d of %d requests, more than %v after they were due", r.Late, r.Requests, lateness)
	}
	if r.Visible.Samples > 0 {
		line("ack→visible", "%s (looked at every %v)", r.Visible, probePoll)
		line("probe ack", "%s", r.ProbeAck)
	}
	if r.Read.Samples > 0 {
		line("usage read", "%s", r.Read)
	}
	if r.CPU > 0 {
		line("server", "%.2f µs of CPU per event, %.2f s in all, with its answers to probes and to the last reading, without PostgreSQL; %d MiB of memory at most",
			float64(r.CPUPerEvent)/float64(time.Microsecond), r.CPU.Seconds(), r.MemoryBytes>>20)
	}
	return b.String()
}

func (l latency) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
	return fmt.Sprintf("p50 %s  p90 %s  p99 %s  p99.9 %s  max %s ms, %d samples",
		ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max), l.Samples)
}

// write keeps the result under dir, as text and JSON.
func (r *result) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%s-%d", r.At.UTC().Format("20060102T150405Z"), r.Shape.Mode, r.Shape.Batch))
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	if err := os.WriteFile(base+".json", append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	if err := os.WriteFile(base+".txt", []byte(r.String()), 0o644); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	fmt.Printf("\nwritten to %s.txt and .json\n", base)
	return nil
}
