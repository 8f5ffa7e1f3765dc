package ingest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestParseRandom holds the parser against the reference over random events made
// of pieces that are each near some edge of the grammar or of a limit.
func TestParseRandom(t *testing.T) {
	t.Parallel()
	const rounds = 4000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	var b Batch
	accepted := 0
	for range rounds {
		input := g.event()
		b.Reset()
		want := reference{record: g.IntN(2) == 0, recordTime: 1_700_000_000_000_000_000}
		valid := want.read(input)
		var err error
		if want.record {
			_, err = b.ParseRecord(input, want.recordTime)
		} else {
			err = b.ParseLine(input)
		}
		checkAgainstReference(t, &b, &want, valid, err)
		if t.Failed() {
			t.Fatalf("input %q", input)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted < rounds/20 {
		t.Errorf("only %d of %d were accepted: the generator has gone astray", accepted, rounds)
	}
}

type generator struct{ *rand.Rand }

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// often returns usual nine times in ten, else one of the others.
func (g generator) often(usual string, others ...string) string {
	if g.IntN(10) > 0 {
		return usual
	}
	return g.pick(others...)
}

func (g generator) space() string { return g.often("", " ", "\n", "\t\r", "\v", "\u00a0") }

func (g generator) event() []byte {
	var members []string
	add := func(name, value string) {
		members = append(members, g.space()+g.often(`"`+name+`"`, `"\u00`+fmt.Sprintf("%02x", name[0])+name[1:]+`"`)+g.space()+":"+g.space()+value)
	}
	if g.IntN(20) > 0 {
		add("transaction_id", g.often(`"t1"`, g.value(0)))
	}
	if g.IntN(20) > 0 {
		add("external_subscription_id", g.often(`"s1"`, g.value(0)))
	}
	if g.IntN(20) > 0 {
		add("code", g.often(`"c1"`, g.value(0)))
	}
	if g.IntN(4) > 0 {
		add("organization_id", g.often(`"`+benchOrganization.String()+`"`, g.value(0), `"6ba7b8109dad11d180b400c04fd430c8"`))
	}
	if g.IntN(2) == 0 {
		add("timestamp", g.often("1710000000", g.number(), `"`+g.number()+`"`, g.time(), g.value(0)))
	}
	if g.IntN(4) == 0 {
		add("precise_total_amount_cents", g.often(`"12.5"`, g.number(), `"`+g.number()+`"`, g.value(0)))
	}
	if g.IntN(2) == 0 {
		add("properties", g.often(g.object(8), g.value(0)))
	}
	if g.IntN(4) == 0 {
		add(g.pick("x", "y", "code", "Code"), g.value(0))
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return []byte("{" + strings.Join(members, ",") + g.often("}", "", ",}", "}}") + g.space())
}

func (g generator) value(depth int) string {
	switch g.IntN(8) {
	case 0:
		return g.pick("null", "true", "false", "nul", "True", "")
	case 1, 2:
		return g.number()
	case 3, 4:
		return g.string()
	}
	if depth > 10 {
		return "1"
	}
	if g.IntN(2) == 0 {
		return g.object(depth)
	}
	elements := make([]string, g.IntN(4))
	for i := range elements {
		elements[i] = g.space() + g.value(depth+1) + g.space()
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func (g generator) object(depth int) string {
	n := g.IntN(5)
	if g.IntN(20) == 0 {
		n = 14 + g.IntN(100)
	}
	members := make([]string, n)
	for i := range members {
		name := fmt.Sprintf(`"%c%d"`, 'a'+g.IntN(26), i)
		members[i] = g.space() + g.often(name, name, g.string(), `"a"`, `"\u0061"`) + ":" + g.space() + g.often(g.pick("1", `"v"`, "null"), g.value(depth+1))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (g generator) string() string {
	piece := g.pick("a", "é", "😀", `\n`, `\u00e9`, `\ud83d\ude00`, `\"`, `\\`, `\/`, " ", "plain text of more than eight bytes")
	if g.IntN(10) == 0 {
		piece = g.pick(`\u0000`, `\ud800`, `\udc00`, `\x`, `\u12`, "\x00", "\x1f", "\x7f", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", `"`)
	}
	return `"` + strings.Repeat("a", g.IntN(9)) + strings.Repeat(piece, g.pickSmall(0, 1, 2, 127, 128, 129, 255, 256, 1024, 1025)) + `"`
}

func (g generator) pickSmall(from ...int) int {
	// Mostly the small ones, which come first.
	return from[min(g.IntN(len(from)), g.IntN(len(from)))]
}

func (g generator) number() string {
	digits := func() string {
		return g.pick("0", "1", "00", "10", "5", "123456789", "1234567890", strings.Repeat("9", 37+g.IntN(3)))
	}
	text := g.often("", "-", "+") + digits()
	if g.IntN(2) == 0 {
		text += "." + g.often(digits(), "")
	}
	if g.IntN(3) == 0 {
		text += g.pick("e", "E") + g.pick("", "-", "+") + g.often(g.pick("0", "1", "9", "10", "37", "38", "39"), "", "400", "99999999999999999999")
	}
	return text
}

func (g generator) time() string {
	return `"` + g.pick("2024-02-29", "2023-02-29", "1969-12-31", "2199-12-31", "2200-01-01", "0000-01-01", "9999-12-31", "2024-3-1") +
		g.often("T", "t", " ") + g.pick("00:00:00", "23:59:59", "23:59:60", "24:00:00", "12:5:00") +
		g.pick("", ".5", ".123456789", ".1234567890", ".1234567891", ".", ",5") + g.pick("", "Z", "z", "+02:00", "-23:59", "+24:00", "+02", "-00:00") + `"`
}
