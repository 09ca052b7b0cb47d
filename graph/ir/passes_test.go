package ir_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
)

// programOf returns the program of what build makes of parameters of the given shapes.
func programOf(t testing.TB, build func(x ...*graph.Node) []*graph.Node, in ...shapes.Shape) *ir.Program {
	t.Helper()
	var p *ir.Program
	require.NoError(t, graph.Catch(func() {
		g := graph.NewGraph(nil, "p")
		var x []*graph.Node
		for _, s := range in {
			x = append(x, graph.Parameter(g, "", s))
		}
		var err error
		p, err = graph.NewProgram(g, build(x...)...)
		require.NoError(t, err)
	}))
	return p
}

// without is what an engine lowers that has all kernels but those of some ops, and none for halves.
func without(none ...*ir.Op) func(ir.Call) bool {
	return func(c ir.Call) bool {
		for _, op := range none {
			if c.Op == op {
				return false
			}
		}
		for _, s := range c.In {
			if s.DType.IsHalf() && c.Op != ops.ConvertDType && c.Op.Layout == ir.Computes {
				return false
			}
		}
		return true
	}
}

var places = regexp.MustCompile(`  // \S+`)

// each is, per pass, a program that it has something to do in.
var each = map[string]struct {
	build  func(x ...*graph.Node) []*graph.Node
	in     []shapes.Shape
	lowers func(ir.Call) bool
}{
	"expand": {func(x ...*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Softplus(x[0]), graph.Silu(x[0]), graph.Softplus(graph.Neg(x[0]))}
	}, []shapes.Shape{vector}, without(ops.Softplus, ops.Silu)},
	"widen": {func(x ...*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Exp(x[0]), graph.Transpose(graph.Clamp(x[0], x[0], x[0]), 0, 1)}
	}, []shapes.Shape{shapes.Make(dtypes.BFloat16, 2, 3)}, without()},
	"fold": {func(x ...*graph.Node) []*graph.Node {
		g := x[0].Graph()
		a, b := graph.Const(g, []float32{1, 2, 3}), graph.Const(g, []float32{4, 5, 6})
		bad := graph.Div(graph.Const(g, int32(1)), graph.Const(g, int32(0))) // is for the run to refuse
		return []*graph.Node{graph.Add(x[0], graph.Reshape(graph.Add(a, b), 3)), graph.Exp(a), bad}
	}, []shapes.Shape{vector}, nil},
	"simplify": {func(x ...*graph.Node) []*graph.Node {
		m := x[1]
		return []*graph.Node{
			graph.Neg(graph.Neg(graph.MulScalar(graph.AddScalar(x[0], 0), 1))),
			graph.Transpose(graph.Transpose(m, 0, 1), 0, 1),
			graph.Squeeze(graph.ExpandAxes(graph.Reshape(m, 6), 0), 0),
			graph.ConvertDType(graph.ConvertDType(x[0], dtypes.Float64), dtypes.Float32),
			graph.ConvertDType(graph.ConvertDType(x[0], dtypes.BFloat16), dtypes.Float32), // rounds
		}
	}, []shapes.Shape{vector, matrix}, nil},
	"hoist": {func(x ...*graph.Node) []*graph.Node {
		g := x[0].Graph()
		carry, _ := graph.Scan([]*graph.Node{x[0]}, []*graph.Node{x[1]}, func(c, s []*graph.Node) ([]*graph.Node, []*graph.Node) {
			w := graph.MulScalar(graph.Exp(x[0]), 3) // alike in every turn, but for what nothing is moved across
			w = graph.Add(w, graph.Sqrt(graph.OptimizationBarrier(x[0])))
			inner := graph.ForI(2, []*graph.Node{c[0]}, func(_ *graph.Node, v []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Add(graph.Mul(v[0], graph.Log(w)), graph.Tanh(s[0]))} // of this loop, and of the outer one
			})
			return inner, nil
		}).Done()
		state := func(g *graph.Graph) (i, v *graph.Node) {
			return graph.Parameter(g, "i", shapes.Make(dtypes.Int32)), graph.Parameter(g, "v", vector)
		}
		return append(carry, graph.While(graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			_, v := state(g)
			return []*graph.Node{graph.LessThan(graph.ReduceMax(v), graph.ReduceMax(graph.Square(x[0])))}
		}), graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			i, v := state(g) // there may be no turn
			return []*graph.Node{i, graph.Add(v, graph.Sqrt(x[0]))}
		}), graph.Const(g, int32(0)), x[0])...)
	}, []shapes.Shape{vector, shapes.Make(dtypes.Float32, 4, 3)}, nil},
	"merge": {func(x ...*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Add(graph.Exp(x[0]), graph.Exp(x[0])), graph.AddScalar(x[0], 2), graph.AddScalar(x[0], 2)}
	}, []shapes.Shape{vector}, nil},
	"thin": {func(x ...*graph.Node) []*graph.Node {
		weight := graph.Exp(x[0]) // which the unused sum alone reads
		carry, ys := graph.Scan([]*graph.Node{x[0], graph.Log(x[0])}, []*graph.Node{x[1], graph.Neg(x[1])}, func(c, s []*graph.Node) ([]*graph.Node, []*graph.Node) {
			return []*graph.Node{graph.Add(c[0], s[0]), graph.Add(graph.Mul(c[1], weight), s[1])}, []*graph.Node{graph.Tanh(c[1]), graph.Sin(c[0])}
		}).Done()
		return []*graph.Node{carry[0], ys[1]}
	}, []shapes.Shape{vector, shapes.Make(dtypes.Float32, 4, 3)}, nil},
	"drop": {func(x ...*graph.Node) []*graph.Node {
		g := x[0].Graph()
		sorted := graph.ApplyMulti(ops.SortWithIndices, ir.SortAttrs{}, x[0]) // of which one result is used
		f := graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
			y := graph.Parameter(g, "y", vector)
			return []*graph.Node{graph.Exp(y), graph.Log(y)}
		})
		f.Call(x[0])
		return sorted[:1]
	}, []shapes.Shape{vector}, nil},
	"share": {func(x ...*graph.Node) []*graph.Node {
		g := x[0].Graph()
		branch := func() *graph.Function {
			return graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x[0], x[0])} })
		}
		yes := graph.Const(g, true)
		return append(graph.If(yes, branch(), branch()), graph.If(yes, branch(), branch())...)
	}, []shapes.Shape{vector}, nil},
}

