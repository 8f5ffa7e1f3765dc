package eventlog

import (
	"encoding/binary"
	"fmt"
)

// The keys of the embedded log. The first byte says what a key holds; these
// bytes are for ever, and golden in the tests.
//
//	0x00 name                name of a setting of the whole log: its text
//	0x03 partition uint32    the partition's start: offset uint64; absent: 0
//	'f'  sequence uint64     a frame: see embedded_frame.go
//
// Integers are big-endian. Format 1 had a key for each record and each
// partition's end: see embedded_upgrade.go.
const (
	keySetting byte = 0x00
	keyStart   byte = 0x03
	keyFrame   byte = 'f'

	frameKeyBytes     = 1 + 8
	partitionKeyBytes = 1 + 4
	offsetBytes       = 8 // a start
)

// Settings, written once when the log is created; the format changes with an upgrade.
const (
	settingFormat     = "format"     // formatCurrent
	settingID         = "id"         // UUID, text
	settingPartitions = "partitions" // decimal text
)

// formatCurrent is the version of everything above.
const formatCurrent = "2"

func settingKey(name string) []byte { return append([]byte{keySetting}, name...) }

// putFrameKey writes a frame's key into dst[:frameKeyBytes].
func putFrameKey(dst []byte, sequence uint64) {
	dst[0] = keyFrame
	binary.BigEndian.PutUint64(dst[1:], sequence)
}

func frameKey(sequence uint64) []byte {
	key := make([]byte, frameKeyBytes)
	putFrameKey(key, sequence)
	return key
}

// frameKeySequence returns the sequence number in a frame's key.
func frameKeySequence(key []byte) (uint64, error) {
	if len(key) != frameKeyBytes || key[0] != keyFrame {
		return 0, fmt.Errorf("corrupt log: %x is no frame's key", key)
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}

// partitionKey is the key of a partition's start (and, in format 1, of its end).
func partitionKey(kind byte, partition int32) []byte {
	key := make([]byte, partitionKeyBytes)
	key[0] = kind
	binary.BigEndian.PutUint32(key[1:], uint32(partition))
	return key
}
