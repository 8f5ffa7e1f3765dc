package query

import (
	"time"

	"github.com/google/uuid"
)

type wireSeriesKey struct {
	Subscription string `json:"subscription"`
	Code         string `json:"code"`
}

type wireSeriesRequest struct {
	Organization uuid.UUID     `json:"organization"`
	Subscription string        `json:"subscription,omitzero"`
	From         time.Time     `json:"from"`
	To           time.Time     `json:"to"`
	After        wireSeriesKey `json:"after,omitzero"`
	Limit        int           `json:"limit"`
	Partitions   []int32       `json:"partitions,omitempty"`
	AtLeast      []wireOffset  `json:"at_least,omitempty"`
}

func seriesRequestToWire(req SeriesRequest) wireSeriesRequest {
	return wireSeriesRequest{
		Organization: req.Organization, Subscription: req.Subscription, From: req.From.UTC(), To: req.To.UTC(),
		After: wireSeriesKey(req.After), Limit: req.Limit, Partitions: req.Partitions, AtLeast: offsetsToWire(req.AtLeast),
	}
}

func (w wireSeriesRequest) request() SeriesRequest {
	return SeriesRequest{
		Organization: w.Organization, Subscription: w.Subscription, From: w.From, To: w.To,
		After: SeriesKey(w.After), Limit: w.Limit, Partitions: w.Partitions, AtLeast: offsetsFromWire(w.AtLeast),
	}
}

type wireSeriesInfo struct {
	wireSeriesKey
	Partition int32 `json:"partition"`
	Events    int   `json:"events"`
	Oldest    int64 `json:"oldest,string"`
	Newest    int64 `json:"newest,string"`
}

type wireSeriesAnswer struct {
	Series []wireSeriesInfo `json:"series"`
	Next   wireSeriesKey    `json:"next,omitzero"`
}

func seriesAnswerToWire(answer SeriesAnswer) wireSeriesAnswer {
	w := wireSeriesAnswer{make([]wireSeriesInfo, len(answer.Series)), wireSeriesKey(answer.Next)}
	for i, s := range answer.Series {
		w.Series[i] = wireSeriesInfo{wireSeriesKey(s.SeriesKey), s.Partition, s.Events, s.Oldest, s.Newest}
	}
	return w
}

func (w wireSeriesAnswer) answer() SeriesAnswer {
	answer := SeriesAnswer{make([]SeriesInfo, len(w.Series)), SeriesKey(w.Next)}
	for i, s := range w.Series {
		answer.Series[i] = SeriesInfo{SeriesKey(s.wireSeriesKey), s.Partition, s.Events, s.Oldest, s.Newest}
	}
	return answer
}
