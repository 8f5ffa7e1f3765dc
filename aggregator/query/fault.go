package query

import (
	"context"
	"errors"
	"net/http"

	"weir/aggregator"
)

// fault is one kind of error as it crosses the wire. The code says which; the
// status is only for people and proxies.
type fault struct {
	code   string
	status int
	is     error // what errors.Is finds at the asker's side, nil: nothing
}

// Codes that have no error of the contract behind them.
const (
	codeInvalid      = "invalid_request"
	codeUnauthorized = "unauthorized"
	codeOverloaded   = "overloaded"
	codeInternal     = "internal"
)

// errOverloaded: the owner has too many questions under way. The client asks again.
var errOverloaded = errors.New("owner is overloaded")

var faults = []fault{
	{"not_owner", http.StatusMisdirectedRequest, ErrNotOwner},
	{"not_yet", http.StatusServiceUnavailable, ErrNotYet},
	{"stopped", http.StatusServiceUnavailable, ErrStopped},
	{"deadline", http.StatusGatewayTimeout, context.DeadlineExceeded},
	{"canceled", http.StatusServiceUnavailable, context.Canceled},
	{"too_many_cells", http.StatusUnprocessableEntity, aggregator.ErrTooManyCells},
	{codeOverloaded, http.StatusServiceUnavailable, errOverloaded},
	{codeInvalid, http.StatusBadRequest, nil},
	{codeUnauthorized, http.StatusUnauthorized, nil},
	{codeInternal, http.StatusInternalServerError, nil},
}

// faultOf returns how err crosses the wire.
func faultOf(err error) fault {
	for _, f := range faults {
		if f.is != nil && errors.Is(err, f.is) {
			return f
		}
	}
	return faultOfCode(codeInternal)
}

// faultOfCode returns the fault with the code; one we do not know is internal.
func faultOfCode(code string) fault {
	for _, f := range faults {
		if f.code == code {
			return f
		}
	}
	return faults[len(faults)-1]
}

// remoteError is an error that came over the wire.
type remoteError struct {
	code    string
	message string // the answerer's words
	is      error
}

func (e *remoteError) Error() string { return e.message + " (" + e.code + ")" }
func (e *remoteError) Unwrap() error { return e.is }

type wireFault struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}
