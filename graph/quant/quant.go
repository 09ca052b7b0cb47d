package quant

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/codes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Quantized is an array whose numbers are held in few bits. Its parts are ordinary nodes: what [Quantize] returned, or parameters and
// variables that hold what it returned earlier.
type Quantized struct {
	Scheme Scheme

	// Codes are uint8 of [..., N·Bits/8], N being the size of the last axis of the array: one after the other, the first in the lowest
	// bits, as [Pack] packs them.
	Codes *graph.Node

	// Scales are [..., N/Group], of the dtype of the array, or uint8 with [MXFP4], [MXFP8] and [NVFP4]; with [WholeTensor] all axes have
	// size 1.
	Scales *graph.Node

	// Biases have the shape and dtype of the scales, with [Affine]; else they are nil.
	Biases *graph.Node
}

// Nodes returns the parts: codes, scales and, if there are any, biases.
func (q Quantized) Nodes() []*graph.Node {
	parts := []*graph.Node{q.Codes, q.Scales}
	if q.Biases != nil {
		parts = append(parts, q.Biases)
	}
	return parts
}

// Shape returns the shape of the array, with its dtype. It panics with [graph.Error] if the parts do not fit each other.
func (q Quantized) Shape() shapes.Shape {
	_, s := q.check("quant.Shape")
	return s
}

// check panics unless the parts fit each other, and returns the complete scheme and the shape of the array.
func (q Quantized) check(op string) (Scheme, shapes.Shape) {
	scheme, k := q.Scheme.complete(op)
	switch {
	case q.Codes == nil || q.Scales == nil || k.biased && q.Biases == nil:
		graph.Errorf("%s: a part of the quantised numbers is nil", op)
	case !k.biased && q.Biases != nil:
		graph.Errorf("%s: %s has no biases", op, scheme.Kind)
	case q.Codes.DType() != dtypes.Uint8:
		graph.Errorf("%s %s: codes are uint8, not %s (see Pack, and Bitcast for uint32 and float8)", op, q.Codes.Shape(), q.Codes.DType())
	case k.scales != "" && q.Scales.DType() != dtypes.Uint8:
		graph.Errorf("%s %s: scales of %s are uint8, not %s", op, q.Scales.Shape(), scheme.Kind, q.Scales.DType())
	case k.scales == "" && !q.Scales.DType().IsFloat():
		graph.Errorf("%s %s: scales are floats, not %s (convert them with ConvertDType)", op, q.Scales.Shape(), q.Scales.DType())
	case q.Codes.Rank() == 0:
		graph.Errorf("%s %s: codes have an axis at least", op, q.Codes.Shape())
	}
	s := shapes.Make(q.Scales.DType(), q.Codes.Shape().Dimensions...)
	if k.scales != "" {
		s.DType = dtypes.Float32
	}
	if s.Dim(-1)*8%scheme.Bits != 0 {
		graph.Errorf("%s %s: %d bytes are no whole number of codes of %d bits", op, q.Codes.Shape(), s.Dim(-1), scheme.Bits)
	}
	s.Dimensions[s.Rank()-1] = s.Dim(-1) * 8 / scheme.Bits
	scheme.fits(op, s)
	if want := scheme.scalesOf(s).WithDType(q.Scales.DType()); !want.Equal(axes.Unnamed(q.Scales).Shape()) {
		graph.Errorf("%s: the scales of %s in groups of %d are %s, not %s", op, s, scheme.Group, want, q.Scales.Shape())
	}
	if k.biased && !q.Biases.Shape().Equal(q.Scales.Shape()) {
		graph.Errorf("%s: biases and scales have one shape, not %s and %s", op, q.Biases.Shape(), q.Scales.Shape())
	}
	return scheme, s
}

// wide returns in which dtype numbers of d are computed.
func wide(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float64 {
		return d
	}
	return dtypes.Float32
}

