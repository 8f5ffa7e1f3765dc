package query

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// wireOffset is one entry of an AtLeast map.
type wireOffset struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset,string"`
}

func offsetsToWire(offsets map[int32]int64) []wireOffset {
	list := make([]wireOffset, 0, len(offsets))
	for partition, offset := range offsets {
		list = append(list, wireOffset{partition, offset})
	}
	slices.SortFunc(list, func(a, b wireOffset) int { return cmp.Compare(a.Partition, b.Partition) })
	return list
}

func offsetsFromWire(list []wireOffset) map[int32]int64 {
	offsets := make(map[int32]int64, len(list))
	for _, o := range list {
		offsets[o.Partition] = max(offsets[o.Partition], o.Offset)
	}
	return offsets
}

type wireEventRequest struct {
	Organization  uuid.UUID    `json:"organization"`
	TransactionID string       `json:"transaction_id"`
	Partitions    []int32      `json:"partitions,omitempty"`
	AtLeast       []wireOffset `json:"at_least,omitempty"`
}

type wireEventsRequest struct {
	Organization uuid.UUID    `json:"organization"`
	Subscription string       `json:"subscription,omitzero"`
	Code         string       `json:"code,omitzero"`
	From         time.Time    `json:"from"`
	To           time.Time    `json:"to"`
	Offset       int          `json:"offset"`
	Limit        int          `json:"limit"`
	Of           *wirePart    `json:"of,omitempty"`
	At           int64        `json:"at,string,omitzero"`
	Partitions   []int32      `json:"partitions,omitempty"`
	AtLeast      []wireOffset `json:"at_least,omitempty"`
}

// wirePart is a part of a usage.
type wirePart struct {
	Metric wireMetric `json:"metric"`
	Reason uint8      `json:"reason,omitzero"`
	Split  wireSplit  `json:"split"`
	Filter int        `json:"filter"`
	Group  []*string  `json:"group,omitempty"`
}

func partToWire(p *aggregator.Part) *wirePart {
	if p == nil {
		return nil
	}
	split := splitToWire(&p.Split)
	split.Fold = nil // folds say nothing of which events there are
	for i := range split.Filters {
		split.Filters[i].Fold = nil
	}
	return &wirePart{metricToWire(p.Metric), uint8(p.Reason), split, p.Filter, valuesToWire(p.Group)}
}

func (w *wirePart) part() (*aggregator.Part, error) {
	if w == nil {
		return nil, nil
	}
	metric, err := w.Metric.metric()
	if err != nil {
		return nil, err
	}
	split, err := w.Split.split()
	if err != nil {
		return nil, err
	}
	return &aggregator.Part{
		Metric: metric, Reason: aggregator.Reason(w.Reason), Split: split,
		Filter: w.Filter, Group: valuesFromWire(w.Group),
	}, nil
}

type wireProperty struct {
	Name string `json:"name"`
	Kind uint8  `json:"kind"`
	Text string `json:"text,omitzero"`
}

type wireEvent struct {
	Organization  uuid.UUID      `json:"organization"`
	TransactionID string         `json:"transaction_id"`
	Subscription  string         `json:"subscription"`
	Code          string         `json:"code"`
	Timestamp     int64          `json:"timestamp,string"`
	Filled        bool           `json:"filled,omitzero"`
	ReceivedAt    int64          `json:"received_at,string"`
	PreciseTotal  string         `json:"precise_total,omitzero"`
	Properties    []wireProperty `json:"properties"`
	Partition     int32          `json:"partition"`
	Position      int64          `json:"position,string"`
	Revision      uint32         `json:"revision,omitzero"`
	Cancelled     bool           `json:"cancelled,omitzero"`
	Versions      []wireVersion  `json:"versions,omitempty"`
	Conflicts     []wireConflict `json:"conflicts,omitempty"`
}

type wireVersion struct {
	Revision     uint32         `json:"revision,omitzero"`
	Position     int64          `json:"position,string"`
	Cancelled    bool           `json:"cancelled,omitzero"`
	ReceivedAt   int64          `json:"received_at,string,omitzero"`
	Code         string         `json:"code,omitzero"`
	Timestamp    int64          `json:"timestamp,string,omitzero"`
	Filled       bool           `json:"filled,omitzero"`
	PreciseTotal string         `json:"precise_total,omitzero"`
	Properties   []wireProperty `json:"properties,omitempty"`
}

