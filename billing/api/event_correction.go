package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest"
)

// errLog says that a correction could not be written, or that nobody knows whether it was.
var errLog = errors.New("the log did not take the record")

// cancelEvent is DELETE /events/{transaction_id}: the event counts no more. Its id stays used.
func (a *api) cancelEvent(ctx context.Context, r request) (any, error) {
	p := r.params()
	revision := p.revision()
	current, err := a.eventToCorrect(ctx, r, p, "")
	if err != nil {
		return nil, err
	}
	if current.Cancelled && (revision == 0 || revision == current.Revision) {
		return a.answerEvent(ctx, r, &current)
	}
	cancelled := ingest.Event{
		TransactionID: []byte(current.TransactionID), Subscription: []byte(current.Subscription),
		Entry: ingest.EntryCancellation,
	}
	if cancelled.Revision, err = nextRevision(&current, revision); err != nil {
		return nil, err
	}
	return a.correct(ctx, r, &cancelled)
}

// amendEvent is PUT /events/{transaction_id}: the event gets new content.
func (a *api) amendEvent(ctx context.Context, r request) (any, error) {
	f, err := r.form("event")
	if err != nil {
		return nil, err
	}
	subscription, _ := f.text(memberSubscription, textBytesMax)
	if id, given := f.text("transaction_id", textBytesMax); given && id != r.PathValue("transaction_id") {
		f.fault("transaction_id", billing.CodeInvalid)
	}
	given, _ := f.integer("revision", 1, math.MaxUint32)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	current, err := a.eventToCorrect(ctx, r, r.params(), subscription)
	if err != nil {
		return nil, err
	}
	var batch ingest.Batch
	amended, err := a.amended(ctx, r, &batch, &current, f)
	if err != nil {
		return nil, err
	}
	revision := uint32(given)
	if !current.Cancelled && (revision == 0 || revision == current.Revision) && sameContent(amended, &current) {
		return a.answerEvent(ctx, r, &current) // a retry, or a change that changes nothing
	}
	if amended.Revision, err = nextRevision(&current, revision); err != nil {
		return nil, err
	}
	return a.correct(ctx, r, amended)
}

// revision reads the revision that a client gives, 0 for none.
func (p params) revision() uint32 {
	text := p.text("revision")
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		p.fault("revision", billing.CodeInvalid)
	}
	return uint32(n)
}

// nextRevision returns the revision of a correction of the event: the one that was given,
// which must be higher than that of what it corrects, or the next.
func nextRevision(current *query.Event, given uint32) (uint32, error) {
	switch {
	case given == 0 && current.Revision == math.MaxUint32:
		return 0, billing.Invalid("revision", billing.CodeOutOfRange)
	case given == 0:
		return current.Revision + 1, nil
	case given <= current.Revision:
		return 0, billing.Invalid("revision", billing.CodeOutOfRange)
	}
	return given, nil
}

// eventToCorrect finds the one event that a request means: of the subscription that its
// parameter names, or else its body (inBody), or else the only one with the id.
func (a *api) eventToCorrect(ctx context.Context, r request, p params, inBody string) (query.Event, error) {
	if a.Append == nil {
		return query.Event{}, billing.NotAllowed("events_cannot_be_corrected")
	}
	transactionID, err := r.pathText("transaction_id", "event")
	if err != nil {
		return query.Event{}, err
	}
	named := p.text(memberSubscription)
	if named != "" && inBody != "" && named != inBody {
		p.fault(memberSubscription, billing.CodeInvalid)
	}
	if err := p.err(); err != nil {
		return query.Event{}, err
	}
	atLeast, err := positionsOf(r.Header)
	if err != nil {
		return query.Event{}, err
	}
	found, err := a.findEvents(ctx, r, transactionID, cmp.Or(named, inBody), atLeast)
	switch {
	case err != nil:
		return query.Event{}, err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return query.Event{}, billing.Invalid(memberSubscription, billing.CodeMandatory)
	case named == "" && inBody != "":
		return query.Event{}, a.refuseOtherSubscription(ctx, r, transactionID, atLeast)
	}
	return query.Event{}, billing.NotFound("event")
}

// memberSubscription names the subscription of an event, in bodies and parameters.
const memberSubscription = "external_subscription_id"

// refuseOtherSubscription says what is wrong with a body whose subscription has no event
// with the id: it would move another subscription's, or there is none.
func (a *api) refuseOtherSubscription(ctx context.Context, r request, transactionID string, atLeast map[int32]int64) error {
	elsewhere, err := a.findEvents(ctx, r, transactionID, "", atLeast)
	if err == nil && len(elsewhere) > 0 {
		return billing.Invalid(memberSubscription, billing.CodeInvalid)
	}
	return cmp.Or[error](err, billing.NotFound("event"))
}