// Quantize returns x held as a scheme says, see [Affine] and the other kinds for the equations. x is a float of [..., N], N a multiple of the
// scheme's group. Numbers are divided by the scale as the dtype of x holds it, and rounded to even. Where there is a NaN or an infinity, the
// numbers of its group become NaN or infinite.
//
// No gradient flows to x, since codes are whole numbers: see [FakeQuantize].
func Quantize(x *graph.Node, scheme Scheme) Quantized {
	const op = "quant.Quantize"
	s, k := scheme.complete(op)
	switch {
	case x == nil:
		graph.Errorf("%s: an operand is nil", op)
	case !x.DType().IsFloat():
		graph.Errorf("%s %s: %s is not a dtype that it takes: %s (convert it with ConvertDType)", op, x.Shape(), x.DType(), dtypes.Floats)
	}
	s.fits(op, x.Shape())
	x = graph.StopGradient(axes.Unnamed(x))
	held := func(v *graph.Node) *graph.Node { return graph.ConvertDType(v, x.DType()) } // as it is stored
	again := func(v *graph.Node) *graph.Node { return graph.ConvertDType(v, wide(x.DType())) }
	v := s.grouped(again(x)) // [..., groups, group]

	q := Quantized{Scheme: scheme}
	var codes *graph.Node
	if k.biased {
		lo, hi := s.over(v, graph.ReduceMin), s.over(v, graph.ReduceMax)
		steps := float64(int(1)<<s.Bits - 1)
		below := graph.GreaterThan(graph.Abs(lo), graph.Abs(hi))
		edge := graph.Where(below, lo, hi)
		step := graph.Sub(graph.DivScalar(hi, steps), graph.DivScalar(lo, steps)) // hi - lo may be too large
		step = graph.Where(below, step, graph.Neg(step))
		none := graph.IsZero(held(step))
		one := graph.OnesLike(step)
		// So that 0 is a whole number of steps from the edge, which half of all steps lie between, 1.5 at least, and not none.
		step = graph.Div(edge, graph.Round(graph.Div(edge, graph.Where(none, one, step))))
		q.Scales, q.Biases = held(graph.Where(none, one, step)), held(edge)
		scale := again(q.Scales)
		v = graph.Sub(graph.Div(v, scale), graph.Div(again(q.Biases), scale))
		codes = graph.ConvertDType(graph.ClipScalar(graph.Round(v), 0, steps), dtypes.Uint8)
	} else {
		most := s.over(graph.Abs(v), graph.ReduceMax)
		scale := graph.DivScalar(most, s.largest(k))
		if k.scales != "" {
			q.Scales = k.bytesOf(scale)
			scale = k.scalesOf(q.Scales, v.DType())
			v = graph.Div(v, graph.Where(graph.IsZero(scale), graph.OnesLike(scale), scale))
			return s.finished(q, s.codes(k, v), x.Shape())
		}
		if k.float8 != dtypes.Invalid { // whose digits would be lost with those of a scale that is denormal, and the number if it is 0
			scale = graph.Where(graph.IsZero(most), scale, graph.MaxScalar(scale, smallestNormal(x.DType())))
		}
		q.Scales = held(scale)
		scale = again(q.Scales)
		v = graph.Div(v, graph.Where(graph.IsZero(scale), graph.OnesLike(scale), scale))
		codes = s.codes(k, v)
	}
	return s.finished(q, codes, x.Shape())
}

// finished returns q with codes, packed, and parts of the shapes that those of x have.
func (s Scheme) finished(q Quantized, codes *graph.Node, x shapes.Shape) Quantized {
	q.Scales = graph.Reshape(q.Scales, s.scalesOf(x).Dimensions...)
	if q.Biases != nil {
		q.Biases = graph.Reshape(q.Biases, q.Scales.Shape().Dimensions...)
	}
	q.Codes = graph.Reshape(codes, x.Dimensions...)
	if s.Bits < 8 {
		q.Codes = Pack(q.Codes, s.Bits)
	}
	return q
}

