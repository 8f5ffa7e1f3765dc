package query

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/aggregator"
)

// Check says what of a question can't be answered: the handler, the client and whoever
// answers in this process ask it.
func (req *UsageRequest) Check() error {
	if len(req.Items) > ItemsMax {
		return fmt.Errorf("%d items were asked for (limit %d)", len(req.Items), ItemsMax)
	}
	if err := checkAt(req.At, req.AtLeast); err != nil {
		return err
	}
	if err := req.checkDays(); err != nil {
		return err
	}
	checked := make(map[*aggregator.Metric]bool)
	for i := range req.Items {
		item := &req.Items[i]
		switch {
		case item.Metric == nil:
			return fmt.Errorf("item %d has no metric", i)
		case !checked[item.Metric] && !item.Metric.Valid():
			return fmt.Errorf("metric %q can't be counted", item.Metric.Code)
		}
		checked[item.Metric] = true
		if err := item.Split.Check(item.Metric); err != nil {
			return err
		}
	}
	return nil
}

// checkDays refuses days that can't be those of a period, or don't hold that which is asked for; and that there are
// none where an item needs them.
func (req *UsageRequest) checkDays() error {
	days := req.Days
	if len(days) == 0 {
		if slices.ContainsFunc(req.Items, func(item UsageItem) bool { return item.Split.Prorates() }) {
			return errors.New("prorated units were asked for without days")
		}
		return nil
	}
	if len(days) < 2 || len(days) > DaysMax {
		return fmt.Errorf("days of %d instants were given (2 to %d)", len(days), DaysMax)
	}
	for i := 1; i < len(days); i++ {
		if !days[i-1].Before(days[i]) {
			return fmt.Errorf("days that do not ascend were given: %s and then %s", days[i-1].Format(time.RFC3339), days[i].Format(time.RFC3339))
		}
	}
	if req.From.Before(days[0]) || req.To.After(days[len(days)-1]) {
		return errors.New("days were given that do not hold the period")
	}
	return nil
}

// checkAt refuses an offset to answer at that an answer could not be at.
func checkAt(at, atLeast int64) error {
	switch {
	case at < 0:
		return fmt.Errorf("an answer at offset %d was asked for", at)
	case at > 0 && atLeast > at:
		return fmt.Errorf("an answer at offset %d was asked for that covers offset %d", at, atLeast)
	}
	return nil
}

// Check is as that of UsageRequest.
func (req *EventsRequest) Check() error {
	if req.Limit < 0 || req.Limit > EventsLimitMax {
		return fmt.Errorf("a page of %d events was asked for (limit %d)", req.Limit, EventsLimitMax)
	}
	if req.Offset < 0 || req.Offset > EventsCountMax {
		return fmt.Errorf("a page after %d events was asked for (limit %d)", req.Offset, EventsCountMax)
	}
	if req.At != 0 && req.Subscription == "" {
		return errors.New("events at an offset were asked for without a subscription, whose partition it is of")
	}
	if err := checkAt(req.At, 0); err != nil || req.Of == nil {
		return err
	}
	return req.checkPart()
}

func (req *EventsRequest) checkPart() error {
	of := req.Of
	switch {
	case req.Subscription == "":
		return errors.New("events behind a usage were asked for without a subscription")
	case of.Metric == nil || !of.Metric.Valid():
		return errors.New("events were asked for behind a usage that can't be counted")
	case req.Code != "" && req.Code != of.Metric.Code:
		return fmt.Errorf("events with code %q were asked for behind the usage of %q", req.Code, of.Metric.Code)
	case of.Reason >= aggregator.ReasonsEnd:
		return fmt.Errorf("reason %d is not known", of.Reason)
	case of.Filter < aggregator.AnyFilter || of.Filter >= len(of.Split.Filters):
		return fmt.Errorf("filter %d of %d was asked for", of.Filter, len(of.Split.Filters))
	}
	if keys := groupKeys(&of.Split, of.Filter); len(of.Group) != len(keys) {
		return fmt.Errorf("a group of %d values was asked for, not %d", len(of.Group), len(keys))
	}
	return of.Split.Check(of.Metric)
}

// groupKeys returns what the usage of a filter is grouped by.
func groupKeys(split *aggregator.Split, filter int) []string {
	switch filter {
	case aggregator.AnyFilter:
		return nil
	case aggregator.NoFilter:
		return split.GroupKeys
	default:
		return split.Filters[filter].GroupKeys
	}
}

// Check is as that of UsageRequest.
func (req *SeriesRequest) Check() error {
	if req.Limit < 1 || req.Limit > SeriesLimitMax {
		return fmt.Errorf("a page of %d series was asked for (limit %d)", req.Limit, SeriesLimitMax)
	}
	return nil
}

// Check refuses an answer that is too large (aggregator.ErrTooManyCells).
func (answer *UsageAnswer) Check() error {
	buckets := 0
	for i := range answer.Items {
		for j := range answer.Items[i].Buckets {
			b := &answer.Items[i].Buckets[j]
			buckets += 1 + len(b.Presentation)
			if b.Fold != nil {
				buckets += len(b.Fold.TierUnitDays)
			}
		}
	}
	if buckets > BucketsMax {
		return fmt.Errorf("%w: they make %d buckets (limit %d)", aggregator.ErrTooManyCells, buckets, BucketsMax)
	}
	return nil
}

// checkBuckets refuses buckets that the item's split can't have; days are how many were asked with.
func checkBuckets(item *UsageItem, days int, buckets []aggregator.BucketUsage) error {
	for i := range buckets {
		b := &buckets[i]
		if b.Filter < aggregator.NoFilter || b.Filter >= len(item.Split.Filters) {
			return fmt.Errorf("filter %d of %d", b.Filter, len(item.Split.Filters))
		}
		if keys := groupKeys(&item.Split, b.Filter); len(b.Group) != len(keys) {
			return fmt.Errorf("a group of %d values, not %d", len(b.Group), len(keys))
		}
		if i > 0 && compareBuckets(&buckets[i-1], b) >= 0 {
			return errors.New("buckets out of order")
		}
		if err := checkFold(foldOf(&item.Split, b.Filter), days, b.Fold); err != nil {
			return err
		}
	}
	return nil
}

// checkFold refuses a fold that was not asked for, and that one is missing: the bucket's price would be another.
func checkFold(asked *aggregator.Fold, days int, fold *aggregator.FoldUsage) error {
	switch {
	case asked == nil && fold == nil:
		return nil
	case asked == nil:
		return errors.New("a fold that was not asked for")
	case fold == nil:
		return errors.New("a bucket without the fold that was asked for")
	}
	wantDays, wantTiers := 0, 0
	if asked.Prorated {
		wantDays = days
	}
	if len(asked.Tiers) > 0 {
		wantTiers = len(asked.Tiers) + 1
	}
	if fold.Days != int64(wantDays) || len(fold.TierUnitDays) != wantTiers {
		return fmt.Errorf("a fold of %d days and %d tiers, not of %d and %d", fold.Days, len(fold.TierUnitDays), wantDays, wantTiers)
	}
	return nil
}

// foldOf returns what is asked of a filter's buckets, nil if nothing is.
func foldOf(split *aggregator.Split, filter int) *aggregator.Fold {
	if filter == aggregator.NoFilter {
		return split.Fold
	}
	return split.Filters[filter].Fold
}

func compareBuckets(a, b *aggregator.BucketUsage) int {
	if a.Filter != b.Filter {
		return a.Filter - b.Filter
	}
	return aggregator.CompareValues(a.Group, b.Group)
}
