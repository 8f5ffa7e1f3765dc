package chart

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func TestSave(t *testing.T) {
	t.Parallel()
	for _, c := range []Chart{
		{Title: "linear", Lines: []Line{{Name: "a", Points: []Point{{1, 1}, {2, 3}}}}},
		{Title: "logarithmic", LogX: true, LogY: true, Lines: []Line{{Name: "a", Points: []Point{{1, 0.5}, {1e9, 300}}}, {Name: "empty"}}},
		{Title: "nothing", LogY: true},
	} {
		path := filepath.Join(t.TempDir(), "made", c.Title+".png")
		if err := c.Save(path); err != nil {
			t.Errorf("%s: %v", c.Title, err)
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(file); err != nil {
			t.Errorf("%s: %v", c.Title, err)
		}
		file.Close()
	}
}
