package oracle

import (
	"encoding/json"
	"testing"
	"time"
)

func TestExpression(t *testing.T) {
	t.Parallel()
	e := Event{
		Code: "api calls", Time: time.Unix(1_700_000_000, 123_000_000),
		Properties: map[string]any{
			"a": json.Number("6"), "b": "2.50", "e": json.Number("1.5e2"), "text": "eu", "exponent": "1e3",
			"yes": true, "null": nil, "nested": []any{}, "zero": json.Number("0"), "minus": json.Number("-7"), "id": "007",
		},
	}
	for _, c := range []struct {
		text string
		want any // nil: no result
	}{
		{"1 + 2 * 3", json.Number("7")},
		{"(1 + 2) * 3", json.Number("9")},
		{"10 - 4 - 3", json.Number("3")}, // from the left
		{"100 / 10 / 2", json.Number("5")},
		{"2 * -3", json.Number("-6")},
		{"1 - -3", json.Number("4")},
		{"-(-3)", json.Number("3")},
		{"-(1+2)*2", json.Number("-6")},
		{"0.1 + 0.2", json.Number("0.3")},
		{"1/3", json.Number("0.33333333333333333333")},
		{"2/3", json.Number("0.66666666666666666667")},
		{"-2/3", json.Number("-0.66666666666666666667")},
		{"1/3*3", json.Number("0.99999999999999999999")}, // a quotient is rounded where it stands
		{"event.properties.a / event.properties.b", json.Number("2.4")},
		{"event.properties.e", json.Number("150")},
		{"event.properties.b", json.Number("2.5")},
		{"event.properties.text", "eu"},
		{"event.properties.id", json.Number("7")},
		{"event.code", "api calls"},
		{"event.timestamp", json.Number("1700000000.123")},
		{"'x'", "x"},
		{`"it's"`, "it's"},
		{"''", ""},
		{"concat('a', 1.50, event.properties.e, event.properties.id, event.properties.text)", "a1.51507eu"},
		{"concat(event.properties.exponent)", "1e3"},
		{"round(2.5)", json.Number("3")},
		{"round(-2.5)", json.Number("-3")},
		{"round(1234.567, 2)", json.Number("1234.57")},
		{"round(1250, -2)", json.Number("1300")},
		{"ceil(1.01)", json.Number("2")},
		{"ceil(-1.01, 1)", json.Number("-1")},
		{"floor(-1.01)", json.Number("-2")},
		{"floor(event.properties.a / 4, 1)", json.Number("1.5")},
		{"floor(199, 0 - 2)", json.Number("100")},
		{"event.properties.missing", nil},
		{"event.properties.null + 1", nil},
		{"event.properties.nested", nil},
		{"event.properties.yes", nil},
		{"concat('a', event.properties.yes)", nil},
		{"concat('a', event.properties.missing)", nil},
		{"event.properties.text + 1", nil},
		{"event.properties.exponent + 1", nil},
		{"-event.properties.text", nil},
		{"'1' + 1", nil},
		{"concat('1') + 1", nil},
		{"1 / event.properties.zero", nil},
		{"1 / (event.properties.minus + 7)", nil},
		{"round(event.properties.text)", nil},
		{"round(1, 'x')", nil},
		{"round(1, 0.5)", nil},
	} {
		x, err := ParseExpression(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got, ok := x.Eval(e); got != c.want || ok != (c.want != nil) {
			t.Errorf("%s is %#v, %v, want %#v", c.text, got, ok, c.want)
		}
	}
}

func TestParseExpressionRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "1 +", "* 1", "1 2", "(1", "1)", "()", "'open", `"open`, "event", "event.", "event.id", "event.properties",
		"event.properties.", "event.properties.a.b", "a", "sqrt(4)", "round", "round(", "round()", "round(1", "round(1,)",
		"round(1,2,3)", "ceil(1;2)", "concat()", "1 % 2", "2 ^ 3", "1.", ".5", "1e3", "$", "--3",
	} {
		if x, err := ParseExpression(text); err == nil {
			t.Errorf("%q was taken: %#v", text, x.root)
		}
	}
}
