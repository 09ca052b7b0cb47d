package vision

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
)

// InterpolateBuilder resamples pictures, see [Interpolate].
type InterpolateBuilder struct {
	pictures
	want         []int
	method       interpolation
	coordinates  coordinates
	antialias    bool
	cubic        float64
	cubicChanged bool
}

type interpolation uint8

const (
	linear interpolation = iota
	nearest
	cubic
)

// coordinates say where place o of n lies among size elements, the first of which is at 0.
type coordinates uint8

const (
	halfPixel coordinates = iota
	alignCorners
	asymmetric
)

// Interpolate starts a resampling of x, a batch of pictures, to other sizes of its spatial axes, which Done makes:
//
//	y[n, o…, c] = Σ_i… x[n, i…, c] · Π_d w(s_d(o_d) - i_d)
//
// one product and sum per spatial axis d, where s(o) is the place among the elements of x that element o of the result has, and w is the
// weight that an element has at a distance:
//
//	Bilinear (the default)  w(t) = 1 - |t| for |t| ≤ 1; of one axis it is linear, of three trilinear
//	Bicubic                 w(t) = (a+2)|t|³ - (a+3)|t|² + 1 for |t| ≤ 1,  a|t|³ - 5a|t|² + 8a|t| - 4a for |t| ≤ 2, a = -¾
//	Nearest                 the element whose pixel s is in
//
// and, for an axis that goes from I elements to O,
//
//	HalfPixel (the default)  s(o) = (o + ½)·I/O - ½   elements are pixels with an extent
//	AlignCorners             s(o) = o·(I-1)/(O-1)     elements are points, the first and the last stay where they are; 0 for O = 1
//	Asymmetric               s(o) = o·I/O
//
// Elements outside of x are those at its edge. x is [batch, spatial…, channels] with any number of spatial axes, sizes has one for each; the
// result has the dtype and the names of x, any dtype for Nearest, otherwise a float or complex. Floats narrower than float32 are summed in
// float32. It panics with [graph.Error] if an axis is empty or there are more or fewer sizes.
//
// HalfPixel is interpolate(align_corners=False) in PyTorch and half_pixel in ONNX, with "nearest-exact" for Nearest (in ONNX with
// round_prefer_ceil); AlignCorners is
// align_corners in both; Asymmetric with Nearest is PyTorch's "nearest", and ONNX's asymmetric with floor. JAX's image.resize has
// HalfPixel with Antialias, and a = -½.
//
// Source: Keys, "Cubic convolution interpolation for digital image processing", 1981, for w of Bicubic, with a.
func Interpolate(x *graph.Node, sizes ...int) *InterpolateBuilder {
	return &InterpolateBuilder{pictures: of("Interpolate", x), want: sizes, cubic: -0.75}
}

// ChannelsAxis says where the channels of x and of the result are: last, the default, or right behind the batch.
func (b *InterpolateBuilder) ChannelsAxis(config graph.ChannelsAxisConfig) *InterpolateBuilder {
	b.channels = config
	return b
}

// Nearest takes the element that is nearest, without computing: floor(s(o) + ½), of two that are as near the upper one, the lower with
// AlignCorners; with Asymmetric floor(s(o)).
func (b *InterpolateBuilder) Nearest() *InterpolateBuilder {
	b.method = nearest
	return b
}

// Bilinear weighs the two elements around along each axis. It is the default.
func (b *InterpolateBuilder) Bilinear() *InterpolateBuilder {
	b.method = linear
	return b
}

// Bicubic weighs the four elements around along each axis.
func (b *InterpolateBuilder) Bicubic() *InterpolateBuilder {
	b.method = cubic
	return b
}

// CubicCoefficient sets a of Bicubic; it is -¾ unless set, as in PyTorch and ONNX, but -½ with Antialias, as in PyTorch and JAX.
func (b *InterpolateBuilder) CubicCoefficient(a float64) *InterpolateBuilder {
	if !(math.Abs(a) <= 1e6) {
		b.fail("the coefficient of a cubic filter cannot be %v (-0.75 and -0.5 are usual)", a)
	}
	b.cubic, b.cubicChanged = a, true
	return b
}

// HalfPixel takes elements as pixels with an extent. It is the default.
func (b *InterpolateBuilder) HalfPixel() *InterpolateBuilder {
	b.coordinates = halfPixel
	return b
}

// AlignCorners takes elements as points, of which the first and the last stay where they are.
func (b *InterpolateBuilder) AlignCorners() *InterpolateBuilder {
	b.coordinates = alignCorners
	return b
}

