package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build makes a graph with one float32 parameter per shape and returns the shape of what fn makes of them.
func build(fn func(x []*graph.Node) *graph.Node, in ...shapes.Shape) (s shapes.Shape, err error) {
	err = graph.Catch(func() {
		g := graph.NewGraph(nil, "test")
		var x []*graph.Node
		for i, s := range in {
			x = append(x, graph.Parameter(g, fmt.Sprint("x", i), s))
		}
		s = fn(x).Shape()
	})
	return s, err
}

// value computes what fn makes of a graph, and prints it as nested Go values.
func value(t *testing.T, fn func(g *graph.Graph) *graph.Node) string {
	t.Helper()
	return fmt.Sprint(compute(t, fn).Value())
}

func compute(t *testing.T, fn func(g *graph.Graph) *graph.Node) *tensors.Tensor {
	t.Helper()
	out, err := graph.CallOnce(graphtest.Reference(), fn)
	require.NoError(t, err)
	return out
}

func f32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

func TestStructuralErrorsSayWhatToDo(t *testing.T) {
	i32 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Int32, dims...) }
	for _, c := range []struct {
		name string
		in   []shapes.Shape
		fn   func(x []*graph.Node) *graph.Node
		want string
	}{
		{"a weight that would fit transposed", []shapes.Shape{f32(32, 784), f32(10, 784)}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) },
			"MatMul [32 784] · [10 784]: inner axes differ: 784 columns against 10 rows (want Transpose(w, 0, 1)?)"},
		{"a weight that would not", []shapes.Shape{f32(32, 784), f32(10, 20)}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) },
			"MatMul [32 784] · [10 20]: inner axes differ: 784 columns against 10 rows"},
		{"batches that do not meet", []shapes.Shape{f32(2, 3, 4), f32(5, 4, 3)}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) },
			"MatMul [2 3 4] · [5 4 3]: batches: axis 0: 2 against 5"},
		{"a scalar in a product", []shapes.Shape{f32(2), f32()}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) },
			"MatMul [2] · []: a scalar has no axis to sum over (scale with Mul)"},
		{"dtypes in a product", []shapes.Shape{f32(2, 3), i32(3, 2)}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) },
			"MatMul float32[2 3] · int32[3 2]: dtypes differ: float32 and int32 (convert one with ConvertDType)"},
		{"contracted axes of other names", []shapes.Shape{f32(2, 3).WithAxisNames("batch", "pixel"), f32(3, 4).WithAxisNames("word", "")}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) },
			`MatMul [batch=2 pixel=3] · [word=3 4]: inner axes: the names differ: "pixel" meets "word"`},
		{"contracted sizes", []shapes.Shape{f32(2, 3), f32(4, 2)}, func(x []*graph.Node) *graph.Node {
			return graph.DotGeneral(x[0], []int{1}, nil, x[1], []int{0}, nil)
		}, "DotGeneral [2 3] · [4 2]: contracted axes 1 and 0 have sizes 3 and 4"},
		{"more axes than vectors and matrices", []shapes.Shape{f32(2, 3, 4), f32(4)}, func(x []*graph.Node) *graph.Node { return graph.DotProduct(x[0], x[1]) },
			"Dot [2 3 4] · [4]: it takes vectors and matrices only (want MatMul?)"},
		{"a letter of two sizes", []shapes.Shape{f32(2, 3), f32(4, 2)}, func(x []*graph.Node) *graph.Node { return graph.Einsum("ij,jk->ik", x...) },
			`Einsum [2 3] · [4 2]: "ij,jk->ik", operand 1, axis 0: letter j is 4 here and 3 before`},
		{"a letter from nowhere", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node { return graph.Einsum("ij->k", x...) },
			`Einsum float32[2 3]: "ij->k": letter k of the result is in no operand`},
		{"too few operands", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node { return graph.Einsum("ij,jk", x...) },
			`Einsum float32[2 3]: "ij,jk" has 2 operands, got 1`},
		{"sizes of concatenated operands", []shapes.Shape{f32(2, 3), f32(2, 3), f32(4, 3)}, func(x []*graph.Node) *graph.Node { return graph.Concatenate(x, -1) },
			"Concatenate [2 3] · [2 3] · [4 3]: operand 2, axis 0: size 4, but operand 0 has 2 (only axis 1 may differ)"},
		{"names of concatenated operands", []shapes.Shape{f32(2).WithAxisNames("time"), f32(2).WithAxisNames("batch")}, func(x []*graph.Node) *graph.Node { return graph.Concatenate(x, 0) },
			`Concatenate [time=2] · [batch=2]: operand 1, axis 0: the names differ: "time" meets "batch"`},
		{"concatenated scalars", []shapes.Shape{f32(), f32()}, func(x []*graph.Node) *graph.Node { return graph.Concatenate(x, 0) },
			"Concatenate [] · []: scalars have no axis (put them side by side with Stack)"},
		{"stacked shapes", []shapes.Shape{f32(2), f32(3)}, func(x []*graph.Node) *graph.Node { return graph.Stack(x, 0) },
			"Stack [2] · [3]: operand 1 has shape [3], operand 0 has [2]: they must be the same"},
		{"uneven parts", []shapes.Shape{f32(2, 5)}, func(x []*graph.Node) *graph.Node { return graph.Split(x[0], 1, 2)[0] },
			"Split float32[2 5]: axis 1 of size 5 cannot be cut into 2 equal parts (SliceAxis cuts others)"},
		{"a reshape that loses elements", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node { return graph.Reshape(x[0], 4, 2) },
			"Reshape float32[2 3]: 6 elements do not fill [4 2], which has 8"},
		{"a reshape without a whole answer", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node { return graph.Reshape(x[0], 4, -1) },
			"Reshape float32[2 3]: 6 elements cannot be dealt over [4 -1]"},
		{"an axis that is not 1", []shapes.Shape{f32(2, 1)}, func(x []*graph.Node) *graph.Node { return graph.Squeeze(x[0], 0) },
			"Squeeze float32[2 1]: axis 0 has size 2, not 1"},
		{"an axis that is not there", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node { return graph.Transpose(x[0], 0, 2) },
			"Transpose float32[2 3]: axis 2 is out of range: with 2 axes it is -2 to 1"},
		{"an axis given twice", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node { return graph.TransposeAllAxes(x[0], 1, 1) },
			"TransposeAllAxes float32[2 3]: axes: axis 1 is given twice"},
		{"a range beyond the axis", []shapes.Shape{f32(2, 3)}, func(x []*graph.Node) *graph.Node {
			return graph.Slice(x[0], graph.AxisRange(), graph.AxisRange(1, 5))
		}, "Slice float32[2 3]: axis 1: the range 1:5 does not lie in its 3 elements"},
		{"a stride backwards", []shapes.Shape{f32(3)}, func(x []*graph.Node) *graph.Node {
			return graph.Slice(x[0], graph.AxisRange().Stride(-1))
		}, "Slice float32[3]: axis 0: stride -1, but it must be at least 1 (turn the axis round with Reverse)"},
		{"indices without an axis of their own", []shapes.Shape{f32(10, 4), i32(32)}, func(x []*graph.Node) *graph.Node { return graph.Gather(x[0], x[1]) },
			"Gather float32[10 4] · int32[32]: the last axis of indices has size 32: it must hold 1 to 2 indices, of the first axes of [10 4] (want ExpandAxes(indices, -1)?)"},
		{"indices that are no integers", []shapes.Shape{f32(10, 4), f32(3, 1)}, func(x []*graph.Node) *graph.Node { return graph.Gather(x[0], x[1]) },
			"Gather [10 4] · [3 1]: indices must be integers, not float32"},
		{"updates of another shape", []shapes.Shape{f32(10, 4), i32(3, 1), f32(3, 5)}, func(x []*graph.Node) *graph.Node {
			return graph.ScatterSum(x[0], x[1], x[2], false, false)
		}, "ScatterSum float32[10 4] · int32[3 1] · float32[3 5]: updates must be [3 4]: the axes of indices but the last, then those of the operand that are not indexed"},
		{"a slice that does not fit", []shapes.Shape{f32(3), i32()}, func(x []*graph.Node) *graph.Node {
			return graph.DynamicSlice(x[0], x[1:], []int{4})
		}, "DynamicSlice float32[3] · int32[]: axis 0: a part of 4 does not fit into 3 elements"},
		{"channels of input and kernel", []shapes.Shape{f32(8, 28, 28, 3), f32(3, 3, 1, 16)}, func(x []*graph.Node) *graph.Node { return graph.Convolve(x[0], x[1]).Done() },
			"Convolve [8 28 28 3] · [3 3 1 16]: the input has 3 channels, but the kernel takes 1"},
		{"a kernel larger than the input", []shapes.Shape{f32(8, 2, 2, 1), f32(3, 3, 1, 16)}, func(x []*graph.Node) *graph.Node { return graph.Convolve(x[0], x[1]).Done() },
			"Convolve [8 2 2 1] · [3 3 1 16]: spatial axis 0: a kernel that reaches over 3 does not fit into the padded input of 2"},
		{"an input without a channels axis", []shapes.Shape{f32(28, 28), f32(3, 3)}, func(x []*graph.Node) *graph.Node { return graph.Convolve(x[0], x[1]).Done() },
			"Convolve [28 28] · [3 3]: the input must have a batch axis, spatial axes and a channels axis"},
		{"a pool without a window", []shapes.Shape{f32(1, 4, 4, 1)}, func(x []*graph.Node) *graph.Node { return graph.MaxPool(x[0]).Done() },
			"MaxPool float32[1 4 4 1]: the size of the window is not set (call Window)"},
		{"a mean of integers", []shapes.Shape{i32(1, 4, 4, 1)}, func(x []*graph.Node) *graph.Node { return graph.MeanPool(x[0]).Window(2).Done() },
			"MeanPool int32[1 4 4 1]: the mean of int32 is not defined (convert it with ConvertDType, or use SumPool)"},
		{"more than there is", []shapes.Shape{f32(3)}, func(x []*graph.Node) *graph.Node {
			v, _ := graph.TopK(x[0], 4, 0)
			return v
		}, "TopK float32[3]: 4 elements cannot be taken of axis 0, which has 3"},
		{"an absurd padding", []shapes.Shape{f32(3), f32()}, func(x []*graph.Node) *graph.Node {
			return graph.Pad(x[0], x[1], ir.PadAxis{Interior: 1 << 62})
		}, "Pad [3] · []: axis 0 of size 3 cannot be padded by 0 before, 0 after and 4611686018427387904 between"},
		{"an absurd stride", []shapes.Shape{f32(1, 3, 1), f32(2, 1, 1)}, func(x []*graph.Node) *graph.Node {
			return graph.Convolve(x[0], x[1]).Dilations(1 << 62).Done()
		}, "Convolve [1 3 1] · [2 1 1]: spatial axis 0: a stride, dilation or padding is larger than any tensor"},
		{"no operand", []shapes.Shape{f32(3)}, func(x []*graph.Node) *graph.Node { return graph.Reshape(nil, 3) },
			"Reshape: operand 0 is nil"},
		{"no operand of an op with axes", []shapes.Shape{f32(3)}, func(x []*graph.Node) *graph.Node { return graph.Gather(x[0], nil) },
			"Gather: operand 1 is nil"},
		{"too many strides", []shapes.Shape{f32(1, 5, 1), f32(2, 1, 1)}, func(x []*graph.Node) *graph.Node {
			return graph.Convolve(x[0], x[1]).StridePerAxis(1, 2).Done()
		}, "Convolve [1 5 1] · [2 1 1]: 2 strides for 1 spatial axes"},
		{"no groups", []shapes.Shape{f32(1, 5, 1), f32(2, 1, 1)}, func(x []*graph.Node) *graph.Node {
			return graph.Convolve(x[0], x[1]).ChannelGroupCount(0).Done()
		}, "Convolve [1 5 1] · [2 1 1]: 0 channel groups and 1 batch groups: both must be at least 1, and one of them 1"},
		{"a random state that is none", []shapes.Shape{f32(3)}, func(x []*graph.Node) *graph.Node {
			_, v := graph.RandomUniform(x[0], f32(2))
			return v
		}, "RandomUniform float32[3]: float32 is not a dtype that it takes: uint64"},
		{"no numbers to choose from", []shapes.Shape{shapes.Make(dtypes.Uint64, 3)}, func(x []*graph.Node) *graph.Node {
			_, v := graph.RandomIntN(x[0], 0, i32(2))
			return v
		}, "RandomIntN: the bound N is 0, but it must be at least 1, and N-1 must fit into int32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := build(c.fn, c.in...)
			require.Error(t, err, "no error, want %s", c.want)
			place, text, _ := strings.Cut(err.Error(), ": ")
			if !strings.HasPrefix(place, "structure_test.go:") || text != c.want {
				t.Errorf("got  %s: %s\nwant %s", place, text, c.want)
			}
		})
	}
}

