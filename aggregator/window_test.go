package aggregator

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSplitWindows(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	rapid.Check(t, func(t *rapid.T) {
		hour := int64(time.Hour)
		near := rapid.Custom(func(t *rapid.T) int64 {
			return rapid.Int64Range(0, 100).Draw(t, "hour")*hour + rapid.SampledFrom([]int64{0, 1, hour - 1, hour / 2}).Draw(t, "rest")
		})
		from := near.Draw(t, "from")
		span := Span{from, from + max(0, near.Draw(t, "to")-from)}
		w := SplitWindows(span)
		// Every instant of the span, and no other, is in exactly one part.
		for h := int64(0); h < 102; h++ {
			for _, rest := range []int64{0, 1, hour / 2, hour - 1} {
				instant := h*hour + rest
				parts := 0
				for _, in := range []bool{
					w.Edges[0].Contains(instant), w.Edges[1].Contains(instant), w.Hours[0].Contains(h), w.Hours[1].Contains(h), w.Days.Contains(h / 24),
				} {
					if in {
						parts++
					}
				}
				want := 0
				if span.Contains(instant) {
					want = 1
				}
				if parts != want {
					t.Fatalf("%d of %+v is in %d parts of %+v", instant, span, parts, w)
				}
			}
		}
		for _, edge := range w.Edges {
			if edge.To-edge.From >= hour {
				t.Fatalf("edge %+v of %+v is an hour or more", edge, span)
			}
		}
		if w.Hours[0].To-w.Hours[0].From >= 47 || w.Hours[1].To-w.Hours[1].From >= 24 {
			t.Fatalf("%+v are hours that days should be, of %+v", w.Hours, span)
		}
	})
	// 2024-02-01 10:37:12 to 2024-03-01: an edge of 22 min 48 s, 13 hours, 28 days.
	w := SplitWindows(SpanOf(at("2024-02-01T10:37:12Z"), at("2024-03-01T00:00:00Z")))
	if n := w.Edges[0].To - w.Edges[0].From; n != int64(22*time.Minute+48*time.Second) || !w.Edges[1].Empty() {
		t.Errorf("edges are %+v", w.Edges)
	}
	if w.Hours[0].To-w.Hours[0].From != 13 || !w.Hours[1].Empty() || w.Days.To-w.Days.From != 28 {
		t.Errorf("hours are %+v, days %+v", w.Hours, w.Days)
	}
	// Outside of what an event can have.
	if s := SpanOf(at("0001-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z")); s != (Span{0, 7258118400 * int64(time.Second)}) {
		t.Errorf("all of time is %+v", s)
	}
	if s := SpanOf(at("2024-01-02T00:00:00Z"), at("2024-01-01T00:00:00Z")); !s.Empty() {
		t.Errorf("a span that ends before it begins is %+v", s)
	}
}
