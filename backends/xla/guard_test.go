//go:build cgo && (linux || darwin)

package xla_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests reach for what kills, hangs or misleads a plugin (a list was made with XLA's CPU plugin 0.81) and want
// an error or a right result. Elsewhere: what the contract of engines says of buffers, Close, forged programs and
// divisions by zero in contract_test.go; client options and flags in options_test.go; plugins that are too old, and
// devices that are gone, in faults_test.go.
//
// Out of reach by construction, since no program says them: recursive calls (bodies are trees), custom calls, infeed and
// outfeed, collectives that some device does not join (every run is on all devices), types of 2 and 4 bits and of
// fp8, bitcasts of buffers, comparators of sorts that are no strict order (the writer writes them), empty
// compile options (go-xla always gives some), device counts below 1.

// wantCompileError compiles outputs of a graph, with every way there is to be refused before the plugin.
func wantCompileError(t *testing.T, name, want string, build func(g *graph.Graph) []*graph.Node) {
	t.Helper()
	e := open(t, "")
	g := graph.NewGraph(e, "guarded")
	var out []*graph.Node
	err := graph.Catch(func() { out = build(g) })
	if err == nil {
		err = g.Compile(out...)
	}
	assert.ErrorContains(t, err, want, name)
}

func TestRefusedBeforeThePlugin(t *testing.T) {
	needPlugin(t)
	f32 := dtypes.Float32
	wantCompileError(t, "dimensions whose product overflows", "is too large", func(g *graph.Graph) []*graph.Node {
		x := graph.Parameter(g, "x", shapes.Shape{DType: f32, Dimensions: []int{1 << 40, 1 << 40}})
		return []*graph.Node{graph.Neg(x)}
	})
	wantCompileError(t, "a value that overflows inside", "is too large", func(g *graph.Graph) []*graph.Node {
		x := graph.Parameter(g, "x", shapes.Make(f32, 1))
		return []*graph.Node{graph.ReduceAllSum(graph.BroadcastToDims(graph.Reshape(x, 1, 1), 1<<31, 1<<32))}
	})
	wantCompileError(t, "more memory than the machine has", "of memory", func(g *graph.Graph) []*graph.Node {
		x := graph.Parameter(g, "x", shapes.Make(f32, 1<<42))
		return []*graph.Node{graph.Neg(x)}
	})
	wantCompileError(t, "the remainder of complex numbers", "Rem", func(g *graph.Graph) []*graph.Node {
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Complex64, 3))
		return []*graph.Node{graph.Rem(x, x)}
	})
	wantCompileError(t, "no outputs", "no outputs", func(*graph.Graph) []*graph.Node { return nil })
	wantCompileError(t, "too many axes", "129 axes", func(g *graph.Graph) []*graph.Node {
		dims := make([]int, 129)
		for i := range dims {
			dims[i] = 1
		}
		return []*graph.Node{graph.Neg(graph.Parameter(g, "x", shapes.Make(f32, dims...)))}
	})
	wantCompileError(t, "branches 70 deep", "nest", func(g *graph.Graph) []*graph.Node {
		x := graph.Parameter(g, "x", shapes.Make(f32))
		return []*graph.Node{nested(x, 70)}
	})
}

// nested is 2x inside of depth branches.
func nested(x *graph.Node, depth int) *graph.Node {
	if depth == 0 {
		return graph.Add(x, x)
	}
	on := graph.GreaterThan(x, graph.ScalarZero(x.Graph(), x.DType()))
	then := graph.NewClosure(x.Graph(), func(*graph.Graph) []*graph.Node { return []*graph.Node{nested(x, depth-1)} })
	otherwise := graph.NewClosure(x.Graph(), func(*graph.Graph) []*graph.Node { return []*graph.Node{x} })
	return graph.If(on, then, otherwise)[0]
}

// NaN, equal and infinite values in sorts have an order, so that no comparator hangs.
func TestSortsEnd(t *testing.T) {
	e := open(t, "")
	x := tensors.FromFlatDataAndDimensions([]float32{3, float32(math.NaN()), 1, float32(math.Inf(-1)), 1, float32(math.NaN()), 0}, 7)
	y, err := graph.CallOnce(e, func(x *graph.Node) *graph.Node { return graph.Sort(x, 0, true) }, x)
	if err != nil || tensors.Flat[float32](y)[0] != float32(math.Inf(-1)) && !math.IsNaN(float64(tensors.Flat[float32](y)[0])) {
		t.Errorf("%v (error %v)", y, err)
	}
}

// Files that are no plugins of this machine are told apart before the dynamic linker sees them.
func TestBrokenPlugins(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		self = nil // not on this system
	}
	for _, c := range []struct{ name, path, want string }{
		{"a file that is not there", filepath.Join(dir, "none_cpu.so"), "none_cpu.so"},
		{"a text", write("text_cpu.so", []byte("not a library")), "text_cpu.so"},
		{"an empty file", write("empty_cpu.so", nil), "empty_cpu.so"},
		{"a program that was cut off", write("cut_cpu.so", self[:len(self)/3]), "cut_cpu.so"},
		{"a folder", dir, filepath.Base(dir)},
		{"a name that nothing has", "cray", "cray"},
	} {
		e, err := xla.Open(c.path)
		if err == nil {
			e.Close()
			t.Errorf("%s: no error", c.name)
		} else if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one sentence with %q", c.name, err, c.want)
		}
	}
}

// Where no plugin is installed, the error says the command that installs it.
func TestMissingPlugin(t *testing.T) {
	t.Setenv("QUIRE_PLUGINS", t.TempDir())
	for _, config := range []string{"cpu", "cuda", "tpu", ""} {
		want := "quire plugin install " + config
		if config == "" {
			want = "quire plugin install cpu"
		}
		_, err := xla.Open(config)
		assert.ErrorContains(t, err, want, "%q", config)
	}
}

// A library is opened by its path as well as by its plugin's name.
func TestOpenByPath(t *testing.T) {
	needPlugin(t)
	p, err := plugins.Find("cpu")
	require.NoError(t, err)
	e, err := xla.Open(p.Path + ",devices=2,cache=off")
	require.NoError(t, err)
	defer e.Close()
	major, minor := e.PluginVersion()
	if e.Name() != "xla:"+p.Path || e.Platform() != "cpu" || e.NumDevices() != 2 || major != 0 || minor < 81 {
		t.Errorf("%s on %s with %d devices, version %d.%d", e.Name(), e.Platform(), e.NumDevices(), major, minor)
	}
	wantRamp(t, "the result", run(t, compile(t, e, []*tensors.Tensor{ramp(5, 1)}, nil, twice), []ir.Buffer{put(t, e, ramp(5, 1))})[0], 1, 2)
}
