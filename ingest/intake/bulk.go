package intake

import (
	"bytes"
	"errors"
	"slices"
	"strconv"

	"weir/ingest"
)

// bulkChunkEvents is how many lines are parsed and written at a time. It bounds
// the working memory of a bulk request, however long its body.
const bulkChunkEvents = 10_000

// bulk is the running result of one bulk request.
type bulk struct {
	tally   tally
	refused int           // lines that were refused, conflicts among them
	listed  []refusedLine // the first BulkRefusedMax that were found
}

// refusedLine is one line of a bulk request that was not taken.
type refusedLine struct {
	line   int32 // from 1
	reason string
	faults []ingest.FieldError // nil when it was not JSON, or expression says it

	expression string // why the metric's expression has no value, "" when it is another fault
}

// takeBulk takes an NDJSON body: each line by itself. It writes chunk by chunk,
// so that after a failure an earlier chunk may be written; the same request again
// counts it as duplicates. x.reply is the answer when it returns nil.
func (s *Server) takeBulk(x *exchange, body []byte) *refusal {
	n := countLines(body)
	if n > BulkLinesMax {
		return invalid([]ingest.FieldError{{
			Index: -1, Field: "events", Code: ingest.CodeTooManyEvents, Limit: BulkLinesMax,
		}}, true)
	}
	if !x.reserve(min(bulkChunkEvents, n) * eventOverheadBytes) {
		return refusedOverload
	}
	if r := x.payEvents(n); r != nil {
		return r
	}
	var b bulk
	lines := int32(0)
	for len(body) > 0 {
		if !x.turn.held { // it ended with the chunk before
			x.enter()
		}
		body = b.parseChunk(x, body, &lines)
		if r := s.commitChunk(x, &b); r != nil {
			return r
		}
	}
	if b.tally == (tally{}) && b.refused == 0 {
		return invalid([]ingest.FieldError{{Index: -1, Field: "events", Code: ingest.CodeNoEvents}}, true)
	}
	if b.refused > 0 || x.form != formMinimal {
		x.form = formEvents // what was refused is always told
		x.replyBulk(&b)
	}
	s.metrics.refuse("line", b.refused-b.tally.conflicts)
	return nil
}

// countLines counts lines; the last one may lack its end.
func countLines(body []byte) int {
	n := bytes.Count(body, []byte{'\n'})
	if len(body) > 0 && body[len(body)-1] != '\n' {
		n++
	}
	return n
}

// parseChunk parses lines into x.batch until the chunk is full, and returns the
// rest of the body. lines is how many lines were read so far.
func (b *bulk) parseChunk(x *exchange, body []byte, lines *int32) []byte {
	x.batch.Reset()
	x.lines = x.lines[:0]
	x.parsedBytes = len(body)
	for len(body) > 0 && len(x.batch.Events) < bulkChunkEvents {
		var line []byte
		line, body, _ = bytes.Cut(body, []byte{'\n'})
		*lines++
		if len(bytes.TrimLeft(line, " \t\r")) == 0 {
			continue
		}
		if err := x.batch.ParseLine(line); err != nil {
			b.refuseLine(*lines, err)
			continue
		}
		x.lines = append(x.lines, *lines)
	}
	x.parsedBytes -= len(body)
	return body
}

// commitChunk writes the chunk and adds up what became of it.
func (s *Server) commitChunk(x *exchange, b *bulk) *refusal {
	if err := s.stampEvents(x); err != nil {
		return refusedClock
	}
	b.dropValueless(x, s.evaluate(x))
	if len(x.batch.Events) == 0 {
		return nil
	}
	t, r := s.commit(x, false)
	if r != nil {
		return r
	}
	b.tally.accepted += t.accepted
	b.tally.duplicates += t.duplicates
	b.tally.conflicts += t.conflicts
	if t.conflicts == 0 {
		return nil
	}
	for i := range x.sightings {
		if x.sightings[i].Verdict == ingest.Conflict {
			b.refuse(refusedLine{
				line: x.lines[i],
				faults: []ingest.FieldError{{
					Field: "transaction_id", Code: ingest.CodeConflict,
				}},
			})
		}
	}
	return nil
}

// refuseLine notes a line that the parser refused.
func (b *bulk) refuseLine(line int32, err error) {
	var faults *ingest.ValidationError
	if errors.As(err, &faults) {
		b.refuse(refusedLine{line: line, faults: faults.Fields})
		return
	}
	b.refuse(refusedLine{line: line, reason: err.Error()})
}

func (b *bulk) refuse(l refusedLine) {
	b.refused++
	if len(b.listed) < BulkRefusedMax {
		b.listed = append(b.listed, l)
	}
}

// replyBulk writes what became of a bulk request.
func (x *exchange) replyBulk(b *bulk) {
	dst := append(x.reply, `{"accepted":`...)
	dst = strconv.AppendInt(dst, int64(b.tally.accepted), 10)
	dst = append(dst, `,"duplicates":`...)
	dst = strconv.AppendInt(dst, int64(b.tally.duplicates), 10)
	dst = append(dst, `,"conflicts":`...)
	dst = strconv.AppendInt(dst, int64(b.tally.conflicts), 10)
	dst = append(dst, `,"refused_count":`...)
	dst = strconv.AppendInt(dst, int64(b.refused), 10)
	dst = append(dst, `,"refused":[`...)
	// Some faults were found after the chunk was parsed: back to the order of the lines.
	slices.SortStableFunc(b.listed, func(a, b refusedLine) int { return int(a.line - b.line) })
	for i := range b.listed {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = b.listed[i].append(dst)
	}
	x.reply = append(dst, `]}`...)
}

// append appends {"line":…,"error":"…"}, with error_details where the event is at fault.
func (l *refusedLine) append(dst []byte) []byte {
	dst = append(dst, `{"line":`...)
	dst = strconv.AppendInt(dst, int64(l.line), 10)
	dst = append(dst, `,"error":`...)
	if l.faults == nil && l.expression == "" {
		dst = appendJSON(dst, "BadRequest: "+l.reason)
		return append(dst, '}')
	}
	dst = append(dst, `"validation_errors","error_details":`...)
	if l.expression != "" {
		dst = appendJSON(dst, l.expression)
		return append(dst, '}')
	}
	dst = appendFaults(dst, l.faults, false)
	dst = appendLimits(dst, l.faults)
	return append(dst, '}')
}
