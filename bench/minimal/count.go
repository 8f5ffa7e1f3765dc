package main

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"
)

const (
	checkpointInterval = time.Second
	probedAhead        = 32 // records whose ids are looked for together
)

// work is what the counter is given: a group, which it hands on when it is counted, or a
// question, which it answers when all before it is counted.
type work struct {
	group  *group
	free   chan<- *group
	answer chan<- totals
}

// totals are over all counters.
type totals struct {
	events, repeats, counters int64
	sum                       *big.Int // millionths
}

func (t totals) json() string {
	return fmt.Sprintf(`{"events":%d,"repeats":%d,"counters":%d,"millionths":"%s"}`, t.events, t.repeats, t.counters, t.sum)
}

// cell is one counter; its key is a record's.
type cell struct {
	key    string
	hash   uint64
	events int64
	high   int64 // the sum's upper and lower half
	low    uint64
	dirty  bool
}

// counter counts in one goroutine, which runs run.
type counter struct {
	in    chan work
	file  *os.File
	ids   ids
	cells []cell
	slots []uint32 // open addressing: 0, or a cell's number plus one

	repeats int64
	dirty   []uint32
	fresh   []byte // ids since the last checkpoint
	spare   []byte // what the last checkpoint wrote
}

func newCounter(path string) (*counter, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cannot make checkpoints: %w", err)
	}
	return &counter{in: make(chan work, groups), file: file, slots: make([]uint32, 1<<10)}, nil
}

// totals waits until all that was acknowledged is counted.
func (c *counter) totals() totals {
	answer := make(chan totals, 1)
	c.in <- work{answer: answer}
	return <-answer
}

// run counts until in is closed. A checkpoint is written beside; while one is, none begins.
func (c *counter) run() error {
	tick := time.NewTicker(checkpointInterval)
	defer tick.Stop()
	written := make(chan error, 1)
	writing := false
	checkpoint := func() {
		bytes := c.checkpoint()
		writing = true
		go func() { written <- c.write(bytes) }()
	}
	for {
		select {
		case w, ok := <-c.in:
			switch {
			case !ok && writing:
				if err := <-written; err != nil {
					return err
				}
				return c.end()
			case !ok:
				return c.end()
			case w.group == nil:
				w.answer <- c.sum()
				continue
			}
			c.count(w.group.bytes[groupHead:])
			w.group.reset()
			w.free <- w.group
		case err := <-written:
			if writing = false; err != nil {
				return err
			}
		case <-tick.C:
			if !writing {
				checkpoint()
			}
		}
	}
}

// end writes the last checkpoint.
func (c *counter) end() error {
	if err := c.write(c.checkpoint()); err != nil {
		return err
	}
	return c.file.Close()
}

// count takes in the records of a group. The ids of some are touched together, so that
// the processor waits for memory once and not for each.
func (c *counter) count(records []byte) {
	for len(records) > 0 {
		some, n := records, 0
		for ; n < probedAhead && len(some) > 0; n++ {
			c.ids.touch(id(some[:idBytes]))
			some = some[keyAt+int(some[keyLengthAt]):]
		}
		for range n {
			end := keyAt + int(records[keyLengthAt])
			c.add(records[:end])
			records = records[end:]
		}
	}
}

func (c *counter) add(record []byte) {
	if !c.ids.add(id(record[:idBytes])) {
		c.repeats++
		return
	}
	c.fresh = append(c.fresh, record[:idBytes]...)
	at := c.find(record[keyAt:])
	found := &c.cells[at]
	if !found.dirty {
		found.dirty = true
		c.dirty = append(c.dirty, at)
	}
	value := int64(binary.LittleEndian.Uint64(record[valueAt:]))
	found.events++
	var carry uint64
	found.low, carry = bits.Add64(found.low, uint64(value), 0)
	found.high += value>>63 + int64(carry)
}

// find returns the number of a key's cell.
func (c *counter) find(key []byte) uint32 {
	hash := xxhash.Sum64(key)
	mask := uint64(len(c.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch at := c.slots[i]; {
		case at == 0:
			c.cells = append(c.cells, cell{key: string(key), hash: hash})
			c.slots[i] = uint32(len(c.cells))
			c.grow()
			return uint32(len(c.cells) - 1)
		case c.cells[at-1].hash == hash && c.cells[at-1].key == string(key):
			return at - 1
		}
	}
}

// grow keeps half of the slots free.
func (c *counter) grow() {
	if 2*len(c.cells) <= len(c.slots) {
		return
	}
	slots := make([]uint32, 2*len(c.slots))
	mask := uint64(len(slots) - 1)
	for n := range c.cells {
		i := c.cells[n].hash & mask
		for slots[i] != 0 {
			i = (i + 1) & mask
		}
		slots[i] = uint32(n + 1)
	}
	c.slots = slots
}

// checkpoint returns what is new since the last one: how many ids and counters, the ids,
// and the counters as length and key, events and sum.
func (c *counter) checkpoint() []byte {
	bytes := binary.LittleEndian.AppendUint32(c.spare[:0], uint32(len(c.fresh)/idBytes))
	bytes = binary.LittleEndian.AppendUint32(bytes, uint32(len(c.dirty)))
	bytes = append(bytes, c.fresh...)
	for _, at := range c.dirty {
		one := &c.cells[at]
		bytes = append(append(bytes, byte(len(one.key))), one.key...)
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(one.events))
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(one.high))
		bytes = binary.LittleEndian.AppendUint64(bytes, one.low)
		one.dirty = false
	}
	c.spare, c.fresh, c.dirty = bytes, c.fresh[:0], c.dirty[:0]
	return bytes
}

func (c *counter) write(bytes []byte) error {
	if _, err := c.file.Write(bytes); err != nil {
		return fmt.Errorf("cannot write a checkpoint: %w", err)
	}
	if err := unix.Fdatasync(int(c.file.Fd())); err != nil {
		return fmt.Errorf("cannot sync a checkpoint: %w", err)
	}
	return nil
}

func (c *counter) sum() totals {
	t := totals{repeats: c.repeats, counters: int64(len(c.cells)), sum: new(big.Int)}
	for i := range c.cells {
		one := &c.cells[i]
		t.events += one.events
		t.sum.Add(t.sum, new(big.Int).Lsh(big.NewInt(one.high), 64))
		t.sum.Add(t.sum, new(big.Int).SetUint64(one.low))
	}
	return t
}
