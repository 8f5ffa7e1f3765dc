package ingest

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// uuidTextBytes is the length of a UUID's text, 8-4-4-4-12 in hex.
const uuidTextBytes = 36

// AppendKey appends the key of a subscription's records in the log,
// organization_id/external_subscription_id, the UUID in lower case. A producer
// that writes straight to the topic uses the same.
func AppendKey[S ~string | ~[]byte](dst []byte, organization uuid.UUID, subscription S) []byte {
	dst = appendUUID(dst, organization)
	dst = append(dst, '/')
	return append(dst, subscription...)
}

// Partition returns which of a log's n partitions holds the events of a
// subscription: where Kafka's default partitioner puts AppendKey's key.
func Partition[S ~string | ~[]byte](organization uuid.UUID, subscription S, n int32) int32 {
	if n <= 0 {
		panic("BUG: a log without partitions")
	}
	var scratch [uuidTextBytes + 1 + IDBytesMax]byte
	key := AppendKey(scratch[:0], organization, subscription)
	return partitionOf(murmur2(key), n)
}

// partitionOf is what Kafka makes of a hash.
func partitionOf(hash uint32, n int32) int32 { return int32(hash&0x7fffffff) % n }

// murmur2 is the hash of Kafka's default partitioner (MurmurHash2, 32 bits, with
// Kafka's seed). It decides where events lie: it may never change.
func murmur2(data []byte) uint32 {
	return murmur2Rest(murmur2Seed^uint32(len(data)), data)
}

const (
	murmur2Seed  = 0x9747b28c
	murmur2Prime = 0x5bd1e995
)

// murmur2Word is what a word of the input does to the state, which is multiplied by
// the prime before.
func murmur2Word(k uint32) uint32 {
	k *= murmur2Prime
	return (k ^ k>>24) * murmur2Prime
}

// murmur2Rest goes on with the state h to the end of the input, and ends the hash.
func murmur2Rest(h uint32, data []byte) uint32 {
	for len(data) >= 4 {
		h = h*murmur2Prime ^ murmur2Word(binary.LittleEndian.Uint32(data))
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= murmur2Prime
	}
	h ^= h >> 13
	h *= murmur2Prime
	return h ^ h>>15
}

const hexDigits = "0123456789abcdef"

// appendUUID appends the lower-case text of id.
func appendUUID(dst []byte, id uuid.UUID) []byte {
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}
