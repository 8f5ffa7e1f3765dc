package query

import (
	"errors"
	"fmt"

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
			buckets += 1 + len(answer.Items[i].Buckets[j].Presentation)
		}
	}
	if buckets > BucketsMax {
		return fmt.Errorf("%w: they make %d buckets (limit %d)", aggregator.ErrTooManyCells, buckets, BucketsMax)
	}
	return nil
}

// checkBuckets refuses buckets that the item's split can't have.
func checkBuckets(item *UsageItem, buckets []aggregator.BucketUsage) error {
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
	}
	return nil
}

func compareBuckets(a, b *aggregator.BucketUsage) int {
	if a.Filter != b.Filter {
		return a.Filter - b.Filter
	}
	return aggregator.CompareValues(a.Group, b.Group)
}
