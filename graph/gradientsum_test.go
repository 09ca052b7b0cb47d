package graph_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readings are ways in which T functions read a node: at number t, one that gives a node of what reads x.
var readings = []struct {
	name string
	dims func(T int) []int
	read func(x *node, t, T int) *node

	whole bool // each gradient is as large as x, and there is nothing to join
}{
	{"a time each", func(T int) []int { return []int{T, 2, 3} }, func(x *node, t, _ int) *node { return graph.SliceAxis(x, 0, graph.AxisElem(t)) }, false},
	{"a column each", func(T int) []int { return []int{2, T} }, func(x *node, t, _ int) *node { return graph.SliceAxis(x, 1, graph.AxisElem(t)) }, false},
	{"every second time", func(T int) []int { return []int{2*T + 1, 3} }, func(x *node, t, _ int) *node { return graph.SliceAxis(x, 0, graph.AxisElem(2*t)) }, false},
	{"two times, which overlap", func(T int) []int { return []int{T + 1, 3} }, func(x *node, t, _ int) *node { return graph.SliceAxis(x, 0, graph.AxisRange(t, t+2)) }, false},
	{"squares of a board", func(T int) []int { return []int{T, 4, 2} }, func(x *node, t, _ int) *node { return graph.Slice(x, graph.AxisElem(t/4), graph.AxisElem(t%4)) }, false},
	{"rows and columns", func(T int) []int { return []int{T, T} }, func(x *node, t, _ int) *node { return graph.ReduceSum(graph.SliceAxis(x, t%2, graph.AxisElem(t))) }, false},
	{"nothing", func(T int) []int { return []int{T, 2} }, func(x *node, t, _ int) *node { return graph.SliceAxis(x, 0, graph.AxisRange(t, t)) }, false},
	{"a product each", func(int) []int { return []int{4, 5} }, func(x *node, t, _ int) *node { return graph.MatMul(counted(x, t, 2, 4), x) }, false},
	{"a product of another size each", func(int) []int { return []int{8, 9} }, func(x *node, t, _ int) *node { return graph.MatMul(counted(x, t, 1+t%3, 8), x) }, false},
	{"a deep product each", func(int) []int { return []int{3, 2} }, func(x *node, t, _ int) *node { return graph.MatMul(counted(x, t, 9, 3), x) }, true},
	{"a batch of products each", func(int) []int { return []int{2, 4, 5} }, func(x *node, t, _ int) *node { return graph.MatMul(counted(x, t, 2, 2, 4), x) }, false},
	{"a product with a vector each", func(int) []int { return []int{3, 4} }, func(x *node, t, _ int) *node { return graph.MatMul(x, counted(x, t, 4)) }, false},
	{"a start that only a run knows", func(T int) []int { return []int{T + 1, 3} }, func(x *node, t, _ int) *node {
		return graph.DynamicSlice(x, []*node{integer(x, t), integer(x, 0)}, []int{2, 3})
	}, false},
	{"indices that only a run knows", func(T int) []int { return []int{T, 3} }, func(x *node, t, T int) *node {
		return graph.Gather(x, graph.Stack([]*node{graph.Reshape(integer(x, t), 1), graph.Reshape(integer(x, (3*t)%T), 1)}, 0))
	}, false},
	{"all of it at times", func(T int) []int { return []int{T, 3} }, func(x *node, t, _ int) *node {
		if t%7 == 3 {
			return graph.Square(x)
		}
		return graph.SliceAxis(x, 0, graph.AxisElem(t))
	}, true},
}

// counted returns numbers of the dtype of x, others for each t.
func counted(x *node, t int, dims ...int) *node {
	return graph.AddScalar(graph.IotaFull(x.Graph(), shapes.Make(x.DType(), dims...)), float64(t)-2)
}

// integer returns i as something that a run computes.
func integer(x *node, i int) *node {
	return graph.OptimizationBarrier(graph.Const(x.Graph(), int32(i)))
}

// weighed returns the sum of y's elements, each weighed differently.
func weighed(y *node) *node {
	return graph.ReduceAllSum(graph.Mul(y, graph.AddScalar(graph.IotaFull(y.Graph(), y.Shape()), 1)))
}

