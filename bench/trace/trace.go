// Package trace reads the hour of real LLM requests under bench/testdata and turns
// it into usage events: three for each request, because an event moves the one
// metric that has its code.
package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"weir/bench/oracle"
)

// Requests is how many requests the file has.
const Requests = 19_366

// Codes of the metrics that the events are for; the two sums add up the property
// TokensField.
const (
	RequestsCode     = "requests"
	InputTokensCode  = "input_tokens"
	OutputTokensCode = "output_tokens"
	TokensField      = "tokens"
)

// Request is one line of the file.
type Request struct {
	Row             int // from 0
	Time            time.Time
	ContextTokens   int64
	GeneratedTokens int64
}

const (
	header     = "TIMESTAMP,ContextTokens,GeneratedTokens"
	timeLayout = "2006-01-02 15:04:05.0000000"
)

// Load reads the file at path, which must be the whole hour.
func Load(path string) ([]Request, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read trace: %w", err)
	}
	defer file.Close()
	requests, err := Read(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read trace %s: %w", path, err)
	}
	if len(requests) != Requests {
		return nil, fmt.Errorf("trace %s has %d requests, not %d", path, len(requests), Requests)
	}
	return requests, nil
}

// Read reads a header and one request from each further line.
func Read(r io.Reader) ([]Request, error) {
	lines := bufio.NewScanner(r) // takes CR LF as well
	if !lines.Scan() || lines.Text() != header {
		return nil, fmt.Errorf("line 1: want %s", header)
	}
	var requests []Request
	for lines.Scan() {
		request, err := parse(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(requests)+2, err)
		}
		request.Row = len(requests)
		requests = append(requests, request)
	}
	return requests, lines.Err()
}

func parse(line string) (Request, error) {
	fields := strings.Split(line, ",")
	if len(fields) != 3 {
		return Request{}, fmt.Errorf("want 3 fields, got %d", len(fields))
	}
	at, err := time.ParseInLocation(timeLayout, fields[0], time.UTC)
	if err != nil {
		return Request{}, err
	}
	contextTokens, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return Request{}, err
	}
	generatedTokens, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return Request{}, err
	}
	return Request{Time: at, ContextTokens: contextTokens, GeneratedTokens: generatedTokens}, nil
}

// Subscription returns the external id of the customer's subscription that the
// request belongs to: the row number modulo the number of customers.
func (r Request) Subscription(customers int) string { return SubscriptionOf(r.Row % customers) }

// SubscriptionOf returns the external id of one customer's subscription; customers count from 0.
func SubscriptionOf(customer int) string { return fmt.Sprintf("sub-%02d", customer+1) }

// Events returns the request's three events.
func (r Request) Events(customers int) [3]oracle.Event {
	return [3]oracle.Event{
		r.event(customers, RequestsCode, nil),
		r.event(customers, InputTokensCode, map[string]any{TokensField: integer(r.ContextTokens)}),
		r.event(customers, OutputTokensCode, map[string]any{TokensField: integer(r.GeneratedTokens)}),
	}
}

func (r Request) event(customers int, code string, properties map[string]any) oracle.Event {
	return oracle.Event{
		TransactionID: fmt.Sprintf("azure-%05d-%s", r.Row, code),
		Subscription:  r.Subscription(customers),
		Code:          code,
		Time:          r.Time,
		Properties:    properties,
	}
}

func integer(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// Events returns the events of all requests, in order.
func Events(requests []Request, customers int) []oracle.Event {
	events := make([]oracle.Event, 0, 3*len(requests))
	for _, r := range requests {
		three := r.Events(customers)
		events = append(events, three[:]...)
	}
	return events
}

// AppendEvent appends the event's JSON, as one element of a batch or one line of
// NDJSON without its end. The timestamp is in seconds with nine decimals.
func AppendEvent(dst []byte, e oracle.Event) []byte {
	dst = append(dst, `{"transaction_id":`...)
	dst = strconv.AppendQuote(dst, e.TransactionID)
	dst = append(dst, `,"external_subscription_id":`...)
	dst = strconv.AppendQuote(dst, e.Subscription)
	dst = append(dst, `,"code":`...)
	dst = strconv.AppendQuote(dst, e.Code)
	dst = fmt.Appendf(dst, `,"timestamp":%d.%09d`, e.Time.Unix(), e.Time.Nanosecond())
	if tokens, ok := e.Properties[TokensField].(json.Number); ok {
		dst = append(dst, `,"properties":{"`+TokensField+`":`...)
		dst = append(dst, tokens...)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}
