package biller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"weir/aggregator"
	"weir/billing"
	"weir/billing/postgres"
)

// round bills the customers of one batch of claims. What they share is read once: plans,
// definitions and default taxes of their organizations, ends of partitions. All of it is read
// after the claims were made, so after everything claimed was due.
type round struct {
	biller *Biller

	mu          sync.Mutex
	plans       map[uuid.UUID]*billing.Plan                    // by id
	definitions map[uuid.UUID]map[uuid.UUID]*aggregator.Metric // by organization, by metric id
	taxes       map[uuid.UUID][]billing.Tax                    // those that hold by default, by organization
	ends        map[int32]int64                                // by partition
}

func newRound(b *Biller) *round {
	return &round{
		biller:      b,
		plans:       map[uuid.UUID]*billing.Plan{},
		definitions: map[uuid.UUID]map[uuid.UUID]*aggregator.Metric{},
		taxes:       map[uuid.UUID][]billing.Tax{},
		ends:        map[int32]int64{},
	}
}

// bill makes one claimed customer's invoice as at the instant now, and reports whether
// there was one: some due dates only move subscriptions on.
func (r *round) bill(ctx context.Context, claim postgres.Claim, now time.Time) (written bool, err error) {
	location, err := billing.Location(&claim.Customer, &claim.Organization)
	if err != nil {
		return false, err
	}
	bills, err := r.bills(ctx, claim, location)
	if err != nil {
		return false, err
	}
	invoice, snapshots, err := r.assemble(ctx, claim, bills, location, now)
	if err != nil {
		return false, err
	}
	advances := make([]billing.Advance, len(bills))
	for i := range bills {
		advances[i] = bills[i].Advance
	}
	if err := r.biller.opts.DB.WriteInvoice(ctx, claim, invoice, snapshots, advances, now); err != nil {
		return false, err
	}
	return invoice != nil, nil
}

// bills returns what falls due for the claimed subscriptions, as far as it goes on one invoice:
// that of the first bill that is invoiced. Bills of other invoices are left, and are claimed
// again.
func (r *round) bills(ctx context.Context, claim postgres.Claim, location *time.Location) ([]billing.Bill, error) {
	var bills []billing.Bill
	var invoice *billing.InvoiceKey
	for i := range claim.Subscriptions {
		subscription := &claim.Subscriptions[i]
		plan, err := r.plan(ctx, claim.Organization.ID, subscription.PlanID)
		if err != nil {
			return nil, err
		}
		bill, ok := billing.NextBill(subscription, plan, location)
		if !ok {
			return nil, fmt.Errorf("subscription %s was claimed and has nothing due", subscription.ID)
		}
		key := bill.InvoiceKey()
		if bill.Invoiced() && invoice == nil {
			invoice = &key
		}
		if !bill.Invoiced() || key == *invoice {
			bills = append(bills, bill)
		}
	}
	return bills, nil
}

// assemble makes the invoice of those bills that belong on one, nil if none does.
func (r *round) assemble(ctx context.Context, claim postgres.Claim, bills []billing.Bill, location *time.Location, now time.Time) (*billing.Invoice, []billing.UsageSnapshot, error) {
	bills = slices.DeleteFunc(slices.Clone(bills), func(b billing.Bill) bool { return !b.Invoiced() })
	if len(bills) == 0 {
		return nil, nil, nil
	}
	priced, err := r.priceAll(ctx, claim.Organization.ID, bills, location)
	if err != nil {
		return nil, nil, err
	}
	taxes, err := r.organizationTaxes(ctx, claim.Organization.ID)
	if err != nil {
		return nil, nil, err
	}
	return billing.Assemble(billing.Assembly{
		Organization:      &claim.Organization,
		Customer:          &claim.Customer,
		Location:          location,
		OrganizationTaxes: taxes,
		Bills:             priced,
		Now:               now,
		NewID:             newID,
	})
}

// priceAll prices bills, in their order. It asks for several at once: each answer waits for
// the next checkpoint of its partition.
func (r *round) priceAll(ctx context.Context, organization uuid.UUID, bills []billing.Bill, location *time.Location) ([]billing.PricedBill, error) {
	priced := make([]billing.PricedBill, len(bills))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pricingParallelism)
	for i, bill := range bills {
		group.Go(func() (err error) {
			if priced[i], err = r.price(ctx, organization, bill, location); err != nil {
				return fmt.Errorf("cannot price subscription %s: %w", bill.Subscription.ID, err)
			}
			return nil
		})
	}
	return priced, group.Wait()
}

func (r *round) plan(ctx context.Context, organization, id uuid.UUID) (*billing.Plan, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if plan := r.plans[id]; plan != nil {
		return plan, nil
	}
	plan, err := r.biller.opts.DB.PlanByID(ctx, organization, id)
	if err != nil {
		return nil, fmt.Errorf("cannot load plan %s: %w", id, err)
	}
	r.plans[id] = &plan
	return &plan, nil
}

// organizationTaxes returns the taxes that hold where nothing else is said.
func (r *round) organizationTaxes(ctx context.Context, organization uuid.UUID) ([]billing.Tax, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if taxes, ok := r.taxes[organization]; ok {
		return taxes, nil
	}
	taxes, err := r.biller.opts.DB.OrganizationTaxes(ctx, organization)
	if err != nil {
		return nil, fmt.Errorf("cannot load the organization's taxes: %w", err)
	}
	r.taxes[organization] = taxes
	return taxes, nil
}

// newID returns a UUIDv7. It fails only when the system has no random numbers, and then
// nothing works.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
