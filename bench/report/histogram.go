package report

import (
	"fmt"
	"math/bits"
	"time"
)

// A Histogram counts durations in buckets that are at most 1/32 wide of what they
// hold: a percentile is at most 3 % too high. The zero value is empty. It is used by
// one goroutine at a time; its fields are exported so that it travels between
// processes.
type Histogram struct {
	Counts []int64 // by bucket; nil while empty
	Total  int64
	Worst  time.Duration
}

const (
	perOctave     = 32
	perOctaveBits = 5
	buckets       = 64 * perOctave
)

// Add counts a duration; one below zero counts as zero.
func (h *Histogram) Add(d time.Duration) {
	if h.Counts == nil {
		h.Counts = make([]int64, buckets)
	}
	h.Counts[bucketOf(max(d, 0))]++
	h.Total++
	h.Worst = max(h.Worst, d)
}

// Merge adds what other counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.Total == 0 {
		return
	}
	if h.Counts == nil {
		h.Counts = make([]int64, buckets)
	}
	for i, n := range other.Counts {
		h.Counts[i] += n
	}
	h.Total += other.Total
	h.Worst = max(h.Worst, other.Worst)
}

// bucketOf returns the bucket of a duration: itself below 64 ns, else its highest
// bit and the five bits after it.
func bucketOf(d time.Duration) int {
	n := uint64(d)
	if n < 2*perOctave {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - perOctaveBits
	return shift*perOctave + int(n>>shift)
}

// upperOf returns the largest duration of a bucket.
func upperOf(bucket int) time.Duration {
	if bucket < 2*perOctave {
		return time.Duration(bucket)
	}
	shift := bucket/perOctave - 1
	return time.Duration((uint64(bucket%perOctave+perOctave)+1)<<shift - 1)
}

// percentile returns a duration that the given share of all is not above, in
// thousandths: 990 is the 99th percentile.
func (h *Histogram) percentile(thousandths int64) time.Duration {
	if h.Total == 0 {
		return 0
	}
	rank := (h.Total*thousandths + 999) / 1000
	seen := int64(0)
	for bucket, n := range h.Counts {
		if seen += n; seen >= rank {
			return min(upperOf(bucket), h.Worst)
		}
	}
	return h.Worst
}

// Latency is a histogram as it is reported.
type Latency struct {
	Samples int64         `json:"samples"`
	P50     time.Duration `json:"p50_ns"`
	P90     time.Duration `json:"p90_ns"`
	P99     time.Duration `json:"p99_ns"`
	P999    time.Duration `json:"p999_ns"`
	Max     time.Duration `json:"max_ns"`
}

// Latency returns the histogram's percentiles.
func (h *Histogram) Latency() Latency {
	return Latency{h.Total, h.percentile(500), h.percentile(900), h.percentile(990), h.percentile(999), h.Worst}
}

func (l Latency) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
	return fmt.Sprintf("p50 %s  p90 %s  p99 %s  p99.9 %s  max %s ms, %d samples",
		ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max), l.Samples)
}
