package gocpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// builder is a function that builds a graph.
type builder = func(g *graph.Graph, in []*graph.Node) []*graph.Node

// results runs a function under options on copies of inputs, all donated, and returns the bits of the results.
func results(t *testing.T, o Options, fn builder, in []*tensors.Tensor) [][]byte {
	t.Helper()
	return runAs(t, compileAs(t, o, fn, in), orderOf(o), in)
}

func orderOf(o Options) Runner {
	if o.Runner != nil {
		return o.Runner
	}
	return sequential{}
}

// floats returns a tensor of ordinary numbers.
func floats(rng *rand.Rand, dims ...int) *tensors.Tensor {
	x := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	v := tensors.Flat[float32](x)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return x
}

var joins = []func(x *graph.Node, axes ...int) *graph.Node{graph.ReduceSum, graph.ReduceMean, graph.ReduceMax, graph.ReduceMin,
	func(x *graph.Node, axes ...int) *graph.Node { return graph.ReduceMax(graph.Abs(x), axes...) }}

// randomChains returns a function of elementwise calls over all ways to broadcast, with views and other calls in between.
func randomChains(seed uint64, size int) (builder, []*tensors.Tensor) {
	rng := rand.New(rand.NewPCG(seed, 3))
	dims := [][]int{{6, 5, 70}, {33, 8}, {4, 3, 2, 130}, {1}, {2000}}[rng.IntN(5)]
	var in []*tensors.Tensor
	for range 3 {
		in = append(in, floats(rng, dims...))
	}
	for range 4 { // to be broadcast
		d := slices.Clone(dims[rng.IntN(len(dims)):])
		for i := range d {
			if rng.IntN(3) == 0 {
				d[i] = 1
			}
		}
		in = append(in, floats(rng, d...))
	}
	in = append(in, floats(rng))
	return func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		rng := rand.New(rand.NewPCG(seed, 4))
		pool, masks := slices.Clone(in), []*graph.Node{graph.GreaterThan(in[0], in[1])}
		any := func() *graph.Node { return pool[max(0, len(pool)-12)+rng.IntN(min(len(pool), 12))] }
		mask := func() *graph.Node { return masks[rng.IntN(len(masks))] }
		for range size {
			x := any()
			switch rng.IntN(14) {
			case 0:
				pool = append(pool, graph.Tanh(x))
			case 1:
				pool = append(pool, graph.Exp(graph.Neg(graph.Abs(x))))
			case 2:
				masks = append(masks, graph.LessThan(x, in[rng.IntN(len(in))]))
			case 3:
				masks = append(masks, graph.LogicalAnd(mask(), graph.LogicalNot(mask())))
			case 4:
				pool = append(pool, graph.Where(mask(), in[rng.IntN(len(in))], in[rng.IntN(len(in))]))
			case 5: // in other dimensions, and back
				flat := graph.Square(graph.Reshape(x, -1))
				pool = append(pool, graph.Reshape(graph.MulScalar(flat, 0.5), x.Shape().Dimensions...))
			case 6, 10: // joined over the last axis, or all
				pool = append(pool, graph.Add(in[0], graph.ReduceAllMean(x)), graph.Mul(in[0], graph.ReduceAllMax(graph.Abs(x))))
				if x.Rank() > 0 {
					pool = append(pool, graph.ReduceAndKeep(x, joins[rng.IntN(len(joins))], -1))
				}
			case 7:
				narrow := graph.ConvertDType(x, []dtypes.DType{dtypes.BFloat16, dtypes.Float16}[rng.IntN(2)])
				narrow = graph.Add(graph.Mul(narrow, narrow), graph.Tanh(narrow))
				pool = append(pool, graph.ConvertDType(graph.Max(narrow, graph.ConvertDType(in[7], narrow.DType())), dtypes.Float32))
			case 8:
				pool = append(pool, graph.Clamp(graph.ConstAs(x, -1), x, in[len(in)-1]))
			case 9:
				pool = append(pool, graph.ConvertDType(mask(), dtypes.Float32))
			case 13: // a product between
				if x.Rank() > 1 && x.Dim(-1) <= 130 {
					c := x.Dim(-1)
					flat := graph.Reshape(x, -1, c)
					weights := graph.MulScalar(graph.MatMul(graph.Transpose(flat, 0, 1), flat), 1/float64(x.Shape().Size()))
					pool = append(pool, graph.Reshape(graph.MatMul(flat, weights), x.Shape().Dimensions...))
				}
			default:
				y := in[rng.IntN(len(in))]
				pool = append(pool, []func(x, y *graph.Node) *graph.Node{graph.Add, graph.Sub, graph.Mul, graph.Max}[rng.IntN(4)](x, y))
			}
		}
		out := []*graph.Node{pool[len(pool)-1], masks[len(masks)-1]}
		for range 4 {
			out = append(out, any())
		}
		return out
	}, in
}

