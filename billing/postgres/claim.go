package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"weir/billing"
)

// ClaimLimitMax bounds how many customers one ClaimDue leases.
const ClaimLimitMax = 1000

// ErrLeaseLost: the claim's lease ran out and another biller has claimed the customer
// since, or its organization lives by a test clock now and did not when it was claimed.
// Nothing was written.
var ErrLeaseLost = errors.New("lease on the customer is lost")

// ClaimOptions says what ClaimDue claims. There are two clocks: what is due is so by
// the organization's, which may be a test clock; leases live by the system's.
type ClaimOptions struct {
	// Organization is whose customers are claimed, whatever clock it has. nil: those of
	// all organizations that live by the system's clock. A customer that was postponed is
	// claimed all the same when its organization is named: somebody waits for it.
	Organization *uuid.UUID
	DueUntil     time.Time // by the organization's clock: NextDueAt at or before this is due
	// StartsUntil is, as DueUntil, for what has no usage to wait for: a subscription whose
	// UsageBilledUntil has reached its NextDueAt, because it only starts then. The later of
	// the two holds for it; the zero value asks for nothing more.
	StartsUntil time.Time
	Now         time.Time // by the system's clock: leases until then or earlier are over
	LeaseUntil  time.Time // by the system's clock
	Limit       int       // customers at most, 1 to ClaimLimitMax
}

func (o *ClaimOptions) startsUntil() time.Time {
	if o.StartsUntil.After(o.DueUntil) {
		return o.StartsUntil
	}
	return o.DueUntil
}

// Claim is one customer with something due, leased to one biller.
type Claim struct {
	Organization billing.Organization
	Customer     billing.Customer // with its taxes
	DueAt        time.Time
	// Subscriptions are those of the customer that fall due together: whose NextDueAt is
	// DueAt, the earliest of all; at least one, the oldest first.
	Subscriptions []billing.Subscription
	LeaseID       uuid.UUID // what the holder must show
	LeaseUntil    time.Time
}

// ClaimDue leases customers that have something due and nobody else has leased, those
// whose turn came first first. No two callers get the same customer before its lease
// ends or is given back. Fewer than Limit, or none, may come although more is due:
// while others hold them, or because a customer was billed just then.
func (db *DB) ClaimDue(ctx context.Context, opts ClaimOptions) ([]Claim, error) {
	if opts.Limit < 1 || opts.Limit > ClaimLimitMax {
		return nil, fmt.Errorf("BUG: claim limit %d is not in 1 to %d", opts.Limit, ClaimLimitMax)
	}
	var claims []Claim
	err := db.inTx(ctx, func(tx pgx.Tx) (err error) {
		if claims, err = leaseDue(ctx, tx, opts); err != nil {
			return err
		}
		return completeClaims(ctx, tx, claims, opts)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot claim what is due: %w", err)
	}
	due := claims[:0]
	for _, c := range claims {
		if len(c.Subscriptions) > 0 {
			due = append(due, c)
			continue
		}
		// It was billed between the statement's snapshot and its lock.
		if err := db.ReleaseClaim(ctx, c); err != nil {
			return nil, err
		}
	}
	return due, nil
}

// leaseDue claims and returns in one statement. It walks the index of due dates from
// the oldest on and stops at the limit; a customer with two subscriptions due is met
// twice, and locked and leased once. The lock makes PostgreSQL look at the lease again
// in the row's newest version.
func leaseDue(ctx context.Context, tx pgx.Tx, opts ClaimOptions) ([]Claim, error) {
	const lease = `WITH due AS MATERIALIZED (
			SELECT c.id
			FROM subscriptions s
			JOIN customers c ON c.id = s.customer_id
			JOIN organizations o ON o.id = s.organization_id
			WHERE s.next_due_at <= @starts_until
				AND (s.next_due_at <= @due_until OR s.usage_billed_until >= s.next_due_at)
				AND (s.organization_id = @org OR (@org::uuid IS NULL AND o.test_clock IS NULL))
				AND (c.leased_until IS NULL OR c.leased_until <= @now OR (c.lease_id IS NULL AND @org IS NOT NULL))
			ORDER BY s.next_due_at, s.customer_id
			LIMIT @limit
			FOR NO KEY UPDATE OF c SKIP LOCKED
		)
		UPDATE customers c SET lease_id = gen_random_uuid(), leased_until = @lease_until
		WHERE c.id IN (SELECT id FROM due)
		RETURNING ` + customerColumns + `, c.lease_id, c.leased_until`
	return readAll(ctx, tx, "due customers", scanClaim, lease, pgx.NamedArgs{
		"org": opts.Organization, "due_until": stamp(opts.DueUntil), "starts_until": stamp(opts.startsUntil()),
		"now": stamp(opts.Now), "lease_until": stamp(opts.LeaseUntil), "limit": opts.Limit,
	})
}

func scanClaim(row pgx.CollectableRow) (c Claim, err error) {
	err = row.Scan(append(customerFields(&c.Customer), &c.LeaseID, &c.LeaseUntil)...)
	return c, err
}

// completeClaims fills in organizations, customers' taxes and due subscriptions, as they are under the
// lock, and sorts the claims by when they fell due.
func completeClaims(ctx context.Context, tx pgx.Tx, claims []Claim, opts ClaimOptions) error {
	if len(claims) == 0 {
		return nil
	}
	const organizationsQuery = `SELECT ` + organizationColumns + ` FROM organizations o WHERE o.id = ANY ($1)`
	const subscriptionsQuery = `SELECT ` + subscriptionColumns + ` FROM subscriptions s
		WHERE s.customer_id = ANY ($1) AND s.next_due_at <= $3
			AND (s.next_due_at <= $2 OR s.usage_billed_until >= s.next_due_at)
		ORDER BY s.next_due_at, s.created_at, s.id`
	ids, organizations := make([]uuid.UUID, len(claims)), make([]uuid.UUID, len(claims))
	customers := make([]*billing.Customer, len(claims))
	index := make(map[uuid.UUID]*Claim, len(claims))
	for i := range claims {
		c := &claims[i].Customer
		ids[i], organizations[i], customers[i], index[c.ID] = c.ID, c.OrganizationID, c, &claims[i]
	}
	if err := readCustomerTaxes(ctx, tx, customers...); err != nil {
		return err
	}
	owners, err := readAll(ctx, tx, "organizations", scanOrganization, organizationsQuery, organizations)
	if err != nil {
		return err
	}
	owner := byID(owners, func(o *billing.Organization) uuid.UUID { return o.ID })
	subscriptions, err := readAll(ctx, tx, "due subscriptions", scanSubscription, subscriptionsQuery, ids, stamp(opts.DueUntil), stamp(opts.startsUntil()))
	if err != nil {
		return err
	}
	for i := range claims {
		claims[i].Organization = owner[claims[i].Customer.OrganizationID]
	}
	for _, s := range subscriptions {
		index[s.CustomerID].add(s)
	}
	slices.SortFunc(claims, func(a, b Claim) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), bytes.Compare(a.Customer.ID[:], b.Customer.ID[:]))
	})
	return nil
}

