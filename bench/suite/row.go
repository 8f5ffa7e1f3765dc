package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table: a figure with its unit, and what it should be.
type row struct {
	What   string  `json:"what"`
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"`
	Floor  float64 `json:"floor"`  // 0: there is none
	Target float64 `json:"target"` // 0: there is none
	// Less says that less is better.
	Less   bool   `json:"less_is_better"`
	Beside string `json:"beside"` // other figures of the same measurement
}

// verdict says where the figure stands.
func (r *row) verdict() string {
	met := func(bound float64) bool {
		return r.Less && r.Value <= bound || !r.Less && r.Value >= bound
	}
	switch {
	case r.Floor == 0 && r.Target == 0:
		return ""
	case met(r.Target):
		return "target met"
	case met(r.Floor):
		return "floor met"
	}
	return "BELOW THE FLOOR"
}

// number formats a figure with as many digits as it deserves.
func number(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// render lays rows out as a table.
func render(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\tfloor\ttarget\t\tbeside")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\n", r.What, number(r.Value), r.Unit, number(r.Floor), number(r.Target), r.verdict(), r.Beside)
	}
	if err := w.Flush(); err != nil {
		panic("BUG: cannot write to memory: " + err.Error())
	}
	return b.String()
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func kilo(n int64) float64           { return float64(n) / 1000 }
func mebi(n int64) float64           { return float64(n) / (1 << 20) }
