package oracle

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestImportsTheStandardLibraryAlone: an oracle that shares code with what it checks
// shares its mistakes.
func TestImportsTheStandardLibraryAlone(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	imports := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range source.Imports {
			imports++
			if root, _, _ := strings.Cut(strings.Trim(i.Path.Value, `"`), "/"); strings.Contains(root, ".") || root == "weir" {
				t.Errorf("%s imports %s", file.Name(), i.Path.Value)
			}
		}
	}
	if imports == 0 {
		t.Error("no imports were seen")
	}
}
