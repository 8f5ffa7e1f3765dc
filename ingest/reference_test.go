package ingest

import (
	"bytes"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// The reference reads events with a general JSON library, math/big and regular
// expressions: slow, and as plainly right as can be. The parser must agree with it.

var (
	decimalRegexp = regexp.MustCompile(`\A-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\z`)
	plainRegexp   = regexp.MustCompile(`\A-?[0-9]+(\.[0-9]+)?\z`)
	uuidRegexp    = regexp.MustCompile(`\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\z`)
)

type reference struct {
	record     bool
	cloud      bool // see cloudMember
	recordTime int64

	tooDeep      bool
	event        Event
	organization uuid.UUID
	faults       []string // field + ": " + code
}

// read reads one event; valid is false when it is not JSON that we take.
func (r *reference) read(line []byte) (valid bool) {
	if !jsontext.Value(line).IsValid() {
		return false
	}
	value := jsontext.Value(bytes.Trim(line, " \t\r\n"))
	if value.Kind() != '{' {
		r.checkDepth(value)
		r.fault("event", CodeInvalid)
		return !r.tooDeep
	}
	r.event.Filled = true
	seen := map[string]bool{}
	eachMember(value, func(name string, v jsontext.Value) {
		seen[name] = true
		if r.cloud {
			r.cloudMember(name, v)
		} else {
			r.member(name, v)
		}
	})
	mandatory := []string{"transaction_id", "external_subscription_id", "code"}
	if r.record {
		mandatory = append(mandatory, "organization_id")
	}
	if r.cloud {
		mandatory = []string{"id", "subject", "type", "specversion", "source"}
	}
	for _, field := range mandatory {
		if !seen[field] {
			r.fault(field, CodeMandatory)
		}
	}
	if r.record && r.event.Filled && !slices.Contains(r.faults, "timestamp: "+CodeInvalidFormat) {
		r.event.Timestamp = r.recordTime
	}
	if len(value) > EventBytesMax {
		r.fault("event", CodeTooLong)
	}
	slices.SortFunc(r.event.Properties, func(a, b Property) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return !r.tooDeep
}

func (r *reference) fault(field, code string) { r.faults = append(r.faults, field+": "+code) }

func (r *reference) member(name string, v jsontext.Value) {
	switch name {
	case "properties":
		if v.Kind() == '{' {
			count := 0
			eachMember(v, func(name string, v jsontext.Value) {
				if count++; count <= PropertiesMax {
					r.property(name, v)
				} else {
					r.checkDepth(v)
				}
			})
			if count > PropertiesMax {
				r.fault("properties", CodeTooLong)
			}
			return
		}
		if v.Kind() != 'n' {
			r.fault("properties", CodeInvalid)
		}
	case "transaction_id":
		r.event.TransactionID = r.id(name, v)
	case "external_subscription_id":
		r.event.Subscription = r.id(name, v)
	case "code":
		r.event.Code = r.id(name, v)
	case "organization_id":
		if r.record {
			text := r.id(name, v)
			if len(text) > 0 && !uuidRegexp.Match(text) {
				r.fault(name, CodeInvalid)
			}
			r.organization, _ = uuid.ParseBytes(text)
		}
	case "timestamp":
		r.timestamp(v)
	case "precise_total_amount_cents":
		r.preciseTotal(v)
	}
	r.checkDepth(v)
}

func (r *reference) id(field string, v jsontext.Value) []byte {
	if v.Kind() == 'n' || string(v) == `""` {
		r.fault(field, CodeMandatory)
		return nil
	}
	if v.Kind() != '"' {
		r.fault(field, CodeInvalid)
		return nil
	}
	text := unquote(v)
	if len(text) > IDBytesMax {
		r.fault(field, CodeTooLong)
	} else if bytes.IndexByte(text, 0) >= 0 {
		r.fault(field, CodeInvalid)
	}
	return text
}

func (r *reference) timestamp(v jsontext.Value) {
	text := []byte(v)
	switch v.Kind() {
	case 'n':
		return
	case '"':
		text = unquote(v)
		if r.record && !plainRegexp.Match(text) {
			r.timestampRFC3339(string(text))
			return
		}
		if !plainRegexp.Match(text) {
			r.fault("timestamp", CodeInvalidFormat)
			return
		}
	case '0':
	default:
		r.fault("timestamp", CodeInvalidFormat)
		return
	}
	r.event.Filled = false
	value, _ := ratOf(text)
	if value == nil { // an exponent beyond ±2000
		mantissa, exponent, _ := strings.Cut(strings.ToLower(string(text)), "e")
		switch {
		case strings.Trim(mantissa, "-0.") == "": // zero
		case exponent[0] == '-':
			r.fault("timestamp", CodeInvalidFormat)
		default:
			r.fault("timestamp", CodeOutOfRange)
		}
		return
	}
	ns := new(big.Rat).Mul(value, big.NewRat(1_000_000_000, 1))
	if !ns.IsInt() {
		r.fault("timestamp", CodeInvalidFormat)
		return
	}
	if ns.Sign() < 0 || ns.Num().Cmp(big.NewInt(TimestampMax)) >= 0 {
		r.fault("timestamp", CodeOutOfRange)
		return
	}
	r.event.Timestamp = ns.Num().Int64()
}

var rfc3339Regexp = regexp.MustCompile(`\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9}0*)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?\z`)

func (r *reference) timestampRFC3339(text string) {
	r.event.Filled = false
	upper := strings.ToUpper(text)
	if rfc3339Regexp.MatchString(text) && !strings.HasSuffix(upper, "Z") && !strings.Contains("+-", upper[len(upper)-6:len(upper)-5]) {
		upper += "Z"
	}
	at, err := time.Parse(time.RFC3339Nano, upper)
	switch {
	case err != nil || !rfc3339Regexp.MatchString(text):
		r.fault("timestamp", CodeInvalidFormat)
	case at.Before(time.Unix(0, TimestampMin)) || !at.Before(time.Unix(0, TimestampMax)):
		r.fault("timestamp", CodeOutOfRange)
	default:
		r.event.Timestamp = at.UnixNano()
	}
}

func (r *reference) preciseTotal(v jsontext.Value) {
	text := []byte(v)
	switch v.Kind() {
	case 'n':
		return
	case '"':
		text = unquote(v)
	}
	switch {
	case !plainRegexp.Match(text):
		r.fault("precise_total_amount_cents", CodeNotANumber)
	case len(text) > PropertyValueBytesMax || referenceDigits(string(text)) > NumberDigitsMax:
		r.fault("precise_total_amount_cents", CodeOutOfRange)
	}
	r.event.PreciseTotal = text
}

func (r *reference) property(name string, v jsontext.Value) {
	r.checkDepth(v)
	if len(name) > PropertyNameBytesMax {
		r.fault("properties", CodeTooLong)
		return
	}
	if strings.Contains(name, "\x00") {
		r.fault("properties", CodeInvalid)
		return
	}
	p := Property{Name: []byte(name)}
	nul, wide := false, false
	switch v.Kind() {
	case 'n':
	case 'f':
		p.Kind = KindFalse
	case 't':
		p.Kind = KindTrue
	case '0':
		p.Kind, p.Text = KindNumber, v
		wide = referenceDigits(string(v)) > NumberDigitsMax
	case '"':
		p.Kind, p.Text = KindString, unquote(v)
		nul = bytes.IndexByte(p.Text, 0) >= 0
	default:
		compact := v.Clone()
		if err := compact.Compact(); err != nil {
			panic(err)
		}
		p.Kind, p.Text = KindNested, compact
		eachToken(v, func(token jsontext.Token, depth int) {
			nul = nul || token.Kind() == '"' && strings.Contains(token.String(), "\x00")
			wide = wide || token.Kind() == '0' && referenceDigits(token.String()) > NumberDigitsMax
		})
	}
	switch {
	case len(p.Text) > PropertyValueBytesMax:
		r.fault("properties."+name, CodeTooLong)
	case wide:
		r.fault("properties."+name, CodeOutOfRange)
	case nul:
		r.fault("properties."+name, CodeInvalid)
	}
	r.event.Properties = append(r.event.Properties, p)
}

func (r *reference) checkDepth(v jsontext.Value) {
	eachToken(v, func(_ jsontext.Token, depth int) { r.tooDeep = r.tooDeep || depth > NestingMax })
}

// referenceDigits writes a number out and counts its digits, without zeros in front.
func referenceDigits(text string) int {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(text, "-")), "e")
	whole, frac, _ := strings.Cut(mantissa, ".")
	if exponent != "" {
		n, _ := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
		if n.CmpAbs(big.NewInt(2000)) > 0 {
			if n.Sign() > 0 && strings.Trim(mantissa, "0.") == "" {
				return 0
			}
			return 2000
		}
		shift := int(n.Int64())
		for ; shift > 0; shift-- {
			if frac == "" {
				frac = strings.Repeat("0", shift)
			}
			whole, frac = whole+frac[:1], frac[1:]
		}
		if shift < 0 {
			whole = strings.Repeat("0", -shift) + whole
			frac = whole[len(whole)+shift:] + frac
			whole = whole[:len(whole)+shift]
		}
	}
	return len(strings.TrimLeft(whole, "0")) + len(frac)
}

func unquote(v jsontext.Value) []byte {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		panic(err)
	}
	return text
}

// eachMember calls f with each member of a valid object.
func eachMember(object jsontext.Value, f func(name string, v jsontext.Value)) {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		panic("not an object")
	}
	for {
		token, err := d.ReadToken()
		if err != nil {
			panic(err)
		}
		if token.Kind() == '}' {
			return
		}
		name := token.String()
		v, err := d.ReadValue()
		if err != nil {
			panic(err)
		}
		f(name, v.Clone())
	}
}

// eachToken calls f with each token of a valid value, and how many objects and
// arrays are open behind it.
func eachToken(v jsontext.Value, f func(token jsontext.Token, depth int)) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return
		}
		f(token, d.StackDepth())
	}
}
