package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
)

// open opens the store and reads what it knows of the log; on an error the store is closed again.
func (l *Embedded) open(opts EmbeddedOptions) (err error) {
	if l.db, err = openPebble(l.dir, opts, l); err != nil {
		return fmt.Errorf("cannot open log %s: %w", l.dir, err)
	}
	l.dbOpen = true
	if err = l.load(opts); err != nil {
		return errors.Join(fmt.Errorf("cannot open log %s: %w", l.dir, err), l.db.Close())
	}
	return nil
}

func (l *Embedded) load(opts EmbeddedOptions) error {
	format, err := l.setting(settingFormat)
	if errors.Is(err, pebble.ErrNotFound) {
		return l.create(opts)
	}
	if err != nil {
		return err
	}
	if format != formatCurrent {
		return fmt.Errorf("format is %q, this program knows %q", format, formatCurrent)
	}
	if err := l.loadIdentity(opts); err != nil {
		return err
	}
	l.partitions = make([]embeddedPartition, l.identity.Partitions)
	for p := range l.partitions {
		if err := l.loadPartition(int32(p)); err != nil {
			return err
		}
	}
	return nil
}

// create writes a new log's settings, durably, in one batch: a log is created
// whole or not at all.
func (l *Embedded) create(opts EmbeddedOptions) error {
	if opts.ID != "" {
		return fmt.Errorf("%w: there is none, id %s is expected", ErrMismatch, opts.ID)
	}
	if err := l.checkEmpty(); err != nil {
		return err
	}
	l.identity = Identity{ID: uuid.NewString(), Partitions: opts.Partitions}
	if opts.Partitions == 0 {
		l.identity.Partitions = PartitionsDefault
	}
	l.partitions = make([]embeddedPartition, l.identity.Partitions)
	batch := l.db.NewBatch()
	settings := [][2]string{
		{settingFormat, formatCurrent},
		{settingID, l.identity.ID},
		{settingPartitions, strconv.Itoa(int(l.identity.Partitions))},
	}
	for _, s := range settings {
		if err := batch.Set(settingKey(s[0]), []byte(s[1]), nil); err != nil {
			return fmt.Errorf("cannot create the log: %w", err)
		}
	}
	if err := l.apply(batch); err != nil {
		return fmt.Errorf("cannot create the log: %w", err)
	}
	if err := batch.SyncWait(); err != nil {
		return fmt.Errorf("cannot create the log: %w", err)
	}
	l.log.Info("log created", "dir", l.dir, "log_id", l.identity.ID, "partitions", l.identity.Partitions)
	return nil
}

// setting returns one of the log's settings, pebble.ErrNotFound if there is none.
func (l *Embedded) setting(name string) (string, error) {
	value, closer, err := l.db.Get(settingKey(name))
	if err != nil {
		return "", fmt.Errorf("cannot read setting %s: %w", name, err)
	}
	return string(value), closer.Close()
}

func (l *Embedded) loadIdentity(opts EmbeddedOptions) error {
	id, err := l.setting(settingID)
	if err != nil {
		return err
	}
	text, err := l.setting(settingPartitions)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 || n > PartitionsMax {
		return fmt.Errorf("corrupt log: setting %s is %q", settingPartitions, text)
	}
	if opts.ID != "" && opts.ID != id {
		return fmt.Errorf("%w: its id is %s, expected is %s", ErrMismatch, id, opts.ID)
	}
	if opts.Partitions != 0 && opts.Partitions != int32(n) {
		return fmt.Errorf("%w: it has %d partitions, expected are %d", ErrMismatch, n, opts.Partitions)
	}
	l.identity = Identity{ID: id, Partitions: int32(n)}
	return nil
}

// loadPartition reads where a partition starts and ends, and checks that its first and last record agree.
func (l *Embedded) loadPartition(partition int32) error {
	end, err := l.offset(keyEnd, partition)
	if err != nil {
		return err
	}
	start, err := l.offset(keyStart, partition)
	if err != nil {
		return err
	}
	first, last, err := l.outermost(partition, end)
	if err != nil {
		return err
	}
	if first != start || last != end-1 || start > end {
		return fmt.Errorf("corrupt log: partition %d should have records [%d, %d), has %d to %d", partition, start, end, first, last)
	}
	p := &l.partitions[partition]
	p.start, p.next = start, end
	p.end.Store(end)
	return nil
}

// offset reads a partition's start or end; 0 if it was never written.
func (l *Embedded) offset(kind byte, partition int32) (int64, error) {
	value, closer, err := l.db.Get(partitionKey(kind, partition))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the bounds of partition %d: %w", partition, err)
	}
	defer closer.Close()
	if len(value) != offsetBytes {
		return 0, fmt.Errorf("corrupt log: bounds of partition %d have %d bytes", partition, len(value))
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

// outermost returns the offsets of a partition's first and last record; of an
// empty partition end and end-1, what they would be.
func (l *Embedded) outermost(partition int32, end int64) (first, last int64, err error) {
	iter, err := l.db.NewIter(partitionBounds(partition, 0, math.MaxInt64))
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read partition %d: %w", partition, err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	if !iter.First() {
		return end, end - 1, iter.Error()
	}
	if first, err = recordKeyOffset(iter.Key()); err != nil {
		return 0, 0, err
	}
	if !iter.Last() {
		return 0, 0, fmt.Errorf("cannot read partition %d: %w", partition, iter.Error())
	}
	last, err = recordKeyOffset(iter.Key())
	return first, last, err
}

// checkEmpty makes sure that a store without a format holds nothing else either.
func (l *Embedded) checkEmpty() error {
	iter, err := l.db.NewIter(nil)
	if err != nil {
		return fmt.Errorf("cannot read the store: %w", err)
	}
	found := iter.First()
	if err := iter.Close(); err != nil {
		return fmt.Errorf("cannot read the store: %w", err)
	}
	if found {
		return errors.New("the directory holds a store that is not a log")
	}
	return nil
}

// partitionBounds are the iterator options for the records [from, to) of a partition.
func partitionBounds(partition int32, from, to int64) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: recordKey(partition, from), UpperBound: recordKey(partition, to)}
}
