// Command suite measures what weir promises of its speed, and prints it beside the
// floors and targets:
//
//	suite table    some three minutes: throughput, latencies, processor time, disk, replay, idle memory
//	suite full     an hour (-duration): a soak at 70 % of capacity with readings beside,
//	               judged for flatness; then overload, and a noisy neighbour, without limits and with them
//	suite kafka    the same throughput with Kafka as the log, beside Kafka's own producer
//
// Every load is sent by bench/load and ends in its exact comparison; a run whose figures
// do not add up fails the suite. Results go to a directory named by the commit, as text
// and JSON, with the machine and the shape of every load in them.
//
// Rows named yardstick are of bench/minimal, the least that counts durably, in the same
// sitting: what weir promises of its speed is also a ratio to it, which a slower machine
// or a busy neighbour hardly moves.
//
// # What the figures leave out
//
// Generator, server and PostgreSQL share the machine, so the throughput is that of all
// three. Loads of seconds do not show what compactions of a day cost; the soak does for
// an hour. The machine's disk decides latencies: every acknowledgement waits for a sync.
// Under overload the generator takes its share of two processors, too: how much was offered
// is told, and is less than the five times that are aimed at.
// A figure of one run is within some 10 to 25 % on shared virtual processors; compare
// processor time per event first, and runs of one machine and one sitting.
package main
