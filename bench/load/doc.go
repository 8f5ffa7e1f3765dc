// Command load measures a running weir: how many events a second it acknowledges
// and counts, how long an acknowledgement takes, and how long until an
// acknowledged event shows in usage.
//
//	go run ./bench/load -weir bin/weir -mode ndjson -batch 1000            # as fast as it goes
//	go run ./bench/load -weir bin/weir -mode single -rate 5000 -duration 30s
//	go run ./bench/load -url http://127.0.0.1:3000 -key … -mode batch      # one that runs already
//
// # How it measures
//
// With -rate the load is open: request n is due at start + n/rate whatever became
// of those before, and its latency counts from then. A server that stalls makes
// the requests behind it late, and that shows; a closed loop would hide it.
// Without -rate every connection sends as soon as it has an answer, and latency
// counts from the sending: a figure for throughput, not for latency.
//
// A request that is answered 429 or 5xx, or not at all, is sent again as it is
// until it is acknowledged; its latency ends only then. One in a hundred requests
// (-repeats) is sent once more after its acknowledgement.
//
// At the end usage is read for every subscription: events and sums must equal
// what was acknowledged, exactly, or the program ends with status 1. Only then is
// an event called counted.
//
// Generator and server share the machine: judge by server CPU per event, and by
// ratios within one run.
package main
