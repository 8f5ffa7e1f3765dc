package eventlog

import (
	"encoding/binary"
	"fmt"
)

// The keys of the embedded log. The first byte says what a key holds and in
// which version; these bytes are for ever, and golden in the tests.
//
//	0x00 name                          a setting of the whole log
//	0x01 partition uint32 offset uint64  a record: time int64, value
//	0x02 partition uint32              the partition's end: offset uint64
//	0x03 partition uint32              the partition's start: offset uint64; absent: 0
//
// Integers are big-endian, so that the records of a partition lie together in
// the order of their offsets.
const (
	keySetting byte = 0x00
	keyRecord  byte = 0x01
	keyEnd     byte = 0x02
	keyStart   byte = 0x03

	recordKeyBytes    = 1 + 4 + 8
	partitionKeyBytes = 1 + 4
	offsetBytes       = 8 // a start or an end
	recordHeaderBytes = 8 // the record's time before its value
)

// Settings, written once when the log is created.
const (
	settingFormat     = "format"     // formatCurrent
	settingID         = "id"         // UUID, text
	settingPartitions = "partitions" // decimal text
)

// formatCurrent is the version of everything above.
const formatCurrent = "1"

func settingKey(name string) []byte { return append([]byte{keySetting}, name...) }

// putRecordKey writes a record's key into dst[:recordKeyBytes].
func putRecordKey(dst []byte, partition int32, offset int64) {
	dst[0] = keyRecord
	binary.BigEndian.PutUint32(dst[1:], uint32(partition))
	binary.BigEndian.PutUint64(dst[5:], uint64(offset))
}

func recordKey(partition int32, offset int64) []byte {
	key := make([]byte, recordKeyBytes)
	putRecordKey(key, partition, offset)
	return key
}

// recordKeyOffset returns the offset in a record's key, which lies in the partition's bounds already.
func recordKeyOffset(key []byte) (int64, error) {
	if len(key) != recordKeyBytes {
		return 0, fmt.Errorf("corrupt log: record key %x has %d bytes", key, len(key))
	}
	return int64(binary.BigEndian.Uint64(key[5:])), nil
}

// putPartitionKey writes the key of a partition's start or end into dst[:partitionKeyBytes].
func putPartitionKey(dst []byte, kind byte, partition int32) {
	dst[0] = kind
	binary.BigEndian.PutUint32(dst[1:], uint32(partition))
}

func partitionKey(kind byte, partition int32) []byte {
	key := make([]byte, partitionKeyBytes)
	putPartitionKey(key, kind, partition)
	return key
}

// putRecordValue writes a record's stored value into dst, whose length fits.
func putRecordValue(dst []byte, time int64, value []byte) {
	binary.BigEndian.PutUint64(dst, uint64(time))
	copy(dst[recordHeaderBytes:], value)
}

// splitRecordValue is the inverse of putRecordValue; value points into stored.
func splitRecordValue(stored []byte) (time int64, value []byte, err error) {
	if len(stored) < recordHeaderBytes {
		return 0, nil, fmt.Errorf("corrupt log: record of %d bytes", len(stored))
	}
	return int64(binary.BigEndian.Uint64(stored)), stored[recordHeaderBytes:], nil
}
