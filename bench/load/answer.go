package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"weir/bench/report"
)

// repeatCode is what weir says of an event that it has already.
const repeatCode = `"value_already_exist"`

// errRefused is a 429: nothing was written, and the request may be sent again.
var errRefused = errors.New("refused for now")

// judge says what became of a request of events: nil, it is acknowledged; errRefused or
// another error with again set, it is to be sent again; else the run is over. A repeat
// that weir remembers is refused with 422 and is there.
func judge(a answer, mode string, events int) (again bool, err error) {
	switch {
	case a.status == http.StatusOK && mode == report.ModeNDJSON:
		return false, checkBulk(a.body, events)
	case a.status == http.StatusOK:
		return false, nil
	case a.status == http.StatusUnprocessableEntity && allRepeats(a.body, events):
		return false, nil
	case a.status == http.StatusTooManyRequests && !a.later:
		return false, errors.New("a refusal for now does not say Retry-After")
	case a.status == http.StatusTooManyRequests:
		return true, errRefused
	case a.status >= http.StatusInternalServerError:
		return true, fmt.Errorf("status %d: %.300s", a.status, a.body)
	}
	return false, fmt.Errorf("weir refused a request: status %d: %.300s", a.status, a.body)
}

// allRepeats reports whether a refusal says of every event of the request that
// it is a repeat, and nothing else. A batch with one new event in it was not written.
func allRepeats(body []byte, events int) bool {
	return bytes.Count(body, []byte(repeatCode)) == events && bytes.Count(body, []byte(`"transaction_id"`)) == events
}

// checkBulk says whether an NDJSON answer accounts for every line. One that has no
// figures at all, as Prefer: return=minimal may have it, is taken at its status.
func checkBulk(body []byte, lines int) error {
	var out struct {
		Accepted   *int `json:"accepted"`
		Duplicates int  `json:"duplicates"`
		Conflicts  int  `json:"conflicts"`
		Refused    int  `json:"refused_count"`
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return fmt.Errorf("cannot read bulk answer: %w", err)
	}
	if out.Accepted == nil && out.Refused == 0 && out.Conflicts == 0 && out.Duplicates == 0 {
		return nil
	}
	if out.Accepted == nil || *out.Accepted+out.Duplicates != lines || out.Refused != 0 || out.Conflicts != 0 {
		return fmt.Errorf("of %d lines weir did not take or have all: %.300s", lines, body)
	}
	return nil
}
