package gocpu_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

type timesAttrs struct{ N int }

var repeatOp = graph.Define(ir.Op{
	Name: "TestRepeat", Family: "control", Doc: "a function n times", Attrs: timesAttrs{},
	Regions: &ir.Regions{Names: []string{"function"},
		Inputs: func(_ any, _ int, in []shapes.Shape) []shapes.Shape { return in },
		Infer: func(_ any, in []shapes.Shape, r []ir.Signature) ([]shapes.Shape, error) {
			return in, ir.SameShapes("state", in, r[0].Out)
		},
		Ref: func(attrs any, in []*tensors.Tensor, r []ir.Run) []*tensors.Tensor {
			for range attrs.(timesAttrs).N {
				in = r[0](in...)
			}
			return in
		}},
}, graph.Rule{NoGrad: "none"})

// TestAControlOpOfTheUsersRuns runs one that is defined outside package graph, with a captured value.
func TestAControlOpOfTheUsersRuns(t *testing.T) {
	g := graph.NewGraph(nil, "p")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
	f := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := graph.Parameter(g, "s", x.Shape())
		return single(graph.Add(s, x))
	})
	p, err := graph.NewProgram(g, graph.ApplyFunctions(g, repeatOp, timesAttrs{3}, single(x), f)...)
	require.NoError(t, err)
	in := []*tensors.Tensor{tensors.FromValue([]float32{1, -2})}
	for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
		low, err := ir.Lower(p, b.Lowers)
		require.NoError(t, err)
		got := graphtest.Run(t, b, low, in)
		require.Equal(t, []float32{4, -8}, got[0].Value())
	}
	text, err := p.Explain(gocpu.New().Lowers)
	require.NoError(t, err)
	require.Contains(t, text, "left to the backend")
}

type capAttrs struct{ Cap float64 }

// softCap is an elementwise op with attributes and everything that a user's op can bring.
var softCap = graph.Define(ir.Op{
	Name: "TestSoftCap", Family: "own", Doc: "c·tanh(x/c)", DTypes: dtypes.Floats, Attrs: capAttrs{}, Elementwise: true,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Kernel: func(c ir.Call) ir.Kernel {
		limit := c.Attrs.(capAttrs).Cap
		switch c.In[0].DType {
		case dtypes.Float32:
			return capped[float32](limit)
		case dtypes.Float64:
			return capped[float64](limit)
		}
		return nil // 16 bits are expanded
	},
	Samples: []ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 3)}, Attrs: capAttrs{1.5}},
		{Name: "several pieces", In: []ir.Input{ir.Ramp(9)}, Attrs: capAttrs{30}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: capAttrs{1}},
	},
	Tol:   ir.ULP(16, "the expansion rounds on the way"),
	Exact: "an op of a test",
}, graph.Rule{Expand: func(attrs any, in []*graph.Node) []*graph.Node {
	limit := attrs.(capAttrs).Cap
	return single(graph.MulScalar(graph.Tanh(graph.DivScalar(in[0], limit)), limit))
}})

func capped[T float32 | float64](limit float64) ir.Kernel {
	return func(a *ir.KernelArgs) {
		kernelRuns.Add(1)
		x, y := ir.Elements[T](a.In[0]), ir.Elements[T](a.Out[0])
		a.For(len(y), 4, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				y[i] = T(limit * math.Tanh(float64(x[i])/limit))
			}
		})
	}
}

var kernelRuns atomic.Int64 // of all kernels of this file

