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
	spaceEvent    = 'e' // day 4, series number 8, hour of the day 1, lowest position 8, first and last millisecond of the hour 3 and 3
	spaceCell     = 'k' // series number 8, definition 16, cell
	spaceMeta     = 'm' // one of the meta keys
	spaceSeries   = 'n' // organization 16, subscription, code
	spaceName     = 'o' // series number 8
	spaceRun      = 'r' // number of a run of ids 8
	spaceSeen     = 's' // number of a run of ids 8, kind 1; of a block: id 16, revision 4, position 8; of a filter: piece 4
	spaceTomb     = 't' // series number 8, day 4, hour of the day 1, position 8, position of what did it 8
)

// formatVersion is the version of the keys, kept in the store. In version 1 each event
// and each id had a row of its own.
const formatVersion = 2

var (
	metaIdentity = []byte{spaceMeta, 1}
	metaProgress = []byte{spaceMeta, 2}
	metaStop     = []byte{spaceMeta, 3}
	metaSegments = []byte{spaceMeta, 4}
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

// blockKeyBytes and tombstoneKeyBytes are the lengths of the keys; blockDayBytes is that of the
// part of a block's key that ends with its series.
const (
	blockDayBytes     = 1 + 4 + 8
	blockKeyBytes     = blockDayBytes + 1 + 8 + 3 + 3
	tombstoneKeyBytes = 1 + 8 + 4 + 1 + 8 + 8
)

// appendBlocksOf appends what the keys of a series' blocks of one day begin with.
func appendBlocksOf(dst []byte, day int32, series uint64) []byte {
	dst = append(dst, spaceEvent)
	dst = binary.BigEndian.AppendUint32(dst, uint32(day))
	return binary.BigEndian.AppendUint64(dst, series)
}

// appendBlocksFrom appends what the keys of a series' blocks of one hour begin with, from a
// lowest position on.
func appendBlocksFrom(dst []byte, series uint64, hour int32, lowest ingest.Position) []byte {
	dst = appendBlocksOf(dst, aggregator.DayOfHour(hour), series)
	dst = append(dst, byte(hour%aggregator.HoursPerDay))
	return binary.BigEndian.AppendUint64(dst, uint64(lowest))
}

func (k *blockKey) append(dst []byte) []byte {
	dst = appendBlocksFrom(dst, k.series, k.hour, k.lowest)
	dst = append(dst, byte(k.first>>16), byte(k.first>>8), byte(k.first))
	return append(dst, byte(k.last>>16), byte(k.last>>8), byte(k.last))
}

func readBlockKey(key []byte) (k blockKey, err error) {
	if len(key) != blockKeyBytes || key[blockDayBytes] >= aggregator.HoursPerDay {
		return k, errCorruptKey
	}
	k.hour = int32(binary.BigEndian.Uint32(key[1:]))*aggregator.HoursPerDay + int32(key[blockDayBytes])
	k.series = binary.BigEndian.Uint64(key[5:])
	tail := key[blockDayBytes+1:]
	k.lowest = ingest.Position(binary.BigEndian.Uint64(tail))
	k.first = int32(tail[8])<<16 | int32(tail[9])<<8 | int32(tail[10])
	k.last = int32(tail[11])<<16 | int32(tail[12])<<8 | int32(tail[13])
	return k, nil
}

// appendTombstonesOf appends what the keys of a series' tombstones from an hour on begin with.
func appendTombstonesOf(dst []byte, series uint64, hour int32) []byte {
	dst = appendNumberKey(dst, spaceTomb, series)
	dst = binary.BigEndian.AppendUint32(dst, uint32(aggregator.DayOfHour(hour)))
	return append(dst, byte(hour%aggregator.HoursPerDay))
}

func (t *tombstone) appendKey(dst []byte) []byte {
	dst = appendTombstonesOf(dst, t.series, t.hour)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.entry))
	return binary.BigEndian.AppendUint64(dst, uint64(t.by))
}

func readTombstoneKey(key []byte) (t tombstone, err error) {
	if len(key) != tombstoneKeyBytes || key[13] >= aggregator.HoursPerDay {
		return t, errCorruptKey
	}
	t.series = binary.BigEndian.Uint64(key[1:])
	t.hour = int32(binary.BigEndian.Uint32(key[9:]))*aggregator.HoursPerDay + int32(key[13])
	t.entry = ingest.Position(binary.BigEndian.Uint64(key[14:]))
	t.by = ingest.Position(binary.BigEndian.Uint64(key[22:]))
	return t, nil
}

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