// TestFusedIsUnfused compares the bits of programs with groups of calls and with a program for each call, in both orders.
// All inputs are donated: results lie on operands where they may.
func TestFusedIsUnfused(t *testing.T) {
	groups := 0
	for seed := range uint64(120) {
		for name, make := range map[string]func(seed uint64) (builder, []*tensors.Tensor){
			"chains": func(seed uint64) (builder, []*tensors.Tensor) { return randomChains(seed, 4+int(seed%40)) },
			"all rows": func(seed uint64) (builder, []*tensors.Tensor) {
				return graphtest.RandomProgram(seed, 5+int(seed%30), true)
			},
		} {
			fn, in := make(seed)
			_, apart, fused := Fusions(Options{Workers: 1 + int(seed%3)})
			want := results(t, apart, fn, in)
			assert.True(t, sameBits(results(t, fused, fn, in), want), "seed %d, %s", seed, name)
			fused.Order, fused.Runner = Dataflow, anyOrder{rand.New(rand.NewPCG(seed, 5))}
			assert.True(t, sameBits(results(t, fused, fn, in), want), "seed %d, %s, in any order", seed, name)
			c := compileAs(t, fused, fn, in)
			for _, s := range c.steps {
				if len(s.parts) > 1 {
					groups++
				}
			}
			require.NoError(t, checkPlan(c, (&Steps{f: &frame{code: c}}).After), "seed %d, %s", seed, name)
		}
	}
	assert.Greater(t, groups, 500, "the programs have hardly any groups")
}

// special are numbers on which ops go wrong.
var special = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 2, 3.75, -7, 88.5, -88.5, 1e-40, -1e-40, 1e-38, 3e38, -3e38,
	math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// TestOpsOfVectorProgramsMeanTheRows runs each op that is written for vector programs, on special values and all ways to
// combine them, and compares with the kernel that it has without.
func TestOpsOfVectorProgramsMeanTheRows(t *testing.T) {
	type testCall struct {
		op   *ir.Op
		of   dtypes.DType
		call func(x, y, z *graph.Node) *graph.Node
	}
	var calls []testCall
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float16} {
		calls = append(calls,
			testCall{ops.Where, d, func(x, y, z *graph.Node) *graph.Node { return graph.Where(graph.LessThan(x, y), y, z) }},
			testCall{ops.Clamp, d, func(x, y, z *graph.Node) *graph.Node { return graph.Clamp(x, y, z) }})
		for op, p := range pointwiseOps {
			if op == ops.Clamp {
				continue
			}
			calls = append(calls, testCall{op, d, func(x, y, _ *graph.Node) *graph.Node {
				args := []*graph.Node{x, y}[:len(op.Samples[0].In)]
				for i := range args {
					if p.masks {
						args[i] = graph.GreaterThan(args[i], graph.ConstAs(x, 0.75))
					}
				}
				return graph.Apply(op, nil, args...)
			}})
		}
	}
	for d := range conversions {
		calls = append(calls, testCall{ops.ConvertDType, d[0], func(x, _, _ *graph.Node) *graph.Node { return graph.ConvertDType(x, d[1]) }})
	}
	n := len(special)
	in := []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, n*n)), tensors.FromShape(shapes.Make(dtypes.Float32, n*n)), tensors.FromShape(shapes.Make(dtypes.Float32, n*n))}
	for i := range n * n {
		tensors.Flat[float32](in[0])[i], tensors.Flat[float32](in[1])[i], tensors.Flat[float32](in[2])[i] = special[i/n], special[i%n], special[(i+i/n)%n]
	}
	for _, c := range calls {
		var y shapes.Shape
		fn := func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
			var x [3]*graph.Node
			for i := range x {
				x[i] = graph.ConvertDType(in[i], c.of)
			}
			out := c.call(x[0], x[1], x[2])
			y = out.Shape()
			return []*graph.Node{out}
		}
		plain, fused, _ := Fusions(Options{Workers: 1})
		code := compileAs(t, fused, fn, in)
		name := fmt.Sprint(c.op.Name, " of ", c.of, " to ", y.DType)
		require.NotEmpty(t, code.steps[len(code.steps)-1].parts, "%s is no vector program", name)
		want, got := tensorOf(t, y, results(t, plain, fn, in)[0]), tensorOf(t, y, results(t, fused, fn, in)[0])
		ulp := c.op.Tol.ULP
		if y.DType.IsHalf() {
			ulp = min(ulp, 1) // what float32 rounds is rounded again
		}
		for i := range want.Size() {
			if w, g := want.Float64At(i), got.Float64At(i); !near(w, g, ulp*dtypes.Epsilon(dtypes.Float32), y.DType) {
				t.Errorf("%s of %v, %v, %v: got %v, want %v", name, in[0].Float64At(i), in[1].Float64At(i), in[2].Float64At(i), g, w)
			}
		}
	}
}

