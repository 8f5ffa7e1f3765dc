package api

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/billing"
)

// parseInstant reads the forms of ISO 8601 that Lago's clients send: date and
// time with a zone, without one (UTC), or a date alone (its first instant, UTC).
// Digits below the microsecond, which PostgreSQL does not keep, are cut off.
func parseInstant(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond), true
		}
	}
	return time.Time{}, false
}

// stamp prints an instant as Lago does almost everywhere: to the second.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// stampOrNull is stamp of an instant that may not have come.
func stampOrNull(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := stamp(*t)
	return &s
}

// stampMillis prints an instant as Lago does for events and the start of a subscription.
func stampMillis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// stampMillisOrNull is stampMillis of an instant that may not have come.
func stampMillisOrNull(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := stampMillis(*t)
	return &s
}

// date prints a calendar day.
func date(t time.Time) string { return t.Format(time.DateOnly) }

// lastInstant turns the exclusive end of a period into Lago's inclusive one. A
// period that was cut short by the subscription's end keeps that instant.
func lastInstant(to time.Time, cutShortAt *time.Time) time.Time {
	if cutShortAt != nil && to.Equal(*cutShortAt) {
		return to
	}
	return to.Add(-time.Millisecond)
}

// number prints a decimal as a JSON number, as Lago does rates and trial periods: 20.0.
func number(d decimal.Decimal) jsontext.Value { return jsontext.Value(billing.FormatDecimal(d)) }

// orNull is null for the empty string, as Lago shows what was never set.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// idOrNull is null for the id of nothing.
func idOrNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// none is the empty list of something that this version does not have yet. It
// prints as [].
type none []struct{}

// each turns a list of nouns into their objects.
func each[T, O any](nouns []T, object func(*T) O) []O {
	objects := make([]O, len(nouns))
	for i := range nouns {
		objects[i] = object(&nouns[i])
	}
	return objects
}

// newID returns a new lago_id: a UUID that grows with time, so that rows made
// together lie together.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// periodBounds prints a period as Lago does, both ends inclusive; null for none.
func periodBounds(p billing.Period, endedAt *time.Time) (from, to *string) {
	if p.IsZero() {
		return nil, nil
	}
	first := stamp(p.From)
	last := first // of an instant
	if p.From.Before(p.To) {
		last = stamp(lastInstant(p.To, endedAt))
	}
	return &first, &last
}
