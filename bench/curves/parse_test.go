package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	said := "goos: linux\nBenchmarkIDs/2000000-2 \t 1\t 0 ns/op\t 1234 ns/event\n" +
		"BenchmarkUsageRead/asked-before/1000 \t 1\t 0 ns/op\t 5.5 ns/read\nPASS\n"
	points, err := parse(said)
	want := []point{
		{"IDs", "", 2_000_000, map[string]float64{"ns/op": 0, "ns/event": 1234}, "BenchmarkIDs/2000000-2 \t 1\t 0 ns/op\t 1234 ns/event"},
		{"UsageRead", "asked-before", 1000, map[string]float64{"ns/op": 0, "ns/read": 5.5}, "BenchmarkUsageRead/asked-before/1000 \t 1\t 0 ns/op\t 5.5 ns/read"},
	}
	if err != nil || !reflect.DeepEqual(points, want) {
		t.Errorf("points are %+v, %v", points, err)
	}
	dir := t.TempDir()
	for _, c := range curves {
		if err := c.draw(points, dir); err != nil {
			t.Error(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("%d files are drawn, want those of two benchmarks: %v", len(files), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "usage.png")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"BenchmarkIDs/x-2 1 0 ns/op", "BenchmarkIDs/1-2 1 x ns/op"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestMerge: a point that is measured again takes the earlier one's place, and all are in
// the order of the curves and of their sizes.
func TestMerge(t *testing.T) {
	t.Parallel()
	of := func(benchmark, line string, x float64, text string) point {
		return point{benchmark: benchmark, line: line, x: x, text: text}
	}
	earlier := []point{of("UsageRead", "first-time", 1000, "a"), of("IDs", "", 5, "b"), of("IDs", "", 2, "c")}
	found := []point{of("IDs", "", 3, "d"), of("IDs", "", 5, "e"), of("UsageRead", "asked-before", 1000, "f")}
	got := ""
	for _, p := range merge(earlier, found) {
		got += p.text
	}
	if got != "cdefa" {
		t.Errorf("points are %q, want cdefa", got)
	}
}

// TestKeep: what one run leaves, another adds to.
func TestKeep(t *testing.T) {
	t.Parallel()
	o := options{out: t.TempDir(), commit: "c"}
	for _, said := range []string{
		"BenchmarkIDs/2000000 1 0 ns/op 1234 ns/event", "BenchmarkIDs/1000000 1 0 ns/op 1000 ns/event", "BenchmarkIDs/2000000 1 0 ns/op 999 ns/event",
	} {
		points, err := parse(said)
		if err == nil {
			err = o.keep(points)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(o.out, o.commit, resultName))
	want := "\n\nBenchmarkIDs/1000000 1 0 ns/op 1000 ns/event\nBenchmarkIDs/2000000 1 0 ns/op 999 ns/event\n"
	if err != nil || !strings.HasSuffix(string(text), want) {
		t.Errorf("kept is %q, %v; want it to end in %q", text, err, want)
	}
}
