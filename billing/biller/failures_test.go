package biller

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestFailuresWaitLonger(t *testing.T) {
	t.Parallel()
	f := newFailures()
	customer, other := uuid.New(), uuid.New()
	wantWait := func(got, most time.Duration) {
		t.Helper()
		if got < most/2 || got >= most {
			t.Errorf("waits %s, want %s to %s", got, most/2, most)
		}
	}
	for _, most := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600} {
		wantWait(f.next(customer), most*time.Second)
	}
	wantWait(f.next(other), 5*time.Second)
	f.forget(customer)
	wantWait(f.next(customer), 5*time.Second)
}
