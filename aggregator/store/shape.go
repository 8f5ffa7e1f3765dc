package store

import (
	"weir/ingest"
)

// The shape of an event is the names and kinds of its properties. Those of one metric
// mostly have one shape, which is kept once: in the arena of what is pending, and in a block.
//
// In the arena: number of properties 1, and of each its kind 1, the length of its name 1, its name.

const (
	// shapeSlots is how many shapes a Pending finds again. More of them are kept more than once.
	shapeSlots = 64
	// shapePropertyBytes is what a property takes besides its name.
	shapePropertyBytes = 2
)

// shapeTable finds shapes that are in the arena: where they begin, plus one.
type shapeTable [shapeSlots]uint32

// shapeOf returns where the shape of properties stands in the arena, and puts it there if
// it is not found.
func (p *Pending) shapeOf(properties []ingest.Property) uint32 {
	if p.shapes == nil {
		p.shapes = new(shapeTable)
	}
	hash := uint(len(properties))
	for i := range properties {
		name := properties[i].Name
		hash = hash*31 + uint(len(name)) + uint(properties[i].Kind)<<3
		if len(name) > 0 {
			hash += uint(name[len(name)-1]) * 7
		}
	}
	slot := &p.shapes[(hash^hash>>6)%shapeSlots]
	if *slot != 0 && isShape(p.arena[*slot-1:], properties) {
		return *slot - 1
	}
	at := uint32(len(p.arena))
	p.arena = append(p.arena, byte(len(properties)))
	for i := range properties {
		property := &properties[i]
		p.arena = append(p.arena, byte(property.Kind), byte(len(property.Name)))
		p.arena = append(p.arena, property.Name...)
	}
	*slot = at + 1
	return at
}

// isShape reports whether the shape at the front of b is that of properties.
func isShape(b []byte, properties []ingest.Property) bool {
	if int(b[0]) != len(properties) {
		return false
	}
	b = b[1:]
	for i := range properties {
		end := shapePropertyBytes + int(b[1])
		if b[0] != byte(properties[i].Kind) || string(b[shapePropertyBytes:end]) != string(properties[i].Name) {
			return false
		}
		b = b[end:]
	}
	return true
}

// shapeBytes returns the length of the shape at the front of b.
func shapeBytes(b []byte) int {
	at := 1
	for range b[0] {
		at += shapePropertyBytes + int(b[at+1])
	}
	return at
}

// appendShape appends the properties of the shape at the front of b, without texts.
// Their names lie in b.
func appendShape(dst []ingest.Property, b []byte) []ingest.Property {
	at := 1
	for range b[0] {
		end := at + shapePropertyBytes + int(b[at+1])
		dst = append(dst, ingest.Property{Kind: ingest.Kind(b[at]), Name: b[at+shapePropertyBytes : end : end]})
		at = end
	}
	return dst
}
