package query

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"weir/ingest"
)

// fanMax is how many owners one question is put to at the same time.
const fanMax = 16

// Event asks the owners of all partitions asked for. See Querier.
func (c *Client) Event(ctx context.Context, req EventRequest) ([]Event, error) {
	partitions := c.partitionsOrAll(req.Partitions)
	var events []Event
	err := c.retry(ctx, "event", func(ctx context.Context, table *ownerTable) error {
		groups, err := table.groups(partitions)
		if err != nil {
			return err
		}
		answers := make([][]Event, len(groups))
		err = eachGroup(ctx, groups, func(ctx context.Context, i int, g group) error {
			part := req
			part.Partitions, part.AtLeast = g.partitions, offsetsOf(req.AtLeast, g.partitions)
			var out wireEventAnswer
			if err := c.ask(ctx, g.url, eventPath, eventRequestToWire(part), &out); err != nil {
				return err
			}
			answers[i] = eventsFromWire(out.Events)
			return checkEvents(g, answers[i])
		})
		events = slices.Concat(answers...)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(events, func(a, b Event) int { return CompareEvents(&a, &b) })
	return events, nil
}

// Events asks the owners of all partitions asked for, or of the subscription's
// alone, and merges their pages. Skipping Offset events means to fetch them when
// there are several owners. See Querier.
func (c *Client) Events(ctx context.Context, req EventsRequest) (EventsAnswer, error) {
	if err := req.Check(); err != nil {
		return EventsAnswer{}, fmt.Errorf("cannot ask for events: %w", err)
	}
	partitions := c.partitionsOrAll(req.Partitions)
	if req.Subscription != "" && req.Partitions == nil {
		partitions = []int32{ingest.Partition(req.Organization, req.Subscription, c.opts.Partitions)}
	}
	var answer EventsAnswer
	err := c.retry(ctx, "events", func(ctx context.Context, table *ownerTable) error {
		groups, err := table.groups(partitions)
		if err != nil {
			return err
		}
		if len(groups) == 1 {
			answer, err = c.askEvents(ctx, groups[0], req)
			return err
		}
		answer, err = c.mergeEvents(ctx, groups, req)
		return err
	})
	if err != nil {
		return EventsAnswer{}, err
	}
	return answer, nil
}

// askEvents asks one owner for its page.
func (c *Client) askEvents(ctx context.Context, g group, req EventsRequest) (EventsAnswer, error) {
	req.Partitions, req.AtLeast = g.partitions, offsetsOf(req.AtLeast, g.partitions)
	var out wireEventsAnswer
	if err := c.ask(ctx, g.url, eventsPath, eventsRequestToWire(req), &out); err != nil {
		return EventsAnswer{}, err
	}
	answer := EventsAnswer{eventsFromWire(out.Events), out.Total}
	if len(answer.Events) > req.Limit {
		return EventsAnswer{}, fmt.Errorf("%s answered a page of %d events, not %d", g.url, len(answer.Events), req.Limit)
	}
	for i := range answer.Events {
		if position := answer.Events[i].Position; req.At != 0 && position >= ingest.PositionOf(req.At, 0) {
			return EventsAnswer{}, fmt.Errorf("%s answered an event at position %d, not below offset %d", g.url, position, req.At)
		}
	}
	return answer, checkEvents(g, answer.Events)
}

// checkEvents refuses events of partitions that were not asked for: their owner
// gives them too, and they would stand twice in a merged answer.
func checkEvents(g group, events []Event) error {
	for i := range events {
		if !slices.Contains(g.partitions, events[i].Partition) {
			return fmt.Errorf("%s answered an event of partition %d, which it was not asked for", g.url, events[i].Partition)
		}
	}
	return nil
}

// eachGroup runs ask for all groups side by side, and returns the first error.
func eachGroup(ctx context.Context, groups []group, ask func(context.Context, int, group) error) error {
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(fanMax)
	for i, g := range groups {
		running.Go(func() error { return ask(ctx, i, g) })
	}
	return running.Wait()
}

func (c *Client) partitionsOrAll(partitions []int32) []int32 {
	if partitions == nil {
		return c.all
	}
	return partitions
}

// offsetsOf returns the offsets of the partitions alone.
func offsetsOf(offsets map[int32]int64, partitions []int32) map[int32]int64 {
	part := maps.Clone(offsets)
	maps.DeleteFunc(part, func(partition int32, _ int64) bool { return !slices.Contains(partitions, partition) })
	return part
}