func TestAxisNamesTravel(t *testing.T) {
	x := f32(2, 3, 4).WithAxisNames("batch", "time", "channel")
	w := f32(4, 5).WithAxisNames("channel", "head")
	for _, c := range []struct {
		name string
		in   []shapes.Shape
		fn   func(x []*graph.Node) *graph.Node
		want string
	}{
		{"transpose", []shapes.Shape{x}, func(x []*graph.Node) *graph.Node { return graph.Transpose(x[0], 0, -1) }, "[channel=4 time=3 batch=2]"},
		{"matrix product", []shapes.Shape{x, w}, func(x []*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) }, "[batch=2 time=3 head=5]"},
		{"einsum", []shapes.Shape{x, w}, func(x []*graph.Node) *graph.Node { return graph.Einsum("btc,ch->hb", x...) }, "[head=5 batch=2]"},
		{"slice", []shapes.Shape{x}, func(x []*graph.Node) *graph.Node { return graph.Slice(x[0], graph.AxisElem(-1)) }, "[batch=1 time=3 channel=4]"},
		{"squeeze", []shapes.Shape{f32(1, 3).WithAxisNames("one", "time")}, func(x []*graph.Node) *graph.Node { return graph.Squeeze(x[0]) }, "[time=3]"},
		{"expand", []shapes.Shape{x}, func(x []*graph.Node) *graph.Node { return graph.ExpandAxes(x[0], 1, -1) }, "[batch=2 1 time=3 channel=4 1]"},
		{"insert", []shapes.Shape{x}, func(x []*graph.Node) *graph.Node { return graph.InsertAxes(x[0], 1, 1, -1) }, "[batch=2 1 1 time=3 channel=4 1]"},
		{"concatenate", []shapes.Shape{f32(2, 3).WithAxisNames("batch", ""), f32(1, 3).WithAxisNames("", "time")}, func(x []*graph.Node) *graph.Node { return graph.Concatenate(x, 0) }, "[batch=3 time=3]"},
		{"stack", []shapes.Shape{w, w}, func(x []*graph.Node) *graph.Node { return graph.Stack(x, 1) }, "[channel=4 2 head=5]"},
		{"gather", []shapes.Shape{w, shapes.Make(dtypes.Int32, 7, 1).WithAxisNames("word", "")}, func(x []*graph.Node) *graph.Node { return graph.Gather(x[0], x[1]) }, "[word=7 head=5]"},
		{"one-hot", []shapes.Shape{shapes.Make(dtypes.Int32, 7).WithAxisNames("word")}, func(x []*graph.Node) *graph.Node { return graph.OneHot(x[0], 3, dtypes.Float32) }, "[word=7 3]"},
		{"convolution", []shapes.Shape{f32(2, 8, 8, 3).WithAxisNames("batch", "row", "column", "color"), f32(3, 3, 3, 16).WithAxisNames("", "", "color", "filter")},
			func(x []*graph.Node) *graph.Node { return graph.Convolve(x[0], x[1]).Strides(2).PadSame().Done() }, "[batch=2 row=4 column=4 filter=16]"},
		{"pool", []shapes.Shape{f32(2, 8, 8, 3).WithAxisNames("batch", "row", "column", "color")}, func(x []*graph.Node) *graph.Node { return graph.MeanPool(x[0]).Window(2).PadSame().Done() }, "[batch=2 row=4 column=4 color=3]"},
		{"sort", []shapes.Shape{x}, func(x []*graph.Node) *graph.Node { return graph.ArgSort(x[0], -1, true) }, "[batch=2 time=3 channel=4]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := build(c.fn, c.in...)
			require.NoError(t, err)
			assert.Equal(t, c.want, s.Dims())
			if len(c.in) == 2 && !c.in[1].DType.IsFloat() || s.DType != dtypes.Float32 || !c.in[0].DType.IsFloat() {
				return
			}
			// Gradients have the names of what they are gradients of, so that they can be added to it.
			_, err = build(func(x []*graph.Node) *graph.Node {
				y := graph.ReduceAllSum(graph.Mul(c.fn(x), c.fn(x)))
				for i, dx := range graph.Gradient(y, x...) {
					assert.Equal(t, x[i].Shape().Dims(), graph.Add(x[i], dx).Shape().Dims(), "gradient")
				}
				return y
			}, c.in...)
			assert.NoError(t, err)
		})
	}
}

