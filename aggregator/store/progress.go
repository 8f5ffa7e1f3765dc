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

// Totals count what a partition's log held below Progress.Next.
type Totals struct {
	Events     int64 // counted once
	Duplicates int64 // repeats with equal content
	Forwarded  int64 // events of other partitions
	Aside      [reasonsEnd]int64
}

// Taken returns how many events the records held, counted or not. A record that
// could not be read is taken for one.
func (t *Totals) Taken() int64 {
	taken := t.Events + t.Duplicates + t.Forwarded
	for _, n := range t.Aside {
		taken += n
	}
	return taken
}

const progressVersion = 1

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
	dst = binary.AppendUvarint(dst, uint64(len(Reasons)))
	for _, reason := range Reasons {
		dst = append(dst, byte(reason))
		dst = binary.AppendUvarint(dst, uint64(p.Totals.Aside[reason]))
	}
	return dst
}

func decodeProgress(b []byte) (Progress, error) {
	r := valueReader{b: b}
	if r.byte() != progressVersion {
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
