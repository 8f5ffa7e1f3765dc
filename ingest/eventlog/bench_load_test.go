package eventlog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/ingest"
)

// request is what one request of the standard load becomes: a record for each
// partition that its events fall into, in the order of partitions.
type request struct {
	events  int
	records []Record // Offset holds the partition
}

// standardLoad makes requests of the standard load's shape (bench/load): about
// 200 bytes of JSON an event, 20,000 subscriptions by zipf, one sender for each of
// connections. Request i of sender c is at [c][i].
func standardLoad(tb testing.TB, connections, requests, events int) [][]request {
	tb.Helper()
	const subscriptions, zipf, seed = 20_000, 1.1, 1
	organization := uuid.MustParse("8a31a0f8-9a3b-4c5d-8e7f-0123456789ab")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	all := make([][]request, connections)
	for c := range all {
		random := rand.New(rand.NewPCG(seed, uint64(c)))
		spread := rand.NewZipf(random, zipf, 1, subscriptions-1)
		serial := 0
		for i := range requests {
			at := now.Add(time.Duration(i)*20*time.Millisecond + time.Duration(c)*137*time.Microsecond)
			byPartition := map[int32][]ingest.Event{}
			for range events {
				serial++
				subscription := fmt.Appendf(nil, "load-k3x7q2m9ab-%d", spread.Uint64())
				p := ingest.Partition(organization, subscription, PartitionsDefault)
				byPartition[p] = append(byPartition[p], ingest.Event{
					TransactionID: fmt.Appendf(nil, "k3x7q2m9ab-%d-%d", c, serial),
					Subscription:  subscription,
					Code:          []byte("load_units"),
					Timestamp:     at.Add(-time.Duration(random.IntN(3)) * time.Millisecond).Truncate(time.Millisecond).UnixNano(),
					Properties: []ingest.Property{
						{Name: []byte("model"), Kind: ingest.KindString, Text: []byte("gpt-large")},
						{Name: []byte("region"), Kind: ingest.KindString, Text: []byte("eu-west-1")},
						{Name: []byte("units"), Kind: ingest.KindNumber, Text: strconv.AppendFloat(nil, float64(random.IntN(1_000_000))/1000, 'f', 3, 64)},
					},
				})
			}
			r := request{events: events}
			for p := range int32(PartitionsDefault) {
				if of := byPartition[p]; len(of) > 0 {
					header := ingest.Header{Organization: organization, ReceivedAt: at.UnixNano()}
					r.records = append(r.records, Record{Offset: int64(p), Value: ingest.AppendRecord(nil, header, of)})
				}
			}
			all[c] = append(all[c], r)
		}
	}
	return all
}

func (r *request) bytes() (n int64) {
	for i := range r.records {
		n += int64(len(r.records[i].Value))
	}
	return n
}

// cpuTime is the processor time that this process has used, user and system.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// percentile returns the p-th of 100 of durations, which it sorts.
func percentile(durations []time.Duration, p int) time.Duration {
	slices.Sort(durations)
	return durations[(len(durations)-1)*p/100]
}
