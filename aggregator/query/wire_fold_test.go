package query

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/ingest"
)

// Folds came to version 2 of the wire as members that are not there without them: an older process refuses a question
// that has one, and no answer without them has changed.

// TestFoldsOnTheWire: what is asked.
func TestFoldsOnTheWire(t *testing.T) {
	t.Parallel()
	number := decimal.RequireFromString
	most := number("5")
	seats := &aggregator.Metric{
		Organization: testOrganization, Code: "seats", Aggregation: aggregator.SumAgg, FieldName: "n", Recurring: true, CellKeys: []string{"k"},
	}
	day := time.Date(2023, 10, 29, 0, 0, 0, 0, time.FixedZone("CEST", 7200)) // which has 25 hours
	req := UsageRequest{
		Organization: testOrganization, Subscription: "s", From: day, To: day.Add(25 * time.Hour),
		Days: []time.Time{day, day.Add(25 * time.Hour)},
		Items: []UsageItem{{seats, aggregator.Split{
			Filters: []aggregator.Filter{{
				Conditions: []aggregator.FilterCondition{{Key: "k", Values: []string{"v"}}},
				Fold:       &aggregator.Fold{Prorated: true, Tiers: []decimal.Decimal{number("10"), number("20.5")}},
			}},
			Fold: &aggregator.Fold{
				Allowance:   &aggregator.Allowance{Events: 1<<53 + 1, Units: number("100")},
				Transaction: &aggregator.Transaction{Rate: number("2.9"), Fixed: number("0.3"), Min: number("0.5"), Max: &most},
			},
		}}, {seats, aggregator.Split{Fold: &aggregator.Fold{Transaction: &aggregator.Transaction{Rate: number("1")}}}}},
	}
	utc := req
	utc.From, utc.To, utc.Days = req.From.UTC(), req.To.UTC(), []time.Time{req.Days[0].UTC(), req.Days[1].UTC()}
	zero := number("0")
	utc.Items[1].Split.Fold.Transaction.Fixed, utc.Items[1].Split.Fold.Transaction.Min = zero, zero // as a zero is read
	checkRoundTrip(t, usageRequestToWire(req),
		`{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","subscription":"s","from":"2023-10-28T22:00:00Z","to":"2023-10-29T23:00:00Z",`+
			`"metrics":[{"organization":"018c2a54-7a11-7cde-8f00-0123456789ab","code":"seats","aggregation":2,"field_name":"n","recurring":true,"cell_keys":["k"]}],`+
			`"items":[{"metric":0,"split":{"filters":[{"conditions":[{"key":"k","values":["v"]}],"fold":{"prorated":true,"tiers":["10","20.5"]}}],`+
			`"fold":{"allowance":{"events":"9007199254740993","units":"100"},"transaction":{"rate":"2.9","fixed":"0.3","min":"0.5","max":"5"}}}},`+
			`{"metric":0,"split":{"fold":{"transaction":{"rate":"1","fixed":"0","min":"0"}}}}],`+
			`"days":["2023-10-28T22:00:00Z","2023-10-29T23:00:00Z"],"at_least":"0"}`,
		func(w wireUsageRequest) any {
			req, err := w.request()
			if err != nil {
				t.Errorf("cannot read back: %v", err)
			}
			return req
		}, utc)
	if err := utc.Check(); err != nil {
		t.Error(err)
	}
}

const goldenFoldedBucket = `{"filter":-1,"units":"200","total_units":"200","events_count":"4","precise_total":"0",` +
	`"fold":{"free_events":"2","free_units":"100","transactions_amount":"7.3","unit_days":"315","days":"30","tier_unit_days":["300","15"],"highest":"11"}}`

// TestFoldUsageOnTheWire: what is answered.
func TestFoldUsageOnTheWire(t *testing.T) {
	t.Parallel()
	number := decimal.RequireFromString
	b := aggregator.BucketUsage{
		Filter: aggregator.NoFilter, Units: number("200"), TotalUnits: number("200"), EventsCount: 4, PreciseTotal: number("0"),
		Fold: &aggregator.FoldUsage{
			FreeEvents: 2, FreeUnits: number("100"), TransactionsAmount: number("7.3"),
			UnitDays: number("315"), Days: 30, TierUnitDays: []decimal.Decimal{number("300"), number("15")}, Highest: number("11"),
		},
	}
	back := func(w wireBucket) any {
		b, err := w.bucket()
		if err != nil {
			t.Errorf("cannot read back: %v", err)
		}
		return b
	}
	checkRoundTrip(t, bucketToWire(&b), goldenFoldedBucket, back, b)
	for _, bad := range []struct{ old, new string }{
		{`"100"`, `"1OO"`},
		{`"7.3"`, `""`},
		{`"315"`, `"1e99999999"`},
		{`"15"`, `"x"`},
		{`"11"`, `"` + strings.Repeat("9", decimalTextMax+1) + `"`},
	} {
		var w wireBucket
		if err := decode([]byte(strings.Replace(goldenFoldedBucket, bad.old, bad.new, 1)), &w); err != nil {
			t.Fatal(err)
		}
		if _, err := w.bucket(); err == nil {
			t.Errorf("%.20s was taken", bad.new)
		}
	}
	var w wireUsageRequest
	bad := strings.Replace(goldenUsageRequest, `"split":{}`, `"split":{"fold":{"tiers":["x"]}}`, 1)
	if err := decode([]byte(bad), &w); err != nil {
		t.Fatal(err)
	}
	if _, err := w.request(); err == nil {
		t.Error("a fold without numbers was taken")
	}
}