// extent is an op of two results, row by row.
var extent = graph.Define(ir.Op{
	Name: "TestExtent", Family: "own", Doc: "the smallest and the largest element of each row", DTypes: dtypes.SetOf(dtypes.Float64, dtypes.Int32),
	InferMulti: func(_ any, in []shapes.Shape) ([]shapes.Shape, error) {
		if in[0].Rank() != 2 || in[0].Dimensions[1] == 0 {
			return nil, errors.New("it takes rows of at least one element")
		}
		s := shapes.Make(in[0].DType, in[0].Dimensions[0])
		return []shapes.Shape{s, s}, nil
	},
	Kernel: func(c ir.Call) ir.Kernel {
		if c.In[0].DType == dtypes.Int32 {
			return extents[int32]
		}
		return extents[float64]
	},
	Samples: []ir.Sample{
		{In: []ir.Input{ir.Array([]int{3, 3}, 1, 3, 2, -1, -2, 5, 0, 9, 4)}},
		{Name: "no rows", In: []ir.Input{ir.Ramp(0, 3)}},
	},
}, graph.Rule{
	Expand: func(_ any, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.ReduceMin(in[0], 1), graph.ReduceMax(in[0], 1)}
	},
})

func extents[T int32 | float64](a *ir.KernelArgs) {
	kernelRuns.Add(1)
	x, low, high := ir.Elements[T](a.In[0]), ir.Elements[T](a.Out[0]), ir.Elements[T](a.Out[1])
	n := a.In[0].Shape.Dimensions[1]
	a.For(len(low), 1, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := x[r*n : (r+1)*n]
			low[r], high[r] = slices.Min(row), slices.Max(row)
		}
	})
}

// TestOpsOfTheUsersRunOnTheirKernels holds all that is checked of rows, and that the kernels ran.
func TestOpsOfTheUsersRunOnTheirKernels(t *testing.T) {
	dataflow := func() ir.Backend { return gocpu.NewWithOptions(gocpu.Options{Order: gocpu.Dataflow}) }
	for _, op := range []*ir.Op{softCap, extent} {
		t.Run(op.Name, func(t *testing.T) {
			before := kernelRuns.Load()
			graphtest.Op(t, op, gocpu.New, dataflow)
			require.Greater(t, kernelRuns.Load(), before+10)
		})
	}
}

// ownKernel is a row whose kernel, and what makes it, are the test's of the moment.
var ownKernel = graph.Define(ir.Op{
	Name: "TestOwnKernel", Family: "own", Doc: "x + 1, if all goes well", DTypes: dtypes.SetOf(dtypes.Float32),
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Kernel: func(c ir.Call) ir.Kernel {
		if makeKernel == nil {
			return nil
		}
		return makeKernel(c)
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(3)}}},
}, graph.Rule{Expand: func(_ any, in []*graph.Node) []*graph.Node { return single(graph.OnePlus(in[0])) }})

var makeKernel func(c ir.Call) ir.Kernel

// addOne runs ownKernel of x with what makes its kernel.
func addOne(x []float32, with func(c ir.Call) ir.Kernel) (any, error) {
	makeKernel = with
	defer func() { makeKernel = nil }()
	b := gocpu.New()
	defer b.Close()
	y, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node { return graph.Neg(graph.Apply(ownKernel, nil, graph.Abs(x))) }, x)
	if err != nil {
		return nil, err
	}
	return y.Value(), nil
}

// kernel makes a kernel whatever the call.
func kernel(f ir.Kernel) func(ir.Call) ir.Kernel { return func(ir.Call) ir.Kernel { return f } }

// plusOne is what the kernel is to do.
func plusOne(a *ir.KernelArgs) {
	x, y := ir.Elements[float32](a.In[0]), ir.Elements[float32](a.Out[0])
	for i := range y {
		y[i] = x[i] + 1
	}
}

