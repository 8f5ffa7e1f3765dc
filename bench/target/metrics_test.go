package target

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	m, err := parseMetrics([]byte("# HELP a b\n# TYPE a counter\na 3\nb{x=\"1 2\"} 1.5e3\nb{x=\"3\"} 1\nbb 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"a": 3, "b": 1501, "bb": 7, "c": 0} {
		if got := m.Sum(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, bad := range []string{"a", "a b", "a 1 x"} {
		if _, err := parseMetrics([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestSettled waits until files stop changing, and tells tables from the rest.
func TestSettled(t *testing.T) {
	t.Parallel()
	c := &Child{Dir: t.TempDir()}
	for name, size := range map[string]int{"log/000001.sst": 8192, "log/000002.log": 4096, "aggregator/0/000003.sst": 12288} {
		path := filepath.Join(c.DataDir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log, store, err := c.Settled(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !log.SettledFull || log.TableBytes < 8192 || log.Bytes < log.TableBytes+4096 || store.TableBytes < 12288 || store.Bytes != store.TableBytes {
		t.Errorf("log %+v, store %+v", log, store)
	}
	if _, store, err = c.Settled(t.Context(), 0); err != nil || store.SettledFull {
		t.Errorf("without time to wait: %+v, %v", store, err)
	}
	if err := c.LoseStore(); err != nil {
		t.Fatal(err)
	}
	if _, store, err = c.Disk(); err != nil || store.Bytes != 0 {
		t.Errorf("a lost store takes %+v, %v", store, err)
	}
}
