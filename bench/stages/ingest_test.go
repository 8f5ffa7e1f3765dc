package stages

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"weir/bench/yardstick"
	"weir/ingest"
)

// batchEvents is how many events a request of the standard load has.
const batchEvents = 100

var organization = uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

// body returns the n-th request.
func body(n int) []byte {
	text := []byte(`{"events":[`)
	for i := range batchEvents {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"transaction_id":"load-%06d-%06d","external_subscription_id":"sub_%06d","code":"load_units",`+
			`"timestamp":1710000000.%03d,"properties":{"units":%d.%03d,"model":"gpt-large","region":"eu-west-1"}}`,
			n, i, i*i%20_000, i, i*7, i)
	}
	return append(text, "]}"...)
}

func parsed(n int) *ingest.Batch {
	batch := new(ingest.Batch)
	if err := batch.ParseEvents(body(n), batchEvents); err != nil {
		panic("BUG: " + err.Error())
	}
	return batch
}

// each does n events by calls of f for a batch of them.
func each(f func()) func(n int) {
	return func(n int) {
		for ; n > 0; n -= batchEvents {
			f()
		}
	}
}

// TestIngest bounds the stages of ingest, in yardsticks per event of a batch.
func TestIngest(t *testing.T) {
	header := ingest.Header{Organization: organization, ReceivedAt: 1_710_000_001_000_000_000}
	yardstick.Ratio(t, "parse JSON", 13, func() func(int) {
		text := body(0)
		var batch ingest.Batch
		return each(func() {
			batch.Reset()
			if err := batch.ParseEvents(text, batchEvents); err != nil {
				panic(err)
			}
		})
	})
	yardstick.Ratio(t, "append a record", 3.2, func() func(int) {
		events := parsed(0).Events
		var record []byte
		return each(func() { record = ingest.AppendRecord(record[:0], header, events) })
	})
	yardstick.Ratio(t, "parse a record", 3.5, func() func(int) {
		record := ingest.AppendRecord(nil, header, parsed(0).Events)
		var batch ingest.Batch
		return each(func() {
			batch.Reset()
			if _, err := batch.ParseRecord(record, 0); err != nil {
				panic(err)
			}
		})
	})
	yardstick.Ratio(t, "identify", 8, func() func(int) {
		events := parsed(0).Events
		var x ingest.Identifier
		return each(func() {
			x.Reset(organization)
			for i := range events {
				x.Identify(events[i].Subscription, events[i].TransactionID)
				x.Partition(events[i].Subscription, 16)
			}
		})
	})
	yardstick.Ratio(t, "hash the content", 3, func() func(int) {
		events := parsed(0).Events
		return each(func() {
			for i := range events {
				ingest.ContentHash32(&events[i])
			}
		})
	})
	yardstick.Ratio(t, "claim and remember ids", 8, windowStage)
}

// windowStage claims ids in a full window of the default size and remembers them: each
// pushes another out.
func windowStage() func(n int) {
	window, err := ingest.NewWindow(0)
	if err != nil {
		panic(err)
	}
	var claim ingest.Claim
	sightings := make([]ingest.Sighting, batchEvents)
	next := uint64(0)
	stage := each(func() {
		for i := range sightings {
			sightings[i].Key = scattered(next)
			next++
		}
		if window.Claim(&claim, sightings) != nil {
			panic("BUG: a claim waits for nothing")
		}
		window.Written(&claim)
	})
	stage(ingest.WindowIDsDefault)
	return stage
}

// scattered returns an id whose bytes look random, another for each n: the finalizer of
// SplitMix64, twice.
func scattered(n uint64) (id ingest.ID) {
	for word := range 2 {
		z := (2*n + uint64(word) + 1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		for i := range 8 {
			id[8*word+i] = byte(z >> (8 * i))
		}
	}
	return id
}
