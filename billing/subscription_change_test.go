package billing

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// endAt sets a subscription's end, which must be allowed.
func endAt(t *testing.T, s *Subscription, plan *Plan, endingAt *time.Time, now string) {
	t.Helper()
	if err := s.Reschedule(time.Time{}, endingAt, plan, time.UTC, at(now)); err != nil {
		t.Fatal(err)
	}
}

func instant(text string) *time.Time {
	t := at(text)
	return &t
}

// An end may be set, moved and taken away as long as it has not come.
func TestEndIsMoved(t *testing.T) {
	t.Parallel()
	plan := plan30(false)
	s := started(t, plan, Calendar, "2024-04-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
	endAt(t, s, plan, instant("2024-04-10T00:00:00Z"), "2024-04-02T00:00:00Z")
	if !s.NextDueAt.Equal(at("2024-04-10T00:00:00Z")) {
		t.Errorf("due at %s", s.NextDueAt)
	}
	endAt(t, s, plan, nil, "2024-04-09T23:59:59Z")
	wantBills(t, bills(t, s, plan, time.UTC, "2024-05-15T00:00:00Z"),
		"05-01 00:00 subscription_periodic base 04-01 00:00/05-01 00:00 30/30 = 3000 usage 04-01 00:00/05-01 00:00")
	endAt(t, s, plan, instant("2024-07-15T00:00:00Z"), "2024-05-15T00:00:00Z")
	endAt(t, s, plan, instant("2024-05-20T12:00:00.0009Z"), "2024-05-15T00:00:00Z")
	wantBills(t, bills(t, s, plan, time.UTC, "2025-01-01T00:00:00Z"),
		// 20 of May's 31 days: 30.00 × 20 / 31 = 19.3548
		"05-20 12:00 subscription_terminating base 05-01 00:00/05-20 12:00 20/31 = 1935 usage 05-01 00:00/05-20 12:00")
	if want := at("2024-05-20T12:00:00Z"); !s.TerminatedAt.Equal(want) { // to the millisecond
		t.Errorf("ended at %s", s.TerminatedAt)
	}
}

// What is pending may begin at any other time. Moved to the past it is billed as one that is
// created then.
func TestStartIsMoved(t *testing.T) {
	t.Parallel()
	const created, moved = "2024-01-10T00:00:00Z", "2024-04-12T08:00:00Z"
	f := func(inAdvance bool, to string, want ...string) {
		t.Helper()
		plan := withCommitment(plan30(inAdvance))
		s := started(t, plan, Calendar, "2024-06-20T00:00:00Z", created, time.UTC)
		if err := s.Reschedule(at(to), nil, plan, time.UTC, at(moved)); err != nil {
			t.Fatal(err)
		}
		if !s.CreatedAt.Equal(at(created)) || !s.MovedAt.Equal(at(moved)) {
			t.Errorf("created at %s, moved at %s", s.CreatedAt, s.MovedAt)
		}
		same := started(t, plan, Calendar, to, moved, time.UTC)
		if s.BilledUntil() != same.BilledUntil() || !s.NextDueAt.Equal(*same.NextDueAt) || s.Status != same.Status {
			t.Errorf("moved to %s: %+v, created there: %+v", to, s, same)
		}
		wantBills(t, bills(t, s, plan, time.UTC, "2024-05-01T00:00:00Z"), want...)
	}
	f(false, "2024-04-10T08:00:00Z", // 10 to 30 April
		"05-01 00:00 subscription_periodic base 04-10 00:00/05-01 00:00 21/30 = 2100 usage 04-10 08:00/05-01 00:00 commitment 04-10 00:00/05-01 00:00 21/30")
	// In advance nothing was paid for April, and its commitment is not settled.
	f(true, "2024-04-10T08:00:00Z",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-10 08:00/05-01 00:00")
	// On the very day it is: 12 to 30 April.
	f(true, "2024-04-12T07:00:00Z",
		"04-12 07:00 subscription_starting base 04-12 00:00/05-01 00:00 19/30 = 1900",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-12 07:00/05-01 00:00 commitment 04-12 00:00/05-01 00:00 19/30")
	f(true, "2024-04-20T00:00:00Z", // still to come
		"04-20 00:00 subscription_starting base 04-20 00:00/05-01 00:00 11/30 = 1100",
		"05-01 00:00 subscription_periodic base 05-01 00:00/06-01 00:00 31/31 = 3000 usage 04-20 00:00/05-01 00:00 commitment 04-20 00:00/05-01 00:00 11/30")
}

// Units that were set before a start was moved are there from that start on.
func TestUnitsBeforeAMovedStart(t *testing.T) {
	t.Parallel()
	plan := withFixed(plan30(false), false)
	plan.CreatedAt = at("2024-01-01T00:00:00Z")
	charge := &plan.FixedCharges[0]
	charge.History = []FixedUnits{{Units: dec("1"), SetAt: plan.CreatedAt}, {Units: dec("7"), SetAt: at("2024-04-11T00:00:00Z")}}
	s := started(t, plan, Calendar, "2024-06-20T00:00:00Z", "2024-01-10T00:00:00Z", time.UTC)
	if err := s.Reschedule(at("2024-04-10T00:00:00Z"), nil, plan, time.UTC, at("2024-04-12T00:00:00Z")); err != nil {
		t.Fatal(err)
	}
	april := Period{From: at("2024-04-10T00:00:00Z"), To: at("2024-05-01T00:00:00Z")}
	if got := charge.UnitsOver(s, plan, april); len(got) != 1 || !got[0].Units.Equal(dec("7")) {
		t.Errorf("units %+v, want 7 from the start", got)
	}
}

func TestRescheduleRefuses(t *testing.T) {
	t.Parallel()
	const now = "2024-04-12T08:00:00Z"
	f := func(s *Subscription, plan *Plan, subscriptionAt string, endingAt *time.Time, want string) {
		t.Helper()
		var to time.Time
		if subscriptionAt != "" {
			to = at(subscriptionAt)
		}
		got := ""
		var refused *Error
		if err := s.Reschedule(to, endingAt, plan, time.UTC, at(now)); errors.As(err, &refused) {
			got = refused.Error()
		} else if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("to %q and %v: got %q, want %q", subscriptionAt, endingAt, got, want)
		}
	}
	arrears, advance := plan30(false), plan30(true)
	active := func(plan *Plan) *Subscription {
		return started(t, plan, Calendar, "2024-04-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
	}
	pending := func(plan *Plan) *Subscription {
		return started(t, plan, Anniversary, "2024-06-01T00:00:00Z", "2024-04-01T00:00:00Z", time.UTC)
	}
	f(active(arrears), arrears, "", instant(now), "ending_at: invalid_date")
	f(active(arrears), arrears, "", instant("2024-04-12T08:00:00.001Z"), "")
	f(pending(arrears), arrears, "", instant("2024-06-01T00:00:00Z"), "ending_at: invalid_date") // not after the start
	f(pending(arrears), arrears, "2024-05-01T00:00:00Z", instant("2024-06-01T00:00:00Z"), "")
	f(pending(arrears), arrears, "2024-07-01T00:00:00Z", instant("2024-06-30T00:00:00Z"), "ending_at: invalid_date")
	f(pending(arrears), arrears, "2024-04-01T00:00:00Z", instant("2024-04-12T00:00:00Z"), "ending_at: invalid_date")
	f(active(advance), advance, "", instant("2024-04-20T00:00:00Z"), "ending_at: not_supported_yet") // 21 to 30 April are paid
	f(active(advance), advance, "", instant("2024-04-30T00:00:01Z"), "")
	// Moved, an end that was on a boundary is in the midst of a period.
	f(pending(advance), advance, "", instant("2024-07-01T00:00:00Z"), "")
	f(pending(advance), advance, "2024-06-15T00:00:00Z", instant("2024-07-01T00:00:00Z"), "ending_at: not_supported_yet")

	// Whoever has ended has ended, noticed or not; whoever has begun has begun.
	over := active(arrears)
	endAt(t, over, arrears, instant("2024-04-12T07:00:00Z"), "2024-04-02T00:00:00Z")
	f(over, arrears, "", nil, "subscription_not_found")
	canceled := pending(arrears)
	if err := canceled.Cancel(at(now)); err != nil {
		t.Fatal(err)
	}
	f(canceled, arrears, "", nil, "subscription_not_found")
	begun := active(arrears)
	f(begun, arrears, "2024-05-01T00:00:00Z", nil, "")
	if !begun.SubscriptionAt.Equal(at("2024-04-01T00:00:00Z")) || begun.MovedAt != nil {
		t.Errorf("an active subscription was moved to %s", begun.SubscriptionAt)
	}
}

// However often start and end are moved, each instant is billed once.
func TestRescheduledCoversEveryInstantOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan := drawPlan(t)
		location := zone(t, rapid.SampledFrom(nastyZones).Draw(t, "zone"))
		s := drawSubscription(t, plan, location, drawInstant(t, "created"))
		now := s.CreatedAt
		var covered *coverage
		for range 20 {
			if (s.Status == Active || s.Status == Pending) && rapid.Bool().Draw(t, "rescheduled") {
				now = reschedule(t, s, plan, location, now)
			}
			if covered == nil && s.Status != Pending {
				covered = &coverage{t: t, plan: plan, s: s, BilledUntil: s.BilledUntil()}
			}
			b, ok := NextBill(s, plan, location)
			if !ok {
				break
			}
			if !b.At.Equal(*s.NextDueAt) {
				t.Fatalf("due at %s, bill of %s", s.NextDueAt, b.At)
			}
			if covered == nil {
				covered = &coverage{t: t, plan: plan, s: s, BilledUntil: s.BilledUntil()}
			}
			s.Apply(b.Advance)
			covered.take(b, location)
			now = later(now, b.At)
		}
		if s.NextDueAt == nil && covered != nil {
			covered.checkEnd()
		}
	})
}

