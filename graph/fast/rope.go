package fast

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// RoPEBuilder turns pairs of channels by their position, see [RoPE].
type RoPEBuilder struct {
	x                    *graph.Node
	dims                 int
	base, scale          float64
	traditional          bool
	frequencies, offset  *graph.Node
	at                   *graph.Node // positions
	hasBase, hasOffsetBy bool
	offsetBy             int
	axis                 int // of times
	magnitude            float64
}

// RoPE starts a rotary position embedding, which turns pairs of channels (a, b) of each position by an angle that grows with it; Done makes it:
//
//	θ_{t,i} = scale · (offset + t) · base^(-2i/dims)         i = 0 … dims/2-1
//	a' = a·cos θ - b·sin θ,  b' = a·sin θ + b·cos θ
//
// x is [..., T, D], a float, its time before its channels, as [..., heads, time, channels] of attention, or of another TimeAxis; the result has its shape and
// dtype. The pair i are the channels i and i + dims/2, or with Traditional 2i and 2i+1; channels from dims on stay as they are. Without
// settings dims is D, base 10,000, scale 1 and offset 0. Angles, and products of narrower dtypes, are computed in float32.
//
// Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021, arXiv:2104.09864, section 3.2.2; in halves as
// the checkpoints of Llama have it, whose rows of the projections of queries and keys are in another order.
func RoPE(x *graph.Node) *RoPEBuilder {
	const op = "fast.RoPE"
	needFloats(op, x)
	if x.Rank() < 2 {
		graph.Errorf("%s %s: want [..., time, channels] (see ExpandAxes)", op, x.Shape())
	}
	return &RoPEBuilder{x: x, dims: x.Dim(-1), base: 10_000, scale: 1, axis: -2, magnitude: 1}
}

// Dims sets how many channels, the first ones, are turned: an even number, D at most.
func (b *RoPEBuilder) Dims(dims int) *RoPEBuilder {
	b.dims = dims
	return b
}

// Base sets what angles of one position fall to, by powers from 1 on: a positive number.
func (b *RoPEBuilder) Base(base float64) *RoPEBuilder {
	b.base, b.hasBase = base, true
	return b
}

// Scale sets what positions are multiplied by: 1/8 lets a model see eight times as many.
func (b *RoPEBuilder) Scale(scale float64) *RoPEBuilder {
	b.scale = scale
	return b
}

// Traditional says whether neighbours are pairs, as in the paper, where the first and the second half are otherwise.
func (b *RoPEBuilder) Traditional(value bool) *RoPEBuilder {
	b.traditional = value
	return b
}

// Frequencies gives what positions are divided by in the place of powers of a base, as MLX has them, so that scaled variants of all kinds
// can be given: floats of [dims/2].
//
//	θ_{t,i} = scale · (offset + t) / frequencies_i
func (b *RoPEBuilder) Frequencies(frequencies *graph.Node) *RoPEBuilder {
	b.frequencies = frequencies
	return b
}

// Offset gives the position of the first time: an integer, a scalar for all of x, or one for each of the B rows of x that is [B, ..., T, D].
func (b *RoPEBuilder) Offset(offset *graph.Node) *RoPEBuilder {
	b.offset = offset
	return b
}

// OffsetBy is Offset with a number that is known while the graph is built.
func (b *RoPEBuilder) OffsetBy(offset int) *RoPEBuilder {
	b.offsetBy, b.hasOffsetBy = offset, true
	return b
}

// Positions gives the position of each time, integers of [T], or [B, T] for x whose first axis is B, in the place of offset + t.
func (b *RoPEBuilder) Positions(positions *graph.Node) *RoPEBuilder {
	b.at = positions
	return b
}

// TimeAxis sets the axis of times, for x that is not [..., T, D]: 1 for [B, T, heads, D]. -2 unless set.
func (b *RoPEBuilder) TimeAxis(axis int) *RoPEBuilder {
	b.axis = axis
	return b
}

// Magnitude sets what channels that are turned are multiplied by, as YaRN has it (Peng et al., 2023, arXiv:2309.00071, section 3.4); 1 unless set.
func (b *RoPEBuilder) Magnitude(magnitude float64) *RoPEBuilder {
	b.magnitude = magnitude
	return b
}