// bytesOf returns scales as bytes.
func (k kind) bytesOf(scale *graph.Node) *graph.Node {
	if k.scales == codes.E4M3FN {
		_, most := dtypes.Limits(dtypes.Float8E4M3FN)
		scale = graph.MinScalar(scale, dtypes.Convert(most, dtypes.Float64).(float64))
		return graph.Bitcast(graph.ConvertDType(scale, dtypes.Float8E4M3FN), dtypes.Uint8)
	}
	n := graph.AddScalar(graph.ClipScalar(graph.Round(graph.Log2(scale)), -127, 127), 127)
	none := graph.Scalar(scale.Graph(), scale.DType(), 255)
	return graph.ConvertDType(graph.Where(graph.IsFinite(scale), n, none), dtypes.Uint8)
}

// scalesOf returns the numbers that scales are, in a dtype: float32 or float64.
func (k kind) scalesOf(scales *graph.Node, d dtypes.DType) *graph.Node {
	if k.scales != "" {
		values, _ := k.scales.Values(8)
		return graph.Gather(graph.ConstAsDType(scales.Graph(), d, values), graph.ExpandAxes(scales, -1))
	}
	return graph.ConvertDType(scales, d)
}

// smallestNormal returns the smallest number of a float dtype that has all of its digits.
func smallestNormal(d dtypes.DType) float64 {
	switch d {
	case dtypes.Float16:
		return 0x1p-14
	case dtypes.Float64:
		return 0x1p-1022
	}
	return 0x1p-126
}

// largest returns what the code of the largest number of a group means.
func (s Scheme) largest(k kind) float64 {
	switch {
	case s.Kind == Symmetric:
		return float64(int(1)<<(s.Bits-1) - 1)
	case k.float8 != dtypes.Invalid:
		_, most := dtypes.Limits(k.float8)
		return dtypes.Convert(most, dtypes.Float64).(float64)
	case k.codes == codes.E2M1:
		return 6
	}
	return 1
}

// codes returns the codes of numbers that have been divided by their scale, uint8, for kinds without biases.
func (s Scheme) codes(k kind, v *graph.Node) *graph.Node {
	most := s.largest(k)
	switch {
	case s.Kind == Symmetric:
		whole := graph.ConvertDType(graph.ClipScalar(graph.Round(v), -most, most), dtypes.Int8)
		return graph.Bitcast(whole, dtypes.Uint8)
	case k.float8 != dtypes.Invalid:
		return graph.Bitcast(graph.ConvertDType(graph.ClipScalar(v, -most, most), k.float8), dtypes.Uint8)
	case k.codes == codes.E2M1:
		place := graph.SearchSorted(graph.ConstAsDType(v.Graph(), v.DType(), float4Ends(v.DType())), graph.Abs(v), true)
		negative := graph.LessThan(v, graph.ScalarZero(v.Graph(), v.DType()))
		code := graph.ConvertDType(place, dtypes.Uint8)
		return graph.Where(negative, graph.AddScalar(code, 8), code)
	}
	values, _ := k.codes.Values(s.Bits)
	between := make([]float64, len(values)-1)
	for i := range between {
		between[i] = (values[i] + values[i+1]) / 2
	}
	place := graph.SearchSorted(graph.ConstAsDType(v.Graph(), v.DType(), between), v, false)
	return graph.ConvertDType(place, dtypes.Uint8)
}

// float4Ends returns where the numbers begin that are rounded to a float4 of 1 and more: half-way to the one below, but a number that is
// itself half-way is rounded to the even one.
func float4Ends(d dtypes.DType) []float64 {
	values, _ := codes.E2M1.Values(4)
	ends := make([]float64, 7)
	for i := range ends {
		ends[i] = (values[i] + values[i+1]) / 2
		switch {
		case i%2 == 1:
		case d == dtypes.Float64:
			ends[i] = math.Nextafter(ends[i], 8)
		default:
			ends[i] = float64(math.Nextafter32(float32(ends[i]), 8))
		}
	}
	return ends
}

