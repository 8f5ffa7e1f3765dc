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

// takeEvents takes the body of POST /events or, as a batch, of POST
// /events/batch: all of its events or none. x.reply is the answer when it returns nil.
func (s *Server) takeEvents(x *exchange, body []byte, batch bool) *refusal {
	var err error
	if batch {
		err = x.batch.ParseEvents(body, s.options.BatchEventsMax)
	} else {
		err = x.batch.ParseEvent(body)
	}
	if err != nil {
		return refusalOfParse(err, batch)
	}
	if !x.reserve(len(x.batch.Events) * eventOverheadBytes) {
		return refusedOverload
	}
	t, r := s.commit(x, true)
	if r != nil {
		return r
	}
	if t.accepted < len(x.batch.Events) {
		return repeated(x.sightings, batch)
	}
	x.replyEvents(batch)
	return nil
}

// commit stamps the events of x.batch, claims their ids and writes those that
// are fresh; with whole, only if all are. The window remembers them after the last
// acknowledgement, and on any failure none of them.
func (s *Server) commit(x *exchange, whole bool) (tally, *refusal) {
	if err := s.stampEvents(x); err != nil {
		return tally{}, refusedClock
	}
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

// replyEvents writes {"event":{…}} or {"events":[…]}.
func (x *exchange) replyEvents(batch bool) {
	if !batch {
		x.reply = append(x.reply, `{"event":`...)
		x.reply = appendEvent(x.reply, x.organization, &x.batch.Events[0], x.createdAt)
		x.reply = append(x.reply, '}')
		return
	}
	x.reply = append(x.reply, `{"events":[`...)
	for i := range x.batch.Events {
		if i > 0 {
			x.reply = append(x.reply, ',')
		}
		x.reply = appendEvent(x.reply, x.organization, &x.batch.Events[i], x.createdAt)
	}
	x.reply = append(x.reply, `]}`...)
}

// refusalOfParse turns a parser's error into an answer.
func refusalOfParse(err error, batch bool) *refusal {
	var faults *ingest.ValidationError
	if errors.As(err, &faults) {
		return invalid(faults.Fields, batch)
	}
	return badRequest(err.Error())
}
