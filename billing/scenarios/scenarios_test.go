package scenarios

import (
	"flag"
	"os"
	"sync"
	"testing"
)

// together is how many scenarios run at a time: each mostly waits, for PostgreSQL and for
// checkpoints.
const together = "16"

func TestMain(m *testing.M) {
	flag.Parse()
	if asked := flag.Lookup("test.parallel"); asked.Value.String() == asked.DefValue {
		if err := flag.Set("test.parallel", together); err != nil {
			panic("BUG: " + err.Error())
		}
	}
	os.Exit(m.Run())
}

// book is scenarios about one subject.
type book struct {
	name      string
	scenarios []scenario
}

// books returns all scenarios.
var books = sync.OnceValue(func() []book {
	return []book{
		{"models", modelBook},
		{"percentages", percentageBook},
		{"money", moneyBook},
		{"minimums", minimumBook},
		{"units", unitsBook},
		{"events", eventBook},
		{"filters", filterBook},
		{"weighted", weightedBook},
		{"prorata", prorataBook},
		{"periods", periodBook},
		{"base", baseBook},
		{"trials", trialBook},
		{"fixed", fixedBook},
		{"commitments", commitmentBook},
		{"taxes", taxBook},
		{"invoices", invoiceBook},
		{gridName, gridBook()},
		{planGridName, planGridBook()},
		{moveGridName, moveGridBook()},
	}
})

func TestScenarios(t *testing.T) {
	t.Parallel()
	w := startWeir(t)
	for _, b := range books() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range b.scenarios {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					s.run(t, w)
				})
			}
		})
	}
}
