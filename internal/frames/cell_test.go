package frames_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/frames"
)

// A line of a cell is named as front ends count it, and never as "main.go:5", of which GoNB's kernel dies.
func TestPlacesInACell(t *testing.T) {
	lines := filepath.Join(t.TempDir(), "lines")
	require.NoError(t, os.WriteFile(lines, []byte("\n\nIn[1]:1\nIn[3]:4\nIn[3]:5\n"), 0o600))
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
			require.Equal(t, c.want, frames.Place(c.file, c.line))
		})
	}
}

// A node that a cell has made knows the cell's line, and so does an error, with each line of its trace.
func TestACellIsACaller(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	g := graph.NewGraph(nil, "g")
	n, at := inCell(graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2)))
	lines := make([]string, at)
	lines[at-1] = "In[7]:2"
	places := filepath.Join(t.TempDir(), "lines")
	require.NoError(t, os.WriteFile(places, []byte(strings.Join(lines, "\n")), 0o600))
	require.Regexp(t, `^main_cell_test.go:\d+$`, n.Position().String())
	t.Setenv("GONB_TMP_DIR", filepath.Dir(file))
	t.Setenv("QUIRE_CELL_LINES", places)
	require.Equal(t, "In[7]:2", n.Position().String())
	require.Contains(t, n.Trace(), "inCell\n\tIn[7]:2\n")
	require.True(t, frames.IsCell(n.Position().File))
	require.False(t, frames.IsCell(file))
}
