package rows_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/rows"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func backend(t *testing.T) ir.Backend {
	b := gocpu.New()
	t.Cleanup(func() { b.Close() })
	return b
}

// ramp returns numbers that differ.
func ramp(dims ...int) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(uint64(len(dims)), 7))
	x := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	tensors.MustMutableFlatData(x, func(flat []float32) {
		for i := range flat {
			flat[i] = float32(rng.NormFloat64())
		}
	})
	return x
}

func weights(g *graph.Graph, dims ...int) *graph.Node { return graph.ConstTensor(g, ramp(dims...)) }

func mlp(x *graph.Node) *graph.Node {
	h := graph.Tanh(graph.MatMul(x, weights(x.Graph(), 5, 7)))
	return graph.Softmax(graph.MatMul(h, weights(x.Graph(), 7, 3)), -1)
}

// recurrent goes over the second axis.
func recurrent(x *graph.Node) []*graph.Node {
	g := x.Graph()
	w := weights(g, 5, 5)
	h := graph.BroadcastToDims(graph.Const(g, float32(0.5)), x.Dim(0), 5)
	carry, ys := graph.Scan([]*graph.Node{h}, []*graph.Node{graph.Transpose(x, 0, 1)}, func(h, x []*graph.Node) ([]*graph.Node, []*graph.Node) {
		next := graph.Tanh(graph.Add(graph.MatMul(h[0], w), x[0]))
		return []*graph.Node{next}, []*graph.Node{graph.ReduceSum(next, -1)}
	}).Done()
	return append(carry, ys...)
}

// functions compute each row by itself. Their inputs have n rows along the axes given.
var functions = []struct {
	name   string
	fn     func(in []*graph.Node) []*graph.Node
	inputs func(n int) []any
	axes   []int
}{
	{"a perceptron", one(mlp), func(n int) []any { return []any{ramp(n, 5)} }, nil},
	{"normalised rows", one(func(x *graph.Node) *graph.Node {
		return graph.Div(graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1)), graph.Sqrt(graph.AddScalar(graph.ReduceAndKeep(graph.Square(x), graph.ReduceMean, -1), 1e-5)))
	}), func(n int) []any { return []any{ramp(n, 5)} }, nil},
	{"tokens as rows", one(func(x *graph.Node) *graph.Node {
		b, t := x.Dim(0), x.Dim(1)
		flat := graph.MatMul(graph.Reshape(x, b*t, 5), weights(x.Graph(), 5, 4))
		return graph.Reshape(flat, b, t, 2, 2)
	}), func(n int) []any { return []any{ramp(n, 3, 5)} }, nil},
	{"tokens of all rows", one(func(x *graph.Node) *graph.Node { return graph.Reshape(x, x.Dim(0)*x.Dim(1), 5) }),
		func(n int) []any { return []any{ramp(n, 3, 5)} }, nil},
	{"attention within rows", one(func(x *graph.Node) *graph.Node {
		scores := graph.Einsum("btd,bsd->bts", x, x)
		return graph.Einsum("bts,bsd->btd", graph.Softmax(scores, -1), x)
	}), func(n int) []any { return []any{ramp(n, 3, 5)} }, nil},
	{"a recurrence", func(in []*graph.Node) []*graph.Node { return recurrent(in[0]) }, func(n int) []any { return []any{ramp(n, 4, 5)} }, nil},
	{"a table", one(func(i *graph.Node) *graph.Node {
		return graph.Gather(weights(i.Graph(), 9, 2), graph.ExpandAxes(i, -1))
	}), func(n int) []any {
		list := make([]int32, n)
		for i := range list {
			list[i] = int32(i % 9)
		}
		return []any{list}
	}, nil},
	{"pictures", one(func(x *graph.Node) *graph.Node {
		y := graph.Relu(graph.Convolve(x, weights(x.Graph(), 3, 3, 2, 4)).PadSame().Done())
		return graph.ReduceMean(graph.MaxPool(y).Window(2).Done(), 1, 2)
	}), func(n int) []any { return []any{ramp(n, 6, 6, 2)} }, nil},
	{"sorted, cut and joined", one(func(x *graph.Node) *graph.Node {
		y := graph.Sort(x, 1, false)
		return graph.Concatenate([]*graph.Node{graph.Slice(y, graph.AxisRange(), graph.AxisRange(1, 3)), graph.Reverse(x, 1), graph.CumSum(x, 1)}, 1)
	}), func(n int) []any { return []any{ramp(n, 5)} }, nil},
	{"the best", func(in []*graph.Node) []*graph.Node {
		values, indices := graph.TopK(in[0], 2, -1)
		return []*graph.Node{values, indices, graph.ArgMax(in[0], -1)}
	}, func(n int) []any { return []any{ramp(n, 5)} }, nil},
	{"the number of a row", one(func(x *graph.Node) *graph.Node { return graph.Add(x, graph.Iota(x.Graph(), x.Shape(), 0)) }), func(n int) []any { return []any{ramp(n, 5)} }, nil},
	{"rows along another axis", func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.MatMul(in[0], in[1]), graph.ReduceSum(in[0])}
	}, func(n int) []any { return []any{ramp(2, 5), ramp(5, n)} }, []int{rows.None, 1}},
	{"a branch", func(in []*graph.Node) []*graph.Node {
		x, positive := in[0], graph.GreaterThan(in[1], graph.Const(in[0].Graph(), float32(0)))
		return graph.If(positive, graph.NewFunction(x.Graph(), "yes", func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(x)} }),
			graph.NewFunction(x.Graph(), "no", func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Exp(x)} }))
	}, func(n int) []any { return []any{ramp(n, 5), float32(-1)} }, []int{0, rows.None}},
}

