package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"

	"weir/bench/target"
)

// answers serves one connection: it writes text in pieces of n bytes and closes.
func answers(t *testing.T, text string, n int) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w, err := dial(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for len(text) > 0 {
			piece := text[:min(n, len(text))]
			text = text[len(piece):]
			if _, err := io.WriteString(server, piece); err != nil {
				break // ours was closed first
			}
		}
		server.Close()
	}()
	w.in = make([]byte, 16) // it must grow
	return w
}

// TestWire reads several answers of one connection, however they are cut into pieces.
func TestWire(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	text := "HTTP/1.1 200 OK\r\nWeir-Log-Position: 3:7,0:9\r\ncontent-length: 100\r\n\r\n" + long +
		"HTTP/1.1 429 Too Many Requests\r\nContent-Length:0\r\nretry-after: 1\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nWEIR-LOG-POSITION: 1:2\r\n\r\n3\r\nabc\r\n64\r\n" + long + "\r\n0\r\n\r\n" +
		"HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 2\r\n\r\n{}"
	want := []string{"200 3:7,0:9 " + long, "429  ", "200 1:2 abc" + long, "422  {}"}
	for n := 1; n <= len(text); n += 1 + n/7 {
		w := answers(t, text, n)
		for i := range want {
			a, err := w.read()
			got := fmt.Sprintf("%d %s %s", a.status, a.positions, a.body)
			if err != nil || got != want[i] || a.later != (a.status == http.StatusTooManyRequests) {
				t.Fatalf("in pieces of %d, answer %d is %q, %v; want %q", n, i, got, err, want[i])
			}
		}
		if _, err := w.read(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last answer: %v", err)
		}
	}
}

func TestWireRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"HTTP/1.0 200 OK\r\n\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("a", answerHeadMax+2),
		"",
	} {
		if a, err := answers(t, text, 1000).read(); err == nil {
			t.Errorf("%.60q was taken: %+v", text, a)
		}
	}
}

func TestAddPositions(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "3:7", "3:5, 0:9", "3:8", "3", "x:1", "3:", "1:2:3"} {
		got, want := target.Positions{3: 6}, target.Positions{3: 6}
		err, wantErr := addPositions(got, []byte(header)), want.Add(header)
		if (err == nil) != (wantErr == nil) || err == nil && !maps.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v, %v", header, got, err, want, wantErr)
		}
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"http://127.0.0.1:3000": "127.0.0.1:3000", "http://h": "h:80", "https://h": "", "::": ""} {
		if got, err := addressOf(raw); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", raw, got, err, want)
		}
	}
}

func TestAllRepeats(t *testing.T) {
	t.Parallel()
	const repeat = `{"transaction_id":["value_already_exist"]}`
	for _, c := range []struct {
		body   string
		events int
		want   bool
	}{
		{`{"error_details":` + repeat + `}`, 1, true},
		{`{"error_details":{"0":` + repeat + `,"1":` + repeat + `}}`, 2, true},
		{`{"error_details":{"0":` + repeat + `}}`, 2, false}, // the other one was not written
		{`{"error_details":{"transaction_id":["value_already_exist_with_other_content"]}}`, 1, false},
		{`{"error_details":{"code":["value_is_mandatory"]}}`, 1, false},
	} {
		if got := allRepeats([]byte(c.body), c.events); got != c.want {
			t.Errorf("%s of %d events: %v, want %v", c.body, c.events, got, c.want)
		}
	}
}

func TestCheckBulk(t *testing.T) {
	t.Parallel()
	for body, good := range map[string]bool{
		`{"accepted":3,"duplicates":2,"refused_count":0}`: true,
		`{}`: true, // as short as was asked for
		``:   true,
		`{"accepted":4,"duplicates":0,"refused_count":0}`:               false, // one line is missing
		`{"accepted":4,"duplicates":0,"refused_count":1}`:               false,
		`{"accepted":4,"duplicates":0,"conflicts":1,"refused_count":1}`: false,
		`{"refused_count":1}`: false,
		`accepted`:            false,
	} {
		if err := checkBulk([]byte(body), 5); (err == nil) != good {
			t.Errorf("%s: error is %v", body, err)
		}
	}
}
