package target

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Metrics are the values of a weir's metrics, by name with labels as they are exposed.
type Metrics map[string]float64

// ReadMetrics reads /metrics of an operations listener.
func ReadMetrics(ctx context.Context, opsURL string) (Metrics, error) {
	body, err := get(ctx, opsURL+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("cannot read metrics: %w", err)
	}
	return parseMetrics(body)
}

// parseMetrics reads Prometheus' text format, without timestamps.
func parseMetrics(body []byte) (Metrics, error) {
	m := Metrics{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			return nil, fmt.Errorf("cannot read metric %q", line)
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read metric %q: %w", line, err)
		}
		m[line[:at]] = value
	}
	return m, lines.Err()
}

// Sum returns the sum of a metric's values over all its labels, 0 if there is none.
func (m Metrics) Sum(name string) (sum float64) {
	for key, value := range m {
		if rest, ok := strings.CutPrefix(key, name); ok && (rest == "" || rest[0] == '{') {
			sum += value
		}
	}
	return sum
}