// reschedule moves the subscription at some instant before it next falls due, unless that is refused.
func reschedule(t *rapid.T, s *Subscription, plan *Plan, location *time.Location, now time.Time) time.Time {
	if due := *s.NextDueAt; due.After(now) {
		now = now.Add(time.Duration(rapid.Int64Range(0, int64(due.Sub(now))-1).Draw(t, "later")))
	}
	to := now.Add(time.Duration(rapid.IntRange(-100*24*60, 100*24*60).Draw(t, "new start")) * time.Minute)
	var endingAt *time.Time
	if rapid.Bool().Draw(t, "has new end") {
		end := now.Add(time.Duration(rapid.IntRange(1, 500*24*60).Draw(t, "new end")) * time.Minute)
		endingAt = &end
	}
	moved := *s
	var refused *Error
	err := moved.Reschedule(to, endingAt, plan, location, now)
	switch {
	case err == nil:
		*s = moved
	case !errors.As(err, &refused):
		t.Fatal(err)
	}
	return now
}

func TestInvoiceKey(t *testing.T) {
	t.Parallel()
	key := func(currency Currency, number string, separate bool) InvoiceKey {
		plan := plan30(false)
		plan.Currency = currency
		b := Bill{Plan: plan, Subscription: &Subscription{ID: uuid.New(), PurchaseOrderNumber: number, SeparateInvoice: separate}}
		return b.InvoiceKey()
	}
	for _, one := range []struct {
		a, b InvoiceKey
		same bool
	}{
		{key("USD", "", false), key("USD", "", false), true},
		{key("USD", "PO-1", false), key("USD", "PO-1", false), true},
		{key("USD", "PO-1", false), key("USD", "PO-2", false), false},
		{key("USD", "PO-1", false), key("USD", "", false), false},
		{key("USD", "", false), key("EUR", "", false), false},
		{key("USD", "", true), key("USD", "", false), false},
		{key("USD", "", true), key("USD", "", true), false},
	} {
		if (one.a == one.b) != one.same {
			t.Errorf("%+v and %+v: want the same %t", one.a, one.b, one.same)
		}
	}
}
