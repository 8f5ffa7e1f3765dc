// Package aggregator is the domain of metering: what a billable metric counts,
// which counters an event moves, and how counters and raw events become usage.
//
// It is pure: no input or output, no goroutine, no clock. Pebble stands in
// store, the partition loop in worker, usage between processes in query.
//
// # From an event to usage
//
// A Metric takes the events of its code. Metric.Take says whether an event takes
// part, or for what Reason it does not, and what it brings: a Quantity. It falls into a
// cell: the tuple of its values of the properties that some charge filters or groups
// by. A Series takes the quantities into a Counter per cell and UTC hour; a day's
// counter is the sum of its hours. SplitWindows takes a period apart into whole
// days, whole hours and at most two edges; a Reducer adds the counters of the
// days and hours and the raw events of the edges, and its Buckets distributes the
// cells over a charge's filters and groups, for pricing. Split.Place alone decides
// which filter and group something belongs to, for a period's usage as for a single
// event; Part.Contains finds by the same rules the events behind a figure.
//
// What an event will do to a series can be made out before its turn (Series.Foresee), for many events at a time, so
// that the memory they need is fetched side by side. It is the same Take and the same cell, and nothing but time is
// lost when it was not made out.
//
// Events that do not take part are counted too, in a cell for each reason, so that
// Reducer.Uncounted is as cheap as usage is.
//
// # Folds
//
// Some prices depend on the order of events, or on the days they lie in: a percentage charge of which the first events
// are free, or of which each event costs at least something; recurring units that are billed for the days they were
// there. Counters can't say that. A split asks for it with a Fold for each of its filters, and a Folder walks the events
// of a bucket in the order of (timestamp, id), once, and keeps a few numbers. It takes the same events into the same
// buckets as a Reducer does: Take and Split.Place decide for both.
//
//   - Allowance: where the free part ends. The free units are a function of the running total, so what is free of each event
//     adds up to what is free of all, also when a negative event comes behind the limit.
//   - Transaction: what each event costs. Events within the bounds need not be told apart: their number and their
//     total are kept, and what is exactly at a bound is compared as a decimal.
//   - Prorated: units × local days. Each change of a recurring sum counts from its day to the last of the period; a member of
//     a unique count on each day on which it was there at some instant: a removal counts from the next day on, and
//     so does an addition on a day on which the member was there before. What was there when the period begins is
//     the usage of all time before it, of counters (Folder.History), and counts from its first day on.
//
// A sum below zero counts as it is in the unit days, since those above zero make up for it, and it is what is billed that is
// never negative; tiers hold nothing of it. Days are instants that the asker gives: what a local day is, in which
// zone, and on which of them the clocks change, is not known here.
//
// # Aggregations
//
// One Counter serves all of them. What it keeps is chosen so that counters merge in
// any order, whatever the aggregation:
//
//	               keeps, beside the number of events                 an event goes by
//	count          nothing                                            Remove
//	sum, avg       Σ value                                            Remove
//	weighted_sum   Σ value, Σ value × time since the window began     Remove
//	max, min       the value                                          ResetHour
//	latest         value, timestamp and id of the last event          ResetHour
//	unique_count   for each value, whether its last event removes it  ResetHour
//	percentile     for each value nothing more                        Remove
//
// For unique_count and percentile the value is the last part of the cell: counters are
// kept for each value by itself, up to MembersMax. All give 0 for a period without
// events; which charge models they go with stands in their files.
//
// A recurring metric takes all that came before the period as well, see Metric.Reach.
// A weighted sum then opens the period with the sum of it.
//
// # Corrections
//
// What was corrected is taken out of the counters where that can be done
// (Metric.Subtracts); else its hour is emptied and all its current events are applied again.
// A counter that lost its last event holds nothing (Counter.IsZero), and shows nowhere.
//
// # Invariants
//
//   - Usage is a function of the set of events and the definitions asked for.
//     Order, batching, checkpoints and replays change nothing. So everything in
//     a counter merges by an operation whose order does not matter: addition, or the
//     choice of the one event that the rules name, ties included.
//   - One Reducer makes live usage, running totals and the usage an invoice is made from; one Folder makes their folds.
//   - Counters are exact: scaled 128-bit integers where the numbers fit, arbitrary
//     precision where not. Never a float. The only roundings are those of a mean and of
//     a weighted sum, when usage is read.
//   - A counter answers only a question of its own Definition, the hash of all that
//     says what it holds. Any other question is answered from raw events.
//   - It knows external subscription ids, codes and metrics; no customers, plans
//     or clocks. Binding to a subscription's period happens when usage is read.
//   - The encoded forms of sums, counters, cells and definitions are for ever:
//     each has a version, or stands in something that has one, and golden bytes.
//
// That all of this gives the right answer is held against a slow recount of the same
// events, bench/oracle, in the tests of worker; that those tests notice what goes wrong
// is shown by seeded bugs, bench/mutants.
//
// # What has gone wrong here
//
//   - An int64 of billionths overflows at 9.2e9 units: at a million events a second a
//     total is there within seconds. Sums are 128 bits wide, and a test adds up to there.
//   - The length of a cell's text is known only when the text is written. Leaving two
//     bytes for it made two encodings of one cell, and so two cells.
//   - A window's place in its day, which weighted sums need, was merged into the days of all sums. The
//     answers were right, and every day's counter was twice as long and unlike those written before.
//   - The exponent of a number that was read is not to be trusted: adding to 1e2147483647 writes
//     out its zeros. What was read is bounded (exponentMax). What is counted was not: an event with 1e5000 in a
//     framed record made a counter that could be written and never be read. Its number is none now.
//   - Buckets and what is shown of them were kept sorted while they came, which took 47 seconds for 200,000
//     parts and could not be ended. They are sorted once.
package aggregator
