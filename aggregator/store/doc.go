// Package store keeps, in Pebble, what the aggregator knows of one partition of
// the log: the raw events, the ids that were seen, counters, and how far it has read.
// One partition has one store, which can be moved, dropped and made again alone.
//
// # Per checkpoint, not per event
//
// A look-up or a write in Pebble for each event costs more than all the rest of
// the way of an event. So events gather in memory (Pending), and a Checkpoint brings
// all that changed at once: events and ids as two sorted tables that Pebble takes in
// as they are, counters as absolute values in one batch.
//
// # The commit point
//
// Store.Write goes in this order:
//
//  1. Both tables are written and synced in the directory building/.
//  2. Each gets a second name, the directory is synced, and Pebble takes the second
//     names in. Entries are in the store now, and nobody sees them.
//  3. One synced batch writes counters, series and Progress. This is the commit point.
//  4. The first names are removed.
//
// Readers (Snapshot) leave out entries of events and ids at or above the commit
// point that they read at. Open removes what an interrupted Write left: for each
// table still in building/, the entries at or above the commit point are deleted,
// whether they had become part of the store or not. A file in building/ therefore
// says that a checkpoint is under way, or was cut.
//
// # Corrections
//
// An amendment is an event entry with a revision of 1 or more, maybe in another series.
// A cancellation is an entry of its id alone. What either supersedes stays as it is
// and gets a tombstone beside it: the entry's key, and behind it the position that did it. An
// entry that comes after a correction of it is written together with its tombstone. So
// corrections too only add keys, and the keys of tombstones end in a position by which the
// commit point hides them and Open removes them.
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
// # Invariants
//
//   - Effect and position have one commit point: a store is always exactly what the
//     records below Progress.Next make.
//   - Tables only add keys, and never replace one below the commit point: the keys of
//     events and ids end in (revision, position), those of tombstones in the position that
//     superseded, which is never below the entry's own.
//   - Of an id's contents at most one has no tombstone: the last entry by (revision,
//     position), unless that is a cancellation. The owner keeps it so.
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
//   - A power cut may keep a table's last block and lose one before it. Open believed
//     that a table whose footer is there is whole, and would never open such a store
//     again. A table that was cut is no part of the store, wherever the cut is.
//   - Series were told apart by where their names lay in memory; see worker.
//   - A checkpoint dropped all counters of a series, of whatever definition. With rebuilds
//     that write ahead, it would have taken what the next one had begun to write.
//
// And what would, without the first names in building/: tables taken in without a
// commit come to light later, when the log has lost their records and grown again past
// their positions, as events that nobody sent.
package store
