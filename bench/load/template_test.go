package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/bench/report"
)

// TestBodies: requests are HTTP with as much JSON as their head says, ids are unique, and the
// cells are what the bodies say.
func TestBodies(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{report.ModeSingle, report.ModeBatch, report.ModeNDJSON} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			batch := 50
			if mode == report.ModeSingle {
				batch = 1
			}
			names := []string{"one-name-a", "one-name-b", "one-name-c"}
			b := newBody(&report.Shape{Mode: mode, Batch: batch}, "POST "+eventsPath(mode)+" HTTP/1.1\r\nHost: h\r\nContent-Type: "+contentType(mode)+"\r\n", "run-0-", names[0])
			g := newGenerator(tailsOf(names), newPopularity(3, 1.3), seed)
			acked, want := newTally(3), newTally(3)
			books := &ledger{acked: acked, positions: map[int32]int64{}}
			ids := map[string]bool{}
			for range 20 {
				g.fill(b, time.Unix(1700000000, 7_000_000))
				if err := books.add(b, nil); err != nil {
					t.Fatal(err)
				}
				for _, e := range sentBy(t, b.bytes) {
					if ids[e.TransactionID] || e.Timestamp != "1700000000.007" || e.Code != metricCode {
						t.Errorf("event is %+v", e)
					}
					ids[e.TransactionID] = true
					cell := slices.Index(combinations[:], combine(e.Properties.Model, e.Properties.Region))
					whole, fraction, _ := strings.Cut(e.Properties.Units.String(), ".")
					var n int64
					for _, digit := range whole + fraction {
						n = 10*n + int64(digit-'0')
					}
					want.of(slices.Index(names, e.Subscription))[cell].add(Cell{1, n})
				}
			}
			if !slices.Equal(acked, want) {
				t.Errorf("cells are %v, bodies say %v", acked, want)
			}
			if events, _ := acked.total(); events != int64(20*batch) || len(ids) != 20*batch {
				t.Errorf("%d events of %d ids, want %d", events, len(ids), 20*batch)
			}
		})
	}
}

// sentBy reads a request as a server does.
func sentBy(t *testing.T, request []byte) []sentEvent {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !bytes.HasSuffix(request, body) {
		t.Fatalf("body is %q, %v", body, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !json.Valid(body) && r.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("no JSON: %s", body)
	}
	return (&standIn{t: t}).read(r)
}

// TestPopularity: the table gives every number the share that its weight is of all.
func TestPopularity(t *testing.T) {
	t.Parallel()
	for _, exponent := range []float64{0, 1.1, 2} {
		const n = 1000
		p := newPopularity(n, exponent)
		shares := make([]float64, n)
		for k, s := range p {
			keep := float64(s.keep) / (1 << 32)
			shares[k] += keep / n
			shares[s.other] += (1 - keep) / n
		}
		sum := 0.0
		for k := range n {
			sum += math.Pow(float64(k+1), -exponent)
		}
		for k, share := range shares {
			if want := math.Pow(float64(k+1), -exponent) / sum; math.Abs(share-want) > 1e-9 {
				t.Errorf("exponent %g: number %d has %g of all, want %g", exponent, k, share, want)
			}
		}
		if first := p.draw(0); first != 0 { // the lowest bits keep the first number
			t.Errorf("exponent %g: 0 draws %d", exponent, first)
		}
	}
}

func TestSerial(t *testing.T) {
	t.Parallel()
	g := newGenerator(make([][nameTail]byte, 1), newPopularity(1, 0), 1)
	for range 1000 {
		g.count()
	}
	if got := string(g.serial[:]); got != "000001000" {
		t.Errorf("after 1,000 it is %s", got)
	}
}

// BenchmarkFill is what the generator takes for an event, but for the sending.
func BenchmarkFill(b *testing.B) {
	names := make([]string, 20_000)
	for i := range names {
		names[i] = fmt.Sprintf("load-0123456789-%06d", i)
	}
	body := newBody(&report.Shape{Mode: report.ModeBatch, Batch: 100}, "", "0123456789-12-", names[0])
	g := newGenerator(tailsOf(names), newPopularity(len(names), 1.1), 1)
	books := &ledger{acked: newTally(len(names)), positions: map[int32]int64{}}
	header := []byte("0:123,1:124,2:125,3:126,4:127,5:128,6:129,7:130")
	b.ReportAllocs()
	for range b.N {
		g.fill(body, time.Now())
		if err := books.add(body, header); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/event")
}
