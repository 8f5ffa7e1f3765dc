package postgres

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Bounds of what is remembered of rows.
const (
	// RecentAgeMax is how old what RecentRunningSubscription returns may be at most.
	RecentAgeMax = time.Second
	// recentLookAfter is after how long somebody is sent to look what has changed.
	recentLookAfter = RecentAgeMax / 4
	// recentLookTimeout bounds one look.
	recentLookTimeout = 5 * time.Second
	// recentChangesMax is of how many rows a look takes changes one by one. Are there more,
	// everything is forgotten.
	recentChangesMax = 10_000
	// recentRowsMax bounds the rows of each table, of some 500 bytes at most.
	recentRowsMax = 200_000
)

// recent remembers rows that questions about usage need, so that most are answered without
// the database. What this process writes is forgotten before the writer returns. What others
// write is found by looking: every row says in which transaction it was last changed, and
// each look asks for the rows of those transactions that had not ended in the snapshot of the
// look before. Nothing is believed when the last look has begun RecentAgeMax ago or longer.
//
// Looks are taken while somebody asks, not otherwise: an idle process leaves the
// database alone.
type recent struct {
	organizations memory[uuid.UUID, recentOrganization]
	customers     memory[recentKey, recentCustomer]
	subscriptions memory[recentKey, *RunningSubscription]

	neighbours neighbours
	background sync.WaitGroup // who reads neighbours

	mu      sync.Mutex
	looking bool      // somebody is
	lookAt  time.Time // when the last look that succeeded began; zero: there was none
	seen    string    // the snapshot of that look, as PostgreSQL writes it; "" before the first
}

// recentKey is a row of one organization by its external id.
type recentKey struct {
	organization uuid.UUID
	externalID   string
}

type recentOrganization struct {
	catalogVersion int64
	testClock      *time.Time
}

type recentCustomer struct {
	id       uuid.UUID
	timezone string
	taxes    []uuid.UUID
}

// RecentRunningSubscription is RunningSubscription as it was at some instant of the last
// RecentAgeMax, and not before anything that this DB has written. Mostly it does not ask
// the database.
func (db *DB) RecentRunningSubscription(ctx context.Context, org uuid.UUID, customerExternalID, externalID string) (RunningSubscription, error) {
	c := &db.recent
	customer, subscription := recentKey{org, customerExternalID}, recentKey{org, externalID}
	if c.believed(time.Now(), db.look) {
		if running, ok := c.find(customer, subscription); ok {
			return running, nil
		}
	}
	keep := c.mark(customer, subscription)
	running, err := db.RunningSubscription(ctx, org, customerExternalID, externalID)
	if err == nil {
		keep(&running)
		db.rememberNeighbours(org, running.ExternalID)
	}
	return running, err
}

// believed reports whether what is remembered may be used at now, and sees to it that
// somebody looks in time.
func (c *recent) believed(now time.Time, look func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := now.Sub(c.lookAt)
	if age >= recentLookAfter && !c.looking {
		c.looking = true
		go look()
	}
	return age < RecentAgeMax
}

// find returns the subscription if all of it is remembered.
func (c *recent) find(customer, subscription recentKey) (RunningSubscription, bool) {
	o, known := c.organizations.find(customer.organization)
	if !known {
		return RunningSubscription{}, false
	}
	owner, known := c.customers.find(customer)
	if !known {
		return RunningSubscription{}, false
	}
	kept, known := c.subscriptions.find(subscription)
	if !known || kept.CustomerID != owner.id {
		return RunningSubscription{}, false
	}
	running := *kept
	running.Timezone, running.CustomerTaxes = owner.timezone, owner.taxes
	running.CatalogVersion, running.TestClock = o.catalogVersion, o.testClock
	return running, true
}

// mark must be called before the rows are read. What it returns remembers them, but
// for those that were changed since.
func (c *recent) mark(customer, subscription recentKey) (keep func(*RunningSubscription)) {
	ofOrganization, ofCustomer := c.organizations.mark(customer.organization), c.customers.mark(customer)
	ofSubscription := c.subscriptions.mark(subscription)
	return func(r *RunningSubscription) {
		// An id that was asked for may lie in memory of its request, which will be another's.
		customer.externalID, subscription.externalID = strings.Clone(customer.externalID), r.ExternalID
		c.organizations.keep(customer.organization, recentOrganization{r.CatalogVersion, r.TestClock}, ofOrganization)
		c.customers.keep(customer, recentCustomer{r.CustomerID, r.Timezone, r.CustomerTaxes}, ofCustomer)
		kept := *r
		c.subscriptions.keep(subscription, &kept, ofSubscription)
	}
}

// Whoever changes a row calls one of these when its transaction has ended, however it has:
// of one that broke off nobody knows whether it was committed.

