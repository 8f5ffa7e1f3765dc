package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAppendRecords: the three forms of a body give the same records.
func TestAppendRecords(t *testing.T) {
	t.Parallel()
	event := `{"transaction_id":"t1","external_subscription_id":"s1","code":"c","timestamp":1700000000.250,"properties":{"units":12.345,"model":"m","region":"r"}}`
	one, err := appendRecords(nil, []byte(`{"event":`+event+`}`))
	// An id, two integers, a length and a key of "s1", "c", "m" and "r" with their zeros.
	if want := 16 + 8 + 8 + 1 + (3 + 2 + 2 + 2); err != nil || len(one) != want {
		t.Fatalf("%d bytes, %v, want %d", len(one), err, want)
	}
	if key := string(one[keyAt:]); key != "s1\x00c\x00m\x00r\x00" || one[keyLengthAt] != 9 {
		t.Errorf("key is %q", key)
	}
	for _, body := range []string{`{"events":[` + event + `,` + event + `]}`, event + "\n" + event + "\n", event + "\n" + event} {
		if two, err := appendRecords(nil, []byte(body)); err != nil || string(two) != string(one)+string(one) {
			t.Errorf("%s: %d bytes, %v, want twice one", body, len(two), err)
		}
	}
	for _, body := range []string{event + "x", event[:40], strings.Replace(event, "12.345", "1e3", 1), strings.Replace(event, "12.345", `"12"`, 1)} {
		if _, err := appendRecords(nil, []byte(body)); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"7,": 7_000_000, "12.345}": 12_345_000, "0.000001,": 1, "1700000000.250,": 1_700_000_000_250_000} {
		s := scanner{[]byte(text)}
		if n, ok := s.number(); !ok || n != want || len(s.rest) != 1 {
			t.Errorf("%s is %d, %t, want %d", text, n, ok, want)
		}
	}
	for _, text := range []string{",", ".,", "-1,", "0.0000001,", "1234567890123,", "1"} {
		s := scanner{[]byte(text)}
		if n, ok := s.number(); ok {
			t.Errorf("%s is taken as %d", text, n)
		}
	}
}

// TestIDs adds numbers and adds them again, through many growths.
func TestIDs(t *testing.T) {
	t.Parallel()
	var s ids
	for _, isNew := range []bool{true, false} {
		for n := range 50_000 {
			// Two low bytes choose the shard and the slot: neighbours collide.
			if x := (id{byte(n), byte(n >> 8), 15: 1}); s.add(x) != isNew {
				t.Fatalf("%d is new: %t, want %t", n, !isNew, isNew)
			}
		}
	}
}

// TestSum: a sum passes 64 bits and stays exact.
func TestSum(t *testing.T) {
	t.Parallel()
	c, err := newCounter(filepath.Join(t.TempDir(), "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.file.Close()
	for n := range 3 {
		e := fields{transaction: []byte{byte(n)}, subscription: []byte("s"), value: math.MaxInt64}
		c.count(appendRecord(nil, &e, 5))
	}
	// 3 × (2^63 − 1) = 27670116110564327421
	if got := c.sum().json(); got != `{"events":3,"repeats":0,"counters":1,"millionths":"27670116110564327421"}` {
		t.Error(got)
	}
}

// TestServe sends events and one of them again; what is answered is counted, and in the log.
func TestServe(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, dir, address) }()
	for {
		if res, err := http.Get("http://" + address + "/readyz"); err == nil {
			res.Body.Close()
			break
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{1, 2, 3, 2} {
		body := fmt.Sprintf(`{"event":{"transaction_id":"%d","external_subscription_id":"s","code":"c","timestamp":1,"properties":{"units":%d.5}}}`, n, n)
		res, err := http.Post("http://"+address+"/api/v1/events", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(res.Body); err != nil || string(answer) != "{}" {
			t.Errorf("answer is %s, %v", answer, err)
		}
		res.Body.Close()
	}
	res, err := http.Get("http://" + address + "/totals")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	// 1.5 + 2.5 + 3.5 = 7.5
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != `{"events":3,"repeats":1,"counters":1,"millionths":"7500000"}` {
		t.Errorf("totals are %s, %v", got, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// Four groups of a record with the key "s", "c", "", "": 33 bytes and 6.
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || len(log) != 4*(groupHead+39) {
		t.Errorf("log has %d bytes, %v, want 188", len(log), err)
	}
	// A checkpoint has its head of 8 bytes, 3 ids and the counter; there may be more than one.
	if bytes, err := os.ReadFile(filepath.Join(dir, "checkpoints")); err != nil || len(bytes) < 8+3*idBytes+1+6+24 {
		t.Errorf("checkpoints have %d bytes, %v", len(bytes), err)
	}
}
