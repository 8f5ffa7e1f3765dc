package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Owner is a process that says it owns a partition of a log. It is an announcement,
// not a lock: whoever asks a stale owner sees it by the answer's position.
type Owner struct {
	Partition   int32
	Generation  int64  // rises with each assignment
	URL         string // where it answers usage questions
	AnnouncedAt time.Time
}

// AnnounceOwner says that url owns the partition. An older generation never replaces
// a newer one.
func (db *DB) AnnounceOwner(ctx context.Context, logID string, partition int32, generation int64, url string, now time.Time) error {
	const upsert = `INSERT INTO partition_owners AS o (log_id, partition, generation, url, announced_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (log_id, partition) DO UPDATE
		SET generation = excluded.generation, url = excluded.url, announced_at = excluded.announced_at
		WHERE o.generation <= excluded.generation`
	if _, err := db.pool.Exec(ctx, upsert, logID, partition, generation, url, stamp(now)); err != nil {
		return fmt.Errorf("cannot announce the owner of partition %d: %w", partition, err)
	}
	return nil
}

// WithdrawOwner takes back exactly that announcement; another that replaced it stays.
func (db *DB) WithdrawOwner(ctx context.Context, logID string, partition int32, generation int64, url string) error {
	const remove = `DELETE FROM partition_owners
		WHERE log_id = $1 AND partition = $2 AND generation = $3 AND url = $4`
	if _, err := db.pool.Exec(ctx, remove, logID, partition, generation, url); err != nil {
		return fmt.Errorf("cannot withdraw the owner of partition %d: %w", partition, err)
	}
	return nil
}

// Owners returns who announced which partition of the log, by partition.
func (db *DB) Owners(ctx context.Context, logID string) ([]Owner, error) {
	const query = `SELECT partition, generation, url, announced_at FROM partition_owners
		WHERE log_id = $1 ORDER BY partition`
	return readAll(ctx, db.pool, "owners of partitions", pgx.RowToStructByPos[Owner], query, logID)
}

// StopPartition writes down that a partition is stopped for good. The first reason
// stays.
func (db *DB) StopPartition(ctx context.Context, logID string, partition int32, reason string, now time.Time) error {
	const insert = `INSERT INTO partition_stops (log_id, partition, reason, stopped_at)
		VALUES ($1, $2, $3, $4) ON CONFLICT (log_id, partition) DO NOTHING`
	if _, err := db.pool.Exec(ctx, insert, logID, partition, reason, stamp(now)); err != nil {
		return fmt.Errorf("cannot stop partition %d: %w", partition, err)
	}
	return nil
}

// StoppedPartitions returns why partitions of the log are stopped, by partition.
func (db *DB) StoppedPartitions(ctx context.Context, logID string) (map[int32]string, error) {
	const query = `SELECT partition, reason FROM partition_stops WHERE log_id = $1`
	type stop struct {
		Partition int32
		Reason    string
	}
	rows, err := readAll(ctx, db.pool, "stopped partitions", pgx.RowToStructByPos[stop], query, logID)
	if err != nil {
		return nil, err
	}
	stops := make(map[int32]string, len(rows))
	for _, s := range rows {
		stops[s.Partition] = s.Reason
	}
	return stops, nil
}

// ClearStop lets a partition go on; only an operator decides that.
func (db *DB) ClearStop(ctx context.Context, logID string, partition int32) error {
	const remove = `DELETE FROM partition_stops WHERE log_id = $1 AND partition = $2`
	if _, err := db.pool.Exec(ctx, remove, logID, partition); err != nil {
		return fmt.Errorf("cannot clear the stop of partition %d: %w", partition, err)
	}
	return nil
}
