package oracle

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ParseExpression reads an expression, the functions' names in lower case:
//
//	sum     = product { ("+" | "-") product }
//	product = sign { ("*" | "/") sign }
//	sign    = [ "-" ] atom
//	atom    = number | string | "(" sum ")" | "event.properties." name
//	        | "event.timestamp" | "event.code" | function "(" sum { "," sum } ")"
func ParseExpression(text string) (*Expression, error) {
	p := expressionParser{rest: tokens.FindAllString(text, -1)}
	root, err := p.sum()
	if err == nil && len(p.rest) > 0 {
		err = fmt.Errorf("%q is one too many", p.rest[0])
	}
	if err != nil {
		return nil, fmt.Errorf("cannot parse expression %q: %w", text, err)
	}
	return &Expression{Text: text, root: root}, nil
}

// MustExpression is ParseExpression for texts that are written down by hand.
func MustExpression(text string) *Expression {
	x, err := ParseExpression(text)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return x
}

// tokens finds every part of an expression; what is nothing else is a token of one character.
var (
	tokens     = regexp.MustCompile(`'[^']*'|"[^"]*"|[0-9]+(\.[0-9]+)?|[A-Za-z_][A-Za-z0-9_.]*|\S`)
	digitFirst = regexp.MustCompile(`^[0-9]`)
)

// expressionParser takes an expression's tokens from the left.
type expressionParser struct{ rest []string }

// take takes the next token when it is one of those given, and returns it.
func (p *expressionParser) take(wanted ...string) string {
	for _, token := range wanted {
		if len(p.rest) > 0 && p.rest[0] == token {
			p.rest = p.rest[1:]
			return token
		}
	}
	return ""
}

func (p *expressionParser) sum() (node, error)     { return p.chain(p.product, "+", "-") }
func (p *expressionParser) product() (node, error) { return p.chain(p.sign, "*", "/") }

func (p *expressionParser) chain(next func() (node, error), operators ...string) (node, error) {
	x, err := next()
	for err == nil {
		operator := p.take(operators...)
		if operator == "" {
			break
		}
		var y node
		y, err = next()
		x = binary{operator[0], x, y}
	}
	return x, err
}

func (p *expressionParser) sign() (node, error) {
	if p.take("-") == "" {
		return p.atom()
	}
	x, err := p.atom()
	return negation{x}, err
}

func (p *expressionParser) atom() (node, error) {
	if len(p.rest) == 0 {
		return nil, errors.New("something is missing at the end")
	}
	token := p.rest[0]
	p.rest = p.rest[1:]
	name, isProperty := strings.CutPrefix(token, "event.properties.")
	switch {
	case token == "(":
		x, err := p.sum()
		if err == nil && p.take(")") == "" {
			err = errors.New("a parenthesis is not closed")
		}
		return x, err
	case token[0] == '\'' || token[0] == '"':
		if len(token) < 2 {
			return nil, errors.New("a string is not closed")
		}
		return literal{token[1 : len(token)-1]}, nil
	case digitFirst.MatchString(token):
		return literal{Decimal(token)}, nil
	case isProperty && name != "" && !strings.Contains(name, "."):
		return property{name}, nil
	case token == "event.timestamp" || token == "event.code":
		return field{strings.TrimPrefix(token, "event.")}, nil
	default:
		return p.call(token)
	}
}

func (p *expressionParser) call(function string) (node, error) {
	most, known := map[string]int{"concat": 100, "round": 2, "ceil": 2, "floor": 2}[function]
	if !known || p.take("(") == "" {
		return nil, fmt.Errorf("%q is not known", function)
	}
	n := call{function: function}
	for {
		arg, err := p.sum()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
		switch {
		case p.take(",") != "":
		case p.take(")") == "":
			return nil, fmt.Errorf("%s( is not closed", function)
		case len(n.args) > most:
			return nil, fmt.Errorf("%s has %d arguments", function, len(n.args))
		default:
			return n, nil
		}
	}
}