func one(f func(x *graph.Node) *graph.Node) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node { return []*graph.Node{f(in[0])} }
}

// TestPaddedResultsAreThoseWithoutPadding runs each function with and without, for each number of rows.
func TestPaddedResultsAreThoseWithoutPadding(t *testing.T) {
	b := backend(t)
	for _, c := range functions {
		t.Run(c.name, func(t *testing.T) {
			plain, inner := graph.MustNewExec(b, c.fn), graph.MustNewExec(b, c.fn)
			defer plain.Close()
			padded, parts := rows.Pad(inner, rows.PowersOfTwo), rows.InParts(inner, 4)
			if c.axes != nil {
				padded, parts = padded.Axes(c.axes...), parts.Axes(c.axes...)
			}
			defer padded.Close()
			for _, n := range []int{1, 2, 3, 4, 7, 8, 13} {
				want, err := plain.Call(c.inputs(n)...)
				require.NoError(t, err)
				same := func(how string, exec *rows.Exec) {
					got, err := exec.Call(c.inputs(n)...)
					require.NoError(t, err, how)
					require.Len(t, got, len(want), how)
					for i := range want {
						assert.True(t, got[i].Equal(want[i]), "%s, %d rows, result %d: %s, want %s", how, n, i, got[i], want[i])
					}
				}
				same("padded", padded)
				if c.name != "the number of a row" {
					same("in parts", parts)
				} else {
					_, err := parts.Call(c.inputs(n)...)
					assert.ErrorContains(t, err, "it counts rows, and parts of them are computed one after another")
				}
			}
		})
	}
}

