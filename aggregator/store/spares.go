package store

import (
	"slices"
	"sync"
)

// sparesMax is how much memory is kept for a next time, in pieces: a process writes few checkpoints at a time.
const sparesMax = 3

// spares keep memory that was used up and will be wanted again, some megabytes a piece. A sync.Pool lets go of what was not
// wanted between two collections, and collections are more frequent than checkpoints. The zero value is ready, for any goroutine.
type spares[T any] struct {
	mu   sync.Mutex
	list []*T // the oldest first
}

// get returns the piece that was put last, or a new one.
func (s *spares[T]) get() *T {
	if piece := s.take(func(*T) bool { return true }); piece != nil {
		return piece
	}
	return new(T)
}

// take returns the last piece that fits, nil when there is none.
func (s *spares[T]) take(fits func(*T) bool) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := len(s.list) - 1; at >= 0; at-- {
		if piece := s.list[at]; fits(piece) {
			s.list = slices.Delete(s.list, at, at+1)
			return piece
		}
	}
	return nil
}

// put keeps a piece, and lets go of the oldest when there are too many.
func (s *spares[T]) put(piece *T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == sparesMax {
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, piece)
}
