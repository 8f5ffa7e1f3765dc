package query

import (
	"context"
	"fmt"
	"slices"

	"weir/ingest"
)

// Series asks the owners of all partitions asked for, or of the subscription's alone, and
// merges their pages. See Querier.
func (c *Client) Series(ctx context.Context, req SeriesRequest) (SeriesAnswer, error) {
	if err := req.Check(); err != nil {
		return SeriesAnswer{}, fmt.Errorf("cannot ask for series: %w", err)
	}
	partitions := c.partitionsOrAll(req.Partitions)
	if req.Subscription != "" && req.Partitions == nil {
		partitions = []int32{ingest.Partition(req.Organization, req.Subscription, c.opts.Partitions)}
	}
	var answer SeriesAnswer
	err := c.retry(ctx, "series", func(ctx context.Context, table *ownerTable) error {
		groups, err := table.groups(partitions)
		if err != nil {
			return err
		}
		pages := make([]SeriesAnswer, len(groups))
		err = eachGroup(ctx, groups, func(ctx context.Context, i int, g group) error {
			var err error
			pages[i], err = c.askSeries(ctx, g, req)
			return err
		})
		answer = MergeSeries(pages, req.Limit)
		return err
	})
	if err != nil {
		return SeriesAnswer{}, err
	}
	return answer, nil
}

// askSeries asks one owner for its page.
func (c *Client) askSeries(ctx context.Context, g group, req SeriesRequest) (SeriesAnswer, error) {
	req.Partitions, req.AtLeast = g.partitions, offsetsOf(req.AtLeast, g.partitions)
	var out wireSeriesAnswer
	if err := c.ask(ctx, g.url, seriesPath, seriesRequestToWire(req), &out); err != nil {
		return SeriesAnswer{}, err
	}
	answer := out.answer()
	if len(answer.Series) > req.Limit {
		return SeriesAnswer{}, fmt.Errorf("%s answered a page of %d series, not %d", g.url, len(answer.Series), req.Limit)
	}
	if answer.Next != (SeriesKey{}) && answer.Next.Compare(req.After) <= 0 {
		return SeriesAnswer{}, fmt.Errorf("%s answered a page that does not lead on", g.url)
	}
	for i := range answer.Series {
		s := &answer.Series[i]
		if !slices.Contains(g.partitions, s.Partition) {
			return SeriesAnswer{}, fmt.Errorf("%s answered a series of partition %d, which it was not asked for", g.url, s.Partition)
		}
		if i > 0 && answer.Series[i-1].Compare(s.SeriesKey) >= 0 || s.Compare(req.After) <= 0 {
			return SeriesAnswer{}, fmt.Errorf("%s answered series out of order", g.url)
		}
	}
	return answer, nil
}

// MergeSeries makes one page, of at most limit series, of the pages of several partitions
// that answer the same question.
func MergeSeries(pages []SeriesAnswer, limit int) SeriesAnswer {
	var merged SeriesAnswer
	for i := range pages {
		merged.Series = append(merged.Series, pages[i].Series...)
		// Behind the end of a page that has a next one, its partition is not known yet.
		if next := pages[i].Next; next != (SeriesKey{}) && (merged.Next == (SeriesKey{}) || next.Compare(merged.Next) < 0) {
			merged.Next = next
		}
	}
	slices.SortFunc(merged.Series, func(a, b SeriesInfo) int { return a.Compare(b.SeriesKey) })
	if merged.Next != (SeriesKey{}) {
		merged.Series = slices.DeleteFunc(merged.Series, func(s SeriesInfo) bool { return s.Compare(merged.Next) > 0 })
	}
	if len(merged.Series) > limit {
		merged.Series = merged.Series[:limit]
		merged.Next = merged.Series[limit-1].SeriesKey
	}
	return merged
}
