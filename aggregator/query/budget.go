package query

import (
	"fmt"
	"sync/atomic"

	"weir/aggregator"
)

// CellsMax is how many cells the questions that a process answers may hold at a time, all
// together: some 240 bytes each. One question of the largest kind always fits.
const CellsMax = 8_000_000

const (
	// cellsStep is how many cells are reserved at a time.
	cellsStep = 1000
	// EventCells is how many cells an event in an answer counts for.
	EventCells = 2
)

// ErrOverloaded: too much is being asked at a time. Ask again.
var ErrOverloaded = errOverloaded

// Budget shares CellsMax out to the questions under way. It may be used from any goroutine;
// the zero Budget is ready.
type Budget struct{ taken atomic.Int64 }

// Reservation is what one question holds of a Budget. It is used by one goroutine.
type Reservation struct {
	budget *Budget
	held   int64
}

// Reserve returns an empty reservation. It must be released.
func (b *Budget) Reserve() Reservation { return Reservation{budget: b} }

// Hold makes sure that the reservation covers a number of cells. The error is
// ErrOverloaded when others hold too much, and aggregator.ErrTooManyCells when it would not
// fit alone. What was held stays so. A nil reservation is not bounded.
func (r *Reservation) Hold(cells int) error {
	if r == nil || int64(cells) <= r.held {
		return nil
	}
	more := (int64(cells) - r.held + cellsStep - 1) / cellsStep * cellsStep
	if r.held+more > CellsMax {
		return fmt.Errorf("%w: one question may hold %d", aggregator.ErrTooManyCells, CellsMax)
	}
	if taken := r.budget.taken.Add(more); taken > CellsMax {
		r.budget.taken.Add(-more)
		return fmt.Errorf("%w: its questions hold %d cells (limit %d)", ErrOverloaded, taken-more, CellsMax)
	}
	r.held += more
	return nil
}

// Release gives everything back.
func (r *Reservation) Release() {
	r.budget.taken.Add(-r.held)
	r.held = 0
}
