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
// # Invariants
//
//   - Effect and position have one commit point: a store is always exactly what the
//     records below Progress.Next make.
//   - Tables only add keys, and never replace one below the commit point: the keys of
//     events and ids end in (revision, position). The revision is 0 until events can
//     be amended.
//   - Counters are absolute values of one aggregator.Definition. They count for
//     something only while the series says Counted with that Definition.
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
//
// And what would, without the first names in building/: tables taken in without a
// commit come to light later, when the log has lost their records and grown again past
// their positions, as events that nobody sent.
package store
