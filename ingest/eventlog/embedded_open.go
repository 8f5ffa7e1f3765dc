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
	if format != formatCurrent && format != formatRecords {
		return fmt.Errorf("format is %q, this program knows %q", format, formatCurrent)
	}
	if err := l.loadIdentity(opts); err != nil {
		return err
	}
	if format == formatRecords {
		if err := l.upgrade(); err != nil {
			return fmt.Errorf("cannot upgrade the log from format %s to %s: %w", formatRecords, formatCurrent, err)
		}
	}
	return l.loadFrames()
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

// loadFrames reads from the first and the last frame, and from what a trim wrote,
// where the partitions start and end, and checks that these agree.
func (l *Embedded) loadFrames() (err error) {
	l.partitions = make([]embeddedPartition, l.identity.Partitions)
	iter, err := l.db.NewIter(frameBounds(0, math.MaxUint64))
	if err != nil {
		return fmt.Errorf("cannot read the frames: %w", err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	firsts, lasts := storedFrame{}, storedFrame{}
	if iter.First() {
		if l.first, err = l.loadFrame(iter, &firsts); err != nil {
			return err
		}
		iter.Last()
		last, err := l.loadFrame(iter, &lasts)
		if err != nil {
			return err
		}
		l.tail.last.Store(last)
		l.sequence = last + 1
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("cannot read the frames: %w", err)
	}
	for i := range l.partitions {
		var first, end int64
		if l.sequence > 0 {
			first, end = firsts.parts[i].first, lasts.parts[i].end()
		}
		if err := l.loadPartition(int32(i), first, end); err != nil {
			return err
		}
	}
	return nil
}

// loadFrame parses the header of the frame that the iterator stands at, which lasts as long, and returns its number.
func (l *Embedded) loadFrame(iter *pebble.Iterator, f *storedFrame) (uint64, error) {
	sequence, err := frameKeySequence(iter.Key())
	if err != nil {
		return 0, err
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return 0, fmt.Errorf("cannot read frame %d: %w", sequence, err)
	}
	if err := f.parse(value, len(l.partitions)); err != nil {
		return 0, fmt.Errorf("frame %d: %w", sequence, err)
	}
	return sequence, nil
}

// loadPartition sets a partition's bounds; first is the first offset that a frame may hold.
func (l *Embedded) loadPartition(partition int32, first, end int64) error {
	start, err := l.offset(keyStart, partition)
	if err != nil {
		return err
	}
	if start < first || start > end {
		return fmt.Errorf("corrupt log: partition %d should start at %d, has records [%d, %d)", partition, start, first, end)
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

// frameBounds are the iterator options for the frames [from, to).
func frameBounds(from, to uint64) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: frameKey(from), UpperBound: frameKey(to)}
}
