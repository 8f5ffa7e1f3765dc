package worker

import "weir/aggregator"

// definitions remembers what the series of each metric have in common: its definition is a
// hash, and a sweep asks for that of every series. The zero value is ready to use.
type definitions struct {
	known map[*aggregator.Metric]*aggregator.Counting
}

func (d *definitions) of(metric *aggregator.Metric) aggregator.Definition {
	return d.counting(metric).Definition()
}

func (d *definitions) counting(metric *aggregator.Metric) *aggregator.Counting {
	counting, ok := d.known[metric]
	if !ok {
		if d.known == nil {
			d.known = make(map[*aggregator.Metric]*aggregator.Counting)
		}
		counting = aggregator.NewCounting(metric)
		d.known[metric] = counting
	}
	return counting
}