// near reports whether two results are the same, or as close as they must be.
func near(w, g, tol float64, d dtypes.DType) bool {
	switch {
	case w == 0 && g == 0:
		return math.Signbit(w) == math.Signbit(g)
	case w == g || w != w && g != g:
		return true
	case d.IsHalf():
		tol *= dtypes.Epsilon(d) / dtypes.Epsilon(dtypes.Float32)
	}
	return math.Abs(g-w) <= tol*max(math.Abs(w), 0x1p-126)
}

func tensorOf(t *testing.T, s shapes.Shape, data []byte) *tensors.Tensor {
	t.Helper()
	x, err := tensors.FromBytes(s, data)
	require.NoError(t, err)
	return x
}

// steps compiles fn with groups and returns what runs, a line per step: its instructions and the numbers of operands and results.
func stepsOf(t *testing.T, fn builder, in ...*tensors.Tensor) (lines []string, c *code) {
	t.Helper()
	_, _, fused := Fusions(Options{Workers: 1})
	c = compileAs(t, fused, fn, in)
	for _, s := range c.steps {
		line := s.op.Name
		if len(s.parts) > 0 {
			line = ""
			for i, p := range s.parts {
				if i > 0 {
					line += "+"
				}
				line += p.Op.Name
			}
		}
		lines = append(lines, fmt.Sprintf("%s %d→%d", line, len(s.in), len(s.out)))
	}
	return lines, c
}

func TestWhatIsFused(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, w, row, column := floats(rng, 64, 64), floats(rng, 64, 64), floats(rng, 64), floats(rng, 64, 1)
	in := []*tensors.Tensor{x, w, row, column}
	for _, c := range []struct {
		name string
		fn   func(x, w, row, column *graph.Node) []*graph.Node
		want []string
	}{
		{"a chain reads and writes once", func(x, w, row, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Relu(graph.Tanh(graph.Add(graph.Mul(x, w), row)))}
		}, []string{"Mul+Add+Tanh+Relu 3→1"}},
		{"numbers are no operands", func(x, _, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.AddScalar(graph.MulScalar(x, 2), 1)}
		}, []string{"Mul+Add 1→1"}},
		{"those that read the same become one", func(x, w, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Exp(x), graph.Mul(x, w)}
		}, []string{"Exp+Mul 2→2"}},
		{"a value that others need is written", func(x, w, _, _ *graph.Node) []*graph.Node {
			y := graph.Exp(x)
			return []*graph.Node{y, graph.Mul(y, w)}
		}, []string{"Exp+Mul 2→2"}},
		{"nothing runs around what stands between", func(x, w, _, _ *graph.Node) []*graph.Node {
			y := graph.Exp(x)
			return []*graph.Node{graph.Mul(y, graph.CumSum(graph.Mul(y, w), 0))}
		}, []string{"Exp+Mul 2→2", "CumSum 1→1", "Mul 2→1"}},
		{"a product is finished by what reads it", func(x, w, row, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Relu(graph.Add(graph.MatMul(x, w), row))}
		}, []string{"DotGeneral+Add+Relu 3→1"}},
		{"and written if others need it", func(x, w, row, _ *graph.Node) []*graph.Node {
			y := graph.MatMul(x, w)
			return []*graph.Node{graph.Add(y, row), graph.ReduceSum(y, 0)}
		}, []string{"DotGeneral+Add 3→2", "ReduceSum 1→1"}},
		{"not by what makes its operand", func(x, w, _, _ *graph.Node) []*graph.Node {
			y := graph.Exp(x)
			return []*graph.Node{graph.Mul(y, graph.MatMul(y, w))}
		}, []string{"Exp 1→1", "DotGeneral+Mul 3→1"}},
		{"of two the last one", func(x, w, row, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Add(graph.Add(graph.MatMul(x, w), graph.MatMul(w, x)), row)}
		}, []string{"DotGeneral 2→1", "DotGeneral+Add+Add 4→1"}},
		{"not where its elements are needed in several places", func(x, w, row, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Add(x, graph.MatMul(graph.ExpandAxes(row, 0), w))}
		}, []string{"DotGeneral 2→1", "Add 2→1"}},
		{"views are no limit", func(x, w, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Exp(graph.Reshape(graph.Add(x, w), -1))}
		}, []string{"Add+Exp 2→1"}},
		{"rows and columns", func(x, _, row, column *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Sub(x, column), row)}
		}, []string{"Sub+Mul 3→1"}},
		{"what is broadcast was made before", func(x, _, row, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(x, graph.Exp(graph.Neg(row)))}
		}, []string{"Neg+Exp 1→1", "Mul 2→1"}},
		{"what is summed is not written", func(x, w, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.ReduceAllMean(graph.Square(graph.Sub(x, w)))}
		}, []string{"Sub+Square+ReduceMean 2→1"}},
		{"rows are summed, and largest", func(x, _, _, column *graph.Node) []*graph.Node {
			y := graph.Sub(x, column)
			return []*graph.Node{graph.ReduceMax(y, -1), graph.ReduceSum(graph.Exp(y), -1), graph.ReduceAllSum(y)}
		}, []string{"Sub+ReduceMax+Exp+ReduceSum+ReduceSum 2→3"}},
		{"whether all are finite is seen by the largest magnitude", func(x, w, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(x, w), graph.IsFinite(graph.ReduceAllMax(graph.Abs(x)))}
		}, []string{"Mul+Abs+ReduceMax 2→2", "IsFinite 1→1"}},
		{"columns are not", func(x, w, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.ReduceSum(graph.Mul(x, w), 0)}
		}, []string{"Mul 2→1", "ReduceSum 1→1"}},
		{"a sum alone has a kernel of its own", func(x, _, _, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.ReduceSum(x, -1), graph.ReduceAllMax(x)}
		}, []string{"ReduceSum 1→1", "ReduceMax 1→1"}},
		{"other sizes are others", func(x, _, row, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Exp(x), graph.Exp(row)}
		}, []string{"Exp 1→1", "Exp 1→1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := stepsOf(t, func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return c.fn(in[0], in[1], in[2], in[3]) }, in...)
			assert.Equal(t, c.want, got)
		})
	}
}

