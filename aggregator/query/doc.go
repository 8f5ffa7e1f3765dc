// Package query carries usage questions between processes: what may be asked
// of the owner of a partition (query.go), the HTTP server in front of an
// aggregator (server.go), and the client that finds the owner and asks it
// (client.go, fan.go, merge.go). wire.go holds the JSON between the two.
//
// # Invariants
//
//   - An answer is whole or it is an error. A question over several partitions
//     is answered when each of them was, never with the part that could be had.
//   - Who owns a partition is a hint. Every usage answer names its log, partition
//     and offset; the client refuses one that is not of the log and partition it
//     asked for or that does not reach the offset it asked for. So a stale owner
//     can be slow, but not wrong.
//   - Questions only read, so the client may ask again after any fault of the
//     network, and does, until the context ends.
//   - The time left travels with the question, as a duration: clocks of two
//     machines need not agree.
//   - Both sides refuse a member that they do not know. To ignore one, committed
//     say, would be to answer another question. A change that an older process
//     must not see gets a new version in the path.
//   - Bodies, answers, pages and questions under way are bounded by the constants
//     in query.go and server.go.
//
// # The wire
//
// POST /internal/query/v1/usage, …/event and …/events take and give one JSON
// object. Decimals and 64-bit integers are strings, instants are RFC 3339 with
// nanoseconds, the null value of a cell is null. A fault is
//
//	{"error":{"code":"not_owner","message":"…"}}
//
// where the code, not the status, says what happened. The bearer secret is the
// installation's, from its database; it keeps strangers on the network out and
// gives whoever has it every organization's usage.
package query
