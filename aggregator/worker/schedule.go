package worker

import (
	"context"
	"time"
)

// schedule says when a partition's next checkpoint is due.
//
// What a checkpoint costs is one synced write, and then so much for each counter that
// changed, however often it did: under load, fewer and larger ones are cheaper. So a partition in which
// little happens writes one each Options.CheckpointInterval, and one under load each
// Options.CheckpointIntervalMax, or when it has gathered as much as it may. Whoever waits for a
// checkpoint, the cut of an invoice or a test clock, gets one at once, as long as those take
// no more than a quarter of the time.
//
// A process writes few at a time. Partitions wait in line for that, and copy what
// changed when it is their turn, not before.
type schedule struct {
	began  time.Time     // when the last checkpoint began
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
	// checkpointPhases is over how many steps of an interval the first checkpoints of partitions are spread.
	checkpointPhases = 16
)

// start begins the schedule of a partition, each at a time of its own.
func (c *schedule) start(now time.Time, number int32, interval time.Duration) {
	phase := time.Duration(checkpointPhases - 1 - number%checkpointPhases)
	c.began = now.Add(-interval / checkpointPhases * phase)
	c.timer = time.NewTimer(time.Hour)
	c.timer.Stop()
	c.granted = make(chan struct{}, 1)
}

// due returns when the next checkpoint of a partition is to begin that has gathered so much.
func (p *partition) due(gathered int) time.Time {
	c := &p.schedule
	switch {
	case gathered >= p.dirtyBytesMax():
		return c.began
	case c.wanted:
		return c.began.Add(min(wantedShare*c.took, wantedPauseMax))
	case gathered >= loadedBytes:
		return c.began.Add(max(p.options.CheckpointInterval, p.options.CheckpointIntervalMax))
	default:
		return c.began.Add(p.options.CheckpointInterval)
	}
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
	due := p.due(p.dirtyBytes())
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