func TestAKernelOfTheUsersThatBreaksIsAnError(t *testing.T) {
	x := []float32{1, -2, 3}
	for _, c := range []struct {
		name string
		with func(ir.Call) ir.Kernel
		want string
	}{
		{"it panics", kernel(func(*ir.KernelArgs) { panic("out of tea") }), "TestOwnKernel float32[3]: the kernel broke: out of tea"},
		{"it panics with an error", kernel(func(*ir.KernelArgs) { panic(errors.New("no tea")) }), "TestOwnKernel: no tea"},
		{"a piece panics", kernel(func(a *ir.KernelArgs) { a.For(100, 1, func(lo, _ int) { panic("piece") }) }), "TestOwnKernel float32[3]: the kernel broke: piece"},
		{"it writes behind its result", kernel(func(a *ir.KernelArgs) { y := ir.Elements[float32](a.Out[0]); y[:4:4][3] = 1 }), "the kernel broke: runtime error: slice bounds out of range"},
		{"it takes its operand for something else", kernel(func(a *ir.KernelArgs) { ir.Elements[int32](a.In[0]) }), "TestOwnKernel: the elements of float32[3] are not int32"},
		{"making it panics", func(ir.Call) ir.Kernel { panic("not today") }, "TestOwnKernel float32[3]: the function Kernel of its row panicked: not today"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := addOne(x, c.with)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "own_test.go:", "it names the line of the call")
			y, err := addOne(x, kernel(plusOne))
			require.NoError(t, err, "and nothing is left of it")
			require.Equal(t, []float32{-2, -3, -4}, y)
		})
	}
	y, err := addOne(x, func(ir.Call) ir.Kernel { return nil })
	require.NoError(t, err)
	require.Equal(t, []float32{-2, -3, -4}, y, "without a kernel it is expanded")
}

// TestPiecesOfPieces calls For in a body, and of nothing.
func TestPiecesOfPieces(t *testing.T) {
	var seen [64]atomic.Int32
	x := make([]float32, len(seen))
	_, err := addOne(x, kernel(func(a *ir.KernelArgs) {
		a.For(0, 8, func(int, int) { panic("there is nothing") })
		a.For(8, 0, func(lo, hi int) {
			a.For(8*(hi-lo), 3, func(l, h int) {
				for i := l; i < h; i++ {
					seen[8*lo+i].Add(1)
				}
			})
		})
		plusOne(a)
	}))
	require.NoError(t, err)
	for i := range seen {
		require.EqualValues(t, 1, seen[i].Load(), "element %d", i)
	}
}

// TestAKernelOfTheUsersEnds: one that takes long looks whether the run was cancelled.
func TestAKernelOfTheUsersEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	makeKernel = kernel(func(a *ir.KernelArgs) {
		cancel()
		for !a.Ended() {
			runtime.Gosched()
		}
	})
	defer func() { makeKernel = nil }()
	b := gocpu.New()
	defer b.Close()
	g := graph.NewGraph(b, "p")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3))
	require.NoError(t, g.Compile(graph.Apply(ownKernel, nil, x)))
	buf, err := b.Put(tensors.FromValue([]float32{1, 2, 3}))
	require.NoError(t, err)
	_, err = g.RunWithBuffers(ctx, []ir.Buffer{buf}, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// TestAKernelOfTheUsersKeepsDonatedInputs: its result has memory of its own, also where an elementwise op of the engine's would write over
// its operand.
func TestAKernelOfTheUsersKeepsDonatedInputs(t *testing.T) {
	var apart bool
	makeKernel = kernel(func(a *ir.KernelArgs) {
		apart = &a.In[0].Data[0] != &a.Out[0].Data[0]
		plusOne(a)
	})
	defer func() { makeKernel = nil }()
	b := gocpu.New()
	defer b.Close()
	p := ownProgram(t, b, func(x *graph.Node) *graph.Node { return graph.Apply(ownKernel, nil, x) })
	got := graphtest.Run(t, b, p, []*tensors.Tensor{tensors.FromValue([]float32{1, 2, 3})}, true)
	require.Equal(t, []float32{2, 3, 4}, got[0].Value())
	require.True(t, apart)
}

func ownProgram(t *testing.T, b ir.Backend, fn func(x *graph.Node) *graph.Node) *ir.Program {
	g := graph.NewGraph(nil, "p")
	p, err := graph.NewProgram(g, fn(graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3))))
	require.NoError(t, err)
	p, err = ir.Lower(p, b.Lowers)
	require.NoError(t, err)
	return p
}
