package ingest

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// paddedSum makes SHA-256 of short texts that all begin with the same block. That block's
// work is done once. Of the time that sha256.Sum256 takes for the rest, about half goes into
// copying states and padding. So the padding is made here, in the text's own memory, and
// the sum is the state that is left: a hash.Hash gives and takes it as the first part of
// its binary form, behind 4 bytes that name the format.
//
// That form is the standard library's own. prepare holds the way against Sum256 before
// it is used, and without agreement Sum256 makes the sums.
type paddedSum struct {
	state  stateHash // nil: use Sum256
	block  [sha256.BlockSize]byte
	begun  [sumStateBytes]byte // the binary form after the block
	binary [sumStateBytes]byte
	result [sha256.Size]byte
	tried  bool
}

// stateHash is what the standard library's hashes are.
type stateHash interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

const (
	sumStateAt    = 4                                               // where the state begins in its binary form
	sumStateBytes = sumStateAt + sha256.Size + sha256.BlockSize + 8 // of the binary form: state, rest of a block, length
	sumTailBytes  = 1 + 8                                           // of the padding, without its zeros
)

// prepare makes the sums those of texts that begin with the block. The first time it finds
// out whether the short way may be gone.
func (s *paddedSum) prepare(block *[sha256.BlockSize]byte) {
	s.block = *block
	if !s.tried {
		s.tried = true
		s.state, _ = sha256.New().(stateHash)
		if !s.begin() || !s.agrees() {
			s.state = nil
		}
		return
	}
	if !s.begin() {
		s.state = nil
	}
}

// begin notes the state after the block, and reports whether it has the form that is known.
func (s *paddedSum) begin() bool {
	if s.state == nil {
		return false
	}
	s.state.Reset()
	_, _ = s.state.Write(s.block[:]) // never fails
	state, err := s.state.AppendBinary(s.begun[:0])
	return err == nil && len(state) == sumStateBytes
}

// agrees compares some sums with those of the standard library.
func (s *paddedSum) agrees() bool {
	for _, n := range [...]int{0, sha256.BlockSize - sumTailBytes, sha256.BlockSize, 2*sha256.BlockSize - 1} {
		text := make([]byte, n+sha256.BlockSize+sumTailBytes)
		for i := range n {
			text[i] = byte(i)
		}
		if want := sha256.Sum256(append(s.block[:], text[:n]...)); *s.of(text, n) != want {
			return false
		}
	}
	return true
}

// of returns the sum of the block and buf[:n], valid until the next call. It overwrites
// what is behind, for which buf has room: a block and one byte more.
func (s *paddedSum) of(buf []byte, n int) *[sha256.Size]byte {
	if s.state == nil {
		s.result = sha256.Sum256(append(s.block[:], buf[:n]...))
		return &s.result
	}
	end := (n + sumTailBytes + sha256.BlockSize - 1) &^ (sha256.BlockSize - 1)
	buf = buf[:end]
	buf[n] = 0x80
	clear(buf[n+1 : end-8])
	binary.BigEndian.PutUint64(buf[end-8:], uint64(sha256.BlockSize+n)*8)
	err := s.state.UnmarshalBinary(s.begun[:])
	_, _ = s.state.Write(buf) // never fails
	state, stateErr := s.state.AppendBinary(s.binary[:0])
	if err != nil || stateErr != nil || len(state) != sumStateBytes {
		panic("BUG: the state of SHA-256 is not what it was")
	}
	return (*[sha256.Size]byte)(state[sumStateAt:])
}
