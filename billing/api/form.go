package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"weir/billing"
)

// Limits of what a request may say. What exceeds one is refused with the limit
// in the answer's message.
const (
	textBytesMax        = 255     // codes, ids, names, single lines
	descriptionBytesMax = 4 << 10 // descriptions
	urlBytesMax         = 2 << 10 // addresses of pages and pictures
	amountDigitsMax     = 38      // digits of one decimal
)

// instantMin and instantMax bound every instant that a request may name.
var (
	instantMin = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	instantMax = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// form reads the members of one JSON object of a request. Its methods take what
// fits and record what does not, so that a caller learns of all faults at once.
//
// Members nobody asks for are ignored, as Lago does.
type form struct {
	members map[string]jsontext.Value
	path    string // prefix of the members' names in faults: "", "charges.0."
	faults  *faults
}

// parseForm reads the object under the wrapper's name from a request body. A
// body that is no JSON, or lacks the wrapper, is a billing.KindBadRequest.
func parseForm(body []byte, wrapper string) (form, error) {
	root, err := parseRoot(body)
	if err != nil {
		return form{}, err
	}
	value, ok := root.members[wrapper]
	if !ok || value.Kind() == 'n' {
		return form{}, billing.BadRequest("param is missing or the value is empty: " + wrapper)
	}
	members, err := membersOf(value)
	if err != nil {
		return form{}, billing.BadRequest(wrapper + " is not an object")
	}
	if len(members) == 0 {
		return form{}, billing.BadRequest("param is missing or the value is empty: " + wrapper)
	}
	return form{members: members, faults: &faults{}}, nil
}

// parseRoot reads a request body whose members stand in no wrapper.
func parseRoot(body []byte) (form, error) {
	members, err := membersOf(body)
	if err != nil {
		return form{}, billing.BadRequest("body is not a JSON object: " + err.Error())
	}
	return form{members: members, faults: &faults{}}, nil
}

// membersOf splits a JSON object. Duplicate names, invalid UTF-8 and trailing
// data are errors.
func membersOf(value jsontext.Value) (map[string]jsontext.Value, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(value, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, fmt.Errorf("null in place of an object")
	}
	return members, nil
}

// fault records that a member is wrong.
func (f form) fault(name, code string) { f.faults.add(f.path+name, code) }

// overLimit records that a member exceeds a limit.
func (f form) overLimit(name, code, limit string) { f.faults.addLimit(f.path+name, code, limit) }

// has reports whether the member is there, null or not.
func (f form) has(name string) bool {
	_, ok := f.members[name]
	return ok
}

// given returns a member that is there and not null.
func (f form) given(name string) (jsontext.Value, bool) {
	value, ok := f.members[name]
	return value, ok && value.Kind() != 'n'
}

// text returns a string member, at most bytesMax long. ok is false when it is
// absent or faulty; null is the empty string.
func (f form) text(name string, bytesMax int) (s string, ok bool) {
	value, given := f.given(name)
	if !given {
		return "", f.has(name)
	}
	return f.textOf(name, value, bytesMax)
}

func (f form) textOf(name string, value jsontext.Value, bytesMax int) (s string, ok bool) {
	if value.Kind() != '"' {
		f.fault(name, billing.CodeInvalid)
		return "", false
	}
	if err := json.Unmarshal(value, &s); err != nil || !storable(s) {
		f.fault(name, billing.CodeInvalid)
		return "", false
	}
	if len(s) > bytesMax {
		f.overLimit(name, billing.CodeTooLong, fmt.Sprintf("at most %d bytes", bytesMax))
		return "", false
	}
	return s, true
}

// storable reports whether PostgreSQL can keep the text: it has no NUL.
func storable(s string) bool { return strings.IndexByte(s, 0) < 0 }

// required returns a string member that must be there and not blank.
func (f form) required(name string) string {
	s, ok := f.text(name, textBytesMax)
	if (ok || !f.has(name)) && strings.TrimSpace(s) == "" {
		f.fault(name, billing.CodeMandatory)
	}
	return s
}

// demand sets dst to a string member that may not be blank. It must be there unless dst
// has a value already.
func (f form) demand(dst *string, name string) {
	if f.has(name) || *dst == "" {
		*dst = f.required(name)
	}
}

// mustGive records that a member is missing or null.
func (f form) mustGive(name string) {
	if _, given := f.given(name); !given {
		f.fault(name, billing.CodeMandatory)
	}
}

// addFaults records what a check of the whole found, but for members that were faulty
// themselves.
func (f form) addFaults(found billing.Faults) {
	for name, codes := range found {
		if len(f.faults.fields[f.path+name]) > 0 {
			continue
		}
		for _, code := range codes {
			f.fault(name, code)
		}
	}
}

// into sets dst to a string member if it is there.
func (f form) into(dst *string, name string, bytesMax int) {
	if s, ok := f.text(name, bytesMax); ok {
		*dst = s
	}
}

// choice returns a string member that must be one of values; "" when it is absent or null.
func (f form) choice(name string, values ...string) string {
	s, ok := f.text(name, textBytesMax)
	if ok && s != "" && !slices.Contains(values, s) {
		f.fault(name, billing.CodeInvalid)
		return ""
	}
	return s
}

// integer returns a member that is a whole number from min to max, as a JSON
// number or as its text. ok is false when it is absent, null or faulty.
func (f form) integer(name string, min, max int64) (n int64, ok bool) {
	value, given := f.given(name)
	if !given {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.Trim(string(value), `"`), 10, 64)
	if err != nil {
		f.fault(name, billing.CodeInvalid)
		return 0, false
	}
	if n < min || n > max {
		f.overLimit(name, billing.CodeOutOfRange, fmt.Sprintf("from %d to %d", min, max))
		return 0, false
	}
	return n, true
}

// boolean returns a member that is true or false, as a JSON literal or as its text.
func (f form) boolean(name string) (b, ok bool) {
	value, given := f.given(name)
	if !given {
		return false, false
	}
	switch strings.Trim(string(value), `"`) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	f.fault(name, billing.CodeInvalid)
	return false, false
}

// instant returns a member that is an ISO 8601 date and time.
func (f form) instant(name string) (t time.Time, ok bool) {
	value, given := f.given(name)
	if !given {
		return time.Time{}, false
	}
	s, ok := f.textOf(name, value, textBytesMax)
	if !ok {
		return time.Time{}, false
	}
	t, ok = parseInstant(s)
	if !ok {
		f.fault(name, billing.CodeInvalidDate)
		return time.Time{}, false
	}
	if t.Before(instantMin) || !t.Before(instantMax) {
		f.overLimit(name, billing.CodeOutOfRange, "from 1970-01-01 to 2199-12-31")
		return time.Time{}, false
	}
	return t, true
}

// object returns a member that is an object, as a form with the member's path.
func (f form) object(name string) (form, bool) {
	value, given := f.given(name)
	if !given {
		return form{}, false
	}
	return f.objectOf(name, value)
}

func (f form) objectOf(name string, value jsontext.Value) (form, bool) {
	members, err := membersOf(value)
	if err != nil {
		f.fault(name, billing.CodeInvalid)
		return form{}, false
	}
	return form{members: members, path: f.path + name + ".", faults: f.faults}, true
}

// list returns the elements of a member that is an array of at most max elements.
func (f form) list(name string, max int) []jsontext.Value {
	value, given := f.given(name)
	if !given {
		return nil
	}
	var elements []jsontext.Value
	if value.Kind() != '[' || json.Unmarshal(value, &elements) != nil {
		f.fault(name, billing.CodeInvalid)
		return nil
	}
	if len(elements) > max {
		f.overLimit(name, billing.CodeInvalidCount, fmt.Sprintf("at most %d elements", max))
		return nil
	}
	return elements
}

// objects returns the elements of a member that is an array of at most max objects.
func (f form) objects(name string, max int) []form {
	var forms []form
	for i, value := range f.list(name, max) {
		if o, ok := f.objectOf(name+"."+strconv.Itoa(i), value); ok {
			forms = append(forms, o)
		}
	}
	return forms
}

// texts returns the elements of a member that is an array of at most max strings.
func (f form) texts(name string, max int) []string {
	var texts []string
	for i, value := range f.list(name, max) {
		if s, ok := f.textOf(name+"."+strconv.Itoa(i), value, textBytesMax); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

// notYet refuses members that Lago would act on and this version does not, unless
// they say nothing: null, false, 0, empty.
func (f form) notYet(names ...string) {
	for _, name := range names {
		if value, ok := f.members[name]; ok && !blank(value) {
			f.fault(name, billing.CodeNotSupported)
		}
	}
}

// notYetUnless refuses a member that says anything but null or one of the given JSON texts.
func (f form) notYetUnless(name string, texts ...string) {
	if value, ok := f.given(name); ok && !slices.Contains(texts, string(value)) {
		f.fault(name, billing.CodeNotSupported)
	}
}

func blank(value jsontext.Value) bool {
	compact := value.Clone()
	if compact.Compact() != nil {
		return false
	}
	switch string(compact) {
	case "null", "false", `"false"`, "0", "0.0", `"0"`, `"0.0"`, `""`, "[]", "{}":
		return true
	}
	return false
}

// distinct returns the texts without repeats, in their order.
func distinct(texts []string) []string {
	seen := make(map[string]bool, len(texts))
	return slices.DeleteFunc(texts, func(s string) bool {
		repeated := seen[s]
		seen[s] = true
		return repeated
	})
}

// uuid returns a member that is the text of a UUID; ok is false when it is not.
// It records no fault: see uuidFault.
func (f form) uuid(name string) (id uuid.UUID, ok bool) {
	value := f.members[name]
	if value.Kind() != '"' {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(strings.Trim(string(value), `"`))
	return id, err == nil
}

// uuidFault records why a member is no UUID.
func (f form) uuidFault(name string) {
	if _, given := f.given(name); !given {
		f.fault(name, billing.CodeMandatory)
		return
	}
	f.fault(name, billing.CodeInvalid)
}
