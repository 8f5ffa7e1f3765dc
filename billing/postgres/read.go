package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// readOne returns the one row of a query; no row is "<resource>_not_found".
func readOne[T any](ctx context.Context, q querier, resource string, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	var zero T
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return zero, readError(resource, err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, scan)
	if err != nil {
		return zero, readError(resource, err)
	}
	return row, nil
}

// readAll returns all rows of a query, none for a text that PostgreSQL can't hold.
// The caller bounds their number.
func readAll[T any](ctx context.Context, q querier, what string, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err == nil {
		var all []T
		if all, err = pgx.CollectRows(rows, scan); err == nil {
			return all, nil
		}
	}
	if isBadText(err) {
		return nil, nil
	}
	return nil, fmt.Errorf("cannot read %s: %w", what, err)
}

// queueAll has all rows of a query read into a slice when the batch is sent: queries that
// do not need each other's rows take one round trip together. No argument may come from
// who asks, since a text that PostgreSQL can't hold is an error here.
func queueAll[T any](batch *pgx.Batch, what string, into *[]T, scan pgx.RowToFunc[T], sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		if *into, err = pgx.CollectRows(rows, scan); err != nil {
			return fmt.Errorf("cannot read %s: %w", what, err)
		}
		return nil
	})
}

// listing is how one kind of thing is listed. Both statements take args; list takes
// @limit and @offset besides.
type listing struct {
	what  string
	count string
	list  string
	args  pgx.NamedArgs
}

// readPage returns one page of a list and how many rows all pages have. The two
// statements are not one snapshot: the number may be off by what is written just then.
func readPage[T any](ctx context.Context, q querier, l listing, page Page, scan pgx.RowToFunc[T]) ([]T, int, error) {
	page = page.Bounded()
	totals, err := readAll(ctx, q, "number of "+l.what, pgx.RowTo[int], l.count, l.args)
	if err != nil {
		return nil, 0, err
	}
	if len(totals) == 0 || totals[0] == 0 {
		return nil, 0, nil
	}
	l.args["limit"], l.args["offset"] = page.Size, page.offset()
	rows, err := readAll(ctx, q, l.what, scan, l.list, l.args)
	return rows, totals[0], err
}

// byID makes a map of rows.
func byID[T any](rows []T, id func(*T) uuid.UUID) map[uuid.UUID]T {
	m := make(map[uuid.UUID]T, len(rows))
	for i := range rows {
		m[id(&rows[i])] = rows[i]
	}
	return m
}

// pointers returns the addresses of a slice's elements.
func pointers[T any](s []T) []*T {
	p := make([]*T, len(s))
	for i := range s {
		p[i] = &s[i]
	}
	return p
}

// newID returns the id for a new row: time-ordered, so that indexes grow at one end.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// setNew gives a new row its id, unless it has one, and stamps when it was created,
// which its caller must have said.
func setNew(id *uuid.UUID, createdAt *time.Time) error {
	if createdAt.IsZero() {
		return fmt.Errorf("BUG: CreatedAt is not set")
	}
	if *id == uuid.Nil {
		*id = newID()
	}
	stampAll(createdAt)
	return nil
}

// list returns a slice that is stored as [], never as null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
