// Package aggregator is the domain of metering: what a billable metric counts,
// which counters an event moves, and how counters and raw events become usage.
//
// It is pure: no input or output, no goroutine, no clock. Pebble stands in
// store, the partition loop in worker, usage between processes in query.
//
// # From an event to usage
//
// A Metric takes the events of its code. Metric.Quantity says whether an event
// takes part and what it adds; Metric.AppendCell into which cell it falls: the
// tuple of its values of the properties that some charge filters or groups by.
// A Series adds the quantities up in a Counter per cell and UTC hour; a day's
// counter is the sum of its hours. SplitWindows takes a period apart into whole
// days, whole hours and at most two edges; a Reducer adds the counters of the
// days and hours and the raw events of the edges, and gives CellUsage. Bucket then
// distributes the cells over a charge's filters and groups, for pricing.
//
// # Invariants
//
//   - Usage is a function of the set of events and the definitions asked for.
//     Order, batching, checkpoints and replays change nothing. So everything in
//     a counter merges by addition.
//   - One Reducer makes live usage and the usage an invoice is made from.
//   - Counters are exact: scaled 128-bit integers where the numbers fit, arbitrary
//     precision where not. Never a float.
//   - A counter answers only a question of its own Definition, the hash of all that
//     says what it holds. Any other question is answered from raw events.
//   - It knows external subscription ids, codes and metrics; no customers, plans
//     or clocks. Binding to a subscription's period happens when usage is read.
//   - The encoded forms of sums, counters, cells and definitions are for ever:
//     each has a version, or stands in something that has one, and golden bytes.
//
// # What has gone wrong here
//
//   - An int64 of billionths overflows at 9.2e9 units: at a million events a second a
//     total is there within seconds. Sums are 128 bits wide, and a test adds up to there.
//   - The length of a cell's text is known only when the text is written. Leaving two
//     bytes for it made two encodings of one cell, and so two cells.
package aggregator
