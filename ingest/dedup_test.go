package ingest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// idOf returns an ID for a number. Numbers that agree in their lower 3 bits
// have the same tag, so that the table's probes meet equal tags.
func idOf(n int) ID {
	var id ID
	binary.LittleEndian.PutUint64(id[:8], uint64(n))
	binary.LittleEndian.PutUint32(id[8:], uint32(n&7)*0x9e3779b9)
	return id
}

func sightingsOf(numbers ...int) []Sighting {
	s := make([]Sighting, len(numbers))
	for i, n := range numbers {
		s[i] = Sighting{Key: idOf(n), Content: 1, Timestamp: 1}
	}
	return s
}

func verdicts(s []Sighting) []Verdict {
	v := make([]Verdict, len(s))
	for i := range s {
		v[i] = s[i].Verdict
	}
	return v
}

func newWindow(t testing.TB, ids int) *Window {
	t.Helper()
	w, err := NewWindow(ids)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// claim claims and fails the test if it would have to wait.
func claim(t testing.TB, w *Window, c *Claim, s []Sighting) []Verdict {
	t.Helper()
	if w.Claim(c, s) != nil {
		t.Fatal("Claim waits, and nothing is pending")
	}
	return verdicts(s)
}

func TestWindowVerdicts(t *testing.T) {
	t.Parallel()
	first := Sighting{Key: idOf(1), Content: 1, Timestamp: 10}
	filled := Sighting{Key: idOf(1), Content: 1, Timestamp: 10, Filled: true}
	for _, tt := range []struct {
		name          string
		first, second Sighting
		want          Verdict
	}{
		{"same", first, first, Repeat},
		{"other content", first, Sighting{Key: idOf(1), Content: 2, Timestamp: 10}, Conflict},
		{"other time", first, Sighting{Key: idOf(1), Content: 1, Timestamp: 11}, Conflict},
		{"other time, second filled", first, Sighting{Key: idOf(1), Content: 1, Timestamp: 11, Filled: true}, Repeat},
		{"other time, first filled", filled, Sighting{Key: idOf(1), Content: 1, Timestamp: 11}, Repeat},
		{"other content, filled", filled, Sighting{Key: idOf(1), Content: 2, Timestamp: 10, Filled: true}, Conflict},
		{"other id", first, Sighting{Key: idOf(9), Content: 1, Timestamp: 10}, Fresh},
	} {
		t.Run(tt.name+", in one request", func(t *testing.T) {
			t.Parallel()
			var c Claim
			got := claim(t, newWindow(t, 8), &c, []Sighting{tt.first, tt.second})
			if want := []Verdict{Fresh, tt.want}; !slices.Equal(got, want) {
				t.Errorf("verdicts are %v, want %v", got, want)
			}
		})
		t.Run(tt.name+", one after the other", func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, 8)
			var c Claim
			claim(t, w, &c, []Sighting{tt.first})
			w.Written(&c)
			if got := claim(t, w, &c, []Sighting{tt.second})[0]; got != tt.want {
				t.Errorf("verdict is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWindowForgetsFailures(t *testing.T) {
	t.Parallel()
	w := newWindow(t, 8)
	var c Claim
	claim(t, w, &c, sightingsOf(1, 2))
	w.Failed(&c)
	if got, want := claim(t, w, &c, sightingsOf(1, 2)), []Verdict{Fresh, Fresh}; !slices.Equal(got, want) {
		t.Errorf("verdicts after a failure are %v, want %v", got, want)
	}
	w.Written(&c)
	if w.IDs() != 2 || w.Pending() != 0 {
		t.Errorf("%d remembered, %d pending, want 2 and 0", w.IDs(), w.Pending())
	}
}

func TestWindowForgetsTheOldest(t *testing.T) {
	t.Parallel()
	w := newWindow(t, 3)
	var c Claim
	for n := 1; n <= 5; n++ {
		claim(t, w, &c, sightingsOf(n))
		w.Written(&c)
	}
	got := claim(t, w, &c, sightingsOf(1, 2, 3, 4, 5))
	if want := []Verdict{Fresh, Fresh, Repeat, Repeat, Repeat}; !slices.Equal(got, want) {
		t.Errorf("verdicts are %v, want %v", got, want)
	}
}

// A request larger than the window: two equal ids in it are still found.
func TestWindowSmallerThanARequest(t *testing.T) {
	t.Parallel()
	w := newWindow(t, 1)
	var c Claim
	got := claim(t, w, &c, sightingsOf(1, 2, 3, 4, 5, 1))
	if want := []Verdict{Fresh, Fresh, Fresh, Fresh, Fresh, Repeat}; !slices.Equal(got, want) {
		t.Errorf("verdicts are %v, want %v", got, want)
	}
	w.Written(&c)
	got = claim(t, w, &c, sightingsOf(4, 5))
	if want := []Verdict{Fresh, Repeat}; !slices.Equal(got, want) {
		t.Errorf("verdicts after are %v, want %v", got, want)
	}
}

func TestWindowWaitsForAPendingID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*Window, *Claim)
		want []Verdict
	}{
		{"written", (*Window).Written, []Verdict{Fresh, Repeat}},
		{"failed", (*Window).Failed, []Verdict{Fresh, Fresh}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, 8)
			var first, second Claim
			claim(t, w, &first, sightingsOf(1))
			wait := w.Claim(&second, sightingsOf(2, 1))
			if wait == nil {
				t.Fatal("Claim does not wait for a pending id")
			}
			if second.Open() || w.Pending() != 1 {
				t.Fatalf("a claim that waits holds something: open %v, %d pending", second.Open(), w.Pending())
			}
			select {
			case <-wait:
				t.Fatal("the wait is over before the write")
			default:
			}
			tt.end(w, &first)
			<-wait
			if got := claim(t, w, &second, sightingsOf(2, 1)); !slices.Equal(got, tt.want) {
				t.Errorf("verdicts are %v, want %v", got, tt.want)
			}
		})
	}
}

