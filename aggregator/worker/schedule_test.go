package worker

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weir/aggregator/store"
)

// startedSchedule is the schedule of a partition, begun now, with the intervals of 1 and 5 seconds.
func startedSchedule(number int32) *schedule {
	c := new(schedule)
	c.start(time.Now(), number, time.Second, 5*time.Second)
	return c
}

// TestDue: by what has gathered, and who waits.
func TestDue(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_700_000_000, 0) // a multiple of 5 seconds: a turn of partition 0
	const bytesMax = 1 << 20
	for _, c := range []struct {
		name     string
		gathered int
		took     time.Duration
		wanted   bool
		after    time.Duration
	}{
		{"a little", loadedBytes - 1, time.Second, false, 3 * time.Second},
		{"load", loadedBytes, time.Second, false, 5 * time.Second},
		{"all it may", bytesMax, time.Second, false, 0},
		{"wanted, as long again as three took", 1, 20 * time.Millisecond, true, 60 * time.Millisecond},
		{"wanted, and they take long", 1, time.Second, true, 250 * time.Millisecond},
		{"wanted under load", loadedBytes, 20 * time.Millisecond, true, 60 * time.Millisecond},
		{"wanted, and all it may", bytesMax, time.Second, true, 0},
	} {
		s := schedule{interval: time.Second, intervalMax: 5 * time.Second, began: began, took: c.took, wanted: c.wanted}
		s.since = began.Add(2 * time.Second) // nothing came before
		if got := s.due(c.gathered, bytesMax).Sub(began); got != c.after {
			t.Errorf("%s: due after %v, want %v", c.name, got, c.after)
		}
	}
}

// TestTurnsAreSpread: partitions that come under load at one instant have their checkpoints at equal
// distances, all of them or some in a row.
func TestTurnsAreSpread(t *testing.T) {
	t.Parallel()
	for _, partitions := range [][2]int32{{0, 16}, {4, 8}, {8, 16}, {0, 256}} {
		n := partitions[1] - partitions[0]
		var turns []time.Time
		for number := partitions[0]; number < partitions[1]; number++ {
			c := startedSchedule(number)
			c.timer.Stop()
			c.began = time.Unix(1_700_000_001, 7)
			turns = append(turns, c.turn())
		}
		slices.SortFunc(turns, time.Time.Compare)
		turns = append(turns, turns[0].Add(5*time.Second)) // the first one's next
		for i := 1; i < len(turns); i++ {
			if got, want := turns[i].Sub(turns[i-1]), 5*time.Second/time.Duration(n); got != want {
				t.Fatalf("partitions %d to %d: turn %d comes %v after the one before, want %v", partitions[0], partitions[1]-1, i, got, want)
			}
		}
	}
}

// TestTurnsReturn: from turn to turn it is the longest interval, whatever a checkpoint waits in line, and one
// that was made out of turn moves none of them. There is an interval between two at the least.
func TestTurnsReturn(t *testing.T) {
	t.Parallel()
	c := startedSchedule(8) // reversed in 8 bits it is 16: its turns are 16/256 of 5 s = 312.5 ms after multiples of 5 s
	c.timer.Stop()
	turn := time.Unix(1_700_000_000, 312_500_000)
	for _, s := range []struct {
		began, due time.Duration // after turn
	}{
		{0, 5 * time.Second},
		{700 * time.Millisecond, 5 * time.Second}, // it waited in line
		{3 * time.Second, 5 * time.Second},        // somebody wanted it
		{4 * time.Second, 5 * time.Second},        // an interval before
		{4*time.Second + 1, 10 * time.Second},     // less than that
		{5*time.Second - 1, 10 * time.Second},
	} {
		c.began = turn.Add(s.began)
		if got := c.turn().Sub(turn); got != s.due {
			t.Errorf("a checkpoint began %v after a turn: the next is due %v after that turn, want %v", s.began, got, s.due)
		}
	}
}

// scheduledPartition has taken something from the log, and may have a checkpoint when one of the slots is
// free. Nothing else of it is there.
func scheduledPartition(number int32, slots chan struct{}) *partition {
	p := &partition{
		number: number, slots: slots, owned: func() int { return 3 }, pending: new(store.Pending), next: 1,
		options: &Options{DirtyBytesMax: 1 << 20, DirtyBytesTotalMax: 3 << 20},
	}
	p.schedule = *startedSchedule(number)
	return p
}

// granted reports whether the partition's turn has come.
func (p *partition) granted() bool {
	select {
	case <-p.schedule.granted:
		p.schedule.inLine = false
		return true
	default:
		return false
	}
}

