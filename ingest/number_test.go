package ingest

import (
	"bytes"
	"math/big"
	"strings"
	"testing"
)

func TestParseScaled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"0.000", 0, true},
		{"0e999999999999999999999", 0, true},
		{"1", 1_000_000_000, true},
		{"-1", -1_000_000_000, true},
		{"007", 7_000_000_000, true}, // numeric strings may begin with zeros
		{"0.000000001", 1, true},
		{"-0.000000001", -1, true},
		{"0.0000000010", 1, true},  // a zero beyond the ninth decimal
		{"0.0000000001", 0, false}, // a digit beyond it
		{"1.5", 1_500_000_000, true},
		{"1e0", 1_000_000_000, true},
		{"1E+2", 100_000_000_000, true},
		{"1e-9", 1, true},
		{"100e-11", 1, true},
		{"1e-10", 0, false},
		{"1e9", 1_000_000_000_000_000_000, true},
		{"1e10", 0, false},
		{"9223372036.854775807", 9223372036854775807, true}, // math.MaxInt64
		{"-9223372036.854775807", -9223372036854775807, true},
		{"9223372036.854775808", 0, false},
		{"-9223372036.854775808", 0, false},
		{"9223372037", 0, false},
		{"1e99999999999999999999", 0, false},
		{"1e-99999999999999999999", 0, false},
		{"12345678901234567890123", 0, false},
		{"1." + strings.Repeat("0", 1000), 1_000_000_000, true},
		{strings.Repeat("0", 1000) + "1", 1_000_000_000, true},
		{"", 0, false},
		{"-", 0, false},
		{".", 0, false},
		{"1.", 0, false},
		{".5", 0, false},
		{"+1", 0, false},
		{"1e", 0, false},
		{"1e+", 0, false},
		{"1x", 0, false},
		{"1.5.5", 0, false},
		{"NaN", 0, false},
		{"12345678901234567890", 0, false},
	} {
		got, ok := ParseScaled([]byte(c.text))
		if got != c.want || ok != c.ok {
			t.Errorf("ParseScaled(%.40s) = %d, %v, want %d, %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestAppendPlain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"1", "1"},
		{"1.0", "1"},
		{"1e0", "1"},
		{"10e-1", "1"},
		{"0.1e1", "1"},
		{"001", "1"},
		{"0", "0"},
		{"-0", "0"},
		{"0.00", "0"},
		{"-0e5", "0"},
		{"0e-5", "0"},
		{"-1.50", "-1.5"},
		{"5e-1", "0.5"},
		{"5e-3", "0.005"},
		{"0.0050", "0.005"},
		{"50e-4", "0.005"},
		{"12.5e1", "125"},
		{"12.5e2", "1250"},
		{"1200", "1200"},
		{"1200e-1", "120"},
		{"123456e-3", "123.456"},
		{"1e37", "1" + strings.Repeat("0", 37)},
		{"1e-38", "0." + strings.Repeat("0", 37) + "1"},
		{"1e38", "1e38"},
		{"1e-39", "1e-39"}, // beyond NumberDigitsMax: as it is
		{"abc", "abc"},
		{"", ""},
		{"1.", "1."},
	} {
		if got := AppendPlain([]byte("="), []byte(c.text)); string(got) != "="+c.want {
			t.Errorf("AppendPlain(%s) = %s, want =%s", c.text, got, c.want)
		}
	}
}

func TestNumberFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want bool
	}{
		{strings.Repeat("9", 38), true},
		{strings.Repeat("9", 39), false},
		{"0." + strings.Repeat("9", 38), true}, // the zero in front does not count
		{"1." + strings.Repeat("9", 38), false},
		{"1e37", true},
		{"1e38", false},
		{"10e36", true},
		{"10e37", false},
		{"1e-38", true},
		{"1e-39", false},
		{"1.0e-38", false}, // 39 decimals as written
		{"0e999999999", true},
		{"0e-39", false},
		{"1e999999999999999999999999", false},
		{"-" + strings.Repeat("9", 38), true},
	} {
		if got := numberFits([]byte(c.text)); got != c.want {
			t.Errorf("numberFits(%s) = %v", c.text, got)
		}
	}
}