// Requests whose ids cross, {1,2} beside {2,1}, all fail half of the time and
// are tried again: nobody waits for ever, and each id is written exactly once.
func TestWindowCrossedRequests(t *testing.T) {
	t.Parallel()
	const (
		requests = 16
		ids      = 64
	)
	w := newWindow(t, ids)
	var written [ids]atomic.Int32
	var all sync.WaitGroup
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for r := range requests {
		all.Add(1)
		go func() {
			defer all.Done()
			rng := rand.New(rand.NewPCG(seed, uint64(r)))
			numbers := rng.Perm(ids)
			for {
				var c Claim
				s := sightingsOf(numbers...)
				for wait := w.Claim(&c, s); wait != nil; wait = w.Claim(&c, s) {
					<-wait
				}
				if rng.IntN(2) == 0 {
					w.Failed(&c)
					continue
				}
				for i := range s {
					if s[i].Verdict == Fresh {
						written[numbers[i]].Add(1)
					}
				}
				w.Written(&c)
				return
			}
		}()
	}
	finished := make(chan struct{})
	go func() { all.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(30 * time.Second):
		t.Fatal("requests wait for each other")
	}
	for n := range written {
		if got := written[n].Load(); got != 1 {
			t.Errorf("id %d was written %d times, want 1", n, got)
		}
	}
}

// Against a slice of remembered ids and a map: any sequence of claims, writes
// and failures gives the same verdicts.
func TestWindowModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		idsMax := 1 + rng.IntN(40)
		w := newWindow(t, idsMax)
		if rng.IntN(2) == 0 { // the numbers of the ids begin again soon
			w.table.next = uint32(refNumber) - rng.Uint32N(200)
		}
		var model []Sighting // remembered, oldest first
		for range 200 {
			s := make([]Sighting, 1+rng.IntN(20))
			var fresh []Sighting
			want := make([]Verdict, len(s))
			for i := range s {
				s[i] = Sighting{Key: idOf(rng.IntN(60)), Content: uint32(rng.IntN(2)), Timestamp: 1}
				same := func(o Sighting) bool { return o.Key == s[i].Key }
				known := slices.IndexFunc(model, same)
				switch pending := slices.IndexFunc(fresh, same); {
				case known < 0 && pending < 0:
					fresh = append(fresh, s[i])
				case known >= 0 && model[known].Content != s[i].Content,
					pending >= 0 && fresh[pending].Content != s[i].Content:
					want[i] = Conflict
				default:
					want[i] = Repeat
				}
			}
			var c Claim
			if got := claim(t, w, &c, s); !slices.Equal(got, want) {
				t.Fatalf("verdicts are %v, want %v", got, want)
			}
			if rng.IntN(3) == 0 {
				w.Failed(&c)
				continue
			}
			w.Written(&c)
			model = append(model, fresh...)
			model = model[max(0, len(model)-idsMax):]
			if w.IDs() != len(model) {
				t.Fatalf("%d ids remembered, want %d", w.IDs(), len(model))
			}
		}
	}
}

