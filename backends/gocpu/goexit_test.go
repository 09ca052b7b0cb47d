package gocpu_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	hostcall "github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// leaves says whether the functions of the user's below end their goroutines; each does so by left.
var leaves atomic.Bool

func left() {
	if leaves.Load() {
		runtime.Goexit()
	}
}

// userOp returns an op that doubles, with a meaning or a kernel of the user's.
func userOp(name string, change func(op *ir.Op)) *ir.Op {
	op := ir.Op{
		Name: name, Family: "own", Doc: "2x", DTypes: dtypes.SetOf(dtypes.Float32),
		Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
		Ref: func(_ any, out, in []*tensors.Tensor) {
			x, y := tensors.Flat[float32](in[0]), tensors.Flat[float32](out[0])
			for i := range y {
				y[i] = 2 * x[i]
			}
		},
	}
	change(&op)
	return graph.Define(op, graph.Rule{NoGrad: "for a test"})
}

func doubling(k *ir.KernelArgs, begin func()) {
	x, y := ir.Elements[float32](k.In[0]), ir.Elements[float32](k.Out[0])
	k.For(len(y), 16, func(lo, hi int) {
		begin()
		for i := lo; i < hi; i++ {
			y[i] = 2 * x[i]
		}
	})
}

var leavingOps = map[string]*ir.Op{
	"Ref": userOp("TestLeavingRef", func(op *ir.Op) {
		ref := op.Ref
		op.Ref = func(attrs any, out, in []*tensors.Tensor) { left(); ref(attrs, out, in) }
	}),
	"Kernel": userOp("TestLeavingKernel", func(op *ir.Op) {
		op.Kernel = func(ir.Call) ir.Kernel {
			return func(k *ir.KernelArgs) { left(); doubling(k, func() {}) }
		}
	}),
	"loop": userOp("TestLeavingLoop", func(op *ir.Op) {
		op.Kernel = func(ir.Call) ir.Kernel { return func(k *ir.KernelArgs) { doubling(k, left) } }
	}),
	"chosen": userOp("TestLeavingChosen", func(op *ir.Op) {
		op.Kernel = func(ir.Call) ir.Kernel {
			left()
			return func(k *ir.KernelArgs) { doubling(k, func() {}) }
		}
	}),
	"Infer": userOp("TestLeavingInfer", func(op *ir.Op) {
		op.Infer = func(_ any, in []shapes.Shape) (shapes.Shape, error) { left(); return in[0], nil }
	}),
}

// leaver tells of steps, or leaves.
type leaver struct{}

func (leaver) Before(*gocpu.Step)       { left() }
func (leaver) After(*gocpu.Step, error) {}

// TestAGoexitInAFunctionOfTheUserHangsNothing ends the goroutine of each function of the user's that a graph or the engine calls. What the
// engine calls while it runs is an error of the run. What is called while a graph is built runs on the caller's goroutine, which ends, as it
// would without an engine between; who comes next is not kept waiting.
func TestAGoexitInAFunctionOfTheUserHangsNothing(t *testing.T) {
	double := func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) }
	called := func(x *graph.Node) *graph.Node {
		return hostcall.Call1(x.Graph(), hostcall.Options{Name: "double"}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
			left()
			y := tensors.MustCopyFlatData[float32](in[0])
			for i := range y {
				y[i] *= 2
			}
			return []*tensors.Tensor{tensors.FromValue(y)}, nil
		}, x.Shape(), x)
	}
	once := func(f func(x *graph.Node) *graph.Node) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node {
			return graph.ForI(1, []*graph.Node{x}, func(_ *graph.Node, s []*graph.Node) []*graph.Node { return []*graph.Node{f(s[0])} })[0]
		}
	}
	op := func(name string) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node { return graph.Apply(leavingOps[name], nil, x) }
	}
	for _, c := range []struct {
		name     string
		fn       func(x *graph.Node) *graph.Node
		building bool
		options  gocpu.Options
	}{
		{name: "a function of the host", fn: called},
		{name: "a function of the host in a loop", fn: once(called)},
		{name: "a kernel", fn: op("Kernel")},
		{name: "a kernel in a loop", fn: once(op("Kernel"))},
		{name: "a kernel's loop", fn: op("loop")},
		{name: "a row's meaning", fn: op("Ref")},
		{name: "an observer", fn: double, options: gocpu.Options{Observer: leaver{}}},
		{name: "an observer of a loop", fn: once(double), options: gocpu.Options{Observer: leaver{}}},
		{name: "a row's choice of a kernel", fn: op("chosen"), building: true},
		{name: "a row's shape rule", fn: op("Infer"), building: true},
		{name: "the function of an Exec", fn: func(x *graph.Node) *graph.Node { left(); return double(x) }, building: true},
		{name: "a loop's body", fn: once(func(x *graph.Node) *graph.Node { left(); return double(x) }), building: true},
		{name: "a custom gradient", fn: func(x *graph.Node) *graph.Node {
			y := graph.WithCustomGradient([]*graph.Node{x}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Square(in[0])} },
				func(in, _, dy []*graph.Node) []*graph.Node {
					left()
					return []*graph.Node{graph.Mul(double(in[0]), dy[0])}
				})[0]
			return graph.Gradient(graph.ReduceAllSum(y), x)[0]
		}, building: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := gocpu.NewWithOptions(c.options)
			defer b.Close()
			exec := graph.MustNewExec(b, c.fn)
			defer exec.Close()
			x := make([]float32, 1000)
			for i := range x {
				x[i] = float32(i)
			}
			leaves.Store(true)
			defer leaves.Store(false)
			type result struct {
				returned bool
				err      error
			}
			over := make(chan result, 3)
			for range cap(over) { // the others wait for the first to build, or build anew
				go func() {
					r := result{}
					defer func() { over <- r }()
					_, r.err = exec.Call1(x)
					r.returned = true
				}()
			}
			for range cap(over) {
				select {
				case r := <-over:
					if !c.building {
						require.True(t, r.returned, "it ended the caller's goroutine")
					}
					if r.returned {
						assert.ErrorContains(t, r.err, "it ended its goroutine with runtime.Goexit")
						assert.ErrorContains(t, r.err, "goexit_test.go:")
					}
				case <-time.After(time.Minute):
					t.Fatal("it hangs")
				}
			}
			leaves.Store(false)
			y, err := exec.Call1(x)
			require.NoError(t, err)
			for i := range x {
				require.Equal(t, float64(2*i), y.Float64At(i))
			}
		})
	}
}