func TestNumericText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind Kind
		text string
		want bool
	}{
		{KindNumber, "1e3", true},
		{KindString, "12", true},
		{KindString, "-12.50", true},
		{KindString, "007", true},
		{KindString, "1e3", false}, // Lago does not sum exponents in strings
		{KindString, "", false},
		{KindString, "-", false},
		{KindString, "1.", false},
		{KindString, ".5", false},
		{KindString, "+1", false},
		{KindString, " 1", false},
		{KindString, "1\n", false},
		{KindString, "12 apples", false},
		{KindString, strings.Repeat("9", 38), true},
		{KindString, strings.Repeat("9", 39), false},
		{KindString, strings.Repeat("0", 100) + "9", true},
		{KindTrue, "", false},
		{KindNull, "", false},
		{KindNested, "[1]", false},
	} {
		text, ok := NumericText(Property{Kind: c.kind, Text: []byte(c.text)})
		if ok != c.want || ok && string(text) != c.text {
			t.Errorf("NumericText(%d %q) = %q, %v", c.kind, c.text, text, ok)
		}
	}
}

// FuzzNumber holds the number functions against math/big.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{
		"0", "-0", "1", "1.0", "1e0", "-12.50e-3", "9223372036.854775807", "9223372036.854775808", "1e-9", "1e-10",
		"0.0000000010", "123456789012345678901234567890", "00.5", "1e37", "1e38", "5e-324", "1e", "1.", "0e-40",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		plain := AppendPlain(nil, text)
		scaled, ok := ParseScaled(text)
		want, decimal := ratOf(text)
		if !decimal {
			if ok || !bytes.Equal(plain, text) {
				t.Fatalf("%q is not decimal: ParseScaled %d, %v, AppendPlain %q", text, scaled, ok, plain)
			}
			return
		}
		if want == nil { // an exponent too large for the oracle
			return
		}
		times := new(big.Rat).Mul(want, big.NewRat(1_000_000_000, 1))
		fits := times.IsInt() && times.Num().IsInt64() && times.Num().Int64() != -1<<63
		if ok != fits || ok && scaled != times.Num().Int64() {
			t.Fatalf("ParseScaled(%q) = %d, %v, want %v", text, scaled, ok, times)
		}
		if !numberFits(text) {
			return
		}
		if got, ok := new(big.Rat).SetString(string(plain)); !ok || got.Cmp(want) != 0 {
			t.Fatalf("AppendPlain(%q) = %q: another value", text, plain)
		}
		if want.Sign() != 0 && referenceDigits(string(plain)) > NumberDigitsMax || !shortestPlain(string(plain)) {
			t.Fatalf("AppendPlain(%q) = %q: not the shortest plain form", text, plain)
		}
	})
}

// ratOf returns the value of a decimal text; nil for exponents beyond ±2000.
func ratOf(text []byte) (value *big.Rat, decimal bool) {
	if !decimalRegexp.Match(text) {
		return nil, false
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(text)), "e")
	if exponent != "" {
		n, _ := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
		if n.CmpAbs(big.NewInt(2000)) > 0 {
			return nil, true
		}
		mantissa += "e" + n.String()
	}
	value, ok := new(big.Rat).SetString(mantissa)
	if !ok {
		panic("math/big does not take " + mantissa)
	}
	return value, true
}

func shortestPlain(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	whole, frac, pointed := strings.Cut(digits, ".")
	return text != "-0" && whole != "" && (whole == "0" || whole[0] != '0') &&
		(!pointed || frac != "" && frac[len(frac)-1] != '0') && !strings.ContainsAny(text, "eE")
}
