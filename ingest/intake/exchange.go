package intake

import (
	"time"

	"github.com/google/uuid"

	"weir/ingest"
	"weir/ingest/ratelimit"
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
	account      *account // of the organization, while the request is under way
	turn         turn
	route        route
	receivedAt   time.Time

	sent     []byte // the body as sent
	plain    []byte // the body decompressed
	reserved int    // bytes taken from the server's admission

	// stamp is what events without a timestamp get, nanoseconds; asked for once.
	stamp   int64
	stamped bool

	form         answerForm
	rate         ratelimit.State // what the answer says of the organization's limits
	requestRate  ratelimit.State // of the one on requests alone
	structured   []byte          // a binary CloudEvent in its structured form
	parsedBefore int             // bytes in front of the body in what is parsed, 0 but in structured
	parsedBytes  int             // at least the length of what the events of batch were parsed from

	batch      ingest.Batch
	identifier ingest.Identifier
	sightings  []ingest.Sighting // of batch.Events, one each
	eventIDs   []uuid.UUID       // of batch.Events, one each: their lago_ids
	claim      ingest.Claim
	partitions []int32 // of batch.Events, one each
	lines      []int32 // of batch.Events on the bulk route: which line each came from
	order      []int32 // indexes of the fresh events, grouped by partition
	starts     []int32 // by partition: where its group starts in order; one more for the end
	write      write
	value      []byte // of the last expression

	reply     []byte
	day       day
	createdAt []byte // receivedAt as answers print it
	position  []byte // the header Weir-Log-Position
}

// newExchange returns the memory for a request that is received now. It has an account,
// and no turn yet.
func (s *Server) newExchange(organization uuid.UUID, route route, now time.Time) *exchange {
	x := s.exchanges.Get().(*exchange)
	x.server = s
	x.organization = organization
	x.account = s.admission.open(organization)
	x.route = route
	x.receivedAt = now
	x.createdAt = x.day.appendSeconds(x.createdAt[:0], now.UnixNano())
	x.identifier.Reset(organization)
	x.stamped = false
	x.form = formEvents
	x.rate, x.requestRate = ratelimit.State{}, ratelimit.State{}
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
	x.giveBack()
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

// giveBack ends what the request has of the server's admission.
func (x *exchange) giveBack() {
	if x.turn.held {
		x.leave(0)
	}
	x.server.admission.close(x.account, x.reserved)
	x.account = nil
	x.reserved = 0
}

// enter waits for a turn, and leave ends it: see turns.
func (x *exchange) enter() { x.server.admission.enter(x.account, &x.turn) }

func (x *exchange) leave(appended int) { x.server.admission.leave(x.account, &x.turn, appended) }

// reserve takes bytes from the server's admission until the request ends.
func (x *exchange) reserve(n int) bool {
	if !x.server.admission.reserve(x.account, n) {
		return false
	}
	x.reserved += n
	return true
}
