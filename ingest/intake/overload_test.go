package intake

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
)

// slowLog writes so many bytes a second, one record after the other, and remembers
// how many waited at most.
type slowLog struct {
	perSecond int

	mu      sync.Mutex
	bytes   int // that wait
	most    int // that waited at a time
	all     int
	appends chan slowAppend
}

type slowAppend struct {
	bytes int
	done  func(int64, error)
}

// newSlowLog returns a log that runs until stop is called.
func newSlowLog(perSecond int) (l *slowLog, stop func()) {
	l = &slowLog{perSecond: perSecond, appends: make(chan slowAppend, 1_000_000)}
	go l.run()
	return l, func() { close(l.appends) }
}

func (l *slowLog) run() {
	free := time.Now() // when the disk has done all that was written
	for a := range l.appends {
		free = later(free, time.Now()).Add(time.Duration(a.bytes) * time.Second / time.Duration(l.perSecond))
		time.Sleep(time.Until(free))
		l.mu.Lock()
		l.bytes -= a.bytes
		l.mu.Unlock()
		a.done(0, nil)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (l *slowLog) Append(_ int32, value, _ []byte, done func(int64, error)) {
	l.mu.Lock()
	l.bytes += len(value)
	l.most = max(l.most, l.bytes)
	l.all += len(value)
	l.mu.Unlock()
	l.appends <- slowAppend{len(value), done}
}

// outcomes are what the requests of one client got, in the order of their answers.
type outcomes struct {
	mu      sync.Mutex
	taken   []time.Duration // how long each took that was taken
	late    []time.Duration // the same of those that came after the first second
	refused int
	faults  []string
}

// overload is a server in a bubble, whose clock stands still while it works: its log
// alone takes time.
type overload struct {
	*Server
	begun   time.Time
	clients sync.WaitGroup
}

const overloadEvents = 100 // of a request

// send sends a request every so often for two seconds, whatever becomes of those before.
func (o *overload) send(key string, every time.Duration, out *outcomes) {
	o.clients.Go(func() {
		for n := 0; time.Since(o.begun) < 2*time.Second; n++ {
			o.clients.Go(func() { o.request(key, fmt.Sprintf("%s-%d", key, n), out) })
			time.Sleep(every)
		}
	})
}

func (o *overload) request(key, id string, out *outcomes) {
	var text bytes.Buffer
	for n := range overloadEvents {
		fmt.Fprintf(&text, `{"transaction_id":"%s-%d","external_subscription_id":"s%d","code":"requests","timestamp":1700000000,`+
			`"properties":{"a":"%0100d"}}`+"\n", id, n, n%7, n)
	}
	length := text.Len()
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	request := &ctx.Request
	request.SetRequestURI("http://x" + pathBatch)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.SetContentType("application/x-ndjson")
	request.SetBodyStream(&text, length)
	started := time.Now()
	o.handle(&ctx)

	out.mu.Lock()
	defer out.mu.Unlock()
	switch status := ctx.Response.StatusCode(); {
	case status == fasthttp.StatusOK:
		out.taken = append(out.taken, time.Since(started))
		if started.Sub(o.begun) > time.Second {
			out.late = append(out.late, time.Since(started))
		}
	case status != fasthttp.StatusTooManyRequests || len(ctx.Response.Header.Peek("Retry-After")) == 0:
		out.faults = append(out.faults, ctx.Response.String())
	case text.Len() != length:
		out.faults = append(out.faults, fmt.Sprintf("refused after its body was read: %s", ctx.Response.Body()))
	default:
		out.refused++
	}
}

// One organization sends five times what the log takes, another a tenth. The log is
// kept busy, what waits for it is bounded, who is refused is refused at once, and the
// other organization hardly notices.
func TestOverload(t *testing.T) {
	t.Parallel()
	_ = new(fasthttp.Response).String() // starts what must not start in the bubble, the clock of dates
	synctest.Test(t, func(t *testing.T) {
		// A request is about 16 KB in the log. At 40 MB/s that is 2,500 requests a second.
		const perSecond, recordBytes = 40e6, 16_000
		log, stop := newSlowLog(perSecond)
		defer stop()
		server, err := New(Options{Log: log, Partitions: 4, Auth: twoKeys{}})
		if err != nil {
			t.Fatal(err)
		}
		o := &overload{Server: server, begun: time.Now()}
		var loud, quiet outcomes
		const capacity = time.Second * recordBytes / perSecond // of one request
		o.send(testKey, capacity/5, &loud)
		o.send(otherKey, 10*capacity, &quiet)
		o.clients.Wait()

		if faults := append(loud.faults, quiet.faults...); len(faults) > 0 {
			t.Fatalf("%d faults: %s", len(faults), faults[0])
		}
		t.Logf("loud: %d taken, %d refused, at most %v, later %v; quiet: %d taken, at most %v; log: at most %d bytes",
			len(loud.taken), loud.refused, slices.Max(loud.taken), slices.Max(loud.late), len(quiet.taken), slices.Max(quiet.taken), log.most)
		if log.all < 2*perSecond*9/10 {
			t.Errorf("%d bytes are written in two seconds, want nearly %d", log.all, int(2*perSecond))
		}
		if loud.refused < 3*len(loud.taken) {
			t.Errorf("%d requests are taken and %d refused of five times what the log takes", len(loud.taken), loud.refused)
		}
		// 50 ms in the log for each of the two at most, and in line 20 ms. At first it is 100,
		// by a pace that is up to twice too fast: that of a log whose queue still grows.
		if worst := slices.Max(loud.taken); worst > 2*drainSpan+2*patience {
			t.Errorf("a request takes %v", worst)
		}
		if worst := slices.Max(loud.late); worst > 2*drainSpan+patienceStanding+10*time.Millisecond {
			t.Errorf("after a second of overload a request takes %v", worst)
		}
		if worst := slices.Max(quiet.taken); quiet.refused > 0 || worst > 2*drainSpan {
			t.Errorf("of the other organization %d are refused, and one takes %v", quiet.refused, worst)
		}
		if most := int(2 * drainSpan * perSecond / time.Second); log.most > most*12/10 {
			t.Errorf("%d bytes wait in the log, want at most about %d", log.most, most)
		}
		if len(server.admission.accounts) != 0 || server.admission.bytesInFlight() != 0 {
			t.Error("something is left behind")
		}
	})
}
