package eventlog

import (
	"fmt"
	"maps"
	"sync/atomic"
)

// Gate is a Log that refuses appends to stopped partitions. Reading goes on: an
// operator, and whoever rebuilds, must be able to look.
//
// A partition is stopped when the progress of its reader and the log contradict
// each other; taking more events for it would bury the evidence, and nobody
// would count them.
type Gate struct {
	Log
	stopped atomic.Pointer[map[int32]string] // never nil, the map is never written to
}

// NewGate returns a gate before log with no partition stopped.
func NewGate(log Log) *Gate {
	g := &Gate{Log: log}
	g.stopped.Store(&map[int32]string{})
	return g
}

// SetStopped replaces the set of stopped partitions: the reason by partition.
// Appends that are already queued are not taken back.
func (g *Gate) SetStopped(reasons map[int32]string) {
	copied := make(map[int32]string, len(reasons))
	maps.Copy(copied, reasons)
	g.stopped.Store(&copied)
}

// Stopped returns a copy of the set of stopped partitions: the reason by partition.
func (g *Gate) Stopped() map[int32]string {
	return maps.Clone(*g.stopped.Load())
}

// Append is Log.Append, except that a stopped partition's record is refused with ErrRefused.
func (g *Gate) Append(partition int32, value, note []byte, done func(offset int64, err error)) {
	reason, stopped := (*g.stopped.Load())[partition]
	if !stopped {
		g.Log.Append(partition, value, note, done)
		return
	}
	refuse(done, fmt.Errorf("cannot append to partition %d: %w: %s", partition, ErrRefused, reason))
}

// refuse answers an append that was not queued. The answer comes from another
// goroutine, as the contract has it, so that a caller may hold a lock that its
// done takes.
func refuse(done func(int64, error), err error) {
	go done(-1, err)
}
