package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Result is what one run of bench/load found.
type Result struct {
	At      time.Time `json:"at"`
	Machine Machine   `json:"machine"`
	Shape   Shape     `json:"load"`
	Durable string    `json:"durable"` // what an acknowledgement promised

	Events   int64 `json:"events_acknowledged"`
	Requests int64 `json:"requests"`
	Repeated int64 `json:"requests_repeated"`
	Retries  int64 `json:"retries"`
	Refused  int64 `json:"requests_refused"` // and dropped; 0 unless the shape says so
	Late     int64 `json:"requests_sent_late"`
	Counters int64 `json:"counters"` // (subscription, model, region) that got an event

	Sending  time.Duration `json:"sending_ns"`  // from the first request to the last acknowledgement
	Counting time.Duration `json:"counting_ns"` // from there until everything was counted
	Compared time.Duration `json:"comparing_ns"`
	// TotalsOnly says that the load went to bench/minimal, of which only totals are compared.
	TotalsOnly bool `json:"totals_only"`

	AckedPerSecond   int64 `json:"events_per_second_acknowledged"`
	CountedPerSecond int64 `json:"events_per_second_counted"`

	Ack     Latency `json:"ack"`
	Refusal Latency `json:"refusal"` // of requests that were refused and dropped
	Visible Latency `json:"ack_to_visible"`
	// ProbeAck is of single events sent beside the load.
	ProbeAck Latency `json:"probe_ack"`
	// Read is of current usage, over HTTP, from when the reading was due.
	Read Latency `json:"usage_read"`

	RepeatsSent    int64 `json:"repeated_events_sent"`
	RepeatsCounted int64 `json:"repeated_events_counted"` // -1: not known, the server's metrics were not read

	CPUPerEvent       time.Duration `json:"server_cpu_per_event_ns"` // 0: not our child
	CPU               time.Duration `json:"server_cpu_ns"`           // from the first request until everything was counted
	GeneratorPerEvent time.Duration `json:"generator_cpu_per_event_ns"`
	GeneratorCPU      time.Duration `json:"generator_cpu_ns"` // of the processes that send
	MemoryBytes       int64         `json:"server_memory_bytes_max"`
	LogDisk           Disk          `json:"log_disk"`
	StoreDisk         Disk          `json:"store_disk"`
}

// Moment is a line of a run's series: what probes and readings took since the one before.
type Moment struct {
	At       time.Time `json:"at"`
	ProbeAck Latency   `json:"probe_ack"`
	Visible  Latency   `json:"ack_to_visible"`
	Read     Latency   `json:"usage_read"`
}

// Disk is what a directory takes, after the load has settled.
type Disk struct {
	Bytes       int64 `json:"bytes"`        // blocks that files occupy
	TableBytes  int64 `json:"table_bytes"`  // of these, sorted tables and their blobs; the rest is write-ahead logs and the like
	SettleTime  int64 `json:"settle_ns"`    // waited for after everything was counted, and weir started anew
	SettledFull bool  `json:"settled_full"` // it had stopped changing
}

// PerEvent returns the directory's bytes by event, in all and of tables.
func (d Disk) PerEvent(events int64) (all, tables float64) {
	if events == 0 {
		return 0, 0
	}
	return float64(d.Bytes) / float64(events), float64(d.TableBytes) / float64(events)
}

// PerSecond is how many a second that is.
func PerSecond(events int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(events) / took.Seconds())
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (r *Result) String() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-16s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("at", "%s", r.At.UTC().Format(time.RFC3339))
	line("machine", "%s", r.Machine)
	line("load", "%s; %d counters", &r.Shape, r.Counters)
	line("durable", "%s", r.Durable)
	line("acknowledged", "%d events in %d requests in %.2f s: %d events/s",
		r.Events, r.Requests, r.Sending.Seconds(), r.AckedPerSecond)
	line("counted", "all of them, %.2f s after the last acknowledgement: %d events/s", r.Counting.Seconds(), r.CountedPerSecond)
	compared := fmt.Sprintf("events and sums of every subscription, charge and filter are equal (%d usages read in %.1f s)", r.Shape.Subscriptions, r.Compared.Seconds())
	if r.TotalsOnly {
		compared = "events, their sum and the number of counters are equal"
	}
	line("reconciled", "%s; %s; %d requests sent again for want of an answer", compared, r.repeats(), r.Retries)
	line("ack", "%s", r.Ack)
	if r.Refused > 0 {
		line("refused", "%d requests, which were dropped; refusals took %s", r.Refused, r.Refusal)
	}
	if r.Shape.Rate > 0 {
		line("sent late", "%d of %d requests, more than 1 ms after they were due", r.Late, r.Requests)
	}
	if r.Visible.Samples > 0 {
		line("ack→visible", "%s", r.Visible)
		line("probe ack", "%s", r.ProbeAck)
	}
	if r.Read.Samples > 0 {
		line("usage read", "%s", r.Read)
	}
	line("generator", "%.2f µs of CPU per event, %.2f s in all", micros(r.GeneratorPerEvent), r.GeneratorCPU.Seconds())
	if r.CPU > 0 {
		line("server", "%.2f µs of CPU per event until all was counted, %.2f s in all, with its answers to probes and readings, without PostgreSQL; %d MiB of memory at most",
			micros(r.CPUPerEvent), r.CPU.Seconds(), r.MemoryBytes>>20)
	}
	if r.LogDisk.Bytes > 0 {
		for _, d := range []struct {
			name string
			disk Disk
		}{{"log on disk", r.LogDisk}, {"store on disk", r.StoreDisk}} {
			all, tables := d.disk.PerEvent(r.Events)
			line(d.name, "%.0f bytes per event, %.0f of them in tables, after a restart and %.0f s of rest (settled: %t)",
				all, tables, time.Duration(d.disk.SettleTime).Seconds(), d.disk.SettledFull)
		}
	}
	return b.String()
}

func (r *Result) repeats() string {
	if r.RepeatsCounted < 0 {
		return fmt.Sprintf("%d events were sent twice", r.RepeatsSent)
	}
	return fmt.Sprintf("%d events were sent twice and %d counted as repeats", r.RepeatsSent, r.RepeatsCounted)
}

// Write keeps the result under dir, as text and JSON, named by its time and shape.
// It returns the path of the text.
func (r *Result) Write(dir string) (string, error) {
	name := fmt.Sprintf("%s-%s-%d", r.At.UTC().Format("20060102T150405Z"), r.Shape.Mode, r.Shape.Batch)
	return filepath.Join(dir, name+".txt"), WriteFiles(dir, name, r.String(), r)
}

// WriteFiles writes dir/name.txt and dir/name.json; the directory is made.
func WriteFiles(dir, name, text string, object any) error {
	body, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	base := filepath.Join(dir, name)
	if err := os.WriteFile(base+".json", append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	if err := os.WriteFile(base+".txt", []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	return nil
}

// Read reads a result that Write, or bench/load -json, wrote.
func Read(path string) (*Result, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read result: %w", err)
	}
	r := &Result{}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("cannot read result %s: %w", path, err)
	}
	return r, nil
}

// WriteJSON writes an object to a file.
func WriteJSON(path string, object any) error {
	body, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write result: %w", err)
	}
	return nil
}
