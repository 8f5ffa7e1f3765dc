package api

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"weir/billing"
	"weir/ingest"
)

type expressionAnswer struct {
	Result expressionResult `json:"expression_result"`
}

// expressionResult is what an expression gives for an event: a decimal or a text, as text.
type expressionResult struct {
	Value string `json:"value"`
}

// evaluateExpression is POST /billable_metrics/evaluate_expression: what an expression of a
// metric would give for an event. It is the evaluator that metering uses.
func (a *api) evaluateExpression(ctx context.Context, r request) (any, error) {
	body, err := r.body()
	if err != nil {
		return nil, err
	}
	f, err := parseRoot(body)
	if err != nil {
		return nil, err
	}
	text, ok := f.text("expression", ingest.ExpressionBytesMax)
	if ok && text == "" || !f.has("expression") {
		f.fault("expression", billing.CodeMandatory)
	}
	var batch ingest.Batch
	event := readTestEvent(f, &batch)
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	if event.Filled {
		now, err := a.now(ctx, r.organization.ID)
		if err != nil {
			return nil, err
		}
		event.Timestamp = now.UnixNano()
	}
	value, err := evaluate(text, event)
	if err != nil {
		f.overLimit("expression", billing.CodeInvalidExpression, err.Error())
		return nil, f.faults.err()
	}
	return expressionAnswer{expressionResult{value}}, nil
}

func evaluate(text string, event *ingest.Event) (string, error) {
	expression, err := ingest.ParseExpression(text)
	if err != nil {
		return "", err
	}
	value, _, err := expression.AppendEval(nil, event)
	return string(value), err
}

// readTestEvent reads the event of a request by the grammar of events that come in. It has
// a code, perhaps a timestamp and properties, and no identity. nil is a fault.
func readTestEvent(f form, batch *ingest.Batch) *ingest.Event {
	o, ok := f.object("event")
	if !ok {
		if _, given := f.given("event"); !given {
			f.fault("event", billing.CodeMandatory)
		}
		return nil
	}
	body := bytes.NewBufferString(`{"event":{"transaction_id":"-","external_subscription_id":"-"`)
	for _, name := range []string{"code", "timestamp", "properties"} {
		if value, given := o.given(name); given {
			writeMember(body, name, value)
		}
	}
	body.WriteString(`}}`)
	err := batch.ParseEvent(body.Bytes())
	var invalid *ingest.ValidationError
	switch {
	case errors.As(err, &invalid):
		for _, fault := range invalid.Fields {
			o.fault(fault.Field, fault.Code)
		}
		return nil
	case err != nil:
		o.fault("properties", billing.CodeInvalid)
		return nil
	}
	return &batch.Events[0]
}

func writeMember(body *bytes.Buffer, name string, value jsontext.Value) {
	body.WriteString(`,"` + name + `":`)
	body.Write(value)
}
