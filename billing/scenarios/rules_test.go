package scenarios

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/rules.md anew")

// tableFile is the table of rules and their scenarios.
var tableFile = filepath.Join("testdata", "rules.md")

// Every rule is held by a scenario, every scenario holds rules that there are, and the
// table of both is the one that is written down.
func TestRules(t *testing.T) {
	t.Parallel()
	held := map[string][]string{}
	for _, b := range books() {
		for _, s := range b.scenarios {
			for id := range strings.FieldsSeq(s.rules) {
				held[id] = append(held[id], b.name+"/"+s.name)
			}
			if s.rules == "" {
				t.Errorf("%s/%s holds no rule", b.name, s.name)
			}
		}
	}
	checkNames(t)
	var table strings.Builder
	table.WriteString("# Rules of pricing and the scenarios that hold them\n\n| rule | says | scenarios |\n|---|---|---|\n")
	known := map[string]bool{}
	for _, rule := range Rules {
		if known[rule.ID] {
			t.Errorf("%s is there twice", rule.ID)
		}
		known[rule.ID] = true
		if len(held[rule.ID]) == 0 {
			t.Errorf("no scenario holds %s", rule.ID)
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", rule.ID, rule.Says, summary(held[rule.ID]))
	}
	for id, names := range held {
		if !known[id] {
			t.Errorf("%s hold %s, which is no rule", names, id)
		}
	}
	compareTable(t, table.String())
}

// checkNames checks that no two scenarios of a book have one name.
func checkNames(t *testing.T) {
	t.Helper()
	for _, b := range books() {
		names := map[string]bool{}
		for _, s := range b.scenarios {
			if names[s.name] {
				t.Errorf("two scenarios are called %s/%s", b.name, s.name)
			}
			names[s.name] = true
		}
	}
}

// namesMax is how many scenarios of the grids the table names for a rule: there are hundreds.
const namesMax = 3

// summary names scenarios: all that are written by hand, of the grids some and their number.
func summary(names []string) string {
	var shown []string
	grid := 0
	for _, name := range names {
		if book, _, _ := strings.Cut(name, "/"); !slices.Contains([]string{gridName, planGridName, moveGridName}, book) {
			shown = append(shown, name)
			continue
		}
		if grid++; grid <= namesMax {
			shown = append(shown, name)
		}
	}
	if grid > namesMax {
		shown = append(shown, fmt.Sprintf("and %d more of the grids", grid-namesMax))
	}
	return strings.Join(shown, "; ")
}

func compareTable(t *testing.T, table string) {
	t.Helper()
	if *update {
		must(t, os.MkdirAll(filepath.Dir(tableFile), 0o755))
		must(t, os.WriteFile(tableFile, []byte(table), 0o644))
		return
	}
	written, err := os.ReadFile(tableFile)
	must(t, err)
	if string(written) != table {
		t.Errorf("%s is not the table of today: go test ./billing/scenarios -run TestRules -update", tableFile)
	}
}
