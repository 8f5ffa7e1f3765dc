package intake

import (
	"errors"

	"weir/ingest"
	"weir/ingest/eventlog"
)

// tally counts what became of a request's events.
type tally struct {
	accepted, duplicates, conflicts int
}

// takeEvents takes a body of every route but the bulk one: all of its events or
// none. x.reply is the answer when it returns nil, if the exchange wants one.
func (s *Server) takeEvents(x *exchange, body []byte) *refusal {
	batch := x.route.isBatch()
	if err := s.parseEvents(x, body); err != nil {
		return x.refusalOfParse(err, batch)
	}
	if !x.reserve(len(x.batch.Events) * eventOverheadBytes) {
		return refusedOverload
	}
	if r := x.payEvents(len(x.batch.Events)); r != nil {
		return r
	}
	if err := s.stampEvents(x); err != nil {
		return refusedClock
	}
	if failed := s.evaluate(x); len(failed) > 0 {
		return refusedExpression(failed, batch)
	}
	t, r := s.commit(x, true)
	if r != nil {
		return r
	}
	if t.accepted < len(x.batch.Events) {
		return repeated(x.sightings, x.route)
	}
	return nil
}

// parseEvents reads the body into x.batch.
func (s *Server) parseEvents(x *exchange, body []byte) error {
	x.parsedBytes = len(body)
	switch x.route {
	case routeEvent:
		return x.batch.ParseEvent(body)
	case routeBatch:
		return x.batch.ParseEvents(body, s.options.BatchEventsMax)
	case routeCloudEvent:
		return x.batch.ParseCloudEvent(body)
	case routeCloudEvents:
		return x.batch.ParseCloudEvents(body, s.options.BatchEventsMax)
	}
	panic("BUG: route without a parser")
}

// commit claims the ids of the events of x.batch, which are stamped, and writes those
// that are fresh; with whole, only if all are. The window remembers them after the last
// acknowledgement, and on any failure none of them. The request has a turn, which ends
// with the writing.
func (s *Server) commit(x *exchange, whole bool) (tally, *refusal) {
	if err := s.claimIDs(x); err != nil {
		return tally{}, refusedOverload
	}
	t := x.count()
	if whole && t.accepted < len(x.batch.Events) {
		s.window.Failed(&x.claim)
		t.accepted = 0
		s.metrics.count(t)
		return t, nil
	}
	if err := s.writeFresh(x); err != nil {
		s.window.Failed(&x.claim)
		if errors.Is(err, eventlog.ErrOverloaded) {
			return tally{}, refusedOverload
		}
		return tally{}, refusedLog
	}
	s.window.Written(&x.claim)
	s.metrics.count(t)
	return t, nil
}

// count counts the verdicts.
func (x *exchange) count() tally {
	var t tally
	for i := range x.sightings {
		switch x.sightings[i].Verdict {
		case ingest.Fresh:
			t.accepted++
		case ingest.Repeat:
			t.duplicates++
		case ingest.Conflict:
			t.conflicts++
		}
	}
	return t
}

// refusalOfParse turns a parser's error into an answer.
func (x *exchange) refusalOfParse(err error, batch bool) *refusal {
	var (
		faults *ingest.ValidationError
		syntax *ingest.SyntaxError
	)
	switch {
	case errors.As(err, &faults):
		return invalid(faults.Fields, batch)
	case errors.As(err, &syntax) && syntax.Offset >= x.parsedBefore:
		syntax.Offset -= x.parsedBefore
	}
	return badRequest(err.Error())
}
