package traces

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/traces"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asCell makes main_cell_test.go the program of the cell In[4].
func asCell(t *testing.T) {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "main_cell_test.go"))
	require.NoError(t, err)
	var places strings.Builder
	for i := range strings.Count(string(text), "\n") {
		fmt.Fprintf(&places, "In[4]:%d\n", i+1)
	}
	path := filepath.Join(t.TempDir(), "lines")
	require.NoError(t, os.WriteFile(path, []byte(places.String()), 0o600))
	t.Setenv("GONB_TMP_DIR", filepath.Dir(file))
	t.Setenv("QUIRE_CELL_LINES", path)
}

func f32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

// compiled returns the graph of a function on inputs of some shapes.
func compiled[F graph.ExecGraphFn](t *testing.T, fn F, in ...shapes.Shape) (*graph.Graph, error) {
	t.Helper()
	b := gocpu.New()
	t.Cleanup(func() { b.Close() })
	var g *graph.Graph
	graph.Observe(func(seen *graph.Graph) { // also of one that fails
		if seen.Name() == t.Name() {
			g = seen
		}
	})
	e, err := graph.NewExec(b, fn)
	require.NoError(t, err)
	_, err = e.WithName(t.Name()).Compile(in...)
	require.NotNil(t, g)
	return g, err
}

// described writes what was noted, a line each.
func described(f traces.File) string {
	var b strings.Builder
	for _, l := range f.Lines {
		fmt.Fprintf(&b, "%s  %s\n", l.Place, l.Text)
		for _, s := range l.Seen {
			fmt.Fprintf(&b, "    %s %v of %v ×%d", s.Op, s.Out, s.In, s.Count)
			if len(s.Vars) > 0 {
				fmt.Fprintf(&b, " with %v", s.Vars)
			}
			b.WriteString("\n")
		}
	}
	for _, v := range f.Variables {
		fmt.Fprintf(&b, "%s  %s\n", v.Path, v.Shape)
	}
	return b.String()
}

// read returns the only file in a directory.
func read(t *testing.T, dir string) traces.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, paths, 1)
	f, err := traces.Read(paths[0])
	require.NoError(t, err)
	return f
}

// What is noted of each line: the forward values alone, loops once with their number, calls of the user's own functions at
// each level, and no call from outside of the graph.
func TestWhatIsNoted(t *testing.T) {
	asCell(t)
	n := &net{}
	g, err := compiled(t, n.model, f32(8, 6), f32(6, 4), f32(4, 3))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "q")
	c := newCollector(dir)
	c.graph(g)
	golden.Check(t, "testdata/lines.golden", described(read(t, dir)))
}

// Of a graph that could not be built there is what came before.
func TestAGraphThatFails(t *testing.T) {
	asCell(t)
	n := &net{fail: true}
	g, err := compiled(t, n.model, f32(8, 6), f32(6, 4), f32(4, 3))
	require.Error(t, err)
	c := newCollector(t.TempDir())
	require.NoError(t, os.Chmod(c.dir, 0o700))
	c.graph(g)
	text := described(read(t, c.dir))
	assert.Contains(t, text, "loss := graph.ReduceAllSum")
}

// The prefix that is taken away is model's own.
func TestVariablesAreNoted(t *testing.T) {
	_, ok := model.VariablePath(variable + "x")
	require.True(t, ok)
	store := model.NewStore()
	b := gocpu.New()
	defer b.Close()
	c := newCollector(filepath.Join(t.TempDir(), "q"))
	graph.Observe(func(g *graph.Graph) {
		if g.Name() == t.Name() {
			c.graph(g)
		}
	})
	e, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope.In("first"), x, true, 5)
	})
	require.NoError(t, err)
	_, err = e.WithName(t.Name()).Call([][]float32{{1, 2, 3}})
	require.NoError(t, err)
	text := described(read(t, c.dir))
	assert.Contains(t, text, "/first/weights  float32[3 5]")
	assert.Contains(t, text, "Add [float32[1 5]] of [float32[1 3]] ×1 with [/first/weights /first/biases]")
}

// However much a program does, its file is bounded, and so is their number.
func TestFilesAreBounded(t *testing.T) {
	c := newCollector(filepath.Join(t.TempDir(), "q"))
	g := graph.NewGraph(nil, "g")
	for i := range 3 * traces.MaxSeen {
		graph.Tanh(graph.Parameter(g, "", f32(i+1)))
	}
	c.graph(g)
	f := read(t, c.dir)
	require.Len(t, f.Lines, 1)
	assert.Len(t, f.Lines[0].Seen, traces.MaxSeen)
	assert.Equal(t, 2*traces.MaxSeen, f.Lines[0].More)
	for i := range 200 {
		path, err := traces.Create(c.dir, time.Unix(int64(i), 0))
		require.NoError(t, err)
		require.NoError(t, traces.Write(path, f))
	}
	files, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(files), 64)
}

func TestNothingIsWrittenWhereOthersLook(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	c := newCollector(dir)
	g := graph.NewGraph(nil, "g")
	graph.Tanh(graph.Parameter(g, "", f32(1)))
	c.graph(g)
	if runtime.GOOS != "windows" {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, files)
	}
}

// A program that compiles without end spends little time on this, and its last state is written in the end.
func TestTheLastStateIsWritten(t *testing.T) {
	c := newCollector(filepath.Join(t.TempDir(), "q"))
	for range 50 {
		g := graph.NewGraph(nil, "g")
		graph.Tanh(graph.Parameter(g, "", f32(1)))
		c.graph(g)
	}
	require.Eventually(t, func() bool { return read(t, c.dir).Lines[0].Seen[0].Count == 50 }, time.Minute, time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.LessOrEqual(t, c.writes.count, 10)
}

func BenchmarkCollect(b *testing.B) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "", f32(8, 8))
	for range 500 {
		x = graph.Tanh(graph.MatMul(x, x))
	}
	c := newCollector(b.TempDir())
	c.writes.off = true
	for b.Loop() {
		c.graph(g)
	}
}
