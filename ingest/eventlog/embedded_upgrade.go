package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Format 1 had a key for each record, beside the starts and settings of today:
//
//	0x01 partition uint32 offset uint64  a record: time int64, value
//	0x02 partition uint32              the partition's end: offset uint64
const (
	formatRecords = "1"

	keyRecord byte = 0x01
	keyEnd    byte = 0x02

	recordKeyBytes    = 1 + 4 + 8
	recordHeaderBytes = 8 // the record's time before its value
)

// upgradeBytesMax bounds the section of a frame that an upgrade makes.
const upgradeBytesMax = 1 << 20

func recordKey(partition int32, offset int64) []byte {
	key := append(partitionKey(keyRecord, partition), make([]byte, 8)...)
	binary.BigEndian.PutUint64(key[partitionKeyBytes:], uint64(offset))
	return key
}

// upgrade turns a log of format 1 into one of today's. The records are copied
// into frames, then one synced batch changes the format and takes the records
// away: before it the log is whole in the old form, and after it in the new one. A start
// that finds the old form drops the frames of one that did not get that far.
func (l *Embedded) upgrade() error {
	l.log.Info("upgrading the log", "dir", l.dir, "from", formatRecords, "to", formatCurrent)
	u := upgrade{log: l, next: make([]int64, l.identity.Partitions)}
	ends := make([]int64, l.identity.Partitions)
	for p := range u.next {
		var err error
		if u.next[p], err = l.offset(keyStart, int32(p)); err != nil {
			return err
		}
		if ends[p], err = l.offset(keyEnd, int32(p)); err != nil {
			return err
		}
	}
	if err := l.db.DeleteRange(frameKey(0), []byte{keyFrame + 1}, pebble.NoSync); err != nil {
		return fmt.Errorf("cannot drop frames: %w", err)
	}
	for p := range ends {
		if err := u.partition(int32(p), ends[p]); err != nil {
			return fmt.Errorf("partition %d: %w", p, err)
		}
	}
	if err := u.last(ends); err != nil {
		return err
	}
	batch := l.db.NewBatch()
	err := errors.Join(
		batch.Set(settingKey(settingFormat), []byte(formatCurrent), nil),
		batch.DeleteRange([]byte{keyRecord}, []byte{keyRecord + 1}, nil),
		batch.DeleteRange([]byte{keyEnd}, []byte{keyEnd + 1}, nil),
		batch.Commit(pebble.Sync))
	if err != nil {
		return fmt.Errorf("cannot change the format: %w", err)
	}
	l.log.Info("log upgraded", "dir", l.dir, "format", formatCurrent, "frames", u.sequence)
	return nil
}

// upgrade is what an upgrade has copied so far.
type upgrade struct {
	log      *Embedded
	sequence uint64
	next     []int64 // by partition: the offset after the last record in a frame
	frame    *frame  // being filled
	encoder  frameEncoder
}

// partition copies the records of a partition, from its start up to its end.
func (u *upgrade) partition(partition int32, end int64) (err error) {
	bounds := &pebble.IterOptions{LowerBound: recordKey(partition, 0), UpperBound: recordKey(partition, math.MaxInt64)}
	iter, err := u.log.db.NewIter(bounds)
	if err != nil {
		return fmt.Errorf("cannot read records: %w", err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	offset := u.next[partition]
	for valid := iter.First(); valid; valid = iter.Next() {
		stored, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("cannot read record %d: %w", offset, err)
		}
		if len(iter.Key()) != recordKeyBytes || len(stored) < recordHeaderBytes {
			return fmt.Errorf("corrupt log: record %x of %d bytes", iter.Key(), len(stored))
		}
		if found := int64(binary.BigEndian.Uint64(iter.Key()[partitionKeyBytes:])); found != offset {
			return fmt.Errorf("corrupt log: record %d where %d should be", found, offset)
		}
		offset++
		if err := u.add(partition, int64(binary.BigEndian.Uint64(stored)), stored[recordHeaderBytes:]); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return fmt.Errorf("cannot read records: %w", err)
	}
	if offset != end {
		return fmt.Errorf("corrupt log: the records end at %d, and should at %d", offset, end)
	}
	return u.write()
}

// add puts a record into the frame, which has those of one partition only.
func (u *upgrade) add(partition int32, time int64, value []byte) error {
	if u.frame == nil {
		u.begin(time)
	}
	f := u.frame
	f.raw = appendRecord(f.raw, value, time-f.time)
	p := &f.parts[partition]
	p.count, p.to = p.count+1, int32(len(f.raw))
	u.next[partition]++
	if len(f.raw) < upgradeBytesMax {
		return nil
	}
	return u.write()
}

// begin makes an empty frame.
func (u *upgrade) begin(time int64) {
	u.frame = &frame{sequence: u.sequence, time: time, parts: make([]part, len(u.next))}
	for p := range u.next {
		u.frame.parts[p].first = u.next[p]
	}
	u.sequence++
}

// write writes the frame, if there is one. The batch that ends the upgrade syncs it.
func (u *upgrade) write() error {
	if u.frame == nil {
		return nil
	}
	u.frame.sumSections()
	u.encoder.encode(u.frame)
	value := append(u.encoder.header, u.encoder.packed...)
	if err := u.log.db.Set(frameKey(u.frame.sequence), value, pebble.NoSync); err != nil {
		return fmt.Errorf("cannot write frame %d: %w", u.frame.sequence, err)
	}
	u.frame = nil
	return nil
}

// last writes an empty frame if there is no other: it says where the ends are of
// a log all of whose records were trimmed.
func (u *upgrade) last(ends []int64) error {
	if u.sequence > 0 || isZero(ends) {
		return nil
	}
	u.begin(0)
	return u.write()
}

func isZero(offsets []int64) bool {
	for _, offset := range offsets {
		if offset != 0 {
			return false
		}
	}
	return true
}
