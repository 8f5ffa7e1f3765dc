package ingest

import (
	"bytes"
	"slices"
)

// propertiesMember reads the member properties, whatever its name: an object, or null for none.
func (b *Batch) propertiesMember(e *Event) bool {
	s := &b.scan
	switch s.space() {
	case 'n':
		return s.literal("null")
	case '{':
	default:
		b.fault(b.propertiesField(), CodeInvalid, 0)
		return s.value()
	}
	s.pos++
	if s.space() == '}' {
		s.pos++
		return true
	}
	first := len(b.properties)
	object := s.names.open()
	for count := 1; ; count++ {
		if !b.property(object, count) {
			return false
		}
		more, ok := s.more('}')
		if !ok {
			return false
		}
		if !more {
			break
		}
	}
	s.names.close(object)
	e.Properties = b.properties[first:len(b.properties):len(b.properties)]
	sortProperties(e.Properties)
	return true
}

// property reads one member of properties, the count-th.
func (b *Batch) property(object, count int) bool {
	s := &b.scan
	nuls := s.nuls
	name, ok := s.name()
	if !ok || !s.addName(object, name) {
		return false
	}
	switch {
	case count > PropertiesMax:
		if count == PropertiesMax+1 {
			b.fault(b.propertiesField(), CodeTooLong, PropertiesMax)
		}
		return s.value()
	case len(name) > PropertyNameBytesMax:
		b.fault(b.propertiesField(), CodeTooLong, PropertyNameBytesMax)
		return s.value()
	case s.nuls != nuls:
		b.fault(b.propertiesField(), CodeInvalid, 0)
		return s.value()
	}
	return b.propertyValue(name)
}

// propertyValue reads a property's value and appends the property, or a fault.
func (b *Batch) propertyValue(name []byte) bool {
	s := &b.scan
	nuls, wide := s.nuls, s.wide
	p := Property{Name: name}
	ok := true
	switch c := s.space(); c {
	case '"':
		p.Kind = KindString
		p.Text, ok = s.string()
	case '{', '[':
		p.Kind = KindNested
		p.Text, ok = b.nested()
	case 't':
		p.Kind = KindTrue
		ok = s.literal("true")
	case 'f':
		p.Kind = KindFalse
		ok = s.literal("false")
	case 'n':
		p.Kind = KindNull
		ok = s.literal("null")
	default:
		if c != '-' && c-'0' > 9 {
			return s.fail(s.pos, reasonUnexpected)
		}
		p.Kind = KindNumber
		p.Text, ok = s.number()
	}
	switch {
	case !ok:
		return false
	case len(p.Text) > PropertyValueBytesMax:
		b.faultProperty(name, CodeTooLong, PropertyValueBytesMax)
	case s.wide != wide:
		b.faultProperty(name, CodeOutOfRange, NumberDigitsMax)
	case s.nuls != nuls:
		b.faultProperty(name, CodeInvalid, 0)
	default:
		b.properties = append(b.properties, p)
	}
	return true
}

// nested reads an object or array and returns its JSON without white space.
func (b *Batch) nested() ([]byte, bool) {
	s := &b.scan
	from := s.pos
	if !s.value() {
		return nil, false
	}
	raw := s.data[from:s.pos:s.pos]
	if !bytes.ContainsAny(raw, " \t\r\n") {
		return raw, true
	}
	from = len(s.text)
	s.text = appendCompact(s.text, raw)
	return s.text[from:len(s.text):len(s.text)], true
}

// appendCompact appends valid JSON without the white space between its tokens.
func appendCompact(dst, raw []byte) []byte {
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\': // only in strings; what it escapes ends none
			dst = append(dst, c)
			i++
			c = raw[i]
		case c <= ' ' && !quoted:
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// sortProperties puts properties in the byte order of their names, which differ.
func sortProperties(properties []Property) {
	const insertionMax = 12
	if len(properties) > insertionMax {
		slices.SortFunc(properties, func(a, b Property) int { return bytes.Compare(a.Name, b.Name) })
		return
	}
	for i := 1; i < len(properties); i++ {
		j := i
		for j > 0 && string(properties[i].Name) < string(properties[j-1].Name) {
			j--
		}
		if j < i {
			p := properties[i]
			copy(properties[j+1:i+1], properties[j:i])
			properties[j] = p
		}
	}
}
