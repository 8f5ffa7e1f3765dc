package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// repeatCode is what weir says of an event that it has already.
const repeatCode = `"value_already_exist"`

// allRepeats reports whether a refusal says of every event of the request that
// it is a repeat, and nothing else. A batch with one new event in it was not written.
func allRepeats(body []byte, events int) bool {
	return bytes.Count(body, []byte(repeatCode)) == events && bytes.Count(body, []byte(`"transaction_id"`)) == events
}

// checkBulk says whether an NDJSON answer accounts for every line.
func checkBulk(body []byte, lines int) error {
	var out struct {
		Accepted   int `json:"accepted"`
		Duplicates int `json:"duplicates"`
		Conflicts  int `json:"conflicts"`
		Refused    int `json:"refused_count"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return fmt.Errorf("cannot read bulk answer: %w", err)
	}
	if out.Accepted+out.Duplicates != lines || out.Refused != 0 || out.Conflicts != 0 {
		return fmt.Errorf("of %d lines weir took %d, had %d, and refused %d: %.300s",
			lines, out.Accepted, out.Duplicates, out.Refused, body)
	}
	return nil
}
