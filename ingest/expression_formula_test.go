package ingest

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestFormula(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, units, events, want string }{
		{"units * 0.05", "120", "7", "6"},
		{"0.1 * units + 0.02 * events_count", "12.5", "4", "1.33"}, // 1.25 + 0.08
		{"round(units / 3, 2)", "10", "0", "3.33"},
		{"ceil(units / 100) * 25 - floor(events_count, -1)", "230", "19", "65"}, // 3 x 25 - 10
		{"-(units) - -events_count", "1", "2", "1"},
		{"5", "1", "2", "5"},
		{" units ", "-0.50", "0", "-0.5"},
		{"units*units", "123456789012345678901234567890", "0", "15241578753238836750495351562536198787501905199875019052100"},
		{"units", "1" + strings.Repeat("0", ExpressionDigitsMax-1), "0", "1" + strings.Repeat("0", ExpressionDigitsMax-1)},
	} {
		f, err := ParseFormula(c.text, "units", "events_count")
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got, err := f.Eval(c.units, c.events); err != nil || got != c.want || f.String() != c.text {
			t.Errorf("%s: %s, %v, want %s", f, got, err, c.want)
		}
	}
}

func TestParseFormulaFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "unexpected end at byte 0",
		"units *":                               "unexpected end at byte 7",
		"Units":                                 "unknown name Units at byte 0",
		"units.x":                               "unknown name units.x at byte 0",
		"2 * event.properties.a":                "unknown name event.properties.a at byte 4",
		"event.timestamp":                       "unknown name event.timestamp at byte 0",
		"concat(units, units)":                  "unknown name concat at byte 0",
		"'1'":                                   `unexpected '\'' at byte 0`,
		`units + "1"`:                           `unexpected '"' at byte 8`,
		"round(units, 1, 1)":                    "unexpected ',' at byte 14",
		"1" + nines38 + " + units":              reasonExpressionDigits + " at byte 0",
		"units" + strings.Repeat("+units", 128): reasonExpressionSteps + " at byte 773", // 129 operands and 127 operations
	} {
		f, err := ParseFormula(text, "units", "events_count")
		var failure *ExpressionError
		if !errors.As(err, &failure) || f != nil || err.Error() != "cannot parse expression: "+want {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

func TestFormulaEvalFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, units, want string }{
		{"1 / (units - 5)", "5.0", reasonEvalZero},
		{"round(1, units)", "0.5", reasonEvalDecimals},
		{"units * units", "1" + strings.Repeat("0", 128), reasonEvalDigits}, // 257
		{"units", "1" + strings.Repeat("0", ExpressionDigitsMax), "units " + reasonEvalVariable},
		{"units", "five", "units " + reasonEvalVariable},
		{"1", "", "units " + reasonEvalVariable},
	} {
		f, err := ParseFormula(c.text, "units")
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Eval(c.units)
		if err == nil || err.Error() != "cannot evaluate expression: "+c.want || got != "" {
			t.Errorf("%s of %.20s: %q, %v, want %s", f, c.units, got, err, c.want)
		}
	}
}

// TestFormulaRandom holds formulas against the same calculation over an event, which itself
// is held against the reference.
func TestFormulaRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := expressionGenerator{rand.New(rand.NewPCG(seed, 3))}
	e := expressionEvent(t)
	values := 0
	for range 5_000 {
		text := g.number(4)
		if strings.Contains(text, "properties.text") {
			continue // no number
		}
		over := checkExpression(t, text, e)
		x, err := ParseExpression(text)
		if err != nil {
			continue // too long
		}
		names := []string{"two", "half", "quoted", "zip", "exp", "nines"}
		f, err := ParseFormula(strings.ReplaceAll(text, "event.properties.", ""), names...)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, failure := f.Eval("2", "0.5", "12.50", "007", "1.5e3", nines38)
		want, kind, err := x.AppendEval(nil, e)
		if (failure == nil) != over || failure != nil && failure.Error() != err.Error() || got != string(want) || failure == nil && kind != KindNumber {
			t.Fatalf("%s: formula %s, %v; expression %s, %v", text, got, failure, want, err)
		}
		if over {
			values++
		}
	}
	if values < 500 {
		t.Errorf("only %d had a value: the generator has gone astray", values)
	}
}
