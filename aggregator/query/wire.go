package query

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"weir/aggregator"
	"weir/ingest"
)

// The structs in this file are the wire: version 1 of the questions and answers.
// They are kept apart from the types of query.go so that those can change
// without changing what another process reads.

// decimalTextMax bounds the text of one number of units, in bytes: parsing time
// grows with its square.
const decimalTextMax = 4096

type wireMetric struct {
	Organization uuid.UUID `json:"organization"`
	Code         string    `json:"code"`
	Aggregation  uint8     `json:"aggregation"`
	FieldName    string    `json:"field_name,omitzero"`
	CellKeys     []string  `json:"cell_keys"`
}

type wireUsageRequest struct {
	Organization uuid.UUID    `json:"organization"`
	Subscription string       `json:"subscription"`
	From         time.Time    `json:"from"`
	To           time.Time    `json:"to"`
	Metrics      []wireMetric `json:"metrics"`
	AtLeast      int64        `json:"at_least,string"`
	Committed    bool         `json:"committed,omitzero"`
}

func usageRequestToWire(req UsageRequest) wireUsageRequest {
	metrics := make([]wireMetric, len(req.Metrics))
	for i, m := range req.Metrics {
		metrics[i] = wireMetric{m.Organization, m.Code, uint8(m.Aggregation), m.FieldName, m.CellKeys}
	}
	return wireUsageRequest{
		Organization: req.Organization, Subscription: req.Subscription,
		From: req.From.UTC(), To: req.To.UTC(),
		Metrics: metrics, AtLeast: req.AtLeast, Committed: req.Committed,
	}
}

func (w wireUsageRequest) request() UsageRequest {
	metrics := make([]*aggregator.Metric, len(w.Metrics))
	for i, m := range w.Metrics {
		metrics[i] = &aggregator.Metric{
			Organization: m.Organization, Code: m.Code,
			Aggregation: aggregator.Aggregation(m.Aggregation), FieldName: m.FieldName, CellKeys: m.CellKeys,
		}
	}
	return UsageRequest{
		Organization: w.Organization, Subscription: w.Subscription, From: w.From, To: w.To,
		Metrics: metrics, AtLeast: w.AtLeast, Committed: w.Committed,
	}
}

type wireCell struct {
	Values      []*string `json:"values"` // nil: the null value
	Units       string    `json:"units"`
	EventsCount int64     `json:"events_count,string"`
}

type wireMetricUsage struct {
	Cells []wireCell `json:"cells"`
}

type wireUsageAnswer struct {
	LogID     string            `json:"log_id"`
	Partition int32             `json:"partition"`
	Next      int64             `json:"next,string"`
	Metrics   []wireMetricUsage `json:"metrics"`
}

func usageAnswerToWire(answer UsageAnswer) wireUsageAnswer {
	metrics := make([]wireMetricUsage, len(answer.Metrics))
	for i, m := range answer.Metrics {
		metrics[i].Cells = make([]wireCell, len(m.Cells))
		for j, cell := range m.Cells {
			metrics[i].Cells[j] = cellToWire(cell)
		}
	}
	return wireUsageAnswer{answer.LogID, answer.Partition, answer.Next, metrics}
}

func cellToWire(cell aggregator.CellUsage) wireCell {
	values := make([]*string, len(cell.Values))
	for i := range cell.Values {
		if !cell.Values[i].Null {
			values[i] = &cell.Values[i].Text
		}
	}
	return wireCell{values, cell.Units.String(), cell.EventsCount}
}

func (w wireUsageAnswer) answer() (UsageAnswer, error) {
	answer := UsageAnswer{LogID: w.LogID, Partition: w.Partition, Next: w.Next}
	answer.Metrics = make([]MetricUsage, len(w.Metrics))
	for i, m := range w.Metrics {
		cells := make([]aggregator.CellUsage, len(m.Cells))
		for j, cell := range m.Cells {
			var err error
			if cells[j], err = cell.cell(); err != nil {
				return UsageAnswer{}, err
			}
		}
		answer.Metrics[i].Cells = cells
	}
	return answer, nil
}

func (w wireCell) cell() (aggregator.CellUsage, error) {
	if len(w.Units) > decimalTextMax {
		return aggregator.CellUsage{}, fmt.Errorf("units have %d digits (limit %d)", len(w.Units), decimalTextMax)
	}
	units, err := decimal.NewFromString(w.Units)
	if err != nil {
		return aggregator.CellUsage{}, fmt.Errorf("cannot read units: %w", err)
	}
	values := make([]aggregator.Value, len(w.Values))
	for i, text := range w.Values {
		if text == nil {
			values[i].Null = true
		} else {
			values[i].Text = *text
		}
	}
	return aggregator.CellUsage{Values: values, Units: units, EventsCount: w.EventsCount}, nil
}

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
	Partitions   []int32      `json:"partitions,omitempty"`
	AtLeast      []wireOffset `json:"at_least,omitempty"`
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
		From: req.From.UTC(), To: req.To.UTC(), Offset: req.Offset, Limit: req.Limit,
		Partitions: req.Partitions, AtLeast: offsetsToWire(req.AtLeast),
	}
}

func (w wireEventsRequest) request() EventsRequest {
	return EventsRequest{
		Organization: w.Organization, Subscription: w.Subscription, Code: w.Code,
		From: w.From, To: w.To, Offset: w.Offset, Limit: w.Limit,
		Partitions: w.Partitions, AtLeast: offsetsFromWire(w.AtLeast),
	}
}

func eventsToWire(events []Event) []wireEvent {
	list := make([]wireEvent, len(events))
	for i, e := range events {
		properties := make([]wireProperty, len(e.Properties))
		for j, p := range e.Properties {
			properties[j] = wireProperty{p.Name, uint8(p.Kind), p.Text}
		}
		list[i] = wireEvent{
			e.Organization, e.TransactionID, e.Subscription, e.Code, e.Timestamp, e.Filled,
			e.ReceivedAt, e.PreciseTotal, properties, e.Partition, int64(e.Position),
		}
	}
	return list
}

func eventsFromWire(list []wireEvent) []Event {
	events := make([]Event, len(list))
	for i, w := range list {
		properties := make([]Property, len(w.Properties))
		for j, p := range w.Properties {
			properties[j] = Property{p.Name, ingest.Kind(p.Kind), p.Text}
		}
		events[i] = Event{
			w.Organization, w.TransactionID, w.Subscription, w.Code, w.Timestamp, w.Filled,
			w.ReceivedAt, w.PreciseTotal, properties, w.Partition, ingest.Position(w.Position),
		}
	}
	return events
}
