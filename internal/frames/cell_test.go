package frames_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-ml/quire/internal/frames"
)

// A line of a cell is named as front ends count it, and never as "main.go:5", of which GoNB's kernel dies.
func TestPlacesInACell(t *testing.T) {
	lines := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(lines, []byte("\n\nIn[1]:1\nIn[3]:4\nIn[3]:5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir, lines string
		file             string
		line             int
		want             string
	}{
		{"a line of a cell", "/t/gonb_1", lines, "/t/gonb_1/main.go", 5, "In[3]:5"},
		{"of an earlier cell", "/t/gonb_1/", lines, "/t/gonb_1/main.go", 3, "In[1]:1"},
		{"of a test in a cell", "/t/gonb_1", lines, "/t/gonb_1/main_test.go", 4, "In[3]:4"},
		{"a line of no cell", "/t/gonb_1", lines, "/t/gonb_1/main.go", 1, "main.go line 1"},
		{"after the last", "/t/gonb_1", lines, "/t/gonb_1/main.go", 99, "main.go line 99"},
		{"in GoNB's own kernel", "/t/gonb_1", "", "/t/gonb_1/main.go", 5, "main.go line 5"},
		{"another file beside it", "/t/gonb_1", lines, "/t/gonb_1/util.go", 5, "util.go:5"},
		{"another program's main.go", "/t/gonb_1", lines, "/home/me/main.go", 5, "main.go:5"},
		{"no notebook", "", lines, "/t/gonb_1/main.go", 5, "main.go:5"},
		{"nowhere", "/t/gonb_1", lines, "", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GONB_TMP_DIR", c.dir)
			t.Setenv("QUIRE_CELL_LINES", c.lines)
			if got := frames.Place(c.file, c.line); got != c.want {
				t.Fatalf("%q, want %q", got, c.want)
			}
		})
	}
}
