package target

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Usage is Lago's customer_usage, as far as it is looked at here.
type Usage struct {
	AmountCents int64         `json:"amount_cents"`
	Charges     []ChargeUsage `json:"charges_usage"`
}

// ChargeUsage is the usage of one charge.
type ChargeUsage struct {
	Units       string `json:"units"` // decimal
	EventsCount int64  `json:"events_count"`
	AmountCents int64  `json:"amount_cents"`
	Metric      struct {
		Code string `json:"code"`
	} `json:"billable_metric"`
}

// CurrentUsage reads a subscription's usage of its running period. position is
// what it must cover, "" = whatever is there.
func (a API) CurrentUsage(ctx context.Context, customer, subscription, position string) (Usage, error) {
	var out struct {
		Usage Usage `json:"customer_usage"`
	}
	path := "/customers/" + url.PathEscape(customer) + "/current_usage?external_subscription_id=" + url.QueryEscape(subscription)
	if err := a.Get(ctx, path, &out, position); err != nil {
		return Usage{}, fmt.Errorf("cannot read usage of %s: %w", subscription, err)
	}
	return out.Usage, nil
}

// Positions are the last records written by partition, gathered from answers.
type Positions map[int32]int64

// Add takes in what an answer's PositionHeader says; "" says nothing.
func (p Positions) Add(header string) error {
	for part := range strings.SplitSeq(header, ",") {
		if part == "" {
			continue
		}
		partition, offset, _ := strings.Cut(strings.TrimSpace(part), ":")
		number, err := strconv.ParseInt(partition, 10, 32)
		if err != nil {
			return fmt.Errorf("cannot read %s %q: %w", PositionHeader, header, err)
		}
		at, err := strconv.ParseInt(offset, 10, 64)
		if err != nil {
			return fmt.Errorf("cannot read %s %q: %w", PositionHeader, header, err)
		}
		if last, ok := p[int32(number)]; !ok || at > last {
			p[int32(number)] = at
		}
	}
	return nil
}

// String is the header that makes a read cover the positions.
func (p Positions) String() string {
	parts := make([]string, 0, len(p))
	for partition, offset := range p {
		parts = append(parts, fmt.Sprintf("%d:%d", partition, offset))
	}
	return strings.Join(parts, ",")
}
