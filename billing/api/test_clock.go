package api

import (
	"context"
	"fmt"
	"time"

	"weir/billing"
)

// patternSetTestClock is the route that may take longer than requestTimeout.
const patternSetTestClock = "POST /api/v1/test_clock"

type testClockAnswer struct {
	TestClock testClockObject `json:"test_clock"`
}

type testClockObject struct {
	Now *string `json:"now"` // null until it is set: the system's clock rules
}

// showTestClock is GET /test_clock: 404 unless this is a sandbox.
func (a *api) showTestClock(ctx context.Context, r request) (any, error) {
	if !a.Sandbox {
		return nil, billing.NotFound("resource")
	}
	now, err := a.DB.TestClock(ctx, r.organization.ID)
	if err != nil {
		return nil, fmt.Errorf("cannot read test clock: %w", err)
	}
	return testClockOf(now), nil
}

// setTestClock is POST /test_clock: it sets the organization's clock, runs all
// that falls due up to then, and answers when it is done. When it fails on the
// way, the same request again goes on where it stopped.
func (a *api) setTestClock(ctx context.Context, r request) (any, error) {
	if !a.Sandbox {
		return nil, billing.NotFound("resource")
	}
	f, err := r.form("test_clock")
	if err != nil {
		return nil, err
	}
	now, ok := f.instant("now")
	if !ok && f.faults.fields == nil {
		f.fault("now", billing.CodeMandatory)
	}
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	if err := a.DB.SetTestClock(ctx, r.organization.ID, now); err != nil {
		return nil, err
	}
	if err := a.Advance(ctx, r.organization.ID, now); err != nil {
		return nil, fmt.Errorf("cannot run what is due up to %s: %w", now.Format(time.RFC3339), err)
	}
	return testClockOf(&now), nil
}

func testClockOf(now *time.Time) testClockAnswer {
	if now == nil {
		return testClockAnswer{}
	}
	s := now.UTC().Format(time.RFC3339Nano)
	return testClockAnswer{testClockObject{Now: &s}}
}
