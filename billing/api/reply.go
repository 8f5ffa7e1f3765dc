package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"weir/aggregator"
	"weir/aggregator/query"
	"weir/billing"
	"weir/ingest/ratelimit"
)

// errorBody is the JSON of every refusal: Lago's members, and two of ours.
type errorBody struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
	Code   string `json:"code,omitempty"`
	// Details are the codes by field, or for an expression that fails a text, as in Lago.
	Details any `json:"error_details,omitempty"`
	// Message says which limit was exceeded. Ours.
	Message string `json:"message,omitempty"`
	// RequestID names the line in the log that says what went wrong. Ours, only on 5xx.
	RequestID string `json:"request_id,omitempty"`
}

// Codes of refusals that are not billing's.
const (
	codeValidation         = "validation_errors"
	codeUnknownRoute       = "resource_not_found"
	codePartitionStopped   = "partition_stopped"
	codePositionNotReached = "position_not_reached"
	codeNoOwner            = "partition_has_no_owner"
	codeTimeout            = "request_timed_out"
	codeUnreachable        = "service_unreachable"
	codeLog                = "log_unavailable"
	codeTooManyRequests    = "too_many_requests"
	codeOverloaded         = "overloaded"
)

// retryAfterSeconds is what a caller is told to wait when the fault will pass.
const retryAfterSeconds = 1

// overLimitError says that the organization has asked for more than it may.
type overLimitError struct{ state ratelimit.State }

func (e *overLimitError) Error() string {
	return fmt.Sprintf("more than %d requests a second", e.state.Limit)
}

// retryAfter returns how many seconds a caller is told to wait, 0 where waiting is of no use.
func retryAfter(status int, err error) int {
	var over *overLimitError
	switch {
	case errors.As(err, &over):
		return over.state.ResetSeconds()
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		return retryAfterSeconds
	}
	return 0
}

// errUnauthorized says that the request carries no key that is in force.
var errUnauthorized = errors.New("no valid API key")

// refusal turns an error into its answer: the one table from errors to statuses.
// Whatever is not in it is our fault, and says nothing to the outside.
func refusal(err error) errorBody {
	var caller *billing.Error
	if errors.As(err, &caller) {
		return callerRefusal(caller, err)
	}
	var (
		tooLarge   *http.MaxBytesError
		network    *net.OpError // the database's, or another process's
		expression *expressionError
		over       *overLimitError
	)
	switch {
	case errors.As(err, &over):
		return errorBody{
			Status: http.StatusTooManyRequests, Error: "Too Many Requests", Code: codeTooManyRequests, Message: over.Error(),
		}
	case errors.As(err, &expression):
		return errorBody{
			Status: http.StatusUnprocessableEntity, Error: "Unprocessable Entity",
			Code: codeValidation, Details: expression.Error(),
		}
	case errors.Is(err, billing.ErrTooLarge): // of what was sent: no invoice could hold it
		return tooLargeRefusal("amount_cents", err.Error())
	case errors.Is(err, aggregator.ErrTooManyCells):
		return tooLargeRefusal("usage", aggregator.ErrTooManyCells.Error())
	case errors.Is(err, errLog):
		return errorBody{
			Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codeLog,
			Message: "the correction may have been written or not; send the same request again",
		}
	case errors.Is(err, errUnauthorized):
		return errorBody{Status: http.StatusUnauthorized, Error: "Unauthorized"}
	case errors.As(err, &tooLarge):
		return errorBody{
			Status: http.StatusRequestEntityTooLarge, Error: "Payload Too Large",
			Message: "body: at most " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes",
		}
	case errors.Is(err, query.ErrStopped):
		return errorBody{Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codePartitionStopped}
	case errors.Is(err, query.ErrNotYet):
		return errorBody{Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codePositionNotReached}
	case errors.Is(err, query.ErrOverloaded):
		return errorBody{
			Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codeOverloaded,
			Message: "too much usage is being asked for at a time",
		}
	case errors.Is(err, query.ErrNotOwner):
		return errorBody{Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codeNoOwner}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errorBody{Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codeTimeout}
	case errors.As(err, &network):
		return errorBody{Status: http.StatusServiceUnavailable, Error: "Service Unavailable", Code: codeUnreachable}
	}
	return errorBody{Status: http.StatusInternalServerError, Error: "Internal Server Error"}
}

// tooLargeRefusal refuses to show usage that is too large, and says of what.
func tooLargeRefusal(field, message string) errorBody {
	return errorBody{
		Status: http.StatusUnprocessableEntity, Error: "Unprocessable Entity", Code: codeValidation,
		Details: map[string][]string{field: {billing.CodeOutOfRange}}, Message: message,
	}
}

func callerRefusal(caller *billing.Error, err error) errorBody {
	switch caller.Kind {
	case billing.KindBadRequest:
		return errorBody{Status: http.StatusBadRequest, Error: "BadRequest: " + caller.Code}
	case billing.KindNotFound:
		return errorBody{Status: http.StatusNotFound, Error: "Not Found", Code: caller.Code}
	case billing.KindNotAllowed:
		return errorBody{Status: http.StatusMethodNotAllowed, Error: "Method Not Allowed", Code: caller.Code}
	case billing.KindValidation:
		body := errorBody{
			Status: http.StatusUnprocessableEntity, Error: "Unprocessable Entity",
			Code: codeValidation, Details: caller.Fields,
		}
		var limit *limitError
		if errors.As(err, &limit) {
			body.Message = limit.message
		}
		return body
	}
	panic("BUG: error of unknown kind: " + caller.Error())
}

// reply writes an answer as JSON.
func reply(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		panic("BUG: answer cannot be JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is no fault of ours
}
