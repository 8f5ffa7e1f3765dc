package aggregator

import (
	"encoding/binary"
	"math/bits"
)

// Counting is what all series that count by one metric have in common: what they
// count, the keys of the cells that many of them have, and memory to work in. It and
// its series are used by one goroutine at a time.
type Counting struct {
	metric     *Metric
	definition Definition

	ids      map[string]uint32  // of shared keys, from 1
	keys     []string           // by id less 1
	lately   [latelyKeys]uint32 // ids that idOf found, by latelyAt; 0 = none
	foresees bool               // an event brings a value and no more: Foresee can tell what it will do
	quantity Quantity
	scratch  []byte // a cell's key
}

// latelyKeys is how many keys are found without a look into the map of all.
const (
	latelyKeys = 1 << latelyBits
	latelyBits = 6
)

// latelyAt is where a key is looked for among those: by its two ends, which nearly always tell the keys of
// a metric apart. Where they don't, it takes longer.
func latelyAt(key []byte) int {
	ends := uint64(len(key))
	if len(key) >= 8 {
		ends += binary.LittleEndian.Uint64(key) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(key[len(key)-8:]), 21)
	} else {
		for _, b := range key {
			ends = ends<<8 | uint64(b)
		}
	}
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	return int(ends * odd >> (64 - latelyBits))
}

// Bounds of the keys that the series of a metric share. What charges filter and group by has few
// values, which come again in every subscription; where each has its own there is nothing to share.
const (
	sharedKeysMax     = 4096
	sharedKeyBytesMax = 256
)

// NewCounting returns what the series of a metric share.
func NewCounting(metric *Metric) *Counting {
	return &Counting{
		metric: metric, definition: metric.Definition(), foresees: !metric.hasMembers() && !metric.PreciseTotals,
	}
}

// Metric returns what is counted by.
func (c *Counting) Metric() *Metric { return c.metric }

// Definition returns the definition of the counters.
func (c *Counting) Definition() Definition { return c.definition }

// NewSeries returns the counters of a series; resident is as for the function NewSeries.
func (c *Counting) NewSeries(resident bool) *Series {
	return &Series{counting: c, resident: resident}
}

// idOf returns the id of a cell's key, which it has from now on; 0 if the key is not shared.
// A key that has none never gets one.
func (c *Counting) idOf(key []byte) uint32 {
	at := &c.lately[latelyAt(key)]
	if id := *at; id != 0 && c.keys[id-1] == string(key) {
		return id
	}
	id := c.ids[string(key)]
	if id == 0 {
		if len(c.keys) >= sharedKeysMax || len(key) > sharedKeyBytesMax || c.metric.hasMembers() {
			return 0
		}
		if c.ids == nil {
			c.ids = make(map[string]uint32)
		}
		c.keys = append(c.keys, string(key))
		id = uint32(len(c.keys))
		c.ids[c.keys[id-1]] = id
	}
	*at = id
	return id
}

// keyOf returns a key as a string, the same for all who share it.
func (c *Counting) keyOf(id uint32, key []byte) string {
	if id == 0 {
		return string(key)
	}
	return c.keys[id-1]
}
