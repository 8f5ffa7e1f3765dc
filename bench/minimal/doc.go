// Command minimal is the least that counts durably, to measure weir against: what it
// does, weir must do too, and everything else that weir does is the difference. So the
// ratio of the two, in one sitting on one machine, says more than either's figure.
//
//	go build -o bin/minimal ./bench/minimal && go build -o bin/load ./bench/load
//	bin/load -minimal-server bin/minimal -mode batch -batch 100 -connections 32 -subscriptions 20000
//
// An event's way: fasthttp; a hand-written scanner for the JSON that bench/load sends,
// which finds fields by name; a compact record with the first half of a SHA-256 as its id;
// a group commit, written and synced to one file before the answer; then one goroutine
// that leaves out repeats by a set of ids and adds values, in 128 bits, to counters by
// subscription, code, model and region. Every second the new ids and the counters that
// changed are appended to a second file, and synced beside.
//
// It lacks what makes it a product: keys and organizations, validation, metrics and
// filters, raw events that can be read again, corrections, late events, Prometheus,
// recovery. Its memory grows by some 30 bytes for every event, without end. JSON that
// bench/load does not write, such as escapes and exponents, it refuses or misreads.
//
// It is started as weir is by bench/target: WEIR_LISTEN and WEIR_OPS_LISTEN name its two
// listeners, which answer alike, and WEIR_DATA_DIR where its files go. Besides POST
// /api/v1/events and /api/v1/events/batch there are GET /readyz, /totals and, with the
// two figures that bench/load waits for, /metrics. Totals and metrics cover everything
// that was acknowledged before the question.
package main
