// Package intake takes events in over HTTP: the public listener, the check of
// API keys, bodies and their limits, the write to the log, and the answer.
//
// One event's way through the files:
//
//	handler.go      route and method; other routes go to the fallback
//	auth.go         key → organization, cached
//	rate.go         what the organization may send in a second, where that is limited
//	media.go        which format the body has
//	body.go         read and decompress, bounded by admission.go
//	turns.go        whose turn it is to be parsed and written; drain.go: how much the log may hold
//	exchange.go     the memory of one request, pooled
//	events.go       one event or a batch: all or nothing
//	cloudevents.go  CloudEvents: their modes, and what they are answered
//	bulk.go         NDJSON: line by line
//	expression.go   the events that their metric's expression has no value for
//	write.go        claim ids, group by partition, append, wait, remember
//	reply.go        the answer, instant.go its times; refusal.go: every other answer
//	fault.go        log lines when a dependency goes and comes, not one for each request
//	conn.go         connections that are closed so that the answer can be read
//
// # Formats
//
//	POST /api/v1/events        application/json                    {"event":{…}}
//	POST /api/v1/events/batch  application/json                    {"events":[…]}
//	POST /api/v1/events/batch  application/x-ndjson                one event a line
//	POST to either             application/cloudevents+json        one CloudEvent
//	POST to either             application/cloudevents-batch+json  an array of them
//	POST /api/v1/events        …/json, and ce-specversion: 1.0 …   a binary CloudEvent
//
// Any of them may be compressed with gzip or zstd. A Content-Type that is not named
// here is taken for Lago's JSON; that of a CloudEvent is strict: another format than
// JSON, or another character set than UTF-8, is 415. CloudEvents are all or nothing, as
// Lago's batches are, and their refusals name their members: id, subject, data.region.
//
// CloudEvents are answered with 204 and the position, as OpenMeter answers them: its
// Python client takes every other status for a failure, and its users would send
// again what is written. A request that says Prefer: return=representation gets 200 and
// Lago's events.
//
// A request on any of the routes that says Prefer: return=minimal (RFC 7240) gets 200,
// an empty object and Preference-Applied: return=minimal when its events were taken, and
// saves both sides an answer that is larger than the request. A bulk request of which
// lines were refused is told which, whatever it prefers.
//
// Every other method on these paths, and every other path, is the fallback's.
//
// # Expressions
//
// A metric may compute its value by an expression. Its result is never written into the
// event: it is computed again wherever it is needed, so that a changed expression
// covers the past. Here it is only tried, with the catalog of this moment and after a
// missing timestamp was filled in, and an event that it has no value for is refused as
// Lago refuses it: 422, and in the place of fields one string,
// "expression_evaluation_failed: …". On the bulk route that is one line's refusal. It is
// tried before ids are looked at: a repeat that has no value any more is told that, not
// that it is a repeat. It is a courtesy: an event that passed, or came another way, is
// judged again behind the log.
//
// # Many organizations, and too much of one
//
// What requests compete for is shared out by organization (admission.go), by three rules
// that need no settings:
//
//   - Memory: an organization may hold four times what is free. Alone it gets four fifths.
//   - The log: what it has appended there and what all have may come to twice what
//     the log acknowledged in its best 50 ms of the last second, and to 2 MiB in any case. So
//     what one organization queues there is written within 50 ms, and others find room.
//   - Turns: who has its body waits for a turn to parse and append it. Organizations that
//     wait take turns, so that who sends much waits for itself.
//
// Of an organization with 32 requests in line, another is refused with 429 when it would
// wait for more than 100 ms, or 20 ms once the line has stood for 100 ms: before its body
// is read. So what is taken keeps its latency when the log is sent five times what it can
// write, and a client with up to 32 connections is not refused for its line. Where the
// processors are what is short, most of the waiting is in the runtime's queue, which
// knows no organizations: there limits help, and more processors.
//
// Limits (Options.Requests, Options.Events) are the operator's, per organization, process
// and second. With one, every answer has X-Ratelimit-Limit, -Remaining and -Reset of the one
// that has less left, and beyond it 429 with Retry-After. A request is let through while
// anything is left and pays afterwards, so that a batch larger than the limit is late and
// not impossible. Events are paid for when they are parsed, bulk requests by their lines.
//
// # Invariants
//
//   - 2xx is sent only after the log has acknowledged every record of the
//     request. After any failure nothing is remembered, so that the same request
//     again writes what is missing; what was written is recognised behind the log.
//   - A refused request (4xx) leaves nothing in the log and nothing in the window.
//     On the bulk route this holds for each line.
//   - A record's buffers go back to their pool in the log's callback, never when
//     the handler returns: only the callback says that the log reads them no more.
//   - Memory is bounded: by connections, by bytes in flight, by each limit of
//     package ingest. What does not fit is refused early, with Retry-After. A large
//     answer counts until its client has read it.
//   - The hot path allocates per request at most, never per event. An expression
//     costs its evaluation, and the others one call.
//   - There is one parser for CloudEvents: a binary one is brought into its
//     structured form first. Its body must be one JSON value by itself, so that
//     nothing in it can become a member beside data.
//
// # What has gone wrong here
//
//   - fasthttp cleans paths: //api/v1/../v1/events would match. Routes are taken
//     from the path as sent.
//   - fasthttp's MaxRequestBodySize means nothing when bodies are streamed, as
//     they are here. readBody compares the declared length, and counts where there is none.
//   - A body that ends early looks like a complete one to a reader of fasthttp's
//     body stream. The declared length is compared.
//   - A bulk request took memory for as many events as its bytes might be, 2 bytes
//     each: 50 requests of 20 KB filled all of it. Lines are counted before.
//   - The age of who is first in line was taken for what the next one would wait: at five
//     times the capacity that is five times too little. What counts is how many wait, times
//     the time between two turns.
//   - An answer that is sent while the client still writes is lost when the
//     socket is closed with unread input: the kernel resets the connection. See conn.go.
package intake
