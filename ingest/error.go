package ingest

import (
	"fmt"
	"strconv"
	"strings"
)

// Codes of refusal, as Lago names them (error_details values).
const (
	CodeMandatory     = "value_is_mandatory"
	CodeAlreadyExist  = "value_already_exist"
	CodeInvalid       = "value_is_invalid"
	CodeOutOfRange    = "value_is_out_of_range"
	CodeTooLong       = "value_is_too_long"
	CodeInvalidFormat = "invalid_format"
	CodeNotANumber    = "value_is_not_valid_number"
	CodeNoEvents      = "no_events"
	CodeTooManyEvents = "too_many_events"
	// CodeConflict: the transaction_id is in use by an event with other content. It is ours, not Lago's.
	CodeConflict = "value_already_exist_with_other_content"
)

// SyntaxError reports input that is not the JSON we take: HTTP 400.
type SyntaxError struct {
	Offset int    // byte in the input where it went wrong, -1 when something is missing altogether
	Reason string // what was wrong, for people
}

func (e *SyntaxError) Error() string {
	if e.Offset < 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

// RecordError reports a log record that is not one of ours, or is damaged. It
// says nothing about single events: none of the record's can be trusted.
type RecordError struct {
	Offset int    // byte in the record's value where it went wrong
	Reason string // what was wrong, for people
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("cannot decode record: %s at byte %d", e.Reason, e.Offset)
}

// FieldError is one fault of one field of one event.
type FieldError struct {
	Index int    // which event of the call, from 0; -1 for a fault of the request itself
	Field string // transaction_id, timestamp, properties.region, …
	Code  string // one of the codes above
	Limit int    // the limit that was exceeded, 0 if the fault is another
}

// ValidationError reports events that are JSON but not acceptable: HTTP 422.
type ValidationError struct {
	// Fields holds the faults, never empty, at most FaultsMax: in the order of the
	// events, and for one event what was found in it before what it lacks.
	Fields []FieldError
}

func (e *ValidationError) Error() string {
	var b strings.Builder
	for i, f := range e.Fields {
		if i > 0 {
			b.WriteString("; ")
		}
		if f.Index >= 0 {
			b.WriteString("event " + strconv.Itoa(f.Index) + ": ")
		}
		b.WriteString(f.Field + ": " + f.Code)
		if f.Limit > 0 {
			b.WriteString(" (limit " + strconv.Itoa(f.Limit) + ")")
		}
	}
	return b.String()
}
