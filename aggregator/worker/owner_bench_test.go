package worker

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"weir/aggregator"
	"weir/aggregator/store"
	"weir/ingest"
	"weir/ingest/eventlog"
)

var (
	ownerEvents     = flag.Int("owner.events", 400_000, "events of BenchmarkOwner")
	ownerPartitions = flag.Int("owner.partitions", 16, "partitions of BenchmarkOwner")
	ownerPerRecord  = flag.Int("owner.record", 6, "events of one record")
	ownerRecords    = flag.Int("owner.group", 32, "records of one group")
)

// ownerWarmUp is after how many rounds no index of ids has still to grow for what is between two checkpoints.
const ownerWarmUp = 4

// BenchmarkOwner is what an event costs the owners of a process's partitions, in turns as they get groups, with as many
// ids, series and counters as under the standard load: nothing is in the processor's caches when its
// turn comes. The ids are new, and as many as there are go at each checkpoint. Reading stands between the
// turns, as in the process, and is not measured.
func BenchmarkOwner(b *testing.B) {
	owners := make([]*owner, *ownerPartitions)
	for i := range owners {
		owners[i] = &owner{partition: stagePartition(b)}
		owners[i].options.RecentIDsMax = RecentIDsMaxDefault
		owners[i].recent.max = RecentIDsMaxDefault / len(owners)
	}
	fillOwners(owners)
	g, random := new(group), rand.New(rand.NewPCG(2, 2))
	for i := range owners { // ids of before
		owners[i].fillIDs(random)
	}
	var took time.Duration
	events := 0
	round := func() {
		for _, o := range owners {
			o.at = 0
		}
		for more := true; more; {
			more = false
			for _, o := range owners {
				if !o.read(g, random) {
					continue
				}
				more = true
				began := time.Now()
				if err := o.apply(g); err != nil {
					b.Fatal(err)
				}
				took += time.Since(began)
				events += len(g.events)
				o.checkpointed()
			}
		}
	}
	for range ownerWarmUp {
		round()
	}
	took, events = 0, 0
	for b.Loop() {
		round()
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(events), "owner-ns/event")
}

// owner is a partition of BenchmarkOwner, with the records that it gets, again and again.
type owner struct {
	*partition
	records []eventlog.Record
	at      int
	offset  int64
}

// fillOwners deals out events of the load's shape.
func fillOwners(owners []*owner) {
	random := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(random, 1.1, 1, uint64(*stageSubscriptions-1))
	waiting := make([][]ingest.Event, len(owners))
	give := func(i int) {
		header := ingest.Header{Organization: stageOrganization, ReceivedAt: 1_700_000_000_000_000_000}
		o := owners[i]
		o.records = append(o.records, eventlog.Record{Time: header.ReceivedAt, Value: ingest.AppendRecord(nil, header, waiting[i])})
		waiting[i] = waiting[i][:0]
	}
	for id := range *ownerEvents {
		e := loadEvent(random, id, int(zipf.Uint64()), 1_700_000_000_000_000_000)
		i := int(ingest.Partition(stageOrganization, e.Subscription, int32(len(owners))))
		if waiting[i] = append(waiting[i], e); len(waiting[i]) == *ownerPerRecord {
			give(i)
		}
	}
	// Each series and cell once, so that the tables are those of a process that has run for long.
	for subscription := range *stageSubscriptions {
		for _, model := range stageModels {
			e := loadEvent(random, subscription, subscription, 1_700_000_000_000_000_000)
			e.Properties[0].Text = []byte(model)
			i := int(ingest.Partition(stageOrganization, e.Subscription, int32(len(owners))))
			if waiting[i] = append(waiting[i], e); len(waiting[i]) == *ownerPerRecord {
				give(i)
			}
		}
	}
}

// fillIDs makes the owner remember as many ids as it may.
func (o *owner) fillIDs(random *rand.Rand) {
	for range o.recent.max {
		id := randomID(random)
		o.recent.put(&id, prior{position: ingest.PositionOf(o.offset, 0)})
		o.offset++
	}
}

func randomID(random *rand.Rand) (id ingest.ID) {
	binary.LittleEndian.PutUint64(id[:8], random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], random.Uint64())
	return id
}

// read makes the next group of new events.
func (o *owner) read(g *group, random *rand.Rand) bool {
	g.reset()
	for n := 0; n < *ownerRecords && o.at < len(o.records); n++ {
		o.records[o.at].Offset = o.offset
		o.offset++
		g.add(&o.records[o.at], 0, 1)
		o.at++
	}
	for i := range g.events {
		g.events[i].id = randomID(random)
	}
	return len(g.events) > 0
}

// checkpointed does what a checkpoint of everything would leave.
func (o *owner) checkpointed() {
	if o.pending.Bytes() < 8<<20 {
		return
	}
	old := o.pending
	o.pending = store.NewPending(old)
	old.Recycle()
	o.recent.trim(ingest.PositionOf(o.offset, 0), o.recent.max)
	for _, s := range o.dirty {
		s.dirty, s.rowChanged, s.nameNew = false, false, false
		if s.counters != nil {
			s.counters.Freeze(func(string) {}, func(string, *aggregator.Day) {})
			s.counters.Saved()
		}
	}
	o.dirty = o.dirty[:0]
}
