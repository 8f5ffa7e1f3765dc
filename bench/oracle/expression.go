package oracle

import (
	"encoding/json"
	"math/big"
	"time"
)

// Expression computes a metric's value from an event, with + - * / of numbers, a minus
// in front of one, parentheses, numbers, 'strings' and "strings",
// event.properties.<name>, event.timestamp (seconds since the epoch, with decimals),
// event.code, concat(…), and round, ceil and floor of (x) or (x, digits).
//
// Its values are numbers and strings. A property that is a quoted number (see number) is
// a number; no other string is, not a literal and not what concat made. A number goes into
// concat as its shortest plain decimal. A property that is missing, null, nested or a
// boolean has no value. Every step is exact but the quotient, which is rounded half away
// from zero to 20 digits after the point. Sizes have no bounds here: what ingestion would
// refuse as too long is not for the oracle.
type Expression struct {
	Text string
	root node
}

// Eval returns the expression's result for an event, as a property would have it: a
// json.Number or a string. ok is false when there is none: an operand has no value or
// is not a number, a division by zero, digits that are not whole.
func (x *Expression) Eval(e Event) (result any, ok bool) {
	switch v := x.root.eval(e).(type) {
	case *big.Rat:
		return json.Number(plain(v)), true
	case string:
		return v, true
	default:
		return nil, false
	}
}

// node is a part of an expression. Its value is a *big.Rat, a string, or nil for none.
type node interface {
	eval(e Event) any
}

type (
	literal  struct{ value any }
	property struct{ name string }
	field    struct{ name string } // of the event: timestamp or code
	negation struct{ x node }
	binary   struct {
		operator byte
		x, y     node
	}
	call struct {
		function string
		args     []node
	}
)

func (n literal) eval(Event) any { return n.value }

func (n property) eval(e Event) any {
	switch v := e.Properties[n.name].(type) {
	case json.Number:
		return number(v)
	case string:
		if quoted := number(v); quoted != nil {
			return quoted
		}
		return v
	default:
		return nil
	}
}

func (n field) eval(e Event) any {
	if n.name == "code" {
		return e.Code
	}
	seconds := nanoseconds(time.Unix(0, 0), e.Time)
	return seconds.Quo(seconds, big.NewRat(int64(time.Second), 1))
}

func (n negation) eval(e Event) any {
	x := operand(n.x, e)
	if x == nil {
		return nil
	}
	return new(big.Rat).Neg(x)
}

// operand returns a node's value as a number, nil when it is none.
func operand(n node, e Event) *big.Rat {
	x, _ := n.eval(e).(*big.Rat)
	return x
}

func (n binary) eval(e Event) any {
	x, y := operand(n.x, e), operand(n.y, e)
	if x == nil || y == nil {
		return nil
	}
	result := new(big.Rat)
	switch n.operator {
	case '+':
		return result.Add(x, y)
	case '-':
		return result.Sub(x, y)
	case '*':
		return result.Mul(x, y)
	}
	if y.Sign() == 0 {
		return nil
	}
	return roundHalfAway(result.Quo(x, y), unitsDigits)
}

func (n call) eval(e Event) any {
	if n.function == "concat" {
		return n.concat(e)
	}
	x, digits := operand(n.args[0], e), new(big.Rat)
	if len(n.args) > 1 {
		digits = operand(n.args[1], e)
	}
	if x == nil || digits == nil || !digits.IsInt() {
		return nil
	}
	return Rounding(n.function).Apply(x, int(digits.Num().Int64()))
}

func (n call) concat(e Event) any {
	text := ""
	for _, arg := range n.args {
		switch v := arg.eval(e).(type) {
		case *big.Rat:
			text += plain(v)
		case string:
			text += v
		default:
			return nil
		}
	}
	return text
}
