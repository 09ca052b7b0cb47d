package ingraph

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/random"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/vision"
)

// pictures panics unless x is a batch of pictures.
func pictures(op string, state, x *graph.Node) {
	if state == nil || x == nil {
		graph.Errorf("ingraph.%s: the state or the pictures are nil", op)
	}
	if x.Rank() != 4 || !x.DType().IsFloat() {
		graph.Errorf("ingraph.%s %s: want pictures, [B H W C] of floats", op, x.Shape())
	}
}

// fail panics because of a setting.
func fail(op string, x *graph.Node, format string, args ...any) {
	graph.Errorf("ingraph.%s %s: %s", op, x.Shape(), fmt.Sprintf(format, args...))
}

// needs panics unless v is a number from lo to hi.
func needs(op string, x *graph.Node, what string, v, lo, hi float64) {
	if !(v >= lo && v <= hi) {
		fail(op, x, "%s is %v: want %v to %v", what, v, lo, hi)
	}
}

// between draws a number for each picture, uniformly from lo to hi, as [B 1 1 1] of x's dtype.
func between(state, x *graph.Node, lo, hi float64) (next, values *graph.Node) {
	wide := dtypes.Float32
	if x.DType() == dtypes.Float64 {
		wide = dtypes.Float64
	}
	next, u := graph.RandomUniform(state, shapes.Make(wide, x.Dim(0), 1, 1, 1))
	return next, graph.ConvertDType(graph.AddScalar(graph.MulScalar(u, hi-lo), lo), x.DType())
}

// RandomFlip mirrors each picture left to right with probability horizontal, and top to bottom with probability vertical.
func RandomFlip(state, x *graph.Node, horizontal, vertical float64) (next, y *graph.Node) {
	pictures("RandomFlip", state, x)
	needs("RandomFlip", x, "the probability horizontal", horizontal, 0, 1)
	needs("RandomFlip", x, "the probability vertical", vertical, 0, 1)
	y = x
	for _, side := range []struct {
		axis int
		prob float64
	}{{2, horizontal}, {1, vertical}} {
		var u *graph.Node
		state, u = graph.RandomUniform(state, shapes.Make(dtypes.Float32, x.Dim(0), 1, 1, 1))
		y = graph.Where(graph.LessThan(u, graph.ConstAs(u, side.prob)), graph.Reverse(y, side.axis), y)
	}
	return state, y
}

// RandomCrop shifts each picture by up to padding pixels in each direction, all shifts being equally likely: a piece of the same size out of the picture with a frame of so
// many zeros.
//
// Source: He et al., "Deep residual learning for image recognition", 2015, arXiv:1512.03385, section 4.2.
func RandomCrop(state, x *graph.Node, padding int) (next, y *graph.Node) {
	pictures("RandomCrop", state, x)
	if padding < 0 || padding > 1<<14 {
		fail("RandomCrop", x, "a padding of %d pixels: want 0 to %d", padding, 1<<14)
	}
	g := x.Graph()
	B, H, W := x.Dim(0), x.Dim(1), x.Dim(2)
	frame := ir.PadAxis{Start: padding, End: padding}
	wide := graph.Pad(x, graph.ScalarZero(g, x.DType()), ir.PadAxis{}, frame, frame) // [B, H+2p, W+2p, C]
	place := func(size, axis int) *graph.Node {                                      // [B, H, W, 1] of the axis
		var begin *graph.Node
		state, begin = graph.RandomIntN(state, 2*padding+1, shapes.Make(dtypes.Int32, B, 1, 1, 1))
		return graph.Add(begin, graph.Iota(g, shapes.Make(dtypes.Int32, B, H, W, 1), axis))
	}
	top := place(H, 1)
	left := place(W, 2)
	return state, graph.GatherWithBatchDims(wide, graph.Concatenate([]*graph.Node{top, left}, 3), 1)
}