// Many more ids are pending than a window was sized for, in claims that end in any
// order, written or not: its table grows, and what is remembered is as it must be. No tag
// is used twice, or a few are used by all.
func TestWindowGrows(t *testing.T) {
	t.Parallel()
	for name, idOf := range map[string]func(n int) ID{
		"equal tags": idOf,
		"other tags": func(n int) ID {
			id := idOf(n)
			binary.LittleEndian.PutUint32(id[8:], uint32(n)*0x9e3779b9)
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const claims, each, idsMax = 60, 50, 1000
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			w := newWindow(t, idsMax)
			lines := len(w.table.lines)
			var open [claims]Claim
			sightings := func(n int) []Sighting {
				s := make([]Sighting, each)
				for i := range s {
					s[i] = Sighting{Key: idOf(n*each + i), Content: 1, Timestamp: 1}
				}
				return s
			}
			for n := range open {
				if slices.Contains(claim(t, w, &open[n], sightings(n)), Repeat) {
					t.Fatal("an id is a repeat, and none was before")
				}
			}
			if w.Pending() != claims*each || len(w.table.lines) <= lines {
				t.Fatalf("%d ids pending in %d lines, %d before", w.Pending(), len(w.table.lines), lines)
			}
			var written []int
			for _, n := range rng.Perm(claims) {
				if rng.IntN(3) == 0 {
					w.Failed(&open[n])
					continue
				}
				w.Written(&open[n])
				written = append(written, n)
			}
			remembered := written[max(0, len(written)-idsMax/each):]
			for n := range open {
				var c Claim
				want := Fresh
				if slices.Contains(remembered, n) {
					want = Repeat
				}
				for i, got := range claim(t, w, &c, sightings(n)) {
					if got != want {
						t.Fatalf("id %d of claim %d: %v, want %v", i, n, got, want)
					}
				}
				w.Failed(&c)
			}
			for i := range w.table.lines {
				if line := &w.table.lines[i]; line.pending != 0 {
					t.Fatalf("%d ids pending beyond line %d, and none is pending", line.pending, i)
				}
			}
		})
	}
}

func TestNewWindowRefuses(t *testing.T) {
	t.Parallel()
	for _, ids := range []int{-1, WindowIDsMax + 1} {
		if _, err := NewWindow(ids); err == nil {
			t.Errorf("NewWindow(%d) takes it", ids)
		}
	}
}

// renew gives the sightings ids that were never there, all bits as in a hash.
func renew(rng *rand.Rand, s []Sighting) {
	for i := range s {
		binary.LittleEndian.PutUint64(s[i].Key[:8], rng.Uint64())
		binary.LittleEndian.PutUint64(s[i].Key[8:], rng.Uint64())
	}
}

func TestWindowDoesNotAllocate(t *testing.T) {
	w := newWindow(t, 1000)
	rng := rand.New(rand.NewPCG(1, 1))
	s := make([]Sighting, 100)
	var c Claim
	round := func() {
		renew(rng, s)
		if w.Claim(&c, s) != nil {
			t.Fatal("waits")
		}
		w.Written(&c)
	}
	for range 50 { // fills the window and its lists
		round()
	}
	if got := testing.AllocsPerRun(100, round); got != 0 {
		t.Errorf("%v allocations for a request, want none", got)
	}
}

// BenchmarkWindow claims and remembers ids in a full window: each new one
// pushes out another.
func BenchmarkWindow(b *testing.B) {
	w := newWindow(b, WindowIDsDefault)
	rng := rand.New(rand.NewPCG(1, 1))
	s := make([]Sighting, 128)
	var c Claim
	for w.IDs() < WindowIDsDefault {
		renew(rng, s)
		w.Claim(&c, s)
		w.Written(&c)
	}
	b.ReportAllocs()
	for b.Loop() {
		renew(rng, s)
		w.Claim(&c, s)
		w.Written(&c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s)), "ns/id")
}

// BenchmarkWindowParallel is BenchmarkWindow by many requests at a time.
func BenchmarkWindowParallel(b *testing.B) {
	w := newWindow(b, WindowIDsDefault)
	const ids = 128
	var seeds atomic.Uint64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		rng := rand.New(rand.NewPCG(1, seeds.Add(1)))
		s := make([]Sighting, ids)
		var c Claim
		for pb.Next() {
			renew(rng, s)
			w.Claim(&c, s)
			w.Written(&c)
		}
	})
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*ids), "ns/id")
}
