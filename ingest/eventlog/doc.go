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
//	embedded_append.go     appending: the queue, and what a commit takes of it
//	embedded_commit.go     committer and acknowledger
//	embedded_frame.go      the bytes of a commit
//	embedded_tail.go       the last commits in memory, for the readers at the end
//	embedded_memory.go     commits' memory, used again
//	embedded_followers.go  how far who appends may run ahead of who reads at the end
//	embedded_partition.go  the durable end and who waits for it
//	embedded_read.go       reading
//	embedded_key.go        the keys in Pebble
//	embedded_upgrade.go    from format 1 to today's
//	embedded_pebble.go     Pebble's settings, and why
//	embedded_fs.go         what happens when the write-ahead log can't be written
//	kafka.go               the Kafka log: options, opening, closing
//	kafka_append.go        appending: the rounds in which records are sent
//	kafka_security.go      TLS and SASL
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
//   - Frames, the embedded log's commits, are numbered without gap. Each says where
//     all partitions stand; so the last one is never trimmed.
//   - What readers get from memory they share: nobody writes to it before the last of
//     them has let go of it, and the tests look at it when it leaves.
//   - A note is a hint: it is never on the disk, and what a reader makes of a record is
//     the same without it.
//   - What waits is bounded in bytes. Beyond that ErrOverloaded comes at once; an
//     append never blocks.
//   - So is what was made durable and not read yet by those who read at the end, half of
//     the tail: beyond that the committer waits for them, but never for one that takes
//     nothing, nor for one that reads the past.
//
// # The path of a record in the embedded log
//
// Append puts the record into a queue. The committer takes all that wait, of all
// partitions and requests, up to a few megabytes, gives them offsets and copies
// them, sorted by partition, into a frame. The frame's sections are compressed, each by itself,
// and go to Pebble as one key with one value, without waiting for the sync. The
// acknowledger waits for the syncs in order, puts the frame into the tail, which
// moves the durable ends, answers, and wakes the readers of the partitions that
// have something new. They read the frame as it was before it was compressed.
// Only a reader that is further behind than the tail reaches reads Pebble: it
// finds its first frame by bisection, and from there on goes through them in order.
//
// A frame that has left the tail and its readers is the memory of a later one.
//
// At most two commits are under way: one is synced while the next waits for it.
// So the size of commits adapts to how long a sync takes. While appends come from
// several senders a commit begins at the earliest a millisecond after the one
// before (commitEveryMin): syncs are what a small commit costs.
//
// # The path of a record in Kafka
//
// Append gives the record to the client in rounds: one is open for lingerMax, and the
// next begins produceEveryMin later, sooner when much waits. A round becomes one request
// with a batch for each partition, which all in-sync replicas acknowledge before the
// appends are answered. Each reader asks for what is there, and while it finds little,
// at most every fetchEveryMin. Neither makes a record wait that comes alone.
//
// Rounds and pauses are for the price of small batches. 200,000 events a second in
// requests of 100, from 64 senders, with 16 readers and the broker on one machine:
//
//	                              processor time, µs/event     requests a second
//	                              weir    broker               produce    fetch
//	linger of 1 ms, no pause      2.5-3.4 3.2-4.6              590-780    7,000-10,000
//	rounds of 5 ms, pause 20 ms   1.1-1.2 0.9-1.0              180        780
//
// The median of acknowledgements goes from 2 to 5 ms, and a record is read 14 ms after
// its append instead of 5. Where there are more events than processors for them, batches
// grow by themselves, and all of this costs 0.8 to 1.1 µs. Compression is not what costs:
// without any, or with LZ4, the broker takes as long for its checks as with Snappy.
//
// # Compression
//
// The sections of events that look alike shrink to a quarter: of 110 bytes an
// event (six events a record) 41 are left in commits of 100 events, 31 of 300, 27 of 1,000
// and 25 of 3,000, with S2, for 0.08 to 0.1 µs an event, and 0.03 to 0.05 to read
// it. Snappy gives the same. LZ4 saves another byte and takes half as long again to write, a
// third to read. Zstd at its fastest saves 3 to 9 bytes and takes 3 to 15 times as long
// to write. Compressing the sections together would save 17 bytes at 100 events and 4 at
// 3,000, but each of 16 readers would then decompress all of them.
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
//   - Pebble merges level 0 when it has 500 tables, although none overlaps another:
//     a log that is only ever appended to was rewritten. See L0CompactionFileThreshold.
//   - Pebble's total of flushed bytes has the write-ahead log in it. The metric
//     of bytes written to tables was twice what it said.
//   - A reader that looked twice at how far the log is durable bisected beyond the
//     bound of its own iterator, and took the frame that it could not see for lost.
//   - One sync for each of the requests that come half a millisecond apart costs more
//     than all else that the log does for them; and when senders who were answered
//     together come back, whoever is first had a commit of its own. See linger.
//   - The acknowledger woke the readers of a frame that it had put into the tail. With a
//     tail so small that the frame had left it at once, the committer was building another
//     in its memory. So the commit is a user of its frame as well.
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
//   - Records that came a millisecond apart were sent and fetched in batches of three, and
//     broker and client spent more on requests than weir on events. A longer linger alone
//     makes a sender wait that comes alone. See appendQueue.
//   - A fetch ahead of the reader is answered as soon as there is one batch, and then is
//     old: the reader found little, and late. It fetches when it wants something.
//   - A broker that has just started needs more processor time to compile its code than for
//     the records, for tens of seconds. What is measured then is Java's compiler.
package eventlog
