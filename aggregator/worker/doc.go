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
// moves counters (apply.go, series.go) and copies what changed for a checkpoint
// (checkpoint.go), which another goroutine writes.
//
// # Repeats
//
// An id counts once, for ever. Recent ids are in memory; while memory has all that
// the partition ever had, it answers alone. Otherwise the store is asked about those
// that memory does not know, once for a group, in sorted order and through filters.
// An event is a repeat only of one at a lower position, so that a replay does not
// take itself for a repeat. A repeat with other content is a conflict: the first
// in the log counts, the later is kept aside. So is a record that can't be read.
//
// # Definitions
//
// The owner counts by the catalog that is in force when it gets to an event; the
// asker sends the definitions that it prices with. Nothing depends on the two being
// equal: counters answer where the definitions' hashes agree and the counters are
// known to hold every event of the series, else raw events of the same snapshot
// do. When a series is touched and the catalog says otherwise than its counters, it is marked
// uncounted in the next checkpoint and rebuilt in the background (rebuild.go). So
// are series whose metric came after their events, and series whose counters were
// made under another catalog before a restart.
//
// # Answers
//
// A live answer is made from a view: a snapshot of the newest checkpoint, the
// events that came after it, and a copy of the counters that changed. A committed
// answer is made from one snapshot alone. Both are put together by the same code in
// the asker's goroutine; the owner only says what there is.
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
//   - A day of a series is in memory whole or not at all; what memory has of a day is
//     the truth, whatever the store says.
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
//   - A day that the store has counters of must be loaded before an event of it is
//     counted: an absolute value written over them would lose what they held.
package worker
