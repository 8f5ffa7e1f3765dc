package query

import (
	"context"
	"time"
)

// eventStream yields one owner's events in order, page by page.
//
// A page continues from the last event seen, not from a count of all events
// seen: that would show the last event of a page again when a newer one arrived
// in between, and would make the owner walk everything once more for each page.
type eventStream struct {
	fetch  func(context.Context, EventsRequest) (EventsAnswer, error)
	req    EventsRequest // the next page to ask for
	wanted int           // events still worth fetching
	page   []Event       // fetched and not yet taken
	ended  bool          // there is nothing after page
	last   int64         // timestamp of the newest page's last event
	ties   int           // events seen with that timestamp
}

// fill fetches a page if none is left.
func (s *eventStream) fill(ctx context.Context) (total int, err error) {
	if len(s.page) > 0 || s.ended {
		return 0, nil
	}
	s.req.Limit = min(s.wanted, EventsLimitMax)
	answer, err := s.fetch(ctx, s.req)
	if err != nil {
		return 0, err
	}
	s.page = answer.Events
	s.wanted -= len(s.page)
	s.ended = len(s.page) < s.req.Limit || s.wanted == 0
	for i := range s.page {
		if t := s.page[i].Timestamp; t != s.last {
			s.last, s.ties = t, 0
		}
		s.ties++
	}
	s.req.To = time.Unix(0, s.last+1)
	s.req.Offset = s.ties
	return answer.Total, nil
}

// mergeEvents merges the owners' events into the page asked for.
func (c *Client) mergeEvents(ctx context.Context, groups []group, req EventsRequest) (EventsAnswer, error) {
	streams := make([]*eventStream, len(groups))
	totals := make([]int, len(groups))
	err := eachGroup(ctx, groups, func(ctx context.Context, i int, g group) error {
		first := req
		first.Offset = 0
		s := &eventStream{req: first, wanted: req.Offset + req.Limit, last: -1}
		s.fetch = func(ctx context.Context, r EventsRequest) (EventsAnswer, error) { return c.askEvents(ctx, g, r) }
		streams[i] = s
		var err error
		totals[i], err = s.fill(ctx)
		return err
	})
	if err != nil {
		return EventsAnswer{}, err
	}
	answer := EventsAnswer{Events: make([]Event, 0, req.Limit)}
	for _, total := range totals {
		answer.Total = min(answer.Total+total, EventsCountMax)
	}
	for taken := 0; taken < req.Offset+req.Limit; taken++ {
		event, err := takeNewest(ctx, streams)
		if err != nil {
			return EventsAnswer{}, err
		}
		if event == nil {
			break
		}
		if taken >= req.Offset {
			answer.Events = append(answer.Events, *event)
		}
	}
	return answer, nil
}

// takeNewest takes the first event of all streams, nil when there is none left.
func takeNewest(ctx context.Context, streams []*eventStream) (*Event, error) {
	var from *eventStream
	for _, s := range streams {
		if _, err := s.fill(ctx); err != nil {
			return nil, err
		}
		if len(s.page) > 0 && (from == nil || CompareEvents(&s.page[0], &from.page[0]) < 0) {
			from = s
		}
	}
	if from == nil {
		return nil, nil
	}
	event := &from.page[0]
	from.page = from.page[1:]
	return event, nil
}
