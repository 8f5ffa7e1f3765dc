// Command load measures a running weir: how many events a second it acknowledges
// and counts, how long an acknowledgement takes, how long until an acknowledged event
// shows in usage, and what server and generator take of the processors for it.
//
//	go run ./bench/load -weir bin/weir -mode ndjson -batch 1000            # as fast as it goes
//	go run ./bench/load -weir bin/weir -mode single -rate 5000 -duration 30s
//	go run ./bench/load -weir bin/weir -mode single -connections 64 -pipeline 16
//	go run ./bench/load -minimal-server bin/minimal -mode batch -batch 100 # the least there can be, to compare
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
// until it is acknowledged; its latency ends only then. With -shed a 429 is the end of
// it, as nothing of it may have been written, and the connection pauses. One in a
// hundred requests (-repeats) is sent once more after its acknowledgement.
//
// Every event is one of five combinations of model and region, and the plan's two
// charges filter the metric by one and by the other: a subscription has five counters.
//
// At the end usage is read for every subscription: events and sums, of each charge and
// each filter, must equal what was acknowledged, exactly, and the server must have found
// as many repeats as were sent, or the program ends with status 1. Only then is an event
// called counted.
//
// # The generator
//
// Generator and server share the machine, so what the generator takes is missing
// elsewhere, and is told (rusage of the processes that send). They are copies of this
// program (-processes), so that what reads and compares is not in it; without a schedule
// each of them uses one processor. A request is
// written once and then patched: ids, names, times and values are of fixed length.
// Judge by server CPU per event, and by ratios within one run.
//
// # What has gone wrong here
//
// The runtime's timers wake an idle process up to a millisecond late; latencies from a
// schedule were that much too long. The schedule is now told by a thread that sleeps in
// the kernel.
//
// Writing to a socket through the runtime kept its monitor thread awake, and threads woke
// one another for work that one can do: together a third of the generator's processor time.
//
// http.DefaultClient keeps two idle connections to a host: with eight goroutines most
// calls of the set-up dialled anew.
package main
