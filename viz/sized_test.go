package viz_test

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
)

func pairwise(x *graph.Node) (*graph.Node, *graph.Node) {
	b, t := x.Dim(0), x.Dim(1)
	scores := graph.Einsum("btd,bsd->bts", x, x)
	flat := graph.Reshape(x, b*t, 4)
	ends := graph.Concatenate([]*graph.Node{x, graph.Slice(x, graph.AxisRange(), graph.AxisRange(1))}, 1)
	values, _ := graph.TopK(graph.Slice(flat, graph.AxisRange(0, t/2)), 2, 1)
	return graph.Softmax(scores, -1), graph.Add(graph.ReduceSum(ends), graph.ReduceSum(values))
}

func TestShapesInSymbols(t *testing.T) {
	text := viz.Shapes(pairwise, viz.Sized{DType: dtypes.Float32, Sizes: "b, t, 4"}).Text()
	for _, want := range []string{"x float32[b t 4]", "float32[b t t]", "float32[b*t 4]", "float32[b 2*t-1 4]", "float32[? 2]"} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "32 ")
}

func TestSummaryInSymbols(t *testing.T) {
	text := viz.Summary(func(s *model.Scope, x *graph.Node) *graph.Node {
		h := graph.Relu(layers.Dense(s.In("hidden"), x, true, 16))
		return layers.Dense(s.In("out"), h, true, 3)
	}, viz.Sized{DType: dtypes.Float32, Sizes: "batch, 8"}).Text()
	for _, want := range []string{"float32[batch 8]", "float32[batch 16]", "float32[batch 3]", "195 parameters", "FLOPs and bytes are those of batch=32"} {
		assert.Contains(t, text, want)
	}
}

func TestWhatIsNotSized(t *testing.T) {
	for _, c := range []struct {
		name  string
		fn    any
		input viz.Sized
		want  string
	}{
		{"no shape", graph.Exp, viz.Sized{DType: dtypes.Float32, Sizes: "b,"}, `viz.Shapes: input 0: "b," is not a shape`},
		{"a size below 0", graph.Exp, viz.Sized{DType: dtypes.Float32, Sizes: "b - 100"}, `viz.Shapes: input 0: axis 0 of [b-100]: b-100 is -68 where b=32`},
		{"too many symbols", graph.Exp, viz.Sized{DType: dtypes.Float32, Sizes: "a, b, c, d"}, `viz.Shapes: the inputs have 4 symbols: 3 are the most`},
		{"no dtype", graph.Exp, viz.Sized{Sizes: "b"}, `viz.Shapes: input 0: `},
		{"another graph", func(x *graph.Node) *graph.Node {
			for range x.Dim(0) {
				x = graph.Exp(x)
			}
			return x
		}, viz.Sized{DType: dtypes.Float32, Sizes: "b"}, `viz.Shapes: the function builds another graph for other sizes: give the sizes as numbers, in shapes`},
		{"a mistake in it", func(x *graph.Node) *graph.Node { return graph.MatMul(x, x) }, viz.Sized{DType: dtypes.Float32, Sizes: "b, 3"}, "[32 3]"},
	} {
		assert.Contains(t, viz.Shapes(c.fn, c.input).Text(), c.want, c.name)
	}
}

func ExampleSized() {
	viz.Show(viz.Summary(func(x, w *graph.Node) *graph.Node { return graph.Softmax(graph.MatMul(x, w), -1) },
		viz.Sized{DType: dtypes.Float32, Sizes: "batch, 28*28"}, viz.Sized{DType: dtypes.Float32, Sizes: "28*28, 10"}))
	// Output:
	// layer            in                                   out                 parameters  FLOPs  output bytes  at
	// ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
	// x                                                     float32[batch 784]
	// w                                                     float32[784 10]
	// MatMul, Softmax  float32[batch 784], float32[784 10]  float32[batch 10]                503k       1.28 kB  sized_test.go:66
	// total                                                                              0   503k       1.28 kB
	// 503k FLOPs forward; FLOPs and bytes are those of batch=32
}
