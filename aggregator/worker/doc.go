// Package worker counts the events of the partitions that this process owns, and
// answers questions about them.
//
// # A record's way
//
//	log ─▶ reader ─▶ group ─▶ owner ─▶ memory ─▶ checkpoint ─▶ store
//	         │ parse, hash      │ repeat? count
//	         │ foreign?         │
//	         ▼                  ▼
//	   its own partition   answers (view)
//
// The reader (reader.go) reads one partition, parses and hashes a few records at a
// time into a group, and sends events of other partitions to where they belong
// before it hands the group on. The owner (partition.go) is one goroutine that has all
// of a partition's state and locks nothing: it knows repeats (recent.go, lookup.go),
// moves counters (apply.go, correct.go, series.go) and copies what changed for a checkpoint
// (checkpoint.go, frozen.go), which another goroutine writes. When that is due says schedule.go.
//
// # Repeats
//
// An id counts once, for ever. Recent ids are in memory: all that have an entry at or above a
// position, the floor. While that is 0, memory answers alone. Otherwise the store is asked about those
// that memory does not know, once for a group, through filters, and only about what is below the floor.
// An event is a repeat only of one at a lower position, so that a replay does not
// take itself for a repeat. A repeat with other content is a conflict: the first
// in the log counts, the later is kept aside. So is a record that can't be read.
//
// # Corrections
//
// An id means what the correction with the highest revision says, of equal ones
// the later in the log, and without corrections what its event said (correct.go). For a
// correction the owner reads those entries of the id that decide, stored and pending: the rare,
// slow way, some tens of microseconds. If it changes what the id means, the old content gets a tombstone and
// leaves its counters, and the new one enters its own, which may be of another series. A
// correction that says what the last one of its revision said changes nothing and is not kept. An
// event that comes after a correction of it is kept with a tombstone of its own. Events
// know of all this by a bit beside the id in memory, which says that there is a
// correction and no event yet; a later event of an id that has its event is a repeat, whatever
// became of the first.
//
// # Stale hours
//
// Sums and counts give back what an event brought. What is the highest, the last or
// there at all can't be told by what is left: such an hour is noted as stale, and its
// counters are made again from the current events, before anybody sees them: a question, or
// a checkpoint. However many corrections came, that is once for each. The owner
// reads the hour's events for it, about 0.7 microseconds each: an hour of a million
// events holds up its partition for the better part of a second.
//
// # Definitions
//
// The owner counts by the catalog that is in force when it gets to an event; the
// asker sends the definitions that it prices with. Nothing depends on the two being
// equal: counters answer where the definitions' hashes agree and the counters are
// known to hold every event of the series, else raw events of the same snapshot
// do. When a series is touched and the catalog says otherwise than its counters, it is
// rebuilt in the background (rebuild.go). So are series whose metric came after their
// events, and series whose counters were made under another catalog before a restart. Counters that
// are in memory are kept up by the old definition until the new ones are there; others
// hold for nothing from then on. The counters of a series without a metric are dropped.
//
// # Rebuilds
//
// A rebuild reads the events of a series in the order of their times, at a snapshot, while
// the owner counts what comes since by itself; in the end the two are added. Hours in
// which something was superseded meanwhile are stale then, of every aggregation: the
// rebuild may have read what was, or not. A small one hands its counters over in memory. Of a large one
// the days that are complete go to the store in chunks, under the new definition, and
// count for nothing until a checkpoint writes the row that names it. What a rebuild that
// was cut has left there, the next one of the series takes away first. Therefore
// two rebuilds of a series never run at a time, and none begins while a checkpoint that
// holds something of the series is being written, or while its definition's counters are still to be
// dropped: the store might say that it counts by them. A process runs two rebuilds at a time.
//
// # The sweep
//
// After a change of the catalog, and when a partition is opened, a goroutine
// walks all series' rows, first to count those that disagree, then to hand them to
// the owner page by page, when it has room (sweep.go). What was touched is rebuilt first. A
// sweep keeps no place: what it has done agrees with the catalog, and the next one passes
// over it. It goes to its end although the catalog changes meanwhile, and another follows.
//
// # Answers
//
// A live answer is made from a view: a snapshot of the newest checkpoint, the
// events that came after it, and a copy of the counters that changed. A committed
// answer is made from one snapshot alone. Both are put together by the same code in
// the asker's goroutine; the owner only says what there is. It looks for questions between groups, after
// every so many events of a group, and between the series of a checkpoint's copy: a question waits for a bounded
// amount of its work (answering_test.go). What a view was lent of pending events goes back when the asker is done
// with it: their memory is used again. An answer at an offset of the past is made of a
// view in which entries and tombstones from there on do not exist, and of no counters.
//
// # Folds
//
// What a question's folds ask for (aggregator.Fold) is made of the raw events of the view that its buckets are made of, in
// the asker's goroutine as well (fold.go): one walk for each metric, whatever number of charges asks. Usage before a period
// whose units are prorated comes from counters, and from events only where these don't answer. A question with folds
// takes a snapshot even if running totals answer all the rest. What it costs grows with the events of the period, of
// that subscription and code: 0.08 to 0.2 microseconds each to read, and as much again to fold, none of it
// allocated (BenchmarkFold: 200,000 in memory, two processors that were free, and that were not): a million take a
// quarter to half a second. The walk lets others have the processor every 0.1 ms, and ends with its asker. It holds a few
// numbers for each bucket, and the members of unique counts, which count in the budget of all questions. It
// ends early where the rest of the events can change nothing (Folder.Done). A subscription without folds pays for a
// look whether there are any.
//
// # Running totals
//
// What is asked for again and again, the open period of a subscription, is not made of its
// windows each time (running.go). The first question for a period of a series makes it
// so, and leaves it with the owner, which adds what is counted from the question's position on
// and takes out what is corrected; where that can't be done, the total is dropped. The next
// question gets a copy, and no snapshot is taken. It is a cache: bounded in periods and cells, let go of when
// nobody asks or memory is short, never written, and never looked at for an answer from a checkpoint. One in
// so many answers is compared with the windows of the same position (Options.RunningChecksEvery; each one in
// the tests). weir_aggregator_running_mismatches_total must stay 0.
//
// # Readiness
//
// Worker.Ready says that this process answers for what it owns, not that it has
// caught up: a question names the position that it needs, and waits for it by itself.
//
// # Invariants
//
//   - The state is always exactly what the records below partition.next make.
//   - Whenever reading begins, at a start and after each error, the log's id, range
//     and last record are compared with what was read of it before.
//   - The position moves past a foreign event only after its partition has it.
//   - Only what a checkpoint holds is let go from memory.
//   - The floor of the ids in memory stays where it is while a group is applied: the store was
//     asked, at the group's beginning, about what memory did not know then.
//   - A day of a series is in memory whole or not at all; what memory has of a day is
//     the truth, whatever the store says.
//   - There are no stale hours in a view or a checkpoint.
//   - series.counters is nil, or of the definition of a row that says Counted. In the store there
//     are counters of that definition, of those a rebuild makes or has left, and of no other.
//   - A partition that does not fit its log is stopped for good, and says so at every start.
//   - Whoever starts a goroutine waits for it: a partition that was revoked has
//     nothing running.
//
// # What has gone wrong here
//
//   - Only the counters of a series were thought to tie it to memory. One without
//     counters was let go while its events were pending, came back with another name
//     of the same content, and the checkpoint's table got its keys in two runs: Pebble
//     refused it, the worker ended, and ended again after each restart. Series are told
//     apart by their numbers.
//   - A reader that tried again after an error took what it found at its offset. A log
//     that was made anew meanwhile, and longer, would have been counted on.
//   - A correction whose time weir had filled in was taken for a repeat of one with
//     another time, as events are, and dropped. But of two corrections of one revision the
//     later counts: only one that is equal in everything repeats the last.
//   - A sweep looked at what the store says, and at its end at what memory says. A rebuild that
//     an earlier catalog had asked for ended in between, was checkpointed and let go: that series
//     stayed behind, counted by a definition that nobody asks for, until it was touched. What is
//     in memory is brought in line first, and a rebuild when it begins and when it ends.
//   - Each stale series was counted again from a view of its own, and to make one takes time for
//     every correction that is pending: a checkpoint with 10,000 corrected series held up its owner for 11
//     seconds, where one view for all takes 0.14.
//   - A correction read every entry that its id has had. An event that is amended again and again, as a
//     gauge may be, got slower each time. Three of the entries decide (Store.Deciding).
//   - Ids were let go of in the middle of a group, when their table was full. The store had not been asked
//     about them, because memory knew them when the group began: their repeats counted.
//   - The store's answer about an id came before memory's. It was as old as the group: an event that
//     had come behind its correction in the same group was kept twice.
//   - The checkpoints of all partitions came at one time, since load does, and every five seconds again. For a
//     second they had the processors: the slowest hundredth of usage readings took 25 to 40 ms,
//     and all in that second. Now each partition has turns of its own (schedule.go).
//   - In the tests, Pebble's file system in memory stood still when it was cloned
//     while a store was being opened: see crashfs.
//
// # What goes wrong easily
//
// Each of these was broken on purpose, and a test failed:
//
//   - Counters that were handed to a checkpoint are not saved before it commits: a
//     live answer that takes them from the store meanwhile goes back in time.
//   - A rebuild that reads the store and forgets the events that are not yet in it
//     makes counters that are short for ever.
//   - A rebuild writes to the store ahead of its checkpoint. One that takes away what others
//     left, without looking at what the owner has in force and no checkpoint has yet, takes
//     away counters that are needed.
//   - What a rebuild has written to the store must be loaded, day by day, before what came since is added.
//   - Room for ids is made by taking away entries that count for nothing. One that lies in the way of another, most
//     easily where that one has gone round the end of its shard, must stay: repeats of the other would count.
//   - A day that the store has counters of must be loaded before an event of it is
//     counted: an absolute value written over them would lose what they held.
package worker