// Affine says how far [RandomAffine] goes. The zero value changes nothing.
type Affine struct {
	Rotate float64 // degrees
	Scale  float64 // relative: 0.1 makes pictures up to 10 % larger or smaller; below 1
	Shift  float64 // pixels, in both directions
	Shear  float64 // degrees, along the rows
}

// RandomAffine turns, scales, shears and shifts each picture about its centre, in one step, so that pixels are interpolated once, bilinearly. With p a place
// of the result and q the place in the picture from which its pixel comes, both in pixels from the centre:
//
//	q = R(θ)⁻¹ · [1 -tan φ; 0 1] · (p - t) / s,   θ ~ U(-Rotate, Rotate),  φ ~ U(-Shear, Shear),  s ~ U(1-Scale, 1+Scale),  t ~ U(-Shift, Shift)²
//
// Where q is outside of the picture the result is 0.
func RandomAffine(state, x *graph.Node, a Affine) (next, y *graph.Node) {
	pictures("RandomAffine", state, x)
	needs("RandomAffine", x, "Rotate", a.Rotate, 0, 360)
	needs("RandomAffine", x, "Scale", a.Scale, 0, 0.99)
	needs("RandomAffine", x, "Shift", a.Shift, 0, 1<<14)
	needs("RandomAffine", x, "Shear", a.Shear, 0, 80)
	draw := func(lo, hi float64) *graph.Node {
		var v *graph.Node
		state, v = between(state, x, lo, hi)
		if x.DType().IsHalf() {
			v = graph.ConvertDType(v, dtypes.Float32)
		}
		return graph.Reshape(v, x.Dim(0), 1)
	}
	const degree = math.Pi / 180
	theta := draw(-a.Rotate*degree, a.Rotate*degree)
	shear := draw(-a.Shear*degree, a.Shear*degree)
	inverse := graph.Reciprocal(draw(1-a.Scale, 1+a.Scale))
	tx, ty := draw(-a.Shift, a.Shift), draw(-a.Shift, a.Shift)
	return state, moved(x, theta, shear, inverse, tx, ty)
}

// moved returns the pictures turned by theta, sheared by shear, scaled by 1/inverse and shifted, all of them [B 1].
func moved(x, theta, shear, inverse, tx, ty *graph.Node) *graph.Node {
	// q = M·p - M·t with M = R⁻¹·K/s, in pixels; y grows downwards, so that a positive angle turns clockwise.
	sin, cos := graph.Sin(theta), graph.Cos(theta)
	tan := graph.Div(graph.Sin(shear), graph.Cos(shear))
	m := func(v *graph.Node) *graph.Node { return graph.Mul(v, inverse) }
	xx, xy := m(cos), m(graph.Sub(sin, graph.Mul(cos, tan)))
	yx, yy := m(graph.Neg(sin)), m(graph.Add(cos, graph.Mul(sin, tan)))
	shift := func(a, b *graph.Node) *graph.Node { return graph.Neg(graph.Add(graph.Mul(a, tx), graph.Mul(b, ty))) }

	// Coordinates of the grid go from -1 to 1 along each axis: pixels are 2/W wide and 2/H high.
	W, H := float64(x.Dim(2)), float64(x.Dim(1))
	rows := graph.Concatenate([]*graph.Node{
		xx, graph.MulScalar(xy, H/W), graph.MulScalar(shift(xx, xy), 2/W),
		graph.MulScalar(yx, W/H), yy, graph.MulScalar(shift(yx, yy), 2/H),
	}, 1)
	grid := vision.AffineGrid(graph.Reshape(rows, x.Dim(0), 2, 3), x.Dim(1), x.Dim(2)).Done()
	return vision.GridSample(x, graph.ConvertDType(grid, x.DType())).Done()
}

// Jitter says how far [ColorJitter] goes: factors are from 1-v to 1+v. The zero value changes nothing.
type Jitter struct {
	Brightness, Contrast, Saturation float64 // 0 to 1
}