var vector, matrix = shapes.Make(dtypes.Float32, 3), shapes.Make(dtypes.Float32, 2, 3)

func TestPassesBeforeAndAfter(t *testing.T) {
	for _, pass := range ir.Passes() {
		t.Run(pass.Name, func(t *testing.T) {
			c, ok := each[pass.Name]
			require.True(t, ok, "the pass %s has no program in each", pass.Name)
			before := programOf(t, c.build, c.in...)
			if pass.Name == "drop" { // a program of nodes has no calls that nobody needs
				before = withDead(t)
			}
			text := before.String()
			after, err := pass.Run(before, c.lowers)
			require.NoError(t, err)
			require.Equal(t, text, before.String(), "a pass must not change the program it is given")
			require.NoError(t, after.Check())
			require.NotEqual(t, text, after.String(), "the pass did nothing")
			golden.Check(t, "testdata/"+pass.Name+".txt", fmt.Sprintf("%s: %s\n\nbefore\n%s\nafter\n%s", pass.Name, pass.Why, places.ReplaceAllString(text, ""), places.ReplaceAllString(after.String(), "")))
		})
	}
	require.Len(t, each, len(ir.Passes()))
}

// withDead is a program of which two calls are needed for nothing, but one is seen from outside.
func withDead(t testing.TB) *ir.Program {
	b := ir.NewBuilder("p")
	x, err := b.Input("x", vector)
	require.NoError(t, err)
	call := func(op *ir.Op, in ...ir.Value) ir.Value {
		out, err := b.Apply(op, nil, in...)
		require.NoError(t, err)
		return out[0]
	}
	call(ops.Exp, call(ops.Neg, x))
	call(printed, x)
	p, err := b.Program(call(ops.Log, x))
	require.NoError(t, err)
	return p
}

// printed is an op that is seen from outside: no pass may leave it out, merge it or compute it in advance.
var printed = &ir.Op{Name: "Printed", Effect: ir.Ordered,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Ref:   func(any, []*tensors.Tensor, []*tensors.Tensor) {}, Layout: ir.View,
	Simplify: func(r *ir.Rewrite) []ir.Value { return r.In }}

func TestEffectsStay(t *testing.T) {
	for _, effect := range []ir.Effect{ir.Ordered, ir.Debug} {
		op := *printed
		op.Effect = effect
		b := ir.NewBuilder("p")
		x, err := b.Input("x", vector)
		require.NoError(t, err)
		for range 2 {
			_, err = b.Apply(&op, nil, x)
			require.NoError(t, err)
		}
		p, err := b.Program(x)
		require.NoError(t, err)
		low, err := ir.Lower(p, nil)
		require.NoError(t, err)
		require.Len(t, low.Instrs, 2, "%s", effect)
	}
}

func TestTheExampleBecomesItsOperand(t *testing.T) {
	p := programOf(t, func(x ...*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Neg(graph.Neg(graph.MulScalar(graph.AddScalar(graph.Transpose(graph.Transpose(x[0], 0, 1), 0, 1), 0), 1)))}
	}, matrix)
	low, err := ir.Lower(p, nil)
	require.NoError(t, err)
	require.Empty(t, low.Instrs)
	require.Equal(t, low.Inputs, low.Outputs)
}