type wireConflict struct {
	Partition  int32 `json:"partition"`
	Position   int64 `json:"position,string"`
	ReceivedAt int64 `json:"received_at,string"`
}

type wireEventAnswer struct {
	Events []wireEvent `json:"events"`
}

type wireEventsAnswer struct {
	Events []wireEvent `json:"events"`
	Total  int         `json:"total"`
}

func eventRequestToWire(req EventRequest) wireEventRequest {
	return wireEventRequest{req.Organization, req.TransactionID, req.Partitions, offsetsToWire(req.AtLeast)}
}

func (w wireEventRequest) request() EventRequest {
	return EventRequest{w.Organization, w.TransactionID, w.Partitions, offsetsFromWire(w.AtLeast)}
}

func eventsRequestToWire(req EventsRequest) wireEventsRequest {
	return wireEventsRequest{
		Organization: req.Organization, Subscription: req.Subscription, Code: req.Code,
		From: req.From.UTC(), To: req.To.UTC(), Offset: req.Offset, Limit: req.Limit, Of: partToWire(req.Of), At: req.At,
		Partitions: req.Partitions, AtLeast: offsetsToWire(req.AtLeast),
	}
}

func (w wireEventsRequest) request() (EventsRequest, error) {
	of, err := w.Of.part()
	return EventsRequest{
		Organization: w.Organization, Subscription: w.Subscription, Code: w.Code,
		From: w.From, To: w.To, Offset: w.Offset, Limit: w.Limit, Of: of, At: w.At,
		Partitions: w.Partitions, AtLeast: offsetsFromWire(w.AtLeast),
	}, err
}

func eventsToWire(events []Event) []wireEvent {
	list := make([]wireEvent, len(events))
	for i := range events {
		e := &events[i]
		list[i] = wireEvent{
			Organization: e.Organization, TransactionID: e.TransactionID, Subscription: e.Subscription, Code: e.Code,
			Timestamp: e.Timestamp, Filled: e.Filled, ReceivedAt: e.ReceivedAt,
			PreciseTotal: e.PreciseTotal, Properties: propertiesToWire(e.Properties),
			Partition: e.Partition, Position: int64(e.Position), Revision: e.Revision, Cancelled: e.Cancelled,
		}
		for _, v := range e.Versions {
			list[i].Versions = append(list[i].Versions, wireVersion{
				v.Revision, int64(v.Position), v.Cancelled, v.ReceivedAt, v.Code, v.Timestamp, v.Filled,
				v.PreciseTotal, propertiesToWire(v.Properties),
			})
		}
		for _, c := range e.Conflicts {
			list[i].Conflicts = append(list[i].Conflicts, wireConflict{c.Partition, int64(c.Position), c.ReceivedAt})
		}
	}
	return list
}

func propertiesToWire(properties []Property) []wireProperty {
	list := make([]wireProperty, len(properties))
	for i, p := range properties {
		list[i] = wireProperty{p.Name, uint8(p.Kind), p.Text}
	}
	return list
}

func eventsFromWire(list []wireEvent) []Event {
	events := make([]Event, len(list))
	for i := range list {
		w := &list[i]
		events[i] = Event{
			Organization: w.Organization, TransactionID: w.TransactionID, Subscription: w.Subscription, Code: w.Code,
			Timestamp: w.Timestamp, Filled: w.Filled, ReceivedAt: w.ReceivedAt,
			PreciseTotal: w.PreciseTotal, Properties: propertiesFromWire(w.Properties),
			Partition: w.Partition, Position: ingest.Position(w.Position), Revision: w.Revision, Cancelled: w.Cancelled,
		}
		for _, v := range w.Versions {
			events[i].Versions = append(events[i].Versions, Version{
				v.Revision, ingest.Position(v.Position), v.Cancelled, v.ReceivedAt, v.Code, v.Timestamp, v.Filled,
				v.PreciseTotal, propertiesFromWire(v.Properties),
			})
		}
		for _, c := range w.Conflicts {
			events[i].Conflicts = append(events[i].Conflicts, Conflict{c.Partition, ingest.Position(c.Position), c.ReceivedAt})
		}
	}
	return events
}

func propertiesFromWire(list []wireProperty) []Property {
	properties := make([]Property, len(list))
	for i, w := range list {
		properties[i] = Property{w.Name, ingest.Kind(w.Kind), w.Text}
	}
	return properties
}
