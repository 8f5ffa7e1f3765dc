// Command curves shows how costs grow: it runs this package's benchmarks, each of which
// takes one size from small to large, and draws what they found.
//
//	go run ./bench/curves                               # some minutes; -full takes half an hour and 16 GB of disk
//	go run ./bench/curves -only IDs -sizes 40000000     # one point of one curve
//	go run ./bench/curves -only Memory -dir /var/tmp/c  # and keep its stores: the next run goes on with them
//
// Each run adds its points to those of the commit's earlier ones, or puts them in their
// place, and draws all anew. So the curves can be measured in parts, and a part again.
//
// What is measured is the aggregator with its store on the disk, fed by a log that makes
// its records up when they are read; what the making takes is measured alone and taken
// off. A point is the processor time of everything the process did for an event until it
// was counted and a checkpoint with it was synced: reading, looking up its id, counting,
// writing, and what of compactions fell into that time. Ids and subscriptions are those of one
// partition: a log has 16, so that 62.5 million ids here are 1 billion in all.
//
// Memory is that of a process with all 16 partitions of a log, a million counters in use
// and nothing else: no intake, no log, no API.
//
// A curve that is flat or logarithmic is well. The benchmarks are tests' files because
// bench, which stands apart from the rooms it measures, may import them only there.
package main
