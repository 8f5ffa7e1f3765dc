package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// neighboursMax is how many subscriptions are read behind one that was not remembered.
	neighboursMax = 500
	// neighboursTimeout bounds reading them.
	neighboursTimeout = 5 * time.Second
	// neighboursPause is how long the next reading begins after one at the earliest: they take some
	// 5 ms of a processor, which questions need too.
	neighboursPause = 50 * time.Millisecond
)

// neighbour is an active subscription with its customer's external id.
type neighbour struct {
	RunningSubscription
	customerExternalID string
}

// rememberNeighbours has the subscriptions read that follow one which was not remembered. Whoever asks
// about one asks about others soon, and a question that goes to the database takes several times as
// long: 100,000 of them are remembered after some hundred questions, not after as many as there are. A reading goes on
// where the one before it ended, if that was of the same organization. Only one is
// under way at a time, and none when there is no room: what is remembered because somebody asked does not
// go for what nobody may ask for.
func (db *DB) rememberNeighbours(org uuid.UUID, externalID string) {
	c := &db.recent
	if c.subscriptions.room() < neighboursMax || c.customers.room() < neighboursMax {
		return
	}
	from, ok := c.beginNeighbours(recentKey{org, externalID}, time.Now())
	if !ok {
		return
	}
	c.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), neighboursTimeout)
		defer cancel()
		to, err := db.readNeighbours(ctx, from)
		if err != nil {
			to = "" // who needs one of them reads it, and meets the fault
		}
		c.endNeighbours(recentKey{from.organization, to})
	})
}

// neighbours is how far reading them has come.
type neighbours struct {
	mu      sync.Mutex
	reading bool
	next    recentKey // the last that was read; without an external id there is none behind it
	readAt  time.Time // when the last reading began
}

// beginNeighbours returns behind which subscription to read, if it is time.
func (c *recent) beginNeighbours(asked recentKey, now time.Time) (from recentKey, ok bool) {
	n := &c.neighbours
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reading || now.Sub(n.readAt) < neighboursPause {
		return recentKey{}, false
	}
	n.reading, n.readAt = true, now
	if n.next.organization == asked.organization && n.next.externalID != "" {
		return n.next, true
	}
	return asked, true
}

func (c *recent) endNeighbours(next recentKey) {
	n := &c.neighbours
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reading, n.next = false, next
}

// readNeighbours remembers the active subscriptions that follow one by their external ids, and returns the
// last one's; "" when there are no more behind it.
func (db *DB) readNeighbours(ctx context.Context, from recentKey) (last string, err error) {
	const query = `SELECT c.external_id, ` + runningColumns + `
		FROM subscriptions s
		JOIN organizations o ON o.id = s.organization_id
		JOIN customers c ON c.organization_id = s.organization_id AND c.id = s.customer_id AND c.deleted_at IS NULL
		WHERE s.organization_id = $1 AND s.external_id > $2 AND s.status = 'active'
		ORDER BY s.external_id LIMIT $3`
	c := &db.recent
	ofCustomers, ofSubscriptions := c.customers.marks(), c.subscriptions.marks()
	neighbours, err := readAll(ctx, db.pool, "subscriptions", scanNeighbour, query, from.organization, from.externalID, neighboursMax)
	if err != nil {
		return "", err
	}
	for i := range neighbours {
		n := &neighbours[i]
		customer, subscription := recentKey{from.organization, n.customerExternalID}, recentKey{from.organization, n.ExternalID}
		c.customers.keep(customer, recentCustomer{n.CustomerID, n.Timezone, n.CustomerTaxes}, ofCustomers[slotOf(customer)])
		kept := n.RunningSubscription
		c.subscriptions.keep(subscription, &kept, ofSubscriptions[slotOf(subscription)])
	}
	if len(neighbours) == neighboursMax {
		last = neighbours[neighboursMax-1].ExternalID
	}
	return last, nil
}

func scanNeighbour(row pgx.CollectableRow) (n neighbour, err error) {
	err = row.Scan(append([]any{&n.customerExternalID}, runningFields(&n.RunningSubscription)...)...)
	return n, err
}
