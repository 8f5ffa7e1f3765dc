package report

import (
	"fmt"
	"time"
)

// Modes of sending.
const (
	ModeSingle = "single" // POST /events, one event each
	ModeBatch  = "batch"  // POST /events/batch, JSON
	ModeNDJSON = "ndjson" // POST /events/batch, one event a line
)

// Shape is what a load looks like.
type Shape struct {
	Mode          string        `json:"mode"`
	Batch         int           `json:"events_per_request"`
	Rate          int           `json:"events_per_second_scheduled"` // 0: as fast as it goes
	Connections   int           `json:"connections"`                 // of all processes
	Pipeline      int           `json:"requests_under_way_per_connection"`
	Processes     int           `json:"processes"` // that send; 0: the one that also reads and compares
	Duration      time.Duration `json:"duration_ns"`
	Subscriptions int           `json:"subscriptions"`
	Zipf          float64       `json:"zipf"`    // exponent, above 1; 0: uniform
	Repeats       float64       `json:"repeats"` // share of requests sent twice
	Minimal       bool          `json:"prefer_return_minimal"`
	Shed          bool          `json:"refused_requests_are_dropped"`
	ProbeEvery    time.Duration `json:"probe_every_ns"`
	Reads         int           `json:"usage_reads_per_second"` // of random subscriptions
}

// Interval is the time between two requests of the schedule, 0 without one.
func (s *Shape) Interval() time.Duration {
	if s.Rate == 0 {
		return 0
	}
	return time.Duration(int64(time.Second) * int64(s.Batch) / int64(s.Rate))
}

func (s *Shape) String() string {
	load := "as fast as it goes (closed loop, latency from the sending)"
	if s.Rate > 0 {
		load = fmt.Sprintf("%d events/s scheduled (open loop, latency from the schedule)", s.Rate)
	}
	spread := "uniform"
	if s.Zipf > 0 {
		spread = fmt.Sprintf("zipf %g", s.Zipf)
	}
	text := fmt.Sprintf("%s, %d events per request, %s, %d connections of %d processes, %v, %d subscriptions (%s), %g %% of requests sent twice",
		s.Mode, s.Batch, load, s.Connections, s.Processes, s.Duration, s.Subscriptions, spread, 100*s.Repeats)
	if s.Pipeline > 1 {
		text += fmt.Sprintf(", up to %d requests under way on each connection", s.Pipeline)
	}
	if s.Minimal {
		text += ", Prefer: return=minimal"
	}
	if s.Shed {
		text += ", refused requests are not sent again"
	}
	if s.Reads > 0 {
		text += fmt.Sprintf(", %d usages read a second", s.Reads)
	}
	return text
}
