package intake

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
)

// pipelined is how many requests a client sends before it reads an answer.
const pipelined = 16

// Requests that come together are answered in their order, a refused one among them.
func TestPipelined(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	c := h.dial()
	var text strings.Builder
	var want []string
	for n := range pipelined {
		body := single(event(fmt.Sprintf("%02d", n), "s"))
		if n == 7 {
			body = "bad"
		} else {
			want = append(want, fmt.Sprintf("%02d", n))
		}
		text.WriteString(head("POST", pathEvent, len(body)) + body)
	}
	if _, err := c.Write([]byte(text.String())); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for n := range pipelined {
		a := readAnswer(t, r)
		if n == 7 {
			a.want(t, 400, `{"status":400,…`)
			continue
		}
		a.want(t, 200, `{"event":…`)
		if id := fmt.Sprintf(`"transaction_id":"%02d"`, n); !strings.Contains(a.body, id) {
			t.Errorf("answer %d is %s", n, a.body)
		}
	}
	h.wantIDs(want...)
}

// BenchmarkSingle sends one event a request to a log that acknowledges at once, over
// one connection, one by one and 16 at a time.
func BenchmarkSingle(b *testing.B) {
	for _, n := range []int{1, pipelined} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkSingle(b, n) })
	}
}

func benchmarkSingle(b *testing.B, requests int) {
	c := newCore(b, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = c.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	header := head("POST", pathBatch, len(c.body), "Content-Type: application/json\r\n")
	var text []byte
	buf := make([]byte, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		text = text[:0]
		for range requests {
			c.next++
			copy(c.ids[0], fmt.Appendf(buf[:0], "%016d", c.next))
			text = append(append(text, header...), c.body...)
		}
		if _, err := conn.Write(text); err != nil {
			b.Fatal(err)
		}
		for n := 0; bytes.Count(buf[:n], []byte("HTTP/1.1 200 OK")) < requests || !bytes.HasSuffix(buf[:n], []byte("}]}")); {
			m, err := conn.Read(buf[n:])
			if n += m; err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*requests), "ns/event")
}
