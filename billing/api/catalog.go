package api

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/billing/postgres"
)

// catalogRowsMax bounds the catalogs that are kept, in rows of about a kilobyte: metrics,
// plans, charges and filters of all organizations together.
const catalogRowsMax = 50_000

// catalog is one version of what an organization sells, with what is made of it once for
// all questions. It is immutable to its users.
type catalog struct {
	*postgres.OrganizationCatalog
	metered sync.Map // by plan id: *meteredCharges of the whole plan
}

// meteredCharges are charges with what metering is asked in order to price them.
type meteredCharges struct {
	charges []*billing.Charge
	items   []query.UsageItem // one for each charge
	// needsDays: metering must be told the local days of the full period.
	needsDays bool
}

func meterCharges(charges []*billing.Charge, definitions map[uuid.UUID]*aggregator.Metric) (*meteredCharges, error) {
	metered, err := billing.MeterCharges(charges, definitions)
	if err != nil {
		return nil, err
	}
	return &meteredCharges{charges, each(metered, itemOf), billing.NeedsDays(metered)}, nil
}

// ofAllTime returns what to ask for more than one period, whose days are no full period's: a
// weighted sum is then over the time that there is, and prorated units can't be asked for.
func (m *meteredCharges) ofAllTime() (*meteredCharges, error) {
	for i := range m.items {
		if m.items[i].Split.Prorates() {
			return nil, billing.NotAllowed(codeFullUsage)
		}
	}
	return &meteredCharges{charges: m.charges, items: m.items}, nil
}

// taxes returns the taxes with the ids, in their order. One that has been deleted meanwhile holds
// no more.
func (c *catalog) taxes(ids []uuid.UUID) []billing.Tax {
	var taxes []billing.Tax
	for _, id := range ids {
		if tax := c.Taxes[id]; tax != nil {
			taxes = append(taxes, *tax)
		}
	}
	return taxes
}

// itemOf returns what to ask metering for a charge.
func itemOf(m *billing.MeteredCharge) query.UsageItem {
	return query.UsageItem{Metric: m.Metric, Split: m.Split}
}

// meter returns what to ask for those of the plan's charges that the filter takes.
func (c *catalog) meter(plan *billing.Plan, filter *usageFilter) (*meteredCharges, error) {
	if kept, ok := c.metered.Load(plan.ID); ok && filter.takesPlan() {
		return kept.(*meteredCharges), nil
	}
	charges, err := filter.charges(plan)
	if err != nil {
		return nil, err
	}
	metered, err := meterCharges(charges, c.Metrics)
	if err == nil && filter.takesPlan() {
		c.metered.Store(plan.ID, metered)
	}
	return metered, err
}

// catalogs keeps the newest catalog that was asked for of each organization, those that
// fit. Which version is in force is always read from the database; a catalog of it, or of a
// later one, is then as good as one that is read now.
type catalogs struct {
	read func(ctx context.Context, organization uuid.UUID) (*postgres.OrganizationCatalog, error)

	reading singleflight.Group // by organization and version: read once for all who wait

	mu   sync.Mutex
	kept map[uuid.UUID]*catalog
	rows int // of all that are kept
}

// at returns the organization's catalog of the version, or of a later one.
func (c *catalogs) at(ctx context.Context, organization uuid.UUID, version int64) (*catalog, error) {
	c.mu.Lock()
	kept := c.kept[organization]
	c.mu.Unlock()
	if kept != nil && kept.Version >= version {
		return kept, nil
	}
	// Whoever waits for the same version may share a reading that has begun after it was in force.
	reading := c.reading.DoChan(organization.String()+strconv.FormatInt(version, 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		read, err := c.read(ctx, organization)
		if err != nil {
			return nil, err
		}
		return c.keep(organization, &catalog{OrganizationCatalog: read}), nil
	})
	select {
	case result := <-reading:
		if result.Err != nil {
			return nil, fmt.Errorf("cannot load the catalog: %w", result.Err)
		}
		return result.Val.(*catalog), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("cannot load the catalog: %w", ctx.Err())
	}
}

// keep keeps a catalog if it is newer than what is kept, and returns the newer. Others are
// let go of for it where there is no room; which ones does not matter much.
func (c *catalogs) keep(organization uuid.UUID, read *catalog) *catalog {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept := c.kept[organization]; kept != nil {
		if kept.Version >= read.Version {
			return kept
		}
		c.drop(organization)
	}
	for other := range c.kept {
		if c.rows+read.Rows <= catalogRowsMax {
			break
		}
		c.drop(other)
	}
	if c.kept == nil {
		c.kept = make(map[uuid.UUID]*catalog)
	}
	c.kept[organization] = read
	c.rows += read.Rows
	return read
}

func (c *catalogs) drop(organization uuid.UUID) {
	c.rows -= c.kept[organization].Rows
	delete(c.kept, organization)
}
