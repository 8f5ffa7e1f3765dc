package intake

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/ingest"
)

// Instants are printed as the standard library prints them, from day to day and back.
func TestInstants(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var d day
	check := func(instant int64) {
		t.Helper()
		at := time.Unix(0, instant).UTC()
		if got, want := string(d.appendMillis(nil, instant)), at.Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Errorf("%d is printed as %s, want %s", instant, got, want)
		}
		if got, want := string(d.appendSeconds([]byte("kept"), instant)), at.Format("kept2006-01-02T15:04:05Z"); got != want {
			t.Errorf("%d is printed as %s, want %s", instant, got, want)
		}
	}
	for _, instant := range []int64{
		ingest.TimestampMin, 999_999, nanosecondsPerDay - 1, nanosecondsPerDay, ingest.TimestampMax - 1,
	} {
		check(instant)
	}
	for range 10_000 {
		instant := r.Int64N(ingest.TimestampMax)
		check(instant)
		check(min(instant+r.Int64N(nanosecondsPerDay), ingest.TimestampMax-1))
	}
}

func TestAppendUUID(t *testing.T) {
	t.Parallel()
	for range 100 {
		id := uuid.New()
		if got := string(appendUUID([]byte("kept"), &id)); got != "kept"+id.String() {
			t.Errorf("%s is printed as %s", id, got)
		}
	}
}