// add takes a due subscription, if it falls due with the first. They come in the order
// of their due dates.
func (c *Claim) add(s billing.Subscription) {
	if len(c.Subscriptions) == 0 {
		c.DueAt = *s.NextDueAt
	}
	if s.NextDueAt.Equal(c.DueAt) {
		c.Subscriptions = append(c.Subscriptions, s)
	}
}

// ReleaseClaim gives the customer back at once. A lease that was lost is no error.
func (db *DB) ReleaseClaim(ctx context.Context, c Claim) error {
	const release = `UPDATE customers SET lease_id = NULL, leased_until = NULL
		WHERE organization_id = $1 AND id = $2 AND lease_id = $3`
	if _, err := db.pool.Exec(ctx, release, c.Customer.OrganizationID, c.Customer.ID, c.LeaseID); err != nil {
		return fmt.Errorf("cannot release claim: %w", err)
	}
	return nil
}

// PostponeClaim lets nobody who does not name the organization claim the customer before
// an instant of the system's clock, so that one that fails does not stand in the way of others. The claim ends. A
// lease that was lost is no error.
func (db *DB) PostponeClaim(ctx context.Context, c Claim, until time.Time) error {
	const postpone = `UPDATE customers SET lease_id = NULL, leased_until = $4
		WHERE organization_id = $1 AND id = $2 AND lease_id = $3`
	if _, err := db.pool.Exec(ctx, postpone, c.Customer.OrganizationID, c.Customer.ID, c.LeaseID, stamp(until)); err != nil {
		return fmt.Errorf("cannot postpone claim: %w", err)
	}
	return nil
}

// EarliestDue returns the organization's earliest NextDueAt, leased or not; false when
// nothing will fall due.
func (db *DB) EarliestDue(ctx context.Context, org uuid.UUID) (time.Time, bool, error) {
	const query = `SELECT min(next_due_at) FROM subscriptions
		WHERE organization_id = $1 AND next_due_at IS NOT NULL`
	return earliest(readOne(ctx, db.pool, "due date", pgx.RowTo[*time.Time], query, org))
}

// OldestDue returns the earliest NextDueAt of all organizations that live by the
// system's clock; false when nothing will fall due.
func (db *DB) OldestDue(ctx context.Context) (time.Time, bool, error) {
	const query = `SELECT min(s.next_due_at) FROM subscriptions s
		JOIN organizations o ON o.id = s.organization_id
		WHERE s.next_due_at IS NOT NULL AND o.test_clock IS NULL`
	return earliest(readOne(ctx, db.pool, "due date", pgx.RowTo[*time.Time], query))
}

func earliest(at *time.Time, err error) (time.Time, bool, error) {
	if err != nil || at == nil {
		return time.Time{}, false, err
	}
	return *at, true, nil
}
