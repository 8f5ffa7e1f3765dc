package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Checksum returns the checksum of a record's value: XXH64 with seed 0, for
// ever (stores keep it in their Progress). It finds a log that is another one;
// it does not guard against somebody who wants two values to look alike.
func Checksum(value []byte) uint64 {
	return xxhash.Sum64(value)
}

// MismatchField says in which of the three things a log and a Progress differ.
type MismatchField string

// What Verify compares.
const (
	MismatchID       MismatchField = "log id"
	MismatchRange    MismatchField = "range"
	MismatchChecksum MismatchField = "checksum"
)

// MismatchError reports that a Progress was not made from this log: reading on
// would count events that belong to another history, or leave some out. It is no
// fault that goes away by trying again. errors.Is(err, ErrMismatch) is true for it.
type MismatchError struct {
	Partition int32
	Field     MismatchField
	Stored    string // what the Progress says
	Found     string // what the log says
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("partition %d: %s is %s in the stored progress, %s in the log", e.Partition, e.Field, e.Stored, e.Found)
}

// Is makes a MismatchError an ErrMismatch.
func (e *MismatchError) Is(target error) bool { return target == ErrMismatch }

// Verify compares where a reader means to resume with the log: the log's id,
// its range, and the checksum of the record before the next one. A mismatch is a
// *MismatchError; any other error means that the log could not be asked.
//
// The zero Progress (nothing read yet, no log known) fits every log that still
// has its offset 0. When Next is the start of a trimmed log, the record before it is
// gone and nothing proves that the log is the same: that is a mismatch too.
// Whoever trims a log leaves the record before the progress of each reader.
func Verify(ctx context.Context, log Log, partition int32, progress Progress) error {
	mismatch := func(field MismatchField, stored, found string) error {
		return &MismatchError{Partition: partition, Field: field, Stored: stored, Found: found}
	}
	id := log.Identity().ID
	if progress.LogID != id && progress != (Progress{}) {
		return mismatch(MismatchID, progress.LogID, id)
	}
	start, end, err := log.Range(ctx, partition)
	if err != nil {
		return fmt.Errorf("cannot verify progress of partition %d: %w", partition, err)
	}
	if progress.Next < start || progress.Next > end {
		return mismatch(MismatchRange, fmt.Sprint(progress.Next), fmt.Sprintf("[%d, %d]", start, end))
	}
	stored := fmt.Sprintf("%016x", progress.Checksum)
	if progress.Next == 0 {
		if progress.Checksum != 0 {
			return mismatch(MismatchChecksum, stored, "no record before offset 0")
		}
		return nil
	}
	if progress.Next == start {
		return mismatch(MismatchChecksum, stored, fmt.Sprintf("record %d trimmed away", start-1))
	}
	found, err := recordAt(ctx, log, partition, progress.Next-1)
	if errors.Is(err, errNoRecord) {
		return mismatch(MismatchChecksum, stored, err.Error())
	}
	if err != nil {
		return fmt.Errorf("cannot verify progress of partition %d: %w", partition, err)
	}
	if sum := Checksum(found); sum != progress.Checksum {
		return mismatch(MismatchChecksum, stored, fmt.Sprintf("%016x", sum))
	}
	return nil
}

// errNoRecord: the log has a gap (Kafka's compaction or an aborted transaction) where a record was read.
var errNoRecord = errors.New("no record at the offset")

// recordAt returns the value of one record that lies inside the log's range.
// Reading waits for at most the record itself: it is durable already.
func recordAt(ctx context.Context, log Log, partition int32, offset int64) ([]byte, error) {
	reader, err := log.Read(ctx, partition, offset)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	records, err := reader.Next(ctx)
	if err != nil {
		return nil, err
	}
	if records[0].Offset != offset {
		return nil, fmt.Errorf("%w %d", errNoRecord, offset)
	}
	return append([]byte(nil), records[0].Value...), nil
}
