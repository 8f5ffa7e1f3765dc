package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/billing"
)

// positionHeader is how a reader names what it wrote: the header that the writing
// of events answered with, "partition:offset,…", offset that of the last record.
const positionHeader = "Weir-Log-Position"

// Headers of answers about usage. The position is written as it is read, so that it can
// be handed on: everything up to that record is in the answer.
const (
	catalogVersionHeader = "Weir-Catalog-Version"
	// totalCappedHeader says that meta.total_count is only as far as it was counted.
	totalCappedHeader = "Weir-Total-Capped"
)

const (
	// positionsMax is how many partitions the header may name.
	positionsMax = 1024
	// positionWaitMax is how long a read waits for the positions to be counted.
	positionWaitMax = 5 * time.Second
)

// positionsOf reads the header: by partition, the offset that a read must cover,
// every record below it. nil when there is none.
func positionsOf(header http.Header) (map[int32]int64, error) {
	text := header.Get(positionHeader)
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > positionsMax {
		return nil, billing.BadRequest(positionHeader + " names more than " + strconv.Itoa(positionsMax) + " partitions")
	}
	atLeast := make(map[int32]int64, len(parts))
	for _, part := range parts {
		partition, offset, ok := position(strings.TrimSpace(part))
		if !ok {
			return nil, billing.BadRequest(positionHeader + " is not partition:offset,…")
		}
		atLeast[partition] = max(atLeast[partition], offset+1)
	}
	return atLeast, nil
}

func position(text string) (partition int32, offset int64, ok bool) {
	p, o, found := strings.Cut(text, ":")
	if !found {
		return 0, 0, false
	}
	number, err := strconv.ParseInt(p, 10, 32)
	if err != nil || number < 0 {
		return 0, 0, false
	}
	offset, err = strconv.ParseInt(o, 10, 48) // as many as an ingest.Position keeps
	if err != nil || offset < 0 {
		return 0, 0, false
	}
	return int32(number), offset, true
}

// covers tells the reader what the answer is of: all records of the partition below the
// offset next. An answer made of several is of what all of them cover.
func (r request) covers(partition int32, next int64) {
	if next <= 0 {
		return // the log is empty
	}
	if _, offset, ok := position(r.answer.Get(positionHeader)); ok {
		next = min(next, offset+1)
	}
	r.wrote(partition, next-1)
}

// wrote names a record in the answer's header.
func (r request) wrote(partition int32, offset int64) {
	r.answer.Set(positionHeader, strconv.Itoa(int(partition))+":"+strconv.FormatInt(offset, 10))
}
