package graph_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/random"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/signal"
	"github.com/quire-ml/quire/graph/stats"
	"github.com/quire-ml/quire/graph/vision"
	"github.com/quire-ml/quire/internal/golden"
)

// mistake is something that people write, and that cannot be part of a graph.
type mistake struct {
	name string
	make func(p *made)
}

// made makes the arrays of a mistake.
type made struct{ g *graph.Graph }

func (p *made) of(d dtypes.DType, dims ...int) *node {
	return graph.Parameter(p.g, "", shapes.Make(d, dims...))
}
func (p *made) f32(dims ...int) *node  { return p.of(dtypes.Float32, dims...) }
func (p *made) f64(dims ...int) *node  { return p.of(dtypes.Float64, dims...) }
func (p *made) i32(dims ...int) *node  { return p.of(dtypes.Int32, dims...) }
func (p *made) bool(dims ...int) *node { return p.of(dtypes.Bool, dims...) }
func (p *made) state() *node           { return graph.RNGStateFromSeedForGraph(p.g, 1) }

var mistakes = []mistake{
	// Ranks and sizes that do not fit.
	{"adding rows of another length", func(p *made) { graph.Add(p.f32(32, 10), p.f32(784)) }},
	{"adding a column vector without its axis", func(p *made) { graph.Add(p.f32(32, 10), p.f32(32)) }},
	{"adding pictures of another size", func(p *made) { graph.Sub(p.f32(8, 28, 28, 3), p.f32(8, 32, 32, 3)) }},
	{"a matrix product with inner axes that differ", func(p *made) { graph.MatMul(p.f32(32, 784), p.f32(10, 784)) }},
	{"a matrix product with a vector of another length", func(p *made) { graph.MatMul(p.f32(32, 784), p.f32(10)) }},
	{"a matrix product of scalars", func(p *made) { graph.MatMul(p.f32(), p.f32(3)) }},
	{"a matrix product of other batches", func(p *made) { graph.MatMul(p.f32(4, 2, 3), p.f32(5, 3, 2)) }},
	{"an inner product of other lengths", func(p *made) { graph.DotProduct(p.f32(3), p.f32(4)) }},
	{"contracting axes of other sizes", func(p *made) { graph.DotGeneral(p.f32(2, 3), []int{1}, nil, p.f32(4, 2), []int{0}, nil) }},
	{"contracting more axes of one side", func(p *made) { graph.DotGeneral(p.f32(2, 3), []int{0, 1}, nil, p.f32(3, 2), []int{0}, nil) }},
	{"an equation with too few operands", func(p *made) { graph.Einsum("ij,jk->ik", p.f32(2, 3)) }},
	{"an equation whose letter has two sizes", func(p *made) { graph.Einsum("ij,jk->ik", p.f32(2, 3), p.f32(4, 5)) }},
	{"an equation with too few letters", func(p *made) { graph.Einsum("i,jk->ik", p.f32(2, 3), p.f32(3, 5)) }},
	{"an equation with an unknown letter", func(p *made) { graph.Einsum("ij->ik", p.f32(2, 3)) }},
	{"reshaping to another number of elements", func(p *made) { graph.Reshape(p.f32(32, 28, 28), 32, 780) }},
	{"reshaping with two open sizes", func(p *made) { graph.Reshape(p.f32(32, 28, 28), -1, -1) }},
	{"reshaping with an open size that divides nothing", func(p *made) { graph.Reshape(p.f32(7, 5), 3, -1) }},
	{"concatenating other ranks", func(p *made) { graph.Concatenate([]*node{p.f32(2, 3), p.f32(3)}, 0) }},
	{"concatenating along an axis with other sizes beside it", func(p *made) { graph.Concatenate([]*node{p.f32(2, 3), p.f32(2, 4)}, 0) }},
	{"concatenating nothing", func(*made) { graph.Concatenate(nil, 0) }},
	{"concatenating floats and integers", func(p *made) { graph.Concatenate([]*node{p.f32(2), p.i32(2)}, 0) }},
	{"stacking other shapes", func(p *made) { graph.Stack([]*node{p.f32(2), p.f32(3)}, 0) }},
	{"splitting into parts that do not divide", func(p *made) { graph.Split(p.f32(10), 0, 3) }},
	{"squeezing an axis that is not 1", func(p *made) { graph.Squeeze(p.f32(2, 3), 0) }},
	{"an axis that is not there", func(p *made) { graph.ReduceSum(p.f32(2, 3), 2) }},
	{"a negative axis that is not there", func(p *made) { graph.ReduceMean(p.f32(2, 3), -3) }},
	{"an axis twice", func(p *made) { graph.ReduceMax(p.f32(2, 3), 0, -2) }},
	{"a transposition that leaves out an axis", func(p *made) { graph.TransposeAllAxes(p.f32(2, 3, 4), 1, 0) }},
	{"a transposition with an axis twice", func(p *made) { graph.TransposeAllAxes(p.f32(2, 3, 4), 1, 0, 0) }},
	{"broadcasting to a smaller size", func(p *made) { graph.BroadcastToDims(p.f32(3), 2) }},
	{"broadcasting to fewer axes", func(p *made) { graph.BroadcastToDims(p.f32(2, 3), 3) }},
	{"expanding to fewer axes", func(p *made) { graph.ExpandLeftToRank(p.f32(2, 3), 1) }},
	{"the place of the largest of an empty axis", func(p *made) { graph.ArgMax(p.f32(2, 0), 1) }},
	{"a slice beyond the end", func(p *made) { graph.Slice(p.f32(5), graph.AxisRange(2, 9)) }},
	{"a slice that ends before it begins", func(p *made) { graph.Slice(p.f32(5), graph.AxisRange(4, 2)) }},
	{"an element beyond the end", func(p *made) { graph.Slice(p.f32(5), graph.AxisElem(5)) }},
	{"slices of more axes than there are", func(p *made) { graph.Slice(p.f32(5), graph.AxisElem(0), graph.AxisElem(0)) }},
	{"a slice in steps of nothing", func(p *made) { graph.Slice(p.f32(5), graph.AxisRange(0, 5).Stride(0)) }},
	{"padding below nothing", func(p *made) { graph.Pad(p.f32(3), graph.ScalarZero(p.g, dtypes.Float32), graph.PadAxis{Start: -4}) }},
	{"padding with integers", func(p *made) { graph.Pad(p.f32(3), graph.ScalarZero(p.g, dtypes.Int32), graph.PadAxis{Start: 1}) }},
	{"a mask that speaks of leading axes", func(p *made) { graph.Where(p.bool(4), p.f32(4, 3), p.f32(4, 3)) }},
	{"a condition of numbers", func(p *made) { graph.Where(p.f32(3), p.f32(3), p.f32(3)) }},
	{"a range whose ends do not fit", func(p *made) { graph.Clamp(p.f32(2), p.f32(3), p.f32()) }},
	{"names of axes that contradict each other", func(p *made) {
		graph.Add(p.f32(2, 3).WithAxisNames("batch", "time"), p.f32(2, 3).WithAxisNames("time", "batch"))
	}},
	{"more names than axes", func(p *made) { p.f32(2).WithAxisNames("batch", "time") }},

	// Dtypes that do not fit.
	{"adding an integer to floats", func(p *made) { graph.Add(p.f32(3), p.i32(3)) }},
	{"multiplying float32 by float64", func(p *made) { graph.Mul(p.f32(3), p.f64(3)) }},
	{"multiplying by a mask", func(p *made) { graph.Mul(p.f32(3), p.bool(3)) }},
	{"adding bools", func(p *made) { graph.Add(p.bool(3), p.bool(3)) }},
	{"the sine of integers", func(p *made) { graph.Sin(p.i32(3)) }},
	{"the mean of integers", func(p *made) { graph.ReduceMean(p.i32(3)) }},
	{"the softmax of integers", func(p *made) { graph.Softmax(p.i32(3)) }},
	{"the square root of bools", func(p *made) { graph.Sqrt(p.bool(3)) }},
	{"a fraction added to integers", func(p *made) { graph.AddScalar(p.i32(3), 0.5) }},
	{"a number that an int8 does not hold", func(p *made) { graph.MulScalar(p.of(dtypes.Int8, 3), 1000) }},
	{"a number below 0 for unsigned integers", func(p *made) { graph.AddScalar(p.of(dtypes.Uint32, 3), -1) }},
	{"comparing complex numbers", func(p *made) { graph.LessThan(p.of(dtypes.Complex64, 3), p.of(dtypes.Complex64, 3)) }},
	{"logic of numbers", func(p *made) { graph.LogicalAnd(p.f32(3), p.f32(3)) }},
	{"bits of floats", func(p *made) { graph.BitwiseAnd(p.f32(3), p.f32(3)) }},
	{"computing in a storage dtype", func(p *made) { graph.Add(p.of(dtypes.Float8E4M3FN, 3), p.of(dtypes.Float8E4M3FN, 3)) }},
	{"a complex number of integers", func(p *made) { graph.Complex(p.i32(3), p.i32(3)) }},
	{"bits of another size in an odd axis", func(p *made) { graph.Bitcast(p.of(dtypes.Int16, 3), dtypes.Int64) }},
	{"sorting complex numbers", func(p *made) { graph.Sort(p.of(dtypes.Complex64, 3), 0, true) }},

	// Indices.
	{"rows at indices without an axis for them", func(p *made) { graph.Gather(p.f32(10, 4), p.i32(7)) }},
	{"rows at floats", func(p *made) { graph.Gather(p.f32(10, 4), p.f32(7, 1)) }},
	{"rows of nothing", func(p *made) { graph.Gather(p.f32(0, 4), p.i32(7, 1)) }},
	{"updates of another shape", func(p *made) { graph.ScatterSum(p.f32(10, 4), p.i32(7, 1), p.f32(7, 3), false, false) }},
	{"updates of another dtype", func(p *made) { graph.ScatterSum(p.f32(10, 4), p.i32(7, 1), p.i32(7, 4), false, false) }},
	{"one-hot of floats", func(p *made) { graph.OneHot(p.f32(3), 10, dtypes.Float32) }},
	{"one-hot of no depth", func(p *made) { graph.OneHot(p.i32(3), -1, dtypes.Float32) }},
	{"more of the largest than there are", func(p *made) { graph.TopK(p.f32(3), 5, 0) }},
	{"a dynamic slice with too few starts", func(p *made) { graph.DynamicSlice(p.f32(4, 4), []*node{p.i32()}, []int{2, 2}) }},
	{"a dynamic slice that is larger than its array", func(p *made) { graph.DynamicSlice(p.f32(4), []*node{p.i32()}, []int{5}) }},
	{"a dynamic slice that begins at a float", func(p *made) { graph.DynamicSlice(p.f32(4), []*node{p.f32()}, []int{2}) }},
	{"an update that is larger than its array", func(p *made) { graph.DynamicUpdateSlice(p.f32(4), p.f32(5), []*node{p.i32()}) }},
	{"a value that searches among other dtypes", func(p *made) { graph.SearchSorted(p.f32(4), p.i32(2), false) }},
	{"a search in other batches", func(p *made) { graph.SearchSorted(p.f32(2, 4), p.f32(3, 1), false) }},
	{"the places of a scalar that is not zero", func(p *made) { graph.NonZero(p.f32(), 1) }},
	{"segments of another length", func(p *made) { segment.Sum(p.f32(5, 2), p.i32(4), 3) }},
	{"segments numbered by floats", func(p *made) { segment.Mean(p.f32(5, 2), p.f32(5), 3) }},
	{"batches of indices that differ", func(p *made) { graph.GatherWithBatchDims(p.f32(2, 5), p.i32(3, 4, 1), 1) }},
	{"a function that scatters other shapes", func(p *made) {
		graph.ScatterFunc(p.f32(4), p.i32(3, 1), p.f32(3), func(a, _ *node) *node { return graph.ReduceAllSum(a) })
	}},
	{"an order that is no bool", func(p *made) {
		graph.SortFunc([]*node{p.f32(4)}, 0, func(a, b []*node) *node { return graph.Sub(a[0], b[0]) })
	}},
	{"arrays of other sizes sorted alike", func(p *made) {
		graph.SortFunc([]*node{p.f32(4), p.f32(5)}, 0, func(a, b []*node) *node { return graph.LessThan(a[0], b[0]) })
	}},

	// Convolutions and pools.
	{"pictures with channels first", func(p *made) { graph.Convolve(p.f32(8, 3, 28, 28), p.f32(5, 5, 28, 8)).Done() }},
	{"a kernel for other channels", func(p *made) { graph.Convolve(p.f32(8, 28, 28, 3), p.f32(5, 5, 1, 8)).Done() }},
	{"a kernel that is larger than the picture", func(p *made) { graph.Convolve(p.f32(8, 4, 4, 3), p.f32(5, 5, 3, 8)).NoPadding().Done() }},
	{"a kernel of other rank", func(p *made) { graph.Convolve(p.f32(8, 28, 28, 3), p.f32(5, 3, 8)).Done() }},
	{"strides of nothing", func(p *made) { graph.Convolve(p.f32(8, 28, 28, 3), p.f32(5, 5, 3, 8)).Strides(0).Done() }},
	{"groups that do not divide the channels", func(p *made) {
		graph.Convolve(p.f32(8, 28, 28, 3), p.f32(5, 5, 1, 8)).ChannelGroupCount(2).Done()
	}},
	{"a pool without a window", func(p *made) { graph.MaxPool(p.f32(8, 28, 28, 3)).Done() }},
	{"a window that is larger than the picture", func(p *made) { graph.MaxPool(p.f32(8, 4, 4, 3)).Window(5).Done() }},
	{"pictures resampled to one size for two axes", func(p *made) { vision.Interpolate(p.f32(8, 28, 28, 3), 56).Done() }},
	{"pictures of bytes resampled smoothly", func(p *made) { vision.Interpolate(p.of(dtypes.Uint8, 8, 28, 28, 3), 56, 56).Done() }},
	{"a grid of other coordinates", func(p *made) { vision.GridSample(p.f32(8, 28, 28, 3), p.f32(8, 10, 10, 3)).Done() }},
	{"an affine map without its last column", func(p *made) { vision.AffineGrid(p.f32(8, 2, 2), 28, 28) }},
	{"windows that do not make such a picture", func(p *made) { vision.Fold(p.f32(8, 7, 7, 4, 4, 3), 28, 28).Done() }},
	{"a transposed kernel that is not transposed", func(p *made) { vision.ConvTranspose(p.f32(8, 14, 14, 16), p.f32(3, 3, 16, 8)).Strides(2).Done() }},
	{"an adaptive pool with the channels' size", func(p *made) { vision.AdaptiveMeanPool(p.f32(8, 28, 28, 3), 7, 7, 3).Done() }},
	{"a pool over a vector", func(p *made) { graph.MeanPool(p.f32(8)).Window(2).Done() }},

	// Linear algebra.
	{"a Cholesky factor of a matrix that is not square", func(p *made) { graph.Cholesky(p.f32(3, 4), true) }},
	{"solving with other rows", func(p *made) { linalg.Solve(p.f32(3, 3), p.f32(4, 1)) }},
	{"solving for a vector", func(p *made) { linalg.Solve(p.f32(3, 3), p.f32(3)) }},
	{"the inverse of integers", func(p *made) { linalg.Inverse(p.i32(3, 3)) }},
	{"eigenvalues of a matrix that is not square", func(p *made) { linalg.Eigh(p.f32(3, 4)) }},
	{"the singular values of half floats", func(p *made) { linalg.SVD(p.of(dtypes.Float16, 3, 4)) }},
	{"a norm that is not there", func(p *made) { linalg.Norm(p.f32(3, 4), "l2") }},
	{"the trace of a vector", func(p *made) { graph.Trace(p.f32(3)) }},
	{"a Kronecker product of other ranks", func(p *made) { graph.Kron(p.f32(3), p.f32(3, 3)) }},
	{"a grid of matrices", func(p *made) { graph.Meshgrid(p.f32(3), p.f32(2, 2)) }},
	{"a transform of more axes than there are", func(p *made) { graph.FFT(p.of(dtypes.Complex64, 8), 8, 8) }},
	{"a transform of floats", func(p *made) { graph.FFT(p.f32(8)) }},
	{"a real transform of complex numbers", func(p *made) { signal.RealFFT2(p.of(dtypes.Complex64, 8, 8)) }},
	{"an inverse transform to a size that it is not of", func(p *made) { signal.InverseRealFFTN(p.of(dtypes.Complex64, 8, 5), 16) }},
	{"a cosine transform of another type", func(p *made) { signal.DCT(p.f32(8), 0, -1, true) }},
	{"a sound that is shorter than a frame", func(p *made) { signal.STFT(p.f32(2, 256), p.f32(512)).Done() }},
	{"spectra of another length", func(p *made) { signal.InverseSTFT(p.of(dtypes.Complex64, 9, 256), p.f32(512)).Done() }},

	// Random numbers and statistics.
	{"a random state that is none", func(p *made) { graph.RandomUniform(p.f32(3), shapes.Make(dtypes.Float32, 2)) }},
	{"uniform integers", func(p *made) { graph.RandomUniform(p.state(), shapes.Make(dtypes.Int32, 2)) }},
	{"integers below 0", func(p *made) { graph.RandomIntN(p.state(), 0, shapes.Make(dtypes.Int32, 2)) }},
	{"a probability for other elements", func(p *made) { graph.RandomBernoulli(p.state(), p.f32(3), shapes.Make(dtypes.Bool, 2)) }},
	{"categories of integers", func(p *made) { random.Categorical(p.state(), p.i32(3)) }},
	{"more chosen than there are", func(p *made) { random.Choice(p.state(), p.f32(3), 4, false) }},
	{"a range from the larger to the smaller", func(p *made) { random.TruncatedNormal(p.state(), 2, -2, shapes.Make(dtypes.Float32, 2)) }},
	{"a part of 95", func(p *made) { stats.Quantile(p.f32(9), 95, 0) }},
	{"the median of integers", func(p *made) { stats.Median(p.i32(9), 0) }},
	{"the median of nothing", func(p *made) { stats.Median(p.f32(0), 0) }},
	{"a histogram without bins", func(p *made) { stats.Histogram(p.f32(9), p.f32(1)) }},
	{"likeness of vectors of other lengths", func(p *made) { stats.CrossCosineSimilarity(p.f32(9, 64), p.f32(5, 32), -1, 0) }},
	{"weights of other elements", func(p *made) { stats.Bincount(p.i32(9), 3, p.f32(8)) }},

	// Functions, branches and loops.
	{"a condition of numbers for a branch", func(p *made) {
		f := graph.NewClosure(p.g, func(g *graph.Graph) []*node { return []*node{graph.Const(g, float32(1))} })
		graph.If(p.f32(), f, f)
	}},
	{"branches of other results", func(p *made) {
		f := graph.NewClosure(p.g, func(g *graph.Graph) []*node { return []*node{graph.Const(g, float32(1))} })
		h := graph.NewClosure(p.g, func(g *graph.Graph) []*node { return []*node{graph.Const(g, int32(1))} })
		graph.If(p.bool(), f, h)
	}},
	{"a branch that is nil", func(p *made) { graph.If(p.bool(), nil, nil) }},
	{"a loop whose carry changes its shape", func(p *made) {
		graph.Scan([]*node{p.f32(2)}, []*node{p.f32(5, 3)}, func(c, x []*node) (next, y []*node) {
			return []*node{graph.Concatenate([]*node{c[0], x[0]}, 0)}, nil
		}).Done()
	}},
	{"a loop whose carry gets lost", func(p *made) {
		graph.Scan([]*node{p.f32(2)}, []*node{p.f32(5, 2)}, func(_, x []*node) (next, y []*node) { return nil, x }).Done()
	}},
	{"a loop over arrays of other lengths", func(p *made) {
		graph.Scan(nil, []*node{p.f32(5, 3), p.f32(6, 3)}, func(_, x []*node) (next, y []*node) { return nil, x }).Done()
	}},
	{"a loop over a scalar", func(p *made) {
		graph.Scan(nil, []*node{p.f32()}, func(_, x []*node) (next, y []*node) { return nil, x }).Done()
	}},
	{"a loop of less than no turns", func(p *made) {
		graph.ForI(-1, []*node{p.f32(2)}, func(_ *node, s []*node) []*node { return s })
	}},
	{"a condition of a loop that is no bool", func(p *made) {
		in := func(g *graph.Graph) *node { return graph.Parameter(g, "", shapes.Make(dtypes.Float32)) }
		cond := graph.NewClosure(p.g, func(g *graph.Graph) []*node { return []*node{in(g)} })
		body := graph.NewClosure(p.g, func(g *graph.Graph) []*node { return []*node{graph.OnePlus(in(g))} })
		graph.While(cond, body, p.f32())
	}},
	{"a running result of another shape", func(p *made) {
		graph.AssociativeScan([]*node{p.f32(4)}, 0, func(a, _ []*node) []*node { return []*node{graph.ReduceAllSum(a[0])} })
	}},

	// Gradients.
	{"the gradient of a vector", func(p *made) { x := p.f32(3); graph.Gradient(graph.Sin(x), x) }},
	{"the gradient of an integer", func(p *made) { x := p.i32(3); graph.Gradient(graph.ReduceAllSum(x), x) }},
	{"the gradient by an integer", func(p *made) {
		x := p.i32(3)
		graph.Gradient(graph.ReduceAllSum(graph.ConvertDType(x, dtypes.Float32)), x)
	}},
	{"a gradient of another shape", func(p *made) {
		x := p.f32(3)
		y := graph.IdentityWithCustomGradient(x, func(_, v *node) *node { return graph.ReduceAllSum(v) })
		graph.Gradient(graph.ReduceAllSum(y), x)
	}},
	{"cotangents of another shape", func(p *made) {
		x := p.f32(3)
		graph.VJP([]*node{graph.Sin(x)}, []*node{p.f32(4)}, []*node{x})
	}},

	// Graphs and what is no array.
	{"nil", func(p *made) { graph.Add(p.f32(3), nil) }},
	{"nodes of two graphs", func(p *made) {
		other := &made{graph.NewGraph(nil, "other")}
		graph.Add(p.f32(3), other.f32(3))
	}},
	{"a constant that is no number", func(p *made) { graph.Const(p.g, "seven") }},
	{"a constant of rows of other lengths", func(p *made) { graph.Const(p.g, [][]float32{{1, 2}, {3}}) }},
	{"an array of less than nothing", func(p *made) { graph.Zeros(p.g, shapes.Shape{DType: dtypes.Float32, Dimensions: []int{-2}}) }},
	{"an array without dtype", func(p *made) { graph.Ones(p.g, shapes.Shape{Dimensions: []int{2}}) }},
	{"an array that no memory holds", func(p *made) { graph.Zeros(p.g, shapes.Make(dtypes.Float32, 1<<40, 1<<40)) }},
	{"counting further than an int8", func(p *made) { graph.Iota(p.g, shapes.Make(dtypes.Int8, 1000), 0) }},
	{"a triangle of a vector", func(p *made) { graph.TakeLowerTriangular(p.f32(3), 0) }},
	{"attention of other widths", func(p *made) {
		graph.ScaledDotProductAttention(p.f32(2, 4, 5, 8), p.f32(2, 4, 5, 9), p.f32(2, 4, 5, 9)).Done()
	}},
	{"labels of another batch", func(p *made) { graph.SoftmaxCrossEntropy(p.f32(32, 10), p.i32(31)) }},
	{"a gain of another width", func(p *made) { graph.LayerNorm(p.f32(2, 8), p.f32(4), p.f32(8), 1e-5, -1) }},
	{"an epsilon below 0", func(p *made) { graph.RMSNorm(p.f32(2, 8), p.f32(8), -1, -1) }},
	{"tiles of less than nothing", func(p *made) { graph.Tile(p.f32(2), -1) }},
	{"a triangular solve by the wrong side", func(p *made) {
		graph.TriangularSolve(p.f32(3, 3), p.f32(2, 3), true, true, false, ir.NotTransposed)
	}},

	// Transforms.
	{"a batch of nothing", func(*made) { graph.VMap(itself) }},
	{"a batch without a function", func(p *made) { graph.VMap(nil, p.f32(3)) }},
	{"a batch of a scalar", func(p *made) { graph.VMap(itself, p.f32(3, 2), p.f32()).Done() }},
	{"batches of other sizes", func(p *made) { graph.VMap(itself, p.f32(3, 2), p.f32(4)).Done() }},
	{"a batch along an axis that is not there", func(p *made) { graph.VMap(itself, p.f32(3, 2)).InAxes(2).Done() }},
	{"a batch that is to come back along an axis that is not there", func(p *made) { graph.VMap(itself, p.f32(3, 2)).OutAxes(2).Done() }},
	{"an axis for one of two arrays", func(p *made) { graph.VMap(itself, p.f32(3), p.f32(3)).InAxes(0).Done() }},
	{"axes for more results than there are", func(p *made) { graph.VMap(itself, p.f32(3)).OutAxes(0, 0).Done() }},
	{"a batch of what is the same for all", func(p *made) { graph.VMap(itself, p.f32(3)).InAxes(graph.Unbatched).Done() }},
	{"a result that differs, and is to be the same for all", func(p *made) { graph.VMap(itself, p.f32(3)).OutAxes(graph.Unbatched).Done() }},
	{"a batch of calls that are seen", func(p *made) {
		graph.VMap(func(x []*node) []*node { graph.Apply(seen, nil, x[0]); return x }, p.f32(3)).Done()
	}},
	{"a gradient of one's own of which examples know more than its inputs", func(p *made) {
		s := p.f32()
		y := graph.VMap(func(x []*node) []*node {
			return []*node{graph.Mul(x[0], graph.IdentityWithCustomGradient(s, func(_, v *node) *node { return graph.Mul(v, graph.ReduceAllSum(x[0])) }))}
		}, p.f32(3, 2)).Done()[0]
		graph.Gradient(graph.ReduceAllSum(y), s)
	}},
	{"tangents of nothing", func(*made) { graph.JVP(nil, nil, nil) }},
	{"fewer tangents than nodes", func(p *made) { x := p.f32(3); graph.JVP([]*node{x}, []*node{x, x}, []*node{x}) }},
	{"a tangent of integers", func(p *made) { x := p.i32(3); graph.JVP([]*node{x}, []*node{x}, []*node{x}) }},
	{"a tangent of another shape", func(p *made) { x := p.f32(3); graph.JVP([]*node{x}, []*node{x}, []*node{p.f32(4)}) }},
	{"a tangent through bits", func(p *made) {
		x := p.f32(3)
		graph.JVP([]*node{graph.Bitcast(x, dtypes.Int32)}, []*node{x}, []*node{x})
	}},
	{"a Jacobian of integers", func(p *made) { graph.JacFwd(p.i32(3), p.f32(3)) }},
	{"a Jacobian by integers", func(p *made) { graph.JacRev(p.f32(3), p.i32(3)) }},
	{"a Jacobian of complex numbers by real ones", func(p *made) { graph.JacFwd(p.of(dtypes.Complex64, 2), p.f32(3)) }},
	{"a Hessian of a vector", func(p *made) { x := p.f32(3); graph.Hessian(graph.Sin(x), x) }},
	{"a product of a Hessian with nothing", func(p *made) { x := p.f32(3); graph.HVP(graph.ReduceAllSum(x), []*node{x}, nil) }},
	{"a value and no gradient", func(*made) { graph.ValueAndGradient(nil) }},
	{"a value without a function", func(p *made) { graph.ValueAndGradient(nil, p.f32(3)) }},
	{"a value that is no scalar", func(p *made) { graph.ValueAndGradient(func(xs []*node) *node { return xs[0] }, p.f32(3)) }},
	{"a checkpoint of nothing", func(*made) { graph.Checkpoint(itself, nil) }},
	{"a checkpoint without a function", func(p *made) { graph.Checkpoint(nil, nil, p.f32(3)) }},
	{"a checkpoint without results", func(p *made) { graph.Checkpoint(func([]*node) []*node { return nil }, nil, p.f32(3)) }},
	{"a tangent of one's own without a function", func(p *made) { graph.WithCustomTangent([]*node{p.f32(3)}, itself, nil) }},
	{"more tangents of one's own than outputs", func(p *made) {
		x := p.f32(3)
		y := graph.WithCustomTangent([]*node{x}, itself, func(_, _, dIn []*node) []*node { return append(dIn, dIn...) })
		graph.JVP(y, []*node{x}, []*node{x})
	}},
	{"a tangent of one's own of another shape", func(p *made) {
		x := p.f32(3)
		y := graph.WithCustomTangent([]*node{x}, itself, func(_, _, dIn []*node) []*node { return []*node{graph.ReduceAllSum(dIn[0])} })
		graph.Gradient(graph.ReduceAllSum(y[0]), x)
	}},
}

// itself is a function that returns what it gets.
func itself(xs []*node) []*node { return xs }

// Every mistake is one sentence that names the line, the op and what met, and mostly what to do.
func TestMistakes(t *testing.T) {
	require.GreaterOrEqual(t, len(mistakes), 120)
	var page strings.Builder
	seen := map[string]bool{}
	for _, m := range mistakes {
		require.False(t, seen[m.name], "%s comes twice", m.name)
		seen[m.name] = true
		p := &made{graph.NewGraph(nil, "mistakes")}
		err := graph.Catch(func() { m.make(p) })
		if !assert.Error(t, err, m.name) {
			continue
		}
		text := err.Error()
		assert.NotContains(t, text, "\n", m.name)
		assert.NotContains(t, text, "panicked", "%s is no error of ours", m.name)
		assert.Regexp(t, `^mistakes_test\.go:\d+: `, text, "%s: the line", m.name)
		fmt.Fprintf(&page, "%s:\n\t%s\n", m.name, regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(text, "_test.go:N"))
	}
	golden.Check(t, "testdata/mistakes.golden", page.String())
}
