package main

import (
	"bufio"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"weir/bench/chart"
)

// curve is one picture: which benchmark it is of, and what of its figures.
type curve struct {
	file      string
	benchmark string // without "Benchmark"
	unit      string // of the figure
	title     string
	x, y      string
	logY      bool
}

var curves = []curve{
	{"ids.png", "IDs", "ns/event", "Cost of an event as ids grow (one partition of 16)", "ids in the partition", "CPU ns per event", false},
	{"memory.png", "Memory", "MB", "Memory of a process with 16 partitions and 1 million counters, as ids grow", "ids in all", "MB", false},
	{"subscriptions.png", "Subscriptions", "ns/event", "Cost of an event as subscriptions grow (one partition)", "subscriptions", "CPU ns per event", false},
	{"counters.png", "CountersPerSubscription", "ns/event", "Cost of an event as counters per subscription grow (100,000 counters in all)", "counters per subscription", "CPU ns per event", false},
	{"partitions.png", "Partitions", "ns/event", "Cost of an event as partitions grow", "partitions", "CPU ns per event", false},
	{"usage.png", "UsageRead", "ns/read", "Usage of a month as its events grow, in process", "events in the period", "ns per read", true},
}

// point is one figure of one benchmark.
type point struct {
	benchmark, line string // line is "" or a variant of the benchmark
	x               float64
	values          map[string]float64 // by unit
	text            string             // as it was said
}

// same reports whether two points are of one size of one benchmark.
func (p *point) same(other point) bool {
	return p.benchmark == other.benchmark && p.line == other.line && p.x == other.x
}

// merge returns the points of earlier runs and of a new one, whose figures count, in the
// order of the curves.
func merge(earlier, found []point) []point {
	all := slices.DeleteFunc(slices.Clone(earlier), func(p point) bool { return slices.ContainsFunc(found, p.same) })
	all = append(all, found...)
	place := func(p point) int {
		return slices.IndexFunc(curves, func(c curve) bool { return c.benchmark == p.benchmark })
	}
	slices.SortStableFunc(all, func(a, b point) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.line, b.line), cmp.Compare(a.x, b.x))
	})
	return all
}

// parse reads the output of `go test -bench`: benchmarks named Name/size or Name/variant/size.
func parse(said string) ([]point, error) {
	var points []point
	for lines := bufio.NewScanner(strings.NewReader(said)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if at := strings.LastIndexByte(name, '-'); at > strings.LastIndexByte(name, '/') { // -GOMAXPROCS
			name = name[:at]
		}
		parts := strings.Split(name, "/")
		p := point{benchmark: parts[0], values: map[string]float64{}, text: lines.Text()}
		if len(parts) == 3 {
			p.line = parts[1]
		}
		var err error
		if p.x, err = strconv.ParseFloat(parts[len(parts)-1], 64); err != nil {
			return nil, fmt.Errorf("cannot read the size of %q", fields[0])
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if p.values[fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
				return nil, fmt.Errorf("cannot read %q", lines.Text())
			}
		}
		points = append(points, p)
	}
	return points, nil
}

// draw draws the curve into dir if there are points of it.
func (c *curve) draw(points []point, dir string) error {
	picture := chart.Chart{Title: c.title, X: c.x, Y: c.y, LogX: true, LogY: c.logY}
	lines := map[string]*chart.Line{}
	for _, p := range points {
		value, ok := p.values[c.unit]
		if p.benchmark != c.benchmark || !ok {
			continue
		}
		if lines[p.line] == nil {
			lines[p.line] = &chart.Line{Name: p.line}
		}
		lines[p.line].Points = append(lines[p.line].Points, chart.Point{X: p.x, Y: value})
	}
	if len(lines) == 0 {
		return nil
	}
	for _, line := range lines {
		picture.Lines = append(picture.Lines, *line)
	}
	return picture.Save(filepath.Join(dir, c.file))
}