// ColorJitter changes brightness, contrast and saturation of each picture, in this order, each by a factor f of its own, and limits the result to the range from
// 0 to 1, in which pixels are expected:
//
//	brightness   y = f·x
//	contrast     y = f·x + (1-f)·m     m the mean luminance of the picture
//	saturation   y = f·x + (1-f)·l     l the luminance of the pixel, 0.299·R + 0.587·G + 0.114·B
//
// Of pictures with another number of channels than 3 the luminance is the mean of the channels.
//
// Source: Howard, "Some improvements on deep convolutional neural network based image classification", 2013, arXiv:1312.5402, section 2;
// the formulas are those of torchvision.
func ColorJitter(state, x *graph.Node, j Jitter) (next, y *graph.Node) {
	pictures("ColorJitter", state, x)
	needs("ColorJitter", x, "Brightness", j.Brightness, 0, 1)
	needs("ColorJitter", x, "Contrast", j.Contrast, 0, 1)
	needs("ColorJitter", x, "Saturation", j.Saturation, 0, 1)
	y = x
	blend := func(v float64, with func() *graph.Node) {
		var f *graph.Node
		state, f = between(state, x, 1-v, 1+v)
		if v == 0 { // the number is drawn all the same, for what comes after
			return
		}
		y = graph.Mul(f, y)
		if with != nil {
			y = graph.Add(y, graph.Mul(graph.OneMinus(f), with()))
		}
	}
	blend(j.Brightness, nil)
	before := y
	blend(j.Contrast, func() *graph.Node {
		return graph.ReduceAndKeep(luminance(before), graph.ReduceMean, 1, 2, 3)
	})
	between := y
	blend(j.Saturation, func() *graph.Node { return luminance(between) })
	return state, graph.ClipScalar(y, 0, 1)
}

// luminance returns [B, H, W, 1].
func luminance(x *graph.Node) *graph.Node {
	if x.Dim(3) != 3 {
		return graph.ReduceAndKeep(x, graph.ReduceMean, 3)
	}
	weights := graph.Reshape(graph.ConstAs(x, []float64{0.299, 0.587, 0.114}), 1, 1, 1, 3)
	return graph.ReduceAndKeep(graph.Mul(x, weights), graph.ReduceSum, 3)
}

// Cutout sets a square of size by size pixels to 0, whose centre is anywhere in the picture, so that parts of it may be outside.
//
// Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017, arXiv:1708.04552.
func Cutout(state, x *graph.Node, size int) (next, y *graph.Node) {
	pictures("Cutout", state, x)
	if size < 1 || size > 1<<14 {
		fail("Cutout", x, "a square of %d pixels: want 1 to %d", size, 1<<14)
	}
	side := func(axis int) *graph.Node {
		var centre *graph.Node
		state, centre = graph.RandomIntN(state, x.Dim(axis), shapes.Make(dtypes.Int32, x.Dim(0), 1, 1, 1))
		return within(x, axis, graph.AddScalar(centre, -(size/2)), graph.AddScalar(centre, size-size/2))
	}
	hidden := side(1)
	hidden = graph.LogicalAnd(hidden, side(2))
	return state, graph.Where(hidden, graph.ScalarZero(x.Graph(), x.DType()), x)
}

// within returns where the place along an axis of x is from begin to end-1, both [B or 1, 1, 1, 1] of int32, as bools [B or 1, 1, …, n, …, 1].
func within(x *graph.Node, axis int, begin, end *graph.Node) *graph.Node {
	dims := []int{1, 1, 1, 1}
	dims[axis] = x.Dim(axis)
	at := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, dims...), axis)
	return graph.LogicalAnd(graph.GreaterOrEqual(at, begin), graph.LessThan(at, end))
}

