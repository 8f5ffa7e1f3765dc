package oracle

import (
	"fmt"
	"strings"
	"testing"
)

// TestCurrent: entries are id/revision/content, with an x for a cancellation.
func TestCurrent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, log, want string }{
		{"one", "a0p", "a0p"},
		{"repeat", "a0p a0p", "a0p"},
		{"the first content counts", "a0p a0q b0r", "a0p b0r"},
		{"amended", "a0p a1q", "a1q"},
		{"amended ahead of the event", "a1q a0p", "a1q"},
		{"amended, no event", "a1q", "a1q"},
		{"the highest revision", "a0p a2q a1r", "a2q"},
		{"of equal ones the later", "a0p a1q a1r", "a1r"},
		{"of equal ones the later, with a lower behind", "a2q a2r a1s a0p", "a2r"},
		{"cancelled", "a0p b0q a1x", "b0q"},
		{"cancelled ahead of the event", "a1x a0p", ""},
		{"cancelled, no event", "a1x", ""},
		{"a cancelled id stays used", "a0p a1x a0q", ""},
		{"amended after it was cancelled", "a0p a1x a2q", "a2q"},
		{"cancelled after it was amended", "a0p a1q a2x", ""},
		{"a late cancellation of lower revision", "a0p a2q a1x", "a2q"},
		{"cancelled and amended with one revision", "a0p a1x a1q", "a1q"},
		{"amended and cancelled with one revision", "a0p a1q a1x", ""},
		{"in the order of first entries", "c0p a1q b0r a0s", "c0p a1q b0r"},
	} {
		var log []Event
		for _, entry := range strings.Fields(c.log) {
			log = append(log, Event{
				TransactionID: entry[:1], Revision: int(entry[1] - '0'), Code: entry[2:], Cancelled: entry[2:] == "x",
			})
		}
		var got []string
		for _, e := range Current(log) {
			got = append(got, fmt.Sprint(e.TransactionID, e.Revision, e.Code))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %q of %q, want %q", c.name, text, c.log, c.want)
		}
	}
}

// TestCurrentOfSubscriptions: an id is used once in each subscription.
func TestCurrentOfSubscriptions(t *testing.T) {
	t.Parallel()
	got := Current([]Event{
		{TransactionID: "a", Subscription: "s"},
		{TransactionID: "a", Subscription: "t"},
		{TransactionID: "a", Subscription: "s", Revision: 1, Cancelled: true},
	})
	if len(got) != 1 || got[0].Subscription != "t" {
		t.Errorf("current are %+v, want that of t", got)
	}
}
