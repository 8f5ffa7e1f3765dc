package api

import (
	"strings"

	"weir/billing"
)

// faults collects what is wrong with a request, and for what exceeds a limit, the limit.
type faults struct {
	fields billing.Faults
	limits []string // sentences for people, in the order they were met
}

// add records that a field is wrong.
func (f *faults) add(name, code string) { f.fields.Add(name, code) }

// addLimit records that a field exceeds a limit, which it says in words.
func (f *faults) addLimit(name, code, limit string) {
	f.fields.Add(name, code)
	f.limits = append(f.limits, name+": "+limit)
}

// err returns the faults as one error, nil if there are none.
func (f *faults) err() error {
	err := f.fields.Err()
	if err == nil || len(f.limits) == 0 {
		return err
	}
	return &limitError{message: strings.Join(f.limits, "; "), err: err}
}

// limitError is a refusal that says which limit was exceeded.
type limitError struct {
	message string
	err     error
}

func (e *limitError) Error() string { return e.err.Error() + " (" + e.message + ")" }

func (e *limitError) Unwrap() error { return e.err }
