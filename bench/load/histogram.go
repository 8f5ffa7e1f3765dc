package main

import (
	"math/bits"
	"time"
)

// A histogram counts durations in buckets that are at most 1/32 wide of what they
// hold: a percentile is at most 3 % too high.
type histogram struct {
	counts [64 * perOctave]int64
	total  int64
	worst  time.Duration
}

const (
	perOctave     = 32
	perOctaveBits = 5
)

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(max(d, 0))]++
	h.total++
	h.worst = max(h.worst, d)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.worst = max(h.worst, other.worst)
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
func (h *histogram) percentile(thousandths int64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := (h.total*thousandths + 999) / 1000
	seen := int64(0)
	for bucket, n := range h.counts {
		if seen += n; seen >= rank {
			return min(upperOf(bucket), h.worst)
		}
	}
	return h.worst
}

// latency is a histogram as it is reported.
type latency struct {
	Samples int64         `json:"samples"`
	P50     time.Duration `json:"p50_ns"`
	P90     time.Duration `json:"p90_ns"`
	P99     time.Duration `json:"p99_ns"`
	P999    time.Duration `json:"p999_ns"`
	Max     time.Duration `json:"max_ns"`
}

func (h *histogram) latency() latency {
	return latency{h.total, h.percentile(500), h.percentile(900), h.percentile(990), h.percentile(999), h.worst}
}