// TestFoldsSayNothingOfEvents: which events are behind a usage is asked without its folds.
func TestFoldsSayNothingOfEvents(t *testing.T) {
	t.Parallel()
	part := aggregator.Part{
		Metric: &aggregator.Metric{Aggregation: aggregator.CountAgg},
		Split: aggregator.Split{
			Filters: []aggregator.Filter{{Fold: &aggregator.Fold{Allowance: &aggregator.Allowance{Events: 3}}}},
			Fold:    &aggregator.Fold{Allowance: &aggregator.Allowance{Events: 3}},
		},
	}
	got, err := partToWire(&part).part()
	if err != nil || got.Split.Folds() || len(got.Split.Filters) != 1 {
		t.Errorf("asked with %+v, %v", got.Split, err)
	}
	if !part.Split.Folds() || part.Split.Filters[0].Fold == nil {
		t.Error("the asker's split was changed")
	}
}

// TestDaysAreChecked: at the door, before anything is read.
func TestDaysAreChecked(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2024, 6, n, 0, 0, 0, 0, time.UTC) }
	many := func(n int) []time.Time {
		var days []time.Time
		for i := range n {
			days = append(days, day(1+i))
		}
		return days
	}
	prorated := aggregator.Split{Filters: []aggregator.Filter{{}, {Fold: &aggregator.Fold{Prorated: true}}}}
	f := func(name string, split aggregator.Split, days []time.Time, want string) {
		t.Helper()
		req := UsageRequest{
			From: day(2), To: day(5), Days: days,
			Items: []UsageItem{{&aggregator.Metric{Aggregation: aggregator.SumAgg, FieldName: "n", Recurring: true}, split}},
		}
		err := req.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	f("none, and nothing is prorated", aggregator.Split{Fold: &aggregator.Fold{}}, nil, "")
	f("some, and nothing is prorated", aggregator.Split{}, many(5), "")
	f("those of the period", prorated, many(10)[1:5], "")
	f("a leap year", prorated, many(DaysMax), "")
	f("none", prorated, nil, "without days")
	f("too many", prorated, many(DaysMax+1), "2 to 367")
	f("an end alone", prorated, many(1), "2 to 367")
	f("one twice", prorated, append(many(10), day(10)), "do not ascend")
	f("one too late", prorated, many(10)[2:], "do not hold the period")
	f("one too few", prorated, many(4), "do not hold the period")
	f("a fold that can't be", aggregator.Split{Fold: &aggregator.Fold{Prorated: true, Allowance: &aggregator.Allowance{Events: 1}}}, many(10), "fold can't be made")
}

// TestFoldsMustComeBack: a price would be another without, so no answer is better.
func TestFoldsMustComeBack(t *testing.T) {
	t.Parallel()
	var in installation
	f := &fakeQuerier{name: "a"}
	f.own(allPartitions...)
	in.announce(1, serve(t, f).URL, allPartitions...)
	client := in.client(t)
	seats := &aggregator.Metric{Organization: testOrganization, Code: "c", Aggregation: aggregator.SumAgg, FieldName: "n", Recurring: true}
	check := func(name string, fold *aggregator.Fold, got *aggregator.FoldUsage, want string) {
		t.Helper()
		req := usageOf("s")
		req.Items = []UsageItem{{seats, aggregator.Split{Fold: fold}}}
		req.Days = []time.Time{req.From, req.From.Add(time.Hour), req.To.Add(24 * time.Hour)}
		f.onUsage = func(_ context.Context, r UsageRequest) (UsageAnswer, error) {
			return UsageAnswer{LogID: testLogID, Partition: ingest.Partition(testOrganization, "s", testPartitions), Next: 1, Items: []ItemUsage{{Buckets: []aggregator.BucketUsage{
				{Filter: aggregator.NoFilter, Fold: got},
			}}}}, nil
		}
		_, err := client.Usage(t.Context(), req)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: asked again and again", name)
		}
	}
	prorated := &aggregator.Fold{Prorated: true, Tiers: []decimal.Decimal{decimal.NewFromInt(1)}}
	two := []decimal.Decimal{{}, {}}
	check("none", nil, nil, "")
	check("as asked", prorated, &aggregator.FoldUsage{Days: 2, TierUnitDays: two}, "")
	check("missing", prorated, nil, "without the fold")
	check("not asked for", nil, &aggregator.FoldUsage{}, "not asked for")
	check("of other days", prorated, &aggregator.FoldUsage{Days: 3, TierUnitDays: two}, "3 days")
	check("of no tiers", prorated, &aggregator.FoldUsage{Days: 2}, "0 tiers")
}

// TestFoldsAreCounted: tiers are numbers in an answer, as buckets are.
func TestFoldsAreCounted(t *testing.T) {
	t.Parallel()
	answer := UsageAnswer{Items: []ItemUsage{{Buckets: make([]aggregator.BucketUsage, BucketsMax/2)}}}
	for i := range answer.Items[0].Buckets {
		answer.Items[0].Buckets[i].Fold = &aggregator.FoldUsage{TierUnitDays: make([]decimal.Decimal, 1)}
	}
	if err := answer.Check(); err != nil {
		t.Error(err)
	}
	answer.Items[0].Buckets[7].Fold.TierUnitDays = make([]decimal.Decimal, 2)
	if err := answer.Check(); !errors.Is(err, aggregator.ErrTooManyCells) {
		t.Errorf("one too many: %v", err)
	}
}