// grouped returns x, [..., N], as [..., N/Group, Group].
func (s Scheme) grouped(x *graph.Node) *graph.Node {
	if s.Group == WholeTensor {
		return x
	}
	dims := slices.Clone(x.Shape().Dimensions)
	dims[len(dims)-1] /= s.Group
	return graph.Reshape(x, append(dims, s.Group)...)
}

// over reduces what grouped returned to one number a group, with axes of size 1.
func (s Scheme) over(x *graph.Node, reduce func(*graph.Node, ...int) *graph.Node) *graph.Node {
	if s.Group != WholeTensor {
		return graph.ReduceAndKeep(x, reduce, -1)
	}
	axes := make([]int, x.Rank())
	for i := range axes {
		axes[i] = i
	}
	return graph.ReduceAndKeep(x, reduce, axes...)
}

// Dequantize returns the numbers that q holds, in the dtype of its scales:
//
//	x = scale · value(code) + bias
//
// They are computed in float32, or float64 if that is their dtype, and rounded once. Gradients flow to scales and biases.
func Dequantize(q Quantized) *graph.Node {
	_, s := q.check("quant.Dequantize")
	return q.numbers(s.DType)
}

// numbers returns the numbers in a dtype.
func (q Quantized) numbers(d dtypes.DType) *graph.Node {
	s, shape := q.check("quant.Dequantize")
	k := kinds[s.Kind]
	in := wide(shape.DType)
	v, codes := (*graph.Node)(nil), axes.Unnamed(q.Codes)
	switch {
	case k.float8 != dtypes.Invalid:
		v = graph.ConvertDType(graph.Bitcast(codes, k.float8), in)
	case s.Bits == 8:
		v = graph.ConvertDType(Unpack(codes, s.Bits, s.Kind == Symmetric), in)
	default:
		v = looked(codes, s.Bits, in, k.valuesOf(s.Bits))
	}
	v = s.grouped(v)
	perGroup := func(x *graph.Node) *graph.Node {
		x = k.scalesOf(axes.Unnamed(x), in)
		if s.Group != WholeTensor {
			x = graph.ExpandAxes(x, -1)
		}
		return x
	}
	v = graph.Mul(v, perGroup(q.Scales))
	if k.biased {
		v = graph.Add(v, perGroup(q.Biases))
	}
	return graph.ConvertDType(graph.Reshape(v, shape.Dimensions...), d)
}

// valuesOf returns the numbers of codes of so many bits, which package ir knows where they fill a byte.
func (k kind) valuesOf(bits int) []float64 {
	values, err := k.codes.Values(bits)
	if err != nil { // 3, 5 and 6 bits, which are unsigned
		for code := range 1 << bits {
			values = append(values, float64(code))
		}
	}
	return values
}

// FakeQuantize returns what [Dequantize] makes of what [Quantize] makes of x, with a gradient as if it were x: the straight-through
// estimator, by which a network is trained that will be quantised.
//
//	y = Dequantize(Quantize(x)),  dx = dy
//
// Groups reach as far as their numbers do, so that no number of x is out of range.
//
// Source: Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons", 2013, arXiv:1308.3432.
func FakeQuantize(x *graph.Node, scheme Scheme) *graph.Node {
	if x == nil {
		graph.Errorf("quant.FakeQuantize: an operand is nil")
	}
	return graph.WithCustomGradient([]*graph.Node{x}, func(in []*graph.Node) []*graph.Node {
		y := Dequantize(Quantize(in[0], scheme))
		return []*graph.Node{graph.ReshapeWithShape(y, in[0].Shape())} // names of axes, too
	}, func(_, _, d []*graph.Node) []*graph.Node { return d })[0]
}
