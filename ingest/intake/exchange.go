package intake

import (
	"time"

	"github.com/google/uuid"

	"weir/ingest"
)

// Exchanges with larger buffers than these are not pooled: one giant request
// must not stay in memory for ever. (Batch looks after itself.)
const (
	exchangeBytesMax  = 4 << 20
	exchangeEventsMax = 16_384
)

// exchange is the memory of one request: everything between its bytes and its
// answer. It is used by one goroutine at a time. Nothing in it outlives the
// handler but what it copies into records.
type exchange struct {
	server       *Server
	organization uuid.UUID
	receivedAt   time.Time

	sent     []byte // the body as sent
	plain    []byte // the body decompressed
	reserved int    // bytes taken from the server's admission

	// stamp is what events without a timestamp get, nanoseconds; asked for once.
	stamp   int64
	stamped bool

	silent       bool   // the answer has no body
	structured   []byte // a binary CloudEvent in its structured form
	parsedBefore int    // bytes in front of the body in what is parsed, 0 but in structured

	batch      ingest.Batch
	sightings  []ingest.Sighting // of batch.Events, one each
	claim      ingest.Claim
	partitions []int32 // of batch.Events, one each
	lines      []int32 // of batch.Events on the bulk route: which line each came from
	order      []int32 // indexes of the fresh events, grouped by partition
	starts     []int32 // by partition: where its group starts in order; one more for the end
	write      write
	value      []byte // of the last expression

	reply     []byte
	createdAt []byte // receivedAt as answers print it
	position  []byte // the header Weir-Log-Position
}

// newExchange returns the memory for a request that is received now.
func (s *Server) newExchange(organization uuid.UUID) *exchange {
	x := s.exchanges.Get().(*exchange)
	x.server = s
	x.organization = organization
	x.receivedAt = time.Now()
	x.createdAt = x.receivedAt.UTC().AppendFormat(x.createdAt[:0], layoutSeconds)
	x.stamped = false
	x.silent = false
	x.parsedBefore = 0
	x.reply = x.reply[:0]
	x.position = x.position[:0]
	x.write.reset(s.options.Partitions)
	return x
}

// release gives the memory and the reserved bytes back. Nothing of it may be used after.
func (x *exchange) release() {
	s := x.server
	if x.claim.Open() {
		panic("BUG: request ends while it holds ids")
	}
	s.admission.release(x.reserved)
	x.reserved = 0
	if s.onRelease != nil {
		s.onRelease(x.sent)
		s.onRelease(x.plain)
		s.onRelease(x.structured)
	}
	x.batch.Reset()
	if cap(x.sent)+cap(x.plain)+cap(x.reply) > exchangeBytesMax || cap(x.sightings) > exchangeEventsMax {
		return
	}
	s.exchanges.Put(x)
}

// reserve takes bytes from the server's admission until the request ends.
func (x *exchange) reserve(n int) bool {
	if !x.server.admission.reserve(n) {
		return false
	}
	x.reserved += n
	return true
}
