package aggregator

// Counting is what all series that count by one metric have in common: what they
// count, the keys of the cells that many of them have, and memory to work in. It and
// its series are used by one goroutine at a time.
type Counting struct {
	metric     *Metric
	definition Definition

	ids      map[string]uint32 // of shared keys, from 1
	keys     []string          // by id less 1
	lastKey  string            // what idOf found last
	lastID   uint32
	quantity Quantity
	scratch  []byte // a cell's key
}

// Bounds of the keys that the series of a metric share. What charges filter and group by has few
// values, which come again in every subscription; where each has its own there is nothing to share.
const (
	sharedKeysMax     = 4096
	sharedKeyBytesMax = 256
)

// NewCounting returns what the series of a metric share.
func NewCounting(metric *Metric) *Counting {
	return &Counting{metric: metric, definition: metric.Definition()}
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
	if c.lastKey == string(key) && c.lastID != 0 {
		return c.lastID
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
	c.lastKey, c.lastID = c.keys[id-1], id
	return id
}

// keyOf returns a key as a string, the same for all who share it.
func (c *Counting) keyOf(id uint32, key []byte) string {
	if id == 0 {
		return string(key)
	}
	return c.keys[id-1]
}
