package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"weir/billing"
	"weir/billing/postgres"
)

// params are the query parameters of a request, with what is wrong with them.
type params struct {
	url.Values
	wrong *faults
}

func (r request) params() params {
	return params{Values: r.URL.Query(), wrong: &faults{}}
}

func (p params) fault(name, code string) { p.wrong.add(name, code) }

func (p params) overLimit(name, code, limit string) { p.wrong.addLimit(name, code, limit) }

// text returns a parameter's value, "" when it is not given.
func (p params) text(name string) string {
	s := p.Get(name)
	if len(s) > textBytesMax || !utf8.ValidString(s) || !storable(s) {
		p.fault(name, billing.CodeInvalid)
		return ""
	}
	return s
}

// choice returns a parameter that must be one of values; "" when it is not given.
func (p params) choice(name string, values ...string) string {
	s := p.text(name)
	if s != "" && !slices.Contains(values, s) {
		p.fault(name, billing.CodeInvalid)
		return ""
	}
	return s
}

// texts returns the values of a parameter that may be a list: name=a, name[]=a&name[]=b.
func (p params) texts(name string) []string {
	values := append(append([]string{}, p.Values[name]...), p.Values[name+"[]"]...)
	for _, s := range values {
		if len(s) > textBytesMax || !utf8.ValidString(s) || !storable(s) {
			p.fault(name, billing.CodeInvalid)
			return nil
		}
	}
	return values
}

// instant returns a parameter that is a date or an instant; ok is false when it
// is not given or faulty.
func (p params) instant(name string) (t time.Time, ok bool) {
	s := p.text(name)
	if s == "" {
		return time.Time{}, false
	}
	t, ok = parseInstant(s)
	if !ok || t.Before(instantMin) || !t.Before(instantMax) {
		p.fault(name, billing.CodeInvalidDate)
		return time.Time{}, false
	}
	return t, true
}

// cents returns a parameter that is a whole number of minor units.
func (p params) cents(name string) *int64 {
	s := p.text(name)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		p.fault(name, billing.CodeInvalid)
		return nil
	}
	return &n
}

// notYet refuses filters that this version does not have, also those by a key, name[key]:
// a list that ignores one shows what was not asked for.
func (p params) notYet(names ...string) {
	for _, name := range names {
		if p.Get(name) != "" || p.Get(name+"[]") != "" || p.byKey(name) {
			p.fault(name, billing.CodeNotSupported)
		}
	}
}

// byKey reports whether there is a parameter name[key]. One without a value asks for what
// lacks the key.
func (p params) byKey(name string) bool {
	for given := range p.Values {
		if strings.HasPrefix(given, name+"[") && given != name+"[]" {
			return true
		}
	}
	return false
}

// err returns what is wrong with the parameters that were read.
func (p params) err() error { return p.wrong.err() }

// page reads page and per_page.
func (p params) page() postgres.Page { return pageOf(p.Values, p.wrong) }
