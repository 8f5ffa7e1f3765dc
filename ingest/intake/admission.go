package intake

import (
	"bytes"
	"sync"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
)

// eventOverheadBytes is what an event costs in memory besides its body, rounded
// up: its struct, its sighting, its place in the write and in the answer.
const eventOverheadBytes = 512

// freeShare is how much memory one organization may hold: so many times what is free.
// Alone it gets four fifths of all; two get four ninths each, and there is always
// something left for another. (Choudhury and Hahne, Dynamic queue length thresholds for
// shared-memory packet switches, 1998.)
const freeShare = 4

// admission shares out what requests compete for, so that no organization gets
// another's part: memory (this file), turns at the processor and room in the log
// (turns.go). Who gets none is refused early instead of waiting long: a client that is
// told can go elsewhere, one that waits holds a connection and its buffers.
//
// One mutex guards everything, and is taken a few times for a request.
type admission struct {
	bytesMax int64

	mu       sync.Mutex
	bytes    int64 // of all accounts
	accounts map[uuid.UUID]*account
	unused   []*account // for the next organizations
	turns    turns
}

// account is what the requests of one organization that are under way hold. It is
// there as long as there is one. The admission's mutex guards it.
type account struct {
	organization uuid.UUID
	requests     int
	bytes        int64
	turns        accountTurns
}

// accountsUnusedMax is how many accounts are kept for the next organizations.
const accountsUnusedMax = 256

func newAdmission(bytesMax, turnsMax int) *admission {
	return &admission{
		bytesMax: int64(bytesMax),
		accounts: make(map[uuid.UUID]*account),
		turns:    turns{free: turnsMax, drain: newDrain()},
	}
}

// open begins a request of an organization, which close ends. Requests that are
// nobody's are those of the nil UUID.
func (a *admission) open(organization uuid.UUID) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, there := a.accounts[organization]
	if !there {
		if n := len(a.unused); n > 0 {
			k, a.unused = a.unused[n-1], a.unused[:n-1]
		} else {
			k = &account{}
		}
		k.organization = organization
		a.accounts[organization] = k
	}
	k.requests++
	return k
}

// close ends a request: it gives back the bytes that it has reserved.
func (a *admission) close(k *account, reserved int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes -= int64(reserved)
	k.bytes -= int64(reserved)
	k.requests--
	if k.bytes < 0 || k.requests < 0 {
		panic("BUG: more given back than taken")
	}
	if k.requests > 0 {
		return
	}
	if k.bytes != 0 || k.turns.busy() {
		panic("BUG: the last request of an organization leaves something behind")
	}
	delete(a.accounts, k.organization)
	if len(a.unused) < accountsUnusedMax {
		*k = account{}
		a.unused = append(a.unused, k)
	}
}

// reserve takes n bytes for a request of the account, or reports that there is no
// room, for anybody or for this organization.
func (a *admission) reserve(k *account, n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	free := a.bytesMax - a.bytes - int64(n)
	if free < 0 || k.bytes+int64(n) > freeShare*free {
		return false
	}
	a.bytes += int64(n)
	k.bytes += int64(n)
	return true
}

// take takes n bytes for the account, whether there is room or not.
func (a *admission) take(k *account, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += int64(n)
	k.bytes += int64(n)
}

// bytesInFlight returns how many bytes are reserved.
func (a *admission) bytesInFlight() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bytes
}

// largeReplyBytes is from where on an answer counts among the bytes in flight
// until the client has read it. A smaller one fits the socket's buffers, or nearly.
const largeReplyBytes = 64 << 10

// largeReply is an answer that waits for its client. fasthttp closes it when it
// is sent, or cannot be.
type largeReply struct {
	bytes.Reader
	admission *admission
	account   *account // nil when it is closed
	reserved  int
}

// sendLarge answers with the body, which it owns from now on. The bytes are taken
// even where there is no room: the events are written, and that must be said.
func (s *Server) sendLarge(ctx *fasthttp.RequestCtx, organization uuid.UUID, body []byte) {
	a := s.admission
	reply := &largeReply{admission: a, account: a.open(organization), reserved: len(body)}
	a.take(reply.account, len(body))
	reply.Reset(body)
	ctx.Response.SetBodyStream(reply, len(body))
}

// Close gives the bytes back.
func (r *largeReply) Close() error {
	if r.account != nil {
		r.admission.close(r.account, r.reserved)
		r.account = nil
	}
	r.Reset(nil)
	return nil
}
