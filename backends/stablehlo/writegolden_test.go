package stablehlo

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/require"
)

// param declares a parameter.
func param(g *graph.Graph, name string, d dtypes.DType, dims ...int) *graph.Node {
	return graph.Parameter(g, name, shapes.Make(d, dims...))
}

// lowered returns the program of what build makes.
func lowered(t testing.TB, name string, build func(g *graph.Graph) []*graph.Node) *ir.Program {
	t.Helper()
	g := graph.NewGraph(nil, name)
	var out []*graph.Node
	require.NoError(t, graph.Catch(func() { out = build(g) }))
	p, err := graph.NewProgram(g, out...)
	if err == nil {
		p, err = ir.Lower(p, Lowers)
	}
	require.NoError(t, err)
	return p
}

// goldens are programs whose text is kept in testdata, for people to read and for other parsers to be tried on.
var goldens = []struct {
	name    string
	options Options
	build   func(g *graph.Graph) []*graph.Node
}{
	{"mlp", Options{}, func(g *graph.Graph) []*graph.Node {
		x, w, b := param(g, "x", dtypes.Float32, 8, 4), param(g, "w", dtypes.Float32, 4, 3), param(g, "b", dtypes.Float32, 3)
		return []*graph.Node{graph.Softmax(graph.Relu(graph.Add(graph.MatMul(x, w), b)))}
	}},
	{"step", Options{Name: "training step", Donate: []bool{true, false, true}}, func(g *graph.Graph) []*graph.Node {
		w, x, seed := param(g, "w", dtypes.Float32, 3), param(g, "x", dtypes.Float32, 2, 3), param(g, "seed", dtypes.Uint64, 3)
		loss := graph.ReduceSum(graph.Square(graph.Dot(x, w).Product()))
		dw := graph.Gradient(loss, w)[0]
		return []*graph.Node{loss, graph.Sub(w, graph.MulScalar(dw, 0.1)), graph.ReduceAllMax(seed)}
	}},
	{"convnet", Options{}, func(g *graph.Graph) []*graph.Node {
		x, k := param(g, "images", dtypes.Float32, 2, 8, 8, 1), param(g, "kernel", dtypes.Float32, 3, 3, 1, 4)
		y := graph.MaxPool(graph.Convolve(x, k).PadSame().Strides(2).Done()).Window(2).Done()
		loss := graph.ReduceSum(y)
		return append(graph.Gradient(loss, k), loss)
	}},
	{"halves", Options{}, func(g *graph.Graph) []*graph.Node {
		x, y := param(g, "x", dtypes.BFloat16, 4, 5), param(g, "y", dtypes.BFloat16, 5, 2)
		return []*graph.Node{graph.MatMul(x, y), graph.ReduceSum(x, 0), graph.ReduceMax(x, 1), graph.Sqrt(x)}
	}},
	{"integers", Options{}, func(g *graph.Graph) []*graph.Node {
		x, y := param(g, "x", dtypes.Int32, 4), param(g, "y", dtypes.Int32, 4)
		u := param(g, "u", dtypes.Uint8, 2, 3)
		return []*graph.Node{
			graph.Div(x, y), graph.Rem(x, y), graph.DivScalar(x, 3), graph.BitwiseShiftLeftScalar(x, 2),
			graph.ReduceMin(u, 1), graph.ReduceBitwiseAnd(u, 0), graph.LessThan(u, graph.ScalarOne(g, dtypes.Uint8)),
			graph.Dot(x, y).WithAccumulatorDType(dtypes.Int8).WithOutputDType(dtypes.Int64).Product(),
		}
	}},
	{"control", Options{}, func(g *graph.Graph) []*graph.Node {
		x, scale := param(g, "x", dtypes.Float32, 3), param(g, "scale", dtypes.Float32)
		double := graph.NewFunction(g, "double", func(g *graph.Graph) []*graph.Node {
			a := param(g, "a", dtypes.Float32, 3)
			return []*graph.Node{graph.Mul(a, scale)}
		})
		x = double.Call(double.Call(x)[0])[0]
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			param(g, "y", dtypes.Float32, 3)
			return []*graph.Node{graph.LessThan(param(g, "i", dtypes.Int32), graph.Const(g, int32(10)))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			y, i := param(g, "y", dtypes.Float32, 3), param(g, "i", dtypes.Int32)
			return []*graph.Node{graph.Add(graph.Mul(y, scale), x), graph.AddScalar(i, 1)}
		})
		state := graph.While(cond, body, x, graph.Const(g, int32(0)))
		y := graph.If(graph.IsPositive(scale),
			graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{state[0], state[1]} }),
			graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				return []*graph.Node{graph.Neg(x), graph.Const(g, int32(-1))}
			}))
		return y
	}},
	{"constants", Options{}, func(g *graph.Graph) []*graph.Node {
		long := make([]float32, 40)
		mask := make([]bool, 40)
		for i := range long {
			long[i], mask[i] = float32(i)/8, i%3 == 0
		}
		return []*graph.Node{
			graph.Const(g, long), graph.Const(g, mask), graph.Const(g, [][]float64{{1, 0.1}, {1e300, math.Copysign(0, -1)}}),
			graph.Const(g, []complex64{1 + 2i, -1}), graph.Const(g, []bool{true, false}), graph.Zeros(g, shapes.Make(dtypes.Int8, 0, 3)),
			graph.Infinity(g, dtypes.Float16, -1), graph.Const(g, []uint64{1<<64 - 1, 0}), graph.Ones(g, shapes.Make(dtypes.BFloat16, 2, 2)),
		}
	}},
	{"conversions", Options{}, func(g *graph.Graph) []*graph.Node {
		x, z := param(g, "x", dtypes.Float64, 2), param(g, "z", dtypes.Complex64, 2)
		var out []*graph.Node
		for _, d := range []dtypes.DType{dtypes.Bool, dtypes.Uint8, dtypes.Float16, dtypes.Complex64} {
			out = append(out, graph.ConvertDType(x, d))
		}
		return append(out, graph.ConvertDType(z, dtypes.Bool), graph.ConvertDType(z, dtypes.Int32), graph.ConvertDType(z, dtypes.Complex128))
	}},
	{"indexing", Options{}, func(g *graph.Graph) []*graph.Node {
		table, at := param(g, "table", dtypes.Float16, 300, 4), param(g, "at", dtypes.Uint8, 5, 1)
		rows := graph.Gather(table, at)
		start := param(g, "start", dtypes.Uint64)
		zero := graph.ScalarZero(g, dtypes.Uint64)
		part := graph.DynamicSlice(table, []*graph.Node{start, zero}, []int{2, 4})
		return []*graph.Node{
			rows, graph.ScatterSum(table, at, rows, false, false), graph.ScatterUpdate(table, at, rows, true, true),
			graph.DynamicUpdateSlice(table, part, []*graph.Node{zero, zero}),
			graph.GatherSlices(table, []int{0}, at, []int{2}, false),
		}
	}},
	{"sorting", Options{}, func(g *graph.Graph) []*graph.Node {
		x := param(g, "x", dtypes.Float32, 2, 6)
		values, indices := graph.TopK(x, 2, 1)
		return []*graph.Node{graph.Sort(x, 1, true), values, indices, graph.Sort(param(g, "n", dtypes.Int64, 4), 0, false), graph.ArgMax(x, 1)}
	}},
	{"moving", Options{}, func(g *graph.Graph) []*graph.Node {
		x := param(g, "x", dtypes.Float32, 2, 3)
		return []*graph.Node{
			graph.Transpose(x, 0, 1), graph.Reshape(x, 6), graph.Pad(x, graph.ScalarZero(g, dtypes.Float32), ir.PadAxis{Start: 1, End: -1, Interior: 2}),
			graph.Reverse(x, 1), graph.Slice(x, graph.AxisRange(), graph.AxisRange(0, 3).Stride(2)), graph.Concatenate([]*graph.Node{x, x}, 0),
			graph.BroadcastToDims(graph.Slice(x, graph.AxisRange(), graph.AxisElem(0)), 4, 2, 3), graph.Iota(g, shapes.Make(dtypes.Int32, 2, 3), 1),
		}
	}},
	{"complex", Options{}, func(g *graph.Graph) []*graph.Node {
		x, y := param(g, "x", dtypes.Float32, 3), param(g, "y", dtypes.Float32, 3)
		z := graph.Complex(x, y)
		return []*graph.Node{graph.Abs(z), graph.Real(graph.Exp(z)), graph.Imag(graph.Conj(z)), graph.Erf(x), graph.IsFinite(x), graph.Clamp(y, x, y)}
	}},
	{"sharded", Options{Donate: []bool{true, true, false, true}}, func(g *graph.Graph) []*graph.Node { // a step of two layers, one split by columns, one by rows
		g.SetMesh(&ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 2}, {Name: "model", Size: 2}}})
		up := graph.Shard(param(g, "up", dtypes.Float32, 4, 8), "", "model")
		down := graph.Shard(param(g, "down", dtypes.Float32, 8, 4), "model", "")
		x := graph.Shard(param(g, "x", dtypes.Float32, 16, 4), "data", "")
		spare := graph.Shard(param(g, "spare", dtypes.Float32, 8, 4), "", "data,model")
		h := graph.Shard(graph.Relu(graph.MatMul(x, up)), ir.Open, "model")
		mesh := graph.NewFunction(g, "mesh", func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.Shard(graph.MatMul(h, down), "data", "")}
		})
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(mesh.Call()[0], x)))
		grads := graph.Gradient(loss, up, down)
		return []*graph.Node{loss, graph.Shard(graph.Sub(up, grads[0]), "", "model"), graph.Shard(graph.Sub(down, grads[1]), "model", ""), graph.Neg(spare)}
	}},
	{"linalg", Options{}, func(g *graph.Graph) []*graph.Node {
		x, z := param(g, "x", dtypes.Float32, 2, 3, 3), param(g, "z", dtypes.Complex64, 3, 3)
		l := graph.Cholesky(x, true)
		return []*graph.Node{
			l, graph.TriangularSolve(l, x, true, true, false, ir.Transposed), graph.Cholesky(z, false),
			graph.TriangularSolve(z, z, false, false, true, ir.Adjoint),
			graph.FFT(z, 3, 3), graph.InverseRealFFT(graph.RealFFT(x), 3), graph.ReducePrecision(x, 4, 3),
		}
	}},
	{"names", Options{}, func(g *graph.Graph) []*graph.Node {
		a, b, c := param(g, "layer 0/weights", dtypes.Float32), param(g, "layer_0_weights", dtypes.Float32), param(g, "β", dtypes.Float32)
		return []*graph.Node{graph.Add(graph.Add(a, b), c), a}
	}},
}

func TestGoldenTexts(t *testing.T) {
	for _, c := range goldens {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.options.Write(lowered(t, c.name, c.build))
			require.NoError(t, err)
			golden.Check(t, "testdata/"+c.name+".mlir", got)
		})
	}
}
