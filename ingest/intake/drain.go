package intake

import "time"

const (
	// drainSpan is how long what stands in the log's queue may take to be written.
	drainSpan = 50 * time.Millisecond
	// drainSpans is how many spans are remembered: a log that stops for a moment, as
	// disks do, is no slower for it.
	drainSpans = 20
	// logBytesMin is what may always wait for the log: below it a sync costs more than
	// what it writes.
	logBytesMin = 2 << 20
)

// drain says how many bytes may wait in the log's queue, by how fast the log was of
// late: twice the most that it acknowledged in one drainSpan. One organization alone
// gets half of that (see turns), and so what it appends is written within drainSpan. When
// the limit holds a log back that could do more, more is acknowledged within a span than
// may wait, and the limit rises.
type drain struct {
	bytesMax int64

	spans [drainSpans]int64 // bytes acknowledged in each, a ring
	span  int64             // number of the span that counts now
}

func newDrain() drain { return drain{bytesMax: logBytesMin} }

// add takes note that the log has acknowledged bytes.
func (d *drain) add(bytes int64, now time.Time) {
	span := now.UnixNano() / int64(drainSpan)
	if span > d.span {
		for s := max(d.span+1, span-drainSpans+1); s <= span; s++ {
			d.spans[s%drainSpans] = 0
		}
		d.span = span
		d.bytesMax = logBytesMin
		for _, b := range d.spans {
			d.bytesMax = max(d.bytesMax, 2*b)
		}
	}
	d.spans[d.span%drainSpans] += bytes
	d.bytesMax = max(d.bytesMax, 2*d.spans[d.span%drainSpans])
}