// Done adds the embedding to the graph and returns its result. It panics with [graph.Error] if settings do not fit.
func (b *RoPEBuilder) Done() *graph.Node {
	b.check()
	if b.dims == 0 || b.x.Shape().Size() == 0 {
		return b.x
	}
	x := axes.Unnamed(b.x)
	d, half := x.DType(), b.dims/2
	in := wide(d)
	angles := b.angles(in) // [T, 1…, dims/2] or [B, 1…, T, 1…, dims/2]
	cos, sin := graph.Cos(angles), graph.Sin(angles)
	if b.magnitude != 1 {
		cos, sin = graph.MulScalar(cos, b.magnitude), graph.MulScalar(sin, b.magnitude)
	}

	turned := graph.ConvertDType(x, in)
	var rest *graph.Node
	if b.dims < x.Dim(-1) {
		turned = channels(turned, 0, b.dims)
		rest = channels(x, b.dims, x.Dim(-1))
	}
	var y *graph.Node
	if b.traditional {
		dims := append(x.Shape().Clone().Dimensions[:x.Rank()-1], half, 2)
		pairs := graph.Reshape(turned, dims...) // [..., T, dims/2, 2]
		p, q := graph.Squeeze(channels(pairs, 0, 1), -1), graph.Squeeze(channels(pairs, 1, 2), -1)
		y = graph.Stack([]*graph.Node{graph.Sub(graph.Mul(p, cos), graph.Mul(q, sin)), graph.Add(graph.Mul(p, sin), graph.Mul(q, cos))}, -1)
		y = graph.Reshape(y, append(dims[:len(dims)-2], b.dims)...)
	} else {
		p, q := channels(turned, 0, half), channels(turned, half, b.dims)
		y = graph.Concatenate([]*graph.Node{graph.Sub(graph.Mul(p, cos), graph.Mul(q, sin)), graph.Add(graph.Mul(p, sin), graph.Mul(q, cos))}, -1)
	}
	y = graph.ConvertDType(y, d)
	if rest != nil {
		y = graph.Concatenate([]*graph.Node{y, rest}, -1)
	}
	return graph.ReshapeWithShape(y, b.x.Shape()) // names of axes, too
}

func (b *RoPEBuilder) check() {
	const op = "fast.RoPE"
	s := b.x.Shape()
	switch {
	case b.dims < 0 || b.dims%2 != 0 || b.dims > b.x.Dim(-1):
		graph.Errorf("%s %s: %d channels cannot be turned in pairs: want an even number, %d at most (see Dims)", op, s, b.dims, b.x.Dim(-1))
	case math.IsNaN(b.scale) || math.IsInf(b.scale, 0):
		graph.Errorf("%s %s: the scale is %v: give a finite number", op, s, b.scale)
	case math.IsNaN(b.base) || math.IsInf(b.base, 0) || b.base <= 0:
		graph.Errorf("%s %s: the base is %v: give a positive number", op, s, b.base)
	case b.frequencies != nil && b.hasBase:
		graph.Errorf("%s %s: frequencies and a base exclude each other", op, s)
	case b.offset != nil && b.hasOffsetBy:
		graph.Errorf("%s %s: Offset and OffsetBy exclude each other", op, s)
	case b.frequencies != nil && (!b.frequencies.DType().IsFloat() || b.frequencies.Rank() != 1 || b.frequencies.Dim(0) != b.dims/2):
		graph.Errorf("%s %s: frequencies are %s, want floats of [%d], one for a pair of channels", op, s, b.frequencies.Shape(), b.dims/2)
	}
	axis := b.axis
	if axis < 0 {
		axis += s.Rank()
	}
	switch {
	case math.IsNaN(b.magnitude) || math.IsInf(b.magnitude, 0):
		graph.Errorf("%s %s: the magnitude is %v: give a finite number", op, s, b.magnitude)
	case axis < 0 || axis >= s.Rank()-1:
		graph.Errorf("%s %s: axis %d cannot be that of times: want one before the channels", op, s, b.axis)
	case b.at != nil && (b.offset != nil || b.hasOffsetBy):
		graph.Errorf("%s %s: Positions and an offset exclude each other", op, s)
	}
	b.axis = axis
	if b.at != nil {
		checkPositions(op, "positions", b.x, b.at, axis)
	}
	if b.offset != nil {
		checkOffset(op, b.x, b.offset)
	}
}