func TestStructuralValues(t *testing.T) {
	type G = graph.Graph
	m := [][]float32{{1, 2, 3}, {4, 5, 6}}
	v := []float32{1, 2, 3, 4}
	for _, c := range []struct {
		name string
		fn   func(g *G) *graph.Node
		want string
	}{
		{"a slice with a spacer speaks of the last axis", func(g *G) *graph.Node {
			return graph.Slice(graph.Const(g, m), graph.AxisRange().Spacer(), graph.AxisRange(-2))
		}, "[[2 3] [5 6]]"},
		{"an element keeps its axis", func(g *G) *graph.Node { return graph.SliceAxis(graph.Const(g, m), 1, graph.AxisElem(-1)) }, "[[3] [6]]"},
		{"ranges from both ends", func(g *G) *graph.Node {
			return graph.Slice(graph.Const(g, m), graph.AxisRangeFromStart(-1), graph.AxisRangeToEnd(1).Stride(2))
		}, "[[2]]"},
		{"shift repeats the edge", func(g *G) *graph.Node { return graph.Shift(graph.Const(g, v), 0, graph.ShiftDirRight, 2) }, "[1 1 1 2]"},
		{"shift to the left repeats the edge", func(g *G) *graph.Node { return graph.Shift(graph.Const(g, v), 0, graph.ShiftDirLeft, 1) }, "[2 3 4 4]"},
		{"shift by all", func(g *G) *graph.Node { return graph.Shift(graph.Const(g, v), 0, graph.ShiftDirLeft, 4) }, "[4 4 4 4]"},
		{"shift with a fill", func(g *G) *graph.Node { return graph.ShiftLeft(graph.Const(g, m), 1, 9) }, "[[2 3 9] [5 6 9]]"},
		{"shift to the right with a fill", func(g *G) *graph.Node { return graph.ShiftRight(graph.Const(g, m), 2, 9) }, "[[9 9 1] [9 9 4]]"},
		{"growth on both sides", func(g *G) *graph.Node {
			return graph.GrowLeft(graph.GrowRight(graph.Const(g, m), 1, 1, 7), 0, 1, 8)
		}, "[[8 8 8 8] [1 2 3 7] [4 5 6 7]]"},
		{"left ranks", func(g *G) *graph.Node { return graph.ExpandLeftToRank(graph.Const(g, v), 3) }, "[[[1 2 3 4]]]"},
		{"expand and repeat", func(g *G) *graph.Node {
			return graph.ExpandAndBroadcast(graph.Const(g, []float32{1, 2}), []int{2, 3}, []int{1})
		}, "[[1 1 1] [2 2 2]]"},
		{"a prefix", func(g *G) *graph.Node { return graph.BroadcastPrefix(graph.Const(g, []float32{1, 2}), 2) }, "[[1 2] [1 2]]"},
		{"counting elements", func(g *G) *graph.Node { return graph.IotaFull(g, shapes.Make(dtypes.Int32, 2, 3)) }, "[[0 1 2] [3 4 5]]"},
		{"indices of a shape", func(g *G) *graph.Node { return graph.IndicesForShape(g, f32(2, 2)) }, "[[0 0] [0 1] [1 0] [1 1]]"},
		{"indices of a scalar", func(g *G) *graph.Node { return graph.ReduceSum(graph.IndicesForShape(g, f32())) }, "0"},
		{"lower triangle", func(g *G) *graph.Node { return graph.LowerTriangular(g, 2) }, "[[true false] [true true]]"},
		{"upper triangle", func(g *G) *graph.Node { return graph.UpperTriangular(g, 2) }, "[[true true] [false true]]"},
		{"triangle with an offset", func(g *G) *graph.Node { return graph.ShapedLowerTriangular(g, 2, 3, 1) }, "[[true true false] [true true true]]"},
		{"take the lower triangle", func(g *G) *graph.Node { return graph.TakeLowerTriangular(graph.Const(g, m), 0) }, "[[1 0 0] [4 5 0]]"},
		{"take the upper triangle", func(g *G) *graph.Node { return graph.TakeUpperTriangular(graph.Const(g, m), 1) }, "[[0 2 3] [0 0 6]]"},
		{"diagonal", func(g *G) *graph.Node { return graph.DiagonalWithValue(graph.Const(g, float32(3)), 2) }, "[[3 0] [0 3]]"},
		{"a pool's mean is over real elements", func(g *G) *graph.Node {
			x := graph.Reshape(graph.Const(g, v), 1, 4, 1)
			return graph.Reshape(graph.MeanPool(x).Window(3).Strides(1).PadSame().Done(), -1)
		}, "[1.5 2 3 3.5]"},
		{"a pool over channels first", func(g *G) *graph.Node {
			x := graph.Reshape(graph.Const(g, m), 1, 2, 3)
			return graph.Reshape(graph.MaxPool(x).ChannelsAxis(graph.ChannelsFirst).Window(2).Strides(1).Done(), 2, 2)
		}, "[[2 3] [5 6]]"},
		{"a pool over all axes", func(g *G) *graph.Node { return graph.SumPool(graph.Const(g, m)).FullShape().WindowPerAxis(2, 3).Done() }, "[[21]]"},
		{"the smallest in a window", func(g *G) *graph.Node {
			return graph.Reshape(graph.MinPool(graph.Reshape(graph.Const(g, v), 1, 4, 1)).Window(2).PaddingPerDim([][2]int{{1, 1}}).Done(), -1)
		}, "[1 2 4]"},
		{"stride and same padding round up", func(g *G) *graph.Node {
			x, k := graph.Reshape(graph.Const(g, v), 1, 4, 1), graph.Ones(g, f32(3, 1, 1))
			return graph.Reshape(graph.Convolve(x, k).Strides(2).PadSame().Done(), -1)
		}, "[3 9]"},
		{"windows side by side", func(g *G) *graph.Node {
			return graph.Reshape(graph.ConcatPool(graph.Reshape(graph.Const(g, m), 1, 3, 2)).Window(2).Strides(1).Done(), 2, 4)
		}, "[[1 2 3 4] [3 4 5 6]]"},
		{"shift with a column", func(g *G) *graph.Node {
			return graph.ShiftWithValue(graph.Const(g, m), 1, graph.ShiftDirRight, 1, graph.Const(g, [][]float32{{7}, {8}}))
		}, "[[7 1 2] [8 4 5]]"},
		{"gradient of a product of other dtypes", func(g *G) *graph.Node {
			x := graph.ConvertDType(graph.Const(g, v), dtypes.BFloat16)
			y := graph.Dot(x, graph.Add(x, x)).WithOutputDType(dtypes.Float32).Product()
			return graph.ConvertDType(graph.Gradient(y, x)[0], dtypes.Float32)
		}, "[4 8 12 16]"},
		{"a mask of the largest", func(g *G) *graph.Node { return graph.TopKMask(graph.Const(g, []float32{3, 1, 3, 3}), 2, 0) }, "[true false true false]"},
		{"indices of the smallest", func(g *G) *graph.Node {
			_, i := graph.BottomK(graph.Const(g, m), 2, -1)
			return i
		}, "[[0 1] [0 1]]"},
		{"where sorted elements came from", func(g *G) *graph.Node { return graph.ArgSort(graph.Const(g, []float32{3, 1, 2}), 0, false) }, "[0 2 1]"},
		{"scatter into zeros", func(g *G) *graph.Node {
			return graph.Scatter(graph.Const(g, [][]int32{{1}, {1}, {3}}), graph.Const(g, []float32{1, 2, 4}), f32(4), true, false)
		}, "[0 3 0 4]"},
		{"products of bytes in int32", func(g *G) *graph.Node {
			x := graph.Const(g, []int8{100, 100})
			return graph.Dot(x, x).WithAccumulatorDType(dtypes.Int32).WithOutputDType(dtypes.Int32).Product()
		}, "20000"},
		{"axes in pairs", func(g *G) *graph.Node {
			return graph.EinsumAxes(graph.Const(g, m), graph.Const(g, m), [][2]int{{1, 1}}, nil)
		}, "[[14 32] [32 77]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, value(t, c.fn))
		})
	}
}

// TestResultsMayBeOverwritten checks that a caller may put other nodes into the slice of results that it got.
func TestResultsMayBeOverwritten(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3))
	f := graph.NewFunction(g, "f", func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(x), graph.Exp(x)} })
	out := f.Call()
	for i, y := range out {
		out[i] = graph.Tanh(y)
	}
	p, err := graph.NewProgram(g, out...)
	require.NoError(t, err)
	assert.Len(t, p.Instrs, 3, "the program is\n%s", p)
}
