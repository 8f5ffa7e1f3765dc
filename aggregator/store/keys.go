package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"weir/aggregator"
	"weir/ingest"
)

// The spaces of keys, by their first byte. Together with formatVersion, the
// layouts below are for ever; golden bytes stand in the tests. Numbers are
// big-endian, so that bytes order as numbers do; texts are escaped, see appendText.
const (
	spaceAside    = 'a' // position 8, reason 1
	spaceCounter  = 'c' // series number 8, definition 16, window 1, window number 4, cell
	spaceConflict = 'd' // id 16, position 8
	spaceEvent    = 'e' // organization 16, subscription, code, timestamp 8, transaction_id, revision 4, position 8; of a tombstone: position 8
	spaceCell     = 'k' // series number 8, definition 16, cell
	spaceMeta     = 'm' // one of the meta keys
	spaceSeries   = 'n' // organization 16, subscription, code
	spaceName     = 'o' // series number 8
	spaceSeen     = 's' // id 16, revision 4, position 8
)

// formatVersion is the version of the keys, kept in the store.
const formatVersion = 1

var (
	metaIdentity = []byte{spaceMeta, 1}
	metaProgress = []byte{spaceMeta, 2}
	metaStop     = []byte{spaceMeta, 3}
)

var errCorruptKey = errors.New("key is corrupt")

// corrupt reports bytes that can't be read, with the key that they stand under.
func corrupt(key []byte, err error) error {
	return fmt.Errorf("store is corrupt at key %x: %w", key, err)
}

// appendText appends text so that the order of texts is kept and nothing that
// follows can be mistaken for a part of it: a zero byte is 00 ff, the end 00 01.
func appendText[S ~string | ~[]byte](dst []byte, text S) []byte {
	start := len(dst)
	dst = append(dst, text...)
	if bytes.IndexByte(dst[start:], 0) >= 0 {
		dst = dst[:start]
		for i := range len(text) {
			if dst = append(dst, text[i]); text[i] == 0 {
				dst = append(dst, 0xff)
			}
		}
	}
	return append(dst, 0, 1)
}

// readText takes a text off the front of b. text points into b unless it was escaped.
func readText(b []byte) (text, rest []byte, err error) {
	var unescaped []byte
	from := 0
	for {
		at := bytes.IndexByte(b[from:], 0)
		if at < 0 || from+at+1 >= len(b) {
			return nil, nil, errCorruptKey
		}
		at += from
		switch b[at+1] {
		case 1:
			if unescaped == nil {
				return b[:at], b[at+2:], nil
			}
			return append(unescaped, b[from:at]...), b[at+2:], nil
		case 0xff:
			unescaped = append(unescaped, b[from:at+1]...)
			from = at + 2
		default:
			return nil, nil, errCorruptKey
		}
	}
}

// appendSeriesKey appends what series and event keys share.
func appendSeriesKey[S ~string | ~[]byte](dst []byte, space byte, organization uuid.UUID, subscription, code S) []byte {
	dst = append(dst, space)
	dst = append(dst, organization[:]...)
	dst = appendText(dst, subscription)
	return appendText(dst, code)
}

// readSeriesKey reads what appendSeriesKey wrote, and returns what follows. The name has no number.
func readSeriesKey(key []byte) (name SeriesName, rest []byte, err error) {
	const head = 1 + 16
	if len(key) < head {
		return name, nil, errCorruptKey
	}
	subscription, rest, err := readText(key[head:])
	if err != nil {
		return name, nil, err
	}
	code, rest, err := readText(rest)
	if err != nil {
		return name, nil, err
	}
	return SeriesName{Organization: uuid.UUID(key[1:head]), Subscription: string(subscription), Code: string(code)}, rest, nil
}

func appendEventTail(dst []byte, timestamp int64, transactionID []byte, revision uint32, position ingest.Position) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(timestamp))
	dst = appendText(dst, transactionID)
	dst = binary.BigEndian.AppendUint32(dst, revision)
	return binary.BigEndian.AppendUint64(dst, uint64(position))
}

// eventTail is what stands in the key of an event, or of a tombstone, behind its series.
type eventTail struct {
	timestamp     int64
	transactionID []byte
	revision      uint32
	position      ingest.Position
	tombstone     bool
	by            ingest.Position // of a tombstone
}

// readEventTail reads what appendEventTail wrote, and appendTombstoneTail behind it.
func readEventTail(b []byte) (t eventTail, err error) {
	if len(b) < 8 {
		return t, errCorruptKey
	}
	t.timestamp = int64(binary.BigEndian.Uint64(b))
	var rest []byte
	t.transactionID, rest, err = readText(b[8:])
	if err != nil || len(rest) != 4+8 && len(rest) != 4+8+8 {
		return t, errCorruptKey
	}
	t.revision = binary.BigEndian.Uint32(rest)
	t.position = ingest.Position(binary.BigEndian.Uint64(rest[4:]))
	if rest = rest[4+8:]; len(rest) > 0 {
		t.tombstone = true
		t.by = ingest.Position(binary.BigEndian.Uint64(rest))
	}
	return t, nil
}

func appendSeenKey(dst []byte, id ingest.ID, revision uint32, position ingest.Position) []byte {
	dst = append(dst, spaceSeen)
	dst = append(dst, id[:]...)
	dst = binary.BigEndian.AppendUint32(dst, revision)
	return binary.BigEndian.AppendUint64(dst, uint64(position))
}

// seenKeyBytes is the length of a seen key; its id is at [1:17], its revision at
// [17:21], its position behind.
const seenKeyBytes = 1 + 16 + 4 + 8

func appendNumberKey(dst []byte, space byte, series uint64) []byte {
	dst = append(dst, space)
	return binary.BigEndian.AppendUint64(dst, series)
}

func appendCellKey(dst []byte, series uint64, d aggregator.Definition, cell string) []byte {
	dst = appendNumberKey(dst, spaceCell, series)
	dst = append(dst, d[:]...)
	return append(dst, cell...)
}

// Window is the length of a counter's window. The numbers stand in keys.
type Window byte

// The windows.
const (
	Hour Window = 1
	Day  Window = 2
)

// counterHeadBytes is the length of a counter's key before its cell.
const counterHeadBytes = 1 + 8 + 16 + 1 + 4

func appendCounterKey(dst []byte, series uint64, d aggregator.Definition, w Window, number int32, cell string) []byte {
	dst = appendNumberKey(dst, spaceCounter, series)
	dst = append(dst, d[:]...)
	dst = append(dst, byte(w))
	dst = binary.BigEndian.AppendUint32(dst, uint32(number))
	return append(dst, cell...)
}

func appendAsideKey(dst []byte, position ingest.Position, reason Reason) []byte {
	dst = append(dst, spaceAside)
	dst = binary.BigEndian.AppendUint64(dst, uint64(position))
	return append(dst, byte(reason))
}

// after returns the smallest key above all that start with prefix.
func after(prefix []byte) []byte {
	next := bytes.Clone(prefix)
	for i := len(next) - 1; i >= 0; i-- {
		next[i]++
		if next[i] != 0 {
			return next[:i+1]
		}
	}
	panic("BUG: no key above a run of 0xff")
}
