package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
)

// composite is a function with a known gradient.
type composite struct {
	name string
	f    unary
	x    []float64
	want []float64 // the gradient of 1·y[0] + 2·y[1] + 3·y[2] + …
}

var composites = []composite{
	{"If of a captured value", func(x *node) *node {
		double := graph.NewClosure(x.Graph(), func(*graph.Graph) []*node { return []*node{graph.MulScalar(x, 2)} })
		same := graph.NewClosure(x.Graph(), func(*graph.Graph) []*node { return []*node{x} })
		return graph.If(graph.GreaterThan(graph.ReduceAllSum(x), graph.ScalarZero(x.Graph(), x.DType())), double, same)[0]
	}, []float64{1, 2, 3, 4}, []float64{2, 4, 6, 8}},
	{"CumSum", func(x *node) *node { return graph.CumSum(x, 0) }, []float64{5, 6, 7, 8}, []float64{10, 9, 7, 4}},
	{"Pad", func(x *node) *node {
		return graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()), ir.PadAxis{Start: 1, End: 2, Interior: 1})
	}, []float64{1, 2, 3}, []float64{2, 4, 6}},
	{"Pad that cuts", func(x *node) *node {
		return graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()), ir.PadAxis{Start: -1, End: -1})
	}, []float64{1, 2, 3, 4}, []float64{0, 1, 2, 0}},
	{"Pad by a value", func(x *node) *node {
		first := graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(0)))
		return graph.Pad(x, first, ir.PadAxis{Start: 1, End: 1})
	}, []float64{1, 2}, []float64{2 + 1 + 4, 3}},
	{"Rsqrt", graph.Rsqrt, []float64{1, 4, 16, 0.25}, []float64{-0.5, -2. / 16, -3. / 128, -4 * 4}},
	{"Expm1", graph.Expm1, []float64{0, 1, -2}, []float64{1, 2 * math.E, 3 * math.Exp(-2)}},
	{"Clamp", func(x *node) *node {
		return graph.Clamp(graph.ScalarZero(x.Graph(), x.DType()), x, graph.ScalarOne(x.Graph(), x.DType()))
	}, []float64{-1, 0.5, 0.25, 2}, []float64{0, 2, 3, 0}},
	{"Clamp by its ends", func(x *node) *node {
		at := func(i int) *node { return graph.SliceAxis(x, 0, graph.AxisElem(i)) }
		return graph.Clamp(at(0), graph.Const(x.Graph(), []float64{0, 1.5, 9}), at(1))
	}, []float64{1, 2}, []float64{1, 3}},
	{"Reverse", func(x *node) *node { return graph.Reverse(x, 0) }, []float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}},
	{"ReduceMultiply", func(x *node) *node { return graph.ReduceMultiply(x) }, []float64{1, 2, 3, 4}, []float64{24, 12, 8, 6}},
	{"ReduceMultiply with a zero", func(x *node) *node { return graph.ReduceMultiply(x) }, []float64{0, 2, 3, 4}, []float64{24, 0, 0, 0}},
	{"Atan2 by y", func(x *node) *node { return graph.Atan2(x, graph.Const(x.Graph(), []float64{2, -1})) },
		[]float64{1, 3}, []float64{2. / 5, -2. / 10}},
	{"Atan2 by x", func(x *node) *node { return graph.Atan2(graph.Const(x.Graph(), []float64{2, -1}), x) },
		[]float64{1, 3}, []float64{-2. / 5, 2. / 10}},
	{"Rem by x", func(x *node) *node { return graph.ModScalar(x, 1.5) }, []float64{4, -4, 1}, []float64{1, 2, 3}},
	{"Rem by y", func(x *node) *node { return graph.Rem(graph.Const(x.Graph(), []float64{7, -7}), x) }, []float64{2, 3}, []float64{-3, 4}},
	{"Sort", func(x *node) *node { return graph.Sort(x, 0, true) }, []float64{3, 1, 2, 0}, []float64{4, 2, 3, 1}},
	{"TopK values", func(x *node) *node { y, _ := graph.TopK(x, 2, 0); return y }, []float64{3, 1, 2, 0}, []float64{1, 0, 2, 0}},
	{"BottomK values", func(x *node) *node { y, _ := graph.BottomK(x, 2, 0); return y }, []float64{3, 1, 2, 0}, []float64{0, 2, 0, 1}},
	{"While of a captured value", func(x *node) *node {
		g := x.Graph()
		state := func(g *graph.Graph) (i, s *node) {
			return graph.Parameter(g, "i", graph.Const(g, int32(0)).Shape()), graph.Parameter(g, "s", x.Shape())
		}
		less := graph.NewClosure(g, func(g *graph.Graph) []*node {
			i, _ := state(g)
			return []*node{graph.LessThan(i, graph.Const(g, int32(3)))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*node {
			i, s := state(g)
			return []*node{graph.OnePlus(i), graph.Mul(s, x)}
		})
		return graph.While(less, body, graph.Const(g, int32(0)), graph.Sin(x))[1] // x³·sin(x)
	}, []float64{1, -2}, []float64{3*math.Sin(1) + math.Cos(1), 2 * (12*math.Sin(-2) - 8*math.Cos(-2))}},
	{"Function.Call", func(x *node) *node {
		f := graph.NewFunction(x.Graph(), "square", func(g *graph.Graph) []*node {
			return []*node{graph.Square(graph.Parameter(g, "y", x.Shape()))}
		})
		return f.Call(f.Call(x)...)[0] // x⁴
	}, []float64{1, -2, 3}, []float64{4, -64, 3 * 108}},
	{"Identity", graph.Identity, []float64{1, 2}, []float64{1, 2}},
	{"Floor", graph.Floor, []float64{1.5, -2.25}, []float64{0, 0}},
	{"Ceil", graph.Ceil, []float64{1.5, -2.25}, []float64{0, 0}},
	{"Round", graph.Round, []float64{1.25, -2.25}, []float64{0, 0}},
	{"Sign", graph.Sign, []float64{1.25, -2.25}, []float64{0, 0}},
	{"ArgMax", func(x *node) *node { return graph.ConvertDType(graph.ArgMax(x, 0), x.DType()) }, []float64{3, 1, 4}, []float64{0, 0, 0}},
	{"ArgMin", func(x *node) *node { return graph.ConvertDType(graph.ArgMin(x, 0), x.DType()) }, []float64{3, 1, 4}, []float64{0, 0, 0}},
	{"MaxPool", func(x *node) *node { // its second derivative needs that of SelectAndScatter
		return graph.Reshape(graph.MaxPool(graph.Reshape(graph.Square(x), 1, -1, 1)).Window(2).Done(), -1)
	}, []float64{1, 3, -4, 2}, []float64{0, 6, 2 * -8, 0}},
	{"MinPool", func(x *node) *node {
		return graph.Reshape(graph.MinPool(graph.Reshape(graph.Square(x), 1, -1, 1)).Window(2).Done(), -1)
	}, []float64{1, 3, -4, 2}, []float64{2, 0, 0, 2 * 4}},
	{"Slice", func(x *node) *node { // its second derivative needs that of Pad
		return graph.SliceAxis(graph.PowScalar(x, 3), 0, graph.AxisRange(1, 3))
	}, []float64{1, 2, 3, 4}, []float64{0, 12, 2 * 27, 0}},
	{"DynamicSlice", func(x *node) *node {
		return graph.DynamicSlice(graph.Square(x), []*node{graph.Const(x.Graph(), int32(1))}, []int{2})
	}, []float64{1, 2, 3, 4}, []float64{0, 4, 2 * 6, 0}},
	{"DynamicUpdateSlice", func(x *node) *node {
		update := graph.SliceAxis(graph.Square(x), 0, graph.AxisRange(0, 2))
		return graph.DynamicUpdateSlice(x, update, []*node{graph.Const(x.Graph(), int32(2))})
	}, []float64{1, 2, 3, 4}, []float64{1 + 3*2, 2 + 4*4, 0, 0}},
	{"FFT", func(x *node) *node { // |FFT(x)|², of which the sum is n·Σx²
		return graph.ReduceAllSum(graph.Square(graph.Abs(graph.FFT(graph.ConvertDType(x, dtypes.Complex128)))))
	}, []float64{1, 2, 3, 4}, []float64{8, 16, 24, 32}},
	{"CumSum in a loop", func(x *node) *node {
		return graph.ForI(2, []*node{x}, func(_ *node, s []*node) []*node { return []*node{graph.CumSum(s[0], 0)} })[0]
	}, []float64{5, 6, 7}, []float64{1 + 4 + 9, 2 + 6, 3}},
}

// climbing returns the sum of y's elements times 1, 2, 3, …
func climbing(y *node) *node {
	w := graph.AddScalar(graph.IotaFull(y.Graph(), y.Shape()), 1)
	return graph.ReduceAllSum(graph.Mul(w, y))
}

// TestGradientsOfComposites compares gradients with known numbers, and those of gradients with differences of them.
func TestGradientsOfComposites(t *testing.T) {
	for _, newBackend := range []func() ir.Backend{graphtest.Reference, gocpu.New} {
		b := newBackend()
		t.Run(b.Name(), func(t *testing.T) {
			defer b.Close()
			for _, c := range composites {
				t.Run(c.name, func(t *testing.T) { c.check(t, b) })
			}
		})
	}
}

func (c composite) check(t *testing.T, b ir.Backend) {
	e, err := graph.NewExec2(b, func(x *node) (first, second *node) {
		first = graph.Gradient(climbing(c.f(x)), x)[0]
		return first, graph.Gradient(climbing(first), x)[0]
	})
	require.NoError(t, err)
	defer e.Close()
	gradients := func(x []float64) (first, second []float64) {
		a, b, err := e.Call(x)
		require.NoError(t, err)
		return a.Value().([]float64), b.Value().([]float64)
	}
	first, second := gradients(c.x)
	require.InDeltaSlice(t, c.want, first, 1e-12)
	const h = 1e-5
	for j := range c.x {
		along := func(step float64) (sum float64) {
			x := slices.Clone(c.x)
			x[j] += step
			first, _ := gradients(x)
			for i, dx := range first {
				sum += float64(i+1) * dx
			}
			return sum
		}
		require.InDelta(t, (along(h)-along(-h))/(2*h), second[j], 1e-6*(1+math.Abs(second[j])), "second order, by x[%d]", j)
	}
}
