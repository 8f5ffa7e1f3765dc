package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"time"

	"weir/bench/target"
)

// usage is what is looked at of Lago's customer_usage.
type usage struct {
	Charges []chargeUsage `json:"charges_usage"`
}

type chargeUsage struct {
	Units       string        `json:"units"` // decimal
	EventsCount int64         `json:"events_count"`
	Filters     []filterUsage `json:"filters"`
}

type filterUsage struct {
	Units       string              `json:"units"`
	EventsCount int64               `json:"events_count"`
	Values      map[string][]string `json:"values"`
}

// events is how many events the usage is of: every charge is of all.
func (u *usage) events() int64 {
	if len(u.Charges) == 0 {
		return 0
	}
	return u.Charges[0].EventsCount
}

// client reads usage over one connection. It is used by one goroutine.
type client struct {
	address, key string
	wire         *wire
	request      []byte
}

func newClient(api target.API) (*client, error) {
	address, err := addressOf(api.URL)
	return &client{address: address, key: api.Key}, err
}

func (c *client) close() {
	if c.wire != nil {
		c.wire.close()
		c.wire = nil
	}
}

// Overload passes, and a partition may not be there yet: a reading is made again that
// often at most.
const (
	attemptsMax  = 100
	attemptPause = 50 * time.Millisecond
)

// get reads a subscription's current usage as JSON, valid until the next call;
// position is what it must cover, "" = whatever is there.
func (c *client) get(ctx context.Context, customer, subscription, position string) ([]byte, error) {
	c.request = append(c.request[:0], "GET /api/v1/customers/"...)
	c.request = append(c.request, url.PathEscape(customer)...)
	c.request = append(c.request, "/current_usage?external_subscription_id="...)
	c.request = append(c.request, url.QueryEscape(subscription)...)
	c.request = append(c.request, " HTTP/1.1\r\nHost: "+c.address+"\r\nAuthorization: Bearer "+c.key+"\r\n"...)
	if position != "" {
		c.request = append(c.request, target.PositionHeader+": "+position+"\r\n"...)
	}
	c.request = append(c.request, "\r\n"...)
	for attempt := 1; ; attempt++ {
		a, err := c.once(ctx)
		switch {
		case err == nil && a.status == http.StatusOK:
			return a.body, nil
		case err == nil:
			err = fmt.Errorf("status %d: %.300s", a.status, a.body)
			if a.status != http.StatusTooManyRequests && a.status < http.StatusInternalServerError {
				return nil, fmt.Errorf("cannot read usage of %s: %w", subscription, err)
			}
		}
		if attempt == attemptsMax || ctx.Err() != nil {
			return nil, fmt.Errorf("cannot read usage of %s: %w", subscription, err)
		}
		time.Sleep(attemptPause)
	}
}

func (c *client) once(ctx context.Context) (a answer, err error) {
	if c.wire == nil {
		if c.wire, err = dial(ctx, c.address); err != nil {
			return answer{}, err
		}
	}
	if err = c.wire.write(c.request); err == nil {
		a, err = c.wire.read()
	}
	if err != nil {
		c.close()
	}
	return a, err
}

// usage reads a subscription's current usage.
func (c *client) usage(ctx context.Context, customer, subscription, position string) (*usage, error) {
	body, err := c.get(ctx, customer, subscription, position)
	if err != nil {
		return nil, err
	}
	var out struct {
		Usage usage `json:"customer_usage"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("cannot read usage of %s: %w", subscription, err)
	}
	return &out.Usage, nil
}

// compare says how a subscription's usage differs from what was acknowledged.
func compare(name string, u *usage, cells []Cell) error {
	if len(u.Charges) != len(charges) {
		return fmt.Errorf("%s: usage has %d charges, want %d", name, len(u.Charges), len(charges))
	}
	var all Cell
	for _, c := range cells {
		all.add(c)
	}
	for i := range u.Charges {
		got := &u.Charges[i]
		if err := same(name, got.Units, got.EventsCount, all); err != nil {
			return err
		}
		of, err := chargeOf(got.Filters)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, f := range got.Filters {
			value := f.Values[of.field][0]
			if err := same(name+", "+value, f.Units, f.EventsCount, of.filtered(cells, value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// chargeOf finds the charge that has these filters.
func chargeOf(filters []filterUsage) (charge, error) {
	for _, c := range charges {
		found := 0
		for _, f := range filters {
			if values := f.Values[c.field]; len(values) == 1 {
				found++
			}
		}
		if found == len(c.values) && found == len(filters) {
			return c, nil
		}
	}
	return charge{}, fmt.Errorf("a charge has filters that it should not have: %v", filters)
}

// same says how units and events differ from a cell.
func same(name, units string, events int64, want Cell) error {
	exact := big.NewRat(want.Thousandths, 1000)
	got, ok := new(big.Rat).SetString(units)
	if !ok || got.Cmp(exact) != 0 || events != want.Events {
		return fmt.Errorf("%s: usage is %s units of %d events, acknowledged were %s of %d",
			name, units, events, exact.FloatString(3), want.Events)
	}
	return nil
}
