package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	runMutants  = flag.Bool("mutants", false, "show that each seeded bug is caught (minutes)")
	onlyMutants = flag.String("mutants.only", "", "run only those whose name or file contains this")
	everyMutant = flag.Int("mutants.every", 1, "run only one in so many; which, changes from day to day")
)

// house is the folder of what is mutated and tested.
const house = "../../aggregator"

// mutant is a bug: in a file of the house, the old text becomes the new one.
type mutant struct {
	name     string
	file     string
	old, new string
}

// TestMutantsFit: what each mutant changes is in its file, once.
func TestMutantsFit(t *testing.T) {
	t.Parallel()
	for i := range mutants {
		if _, _, err := mutants[i].mutated(); err != nil {
			t.Errorf("%s: %v", mutants[i].name, err)
		}
	}
}

// failed is what the go command prints of a test that compare runs.
var failed = regexp.MustCompile(`--- FAIL: Test(Oracle|Running|Answers|CorrectionsOfARebuild)`)

// TestMutants: each seeded bug makes the comparison with the oracle fail, or a test of
// running totals, answers or rebuilds.
func TestMutants(t *testing.T) {
	if !*runMutants {
		t.Skip("takes minutes: make mutants")
	}
	dir := t.TempDir()
	if out, err := compare(""); err != nil {
		t.Fatalf("without a mutant the comparison must hold: %v\n%s", err, out)
	}
	ran, survived := 0, 0
	for i := range mutants {
		if m := i + time.Now().YearDay(); m%*everyMutant != 0 {
			continue
		}
		m := &mutants[i]
		if !strings.Contains(m.name, *onlyMutants) && !strings.Contains(m.file, *onlyMutants) {
			continue
		}
		ran++
		start := time.Now()
		verdict, err := m.run(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			verdict = "SURVIVED"
			survived++
		}
		t.Logf("%-28s %-22s %4.0f s  %s", verdict, m.file, time.Since(start).Seconds(), m.name)
	}
	t.Logf("%d mutants, %d survived", ran, survived)
}

// run runs the comparison with the bug in place, and says how it was caught; an error if it was not.
func (m *mutant) run(dir string) (verdict string, err error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return "", err
	}
	out, err := compare(overlay)
	switch {
	case err == nil:
		return "", errors.New("the comparison did not notice it")
	case strings.Contains(out, "panic: test timed out"):
		return "", errors.New("the comparison did not end in time")
	case strings.Contains(out, "panic: "):
		return "caught: it panics", nil
	case failed.MatchString(out):
		return "caught: wrong answer", nil
	default:
		return "", fmt.Errorf("the comparison did not run: %w\n%s", err, out)
	}
}

// compare holds the engine, with an overlay of its source, against the oracle, on few cases.
// The tests of running totals, answers and rebuilds go with it: what comes between a question and its seed,
// lies between memory and store, or is corrected while a series is rebuilt, is a matter of moments, which only they hold fast.
func compare(overlay string) (out string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	// Without vet, which has nothing to say of code that is wrong on purpose.
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay="+overlay, "-vet=off", "-count=1", "-timeout=3m", "-run=^Test(Oracle|Running|Answers|CorrectionsOfARebuild)",
		"./worker", "-args", "-oracle.seed=1", "-oracle.cases=1200", "-oracle.worker=600")
	cmd.Dir = house
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// mutated returns the file that the mutant changes, and what it is then.
func (m *mutant) mutated() (file, source string, err error) {
	file, err = filepath.Abs(filepath.Join(house, m.file))
	if err != nil {
		return "", "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", "", fmt.Errorf("what it changes is %d times in %s", n, m.file)
	}
	return file, strings.Replace(string(text), m.old, m.new, 1), nil
}

// overlay writes what has the go command see the file with the bug in it.
func (m *mutant) overlay(dir string) (path string, err error) {
	file, source, err := m.mutated()
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	mutated, path := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(mutated, []byte(source), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: mutated}})
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, overlay, 0o600)
}