// TestWhatMixesRowsIsRefused holds the sentences about functions that padding would change.
func TestWhatMixesRowsIsRefused(t *testing.T) {
	b := backend(t)
	for _, c := range []struct {
		name string
		fn   func(x *graph.Node) *graph.Node
		want string
	}{
		{"a mean", func(x *graph.Node) *graph.Node { return graph.ReduceMean(x, 0) }, "it reduces axis 0, that of the rows"},
		{"a softmax", func(x *graph.Node) *graph.Node { return graph.Softmax(x, 0) }, "it reduces axis 0, that of the rows"},
		{"a division by how many there are", func(x *graph.Node) *graph.Node { return graph.DivScalar(x, float64(x.Dim(0))) }, "the constant is another one for 8 rows than for 16"},
		{"all against all", func(x *graph.Node) *graph.Node { return graph.MatMul(x, graph.Transpose(x, 0, 1)) }, "rows of one operand meet all rows of the other"},
		{"a product over rows", func(x *graph.Node) *graph.Node { return graph.Einsum("bi,bj->ij", x, x) }, "it sums over axis 0 of operand 0, that of the rows"},
		{"the other way around", func(x *graph.Node) *graph.Node { return graph.Reverse(x, 0) }, "it turns the order of the rows around"},
		{"one row after another", func(x *graph.Node) *graph.Node { return graph.CumSum(x, 0) }, "it works along axis 0, that of the rows"},
		{"in another order", func(x *graph.Node) *graph.Node { return graph.Sort(x, 0, false) }, "it works along axis 0, that of the rows"},
		{"all rows but one", func(x *graph.Node) *graph.Node {
			return graph.Slice(x, graph.AxisRange(0, x.Dim(0)-1))
		}, "axis 0 has 7 elements for 8 rows and 15 for 16"},
		{"rows by number", func(x *graph.Node) *graph.Node { return graph.Slice(x, graph.AxisRange(1)) }, "it takes rows by their numbers"},
		{"twice", func(x *graph.Node) *graph.Node { return graph.Concatenate([]*graph.Node{x, x}, 0) }, "it joins values along axis 0, that of the rows"},
		{"a reshaped mixture", func(x *graph.Node) *graph.Node { return graph.Reshape(x, 5, x.Dim(0)) }, "it moves elements of rows along axis 0"},
		{"rows and columns", func(x *graph.Node) *graph.Node {
			y := graph.Slice(x, graph.AxisRange(), graph.AxisRange(0, 1))
			return graph.Add(y, graph.Transpose(y, 0, 1))
		}, "meet rows along axis"},
		{"counted from the end", func(x *graph.Node) *graph.Node {
			return graph.Add(x, graph.Reverse(graph.Iota(x.Graph(), x.Shape(), 0), 0))
		}, "it turns the order of the rows around"},
		{"as many random numbers", func(x *graph.Node) *graph.Node {
			_, noise := graph.RandomUniform(graph.Const(x.Graph(), []uint64{1, 2, 3}), x.Shape())
			return graph.Add(x, noise)
		}, "it makes values for as many rows as there are"},
		{"a loop over rows", func(x *graph.Node) *graph.Node {
			carry, _ := graph.Scan([]*graph.Node{graph.Zeros(x.Graph(), shapes.Make(dtypes.Float32, 5))}, []*graph.Node{x}, func(h, x []*graph.Node) ([]*graph.Node, []*graph.Node) {
				return []*graph.Node{graph.Add(h[0], x[0])}, nil
			}).Done()
			return carry[0]
		}, "Scan"},
		{"another function", func(x *graph.Node) *graph.Node {
			if x.Dim(0) > 8 {
				return graph.Exp(x)
			}
			return graph.Neg(x)
		}, "another op stands there for 8 rows than for 16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			padded := rows.Pad(graph.MustNewExec(b, c.fn), rows.PowersOfTwo)
			defer padded.Close()
			_, err := padded.Call(ramp(7, 5))
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "give the function a mask of the rows (Exec.Masked), or call it without padding")
			assert.Contains(t, err.Error(), "rows_test.go:", "the line is named")
		})
	}
}

// TestMaskedRows gives a function that mixes rows the mask of those that count.
func TestMaskedRows(t *testing.T) {
	padded := rows.Pad(graph.MustNewExec(backend(t), func(x, mask *graph.Node) (*graph.Node, *graph.Node) {
		keep := graph.ExpandAxes(mask, -1)
		zero := graph.Const(x.Graph(), float32(0))
		count := graph.ReduceSum(graph.ConvertDType(mask, dtypes.Float32))
		mean := graph.Div(graph.ReduceSum(graph.Where(keep, x, zero), 0), count)
		return mean, graph.Sub(x, mean)
	}), rows.MultiplesOf(4)).Masked()
	defer padded.Close()
	for _, n := range []int{1, 3, 4, 5, 9} {
		x := make([][]float32, n)
		for i := range x {
			x[i] = []float32{float32(i), 1}
		}
		out, err := padded.Call(x)
		require.NoError(t, err)
		assert.Equal(t, []float32{float32(n-1) / 2, 1}, out[0].Value())
		require.Equal(t, []int{n, 2}, out[1].Shape().Dimensions)
		assert.Equal(t, []float32{float32(n-1) / 2, 0}, out[1].Value().([][]float32)[n-1])
	}
}

// TestProgramsAreAsManyAsBuckets counts what is built for many numbers of rows.
func TestProgramsAreAsManyAsBuckets(t *testing.T) {
	built := 0
	padded := rows.Pad(graph.MustNewExec(backend(t), func(x *graph.Node) *graph.Node {
		built++
		return mlp(x)
	}), rows.PowersOfTwo)
	defer padded.Close()
	for n := 1; n <= 32; n++ {
		_, err := padded.Call(ramp(n, 5))
		require.NoError(t, err)
	}
	assert.Equal(t, 6, built, "2, 4, 8, 16, 32, and the next")
}

// TestOneProgramForAnyNumberOfRows runs it for parts; the second one is the proof's.
func TestOneProgramForAnyNumberOfRows(t *testing.T) {
	built := 0
	parts := rows.InParts(graph.MustNewExec(backend(t), func(x *graph.Node) *graph.Node {
		built++
		return mlp(x)
	}), 8)
	defer parts.Close()
	for n := range 40 {
		out, err := parts.Call(ramp(n, 5))
		require.NoError(t, err)
		assert.Equal(t, []int{n, 3}, out[0].Shape().Dimensions)
	}
	assert.Equal(t, 2, built)
}

