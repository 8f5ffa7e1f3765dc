package postgres

import (
	"testing"
	"time"
)

// What is remembered is believed for RecentAgeMax from the beginning of the last look that
// succeeded; somebody is sent to look sooner, one at a time.
func TestRecentBelieved(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{}, 10)
	look := func() { sent <- struct{}{} }
	began := time.Now()
	c := &recent{}
	f := func(after time.Duration, believed, looked bool) {
		t.Helper()
		if got := c.believed(began.Add(after), look); got != believed {
			t.Errorf("after %s: believed %t", after, got)
		}
		if c.looking != looked {
			t.Errorf("after %s: looking %t", after, c.looking)
		}
	}
	f(0, false, true) // there was no look yet
	f(time.Millisecond, false, true)
	c.looking, c.lookAt = false, began
	f(recentLookAfter-1, true, false)
	f(recentLookAfter, true, true)
	f(RecentAgeMax-1, true, true) // it takes its time
	f(RecentAgeMax, false, true)
	<-sent
	<-sent
	if len(sent) > 0 {
		t.Error("two looked at a time")
	}
}

// A value that was read before its key was forgotten is not kept after.
func TestMemory(t *testing.T) {
	t.Parallel()
	var m memory[int, string]
	mark := m.mark(1)
	m.keep(1, "one", mark)
	if v, ok := m.find(1); !ok || v != "one" {
		t.Errorf("got %q, %t", v, ok)
	}
	m.forget(1)
	if _, ok := m.find(1); ok {
		t.Error("it was not forgotten")
	}
	if m.keep(1, "one", mark); len(m.kept) > 0 {
		t.Error("what was read before is kept after")
	}
	mark = m.mark(1)
	m.forgetAll()
	if m.keep(1, "one", mark); len(m.kept) > 0 {
		t.Error("what was read before is kept after everything was forgotten")
	}
	for key := range recentRowsMax + 10 {
		m.keep(key, "", m.mark(key))
	}
	if len(m.kept) != recentRowsMax {
		t.Errorf("%d rows are kept", len(m.kept))
	}
	if _, ok := m.find(recentRowsMax + 9); !ok {
		t.Error("the newest is not kept")
	}
}
