package ingest

import "strconv"

// ExpressionQuotientDecimals is how many decimals a quotient in an expression is
// rounded to. Usage is made of them: it may never change.
const ExpressionQuotientDecimals = 20

// Expression is a parsed expression of a billable metric: what computes the
// metric's value from an event. It is immutable and safe for concurrent use.
//
// The grammar is Lago's, with strings in double quotes added; white space may stand
// between any two tokens.
//
//	expression = operand {("+" | "-" | "*" | "/") operand}
//	operand    = ["-"] (number | string | value | function | "(" expression ")")
//	number     = digits ["." digits]
//	string     = a text without single quotes in single quotes, or likewise in double ones
//	value      = "event.code" | "event.timestamp" | "event.properties." name
//	name       = a letter {letter | digit | "_"}
//	function   = ("round" | "ceil" | "floor") "(" expression ["," expression] ")"
//	           | "concat" "(" expression {"," expression} ")"
//
// * and / bind closer than + and -, a minus in front closer than both;
// operators that bind alike go from left to right. Names of functions may also be
// written ROUND or Round.
//
// Its values are numbers and strings. event.timestamp is a number, seconds since the
// Unix epoch with its decimals; event.code is a string. A property is a number where
// NumericText has one, else a string; one that is missing, null, nested or a boolean
// has no value. concat makes a string, of numbers in their shortest plain form (so
// the property "007" goes in as 7). No other string is a number: an expression that
// calculates with one is refused when it is parsed.
//
// Numbers are exact decimals, of at most ExpressionDigitsMax digits at every step. A
// quotient is rounded to ExpressionQuotientDecimals decimals, half away from zero.
// round rounds half away from zero too, ceil up, floor down, all to as many decimals
// as their second argument says, 0 by default; a negative one rounds to tens.
type Expression struct {
	text string
	code []instruction // in postfix order
	kind expressionKind
	// stackMax is how many numbers the code has on its stack at most.
	stackMax int
}

// String returns the expression's text as it was given.
func (x *Expression) String() string { return x.text }

// ExpressionError reports a text that is no expression.
type ExpressionError struct {
	Offset int    // byte in the text where it went wrong
	Reason string // what was wrong, for people
}

func (e *ExpressionError) Error() string {
	return "cannot parse expression: " + e.Reason + " at byte " + strconv.Itoa(e.Offset)
}

// EvalError reports that an expression has no value for an event.
type EvalError struct {
	Reason   string // what was wrong, for people
	Property string // the property that it was wrong with, "" when it was something else
}

func (e *EvalError) Error() string {
	if e.Property == "" {
		return "cannot evaluate expression: " + e.Reason
	}
	return "cannot evaluate expression: event.properties." + e.Property + " " + e.Reason
}

// expressionKind is what is known of a part's value before there is an event.
type expressionKind uint8

const (
	kindOfNumber expressionKind = iota
	kindOfText
	kindOfProperty // a property alone: a number or a string, as the event has it
)

// instruction is one step of an expression's evaluation. The numbers it needs lie on
// a stack; texts go straight to the end of the result, since only concat and the
// whole expression take them, and both in their order.
type instruction struct {
	op   operation
	name string // of opProperty and opAppendProperty; the text of opAppendText

	number   exact // of opNumber
	variable int   // of opVariable: which of the formula's
}

type operation uint8

const (
	opNumber    operation = iota // push number
	opVariable                   // push a variable of a formula
	opTimestamp                  // push the event's timestamp
	opProperty                   // push the property called name
	opNegate                     // replace the top x by -x
	opAdd                        // replace the top two, x below y, by x + y
	opSubtract
	opMultiply
	opDivide
	// Replace the top two, x below n, by x rounded to n decimals; in the order of rounding.
	opRound
	opCeil
	opFloor

	opAppendNumber   // pop x and append its text
	opAppendProperty // append the text of the property called name
	opAppendCode     // append the event's code
	opAppendText     // append name
)
