package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	said := "goos: linux\nBenchmarkIDs/2000000-2 \t 1\t 0 ns/op\t 1234 ns/event\n" +
		"BenchmarkUsageRead/asked-before/1000 \t 1\t 0 ns/op\t 5.5 ns/read\nPASS\n"
	points, err := parse(said)
	want := []point{
		{"IDs", "", 2_000_000, map[string]float64{"ns/op": 0, "ns/event": 1234}},
		{"UsageRead", "asked-before", 1000, map[string]float64{"ns/op": 0, "ns/read": 5.5}},
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
