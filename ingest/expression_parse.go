package ingest

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseExpression parses the text of an expression, at most ExpressionBytesMax bytes.
// Its errors are *ExpressionError.
func ParseExpression(text string) (*Expression, error) {
	return parseExpression(expressionParser{text: text})
}

func parseExpression(p expressionParser) (*Expression, error) {
	if !p.parse() {
		return nil, &ExpressionError{Offset: p.failPos, Reason: p.failReason}
	}
	return &Expression{text: p.text, code: p.code, kind: p.kind, stackMax: p.stackMax}, nil
}

const (
	reasonExpressionEnd    = "unexpected end"
	reasonExpressionText   = "a string where a number is needed"
	reasonExpressionLength = "more than 1024 bytes"
	reasonExpressionSteps  = "more than 256 operands and operations"
	reasonExpressionDepth  = "parentheses and functions nested more than 32 deep"
	reasonExpressionDigits = "a number of more than 38 digits"
)

func init() {
	for reason, limit := range map[string]int{
		reasonExpressionLength: ExpressionBytesMax, reasonExpressionSteps: ExpressionStepsMax,
		reasonExpressionDepth: ExpressionNestingMax, reasonExpressionDigits: NumberDigitsMax,
		reasonEvalDigits: ExpressionDigitsMax, reasonEvalLength: PropertyValueBytesMax,
		reasonEvalDecimals: ExpressionDigitsMax, reasonEvalVariable: ExpressionDigitsMax,
	} {
		if !strings.Contains(reason, " "+strconv.Itoa(limit)+" ") {
			panic("BUG: " + reason + ": not the limit")
		}
	}
}

// expressionParser turns an expression's text into postfix code, by recursive descent:
// each method reads one part of the grammar, emits its code and returns the kind of
// its value. After a fault it returns false, and failPos and failReason say which.
type expressionParser struct {
	text      string
	pos       int
	variables []string // of a formula; nil: an expression over an event

	code            []instruction
	kind            expressionKind // of the whole
	stack, stackMax int            // numbers on the stack after the code so far, and at most
	depth           int            // open parentheses and functions

	failPos    int
	failReason string
}

func (p *expressionParser) fail(pos int, reason string) bool {
	p.failPos, p.failReason = pos, reason
	return false
}

// unexpected is the fault of whatever stands at pos.
func (p *expressionParser) unexpected() bool {
	if p.pos == len(p.text) {
		return p.fail(p.pos, reasonExpressionEnd)
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return p.fail(p.pos, "unexpected "+strconv.QuoteRune(r))
}

func (p *expressionParser) parse() bool {
	if len(p.text) > ExpressionBytesMax {
		return p.fail(ExpressionBytesMax, reasonExpressionLength)
	}
	if !utf8.ValidString(p.text) {
		return p.fail(0, reasonUTF8)
	}
	kind, ok := p.sum()
	if !ok {
		return false
	}
	p.kind = kind
	if p.space() != 0 || p.pos < len(p.text) {
		return p.unexpected()
	}
	return p.asText(kind)
}

// space skips white space and returns the byte after it, 0 at the end of the text.
func (p *expressionParser) space() byte {
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		p.pos++
	}
	return 0
}

// accept reads the byte c, if it comes next.
func (p *expressionParser) accept(c byte) bool {
	if p.space() != c || p.pos == len(p.text) {
		return false
	}
	p.pos++
	return true
}

// emit appends an instruction that leaves so many numbers more on the stack.
func (p *expressionParser) emit(i instruction, numbers int) bool {
	if len(p.code) == ExpressionStepsMax {
		return p.fail(p.pos, reasonExpressionSteps)
	}
	p.code = append(p.code, i)
	p.stack += numbers
	p.stackMax = max(p.stackMax, p.stack)
	return true
}

// asText makes a part's value the end of the result, if it is not already.
func (p *expressionParser) asText(kind expressionKind) bool {
	switch kind {
	case kindOfNumber:
		return p.emit(instruction{op: opAppendNumber}, -1)
	case kindOfProperty: // stands alone, so it was the last instruction
		p.code[len(p.code)-1].op = opAppendProperty
		p.stack--
	}
	return true
}

// sum reads an expression: products, added and subtracted.
func (p *expressionParser) sum() (expressionKind, bool) {
	return p.operations('+', opAdd, '-', opSubtract, (*expressionParser).product)
}

// product reads operands, multiplied and divided.
func (p *expressionParser) product() (expressionKind, bool) {
	return p.operations('*', opMultiply, '/', opDivide, (*expressionParser).operand)
}

// operations reads parts with one of two operators between them, from left to right.
func (p *expressionParser) operations(
	sign1 byte, op1 operation, sign2 byte, op2 operation, part func(*expressionParser) (expressionKind, bool),
) (expressionKind, bool) {
	p.space()
	at := p.pos
	kind, ok := part(p)
	for ok {
		var op operation
		switch {
		case p.accept(sign1):
			op = op1
		case p.accept(sign2):
			op = op2
		default:
			return kind, true
		}
		if kind == kindOfText {
			return 0, p.fail(at, reasonExpressionText)
		}
		kind = kindOfNumber
		ok = p.numberFrom(part) && p.emit(instruction{op: op}, -1)
	}
	return 0, false
}

// numberFrom reads a part that must not be a string.
func (p *expressionParser) numberFrom(part func(*expressionParser) (expressionKind, bool)) bool {
	p.space()
	at := p.pos
	kind, ok := part(p)
	if ok && kind == kindOfText {
		return p.fail(at, reasonExpressionText)
	}
	return ok
}