// TestPassesComputeTheSame runs random programs before and after each pass, on the reference meanings.
func TestPassesComputeTheSame(t *testing.T) {
	changed := map[string]int{}
	for seed := range uint64(60) {
		p, in := randomProgram(t, seed)
		want := run(t, p, in)
		for _, pass := range ir.Passes() {
			q, err := pass.Run(p, someKernels)
			require.NoError(t, err)
			require.NoError(t, q.Check(), "seed %d, %s:\n%s\n%s", seed, pass.Name, p, q)
			if q.String() != p.String() {
				changed[pass.Name]++
			}
			got := run(t, q, in)
			for i := range want {
				tol := ir.Tolerance{}
				if pass.Name == "expand" || pass.Name == "widen" {
					tol = ir.Tolerance{ULP: 1 << 14, Abs: 1 << 10} // expansions round on the way
				}
				require.NoError(t, graphtest.Diff(got[i], want[i], tol), "seed %d, %s, result %d:\n%s\n%s", seed, pass.Name, i, p, q)
			}
		}
		low, err := ir.Lower(p, nil)
		require.NoError(t, err)
		again, err := ir.Lower(low, nil)
		require.NoError(t, err)
		require.LessOrEqual(t, again.NumInstrs(), low.NumInstrs())
	}
	for _, name := range []string{"expand", "fold", "simplify", "merge"} {
		require.NotZero(t, changed[name], "no random program was changed by %s", name)
	}
}

// randomProgram returns one, with values for its inputs.
func randomProgram(t testing.TB, seed uint64) (*ir.Program, []*tensors.Tensor) {
	t.Helper()
	fn, in := graphtest.RandomProgram(seed, 4+int(seed%20), seed%2 == 0)
	g := graph.NewGraph(nil, "random")
	var nodes []*graph.Node
	for _, x := range in {
		nodes = append(nodes, graph.Parameter(g, "", x.Shape()))
	}
	p, err := graph.NewProgram(g, fn(g, nodes)...)
	require.NoError(t, err)
	return p, in
}

// someKernels is an engine that has kernels for every other op, by name.
func someKernels(c ir.Call) bool { return c.Op.Expand == nil || len(c.Op.Name)%2 == 0 }

func run(t testing.TB, p *ir.Program, in []*tensors.Tensor) []*tensors.Tensor {
	t.Helper()
	b := graphtest.Reference()
	p, err := ir.Passes()[0].Run(p, b.Lowers) // what has no reference meaning is expanded
	require.NoError(t, err)
	return graphtest.Run(t, b, p, in)
}

func TestExplain(t *testing.T) {
	p := programOf(t, func(x ...*graph.Node) []*graph.Node {
		h := graph.Softplus(graph.MatMul(x[0], graph.Transpose(x[0], 0, 1)))
		return []*graph.Node{graph.Clamp(x[1], x[1], x[1]), graph.ReduceSum(graph.AddScalar(graph.Add(h, h), 0)), graph.ReduceMax(x[1], 0)}
	}, matrix, shapes.Make(dtypes.BFloat16, 4))
	lowers := func(c ir.Call) bool {
		return without(ops.Softplus)(c) && c.Op != ops.ReduceMax // neither narrow nor wide
	}
	text, err := p.Explain(lowers)
	require.NoError(t, err)
	golden.Check(t, "testdata/explain.txt", places.ReplaceAllString(text, "  // file.go:1"))
	for _, pass := range ir.Passes() {
		require.Contains(t, text, "\n"+pass.Name+": ")
	}
	require.Equal(t, 1, strings.Count(text, "left to the backend"))
}

// keeping is an engine that has few kernels, and keeps what it is given to compile.
type keeping struct {
	ir.Backend
	program *ir.Program
}

func (*keeping) Lowers(c ir.Call) bool { return someKernels(c) }

func (k *keeping) Compile(_ context.Context, p *ir.Program) (ir.Executable, error) {
	k.program = p
	return nil, p.Check()
}

// Compile rewrites a program in its place, Lower leaves it as it is: both make the same of it.
func TestCompileMakesWhatLowerDoes(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p, _ := randomProgram(t, seed)
			before := p.String()
			want, err := ir.Lower(p, someKernels)
			require.NoError(t, err)
			require.Equal(t, before, p.String(), "Lower leaves a program as it is")
			var k keeping
			low, _, err := ir.Compile(t.Context(), &k, p)
			require.NoError(t, err)
			require.Equal(t, want.String(), low.String())
			require.True(t, low == k.program)
			require.True(t, want.Same(low), "in all that is not printed")
			require.Equal(t, want.Fingerprint(), low.Fingerprint())
		})
	}
}