// TestGradientsOfManyReadersAddUp compares the gradient by what many functions read with the sum of the gradients by what each reads.
func TestGradientsOfManyReadersAddUp(t *testing.T) {
	const T = 8
	for _, c := range readings {
		t.Run(c.name, func(t *testing.T) {
			x := wholes(rand.New(rand.NewPCG(1, 2)), c.dims(T)...)
			out, err := graph.CallOnceN(graphtest.Reference(), func(x *node) []*node {
				var all, want *node
				for i := range T {
					y := weighed(c.read(x, i, T))
					dx := graph.Gradient(y, x)[0]
					if i == 0 {
						all, want = y, dx
						continue
					}
					all, want = graph.Add(all, y), graph.Add(want, dx)
				}
				return []*node{graph.Gradient(all, x)[0], want}
			}, x)
			require.NoError(t, err)
			assert.True(t, out[0].Equal(out[1]), "all at once:\n%s\none by one:\n%s", out[0], out[1])
		})
	}
}

// TestGradientsOfManyReadersMoveNoMore: what a program with a gradient makes grows with the number of readers, not with its square,
// where x grows with it. What is put into something is written into its memory.
func TestGradientsOfManyReadersMoveNoMore(t *testing.T) {
	const T = 32
	made := func(t *testing.T, T int, dims []int, read func(x *node, t, T int) *node) (bytes float64) {
		g := graph.NewGraph(nil, "readers")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, dims...))
		var all *node
		for i := range T {
			if y := weighed(read(x, i, T)); all == nil {
				all = y
			} else {
				all = graph.Add(all, y)
			}
		}
		p, err := graph.NewProgram(g, graph.Gradient(all, x)[0])
		require.NoError(t, err)
		p, err = ir.Lower(p, nil)
		require.NoError(t, err)
		for _, in := range p.Instrs {
			if in.Op == ops.DynamicUpdateSlice || in.Op == ops.ScatterSum || in.Op.Layout == ir.View {
				continue
			}
			bytes += ir.Traffic(p.ShapesOf(in.Out))
		}
		return bytes
	}
	for _, c := range readings {
		t.Run(c.name, func(t *testing.T) {
			if c.whole {
				return
			}
			short, long := c.dims(T), c.dims(2*T)
			growth := float64(shapes.Make(dtypes.Float32, long...).Size()) / float64(shapes.Make(dtypes.Float32, short...).Size())
			assert.LessOrEqual(t, made(t, 2*T, long, c.read), 1.1*max(2, growth)*made(t, T, short, c.read), "bytes made for %d readers and for %d", T, 2*T)
		})
	}
}

// TestAProductOfAllTimes: the gradient by a weight that is used at each time is one product.
func TestAProductOfAllTimes(t *testing.T) {
	for _, batch := range []int{1, 4} {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			g := graph.NewGraph(nil, "recurrence")
			f32 := func(name string, dims ...int) *node {
				return graph.Parameter(g, name, shapes.Make(dtypes.Float32, dims...))
			}
			x, w := f32("x", 6, batch, 32), f32("w", 32, 32)
			h := graph.Zeros(g, shapes.Make(dtypes.Float32, batch, 32))
			for i := range 6 {
				h = graph.Tanh(graph.Add(graph.MatMul(h, w), graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(i)), 0)))
			}
			p, err := graph.NewProgram(g, graph.Gradient(graph.ReduceAllSum(h), w, x)...)
			require.NoError(t, err)
			p, err = ir.Lower(p, nil)
			require.NoError(t, err)
			count := map[*ir.Op]int{}
			for _, in := range p.Instrs {
				count[in.Op]++
			}
			assert.Equal(t, 6+5+1, count[ops.MatMul]+count[ops.DotGeneral], "forward, back to the state before, and one for w:\n%s", p)
			assert.Equal(t, 2, count[ops.Concatenate], "the states, and the gradients by all times, which those by x are too:\n%s", p)
			assert.Zero(t, count[ops.Pad], "\n%s", p)
		})
	}
}
