package worker

import (
	"context"
	"math/bits"
	"time"
)

// schedule says when a partition's next checkpoint is due.
//
// What a checkpoint costs is one synced write, and then so much for each counter that
// changed, however often it did: under load, fewer and larger ones are cheaper. So a partition in which
// little happens writes one when the first thing of it is Options.CheckpointInterval old, and one under load each
// Options.CheckpointIntervalMax, or when it has gathered as much as it may. Whoever waits for a
// checkpoint, the cut of an invoice or a test clock, gets one at once, as long as those take
// no more than a quarter of the time.
//
// Load comes to all partitions at once. If their checkpoints did too, and then again each
// CheckpointIntervalMax, the processors would belong to them for a second, and requests would wait. So each
// partition has turns of its own, at the same distance from those of others. Without load, when they are
// small, they are spread over half an interval.
//
// A process writes few at a time. Partitions wait in line for that, and copy what
// changed when it is their turn, not before.
type schedule struct {
	interval    time.Duration // Options.CheckpointInterval
	intervalMax time.Duration // Options.CheckpointIntervalMax, and no less than interval
	phase       time.Duration // of its turns under load: less than intervalMax
	early       time.Duration // by which its checkpoints come before an interval has passed without load

	began  time.Time     // when the last checkpoint began
	since  time.Time     // about when the first thing came that is in none; zero = there is nothing
	took   time.Duration // until it was durable
	wanted bool          // somebody waits for one, and it is not begun
	inLine bool          // for one of the process's slots
	timer  *time.Timer
	set    time.Time // when the timer rings; zero = never

	granted chan struct{} // its turn has come: there is a slot for it
}

const (
	// loadedBytes is how much has gathered, at the least, in a partition under load.
	loadedBytes = 256 << 10
	// wantedShare is by how many times longer than a checkpoint took nobody gets another one at once,
	// and wantedPauseMax bounds that.
	wantedShare    = 3
	wantedPauseMax = 250 * time.Millisecond
	// checkpointPhases is over how many steps of an interval the checkpoints of partitions are spread.
	checkpointPhases = 1 << checkpointPhaseBits
	// checkpointPhaseBits: partitions whose numbers differ in as many low bits have phases of their own.
	checkpointPhaseBits = 8
)

// start begins the schedule of a partition, each at a time of its own.
func (c *schedule) start(now time.Time, number int32, interval, intervalMax time.Duration) {
	c.interval, c.intervalMax = interval, max(interval, intervalMax)
	// The bits of the number the other way round: some partitions in a row are spread over all phases.
	phase := time.Duration(bits.Reverse32(uint32(number)) >> (32 - checkpointPhaseBits))
	c.phase = c.intervalMax / checkpointPhases * phase
	c.early = interval / checkpointPhases * phase / 2
	c.began = now
	c.timer = time.NewTimer(time.Hour)
	c.timer.Stop()
	c.granted = make(chan struct{}, 1)
}

// due returns when the next checkpoint of a partition is to begin that has gathered so many bytes, and
// may gather bytesMax.
func (c *schedule) due(gathered, bytesMax int) time.Time {
	switch {
	case gathered >= bytesMax:
		return c.began
	case c.wanted:
		return c.began.Add(min(wantedShare*c.took, wantedPauseMax))
	case gathered >= loadedBytes:
		return c.turn()
	default:
		return c.since.Add(c.interval - c.early)
	}
}

// turn returns the partition's first turn under load that is at least an interval after the last checkpoint
// began. Its turns are the instants of Unix time that leave phase when they are divided by intervalMax.
func (c *schedule) turn() time.Time {
	if c.intervalMax == 0 {
		return c.began
	}
	since := (time.Duration(c.began.UnixNano()) - c.phase) % c.intervalMax // the turn before
	wait := c.intervalMax - since
	if wait < c.interval {
		wait += c.intervalMax
	}
	return c.began.Add(wait)
}

// dirtyBytesMax is how much the partition may gather before it begins a checkpoint: its own bound, or
// its part of the process's.
func (p *partition) dirtyBytesMax() int {
	return min(p.options.DirtyBytesMax, p.options.DirtyBytesTotalMax/max(1, p.owned()))
}

// plan gets in line for a checkpoint if one is due, or else sets the timer.
func (p *partition) plan(ctx context.Context) {
	c := &p.schedule
	if c.inLine || p.writing != nil || p.failed != nil || !p.behind() && len(p.dirty) == 0 {
		return
	}
	if c.since.IsZero() {
		c.since = time.Now()
	}
	due := c.due(p.dirtyBytes(), p.dirtyBytesMax())
	if wait := time.Until(due); wait > 0 {
		if !due.Equal(c.set) {
			c.timer.Reset(wait)
			c.set = due
		}
		return
	}
	c.inLine = true
	p.background.Go(func() { // the runtime serves them in the order in which they came
		select {
		case p.slots <- struct{}{}:
			c.granted <- struct{}{} // has room
		case <-ctx.Done():
		}
	})
}

// release gives a slot back that was granted and not used, if there is one. Nobody is in line any more.
func (c *schedule) release(slots <-chan struct{}) {
	select {
	case <-c.granted:
		<-slots
	default:
	}
}
