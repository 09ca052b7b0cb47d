package template_test

import (
	"context"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/internal/template"

	"github.com/stretchr/testify/require"
)

// blocks is a transformer of 4 blocks on x [batch 16 64].
func blocks(g *graph.Graph, x *graph.Node) *graph.Node {
	const heads, width = 4, 64
	weight := func(in, out int) *graph.Node { return graph.Parameter(g, "", shapes.Make(dtypes.Float32, in, out)) }
	norm := func(x *graph.Node) *graph.Node {
		gain := graph.Reshape(weight(1, width), width)
		return graph.LayerNorm(x, gain, gain, 1e-5, -1)
	}
	split := func(x *graph.Node) *graph.Node {
		return graph.Transpose(graph.Reshape(x, x.Dim(0), x.Dim(1), heads, -1), 1, 2)
	}
	for range 4 {
		n := norm(x)
		q, k, v := split(graph.MatMul(n, weight(width, width))), split(graph.MatMul(n, weight(width, width))), split(graph.MatMul(n, weight(width, width)))
		a := graph.Softmax(graph.MulScalar(graph.Einsum("bhqd,bhkd->bhqk", q, k), 0.25), -1)
		y := graph.Reshape(graph.Transpose(graph.Einsum("bhqk,bhkd->bhqd", a, v), 1, 2), x.Dim(0), x.Dim(1), width)
		x = graph.Add(x, graph.MatMul(y, weight(width, width)))
		x = graph.Add(x, graph.MatMul(graph.Gelu(graph.MatMul(norm(x), weight(width, 4*width))), weight(4*width, width)))
	}
	return x
}

func built(b testing.TB, engine ir.Backend, n int) *ir.Program {
	g := graph.NewGraph(nil, "blocks")
	y := blocks(g, graph.Parameter(g, "x", shapes.Make(dtypes.Float32, n, 16, 64)))
	p, err := graph.NewProgram(g, y)
	require.NoError(b, err)
	low, err := ir.Lower(p, engine.Lowers)
	require.NoError(b, err)
	return low
}

// BenchmarkNewSize is what a size costs that was not seen before: the function and the passes, or what a template makes of others; and the
// engine's compilation of it.
func BenchmarkNewSize(b *testing.B) {
	engine := gocpu.New()
	defer engine.Close()
	var traces []template.Trace
	for _, n := range []int{3, 5, 7} {
		traces = append(traces, template.Trace{Program: built(b, engine, n), Values: sizes.Values{"n": n}})
	}
	size := func(i int) int { return 8 + i%1000 }
	b.Run("function and passes", func(b *testing.B) {
		for i := range b.N {
			built(b, engine, size(i))
		}
	})
	at := func(b *testing.B, t *template.Template, n int) *ir.Program {
		p, err := t.At(sizes.Values{"n": n})
		require.NoError(b, err)
		return p
	}
	derive := func(b *testing.B) *template.Template {
		t, err := template.Derive(traces...)
		require.NoError(b, err)
		return t
	}
	b.Run("derived and checked", func(b *testing.B) {
		b.StopTimer()
		for i := range b.N {
			t := derive(b) // checks its first program
			b.StartTimer()
			at(b, t, size(i))
			b.StopTimer()
		}
	})
	b.Run("derived", func(b *testing.B) {
		t := derive(b)
		at(b, t, 9)
		for i := range b.N {
			at(b, t, size(i))
		}
	})
	b.Run("engine", func(b *testing.B) {
		t := derive(b)
		b.StopTimer()
		for range b.N {
			compiled++ // of one that it knows the engine has the code
			p := at(b, t, compiled)
			b.StartTimer()
			e, err := engine.(ir.Trusting).CompileChecked(context.Background(), p)
			require.NoError(b, err)
			b.StopTimer()
			require.NoError(b, e.Close())
		}
	})
}

var compiled = 8