// checkPositions panics unless positions are those of an axis of x: integers of its times, or of these for each element of the first axis.
func checkPositions(op, what string, x, positions *graph.Node, axis int) {
	s := positions.Shape()
	if n := x.Dim(axis); !s.DType.IsInt() || s.Rank() < 1 || s.Rank() > 2 || s.Dim(-1) != n || s.Rank() == 2 && (axis == 0 || s.Dim(0) != x.Dim(0)) {
		graph.Errorf("%s %s: %s are %s, want integers of [%d], or of [%d %d] for each element of the first axis", op, x.Shape(), what, s, n, x.Dim(0), n)
	}
}

// checkOffset panics unless offset is that of x: one integer, or one for each element of the first axis.
func checkOffset(op string, x, offset *graph.Node) {
	switch {
	case !offset.DType().IsInt():
		graph.Errorf("%s %s: the offset is an integer, not %s (convert it with ConvertDType)", op, x.Shape(), offset.Shape())
	case offset.Rank() > 1 || offset.Rank() == 1 && (x.Rank() < 3 || offset.Dim(0) != x.Dim(0)):
		graph.Errorf("%s %s: the offset is %s, want a scalar, or one for each element of the first axis of [batch, ..., time, channels]", op, x.Shape(), offset.Shape())
	}
}

// angles returns θ, [T, 1…, dims/2], or for positions of each row [B, 1…, T, 1…, dims/2].
func (b *RoPEBuilder) angles(d dtypes.DType) *graph.Node {
	g, half := b.x.Graph(), b.dims/2
	at := b.at
	if at == nil {
		at = positions(b.x, b.axis, b.offset, b.offsetBy)
	} else if at = axes.Unnamed(at); at.Rank() == 2 {
		at = perRow(at, b.axis)
	}
	for range b.x.Rank() - b.axis - 1 {
		at = graph.ExpandAxes(at, -1)
	}
	at = graph.ConvertDType(at, d)
	if b.scale != 1 {
		at = graph.MulScalar(at, b.scale)
	}
	if b.frequencies != nil {
		return graph.Div(at, graph.ConvertDType(axes.Unnamed(b.frequencies), d))
	}
	powers := make([]float64, half)
	for i := range powers {
		powers[i] = math.Pow(b.base, -2*float64(i)/float64(b.dims))
	}
	return graph.Mul(at, graph.ConstAsDType(g, d, powers))
}

// positions returns those of the times of x along an axis: int32 of [T], or for an offset of each row [B, 1…, T].
func positions(x *graph.Node, axis int, offset *graph.Node, by int) *graph.Node {
	at := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Dim(axis)), 0)
	if offset == nil {
		if by == 0 {
			return at
		}
		return graph.AddScalar(at, by)
	}
	from := graph.ConvertDType(axes.Unnamed(offset), dtypes.Int32)
	if from.Rank() == 1 {
		if axis < 0 {
			axis += x.Rank()
		}
		from = perRow(graph.ExpandAxes(from, -1), axis)
	}
	return graph.Add(from, at)
}

// perRow returns [B, T] as [B, 1…, T], whose last axis is the given one of what it is for.
func perRow(at *graph.Node, axis int) *graph.Node {
	for range axis - 1 {
		at = graph.ExpandAxes(at, 1)
	}
	return at
}

// channels returns those from lo to hi-1 of the last axis.
func channels(x *graph.Node, lo, hi int) *graph.Node {
	return graph.SliceAxis(x, -1, graph.AxisRange(lo, hi))
}

// wide returns in which dtype numbers of d are computed.
func wide(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float64 {
		return d
	}
	return dtypes.Float32
}
