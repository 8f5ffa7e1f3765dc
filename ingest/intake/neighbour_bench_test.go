package intake

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkNeighbour measures how long the requests of one organization take, 200 a
// second of 20 events each, alone and beside another that sends batches of 100 over
// 32 connections as fast as they are answered. The log acknowledges each millisecond, so
// that no disk is measured; clients and server share the processors. Run it with
// -benchtime 1x: a run takes some seconds.
func BenchmarkNeighbour(b *testing.B) {
	for _, tt := range []struct {
		name  string
		turns int // 0 = as many as there are
		loud  int // connections
	}{
		{"alone", 0, 0},
		{"beside", 0, 32},
		{"beside 256", 0, 256},
		{"beside with 1 turn", 1, 32},
		{"beside without turns", 1 << 20, 32},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				benchmarkNeighbour(b, tt.turns, tt.loud)
			}
		})
	}
}

const neighbourTime = 1500 * time.Millisecond

func benchmarkNeighbour(b *testing.B, turns, loud int) {
	log := &tickLog{stop: make(chan struct{})}
	go log.run()
	defer close(log.stop)
	s, err := New(Options{Log: log, Partitions: 16, Auth: twoKeys{}})
	if err != nil {
		b.Fatal(err)
	}
	if turns > 0 {
		s.admission.turns.free = turns
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	defer s.Shutdown(b.Context())

	var all sync.WaitGroup
	var sent, refused atomic.Int64
	end := time.Now().Add(neighbourTime)
	for n := range loud {
		all.Go(func() {
			c := newNeighbour(b, l.Addr().String(), testKey, n, 100)
			for time.Now().Before(end) {
				if c.send(b) {
					sent.Add(100)
				} else {
					refused.Add(1)
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	var mu sync.Mutex
	var took []time.Duration
	const connections, every = 20, 100 * time.Millisecond
	for n := range connections {
		all.Go(func() {
			c := newNeighbour(b, l.Addr().String(), otherKey, 10_000+n, 20)
			first := end.Add(-neighbourTime + time.Duration(n)*every/connections)
			for next := first; next.Before(end); next = next.Add(every) {
				time.Sleep(time.Until(next))
				if !c.send(b) {
					b.Error("the quiet one is refused")
				}
				mu.Lock()
				took = append(took, time.Since(next)) // from when it should have been sent
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(sent.Load())/neighbourTime.Seconds(), "events/s-beside")
	b.ReportMetric(float64(refused.Load()), "refused")
	b.ReportMetric(0, "ns/op")
}

// tickLog acknowledges what has come, each millisecond.
type tickLog struct {
	stop chan struct{}

	mu   sync.Mutex
	done []func(int64, error)
	end  int64
}

func (l *tickLog) Append(_ int32, _, _ []byte, done func(int64, error)) {
	l.mu.Lock()
	l.done = append(l.done, done)
	l.mu.Unlock()
}

func (l *tickLog) run() {
	var answered []func(int64, error)
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(time.Millisecond):
		}
		l.mu.Lock()
		answered, l.done = l.done, answered[:0]
		l.mu.Unlock()
		for _, done := range answered {
			l.end++
			done(l.end, nil)
		}
	}
}

// neighbour is a client with one connection.
type neighbour struct {
	net.Conn
	header, body []byte
	ids          [][]byte
	prefix       int
	next         int
	buf          []byte
}

func newNeighbour(b *testing.B, address, key string, prefix, events int) *neighbour {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	c := &neighbour{Conn: conn, prefix: prefix, buf: make([]byte, 1<<20), body: []byte(`{"events":[`)}
	var at []int
	for e := range events {
		if e > 0 {
			c.body = append(c.body, ',')
		}
		at = append(at, len(c.body)+len(`{"transaction_id":"`))
		c.body = fmt.Appendf(c.body, `{"transaction_id":"%016d","external_subscription_id":"sub_%05d","code":"tokens",`+
			`"timestamp":1700000000.123,"properties":{"model":"gpt-4","region":"eu","input":1234}}`, 0, prefix*events+e)
	}
	c.body = append(c.body, "]}"...)
	for _, at := range at {
		c.ids = append(c.ids, c.body[at:at+16])
	}
	c.header = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		pathBatch, key, len(c.body))
	return c
}

// send sends one request and reports whether it was taken.
func (c *neighbour) send(b *testing.B) bool {
	for _, id := range c.ids {
		c.next++
		copy(id, fmt.Appendf(c.buf[:0], "%06d%010d", c.prefix, c.next))
	}
	if _, err := (&net.Buffers{c.header, c.body}).WriteTo(c.Conn); err != nil {
		b.Error(err)
		return false
	}
	n := 0
	for {
		m, err := c.Read(c.buf[n:])
		if n += m; err != nil {
			b.Error(err)
			return false
		}
		end := bytes.Index(c.buf[:n], []byte("\r\n\r\n"))
		length := bytes.Index(c.buf[:n], []byte("Content-Length: "))
		if end < 0 || length < 0 {
			continue
		}
		var size int
		_, _ = fmt.Sscanf(string(c.buf[length:end]), "Content-Length: %d", &size)
		if n == end+4+size {
			return bytes.HasPrefix(c.buf, []byte("HTTP/1.1 200"))
		}
	}
}
