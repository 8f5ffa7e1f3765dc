package worker

import "weir/aggregator"

// definitions remembers the definitions of metrics: each is a hash, and a sweep asks
// for that of every series. The zero value is ready to use.
type definitions struct {
	known map[*aggregator.Metric]aggregator.Definition
}

func (d *definitions) of(metric *aggregator.Metric) aggregator.Definition {
	definition, ok := d.known[metric]
	if !ok {
		if d.known == nil {
			d.known = make(map[*aggregator.Metric]aggregator.Definition)
		}
		definition = metric.Definition()
		d.known[metric] = definition
	}
	return definition
}
