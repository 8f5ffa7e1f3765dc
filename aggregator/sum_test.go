package aggregator

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func mustNumber(t interface{ Fatalf(string, ...any) }, text string) Number {
	n, ok := numberOf([]byte(text))
	if !ok {
		t.Fatalf("%q is not taken for a number", text)
	}
	return n
}

func sumOf(t interface{ Fatalf(string, ...any) }, texts ...string) Sum {
	var s Sum
	for _, text := range texts {
		s.Add(mustNumber(t, text))
	}
	return s
}

func TestSum(t *testing.T) {
	t.Parallel()
	f := func(want string, texts ...string) {
		t.Helper()
		s := sumOf(t, texts...)
		if got := s.Decimal().String(); got != want {
			t.Errorf("sum of %q is %s, want %s", texts, got, want)
		}
	}
	f("0")
	f("6", "2", "5", "-1")
	f("0.3", "0.1", "0.2")
	f("-0.000000001", "-0.000000001")
	// The largest that fits 64 bits of billionths, twice: more than 64 bits.
	f("18446744073.709551614", "9223372036.854775807", "9223372036.854775807")
	f("-18446744073.709551614", "-9223372036.854775807", "-9223372036.854775807")
	// Too many decimals, and too large, for 64 bits.
	f("1.0000000001", "1", "0.0000000001")
	f("100000000000000000000000000000000000000", "99999999999999999999999999999999999999", "1")
	f("1", "1e30", "-1e30", "1")
	f("0", "1e-12", "-1e-12")
}

func TestSumIsExactInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`-?[1-9][0-9]{0,18}(\.[0-9]{1,9})?`),
			rapid.StringMatching(`-?0\.[0-9]{1,30}`),
			rapid.StringMatching(`-?[1-9]e(30|-20|5)`),
		), 0, 30).Draw(t, "numbers")
		want := new(big.Rat)
		for _, text := range texts {
			n, ok := new(big.Rat).SetString(text)
			if !ok {
				t.Fatalf("the test made %q", text)
			}
			want.Add(want, n)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
		cut := rapid.IntRange(0, len(texts)).Draw(t, "cut")
		sum, other := sumOf(t, texts[:cut]...), sumOf(t, texts[cut:]...)
		sum.Merge(&other)
		if sum.Decimal().Rat().Cmp(want) != 0 {
			t.Fatalf("sum is %s, want %s", sum.Decimal(), want.FloatString(40))
		}
		decoded, err := decodeSum(appendSum(nil, &sum))
		if err != nil || decoded.Decimal().Rat().Cmp(want) != 0 {
			t.Fatalf("sum comes back as %s, %v", decoded.Decimal(), err)
		}
	})
}
