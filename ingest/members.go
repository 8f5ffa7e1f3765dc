package ingest

import "github.com/google/uuid"

// members is the set of an event's members that were seen.
type members uint16

const (
	memberTransactionID members = 1 << iota
	memberSubscription
	memberCode
	memberTimestamp
	memberPreciseTotal
	memberProperties
	memberOrganization // in records only

	// In CloudEvents only.
	memberSpecVersion
	memberSource
	memberDataContentType
	memberDataBase64

	memberUnknown members = 0
)

// memberOf returns which of the members that the call understands has the name.
func (b *Batch) memberOf(name []byte) members {
	if b.call.cloud {
		return cloudMemberOf(name)
	}
	member := memberOf(name)
	if member == memberOrganization && !b.call.record {
		return memberUnknown
	}
	return member
}

func memberOf(name []byte) members {
	switch string(name) {
	case "transaction_id":
		return memberTransactionID
	case "external_subscription_id":
		return memberSubscription
	case "code":
		return memberCode
	case "timestamp":
		return memberTimestamp
	case "precise_total_amount_cents":
		return memberPreciseTotal
	case "properties":
		return memberProperties
	case "organization_id":
		return memberOrganization
	}
	return memberUnknown
}

// event reads one event and appends it.
func (b *Batch) event() bool {
	s := &b.scan
	if s.space() != '{' {
		b.fault("event", CodeInvalid, 0)
		return s.value()
	}
	from := s.pos
	b.Events = append(b.Events, Event{Filled: true})
	e := &b.Events[len(b.Events)-1]
	seen, ok := b.members(e)
	if !ok {
		return false
	}
	b.lacking(e, seen)
	if s.pos-from > EventBytesMax {
		b.fault("event", CodeTooLong, EventBytesMax)
	}
	return true
}

// members reads the members of an event, from bracket to bracket.
func (b *Batch) members(e *Event) (seen members, ok bool) {
	s := &b.scan
	s.pos++
	if s.space() == '}' {
		s.pos++
		return 0, true
	}
	object := s.names.open()
	d, i := s.data, s.pos
	for {
		member, value := memberUnknown, i
		if b.call.usual {
			i = afterSpace(d, i)
			member, value = usualMember(d, i)
		}
		if member == memberUnknown {
			s.pos = i
			if member, ok = b.memberName(object); !ok {
				return seen, false
			}
			value = s.pos
		}
		if member != memberUnknown {
			if seen&member != 0 {
				return seen, s.fail(value, reasonDuplicateName)
			}
			seen |= member
			if i, ok = b.memberValue(e, member, value); !ok {
				return seen, false
			}
		} else {
			i = value
		}
		if i < len(d) && d[i] == ',' {
			i++
			continue
		}
		s.pos = i
		more, ok := s.more('}')
		if !ok {
			return seen, false
		}
		if !more {
			s.names.close(object)
			return seen, true
		}
		i = s.pos
	}
}

// memberName reads a name and, if the call does not understand it, its value.
func (b *Batch) memberName(object int) (m members, ok bool) {
	s := &b.scan
	name, ok := s.name()
	if !ok {
		return memberUnknown, false
	}
	if m = b.memberOf(name); m != memberUnknown {
		return m, true
	}
	return memberUnknown, s.addName(object, name) && s.value()
}

// memberValue reads the value of a member at i and returns where it ends.
func (b *Batch) memberValue(e *Event, m members, i int) (end int, ok bool) {
	if b.call.usual {
		if end = b.usualValue(e, m, b.scan.data, i); end > 0 {
			return end, true
		}
	}
	b.scan.pos = i
	ok = b.member(e, m)
	return b.scan.pos, ok
}

func (b *Batch) member(e *Event, m members) (ok bool) {
	if b.call.cloud {
		return b.cloudMember(e, m)
	}
	switch m {
	case memberTransactionID:
		e.TransactionID, ok = b.id("transaction_id")
	case memberSubscription:
		e.Subscription, ok = b.id("external_subscription_id")
	case memberCode:
		e.Code, ok = b.id("code")
	case memberTimestamp:
		ok = b.timestamp(e)
	case memberPreciseTotal:
		ok = b.preciseTotal(e, "precise_total_amount_cents")
	case memberProperties:
		ok = b.propertiesMember(e)
	case memberOrganization:
		ok = b.organization()
	}
	return ok
}

// lacking notes what is missing in an event, or fills it in.
func (b *Batch) lacking(e *Event, seen members) {
	if b.call.cloud {
		b.cloudLacking(seen)
		return
	}
	const mandatory = memberTransactionID | memberSubscription | memberCode
	if seen&mandatory != mandatory {
		b.lackingID(seen, memberTransactionID, "transaction_id")
		b.lackingID(seen, memberSubscription, "external_subscription_id")
		b.lackingID(seen, memberCode, "code")
	}
	if !b.call.record {
		return
	}
	b.lackingID(seen, memberOrganization, "organization_id")
	if e.Filled {
		e.Timestamp = b.call.recordTime
		if e.Timestamp < TimestampMin || e.Timestamp >= TimestampMax {
			b.fault("timestamp", CodeOutOfRange, 0)
		}
	}
}

func (b *Batch) lackingID(seen, member members, field string) {
	if seen&member == 0 {
		b.fault(field, CodeMandatory, 0)
	}
}

// id reads a mandatory string.
func (b *Batch) id(field string) ([]byte, bool) {
	s := &b.scan
	switch s.space() {
	case '"':
	case 'n':
		b.fault(field, CodeMandatory, 0)
		return nil, s.literal("null")
	default:
		b.fault(field, CodeInvalid, 0)
		return nil, s.value()
	}
	nuls := s.nuls
	text, ok := s.string()
	switch {
	case !ok:
		return nil, false
	case len(text) == 0:
		b.fault(field, CodeMandatory, 0)
	case len(text) > IDBytesMax:
		b.fault(field, CodeTooLong, IDBytesMax)
	case s.nuls != nuls:
		b.fault(field, CodeInvalid, 0)
	}
	return text, true
}

// preciseTotal reads precise_total_amount_cents, whatever its name: a plain decimal,
// as a number or a string, or null for none.
func (b *Batch) preciseTotal(e *Event, field string) bool {
	s := &b.scan
	var text []byte
	var ok bool
	switch c := s.space(); {
	case c == 'n':
		return s.literal("null")
	case c == '"':
		text, ok = s.string()
	case c == '-' || c-'0' <= 9:
		text, ok = s.number()
	default:
		b.fault(field, CodeNotANumber, 0)
		return s.value()
	}
	switch {
	case !ok:
		return false
	case !isPlain(text):
		b.fault(field, CodeNotANumber, 0)
	case len(text) > PropertyValueBytesMax || !numberFits(text):
		b.fault(field, CodeOutOfRange, NumberDigitsMax)
	}
	e.PreciseTotal = text
	return true
}

// organization reads organization_id.
func (b *Batch) organization() bool {
	text, ok := b.id("organization_id")
	if !ok || len(text) == 0 {
		return ok
	}
	organization, err := uuid.ParseBytes(text)
	if err != nil || len(text) != uuidTextBytes {
		b.fault("organization_id", CodeInvalid, 0)
	}
	b.call.organization = organization
	return true
}
