package eventlog

import (
	"context"
	"errors"
)

// PartitionsDefault is how many partitions a new log gets. The number is fixed
// when the log is created and stored with it.
const PartitionsDefault = 16

// PartitionsMax is how many partitions a log can have.
const PartitionsMax = 1024

// RecordBytesMax is the largest value of a record a log takes.
const RecordBytesMax = 1 << 20

// NoteBytesMax is the largest note that a log gives to readers.
const NoteBytesMax = 2 << 20

// Errors a log answers with; test with errors.Is.
var (
	// ErrClosed: the log is closed or closing.
	ErrClosed = errors.New("log is closed")
	// ErrFailed: a write or sync has failed. The log takes no more records until it is opened anew.
	ErrFailed = errors.New("log has failed")
	// ErrRefused: the partition has been stopped (Gate.SetStopped) and takes no records until an operator clears it.
	ErrRefused = errors.New("partition is stopped")
	// ErrOverloaded: too many bytes wait to be made durable. Try again later.
	ErrOverloaded = errors.New("log is overloaded")
	// ErrTooLarge: the record is larger than RecordBytesMax.
	ErrTooLarge = errors.New("record is too large")
	// ErrNoPartition: the log has no partition of that number.
	ErrNoPartition = errors.New("no such partition")
	// ErrOutOfRange: the offset lies outside [start, end].
	ErrOutOfRange = errors.New("offset is out of the log's range")
	// ErrMismatch: the log is not the one that was expected (other id, other number of partitions).
	ErrMismatch = errors.New("log is not the expected one")
)

// Identity says which log this is. It never changes while a log exists.
type Identity struct {
	ID         string // the directory's UUID, or Kafka's cluster id and topic id
	Partitions int32
}

// Record is one entry of a partition. Its bytes are valid until the next call
// of the Reader's Next, and are only to be read: other readers may have the same bytes.
type Record struct {
	Offset int64
	Time   int64 // when the log took it, nanoseconds since the Unix epoch (Kafka: the record's timestamp)
	Key    []byte
	Value  []byte
	// Note is what the appender gave along, if it did so in this process and a short
	// while ago; else nil. It is valid for as long as Value.
	Note []byte
	// Control: the log wrote this for itself (Kafka: here a transaction ends). There
	// is no event in it, and it is not to be parsed; but it has an offset below the
	// log's end, so whoever keeps a Progress moves past it as past any other.
	Control bool
}

// Log is a durable, partitioned, ordered sequence of records. Both
// implementations pass the conformance suite in this package.
//
// All methods may be called from any goroutine.
type Log interface {
	// Identity returns which log this is.
	Identity() Identity

	// Append queues a record for a partition. done is called exactly once, from a
	// goroutine of the log: with the record's offset after the record is durable
	// (fsync, or all in-sync replicas), or with -1 and an error. After an error the
	// record may still be in the log, unless the error is one of ErrRefused,
	// ErrOverloaded, ErrTooLarge, ErrNoPartition: these leave nothing. done must not
	// block: the next acknowledgement waits for it. The log owns nothing: value and note
	// must stay untouched until done is called. Records of one partition stand in
	// the log in the order of their Append calls, and are acknowledged in that order.
	//
	// note, nil = none, is for readers of the record in this process (Record.Note). It is
	// never written down, and a log may do without it: whoever reads must be able to find
	// out for itself what it says. One above NoteBytesMax is left out.
	Append(partition int32, value, note []byte, done func(offset int64, err error))

	// Range returns the first offset that can be read and the durable end: the
	// offset after the last durable record.
	Range(ctx context.Context, partition int32) (start, end int64, err error)

	// Read returns a reader that starts at offset from, start <= from <= end, else
	// ErrOutOfRange. It never yields a record that is not durable.
	Read(ctx context.Context, partition int32, from int64) (Reader, error)

	// Close makes what is queued durable, or fails it, and releases the log.
	Close() error
}

// Reader yields the records of one partition in order. It is used by one goroutine.
type Reader interface {
	// Next blocks until at least one record is there, ctx ends or the log fails. It
	// returns all that are there, up to some megabyte: whoever is slow gets more at once.
	// The records are in order and without gap, except where Kafka itself has one
	// (compaction, aborted transactions), and are valid until the next call. Whoever
	// reads on gets to the log's end: what stands last is never in a gap.
	Next(ctx context.Context) ([]Record, error)
	Close()
}

// Assignor says which partitions this process owns. The embedded log gives all
// of them at once; Kafka's is a consumer group.
type Assignor interface {
	// Run calls assigned when this process becomes the owner of partitions and
	// revoked before it ceases to be, until ctx ends; then it revokes what is left.
	// assigned is also called, with none, when it is known that there are none for
	// this process. Calls do not overlap.
	Run(ctx context.Context, assigned, revoked func(partitions []int32)) error
}

// Progress is how far a partition was read: everything below Next. It is what a
// store keeps, and what Verify compares with the log.
type Progress struct {
	LogID string
	Next  int64 // offset of the first record not yet read
	// Checksum is Checksum of the record before Next, 0 when Next is the start of an
	// untrimmed log. A log that lost its tail and grew again has the right id and the
	// right length, but not this.
	Checksum uint64
}
