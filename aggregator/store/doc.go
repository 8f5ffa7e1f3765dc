// Package store keeps, in Pebble, what the aggregator knows of one partition of
// the log: the raw events, the ids that were seen, counters, and how far it has read.
// One partition has one store, which can be moved, dropped and made again alone.
//
// # Per checkpoint, not per event
//
// A look-up or a write in Pebble for each event costs more than all the rest of
// the way of an event. So events gather in memory (Pending), and a Checkpoint brings
// all that changed at once: events in blocks, ids as a run (see idRuns), counters as absolute values.
//
// # The commit point
//
// Store.Write puts all of a checkpoint and its Progress into one batch and syncs that: it is in the
// store, or nothing of it is. There is no second step that a crash could come before. Runs of ids are merged
// afterwards; that changes where ids stand, and not what there is.
//
// What goes into a batch goes to the disk twice, to Pebble's log and soon after to tables. A checkpoint of some size
// is written as tables to begin with, which Pebble takes in all at once (tables); the last of its steps is the
// commit point here, too. A table of ids overlaps with nothing that there is, and lies where nothing is
// compacted from the beginning. A small checkpoint stays a batch: files of its own would cost more.
//
// # Blocks of events
//
// A block has the events of one series, of one UTC hour of event time and of one checkpoint; where
// they are many, of a range of positions that no other block of the series and hour shares. So a position leads
// to one block (LoadEvent). In a block events are ordered by time; names and texts that repeat are
// written once. See block.go for the bytes.
//
// The day of event time is at the front of the key: what is compacted with a checkpoint are the days that
// it has events of, not all that there ever was. The blocks of a large checkpoint lie in segments, files that
// are appended to and synced before the commit point; under their keys stands where (segments). Those of small ones lie in files
// that are Pebble's (value separation). Either way a compaction moves keys, and the bytes of events stay where
// they are; only those in Pebble's files are written again, when a table of keys would refer to too many of
// these. Each space of keys has tables of its own (spanPolicy).
//
// A reader goes from hour to hour (eventScan). The keys of an hour's blocks say when each begins and
// ends, and thus what can be given out before the next one is read. What has to wait is held, in bounded
// memory: of an hour in no order at all, the events are read in several passes.
//
// # Corrections
//
// An amendment is an event with a revision of 1 or more, maybe in another series.
// A cancellation is an entry of its id alone. What either supersedes stays as it is
// and gets a tombstone in a space of its own: series, hour, the entry's position, and the position that did
// it. An entry that comes after a correction of it is written together with its tombstone. So
// corrections too only add keys, and a reader can tell what counted at an earlier position.
//
// Readers leave out entries with a tombstone below their end. What the owner has
// pending may supersede what is stored: who wants both reads a View. The entry of an id that
// says what the id means is the last by (revision, position), see Current. Which entry
// a correction supersedes is for the owner to find out (Store.Versions, Pending.Versions,
// LoadEvent); the store keeps what it is told.
//
// # Rebuilds
//
// Counters of a definition that is not in force may be written in parts, ahead of the
// checkpoint whose row of the series names that definition (WriteCounters), and the
// same checkpoint drops those of the definition before. A crash in between leaves parts that
// nobody reads: Snapshot.Definitions finds and DropCounters removes them.
//
// # Reading two stores
//
// Compare says in what two stores of one log differ, by meaning. OpenReadOnly opens a store
// for it and changes nothing.
//
// # Formats
//
// This is format 2. In format 1 each event and each id had a row of its own, in tables that
// were compacted again and again. A store of format 1 is taken away and made anew from the log (format1.go).
//
// # Invariants
//
//   - Effect and position have one commit point: a store is always exactly what the
//     records below Progress.Next make.
//   - What a key says of a place in a segment is durable there before the key is, and is never written over. What no
//     key leads to in a segment is nothing.
//   - Events and tombstones are only added; nothing replaces or deletes them.
//   - Within a series and hour, blocks have ranges of positions that do not overlap; within a block, events are
//     ordered by (timestamp, transaction id, revision, position).
//   - Of an id's contents at most one has no tombstone: the last entry by (revision,
//     position), unless that is a cancellation. The owner keeps it so.
//   - A block knows its series by number. The row that names a number is in the checkpoint of
//     its first event.
//   - Counters are absolute values of one aggregator.Definition. They count for
//     something only while the series says Counted with that Definition.
//   - One goroutine at a time writes checkpoints. Parts of rebuilds may be written beside
//     them, by any goroutine, as long as no checkpoint touches the same definition of the same series.
//   - Nothing expires.
//   - Keys and values have golden bytes in the tests and a version: formatVersion for
//     keys, the first byte for values.
//
// # What has gone wrong here
//
//   - The directory's own name in its parent was not synced: after a power cut the
//     whole store was gone, with all that had been synced inside it. makeDirs syncs
//     upwards.
//   - A Pebble iterator forgets a read error with its next seek. Store.Lookup asked
//     for the error after the last id only: an id whose block could not be read was
//     never seen, and its event counted twice.
//   - Series were told apart by where their names lay in memory; see worker.
//   - A checkpoint dropped all counters of a series, of whatever definition. With rebuilds
//     that write ahead, it would have taken what the next one had begun to write.
//   - Events as rows of their own, brought in tables: Pebble wrote each again for about every tenfold that
//     there was, which took more than twice as long as all else that was done with it.
//   - A directory that is made when a store is opened, for segments, has a name that has to be synced as well.
//   - Files written by blocks of 16 KiB that end within pages cost the kernel three times as much for each byte as in pieces of 256
//     KiB (bufferedFile).
//   - Memory for the next checkpoint was kept in a sync.Pool. Collections come oftener than checkpoints: it was
//     new memory each time, which has to be cleared.
//   - Writing a checkpoint kept a processor for as long as the runtime lets anybody, 10 to 20 ms. Requests waited
//     for 40 ms and more, and the queue behind them for hundreds. See Pace.
package store