// TestVariablesHaveNoRows pads the batches of a model.
func TestVariablesHaveNoRows(t *testing.T) {
	store := model.NewStore()
	exec, err := model.NewExec(backend(t), store, func(s *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(s.In("out"), graph.Relu(layers.Dense(s.In("hidden"), x, true, 6)), true, 3)
	})
	require.NoError(t, err)
	defer exec.Close()
	padded, parts := rows.Pad(exec.Exec, rows.PowersOfTwo), rows.InParts(exec.Exec, 4)
	for _, n := range []int{1, 3, 6, 9} {
		want, err := exec.Call1(ramp(n, 5))
		require.NoError(t, err)
		for _, e := range []*rows.Exec{padded, parts} {
			got, err := e.Call(ramp(n, 5))
			require.NoError(t, err)
			assert.True(t, got[0].Equal(want), "%d rows: %s, want %s", n, got[0], want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 1000: 1024} {
		assert.Equal(t, want, rows.PowersOfTwo(n), "%d", n)
	}
	for n, want := range map[int]int{0: 8, 1: 8, 8: 8, 9: 16} {
		assert.Equal(t, want, rows.MultiplesOf(8)(n), "%d", n)
	}
	list, err := rows.Sizes(100, 10)
	require.NoError(t, err)
	for n, want := range map[int]int{0: 10, 10: 10, 11: 100, 101: 200, 250: 300} {
		assert.Equal(t, want, list(n), "%d", n)
	}
	_, err = rows.Sizes(3, 0)
	assert.EqualError(t, err, "rows.Sizes: [3 0]: want sizes from 1 on")
}

func TestWhatCannotBePadded(t *testing.T) {
	b := backend(t)
	add := func() *graph.Exec { return graph.MustNewExec(b, graph.Add) }
	for _, c := range []struct {
		name string
		exec *rows.Exec
		args []any
		want string
	}{
		{"no Exec", rows.Pad(nil, rows.PowersOfTwo), nil, "rows.Pad: the Exec or the buckets are nil"},
		{"rows that differ in number", rows.Pad(add(), rows.PowersOfTwo), []any{ramp(3, 2), ramp(4, 2)}, `"exec": input 1 is float32[4 2], with 4 rows along axis 0, and input 0 has 3`},
		{"a scalar", rows.Pad(add(), rows.PowersOfTwo), []any{ramp(3, 2), float32(1)}, `"exec": input 1 is float32[] and has no axis 0 of rows (Exec.Axes says which axis it is)`},
		{"axes for another number", rows.Pad(add(), rows.PowersOfTwo).Axes(0), []any{ramp(3, 2), ramp(3, 2)}, `"exec": axes are given for 1 inputs, and there are 2`},
		{"no rows at all", rows.Pad(add(), rows.PowersOfTwo).Axes(rows.None, rows.None), []any{ramp(3, 2), ramp(3, 2)}, `"exec": no input has rows`},
		{"a bucket that is too small", rows.Pad(add(), func(int) int { return 2 }), []any{ramp(3, 2), ramp(3, 2)}, `"exec": the bucket for 3 rows has 2`},
		{"parts of one row", rows.InParts(add(), 1), []any{ramp(3, 2), ramp(3, 2)}, `"exec": parts of 1 rows: want 2 or more`},
		{"parts with a mask", rows.InParts(add(), 2).Masked(), []any{ramp(3, 2)}, `"exec": a function that mixes rows cannot be run in parts: pad its rows (rows.Pad)`},
		{"no value", rows.Pad(add(), rows.PowersOfTwo), []any{ramp(3, 2), "x"}, `"exec": argument 1: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.exec.Call(c.args...)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// TestNoRows is a batch of none.
func TestNoRows(t *testing.T) {
	padded := rows.Pad(graph.MustNewExec(backend(t), mlp), rows.PowersOfTwo)
	defer padded.Close()
	out, err := padded.Call(tensors.FromShape(shapes.Make(dtypes.Float32, 0, 5)))
	require.NoError(t, err)
	assert.Equal(t, "float32[0 3]", out[0].Shape().String())
}

func ExamplePad() {
	b := gocpu.New()
	defer b.Close()
	padded := rows.Pad(graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, 1) }), rows.PowersOfTwo)
	defer padded.Close()
	out, err := padded.Call([][]float32{{1, 2}, {3, 4}, {5, 6}}) // computed as 4 rows
	fmt.Println(out[0].Value(), err)

	mixed := rows.Pad(graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, 0) }), rows.PowersOfTwo)
	defer mixed.Close()
	_, err = mixed.Call([][]float32{{1, 2}, {3, 4}, {5, 6}})
	fmt.Println(strings.Contains(err.Error(), "it reduces axis 0, that of the rows"))
	// Output:
	// [3 7 11] <nil>
	// true
}
