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
	return int32(murmur2(key)&0x7fffffff) % n
}

// murmur2 is the hash of Kafka's default partitioner (MurmurHash2, 32 bits, with
// Kafka's seed). It decides where events lie: it may never change.
func murmur2(data []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(data))
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> r
		h = h*m ^ k*m
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
		h *= m
	}
	h ^= h >> 13
	h *= m
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
