package query

import (
	"cmp"
	"strings"
)

// CompareEvents orders events as pages show them: newest timestamp first, ties
// by transaction id, then by subscription, then by code and place in the log. It is 0 only for
// one and the same stored event.
func CompareEvents(a, b *Event) int {
	if c := cmp.Compare(b.Timestamp, a.Timestamp); c != 0 {
		return c
	}
	if c := strings.Compare(a.TransactionID, b.TransactionID); c != 0 {
		return c
	}
	if c := strings.Compare(a.Subscription, b.Subscription); c != 0 {
		return c
	}
	if c := strings.Compare(a.Code, b.Code); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Partition, b.Partition); c != 0 {
		return c
	}
	return cmp.Compare(a.Position, b.Position)
}
