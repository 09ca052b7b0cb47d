package graph_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// places are the lines that a printed program names.
var places = regexp.MustCompile(`  // \S+:\d+`)

// layer builds a layer divided over both axes of a mesh, with its gradient.
func layer(g *graph.Graph) []*graph.Node {
	x := graph.Shard(graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 6)), "data", "")
	w := graph.Shard(graph.Parameter(g, "w", shapes.Make(dtypes.Float32, 6, 8)), "", "model")
	b := graph.Parameter(g, "b", shapes.Make(dtypes.Float32, 8))
	h := graph.Shard(graph.Add(graph.MatMul(x, w), b), ir.Open, "model")
	dw := graph.Gradient(graph.ReduceAllSum(h), w)[0]
	return []*graph.Node{h, graph.Shard(graph.Sub(w, dw), "", "model"), b}
}

func TestShardedProgram(t *testing.T) {
	g := graph.NewGraph(nil, "layer")
	g.SetMesh(square(t))
	p, err := graph.NewProgram(g, layer(g)...)
	if err == nil {
		p, err = ir.Lower(p, nil)
	}
	require.NoError(t, err)
	const want = `program "layer" on mesh[data=2 model=2](%0 x float32[4 6] split [data -], %1 w float32[6 8] split [- model], %2 b float32[8]) {
  %3 = MatMul %0 %1 : float32[4 8]
  %4 = Add %3 %2 : float32[4 8]
  %5 = Shard %4 {Mesh:mesh[data=2 model=2] Sharding:[? model]} : float32[4 8]
  %6 = Const {1} : float32[1 1]
  %7 = Broadcast %6 {Dims:[4 8]} : float32[4 8]
  %8 = Shard %7 {Mesh:mesh[data=2 model=2] Sharding:[? model]} : float32[4 8]
  %9 = DotGeneral %0 %8 {LhsContract:[0] RhsContract:[0]} : float32[6 8]
  %10 = Sub %1 %9 : float32[6 8]
  %11 = Shard %10 {Mesh:mesh[data=2 model=2] Sharding:[- model]} : float32[6 8]
  return %5 split [- model] %11 split [- model] %2
}
`
	assert.Equal(t, want, places.ReplaceAllString(p.String(), ""))
	data, err := json.Marshal(p)
	require.NoError(t, err)
	var back ir.Program
	require.NoError(t, json.Unmarshal(data, &back))
	if back.String() != p.String() || !reflect.DeepEqual(back.InputShardings, p.InputShardings) || !reflect.DeepEqual(back.OutputShardings, p.OutputShardings) {
		t.Errorf("read back it is\n%s", &back)
	}
}

// TestShardIsDropped checks that an engine that does not divide values sees none of it.
func TestShardIsDropped(t *testing.T) {
	g := graph.NewGraph(nil, "layer")
	g.SetMesh(square(t))
	p, err := graph.NewProgram(g, layer(g)...)
	if err == nil {
		p, err = ir.Lower(p, func(c ir.Call) bool { return c.Op.Name != "Shard" })
	}
	require.NoError(t, err)
	for _, in := range p.Instrs {
		if in.Op.Name == "Shard" || in.Op.Name == "Identity" {
			t.Errorf("the program holds a %s:\n%s", in.Op.Name, p)
		}
	}
	assert.NoError(t, p.Check())
	assert.Equal(t, "[- model]", p.OutputShardings[1].String(), "output 1 is divided")
}

func TestShardChangesNoNumbers(t *testing.T) {
	x := [][]float64{{1, 2}, {3, 4}, {5, 6}, {7, 8}}
	run := func(m *ir.Mesh) []float64 {
		out, err := graph.CallOnceN(graphtest.Reference(), func(x *graph.Node) []*graph.Node {
			h := x
			if m != nil {
				x.Graph().SetMesh(m)
				x = graph.Shard(x, "data", "")
				h = graph.Shard(x, "data", "model")
			}
			loss := graph.ReduceAllSum(graph.Mul(h, graph.Sin(h)))
			return []*graph.Node{loss, graph.ReduceAllSum(graph.Square(graph.Gradient(loss, x)[0]))}
		}, x)
		require.NoError(t, err)
		return []float64{out[0].Value().(float64), out[1].Value().(float64)}
	}
	got, want := run(square(t)), run(nil)
	assert.Equal(t, want, got, "divided")
}

func TestShardErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *graph.Graph, x *graph.Node)
		want  string
	}{
		{"no mesh", func(g *graph.Graph, x *graph.Node) { graph.Shard(x, "data", "") },
			`shard_test.go:*: Shard float32[4 3]: the graph "g" has no mesh to divide it over: call SetMesh before`},
		{"an input that does not divide", func(g *graph.Graph, x *graph.Node) {
			g.SetMesh(square(t))
			graph.Shard(x, "", "model")
		}, `shard_test.go:*: Shard float32[4 3]: axis 1 of float32[4 3] cannot be divided evenly over 2 devices (model of mesh[data=2 model=2]): choose a multiple of 2, or leave it whole`},
		{"a value that does not divide", func(g *graph.Graph, x *graph.Node) {
			g.SetMesh(square(t))
			graph.Shard(graph.Neg(x), "data", "model")
		}, `shard_test.go:*: Shard float32[4 3]: axis 1 of float32[4 3] cannot be divided evenly over 2 devices (model of mesh[data=2 model=2]): choose a multiple of 2, or leave it whole`},
		{"an entry too few", func(g *graph.Graph, x *graph.Node) {
			g.SetMesh(square(t))
			graph.Shard(x)
		}, `shard_test.go:*: Shard float32[4 3]: the sharding [] has 0 entries for the 2 axes of float32[4 3]`},
		{"another mesh", func(g *graph.Graph, x *graph.Node) {
			g.SetMesh(square(t))
			g.SetMesh(mesh(t, axis("data", 2)))
		}, `shard_test.go:*: SetMesh: the graph "g" runs on mesh[data=2 model=2] already, it cannot run on mesh[data=2]`},
		{"a mesh that is none", func(g *graph.Graph, x *graph.Node) { g.SetMesh(&ir.Mesh{}) },
			`shard_test.go:*: SetMesh: a mesh without axes`},
		{"nil", func(g *graph.Graph, x *graph.Node) { g.SetMesh(nil) },
			`shard_test.go:*: SetMesh: the mesh is nil`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.NewGraph(nil, "g")
			x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 3))
			err := graph.Catch(func() { c.build(g, x) })
			got := regexp.MustCompile(`:\d+:`).ReplaceAllString(text(err), ":*:")
			assert.Equal(t, c.want, got)
		})
	}
}

// TestShardOfAnInput holds that the first sharding of an input says how it comes, and another one divides it anew.
func TestShardOfAnInput(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	m := square(t)
	g.SetMesh(m)
	g.SetMesh(mesh(t, m.Axes...)) // the same once more is fine
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 4))
	assert.Same(t, x, graph.Shard(x, "data", ""), "the first sharding of an input is a value of its own")
	y := graph.Shard(x, "", "model")
	assert.Equal(t, "Shard", y.Op().Name, "the second sharding of an input is %s", y)
	z := graph.Parameter(g, "z", shapes.Make(dtypes.Float32, 4, 4))
	assert.Equal(t, "Shard", graph.Shard(z, ir.Open, "data").Op().Name, "an input cannot be left open")
	p, err := graph.NewProgram(g, y, z)
	require.NoError(t, err)
	assert.Equal(t, "[data -]", p.InputShardings[0].String(), "the inputs are divided")
	assert.Nil(t, p.InputShardings[1], "the inputs are divided")
	assert.Equal(t, "[- model]", p.OutputShardings[0].String(), "the outputs are divided")
	assert.Nil(t, p.OutputShardings[1], "the outputs are divided")
}
