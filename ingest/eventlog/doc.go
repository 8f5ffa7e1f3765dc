// Package eventlog is the log: a durable, partitioned, ordered sequence of
// records between those who take events in and those who count them. It is the
// point where an event becomes weir's responsibility, and what everything behind
// it can be rebuilt from.
//
// There are two logs behind one interface, Log, and one conformance suite:
// Kafka (or Redpanda, or what else speaks its protocol), and Embedded, a
// directory kept in Pebble, for one process that needs no broker.
//
// # Files
//
//	log.go                 the contract: Log, Reader, Assignor, Progress, the errors
//	verify.go              is this the log, and the place in it, that a progress was made from?
//	gate.go                refuses appends to partitions that were stopped
//	assignor.go            the Assignor of a log that nobody else reads
//	embedded.go            the embedded log: opening, failing, closing
//	embedded_open.go       what it reads and checks when it is opened
//	embedded_append.go     appending: queue, committer, acknowledger
//	embedded_partition.go  the durable end and who waits for it
//	embedded_read.go       reading
//	embedded_key.go        the bytes in Pebble
//	embedded_pebble.go     Pebble's settings, and why
//	embedded_fs.go         what happens when the write-ahead log can't be written
//	kafka.go               the Kafka log: options, producing
//	kafka_topic.go         finding, creating and checking the topic
//	kafka_read.go          ranges and readers
//	kafka_group.go         the consumer group that divides the partitions
//	metrics.go             both logs' metrics, under the same names
//
// # Invariants
//
//   - Durable first, then readable, then acknowledged. Readers and ends stop at
//     the durable end, which moves only after a sync has returned: Pebble shows a
//     batch before it is synced, and a reader that runs ahead would count a record
//     that a power cut takes back and whose offset another record then gets.
//   - An offset, once acknowledged or read, is the same bytes for ever.
//   - Every Append is answered exactly once, also by a log that fails or is closed.
//   - The end of a partition is written with the records, never found out from
//     what is left of them: a trimmed log must not begin anew at 0.
//   - A failed sync is final. The kernel may have dropped what it could not write
//     and report success the next time, so nothing is tried again: the log takes no
//     more records, says so (Embedded.Failed), and only a new process, which reads
//     the files anew, goes on.
//   - A log has an id and a number of partitions from its creation on. Both are
//     checked when it is opened; nothing is ever adapted.
//   - Nothing resets by itself. An offset outside the log is an error; where to
//     go on is not for a client library to guess.
//   - What waits is bounded in bytes. Beyond that ErrOverloaded comes at once; an
//     append never blocks.
//
// # The path of a record in the embedded log
//
// Append puts the record into a queue. The committer takes all that wait, of all
// partitions and requests, up to a few megabytes, gives them offsets, copies them
// into one Pebble batch with the new ends of their partitions, and hands it to
// Pebble without waiting for the sync. The acknowledger waits for the syncs in
// order, moves the durable ends, wakes readers and answers. While one batch is
// synced the next is filled, so the size of batches adapts to how long a sync
// takes, and no timer is needed.
//
// A start replays what the last process had written but not synced, if the
// kernel kept it. Pebble flushes all of it to synced tables before it opens, so
// that what is then published as durable is durable.
//
// # What has gone wrong here
//
//   - Pebble, when it can't close or create a file of its write-ahead log while it
//     changes to a new one (a full disk is enough), panics with a lock in a state
//     that recover can't help with: the process ends with "unlock of unlocked
//     mutex". See guardFS.
//   - Pebble's Logger.Fatalf must not return: its caller goes on as if the write
//     had succeeded, and the record would be acknowledged.
//   - kadm's Metadata answers from the client's cache for up to five seconds. As a
//     health check it finds everything well; after creating a topic it finds none.
//   - kgo tells of a final read error once and is silent after it. A reader that
//     tries again would wait for ever, so the error is kept.
//   - kgo holds a record whose outcome is unknown for as long as it takes to find
//     out. With a broker away for good its sender would never be answered; so it is
//     given up after the delivery timeout, and the retry may double it in the log.
//     Event ids count once, a hanging request does not.
//   - A transaction leaves a marker, and kgo does not show it. A reader then never
//     got to the log's end, and the cut of an invoice waited for a position that
//     nobody would reach, until the next event came. Markers are records now
//     (Record.Control).
//   - One kgo client for all readers lets the slowest partition hold up the others,
//     because a client asks a broker again only when all of its last answer is taken.
package eventlog
