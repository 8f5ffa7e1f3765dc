// Package query carries usage questions between processes: what may be asked
// of the owner of a partition (query.go, check.go), the HTTP server in front of an
// aggregator (server.go), and the client that finds the owner and asks it
// (client.go, fan.go, merge.go, series.go). wire.go, wire_event.go and wire_series.go
// hold the JSON between the two. budget.go bounds the memory of all questions of a process.
//
// # The four questions
//
//   - Usage: what one subscription used in a period, item by item. An item is a metric, as the
//     asker defines it, and how its usage is divided: the answer has a bucket for each filter and
//     group, and how many events took no part in it, and why. Where a filter asks for a fold, each of its
//     buckets has one; folds of prorated units need the local days, which the question brings.
//   - Event: the events with one transaction id, each with its current content, with all the
//     versions that it had and with what contradicted it.
//   - Events: a page of the current events of a range of time, or of those behind a part of a usage,
//     or of those that took no part in it for one reason. The same function that made the usage
//     (aggregator.Part.Contains) says which they are.
//   - Series: which codes subscriptions have sent events with. The owner does not know which
//     subscriptions there are, nor which codes have a metric in whose eyes; the asker does, and
//     so finds what counts nowhere.
//
// # Invariants
//
//   - An answer is whole or it is an error. A question over several partitions
//     is answered when each of them was, never with the part that could be had.
//   - Who owns a partition is a hint. Every usage answer names its log, partition
//     and offset; the client refuses one that is not of the log and partition it
//     asked for or that does not reach the offset it asked for. So a stale owner
//     can be slow, but not wrong.
//   - Usage and events can be asked for as they were when the log ended at an offset (At), that at which
//     an invoice was cut, say. What corrected or came later is not in it. It is made of events, not of
//     counters, which know no past.
//   - Questions only read, so the client may ask again after any fault of the
//     network, and does, until the context ends.
//   - The time left travels with the question, as a duration: clocks of two
//     machines need not agree.
//   - Both sides refuse a member that they do not know. To ignore one, committed
//     say, would be to answer another question. A change that an older process
//     must not see gets a new version in the path.
//   - Folds, and days, are such members of version 2. A process that does not know them refuses the question; an answer in
//     which one is missing, or is of other days or tiers, is refused by the client. Never is something priced without
//     what its price depends on. Which events are behind a usage is asked without folds: they say nothing of it.
//   - Bodies, answers, pages and questions under way are bounded by the constants
//     in query.go and server.go. What is asked is checked by one function for each question
//     (check.go), at the client, at the handler, and by whoever answers in this process.
//   - What the questions under way hold in memory is bounded over the process, in cells (Budget): those
//     beyond it are told ErrOverloaded, as soon as they have grown so large.
//   - A question names each metric once, and its items by number: the owner makes the usage of a
//     metric once for all charges that divide it.
//   - A page is cut so that it can be merged: behind the end of a page of series that has a next one,
//     its partition is not known, and what others have there waits for the next page.
//
// # The wire
//
// POST /internal/query/v2/usage, …/event, …/events and …/series take and give one JSON
// object. Version 1 had cells of one metric where version 2 has buckets of items, and knew
// two aggregations. Decimals and 64-bit integers are strings, instants are RFC 3339 with
// nanoseconds, the null value of a cell is null. A fault is
//
//	{"error":{"code":"not_owner","message":"…"}}
//
// where the code, not the status, says what happened. The bearer secret is the
// installation's, from its database; it keeps strangers on the network out and
// gives whoever has it every organization's usage.
//
// # What has gone wrong here
//
//   - An answer that says "too much" was an error that could pass: any fault of the contract is
//     asked again until the time is up. What the same question can only meet again is not
//     (mayRetry).
package query
