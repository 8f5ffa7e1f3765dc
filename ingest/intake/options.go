package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"weir/ingest"
	"weir/ingest/ratelimit"
)

// ErrUnauthorized is what an Authenticator answers for a key that is unknown,
// revoked or expired; test with errors.Is. Every other error means that the
// authority could not be asked.
var ErrUnauthorized = errors.New("API key is not valid")

// Log is where events go: the write side of eventlog.Log, whose contract holds.
type Log interface {
	Append(partition int32, value, note []byte, done func(offset int64, err error))
}

// Authenticator says whose key it is. It is asked at most once every few
// seconds for one key, by one request for all that wait; ctx has a deadline.
type Authenticator interface {
	Authenticate(ctx context.Context, key string) (organization uuid.UUID, err error)
}

// Clock says what time it is for an organization: its test clock in a sandbox.
type Clock interface {
	Now(ctx context.Context, organization uuid.UUID) (time.Time, error)
}

// Limits of the server itself; those of events and bodies stand in package ingest.
const (
	// BytesInFlightMaxDefault bounds the bodies, as sent and decompressed, and the
	// working memory of all requests together.
	BytesInFlightMaxDefault = 256 << 20
	// ConnectionsMaxDefault bounds open connections, each with a goroutine and
	// buffers of about 20 KiB.
	ConnectionsMaxDefault = 4096
	// BulkLinesMax is how many lines one NDJSON body may have.
	BulkLinesMax = 1_000_000
	// BulkRefusedMax is how many refused lines a bulk answer lists; all are counted.
	BulkRefusedMax = 100
	// WriteTimeout is how long a client may take to read its answer.
	WriteTimeout = 30 * time.Second
	// IdleTimeout is how long a connection may stay open between requests.
	IdleTimeout = 75 * time.Second
	// LookupTimeout bounds one question to the Authenticator or the Clock.
	LookupTimeout = 2 * time.Second
	// PartitionsMax bounds Options.Partitions.
	PartitionsMax = 1 << 14
)

// Options say what a Server is made of. Log, Partitions and Auth are required.
type Options struct {
	Log        Log
	Partitions int32 // of the log, 1..PartitionsMax
	Auth       Authenticator

	// Sandbox makes events without a timestamp take Clock's time, not the system's.
	Sandbox bool
	Clock   Clock // required in a sandbox; asked at most once for a request

	// Expressions returns the expression of the organization's metric with the code, by
	// the catalog in force, nil if it has none: an event that it has no value for is
	// refused. It is asked for every event, by many goroutines: it must be cheap and must
	// not block. code is valid until it returns. nil = no metric has one.
	Expressions func(organization uuid.UUID, code []byte) *ingest.Expression

	// Fallback answers every request that is not the writing of events: the rest of
	// the API. It finds the whole body in memory, at most ingest.BodyBytesMax. With
	// none, other routes are 404 and other methods on ours 405.
	Fallback fasthttp.RequestHandler

	BatchEventsMax   int // events of one JSON batch; 0 = ingest.BatchEventsMaxDefault
	WindowIDs        int // ids remembered to answer repeats; 0 = ingest.WindowIDsDefault
	BytesInFlightMax int // 0 = BytesInFlightMaxDefault; at least what one largest body needs
	ConnectionsMax   int // 0 = ConnectionsMaxDefault
	ConnectionsPerIP int // 0 = no limit

	// Requests and Events limit what each organization may send in a second; nil = no
	// limit. A limiter may be shared with others that take the organization's requests.
	Requests *ratelimit.Limiter
	Events   *ratelimit.Limiter

	Logger     *slog.Logger          // nil = discard
	Registerer prometheus.Registerer // nil = metrics are kept but not registered
}

// bodyBytesInFlightMin is what the largest single request needs besides the events of one
// batch: its body as sent, and the same decompressed. One organization may not take all.
const bodyBytesInFlightMin = ingest.BodyBytesMax + ingest.BodyInflatedBytesMax

// withDefaults returns the options with every zero setting replaced by its default.
func (o Options) withDefaults() Options {
	defaultTo(&o.BatchEventsMax, ingest.BatchEventsMaxDefault)
	defaultTo(&o.WindowIDs, ingest.WindowIDsDefault)
	defaultTo(&o.BytesInFlightMax, BytesInFlightMaxDefault)
	defaultTo(&o.ConnectionsMax, ConnectionsMaxDefault)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func defaultTo(setting *int, value int) {
	if *setting == 0 {
		*setting = value
	}
}

// validate reports every fault at once. The options have their defaults.
func (o *Options) validate() error {
	var faults []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	refuse(o.Log == nil, "Log is missing")
	refuse(o.Auth == nil, "Auth is missing")
	refuse(o.Sandbox && o.Clock == nil, "Clock is missing, and this is a sandbox")
	refuse(o.Partitions < 1 || o.Partitions > PartitionsMax,
		"Partitions is %d, want 1 to %d", o.Partitions, PartitionsMax)
	refuse(o.BatchEventsMax < 1, "BatchEventsMax is %d, want at least 1", o.BatchEventsMax)
	refuse(o.WindowIDs < 1 || o.WindowIDs > ingest.WindowIDsMax,
		"WindowIDs is %d, want 1 to %d", o.WindowIDs, ingest.WindowIDsMax)
	minimum := (bodyBytesInFlightMin + o.BatchEventsMax*eventOverheadBytes) * (freeShare + 1) / freeShare
	refuse(o.BytesInFlightMax < minimum,
		"BytesInFlightMax is %d, want at least %d", o.BytesInFlightMax, minimum)
	refuse(o.ConnectionsMax < 1, "ConnectionsMax is %d, want at least 1", o.ConnectionsMax)
	refuse(o.ConnectionsPerIP < 0, "ConnectionsPerIP is %d, want at least 0", o.ConnectionsPerIP)
	return errors.Join(faults...)
}