// Asymmetric takes elements as points at the lower corners of their pixels.
func (b *InterpolateBuilder) Asymmetric() *InterpolateBuilder {
	b.coordinates = asymmetric
	return b
}

// Antialias makes w wider where an axis becomes smaller, so that all elements of x have a part in the result:
//
//	w((s(o) - i)/r) / Σ_j w((s(o) - j)/r),  r = max(1, I/O)
//
// summed over the elements of x alone. It goes with HalfPixel, Bilinear and Bicubic. It is antialias=True in PyTorch and JAX, and what
// Pillow does.
func (b *InterpolateBuilder) Antialias() *InterpolateBuilder {
	b.antialias = true
	return b
}

// Done adds the resampling to the graph and returns its result.
func (b *InterpolateBuilder) Done() *graph.Node {
	sizes := b.sizes(b.want)
	switch {
	case b.method == nearest && b.antialias:
		b.fail("Antialias goes with Bilinear and Bicubic: Nearest has no weights")
	case b.antialias && b.coordinates != halfPixel:
		b.fail("Antialias goes with HalfPixel: points have no extent")
	case b.method != nearest:
		b.need(dtypes.Inexact)
	}
	y := axes.Unnamed(b.x)
	if b.method != nearest {
		y = wide(y)
	}
	for i, axis := range b.axes() {
		if in := b.x.Dim(axis); in != sizes[i] {
			y = b.resample(y, axis, in, sizes[i])
		}
	}
	return named(graph.ConvertDType(y, b.x.DType()), b.x)
}

func (b *InterpolateBuilder) resample(x *graph.Node, axis, in, out int) *graph.Node {
	x.Graph().BranchOn("vision.Interpolate", in, out)
	switch {
	case b.method == nearest && out%in == 0 && b.coordinates != alignCorners:
		return graph.Repeat(x, out/in, axis)
	case b.method == nearest:
		return newTaps(out, in, func(o int) (int, []float64) { return b.coordinates.nearest(o, in, out), []float64{1} }).first(x, axis)
	case b.antialias:
		return newTaps(out, in, func(o int) (int, []float64) { return b.smoothed(o, in, out) }).sums(x, axis)
	}
	reach := b.reach()
	return newTaps(out, in, func(o int) (int, []float64) {
		s := b.coordinates.place(o, in, out)
		first := int(math.Floor(s)) - reach + 1
		weights := make([]float64, 2*reach)
		for j := range weights {
			weights[j] = b.weight(s - float64(first+j))
		}
		return first, weights
	}).sums(x, axis)
}

// place is s(o).
func (c coordinates) place(o, in, out int) float64 {
	switch {
	case c == alignCorners && out == 1:
		return 0
	case c == alignCorners:
		return float64(o) * float64(in-1) / float64(out-1)
	case c == asymmetric:
		return float64(o) * float64(in) / float64(out)
	}
	return (float64(o)+0.5)*float64(in)/float64(out) - 0.5
}

// nearest is the element that is taken for o, in whole numbers, which do not round.
func (c coordinates) nearest(o, in, out int) int {
	switch {
	case c == alignCorners && out == 1:
		return 0
	case c == alignCorners: // the smallest i ≥ s(o) - ½
		return (2*o*(in-1) + out - 2) / (2 * (out - 1))
	case c == asymmetric:
		return o * in / out
	}
	return (2*o + 1) * in / (2 * out)
}

// reach is how far from s elements have weight.
func (b *InterpolateBuilder) reach() int {
	if b.method == cubic {
		return 2
	}
	return 1
}

// weight is w(t).
func (b *InterpolateBuilder) weight(t float64) float64 {
	t = math.Abs(t)
	if b.method == linear {
		return max(0, 1-t)
	}
	a := b.cubic
	if b.antialias && !b.cubicChanged {
		a = -0.5
	}
	switch {
	case t <= 1:
		return ((a+2)*t-(a+3))*t*t + 1
	case t < 2:
		return ((a*t-5*a)*t+8*a)*t - 4*a
	}
	return 0
}

// smoothed returns the elements under w made r times as wide, and their shares of its sum.
func (b *InterpolateBuilder) smoothed(o, in, out int) (first int, weights []float64) {
	r := max(1, float64(in)/float64(out))
	s, support := halfPixel.place(o, in, out), float64(b.reach())*r
	first = max(0, int(math.Ceil(s-support)))
	last := min(in-1, int(math.Floor(s+support)))
	sum := 0.0
	for i := first; i <= last; i++ {
		w := b.weight((s - float64(i)) / r)
		weights = append(weights, w)
		sum += w
	}
	for i := range weights {
		weights[i] /= sum
	}
	return first, weights
}
