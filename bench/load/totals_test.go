package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/bench/report"
)

// TestMinimal loads bench/minimal for a second, with repeats, and all adds up.
func TestMinimal(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "minimal")
	if out, err := exec.Command("go", "build", "-o", binary, "weir/bench/minimal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, mode := range []string{report.ModeSingle, report.ModeBatch, report.ModeNDJSON} {
		path := filepath.Join(t.TempDir(), "result.json")
		opts, err := parseOptions([]string{
			"-minimal-server", binary, "-mode", mode, "-batch", "50", "-subscriptions", "100", "-connections", "4",
			"-processes", "0", "-repeats", "0.1", "-duration", (time.Second / 3).String(), "-json", path,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := measure(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
		found, err := report.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if found.Events == 0 || found.RepeatsSent == 0 || found.RepeatsCounted != found.RepeatsSent || found.CPU == 0 {
			t.Errorf("%s: %d events, %d repeats sent and %d counted, %v of CPU", mode, found.Events, found.RepeatsSent, found.RepeatsCounted, found.CPU)
		}
	}
}

func TestCompareTotals(t *testing.T) {
	t.Parallel()
	acked := tally{{Events: 2, Thousandths: 1500}, {}, {Events: 1, Thousandths: 7}}
	right := totals{Events: 3, Counters: 2, Millionths: "1507000"} // (1500 + 7) × 1000
	if err := compareTotals(right, acked); err != nil {
		t.Error(err)
	}
	for _, wrong := range []totals{{2, 2, "1507000"}, {3, 1, "1507000"}, {3, 2, "1507001"}} {
		if err := compareTotals(wrong, acked); err == nil || !strings.Contains(err.Error(), "DIFFER") {
			t.Errorf("%+v: error is %v", wrong, err)
		}
	}
}
