package ingest

const (
	reasonEvalMissing  = "is missing"
	reasonEvalNull     = "is null"
	reasonEvalBoolean  = "is a boolean"
	reasonEvalNested   = "is an object or an array"
	reasonEvalNumber   = "is not a number"
	reasonEvalZero     = "division by zero"
	reasonEvalDigits   = "a number of more than 256 digits"
	reasonEvalLength   = "a string of more than 1024 bytes"
	reasonEvalVariable = "is not a decimal of at most 256 digits"
	reasonEvalDecimals = "round, ceil or floor to decimals that are no whole number of at most 256 either way"
)

// AppendEval appends the expression's value for an event: the text of a KindString
// or, in its shortest plain form (see AppendPlain), of a KindNumber. A number may have
// up to ExpressionDigitsMax digits, more than one that was sent; a text has at most
// PropertyValueBytesMax bytes.
//
// The result is dst's own and holds nothing of e. The errors are *EvalError; with one
// out is dst as it was.
func (x *Expression) AppendEval(dst []byte, e *Event) (out []byte, kind Kind, err error) {
	return x.appendEval(dst, evaluation{event: e})
}

// appendEval is AppendEval of an evaluation that has not begun.
func (x *Expression) appendEval(dst []byte, v evaluation) (out []byte, kind Kind, err error) {
	const usualStack = 8 // numbers
	var scratch [usualStack]exact
	v.stack = scratch[:]
	if x.stackMax > usualStack {
		v.stack = make([]exact, x.stackMax)
	}
	out = dst
	for i := range x.code {
		if out, err = v.step(out, &x.code[i]); err != nil {
			return dst, KindNull, err
		}
		if len(out)-len(dst) > PropertyValueBytesMax {
			return dst, KindNull, &EvalError{Reason: reasonEvalLength}
		}
	}
	if x.kind == kindOfNumber || x.kind == kindOfProperty && v.numeric {
		return out, KindNumber, nil
	}
	return out, KindString, nil
}

// evaluation is one run of an expression's code. The result is not part of it: that
// would put the stack on the heap.
type evaluation struct {
	event     *Event  // nil: of a formula
	variables []exact // of a formula
	stack     []exact // the first top are in use
	top       int
	numeric   bool // the last property that was appended is a number
}

// step does what one instruction says and returns the result so far.
func (v *evaluation) step(out []byte, i *instruction) ([]byte, error) {
	switch i.op {
	case opNumber:
		v.push(i.number)
	case opVariable:
		v.push(v.variables[i.variable])
	case opTimestamp:
		v.push(exact{small: v.event.Timestamp, decimals: ScaleDigits})
	case opProperty:
		return out, v.property(i.name)
	case opNegate:
		x := &v.stack[v.top-1]
		*x = x.negated()
	case opAppendNumber:
		v.top--
		return v.stack[v.top].appendPlain(out), nil
	case opAppendProperty:
		return v.appendProperty(out, i.name)
	case opAppendCode:
		return append(out, v.event.Code...), nil
	case opAppendText:
		return append(out, i.name...), nil
	default:
		return out, v.calculate(i.op)
	}
	return out, nil
}

func (v *evaluation) push(x exact) {
	v.stack[v.top] = x
	v.top++
}

// value returns a property that is a number or a string.
func (v *evaluation) value(name string) (Property, error) {
	p, ok := v.event.Property(name)
	reason := ""
	switch {
	case !ok:
		reason = reasonEvalMissing
	case p.Kind == KindNumber || p.Kind == KindString:
		return p, nil
	case p.Kind == KindNull:
		reason = reasonEvalNull
	case p.Kind == KindNested:
		reason = reasonEvalNested
	default:
		reason = reasonEvalBoolean
	}
	return p, &EvalError{Reason: reason, Property: name}
}

func (v *evaluation) property(name string) error {
	p, err := v.value(name)
	if err != nil {
		return err
	}
	if text, ok := NumericText(p); ok {
		if x, ok := parseExact(text); ok {
			v.push(x)
			return nil
		}
	}
	return &EvalError{Reason: reasonEvalNumber, Property: name}
}

func (v *evaluation) appendProperty(out []byte, name string) ([]byte, error) {
	p, err := v.value(name)
	if err != nil {
		return out, err
	}
	text, numeric := NumericText(p)
	if v.numeric = numeric; numeric {
		return AppendPlain(out, text), nil
	}
	return append(out, p.Text...), nil
}

// calculate replaces the top two numbers, x below y, by what op makes of them.
func (v *evaluation) calculate(op operation) error {
	v.top--
	x, y := &v.stack[v.top-1], v.stack[v.top]
	switch op {
	case opAdd:
		*x = x.plus(y)
	case opSubtract:
		*x = x.plus(y.negated())
	case opMultiply:
		*x = x.times(y)
	case opDivide:
		if y.isZero() {
			return &EvalError{Reason: reasonEvalZero}
		}
		*x = x.over(y)
	default:
		decimals, ok := y.whole(ExpressionDigitsMax)
		if !ok {
			return &EvalError{Reason: reasonEvalDecimals}
		}
		*x = x.rounded(decimals, rounding(op-opRound))
	}
	if !x.fits() {
		return &EvalError{Reason: reasonEvalDigits}
	}
	return nil
}