func (c *recent) organizationChanged(id uuid.UUID) { c.organizations.forget(id) }

func (c *recent) customerChanged(org uuid.UUID, externalID string) {
	c.customers.forget(recentKey{org, externalID})
}

func (c *recent) subscriptionChanged(org uuid.UUID, externalID string) {
	c.subscriptions.forget(recentKey{org, externalID})
}

func (c *recent) forgetAll() {
	c.organizations.forgetAll()
	c.customers.forgetAll()
	c.subscriptions.forgetAll()
}

// look forgets what has changed since the last look. A look that fails changes nothing:
// soon nothing is believed, and those who ask the database meet the fault themselves.
func (db *DB) look() {
	ctx, cancel := context.WithTimeout(context.Background(), recentLookTimeout)
	defer cancel()
	c := &db.recent
	began := time.Now()
	err := db.lookSince(ctx, c.seen) // seen is the looker's alone
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking = false
	if err == nil {
		c.lookAt = began
	}
}

// lookSince forgets the rows that were changed by transactions which a snapshot has not seen
// the end of, and keeps what the next look has to look behind.
func (db *DB) lookSince(ctx context.Context, seen string) error {
	// A database that was restored from a dump brings numbers of another one's transactions
	// with it: those at or above xmax are of no transaction that there was.
	const changed = `, seen WHERE changed_in >= pg_snapshot_xmin(snapshot) AND NOT pg_visible_in_snapshot(changed_in, snapshot)
		AND changed_in < pg_snapshot_xmax(pg_current_snapshot()) LIMIT @limit)`
	const query = `WITH seen AS (SELECT coalesce(nullif(@seen, '')::pg_snapshot, pg_current_snapshot()) AS snapshot)
		SELECT '', NULL, pg_current_snapshot()::text
		UNION ALL (SELECT 'organization', id, '' FROM organizations` + changed + `
		UNION ALL (SELECT 'customer', organization_id, external_id FROM customers` + changed + `
		UNION ALL (SELECT 'subscription', organization_id, external_id FROM subscriptions` + changed
	changes, err := readAll(ctx, db.pool, "changes", pgx.RowToStructByPos[recentChange], query,
		pgx.NamedArgs{"seen": seen, "limit": recentChangesMax})
	if err != nil {
		return err
	}
	c := &db.recent
	for _, change := range changes {
		switch change.Kind {
		case "":
			c.seen = change.ExternalID
		case "organization":
			c.organizationChanged(*change.Organization)
		case "customer":
			c.customerChanged(*change.Organization, change.ExternalID)
		case "subscription":
			c.subscriptionChanged(*change.Organization, change.ExternalID)
		}
	}
	if seen == "" || len(changes) > recentChangesMax {
		c.forgetAll()
	}
	return nil
}

// recentChange is a row that has changed or, with the kind "", the snapshot of the look.
type recentChange struct {
	Kind         string
	Organization *uuid.UUID
	ExternalID   string
}

// memory remembers values by key, a bounded number. It may be used from any goroutine.
type memory[K comparable, V any] struct {
	mu   sync.Mutex
	kept map[K]V
	// forgotten counts, for keys of the same hash, how often one was forgotten: a value that
	// was read before is not kept after.
	forgotten forgotten
}

type forgotten [256]uint64

// memorySeed makes the hashes of keys.
var memorySeed = maphash.MakeSeed()

func (m *memory[K, V]) count(key K) *uint64 { return &m.forgotten[slotOf(key)] }

// slotOf returns where a key is counted when it is forgotten.
func slotOf[K comparable](key K) uint8 { return uint8(maphash.Comparable(memorySeed, key)) }

// marks returns the marks of all keys, by slotOf.
func (m *memory[K, V]) marks() forgotten {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.forgotten
}

// room returns how many more values may be kept without another going.
func (m *memory[K, V]) room() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return recentRowsMax - len(m.kept)
}

func (m *memory[K, V]) find(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.kept[key]
	return value, ok
}

// mark must be called before the key's value is read; keep takes what it returns.
func (m *memory[K, V]) mark(key K) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.count(key)
}

// keep remembers a value, unless its key was forgotten since mark. Where there is no room
// another goes, whichever.
func (m *memory[K, V]) keep(key K, value V, mark uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if *m.count(key) != mark {
		return
	}
	if m.kept == nil {
		m.kept = make(map[K]V)
	}
	for other := range m.kept {
		if len(m.kept) < recentRowsMax {
			break
		}
		delete(m.kept, other)
	}
	m.kept[key] = value
}

func (m *memory[K, V]) forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*m.count(key)++
	delete(m.kept, key)
}

func (m *memory[K, V]) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.forgotten {
		m.forgotten[i]++
	}
	m.kept = nil
}