// MixUp mixes each picture, and its label, with those of another one of the batch, chosen by a permutation p, in the same proportion λ for the whole batch:
//
//	x'[i] = λ·x[i] + (1-λ)·x[p(i)],    y'[i] = λ·y[i] + (1-λ)·y[p(i)],    λ ~ Beta(alpha, alpha)
//
// The labels are floats [B …], such as one-hot classes. x may be of any rank above 0; so it may be other than pictures.
//
// Source: Zhang et al., "mixup: beyond empirical risk minimization", 2017, arXiv:1710.09412.
func MixUp(state, x, y *graph.Node, alpha float64) (next, mixed, labels *graph.Node) {
	state, lambda, order := pairs("MixUp", state, x, y, alpha)
	return state, mix(x, order, lambda), mix(y, order, lambda)
}

// CutMix puts a rectangle of another picture of the batch, chosen by a permutation, in the place of the same rectangle of each picture, and mixes the labels in the
// proportion of the areas. The rectangle is the same for the whole batch: with λ ~ Beta(alpha, alpha) its sides are √(1-λ) of the picture's, and its centre is anywhere,
// so that it may be cut off at the edges; the labels get what is left of it.
//
// The labels are floats [B …], such as one-hot classes.
//
// Source: Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", 2019, arXiv:1905.04899.
func CutMix(state, x, y *graph.Node, alpha float64) (next, mixed, labels *graph.Node) {
	pictures("CutMix", state, x)
	state, lambda, order := pairs("CutMix", state, x, y, alpha)
	part := graph.Sqrt(graph.OneMinus(lambda))
	area := graph.ScalarOne(x.Graph(), dtypes.Float32)
	side := func(axis int) *graph.Node {
		n := x.Dim(axis)
		half := graph.Floor(graph.MulScalar(part, 0.5*float64(n)))
		var centre *graph.Node
		state, centre = graph.RandomIntN(state, n, shapes.Make(dtypes.Int32))
		middle := graph.ConvertDType(centre, dtypes.Float32)
		begin := graph.ClipScalar(graph.Sub(middle, half), 0, float64(n))
		end := graph.ClipScalar(graph.Add(middle, half), 0, float64(n))
		area = graph.Mul(area, graph.DivScalar(graph.Sub(end, begin), float64(n)))
		return within(x, axis, graph.ConvertDType(begin, dtypes.Int32), graph.ConvertDType(end, dtypes.Int32))
	}
	inside := side(1)
	inside = graph.LogicalAnd(inside, side(2))
	return state, graph.Where(inside, graph.Gather(x, graph.ExpandAxes(order, -1)), x), mix(y, order, graph.OneMinus(area))
}

// pairs draws the proportion, a float32 scalar, and the permutation of the batch, an int32 for each element of it.
func pairs(op string, state, x, y *graph.Node, alpha float64) (next, lambda, order *graph.Node) {
	if state == nil || x == nil || y == nil {
		graph.Errorf("ingraph.%s: the state, the inputs or the labels are nil", op)
	}
	if x.Rank() == 0 || y.Rank() == 0 || x.Dim(0) != y.Dim(0) || !x.DType().IsFloat() || !y.DType().IsFloat() {
		graph.Errorf("ingraph.%s %s, labels %s: want floats, and a label for each input (classes become floats by OneHot)", op, x.Shape(), y.Shape())
	}
	needs(op, x, "alpha", alpha, 1e-3, 1e3)
	a := graph.Scalar(x.Graph(), dtypes.Float32, alpha)
	state, lambda = random.Beta(state, a, a, shapes.Make(dtypes.Float32))
	state, order = graph.RandomPermutation(state, x.Dim(0))
	return state, lambda, order
}

// mix returns lambda of x and the rest of x in another order.
func mix(x, order, lambda *graph.Node) *graph.Node {
	l := graph.ConvertDType(lambda, x.DType())
	return graph.Add(graph.Mul(l, x), graph.Mul(graph.OneMinus(l), graph.Gather(x, graph.ExpandAxes(order, -1))))
}
