// Package ingest is the domain of taking usage events in: what an event is,
// how it is read from JSON, how it and its corrections are written to a log record and
// read back, what an expression makes of it, which partition it belongs to, and which
// ids were seen lately.
//
// It is pure: no input or output, no goroutine, no clock. The log stands in
// eventlog, HTTP in intake.
//
// # Where things are
//
//	event.go batch.go position.go limits.go error.go   the nouns
//	parse.go        the entry points, and what wraps events in a request
//	members.go      one event; properties.go timestamp.go its larger members
//	cloudevents.go  the same event as a CloudEvent
//	usual.go        the short way through an event as nearly all are; usual_record.go
//	                the same through a record's entry
//	scanner.go      JSON tokens, string.go one of them; names.go finds duplicate names
//	number.go       decimal texts: scaled to an integer, or in plain form
//	record.go       the framed record in the log; record_parse.go reads it back
//	expression.go   a metric's expression; expression_parse.go makes code of its text,
//	                expression_eval.go runs it on an event, exact.go calculates
//	hash.go         identities and contents; identifier.go identities of one
//	                organization after the other, padded_sum.go their SHA-256
//	note.go         what is known of a record's events, for readers in the same process
//	partition.go    where Kafka's default partitioner puts a subscription
//	dedup.go        the memory of recent ids; dedup_table.go finds one
//
// # Invariants
//
//   - One JSON grammar for single events, batches, bulk lines and events that a
//     producer wrote straight to the topic. Duplicate names, invalid UTF-8, NaN,
//     01 and trailing data are refused everywhere, in members that are ignored
//     too: a lenient parser beside a strict one makes two bills.
//   - All or nothing: a call that returns an error leaves no event in the Batch.
//   - What is not JSON, or deeper than NestingMax, is a SyntaxError and ends the
//     call. What is JSON but no acceptable event is a fault of a ValidationError,
//     and reading goes on, so that a sender sees all faults at once.
//   - U+0000 is JSON, but PostgreSQL has no text for it: refused in ids, names and
//     values, so that no event can be counted that could never be billed.
//   - What an event means never depends on a clock behind the log: an event
//     without a timestamp gets one before it is written (Event.Filled).
//   - An event's identity is (organization, external_subscription_id,
//     transaction_id), for ever.
//   - Numbers stay text, as sent. Nothing here makes a float of one.
//   - The record format has a version in its first byte and golden bytes in its
//     tests, and so have the hashes and the partitioner. A record once written can
//     be read for ever.
//   - Reading a record checks its checksum, its structure and the limits of its
//     parts, in the order of names. It does not parse numbers or UTF-8 again:
//     who frames a record has done that.
//
// # Corrections
//
// A correction is an entry of the log like an event, and names the identity that it
// corrects: an amendment (Entry) carries new content for it, a cancellation takes it
// away. It may stand anywhere in the log, before its event too. What an identity is
// worth, whatever order its entries are read in:
//
//   - With corrections, the content is that of the one with the highest revision; of
//     two with the same revision, the later in the log wins. Without any, it is that of
//     the first event in the log; other contents of it are conflicts.
//   - A correction with the revision and the content (ContentHash, and the timestamps
//     as there) of one that is there is a retry, and changes nothing.
//   - An amendment replaces code, timestamp, properties and precise_total_amount_cents,
//     all of them. It can't change transaction_id or subscription: they are the identity.
//   - An id that was cancelled stays used: an event that comes with it is a repeat. Only
//     an amendment that wins over the cancellation makes it count again.
//
// Corrections come from weir itself: the JSON grammar, over HTTP and in records, has
// events only.
//
// # Memory
//
// Parsing and decoding append to a Batch and allocate nothing once it is warm. An
// Event's slices point into the input where its bytes are the value, and into the
// Batch where they had to be decoded. So an input must outlive its events: who
// needs them longer, copies them, usually by AppendRecord.
//
// No recursion follows the input, but for the parentheses of an expression, at most
// ExpressionNestingMax deep; depth, members of an object, faults and sizes have limits
// (limits.go), and nothing costs more than in proportion to its input. That is why
// names.go has buckets: comparing each name of an object with all others makes a body
// of 64 KiB cost as much as one of many megabytes.
//
// # Speed
//
// What nearly all events look like has a short way (usual.go, usual_record.go), which
// decides nothing: it reads its part whole and gives what the other way gives, or
// leaves it to that. So there is one grammar still, and one place for each fault. A short
// way takes its input as arguments and keeps its place in a register: half of what
// the scanner costs is to load and store its own fields.
//
// Of an identity, half is the blocks of SHA-256 themselves, and the standard library's
// Sum256 would double them; see paddedSum. An organization has the first block for
// itself, whose work is done once for all its events: where its bytes stood in front of the
// rest, most identities took two blocks, and now one. What remains of copying a
// record together is copying. The Window waits for memory, and so looks at one line of
// the cache for each id. bench/stages bounds all of them.
//
// # How it is tested
//
// A second, slow parser (reference_test.go, on a general JSON library, math/big
// and regular expressions) must agree with the fast one: on what is JSON, on each
// fault, on each event. Fuzzing and a generator of events near every edge look for
// a difference. The short ways must agree with the long ones, also on what is changed by
// one byte at any place (usual_test.go). CloudEvents have the same, and so have expressions: a second evaluator
// (expression_reference_test.go) calculates with fractions.
//
// # What has gone wrong here
//
//   - In Go, | and ^ bind like + and -, not looser as in C. The first draft of
//     specialBytes lacked parentheses and mixed its four masks up.
//   - The fuzzer shows 0 execs/sec for up to a minute while it minimizes what it
//     found. That is no endless loop; -fuzzminimizetime 5x ends the doubt.
//   - The first draft of exact.go gave a zero the decimals it was calculated with:
//     round(x, 0.0) failed, and 0 times many small numbers had too many digits.
//   - The short way of ParseScaled and that of expressions look alike. Made one
//     function, ParseScaled took 19 ns instead of 12: they stay two.
//   - Four bytes of length before each hashed part pushed short ids into a second
//     block of SHA-256, a third of the time of IDKey. Lengths are uvarints since.
//   - Ten digits of seconds can be more nanoseconds than an int64 holds: the first draft
//     of usualTimestamp took 9710000000.007 for a time in range. The comparison of both
//     ways found it at once.
//   - Bytes that were just written and are read again in larger words wait until they
//     have left the processor's store buffer. Identify writes both of its texts first, and
//     hashes then: a fifth less.
//   - Batch.Reset zeroed what the Batch held, 300 bytes an event: a tenth of parsing, for
//     the sake of inputs that whoever pools a Batch pools as well.
package ingest
