package ingest

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// expressionEvent is what the expressions of the tests are evaluated with.
func expressionEvent(tb testing.TB) *Event {
	tb.Helper()
	var b Batch
	line := `{"transaction_id":"t","external_subscription_id":"s","code":"cpu","timestamp":1710000000.25,"properties":{` +
		`"two":2,"half":0.5,"quoted":"12.50","zip":"007","exp":1.5e3,"quotedexp":"1e3","plus":"+1","text":"it's","empty":"",` +
		`"null":null,"yes":true,"no":false,"list":[1],"nines":` + nines38 + `,"A_1":1,` +
		`"long":"` + strings.Repeat("x", PropertyValueBytesMax) + `"}}`
	if err := b.ParseLine([]byte(line)); err != nil {
		tb.Fatal(err)
	}
	return &b.Events[0]
}

// nines38 is the largest number that is taken.
const nines38 = "99999999999999999999999999999999999999"

func TestExpression(t *testing.T) {
	t.Parallel()
	e := expressionEvent(t)
	zeros := func(n int) string { return strings.Repeat("0", n) }
	for _, c := range []struct {
		text string
		want string // a string's begins with a quote
	}{
		// Literals, and the shortest plain form.
		{"1", "1"},
		{"007", "7"},
		{"1.50", "1.5"},
		{"0.0", "0"},
		{"-0", "0"},
		{"100", "100"},
		{"'a b'", `"a b`},
		{`"it's"`, `"it's`},
		{`'say "x"'`, `"say "x"`},
		{"''", `"`},
		{`'\n é'`, `"\n é`}, // nothing is escaped
		{"'1'", `"1`},
		{" \t\r\n1 ", "1"},
		{nines38, nines38},

		// Values of the event.
		{"event.code", `"cpu`},
		{"event.timestamp", "1710000000.25"},
		{"event.timestamp - 1710000000", "0.25"},
		{"event.properties.two", "2"},
		{"event.properties.A_1", "1"},
		{"event.properties.exp", "1500"},
		{"event.properties.quoted", "12.5"}, // a quoted number is a number
		{"event.properties.quoted * 2", "25"},
		{"event.properties.zip + 1", "8"},
		{"event.properties.quotedexp", `"1e3`}, // not one that is quoted: see NumericText
		{"event.properties.plus", `"+1`},
		{"event.properties.text", `"it's`},
		{"event.properties.empty", `"`},
		{"(event.properties.text)", `"it's`},
		{"-event.properties.two", "-2"},

		// Precedence, and from left to right.
		{"1+2*3", "7"},
		{"(1+2)*3", "9"},
		{"10-4-3", "3"},
		{"10-(4-3)", "9"},
		{"12/3*2", "8"},
		{"12/3/2", "2"},
		{"2*3+4*5", "26"},
		{"-2*3", "-6"},
		{"-(2+3)*2", "-10"},
		{"2 - -3", "5"},
		{"2*-3", "-6"},
		{"- 2", "-2"},
		{"((((1))))", "1"},
		{strings.Repeat("1+2*(", 16) + "1" + strings.Repeat(")", 16), "131071"}, // x → 1+2x, 16 times of 1: 2^17 - 1
		{"(123 - event.properties.half) / 10", "12.25"},

		// Exactness.
		{"0.1+0.2", "0.3"},
		{"0.1*0.2", "0.02"},
		{"0.5*2", "1"},
		{"1-0.9", "0.1"},
		{"1.10-1.1", "0"},
		{"9223372036854775807+1", "9223372036854775808"}, // beyond an int64
		{"-9223372036854775807-1", "-9223372036854775808"},
		{"-9223372036854775807-2", "-9223372036854775809"},
		{"9223372036854775807-9223372036854775808", "-1"},
		{"-(0-9223372036854775807-1)", "9223372036854775808"},
		{"4294967296*4294967296", "18446744073709551616"}, // 2^32 × 2^32 = 2^64
		{"3037000500*3037000500", "9223372037000250000"},  // just above an int64
		{"0.0000000001*0.0000000001", "0.00000000000000000001"},
		{"100000000000000000000*0.00000000000000000001", "1"},
		{"1000000000000000000000000000000 + 0.0000001", "1000000000000000000000000000000.0000001"},
		{nines38 + "+1", "1" + zeros(38)},
		// (10^38 - 1)² = 10^76 - 2×10^38 + 1
		{"event.properties.nines * event.properties.nines", strings.Repeat("9", 37) + "8" + zeros(37) + "1"},

		// Quotients: 20 decimals, half away from zero.
		{"4/2", "2"},
		{"1/8", "0.125"},
		{"1/3", "0.33333333333333333333"},
		{"2/3", "0.66666666666666666667"},
		{"-2/3", "-0.66666666666666666667"},
		{"2/-3", "-0.66666666666666666667"},
		{"-1/-8", "0.125"},
		{"100/3", "33.33333333333333333333"},
		{"1/3*3", "0.99999999999999999999"},
		{"0/7", "0"},
		{"0.5/100000000000000000000", "0.00000000000000000001"}, // half of the last decimal: away
		{"-0.5/100000000000000000000", "-0.00000000000000000001"},
		{"0.4999/100000000000000000000", "0"},
		{"0.00000000001/2000000000", "0.00000000000000000001"}, // 0.5 × 10^-20, small numbers
		{"0.00000000001/2000000001", "0"},
		{"1/9223372036854775807", "0.00000000000000000011"}, // 1.08 × 10^-19
		{"1/0.00000000000000000003", "33333333333333333333.33333333333333333333"},
		{"event.properties.quoted / 1000", "0.0125"},
		{"1500/event.properties.exp", "1"},

		// Rounding.
		{"round(12.5)", "13"},
		{"round(-12.5)", "-13"},
		{"round(12.4999)", "12"},
		{"round(12.345, 2)", "12.35"},
		{"round(-12.345, 2)", "-12.35"},
		{"round(12.34, -1)", "10"},
		{"round(15, -1)", "20"},
		{"round(-15, -1)", "-20"},
		{"round(14, -1)", "10"},
		{"round(4, -1)", "0"},
		{"round(5, -2)", "0"},
		{"round(50, -2)", "100"},
		{"round(7, -200)", "0"},
		{"round(1.5, 200)", "1.5"},
		{"round(12.345, event.properties.two)", "12.35"},
		{"round(12.345, 1+1.0)", "12.35"},
		{"round(12.345, 20/10)", "12.35"},
		{"ceil(12.3)", "13"},
		{"ceil(-12.3)", "-12"},
		{"ceil(12)", "12"},
		{"ceil(12.351, 1)", "12.4"},
		{"ceil(0.0001)", "1"},
		{"ceil(1, -3)", "1000"},
		{"ceil(-1, -3)", "0"},
		{"ceil(1, -25)", "1" + zeros(25)},
		{"floor(12.7)", "12"},
		{"floor(-12.3)", "-13"},
		{"floor(12.351, 1)", "12.3"},
		{"floor(1234, -2)", "1200"},
		{"floor(-1, -3)", "-1000"},
		{"floor(0-" + nines38 + ", -1)", "-1" + zeros(38)},
		{"round(12345678901234567890.5)", "12345678901234567891"},
		{"round(0.5/100000000000000000000, 20)", "0.00000000000000000001"},
		{"ROUND(1.4) + Round(1.4) + CEIL(1.4) + Ceil(1.4) + FLOOR(1.4) + Floor(1.4)", "8"}, // 1+1+2+2+1+1
		{"round (1.5 , 0 )", "2"},
		{"round(1.5, 0.0)", "2"},
		{"round(1.5, 10*0.10)", "1.5"},

		// Texts.
		{"concat('a')", `"a`},
		{"concat('a', '-', 'b')", `"a-b`},
		{"CONCAT('a', Concat('b', concat('c')), 'd')", `"abcd`},
		{"concat(1.50, '/', 10/4)", `"1.5/2.5`},
		{"concat(event.code, '-', event.timestamp)", `"cpu-1710000000.25`},
		{"concat(event.properties.text, event.properties.two, event.properties.exp)", `"it's21500`},
		{"concat(event.properties.zip)", `"7`},
		{"concat((event.properties.text))", `"it's`},
		{"concat(1, 2)", `"12`},
		{"(concat('a'))", `"a`},
		{"event.properties.long", `"` + strings.Repeat("x", PropertyValueBytesMax)},
		{"concat(event.properties.long, event.properties.empty)", `"` + strings.Repeat("x", PropertyValueBytesMax)},
	} {
		x, err := ParseExpression(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if x.String() != c.text {
			t.Errorf("String of %q is %q", c.text, x)
		}
		out, kind, err := x.AppendEval([]byte("before"), e)
		text := strings.TrimPrefix(string(out), "before")
		if kind == KindString {
			text = `"` + text
		}
		if err != nil || text != c.want || kind != KindString && kind != KindNumber {
			t.Errorf("%s: %s (kind %d, %v), want %s", c.text, text, kind, err, c.want)
		}
	}
}

func TestExpressionEvalFails(t *testing.T) {
	t.Parallel()
	e := expressionEvent(t)
	for text, want := range map[string]string{
		"event.properties.gone":                                       "event.properties.gone is missing",
		"event.properties.null + 1":                                   "event.properties.null is null",
		"event.properties.yes * 1":                                    "event.properties.yes is a boolean",
		"concat(event.properties.no)":                                 "event.properties.no is a boolean",
		"concat('a', event.properties.list)":                          "event.properties.list is an object or an array",
		"event.properties.text + 1":                                   "event.properties.text is not a number",
		"-event.properties.empty":                                     "event.properties.empty is not a number",
		"event.properties.quotedexp * 1":                              "event.properties.quotedexp is not a number",
		"1 / 0":                                                       "division by zero",
		"1 / (event.properties.two - 2.00)":                           "division by zero",
		"1 / (event.properties.nines - event.properties.nines)":       "division by zero",
		"round(1, 0.5)":                                               reasonEvalDecimals,
		"round(1, 257)":                                               reasonEvalDecimals,
		"round(1, 0-257)":                                             reasonEvalDecimals,
		"floor(1, event.properties.nines)":                            reasonEvalDecimals,
		"ceil(1, -256)":                                               reasonEvalDigits,
		"concat(event.properties.long, 'x')":                          reasonEvalLength,
		"event.properties.nines" + strings.Repeat("*"+nines38, 6):     reasonEvalDigits, // 7 × 38 = 266
		"1" + strings.Repeat("*0.0000000000000000000000000000001", 9): reasonEvalDigits, // 9 × 31 decimals = 279
	} {
		x, err := ParseExpression(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		out, _, err := x.AppendEval([]byte("before"), e)
		var failure *EvalError
		if !errors.As(err, &failure) || err.Error() != "cannot evaluate expression: "+want || string(out) != "before" {
			t.Errorf("%s: %s, %v, want %s", text, out, err, want)
		}
	}
}

// TestExpressionDigits looks at the limit of digits from both sides. Zeros behind the
// last decimal don't count: 31 × 8 = 248 decimals and 8 more are 256.
func TestExpressionDigits(t *testing.T) {
	t.Parallel()
	tiny := "1" + strings.Repeat("*0.0000000000000000000000000000001", 8)
	for text, fits := range map[string]bool{
		tiny + "*0.00000001":                true,
		tiny + "*0.000000010000":            true,
		tiny + "*0.000000001":               false,
		tiny + "*0.00000005*0.2":            true, // 10 × 10^-257, still 256 decimals
		"0*" + tiny + "*0.000000001":        true, // a zero has one digit, however it came
		tiny + "*(0.000000001-0.000000001)": true,
		"ceil(1, -255)":                     true, // 256 digits
		"ceil(1, -255)*10":                  false,
		"(ceil(1, -255)-1) + 1":             true,
		"ceil(1, -255) - 0.1":               true, // 255 nines and one decimal
		"ceil(1, -255) - 0.01":              false,
		"ceil(1, -255) / ceil(1, -255)":     true,
		"ceil(1, -255) / 7":                 false, // 255 digits and 20 decimals
		"round(ceil(1, -235) / 7) / 10000":  true,
	} {
		x, err := ParseExpression(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if out, _, err := x.AppendEval(nil, &Event{}); (err == nil) != fits {
			t.Errorf("%s: %s, %v", text, out, err)
		}
	}
}

func TestParseExpressionFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "unexpected end at byte 0"},
		{"  ", "unexpected end at byte 2"},
		{"1 +", "unexpected end at byte 3"},
		{"1 + * 2", "unexpected '*' at byte 4"},
		{"--1", "unexpected '-' at byte 1"},
		{"+1", "unexpected '+' at byte 0"},
		{"1 2", "unexpected '2' at byte 2"},
		{"1.", "unexpected '.' at byte 1"},
		{".5", "unexpected '.' at byte 0"},
		{"1e3", "unexpected 'e' at byte 1"},
		{"1,5", "unexpected ',' at byte 1"},
		{"(1", "unexpected end at byte 2"},
		{"1)", "unexpected ')' at byte 1"},
		{"()", "unexpected ')' at byte 1"},
		{"'a", "unexpected end at byte 2"},
		{"'a\"", "unexpected end at byte 3"},
		{"'a' 'b'", "unexpected '\\'' at byte 4"},
		{"é", "unexpected 'é' at byte 0"},
		{"1\v", `unexpected '\v' at byte 1`},
		{"1\x00", `unexpected '\x00' at byte 1`},
		{"'a\x00'", "U+0000 in a string at byte 2"},
		{"'\xff'", "invalid UTF-8 at byte 0"},
		{"foo", "unknown name foo at byte 0"},
		{"1 + event.id", "unknown name event.id at byte 4"},
		{"event", "unknown name event at byte 0"},
		{"event.timestamps", "unknown name event.timestamps at byte 0"},
		{"Event.code", "unknown name Event.code at byte 0"},
		{"event.properties", "unknown name event.properties at byte 0"},
		{"event.properties.", "unknown name event.properties. at byte 0"},
		{"event.properties.1a", "unknown name event.properties.1a at byte 0"},
		{"event.properties._a", "unknown name event.properties._a at byte 0"},
		{"event.properties.a.b", "unknown name event.properties.a.b at byte 0"},
		{"event .code", "unknown name event at byte 0"},
		{"round", "unexpected end at byte 5"},
		{"round 1", "unexpected '1' at byte 6"},
		{"round()", "unexpected ')' at byte 6"},
		{"round(1,)", "unexpected ')' at byte 8"},
		{"round(1,2,3)", "unexpected ',' at byte 9"},
		{"concat()", "unexpected ')' at byte 7"},
		{"concat('a' 'b')", "unexpected '\\'' at byte 11"},
		{"rOUND(1)", "unknown name rOUND at byte 0"},
		{"sqrt(4)", "unknown name sqrt at byte 0"},
		{"'a' + 1", "a string where a number is needed at byte 0"},
		{"1 + 'a'", "a string where a number is needed at byte 4"},
		{"1 * (event.code)", "a string where a number is needed at byte 4"},
		{"-concat('1')", "a string where a number is needed at byte 1"},
		{"round('1')", "a string where a number is needed at byte 6"},
		{"round(1, '1')", "a string where a number is needed at byte 9"},
		{"concat('a', 'b' * 2)", "a string where a number is needed at byte 12"},
		{"1" + nines38, reasonExpressionDigits + " at byte 0"},
		{strings.Repeat(" ", ExpressionBytesMax) + "1", reasonExpressionLength + " at byte 1024"},
		{strings.Repeat("(", ExpressionNestingMax+1) + "1", reasonExpressionDepth + " at byte 32"},
		// 128 operands and 127 operations; the number's text is the 256th instruction.
		{"1" + strings.Repeat("+1", 128), reasonExpressionSteps + " at byte 257"},
		{"event.properties." + strings.Repeat("a", PropertyNameBytesMax+1), "unknown name event.properties." + strings.Repeat("a", PropertyNameBytesMax+1) + " at byte 0"},
	} {
		x, err := ParseExpression(c.text)
		var failure *ExpressionError
		if !errors.As(err, &failure) || x != nil || err.Error() != "cannot parse expression: "+c.want {
			t.Errorf("%.60q: %v, want %s", c.text, err, c.want)
		}
	}
	for _, text := range []string{
		strings.Repeat(" ", ExpressionBytesMax-1) + "1",
		strings.Repeat("(", ExpressionNestingMax) + "1" + strings.Repeat(")", ExpressionNestingMax),
		"1" + strings.Repeat("+1", 127),
		"event.properties." + strings.Repeat("a", PropertyNameBytesMax),
	} {
		if _, err := ParseExpression(text); err != nil {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// TestExpressionRandom holds random expressions over numbers near every edge against
// the reference, which calculates with fractions.
func TestExpressionRandom(t *testing.T) {
	t.Parallel()
	const rounds = 10_000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := expressionGenerator{rand.New(rand.NewPCG(seed, 2))}
	e := expressionEvent(t)
	values := 0
	for range rounds {
		text := g.number(4)
		if checkExpression(t, text, e) {
			values++
		}
	}
	if values < rounds/4 {
		t.Errorf("only %d of %d had a value: the generator has gone astray", values, rounds)
	}
}

// expressionGenerator makes texts of expressions.
type expressionGenerator struct{ *rand.Rand }

func (g expressionGenerator) pick(from ...string) string { return from[g.IntN(len(from))] }

// number returns an expression whose value is a number, unless it fails.
func (g expressionGenerator) number(depth int) string {
	if depth == 0 || g.IntN(4) == 0 {
		return g.operand()
	}
	switch g.IntN(4) {
	case 0:
		digits := g.pick("", "", ",0", ",1", ",-1", ",2", ",-2", ",-20", ",10", ",19", ",-18", ",-19", ","+g.number(0))
		return g.pick("round", "ceil", "floor") + "(" + g.number(depth-1) + digits + ")"
	case 1:
		return "-(" + g.number(depth-1) + ")"
	}
	return g.number(depth-1) + g.pick("+", "-", "*", "/") + "(" + g.number(depth-1) + ")"
}

func (g expressionGenerator) operand() string {
	if g.IntN(3) == 0 {
		return "event.properties." + g.pick("two", "half", "quoted", "zip", "exp", "nines", "text")
	}
	whole := g.pick("0", "1", "2", "3", "5", "7", "10", "125", "1024", "4294967296", "3037000500", "922337203685477580", "9223372036854775807", "9223372036854775808", "18446744073709551615", "123456789012345678901234567890")
	switch g.IntN(3) {
	case 0:
		return whole + "." + g.pick("0", "5", "50", "25", "125", "00000001", "000000001", "49999999", "5000000001")
	case 1:
		return "0." + strings.Repeat("0", g.IntN(30)) + g.pick("1", "5", "49", "51", "25", "99")
	}
	return whole
}

// expressionSeeds are where fuzzing starts.
var expressionSeeds = []string{
	"event.properties.two * event.properties.half", "concat(event.code, '-', \"x\", 1.50)", "round(event.timestamp / 60, -1)",
	"-(1 + 2) * -3 / 0.7", "ceil(event.properties.quoted, 1) - floor(0 - 1.5)", "1/3*3", "event.properties.nines*event.properties.nines",
	"concat(Concat(event.properties.text), event.properties.zip)", "((1))", "'a' + 1", "1 / (2 - 2)", "", "round(", "event.properties.",
	"0.00000000000000000005/10", "9223372036854775807 + 1", "ceil(1, -255)", "round(1, 0.5)",
}

// FuzzExpression holds parsing and evaluation against the reference.
func FuzzExpression(f *testing.F) {
	for _, seed := range expressionSeeds {
		f.Add(seed)
	}
	e := expressionEvent(f)
	f.Fuzz(func(t *testing.T, text string) { checkExpression(t, text, e) })
}

// checkExpression holds what becomes of an expression against the reference. It
// reports whether it has a value.
func checkExpression(t *testing.T, text string, e *Event) bool {
	t.Helper()
	x, err := ParseExpression(text)
	if err != nil {
		var failure *ExpressionError
		if !errors.As(err, &failure) || failure.Offset < 0 || failure.Offset > len(text) {
			t.Fatalf("%q: %v", text, err)
		}
		return false
	}
	if again, err := ParseExpression(x.String()); err != nil || again.String() != text {
		t.Fatalf("%q: its String gives %v, %v", text, again, err)
	}
	out, kind, err := x.AppendEval(nil, e)
	want, reason := referenceEval(text, e)
	if err != nil {
		var failure *EvalError
		if !errors.As(err, &failure) || failure.Reason != reason {
			t.Fatalf("%q: %v, want %v %s", text, err, want, reason)
		}
		return false
	}
	got := referenceValue{text: string(out), isText: kind == KindString}
	if reason != "" || got != want || len(out) > PropertyValueBytesMax {
		t.Fatalf("%q: %v, want %v %s", text, got, want, reason)
	}
	return true
}

// TestExpressionConcurrent is for the race detector: one expression, many events.
func TestExpressionConcurrent(t *testing.T) {
	t.Parallel()
	x, err := ParseExpression("concat(123456789012345678901234567890 * event.properties.two, -event.properties.nines)")
	if err != nil {
		t.Fatal(err)
	}
	e := expressionEvent(t)
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 100 {
				out, _, err := x.AppendEval(nil, e)
				if want := "246913578024691357802469135780-" + nines38; err != nil || string(out) != want {
					t.Fatalf("%s, %v, want %s", out, err, want)
				}
			}
		})
	}
}

// TestExpressionAllocs: numbers of the usual size cost no memory.
func TestExpressionAllocs(t *testing.T) {
	e := expressionEvent(t)
	dst := make([]byte, 0, 2*PropertyValueBytesMax)
	for _, text := range []string{
		"event.properties.two * event.properties.half", "event.properties.exp / 1024", "round(event.properties.quoted / 8, 2)",
		"concat(event.code, '-', event.properties.zip)", "event.timestamp - 1700000000",
	} {
		x, err := ParseExpression(text)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, _, err := x.AppendEval(dst[:0], e); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