// TestAGroupWritesOverItsOperands donates all inputs of an update with three results.
func TestAGroupWritesOverItsOperands(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fn := func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
		p, g, m, v := in[0], in[1], in[2], in[3]
		m = graph.Add(graph.MulScalar(m, 0.9), graph.MulScalar(g, 0.1))
		v = graph.Add(graph.MulScalar(v, 0.99), graph.MulScalar(graph.Square(g), 0.01))
		return []*graph.Node{graph.Sub(p, graph.Div(m, graph.AddScalar(graph.Sqrt(graph.Abs(v)), 1e-3))), m, v}
	}
	lines, c := stepsOf(t, fn, floats(rng, 5000), floats(rng, 5000), floats(rng, 5000), floats(rng, 5000))
	assert.Equal(t, []string{"Mul+Mul+Add+Mul+Square+Mul+Add+Abs+Sqrt+Add+Div+Sub 4→3"}, lines)
	assert.NotContains(t, c.donors, -1)
	assert.Zero(t, c.arena)
}

// TestAChoiceCostsNothing: the new value lies where the result is to be, and the old one is copied over it if it is not to
// count.
func TestAChoiceCostsNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	x, yes := floats(rng, 3000), tensors.FromValue(true)
	c := compileAs(t, Options{Workers: 1}, func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
		next := graph.Sin(in[0])
		ok := graph.LogicalAnd(in[1], graph.IsFinite(graph.ReduceAllSum(next)))
		return []*graph.Node{graph.Where(ok, next, in[0])}
	}, []*tensors.Tensor{x, yes})
	last := c.steps[len(c.steps)-1]
	require.Equal(t, ops.Where, last.op)
	assert.Equal(t, c.resolve(last.in[1]), c.resolve(last.out[0]))
	out := aligned(c.values[c.outputs[0]].size)
	given := [][]byte{x.Storage().Bytes(), yes.Storage().Bytes()}
	require.NoError(t, c.exec(context.Background(), given, [][]byte{out}, nil))
	first := tensors.Flat[float32](x)[0]
	assert.InDelta(t, math.Sin(float64(first)), tensors.Flat[float32](tensorOf(t, x.Shape(), out))[0], 1e-6)
	given[1] = []byte{0}
	require.NoError(t, c.exec(context.Background(), given, [][]byte{out}, nil))
	assert.Equal(t, first, tensors.Flat[float32](tensorOf(t, x.Shape(), out))[0])
}

