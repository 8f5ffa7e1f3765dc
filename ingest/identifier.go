package ingest

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"
)

// Identifier makes identities and partitions for the events of one organization after
// the other, with the organization's part of each hash prepared once. It gives what
// the functions of these names give, in about half their time.
//
// Reset it to an organization first. It is used by one goroutine at a time, is not
// copied, and holds nothing that it was given: it copies what it hashes.
type Identifier struct {
	organization uuid.UUID
	prepared     bool

	// prefix and identity are what is hashed: of prefix the first bytes are the
	// organization; identity has room behind it for what SHA-256 pads it with.
	prefix   [prefixScratchBytes]byte
	identity [idScratchBytes + sha256.BlockSize + 1]byte
	sum      paddedSum

	// words are what the organization's text does to murmur2's state, and state is the
	// state after them for a key of keyBytes, which the hash begins with.
	words    [organizationWords]uint32
	state    uint32
	keyBytes int
}

// organizationWords is how many words of an organization's text murmur2 reads.
const organizationWords = uuidTextBytes / 4

// Reset prepares for an organization's events. It costs next to nothing when the
// organization is the one before.
func (x *Identifier) Reset(organization uuid.UUID) {
	if x.prepared && x.organization == organization {
		return
	}
	x.organization, x.prepared = organization, true
	copy(x.prefix[:], organization[:])
	text := appendUUID(make([]byte, 0, uuidTextBytes), organization)
	for i := range x.words {
		x.words[i] = murmur2Word(binary.LittleEndian.Uint32(text[4*i:]))
	}
	x.keyBytes = 0
	var block [sha256.BlockSize]byte
	copy(block[:], organization[:])
	x.sum.prepare(&block)
}

// Identify returns the ID of an event and its lago_id, as the function Identify does.
// The parts are at most IDBytesMax bytes long.
func (x *Identifier) Identify(subscription, transactionID []byte) (id ID, eventID uuid.UUID) {
	x.mustBePrepared()
	// Bytes just written are slow to read in larger words: write both texts first.
	n := putPart(x.identity[:], putPart(x.identity[:], 0, subscription), transactionID)
	prefixBytes := len(x.organization) + copy(x.prefix[len(x.organization):], transactionID)
	sum := x.sum.of(x.identity[:], n)
	copy(id[IDPrefixBytes:], sum[:])
	binary.BigEndian.PutUint32(id[:], uint32(xxhash.Sum64(x.prefix[:prefixBytes])>>32))
	return id, eventIDOf(sum)
}

// Partition returns which of a log's n partitions holds the events of a subscription,
// as the function Partition does.
func (x *Identifier) Partition(subscription []byte, n int32) int32 {
	x.mustBePrepared()
	if n <= 0 {
		panic("BUG: a log without partitions")
	}
	if keyBytes := uuidTextBytes + 1 + len(subscription); x.keyBytes != keyBytes {
		x.keyBytes = keyBytes
		x.state = murmur2Seed ^ uint32(keyBytes)
		for _, word := range x.words {
			x.state = x.state*murmur2Prime ^ word
		}
	}
	if len(subscription) < 3 {
		rest := append(append(make([]byte, 0, 3), '/'), subscription...)
		return partitionOf(murmur2Rest(x.state, rest), n)
	}
	// The first word has the slash of the key in front.
	word := '/' | uint32(subscription[0])<<8 | uint32(subscription[1])<<16 | uint32(subscription[2])<<24
	return partitionOf(murmur2Rest(x.state*murmur2Prime^murmur2Word(word), subscription[3:]), n)
}

func (x *Identifier) mustBePrepared() {
	if !x.prepared {
		panic("BUG: Identifier without an organization")
	}
}
