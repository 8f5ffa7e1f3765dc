package ingest

import (
	"math/big"
	"regexp"
	"strings"
)

// The reference evaluates an expression as it reads it, with fractions and texts:
// slow, and without the code that ParseExpression makes.

// referenceValue is a result: a number's or a string's text.
type referenceValue struct {
	text   string
	isText bool
}

// referenceFailure is what the reference panics with when a value can't be had.
type referenceFailure string

// referenceEval evaluates a text that is an expression; reason is why it has no value.
func referenceEval(text string, e *Event) (v referenceValue, reason string) {
	defer func() {
		if failure, ok := recover().(referenceFailure); ok {
			v, reason = referenceValue{}, string(failure)
		}
	}()
	r := referenceEvaluator{rest: referenceTokens.FindAllString(text, -1), event: e}
	switch x := r.sum().(type) {
	case *big.Rat:
		return referenceValue{text: referencePlain(x)}, ""
	case string:
		return referenceValue{text: x, isText: true}, ""
	default:
		panic("BUG: a value of another type")
	}
}

var referenceTokens = regexp.MustCompile(`'[^']*'|"[^"]*"|[A-Za-z][A-Za-z0-9_.]*|[0-9.]+|[-+*/(),]`)

type referenceEvaluator struct {
	rest  []string // tokens
	event *Event
}

func (r *referenceEvaluator) next() string {
	if len(r.rest) == 0 {
		return ""
	}
	return r.rest[0]
}

func (r *referenceEvaluator) take() string {
	token := r.rest[0]
	r.rest = r.rest[1:]
	return token
}

func (r *referenceEvaluator) sum() any {
	x := r.product()
	for r.next() == "+" || r.next() == "-" {
		a := r.number(x)
		if r.take() == "+" {
			x = referenceFits(new(big.Rat).Add(a, r.number(r.product())))
		} else {
			x = referenceFits(new(big.Rat).Sub(a, r.number(r.product())))
		}
	}
	return x
}

func (r *referenceEvaluator) product() any {
	x := r.operand()
	for r.next() == "*" || r.next() == "/" {
		a, times := r.number(x), r.take() == "*"
		b := r.number(r.operand())
		switch {
		case times:
			x = referenceFits(new(big.Rat).Mul(a, b))
		case b.Sign() == 0:
			panic(referenceFailure(reasonEvalZero))
		default:
			x = referenceFits(referenceRound("round", new(big.Rat).Quo(a, b), 20))
		}
	}
	return x
}

func (r *referenceEvaluator) number(x any) *big.Rat {
	n, ok := x.(*big.Rat)
	if !ok {
		panic(referenceFailure(reasonEvalNumber))
	}
	return n
}

func (r *referenceEvaluator) operand() any {
	token := r.take()
	switch {
	case token == "-":
		return new(big.Rat).Neg(r.number(r.operand()))
	case token == "(":
		x := r.sum()
		r.take()
		return x
	case token[0] == '\'' || token[0] == '"':
		return token[1 : len(token)-1]
	case token[0] >= '0' && token[0] <= '9':
		x, _ := new(big.Rat).SetString(token)
		return x
	case token == "event.code":
		return string(r.event.Code)
	case token == "event.timestamp":
		return big.NewRat(r.event.Timestamp, 1_000_000_000)
	case strings.HasPrefix(token, "event.properties."):
		return r.property(strings.TrimPrefix(token, "event.properties."))
	}
	function, args := strings.ToLower(token), []any{}
	for r.take() != ")" { // the opening parenthesis or a comma
		args = append(args, r.sum())
		if function != "concat" {
			r.number(args[len(args)-1])
		}
		if r.next() == ")" {
			r.take()
			break
		}
	}
	return r.call(function, args)
}

func (r *referenceEvaluator) call(function string, args []any) any {
	if function == "concat" {
		text := ""
		for _, arg := range args {
			if n, ok := arg.(*big.Rat); ok {
				text += referencePlain(n)
			} else {
				text += arg.(string)
			}
		}
		if len(text) > PropertyValueBytesMax {
			panic(referenceFailure(reasonEvalLength))
		}
		return text
	}
	x, n := r.number(args[0]), new(big.Rat)
	if len(args) > 1 {
		n = r.number(args[1])
	}
	if !n.IsInt() || n.Num().CmpAbs(big.NewInt(256)) > 0 {
		panic(referenceFailure(reasonEvalDecimals))
	}
	return referenceFits(referenceRound(function, x, n.Num().Int64()))
}

func (r *referenceEvaluator) property(name string) any {
	p, ok := r.event.Property(name)
	switch {
	case !ok:
		panic(referenceFailure(reasonEvalMissing))
	case p.Kind == KindNull:
		panic(referenceFailure(reasonEvalNull))
	case p.Kind == KindNested:
		panic(referenceFailure(reasonEvalNested))
	case p.Kind == KindTrue || p.Kind == KindFalse:
		panic(referenceFailure(reasonEvalBoolean))
	case p.Kind == KindNumber || plainRegexp.Match(p.Text) && referenceDigits(string(p.Text)) <= NumberDigitsMax:
		x, _ := new(big.Rat).SetString(string(p.Text))
		return x
	}
	return string(p.Text)
}

// referenceRound rounds to whole multiples of 10^-decimals: down, and what is left decides.
func referenceRound(how string, x *big.Rat, decimals int64) *big.Rat {
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(decimals, -decimals)), nil))
	if decimals > 0 {
		unit.Inv(unit)
	}
	units := new(big.Rat).Quo(x, unit)
	down := new(big.Int).Div(units.Num(), units.Denom()) // Euclidean, and the denominator is positive: down
	rest := new(big.Rat).Sub(units, new(big.Rat).SetInt(down))
	up := false
	switch half := rest.Cmp(big.NewRat(1, 2)); how {
	case "ceil":
		up = rest.Sign() > 0
	case "round":
		up = half > 0 || half == 0 && x.Sign() > 0
	}
	if up {
		down.Add(down, big.NewInt(1))
	}
	return unit.Mul(unit, new(big.Rat).SetInt(down))
}

// referencePlain writes a number that has finitely many decimals.
func referencePlain(x *big.Rat) string {
	n, exact := x.FloatPrec()
	if !exact {
		panic("BUG: " + x.String() + " has no last decimal")
	}
	return x.FloatString(n)
}

// referenceFits refuses numbers of too many digits.
func referenceFits(x *big.Rat) *big.Rat {
	if referenceDigits(referencePlain(x)) > ExpressionDigitsMax {
		panic(referenceFailure(reasonEvalDigits))
	}
	return x
}