// amended returns the event as it will be: checked as a whole by the grammar of events,
// and by the metric's expression, as if it had been sent so. It points into the batch.
func (a *api) amended(ctx context.Context, r request, batch *ingest.Batch, current *query.Event, f form) (*ingest.Event, error) {
	body, kept := composed(current, f)
	if err := batch.ParseEvent(body); err != nil {
		return nil, intakeFault(err)
	}
	e := &batch.Events[0]
	e.Entry = ingest.EntryAmendment
	e.Filled = kept && current.Filled
	definitions, err := a.definitions(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, metric := range definitions.Metrics {
		if metric.Code != string(e.Code) || metric.Expression == nil {
			continue
		}
		if _, _, err := metric.Expression.AppendEval(nil, e); err != nil {
			return nil, &expressionError{err}
		}
	}
	return e, nil
}

// composed returns the JSON of the whole event, {"event":{…}}: what the form says, and else
// what the event has. keptTimestamp says that the form gives none.
//
// null takes properties and the precise total away, and says nothing of the timestamp.
func composed(current *query.Event, f form) (body []byte, keptTimestamp bool) {
	member := func(name string, kept jsontext.Value) jsontext.Value {
		if value, ok := f.members[name]; ok {
			return value
		}
		return kept
	}
	members := map[string]jsontext.Value{
		"transaction_id":           appendString(nil, current.TransactionID),
		"external_subscription_id": appendString(nil, current.Subscription),
		"code":                     member("code", appendString(nil, current.Code)),
		"properties":               member("properties", propertiesJSON(current.Properties)),
	}
	precise := jsontext.Value("null")
	if current.PreciseTotal != "" {
		precise = appendString(nil, current.PreciseTotal)
	}
	members["precise_total_amount_cents"] = member("precise_total_amount_cents", precise)
	timestamp, given := f.given("timestamp")
	if !given {
		const nanosecond = 1_000_000_000
		timestamp = fmt.Appendf(nil, "%d.%09d", current.Timestamp/nanosecond, current.Timestamp%nanosecond)
	}
	members["timestamp"] = timestamp
	body, err := json.Marshal(map[string]any{"event": members}, json.Deterministic(true), jsontext.PreserveRawStrings(true))
	if err != nil {
		panic("BUG: event cannot be JSON: " + err.Error())
	}
	return body, !given
}

// intakeFault turns a refusal of the grammar of events into one of ours.
func intakeFault(err error) error {
	var syntax *ingest.SyntaxError
	if errors.As(err, &syntax) {
		return billing.BadRequest(syntax.Reason)
	}
	var validation *ingest.ValidationError
	if !errors.As(err, &validation) {
		return fmt.Errorf("cannot check event: %w", err)
	}
	var wrong faults
	for _, fault := range validation.Fields {
		if fault.Limit > 0 {
			wrong.addLimit(fault.Field, fault.Code, "limit "+strconv.Itoa(fault.Limit))
			continue
		}
		wrong.add(fault.Field, fault.Code)
	}
	return wrong.err()
}

// sameContent reports whether an event says what it says already.
func sameContent(e *ingest.Event, current *query.Event) bool {
	was := meteredEvent(current)
	return ingest.ContentHash(e) == ingest.ContentHash(&was) && e.Timestamp == was.Timestamp
}

// correct writes the correction to the log, waits until it is counted, and answers the
// event as it is then.
func (a *api) correct(ctx context.Context, r request, e *ingest.Event) (any, error) {
	subscription, transactionID := string(e.Subscription), string(e.TransactionID)
	partition := a.partition(r, subscription)
	offset, err := a.append(ctx, r.organization.ID, partition, e)
	if err != nil {
		return nil, err
	}
	r.wrote(partition, offset)
	found, err := a.findEvents(ctx, r, transactionID, subscription, map[int32]int64{partition: offset + 1})
	if err != nil {
		return nil, fmt.Errorf("correction is written, and not seen yet: %w", err)
	}
	i := slices.IndexFunc(found, func(e query.Event) bool { return e.Subscription == subscription })
	if i < 0 {
		return nil, fmt.Errorf("BUG: event corrected at offset %d of partition %d is not there", offset, partition)
	}
	return a.answerEvent(ctx, r, &found[i])
}

// append writes one event. As with events that come in, the time of receipt is the
// system's, also where a test clock is set.
func (a *api) append(ctx context.Context, organization uuid.UUID, partition int32, e *ingest.Event) (offset int64, err error) {
	header := ingest.Header{Organization: organization, ReceivedAt: a.Clock().UnixNano()}
	offset, err = a.Append(ctx, partition, ingest.AppendRecord(nil, header, []ingest.Event{*e}))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errLog, err)
	}
	return offset, nil
}

// expressionError says that the metric's expression has no value for an event.
type expressionError struct{ err error }

// Error returns Lago's text, as it is answered to an event that is sent so.
func (e *expressionError) Error() string {
	const code = "expression_evaluation_failed: "
	var fault *ingest.EvalError
	switch {
	case !errors.As(e.err, &fault):
		return code + e.err.Error()
	case fault.Property == "":
		return code + fault.Reason
	}
	return code + "event.properties." + fault.Property + " " + fault.Reason
}

func (e *expressionError) Unwrap() error { return e.err }
