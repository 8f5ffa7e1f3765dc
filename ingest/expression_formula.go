package ingest

// Formula is an expression over named numbers instead of an event: the language of
// Expression without strings, concat and event.…, where each variable is a number. It is
// immutable and safe for concurrent use.
type Formula struct {
	expression *Expression
	variables  []string
}

// ParseFormula parses the text of a formula over the given variables, at least one, whose
// names are letters, digits and underscores and no function's. Limits and errors are those
// of ParseExpression.
func ParseFormula(text string, variables ...string) (*Formula, error) {
	if len(variables) == 0 {
		panic("BUG: a formula over nothing")
	}
	x, err := parseExpression(expressionParser{text: text, variables: variables})
	if err != nil {
		return nil, err
	}
	return &Formula{expression: x, variables: variables}, nil
}

// String returns the formula's text as it was given.
func (f *Formula) String() string { return f.expression.text }

// Eval returns the formula's value in its shortest plain form (see AppendPlain). values are
// decimal texts of at most ExpressionDigitsMax digits, one for each variable in their order.
// The errors are *EvalError.
func (f *Formula) Eval(values ...string) (string, error) {
	if len(values) != len(f.variables) {
		panic("BUG: a formula needs a value for each of its variables")
	}
	numbers := make([]exact, len(values))
	for i, text := range values {
		var ok bool
		if numbers[i], ok = parseLongExact([]byte(text), ExpressionDigitsMax); !ok {
			return "", &EvalError{Reason: f.variables[i] + " " + reasonEvalVariable}
		}
	}
	out, _, err := f.expression.appendEval(nil, evaluation{variables: numbers})
	return string(out), err
}
