package intake

import (
	"log/slog"
	"sync/atomic"
)

// fault logs when something that every request needs ceases to work and when it
// works again: two lines for an outage, not one for each request.
type fault struct {
	logger *slog.Logger
	name   string
	down   atomic.Bool
}

// note takes the outcome of one use.
func (f *fault) note(err error) {
	switch {
	case err != nil && f.down.CompareAndSwap(false, true):
		f.logger.Error("intake cannot use the "+f.name, "error", err)
	case err == nil && f.down.Load() && f.down.CompareAndSwap(true, false):
		f.logger.Info("intake can use the " + f.name + " again")
	}
}
