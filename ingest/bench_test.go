package ingest

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// benchEvent returns the JSON of an event as they come in usage-based billing of
// an LLM: 224 bytes.
func benchEvent(i int) []byte {
	return fmt.Appendf(nil, `{"transaction_id":"tx_%012d","external_subscription_id":"sub_%06d","code":"llm_tokens",`+
		`"timestamp":1710000000.%03d,"properties":{"model":"gpt-4o-mini","region":"eu-west-1","input_tokens":%d,"cached":false}}`,
		i, i%1000, i%1000, i%5000)
}

func benchBody(n int) []byte {
	body := []byte(`{"events":[`)
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, benchEvent(i)...)
	}
	return append(body, "]}"...)
}

func benchBatch(tb testing.TB, n int) *Batch {
	tb.Helper()
	b := new(Batch)
	if err := b.ParseEvents(benchBody(n), n); err != nil {
		tb.Fatal(err)
	}
	return b
}

var benchOrganization = uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

func BenchmarkParseEvent(b *testing.B) {
	body := fmt.Appendf(nil, `{"event":%s}`, benchEvent(1))
	var batch Batch
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if err := batch.ParseEvent(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEvents100(b *testing.B) {
	const n = 100
	body := benchBody(n)
	var batch Batch
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if err := batch.ParseEvents(body, n); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, n)
}

func BenchmarkParseLine1000(b *testing.B) {
	const n = 1000
	lines := make([][]byte, n)
	size := 0
	for i := range lines {
		lines[i] = append(benchEvent(i), '\n')
		size += len(lines[i])
	}
	var batch Batch
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		for _, line := range lines {
			if err := batch.ParseLine(line); err != nil {
				b.Fatal(err)
			}
		}
	}
	perEvent(b, n)
}

func BenchmarkAppendRecord100(b *testing.B) {
	const n = 100
	batch := benchBatch(b, n)
	h := Header{Organization: benchOrganization, ReceivedAt: 1_710_000_001_000_000_000}
	var record []byte
	b.ReportAllocs()
	for b.Loop() {
		record = AppendRecord(record[:0], h, batch.Events)
	}
	b.ReportMetric(float64(len(record))/n, "bytes/event")
	perEvent(b, n)
}

func BenchmarkParseRecord100(b *testing.B) {
	const n = 100
	h := Header{Organization: benchOrganization, ReceivedAt: 1_710_000_001_000_000_000}
	record := AppendRecord(nil, h, benchBatch(b, n).Events)
	var batch Batch
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		if _, err := batch.ParseRecord(record, 0); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, n)
}

func BenchmarkIDKey(b *testing.B) {
	e := &benchBatch(b, 1).Events[0]
	b.ReportAllocs()
	for b.Loop() {
		IDKey(benchOrganization, e.Subscription, e.TransactionID)
	}
}

func BenchmarkIdentify(b *testing.B) {
	events := benchBatch(b, 100).Events
	var x Identifier
	x.Reset(benchOrganization)
	b.ReportAllocs()
	for b.Loop() {
		for i := range events {
			x.Identify(events[i].Subscription, events[i].TransactionID)
		}
	}
	perEvent(b, len(events))
}

func BenchmarkIdentifierPartition(b *testing.B) {
	events := benchBatch(b, 100).Events
	var x Identifier
	x.Reset(benchOrganization)
	b.ReportAllocs()
	for b.Loop() {
		for i := range events {
			x.Partition(events[i].Subscription, 16)
		}
	}
	perEvent(b, len(events))
}

func BenchmarkContentHash(b *testing.B) {
	e := &benchBatch(b, 1).Events[0]
	b.ReportAllocs()
	for b.Loop() {
		ContentHash(e)
	}
}

func BenchmarkPartition(b *testing.B) {
	e := &benchBatch(b, 1).Events[0]
	b.ReportAllocs()
	for b.Loop() {
		Partition(benchOrganization, e.Subscription, 16)
	}
}

func BenchmarkParseScaled(b *testing.B) {
	texts := [][]byte{[]byte("12"), []byte("0.0001234"), []byte("1234.567")}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := ParseScaled(texts[i%len(texts)]); !ok {
			b.Fatal("no number")
		}
		i++
	}
}

func perEvent(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
}

func BenchmarkExpression(b *testing.B) {
	var batch Batch
	err := batch.ParseLine([]byte(`{"transaction_id":"t","external_subscription_id":"s","code":"c","properties":` +
		`{"a":1234.567,"b":0.0001234,"bytes":1073741824,"region":"eu-west-1","large":123456789012345678901234567890}}`))
	if err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{
		"event.properties.a * event.properties.b",
		"round(event.properties.bytes / 1024, 2)",
		"event.properties.a / 3",
		"event.properties.large * event.properties.a",
		"concat(event.properties.region, '-', event.code)",
	} {
		b.Run(text, func(b *testing.B) {
			x, err := ParseExpression(text)
			if err != nil {
				b.Fatal(err)
			}
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				if dst, _, err = x.AppendEval(dst[:0], &batch.Events[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