// operand reads one operand, with or without a minus in front.
func (p *expressionParser) operand() (expressionKind, bool) {
	if p.accept('-') {
		return kindOfNumber, p.numberFrom((*expressionParser).positive) && p.emit(instruction{op: opNegate}, 0)
	}
	return p.positive()
}

// positive reads one operand without a minus in front.
func (p *expressionParser) positive() (expressionKind, bool) {
	switch c := p.space(); {
	case c == '(':
		return p.parentheses()
	case (c == '\'' || c == '"') && p.variables == nil:
		return kindOfText, p.string()
	case c-'0' <= 9:
		return kindOfNumber, p.number()
	case isLetter(c):
		return p.word()
	}
	return 0, p.unexpected()
}

// open reads the opening parenthesis of what may hold another expression.
func (p *expressionParser) open() bool {
	if !p.accept('(') {
		return p.unexpected()
	}
	if p.depth++; p.depth > ExpressionNestingMax {
		return p.fail(p.pos-1, reasonExpressionDepth)
	}
	return true
}

func (p *expressionParser) close() bool {
	if !p.accept(')') {
		return p.unexpected()
	}
	p.depth--
	return true
}

func (p *expressionParser) parentheses() (expressionKind, bool) {
	if !p.open() {
		return 0, false
	}
	kind, ok := p.sum()
	return kind, ok && p.close()
}

// string reads a string; nothing in it is escaped.
func (p *expressionParser) string() bool {
	from := p.pos + 1
	n := strings.IndexByte(p.text[from:], p.text[p.pos])
	if n < 0 {
		return p.fail(len(p.text), reasonExpressionEnd)
	}
	text := p.text[from : from+n]
	if i := strings.IndexByte(text, 0); i >= 0 {
		return p.fail(from+i, "U+0000 in a string")
	}
	p.pos = from + n + 1
	return p.emit(instruction{op: opAppendText, name: text}, 0)
}

func (p *expressionParser) number() bool {
	from := p.pos
	p.pos += countDigits([]byte(p.text[p.pos:]))
	if rest := p.text[p.pos:]; len(rest) > 1 && rest[0] == '.' && rest[1]-'0' <= 9 {
		p.pos += 1 + countDigits([]byte(rest[1:]))
	}
	n, ok := parseExact([]byte(p.text[from:p.pos]))
	if !ok {
		return p.fail(from, reasonExpressionDigits)
	}
	return p.emit(instruction{op: opNumber, number: n}, 1)
}

// word reads a value of the event, a variable of the formula or a function.
func (p *expressionParser) word() (expressionKind, bool) {
	from := p.pos
	for p.pos < len(p.text) && (isNameByte(p.text[p.pos]) || p.text[p.pos] == '.') {
		p.pos++
	}
	word := p.text[from:p.pos]
	switch word {
	case "round", "ROUND", "Round":
		return kindOfNumber, p.rounding(opRound)
	case "ceil", "CEIL", "Ceil":
		return kindOfNumber, p.rounding(opCeil)
	case "floor", "FLOOR", "Floor":
		return kindOfNumber, p.rounding(opFloor)
	}
	if p.variables == nil {
		return p.ofEvent(word, from)
	}
	at := slices.Index(p.variables, word)
	if at < 0 {
		return 0, p.fail(from, "unknown name "+word)
	}
	return kindOfNumber, p.emit(instruction{op: opVariable, variable: at}, 1)
}

// ofEvent reads what only an expression over an event has: its values, and texts. word begins at from.
func (p *expressionParser) ofEvent(word string, from int) (expressionKind, bool) {
	switch word {
	case "event.code":
		return kindOfText, p.emit(instruction{op: opAppendCode}, 0)
	case "event.timestamp":
		return kindOfNumber, p.emit(instruction{op: opTimestamp}, 1)
	case "concat", "CONCAT", "Concat":
		return kindOfText, p.concat()
	}
	name, ok := strings.CutPrefix(word, "event.properties.")
	if !ok || !isPropertyName(name) {
		return 0, p.fail(from, "unknown name "+word)
	}
	return kindOfProperty, p.emit(instruction{op: opProperty, name: name}, 1)
}

// rounding reads what stands behind the name of round, ceil or floor.
func (p *expressionParser) rounding(op operation) bool {
	if !p.open() || !p.numberFrom((*expressionParser).sum) {
		return false
	}
	if p.accept(',') {
		if !p.numberFrom((*expressionParser).sum) {
			return false
		}
	} else if !p.emit(instruction{op: opNumber}, 1) {
		return false
	}
	return p.close() && p.emit(instruction{op: op}, -1)
}

// concat reads what stands behind the name of concat. Its arguments need no
// instruction that joins them: each has put its text behind that of the one before.
func (p *expressionParser) concat() bool {
	if !p.open() {
		return false
	}
	for {
		kind, ok := p.sum()
		if !ok || !p.asText(kind) {
			return false
		}
		if !p.accept(',') {
			return p.close()
		}
	}
}

func isLetter(c byte) bool { return c|0x20-'a' <= 'z'-'a' }

func isNameByte(c byte) bool { return isLetter(c) || c-'0' <= 9 || c == '_' }

// isPropertyName reports whether name is one that the grammar knows.
func isPropertyName(name string) bool {
	if name == "" || !isLetter(name[0]) || len(name) > PropertyNameBytesMax {
		return false
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return true
}
