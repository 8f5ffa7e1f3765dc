package oracle

import (
	"fmt"
	"strings"
)

// String returns the result as text, a line for each bucket and one for what was left out;
// equal results have equal texts.
func (r Result) String() string {
	var text strings.Builder
	for _, b := range r.Buckets {
		fmt.Fprintf(&text, "filter %d, group %v: %s units, rounded %s, of %d events, %s cents",
			b.Filter, b.Group, plain(b.Units), plain(b.Rounded), b.Events, plain(b.PreciseTotal))
		if b.Closing != nil {
			fmt.Fprintf(&text, ", closing %s", plain(b.Closing))
		}
		for _, s := range b.Presentation {
			fmt.Fprintf(&text, "; %v: %s units of %d events", s.Values, plain(s.Units), s.Events)
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "left out: %v\n", r.LeftOut) // in the order of the keys
	return text.String()
}

// String returns a quoted text, or null.
func (v Value) String() string {
	if v.Null {
		return "null"
	}
	return fmt.Sprintf("%q", v.Text)
}
