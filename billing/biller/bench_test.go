package biller_test

import (
	"fmt"
	"testing"
)

// BenchmarkTick bills customers with a subscription each: a base fee and two charges.
// The server does not sync.
func BenchmarkTick(b *testing.B) {
	w := newWorld(b)
	for i := range b.N {
		id := fmt.Sprint("c", i)
		w.subscribe(id, id, w.plan, "2024-04-01T00:00:00Z")
		w.usage.add(id, "2024-04-02T00:00:00Z", 5)
	}
	const now = "2024-05-01T01:00:00Z"
	biller := w.biller(now)
	b.ResetTimer()
	if n, err := biller.Tick(w.ctx, at(now)); n != b.N || err != nil {
		b.Fatalf("%d invoices of %d, %v", n, b.N, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
}
