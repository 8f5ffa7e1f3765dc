// Package intake takes events in over HTTP: the public listener, the check of
// API keys, bodies and their limits, the write to the log, and the answer.
//
// One event's way through the files:
//
//	server.go     route and method; other routes go to the fallback
//	auth.go       key → organization, cached
//	body.go       read and decompress, bounded by admission.go
//	exchange.go   the memory of one request, pooled
//	events.go     one event or a JSON batch: all or nothing
//	bulk.go       NDJSON: line by line
//	write.go      claim ids, group by partition, append, wait, remember
//	reply.go      the answer; refusal.go: every other answer
//	fault.go      log lines when a dependency goes and comes, not one for each request
//	conn.go       connections that are closed so that the answer can be read
//
// # Invariants
//
//   - 2xx is sent only after the log has acknowledged every record of the
//     request. After any failure nothing is remembered, so that the same request
//     again writes what is missing; what was written is recognised behind the log.
//   - A refused request (4xx) leaves nothing in the log and nothing in the window.
//     On the bulk route this holds for each line.
//   - A record's buffer goes back to its pool in the log's callback, never when
//     the handler returns: only the callback says that the log reads it no more.
//   - Memory is bounded: by connections, by bytes in flight, by each limit of
//     package ingest. What does not fit is refused early, with Retry-After. A large
//     answer counts until its client has read it.
//   - The hot path allocates per request at most, never per event.
//
// # What has gone wrong here
//
//   - fasthttp cleans paths: //api/v1/../v1/events would match. Routes are taken
//     from the path as sent.
//   - fasthttp's MaxRequestBodySize means nothing when bodies are streamed, as
//     they are here. readBody compares the declared length, and counts where there is none.
//   - A body that ends early looks like a complete one to a reader of fasthttp's
//     body stream. The declared length is compared.
//   - An answer that is sent while the client still writes is lost when the
//     socket is closed with unread input: the kernel resets the connection. See conn.go.
package intake
