package ratelimit

import "time"

// Headers of an answer that say what is left, as Lago names them. Its clients wait for
// HeaderReset after a 429. They are sent only where there is a limit.
const (
	HeaderLimit     = "X-Ratelimit-Limit"     // State.Limit
	HeaderRemaining = "X-Ratelimit-Remaining" // State.Remaining
	HeaderReset     = "X-Ratelimit-Reset"     // State.ResetSeconds
)

// State is what a limiter says of one request, as things stand after it.
type State struct {
	Allowed   bool
	Limit     int // tokens per second; 0 = there is no limit
	Remaining int // tokens that are left, at least 0
	// Reset is when the bucket will be full if nothing is asked for, and after a refusal
	// when the next request will be let through.
	Reset time.Duration
}

// ResetSeconds returns Reset in seconds, rounded up; after a refusal at least 1.
func (s State) ResetSeconds() int {
	return int((s.Reset + time.Second - 1) / time.Second)
}

// Tighter returns the one of two states that tells a client more: the one that refuses,
// else the one that has the smaller part of its limit left. One without a limit tells nothing.
func Tighter(a, b State) State {
	switch {
	case b.Limit == 0:
		return a
	case a.Limit == 0:
		return b
	case a.Allowed != b.Allowed:
		if a.Allowed {
			return b
		}
		return a
	case int64(b.Remaining)*int64(a.Limit) < int64(a.Remaining)*int64(b.Limit):
		return b
	}
	return a
}
