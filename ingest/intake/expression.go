package intake

import (
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"

	"weir/ingest"
)

// codeExpression is how Lago calls an event whose expression failed. In its answers
// the code and the reason are one string, where other faults have fields.
const codeExpression = "expression_evaluation_failed"

// valueless is an event whose metric has an expression, by the catalog in force, that
// has no value for it.
type valueless struct {
	index  int // in batch.Events
	detail string
}

// evaluate returns the events that the expressions of their metrics have no value
// for, in their order. The values that they have for the others are thrown away: they
// are computed again wherever one is needed, so that an expression that is changed
// covers the past. The events have their timestamps: an expression may ask for it.
func (s *Server) evaluate(x *exchange) []valueless {
	if s.options.Expressions == nil {
		return nil
	}
	var failed []valueless
	for i := range x.batch.Events {
		e := &x.batch.Events[i]
		expression := s.options.Expressions(x.organization, e.Code)
		if expression == nil {
			continue
		}
		var err error
		if x.value, _, err = expression.AppendEval(x.value[:0], e); err != nil {
			failed = append(failed, valueless{index: i, detail: expressionDetail(err)})
		}
	}
	return failed
}

// expressionDetail returns Lago's string for an expression's error.
func expressionDetail(err error) string {
	var fault *ingest.EvalError
	switch {
	case !errors.As(err, &fault):
		return codeExpression + ": " + err.Error()
	case fault.Property == "":
		return codeExpression + ": " + fault.Reason
	}
	return codeExpression + ": event.properties." + fault.Property + " " + fault.Reason
}

// refusedExpression says which events have no value: one string, or one by the
// event's index when the request was a batch. At most ingest.FaultsMax are told.
func refusedExpression(failed []valueless, batch bool) *refusal {
	body := appendInvalid(nil)
	if !batch {
		body = appendJSON(body, failed[0].detail)
	} else {
		open := byte('{')
		for _, f := range failed[:min(len(failed), ingest.FaultsMax)] {
			body = append(body, open, '"')
			body = strconv.AppendInt(body, int64(f.index), 10)
			body = append(body, `":`...)
			body = appendJSON(body, f.detail)
			open = ','
		}
		body = append(body, '}')
	}
	return &refusal{status: fasthttp.StatusUnprocessableEntity, reason: "expression", body: append(body, '}')}
}

// dropValueless takes events out of a chunk, and refuses their lines.
func (b *bulk) dropValueless(x *exchange, failed []valueless) {
	if len(failed) == 0 {
		return
	}
	events, kept := x.batch.Events, 0
	for i := range events {
		if len(failed) > 0 && failed[0].index == i {
			b.refuse(refusedLine{line: x.lines[i], expression: failed[0].detail})
			failed = failed[1:]
			continue
		}
		events[kept], x.lines[kept] = events[i], x.lines[i]
		kept++
	}
	clear(events[kept:]) // Batch.Reset sees no further than its length
	x.batch.Events, x.lines = events[:kept], x.lines[:kept]
}
