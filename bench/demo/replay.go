package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"weir/bench/oracle"
	"weir/bench/target"
	"weir/bench/trace"
)

// requestsPerBatch is how many requests of the trace, three events each, go into one call.
const requestsPerBatch = 200

// usageEvery is how often the growing usage is looked at.
const usageEvery = 250 * time.Millisecond

// replay sends all events in their order, spread over the pace.
func (d *demo) replay(ctx context.Context, pace time.Duration) error {
	started := time.Now()
	bar := newProgress("sending", 3*len(d.requests))
	watching, stopWatching := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		d.watch(watching, bar)
	}()
	err := d.replayBatches(ctx, pace, bar)
	stopWatching()
	<-watched
	bar.finish()
	if err != nil {
		return err
	}
	seconds := time.Since(started).Seconds()
	step("sent", "%s events in %.1f s, each batch acknowledged when it was on disk", grouped(3*len(d.requests)), seconds)
	return nil
}

func (d *demo) replayBatches(ctx context.Context, pace time.Duration, bar *progress) error {
	started := time.Now()
	for from := 0; from < len(d.requests); from += requestsPerBatch {
		due := started.Add(pace * time.Duration(from) / time.Duration(len(d.requests)))
		if err := sleepUntil(ctx, due); err != nil {
			return err
		}
		events := trace.Events(d.requests[from:min(from+requestsPerBatch, len(d.requests))], customers)
		answer, err := d.api.SendEvents(ctx, "/events/batch", "application/json", batchJSON(events))
		if err != nil {
			return err
		}
		if err := d.written.Add(answer.Header.Get(target.PositionHeader)); err != nil {
			return err
		}
		bar.add(len(events))
	}
	return nil
}

func sleepUntil(ctx context.Context, due time.Time) error {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch shows one customer's usage as it grows. Its reads are for the eye only: a
// failing one shows nothing, and what usage must be is checked afterwards.
func (d *demo) watch(ctx context.Context, bar *progress) {
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		usage, err := d.api.CurrentUsage(ctx, customerOf(0), trace.SubscriptionOf(0), "")
		if err == nil {
			bar.live(usageText(usage))
		}
	}
}

func usageText(usage target.Usage) string {
	parts := []string{customerOf(0) + " has used"}
	for _, charge := range usage.Charges {
		units, _, _ := strings.Cut(charge.Units, ".")
		parts = append(parts, groupedText(units)+" "+strings.ReplaceAll(charge.Metric.Code, "_", " "))
	}
	return strings.Join(parts, "  ") + "  = " + dollars(usage.AmountCents)
}

// repeated is what became of events that were sent again.
type repeated struct {
	refused    int // 422 value_already_exist
	duplicates int // counted as such by the bulk route
	accepted   int // 200: no longer remembered at the door; counted once all the same
}

// repeat sends every third request's events again, half of them as JSON batches,
// which are refused, half as NDJSON, which counts duplicates.
func (d *demo) repeat(ctx context.Context) error {
	var third []trace.Request
	for i := 0; i < len(d.requests); i += 3 {
		third = append(third, d.requests[i])
	}
	var sum repeated
	for i, from := 0, 0; from < len(third); i, from = i+1, from+requestsPerBatch {
		events := trace.Events(third[from:min(from+requestsPerBatch, len(third))], customers)
		again := d.repeatJSON
		if i%2 == 1 {
			again = d.repeatLines
		}
		got, err := again(ctx, events)
		if err != nil {
			return err
		}
		sum.refused += got.refused
		sum.duplicates += got.duplicates
		sum.accepted += got.accepted
	}
	if got, want := sum.refused+sum.duplicates+sum.accepted, 3*len(third); got != want {
		return fmt.Errorf("%d events were sent again, and %d accounted for: %+v", want, got, sum)
	}
	step("sent again", "a third of it: %s refused as repeats (422), %s counted as duplicates, %s taken",
		grouped(sum.refused), grouped(sum.duplicates), grouped(sum.accepted))
	return nil
}

func (d *demo) repeatJSON(ctx context.Context, events []oracle.Event) (repeated, error) {
	answer, err := d.api.SendEvents(ctx, "/events/batch", "application/json", batchJSON(events))
	var refusal *target.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusUnprocessableEntity {
		n, err := countRepeats(refusal.Body)
		return repeated{refused: n}, err
	}
	if err != nil {
		return repeated{}, err
	}
	return repeated{accepted: len(events)}, d.written.Add(answer.Header.Get(target.PositionHeader))
}

// countRepeats counts the events that a refusal of a batch calls repeats.
func countRepeats(body string) (int, error) {
	var out struct {
		Details map[string]map[string][]string `json:"error_details"`
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		return 0, fmt.Errorf("cannot read refusal: %w: %.300s", err, body)
	}
	for index, fields := range out.Details {
		if codes := fields["transaction_id"]; len(fields) != 1 || len(codes) != 1 || codes[0] != "value_already_exist" {
			return 0, fmt.Errorf("event %s was refused for another reason than being a repeat: %v", index, fields)
		}
	}
	return len(out.Details), nil
}

func (d *demo) repeatLines(ctx context.Context, events []oracle.Event) (repeated, error) {
	var body []byte
	for _, e := range events {
		body = append(trace.AppendEvent(body, e), '\n')
	}
	answer, err := d.api.SendEvents(ctx, "/events/batch", "application/x-ndjson", body)
	if err != nil {
		return repeated{}, err
	}
	var out struct {
		Accepted   int `json:"accepted"`
		Duplicates int `json:"duplicates"`
		Refused    int `json:"refused_count"`
	}
	if err := json.Unmarshal(answer.Body, &out); err != nil {
		return repeated{}, fmt.Errorf("cannot read bulk answer: %w", err)
	}
	if out.Refused != 0 {
		return repeated{}, fmt.Errorf("%d lines were refused: %.300s", out.Refused, answer.Body)
	}
	return repeated{accepted: out.Accepted, duplicates: out.Duplicates}, d.written.Add(answer.Header.Get(target.PositionHeader))
}

func batchJSON(events []oracle.Event) []byte {
	body := []byte(`{"events":[`)
	for i, e := range events {
		if i > 0 {
			body = append(body, ',')
		}
		body = trace.AppendEvent(body, e)
	}
	return append(body, `]}`...)
}
