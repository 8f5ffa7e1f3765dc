package ingest

import "bytes"

// CloudEvents 1.0 in their JSON format, structured mode: the event as one object
// (https://github.com/cloudevents/spec, cloudevents/formats/json-format.md).
//
//	type                     the code
//	subject                  the external_subscription_id
//	id                       the transaction_id
//	time                     the timestamp: RFC 3339, with its zone, as the spec has it
//	data                     the properties: an object
//	precisetotalamountcents  the precise_total_amount_cents: an extension attribute
//	specversion              must be "1.0"
//	source                   must not be empty, and is of no effect: an event's identity
//	                         is (organization, subject, id), whatever its source
//	datacontenttype          when given, a JSON media type
//	data_base64              refused: properties are JSON
//
// A member that is null counts as missing, as the spec has it. Other members are
// ignored; the grammar holds in them too. Faults carry the names of CloudEvents:
// subject, data.region.

// ParseCloudEvent appends the event of one CloudEvent, the body of a request of the
// type application/cloudevents+json. body must stay untouched while the event is in use.
//
// Its errors are *SyntaxError and *ValidationError, with the index 0.
func (b *Batch) ParseCloudEvent(body []byte) error {
	m := b.begin(body)
	b.call.cloud, b.call.usual = true, false
	return b.finish(m, b.event() && b.scan.end())
}

// ParseCloudEvents appends the events of an array of CloudEvents, the body of a
// request of the type application/cloudevents-batch+json, at most eventsMax of them,
// all or none. body must stay untouched while they are in use.
//
// Its errors are *SyntaxError and *ValidationError, as those of ParseEvents: a fault of
// the batch as a whole has the index -1 and the field events.
func (b *Batch) ParseCloudEvents(body []byte, eventsMax int) error {
	m := b.begin(body)
	b.call.cloud, b.call.usual = true, false
	return b.finish(m, b.cloudList(eventsMax) && b.scan.end())
}

func (b *Batch) cloudList(eventsMax int) bool {
	if b.scan.space() == '[' {
		return b.list(eventsMax)
	}
	b.call.index = -1
	b.fault("events", CodeInvalid, 0)
	return b.scan.value()
}

func cloudMemberOf(name []byte) members {
	switch string(name) {
	case "id":
		return memberTransactionID
	case "subject":
		return memberSubscription
	case "type":
		return memberCode
	case "time":
		return memberTimestamp
	case "precisetotalamountcents":
		return memberPreciseTotal
	case "data":
		return memberProperties
	case "specversion":
		return memberSpecVersion
	case "source":
		return memberSource
	case "datacontenttype":
		return memberDataContentType
	case "data_base64":
		return memberDataBase64
	}
	return memberUnknown
}

// cloudMember is member for a CloudEvent.
func (b *Batch) cloudMember(e *Event, m members) (ok bool) {
	switch m {
	case memberTransactionID:
		e.TransactionID, ok = b.id("id")
	case memberSubscription:
		e.Subscription, ok = b.id("subject")
	case memberCode:
		e.Code, ok = b.id("type")
	case memberTimestamp:
		ok = b.cloudTime(e)
	case memberPreciseTotal:
		ok = b.preciseTotal(e, "precisetotalamountcents")
	case memberProperties:
		ok = b.propertiesMember(e)
	case memberSpecVersion:
		ok = b.specVersion()
	case memberSource:
		ok = b.source()
	case memberDataContentType:
		ok = b.dataContentType()
	case memberDataBase64:
		if b.scan.space() != 'n' {
			b.fault("data_base64", CodeInvalid, 0)
		}
		ok = b.scan.value()
	}
	return ok
}

// cloudLacking is lacking for a CloudEvent.
func (b *Batch) cloudLacking(seen members) {
	b.lackingID(seen, memberTransactionID, "id")
	b.lackingID(seen, memberSubscription, "subject")
	b.lackingID(seen, memberCode, "type")
	b.lackingID(seen, memberSpecVersion, "specversion")
	b.lackingID(seen, memberSource, "source")
}

// cloudTime reads the member time.
func (b *Batch) cloudTime(e *Event) bool {
	s := &b.scan
	switch s.space() {
	case 'n':
		return s.literal("null")
	case '"':
	default:
		b.fault("time", CodeInvalidFormat, 0)
		return s.value()
	}
	text, ok := s.string()
	if !ok {
		return false
	}
	const dateTime = len("2006-01-02T15:04:05")
	if len(text) <= dateTime || !bytes.ContainsAny(text[dateTime:], "Zz+-") {
		b.fault("time", CodeInvalidFormat, 0) // without a zone
		return true
	}
	b.setTimestampRFC3339(e, text, "time")
	return true
}

// specVersion reads the member specversion.
func (b *Batch) specVersion() bool {
	text, ok := b.attribute("specversion")
	if ok && len(text) > 0 && string(text) != "1.0" {
		b.fault("specversion", CodeInvalid, 0)
	}
	return ok
}

// source reads the member source.
func (b *Batch) source() bool {
	_, ok := b.attribute("source")
	return ok
}

// attribute reads a mandatory string that goes into no event.
func (b *Batch) attribute(field string) ([]byte, bool) {
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
	text, ok := s.string()
	if ok && len(text) == 0 {
		b.fault(field, CodeMandatory, 0)
	}
	return text, ok
}

// dataContentType reads the member datacontenttype.
func (b *Batch) dataContentType() bool {
	const field = "datacontenttype"
	s := &b.scan
	switch s.space() {
	case 'n':
		return s.literal("null")
	case '"':
	default:
		b.fault(field, CodeInvalid, 0)
		return s.value()
	}
	text, ok := s.string()
	if ok && !isJSONMediaType(text) {
		b.fault(field, CodeInvalid, 0)
	}
	return ok
}

// isJSONMediaType reports whether a media type is …/json or …/…+json, in upper or
// lower case, with or without parameters.
func isJSONMediaType(text []byte) bool {
	mediaType, _, _ := bytes.Cut(text, []byte(";"))
	kind, subtype, ok := bytes.Cut(bytes.TrimSpace(mediaType), []byte("/"))
	if !ok || len(kind) == 0 || bytes.ContainsAny(kind, " /") || bytes.ContainsAny(subtype, " /") {
		return false
	}
	const json = "json"
	if bytes.EqualFold(subtype, []byte(json)) {
		return true
	}
	suffix := len(subtype) - len("+"+json)
	return suffix > 0 && subtype[suffix] == '+' && bytes.EqualFold(subtype[suffix+1:], []byte(json))
}
