package store

import (
	"encoding/binary"
	"errors"

	"weir/ingest/eventlog"
)

// Progress is how far the store has come, written with what came of it.
type Progress struct {
	eventlog.Progress
	// SeriesNext is the number that the next new series gets.
	SeriesNext uint64
	Totals     Totals
}

// Totals count what a partition's log held below Progress.Next, each entry once.
type Totals struct {
	Events     int64 // the first of their id
	Superseded int64 // the first of their id, but later than a correction of it: they count for nothing
	Amended    int64 // amendments, also those that came after one of a higher revision
	Cancelled  int64 // cancellations, likewise
	Duplicates int64 // repeats with equal content
	Forwarded  int64 // entries of other partitions
	Aside      [reasonsEnd]int64
}

// Taken returns how many entries the records held, counted or not. A record that
// could not be read is taken for one.
func (t *Totals) Taken() int64 {
	taken := t.Events + t.Superseded + t.Amended + t.Cancelled + t.Duplicates + t.Forwarded
	for _, n := range t.Aside {
		taken += n
	}
	return taken
}

// progressVersion is the version that is written. In version 1 there were no
// corrections, and their totals are missing.
const progressVersion = 2

var errCorruptProgress = errors.New("progress is corrupt")

func appendProgress(dst []byte, p *Progress) []byte {
	dst = append(dst, progressVersion)
	dst = appendBytes(dst, p.LogID)
	dst = binary.AppendUvarint(dst, uint64(p.Next))
	dst = binary.BigEndian.AppendUint64(dst, p.Checksum)
	dst = binary.AppendUvarint(dst, p.SeriesNext)
	dst = binary.AppendUvarint(dst, uint64(p.Totals.Events))
	dst = binary.AppendUvarint(dst, uint64(p.Totals.Duplicates))
	dst = binary.AppendUvarint(dst, uint64(p.Totals.Forwarded))
	dst = binary.AppendUvarint(dst, uint64(p.Totals.Superseded))
	dst = binary.AppendUvarint(dst, uint64(p.Totals.Amended))
	dst = binary.AppendUvarint(dst, uint64(p.Totals.Cancelled))
	dst = binary.AppendUvarint(dst, uint64(len(Reasons)))
	for _, reason := range Reasons {
		dst = append(dst, byte(reason))
		dst = binary.AppendUvarint(dst, uint64(p.Totals.Aside[reason]))
	}
	return dst
}

func decodeProgress(b []byte) (Progress, error) {
	r := valueReader{b: b}
	version := r.byte()
	if version < 1 || version > progressVersion {
		return Progress{}, errCorruptProgress
	}
	var p Progress
	p.LogID = string(r.bytes())
	p.Next = int64(r.uvarint())
	p.Checksum = binary.BigEndian.Uint64(r.fixed(8))
	p.SeriesNext = r.uvarint()
	p.Totals.Events = int64(r.uvarint())
	p.Totals.Duplicates = int64(r.uvarint())
	p.Totals.Forwarded = int64(r.uvarint())
	if version >= 2 {
		p.Totals.Superseded = int64(r.uvarint())
		p.Totals.Amended = int64(r.uvarint())
		p.Totals.Cancelled = int64(r.uvarint())
	}
	for n := r.uvarint(); n > 0 && !r.failed; n-- {
		reason, count := r.byte(), r.uvarint()
		if reason >= reasonsEnd {
			return Progress{}, errCorruptProgress
		}
		p.Totals.Aside[reason] = int64(count)
	}
	if !r.done() || p.Next < 0 {
		return Progress{}, errCorruptProgress
	}
	return p, nil
}