// TestACallAllocatesItsResultsOnly runs groups of all kinds, whose results lie on the Go heap: beside each result there is the list of them.
func TestACallAllocatesItsResultsOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	backend := New()
	defer backend.Close()
	g := graph.NewGraph(backend, "steady")
	var in []*graph.Node
	var bufs []ir.Buffer
	for _, x := range []*tensors.Tensor{floats(rng, 100, 130), floats(rng, 130), floats(rng, 100, 1), floats(rng)} {
		in = append(in, graph.Parameter(g, "", x.Shape()))
		b, err := backend.Put(x)
		require.NoError(t, err)
		bufs = append(bufs, b)
	}
	x, row, column, number := in[0], in[1], in[2], in[3]
	y := graph.Tanh(graph.Mul(graph.Sub(x, column), row))
	require.NoError(t, g.Compile(y, graph.ReduceSum(y, -1), graph.ReduceAllMean(graph.Add(graph.Add(x, row), number)), graph.Where(graph.LessThan(y, number), x, y)))
	testenv.AllocatesAtMost(t, 5, func() {
		out, err := g.RunWithBuffers(context.Background(), bufs, nil)
		require.NoError(t, err)
		for _, b := range out {
			b.Close()
		}
	})
}

// TestAnUpdateIsOnePass is a step of Adam that is undone if a gradient or a new value is not finite, as trainers make it: each
// value is read once, and each new value written once, for the update, the four means that tell, and the choice.
func TestAnUpdateIsOnePass(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	in := []*tensors.Tensor{floats(rng, 4000), floats(rng, 4000), floats(rng, 4000), floats(rng, 4000), floats(rng)}
	lines, c := stepsOf(t, func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
		p, g, m, v, step := in[0], in[1], in[2], in[3], in[4]
		ok := graph.IsFinite(graph.ReduceAllMean(g))
		m1 := graph.Add(graph.MulScalar(m, 0.9), graph.MulScalar(g, 0.1))
		v1 := graph.Add(graph.MulScalar(v, 0.99), graph.MulScalar(graph.Square(g), 0.01))
		root := graph.AddScalar(graph.Sqrt(graph.Div(v1, graph.Neg(graph.Expm1(step)))), 1e-8)
		p1 := graph.Sub(p, graph.Div(graph.Div(m1, graph.Neg(graph.Expm1(graph.MulScalar(step, 2)))), root))
		for _, x := range []*graph.Node{p1, m1, v1} {
			ok = graph.LogicalAnd(ok, graph.IsFinite(graph.ReduceAllMean(x)))
		}
		return []*graph.Node{graph.Where(ok, p1, p), graph.Where(ok, m1, m), graph.Where(ok, v1, v)}
	}, in...)
	var passes []string
	for i, s := range c.steps {
		if s.op != ops.Where && c.traffic(&s) > 4000 {
			passes = append(passes, lines[i])
		}
	}
	assert.Equal(t, []string{"ReduceMean+Mul+Mul+Add+Mul+Square+Mul+Add+Div+Sqrt+Add+Div+Div+Sub+ReduceMean+ReduceMean+ReduceMean 6→7"}, passes)
	choices := 0
	for _, s := range c.steps {
		if s.chooses {
			choices++
			assert.Zero(t, c.traffic(&s))
		}
	}
	assert.Equal(t, 3, choices)
}

// TestMagnitudesAreSeen: of rows and of all, with NaN and infinities at every place.
func TestMagnitudesAreSeen(t *testing.T) {
	const rows, columns = 3, 70
	for at := range rows * columns {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1e38} {
			x := floats(rand.New(rand.NewPCG(9, 9)), rows, columns)
			tensors.Flat[float32](x)[at] = float32(bad)
			fn := func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
				size := graph.Abs(in[0])
				return []*graph.Node{graph.ReduceAllMax(size), graph.ReduceMax(size, -1)}
			}
			plain, _, fused := Fusions(Options{Workers: 1})
			want, got := results(t, plain, fn, []*tensors.Tensor{x}), results(t, fused, fn, []*tensors.Tensor{x})
			for r := range want {
				for i, w := range kernels.Of[float32](want[r]) {
					assert.True(t, near(float64(w), float64(kernels.Of[float32](got[r])[i]), 0, dtypes.Float32), "%v at %d: element %d of result %d", bad, at, i, r)
				}
			}
		}
	}
}
