package report

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	var h, other Histogram
	for i := range 1000 {
		part := &h
		if i%2 == 0 {
			part = &other
		}
		part.Add(time.Duration(i+1) * time.Millisecond)
	}
	h.Merge(&other)
	got := h.Latency()
	if got.Samples != 1000 || got.Max != time.Second {
		t.Errorf("latency is %+v", got)
	}
	for _, c := range []struct{ got, exact time.Duration }{
		{got.P50, 500 * time.Millisecond},
		{got.P90, 900 * time.Millisecond},
		{got.P99, 990 * time.Millisecond},
		{got.P999, 999 * time.Millisecond},
	} {
		if c.got < c.exact || c.got > c.exact+c.exact/32 {
			t.Errorf("percentile is %v, want %v or at most 1/32 more", c.got, c.exact)
		}
	}
	if empty := new(Histogram).Latency(); empty != (Latency{}) {
		t.Errorf("of nothing: %+v", empty)
	}
}

func TestHistogramBuckets(t *testing.T) {
	t.Parallel()
	last := -1
	for _, d := range []time.Duration{0, 1, 63, 64, 65, 66, 127, 128, 131, 132, time.Second, time.Hour, 1<<63 - 1} {
		bucket := bucketOf(d)
		if bucket < last {
			t.Errorf("%d is in bucket %d, below that of a shorter one", d, bucket)
		}
		last = bucket
		upper := upperOf(bucket)
		if upper < d || bucketOf(upper) != bucket || d > 0 && upper-d > d/32 {
			t.Errorf("%d is in bucket %d, up to %d", d, bucket, upper)
		}
	}
}

func TestResultIsWritten(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "results")
	r := &Result{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Shape: Shape{Mode: ModeBatch, Batch: 20}, Events: 7}
	if _, err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	back, err := Read(filepath.Join(dir, "20260102T030405Z-batch-20.json"))
	if err != nil {
		t.Fatal(err)
	}
	if back.Events != 7 || back.Shape.Batch != 20 || !back.At.Equal(r.At) {
		t.Errorf("read back as %+v", back)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "20260102T030405Z-batch-20.txt")); err != nil {
		t.Error(err)
	}
}