// TestCheckpointsBeginInLine: when there are more partitions than slots, those that came first are first
// served, and one that has just had its checkpoint stands behind all that wait.
func TestCheckpointsBeginInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 1)
		var partitions []*partition
		plan := func(p *partition) {
			p.schedule.since = time.Now().Add(-p.schedule.interval) // it is due
			p.plan(t.Context())
			synctest.Wait() // it has a slot, or stands in line
		}
		for number := range int32(3) {
			partitions = append(partitions, scheduledPartition(number, slots))
			plan(partitions[number])
		}
		for round := range 6 {
			for i, p := range partitions {
				if got, want := p.granted(), i == round%3; got != want {
					t.Fatalf("round %d: partition %d has a slot: %v, want %v", round, i, got, want)
				}
			}
			<-slots // the checkpoint is written
			plan(partitions[round%3])
		}
	})
}

// TestPartitionsLeaveTheLine: a partition that ends while it waits for a slot takes none, and gives back one
// that it was granted and did not use.
func TestPartitionsLeaveTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		served, waiting := scheduledPartition(0, slots), scheduledPartition(1, slots)
		for _, p := range []*partition{served, waiting} {
			p.schedule.since = time.Now().Add(-p.schedule.interval)
			p.plan(ctx)
			synctest.Wait()
		}
		cancel()
		for _, p := range []*partition{waiting, served} {
			p.background.Wait()
			p.schedule.release(slots)
		}
		if len(slots) != 0 {
			t.Errorf("%d slots are taken, and nobody is left", len(slots))
		}
	})
}

// TestCheckpointsWithoutLoad: partitions that get something at one instant have their checkpoints within an
// interval of it, and at equal distances: 1 s less a sixteenth of half a second for each of the others.
func TestCheckpointsWithoutLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		came := time.Now().Add(time.Hour) // long after the last checkpoint
		var after []time.Duration
		for number := range int32(16) {
			p := scheduledPartition(number, nil)
			defer p.schedule.timer.Stop()
			time.Sleep(time.Until(came)) // of the bubble's clock
			p.plan(t.Context())
			after = append(after, p.schedule.set.Sub(came))
		}
		slices.Sort(after)
		for i, got := range after {
			if want := time.Second - time.Duration(15-i)*time.Second/32; got != want {
				t.Errorf("checkpoint %d is due %v after what it is to hold, want %v", i, got, want)
			}
		}
	})
}

// TestWantedCheckpointComesSoon: the timer of a partition in which little has happened rings after an interval.
// When somebody begins to wait for a checkpoint, it rings at once, as long as those take little of the time.
func TestWantedCheckpointComesSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := scheduledPartition(0, make(chan struct{}, 1))
		c := &p.schedule
		c.began, c.took = time.Now(), 10*time.Millisecond
		began := c.began
		p.plan(t.Context())
		if got := c.set.Sub(began); got != time.Second {
			t.Errorf("the timer is set to %v after the last checkpoint, want 1 s", got)
		}
		q := &question{ctx: t.Context(), atLeast: 1, committed: true}
		p.ask(q)
		p.plan(t.Context())
		<-c.timer.C // the clock of the bubble goes on to it
		c.set = time.Time{}
		if got := time.Since(began); got != 30*time.Millisecond {
			t.Errorf("the timer rang %v after the last checkpoint, want 30 ms", got)
		}
		p.plan(t.Context())
		synctest.Wait()
		if !p.granted() {
			t.Error("there is no checkpoint, although one is due and a slot is free")
		}
	})
}

// TestCheckpointIsWantedOnce: who waits for a position wants no other checkpoint than the one that is being
// written, if that is going to cover it.
func TestCheckpointIsWantedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		writing int64 // where the checkpoint ends that is being written; 0 = none is
		wanted  bool
	}{{0, true}, {1, true}, {2, false}} {
		p := &partition{next: 2}
		if c.writing > 0 {
			p.writing = &checkpointing{content: new(store.Checkpoint)}
			p.writing.content.Progress.Next = c.writing
		}
		p.ask(&question{ctx: t.Context(), atLeast: 2, committed: true})
		if p.schedule.wanted != c.wanted || len(p.waiting) != 1 {
			t.Errorf("while a checkpoint up to %d is written: wanted is %v, want %v; %d questions wait, want 1",
				c.writing, p.schedule.wanted, c.wanted, len(p.waiting))
		}
	}
}
