package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// LayerNorm normalises x over the given axes, the last one if none are given, and rescales it:
//
//	y = gain · (x - mean(x)) / √(variance(x) + epsilon) + offset
//
// gain and offset have the sizes of the axes, in their order, and x's dtype, a float; so has the result, and the shape of x.
// Narrow floats are computed in float32 and rounded once. Negative axes count from the end. epsilon is at least 0; 1e-5 is
// usual.
//
// Source: Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eq. 4, with epsilon.
func LayerNorm(x, gain, offset *Node, epsilon float64, axes ...int) *Node {
	need("LayerNorm", x, gain, offset)
	return Apply(layerNorm, normAttrs("LayerNorm", x, epsilon, axes), x, gain, offset)
}

// RMSNorm divides x by its root mean square over the given axes, the last one if none are given, and rescales it:
//
//	y = gain · x / √(mean(x²) + epsilon)
//
// gain has the sizes of the axes, in their order, and x's dtype, a float; so has the result, and the shape of x. Narrow floats
// are computed in float32 and rounded once. Negative axes count from the end. epsilon is at least 0; 1e-6 is usual.
//
// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467, eq. 4, with epsilon.
func RMSNorm(x, gain *Node, epsilon float64, axes ...int) *Node {
	need("RMSNorm", x, gain)
	return Apply(rmsNorm, normAttrs("RMSNorm", x, epsilon, axes), x, gain)
}

func normAttrs(op string, x *Node, epsilon float64, axes []int) ir.NormalizeAttrs {
	return ir.NormalizeAttrs{Axes: lastAxis(op, x, axes).Axes, Epsilon: epsilon}
}

var layerNorm, layerNormGradient, rmsNorm, rmsNormGradient *ir.Op

// normRule is the shape rule of norms of x, with operands of the axes' sizes, and with like after them operands of x's shape.
func normRule(attrs any, in []shapes.Shape, scales, like int) (shapes.Shape, error) {
	a, x := attrs.(ir.NormalizeAttrs), in[0]
	if !(a.Epsilon >= 0) || math.IsInf(a.Epsilon, 0) {
		return shapes.Shape{}, fmt.Errorf("epsilon is %v: give a number that is at least 0", a.Epsilon)
	}
	if _, err := shapes.AdjustAxes(a.Axes, x.Rank()); err != nil {
		return shapes.Shape{}, err
	}
	sizes := shapes.Shape{DType: x.DType}
	for _, axis := range a.Axes {
		sizes.Dimensions = append(sizes.Dimensions, x.Dimensions[axis])
	}
	for i, s := range in[1:] {
		want := sizes
		if i >= scales {
			want = x
		}
		if s.DType != want.DType || !slices.Equal(s.Dimensions, want.Dimensions) {
			return shapes.Shape{}, fmt.Errorf("operand %d is %s, want %s, for axes %v of %s", i+1, s, want, a.Axes, x)
		}
	}
	if len(in) != 1+scales+like {
		return shapes.Shape{}, fmt.Errorf("there are %d operands, want %d", len(in), 1+scales+like)
	}
	return x, nil
}

// alongAxes gives v, of the axes' sizes, the rank of x.
func alongAxes(v, x *Node, axes []int) *Node {
	dims := make([]int, x.Rank())
	for i := range dims {
		dims[i] = 1
	}
	for _, axis := range axes {
		dims[axis] = x.Shape().Dimensions[axis]
	}
	return Reshape(v, dims...)
}

// normalised returns x with mean 0, if it is centred, and a mean square of 1 over the axes, and what it was multiplied by for
// that; in float32 for a narrower x. Float32 has no more range than bfloat16, and cannot square its large numbers: these are
// made smaller by a power of two, which the result does not show, and epsilon, nothing beside them, only keeps 0/0 away.
func normalised(x *Node, a ir.NormalizeAttrs, centred bool) (y, by *Node) {
	w := wide(x)
	number := func(v float64) *Node { return Scalar(w.graph, w.DType(), v) }
	epsilon, scale := number(a.Epsilon), number(1)
	if x.DType() == dtypes.BFloat16 {
		large := GreaterThan(StopGradient(reduceKeep(reduceMax, Abs(w), a.Axes)), number(0x1p44))
		scale = Where(large, number(0x1p-70), scale)
		epsilon = Where(large, number(0x1p-120), epsilon)
		w = Mul(w, scale)
	}
	if centred {
		w = Sub(w, reduceKeep(reduceMean, w, a.Axes))
	}
	root := Rsqrt(Add(reduceKeep(reduceMean, Square(w), a.Axes), epsilon))
	return Mul(w, root), Mul(root, scale)
}

// expandNorm builds a norm of x from other ops, with gain and perhaps offset.
func expandNorm(centred bool) func(attrs any, in []*Node) []*Node {
	return func(attrs any, in []*Node) []*Node {
		a, x := attrs.(ir.NormalizeAttrs), in[0]
		y, _ := normalised(x, a, centred)
		y = Mul(y, wide(alongAxes(in[1], x, a.Axes)))
		if len(in) > 2 {
			y = Add(y, wide(alongAxes(in[2], x, a.Axes)))
		}
		return []*Node{ConvertDType(y, x.DType())}
	}
}

// expandNormGradient builds the gradient of a norm with respect to x, given gain and dy: with h what [normalised] returns and
// g = gain · dy,
//
//	dx = by · (g - mean(g) - h · mean(g · h))
//
// and without the first mean where x is not centred.
func expandNormGradient(centred bool) func(attrs any, in []*Node) []*Node {
	return func(attrs any, in []*Node) []*Node {
		a, x := attrs.(ir.NormalizeAttrs), in[0]
		h, by := normalised(x, a, centred)
		g := Mul(wide(in[2]), wide(alongAxes(in[1], x, a.Axes)))
		dx := Sub(g, Mul(h, reduceKeep(reduceMean, Mul(g, h), a.Axes)))
		if centred {
			dx = Sub(dx, reduceKeep(reduceMean, g, a.Axes))
		}
		return []*Node{ConvertDType(Mul(by, dx), x.DType())}
	}
}

// normVJP returns the gradients of a norm with respect to x, gain and perhaps offset.
func normVJP(gradient **ir.Op, centred bool) func(y, dy *Node) []*Node {
	return func(y, dy *Node) []*Node {
		in, a := y.Inputs(), y.Attrs().(ir.NormalizeAttrs)
		x := in[0]
		var others []int
		for axis := range x.Rank() {
			if !slices.Contains(a.Axes, axis) {
				others = append(others, axis)
			}
		}
		h, _ := normalised(x, a, centred)
		sum := func(v *Node) *Node { return ConvertDType(sumOver(v, others), x.DType()) }
		list := []*Node{Apply(*gradient, a, x, in[1], dy), sum(Mul(wide(dy), h))}
		if len(in) > 2 {
			list = append(list, sum(wide(dy)))
		}
		return list
	}
}

// batchNorm is the batch rule of a norm and of its gradient, as long as all examples have the same gain and offset.
func batchNorm(op **ir.Op, scales int) func(attrs any, in []*Node, batched []bool) []*Node {
	return func(attrs any, in []*Node, batched []bool) []*Node {
		if slices.Contains(batched[1:1+scales], true) {
			return nil
		}
		xs := spreadAll(in, batched)
		copy(xs[1:], in[1:1+scales])
		moved, _ := behindBatch(*op, attrs, xs[0].Shape())
		return []*Node{Apply(*op, moved, xs...)}
	}
}

// normLane is a lane of a norm in float64.
type normLane struct {
	h  []float64 // normalised
	by float64
}

func newNormLane(x []float64, epsilon float64, centred bool) normLane {
	m := 0.0
	if centred {
		m = meanOf(x)
	}
	d := convert(x, func(v float64) float64 { return v - m })
	l := normLane{by: 1 / math.Sqrt(meanOf(convert(d, func(v float64) float64 { return v * v }))+epsilon)}
	l.h = convert(d, func(v float64) float64 { return v * l.by })
	return l
}

// normRef is the meaning of a norm.
func normRef(centred bool) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		a, x, gain := attrs.(ir.NormalizeAttrs), load[float64](in[0]), load[float64](in[1])
		offset := make([]float64, len(gain))
		if len(in) > 2 {
			offset = load[float64](in[2])
		}
		y := make([]float64, len(x))
		for _, lane := range lanes(in[0].Shape(), a.Axes) {
			l := newNormLane(convert(lane, func(i int) float64 { return x[i] }), a.Epsilon, centred)
			for k, i := range lane {
				y[i] = gain[k]*l.h[k] + offset[k]
			}
		}
		store(out[0], y)
	}
}

// normGradientRef is the meaning of its gradient.
func normGradientRef(centred bool) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		a, x, gain, dy := attrs.(ir.NormalizeAttrs), load[float64](in[0]), load[float64](in[1]), load[float64](in[2])
		dx := make([]float64, len(x))
		for _, lane := range lanes(in[0].Shape(), a.Axes) {
			l := newNormLane(convert(lane, func(i int) float64 { return x[i] }), a.Epsilon, centred)
			g, gh := make([]float64, len(lane)), make([]float64, len(lane))
			for k, i := range lane {
				g[k] = gain[k] * dy[i]
				gh[k] = g[k] * l.h[k]
			}
			m, mh := meanOf(g), meanOf(gh)
			if !centred {
				m = 0
			}
			for k, i := range lane {
				dx[i] = l.by * (g[k] - m - l.h[k]*mh)
			}
		}
		store(out[0], dx)
	}
}

func init() {
	type norm struct {
		name, doc string
		centred   bool
		scales    int
		op, grad  **ir.Op
	}
	for _, n := range []norm{
		{"LayerNorm", "y · (x - mean(x)) / √(variance(x) + epsilon) + z", true, 2, &layerNorm, &layerNormGradient},
		{"RMSNorm", "y · x / √(mean(x²) + epsilon)", false, 1, &rmsNorm, &rmsNormGradient},
	} {
		last := ir.NormalizeAttrs{Axes: []int{1}, Epsilon: 1e-5}
		sample := func(name string, a ir.NormalizeAttrs, x ir.Input, sizes ...int) ir.Sample {
			s := ir.Sample{Name: name, Attrs: a, In: []ir.Input{x}}
			for range n.scales {
				s.In = append(s.In, ir.Ramp(sizes...))
			}
			return s
		}
		samples := []ir.Sample{
			sample("last axis", last, ir.Ramp(2, 5), 5),
			sample("a long row", last, ir.Ramp(2, 40), 40),
			sample("first axis", ir.NormalizeAttrs{Axes: []int{0}, Epsilon: 0.5}, ir.Ramp(4, 3), 4),
			sample("outer two", ir.NormalizeAttrs{Axes: []int{0, 2}, Epsilon: 1e-3}, ir.Ramp(2, 3, 4), 2, 4),
			sample("empty", last, ir.Ramp(0, 3), 3),
		}
		*n.op = Define(ir.Op{
			Name: n.name, Family: "norm", Cost: perOperandElement(8), Doc: n.doc, DTypes: dtypes.Floats, Attrs: ir.NormalizeAttrs{},
			Infer:   func(attrs any, in []shapes.Shape) (shapes.Shape, error) { return normRule(attrs, in, n.scales, 0) },
			Ref:     normRef(n.centred),
			Samples: samples,
			Tol:     ir.Tolerance{ULP: 16, Abs: 8, Why: "sums in another order; what is far from 1 cancels"},
		}, Rule{Expand: expandNorm(n.centred), Batch: batchNorm(n.op, n.scales), VJP: normVJP(n.grad, n.centred)})
		var gradients []ir.Sample
		for _, s := range samples {
			s.In = []ir.Input{s.In[0], s.In[1], s.In[0]}
			gradients = append(gradients, s)
		}
		*n.grad = Define(ir.Op{
			Name: n.name + "Gradient", Family: "norm", Cost: perOperandElement(12), Doc: "the gradient of " + n.name + " with respect to x, given y and that of its result, z",
			DTypes: dtypes.Floats, Attrs: ir.NormalizeAttrs{},
			Infer:   func(attrs any, in []shapes.Shape) (shapes.Shape, error) { return normRule(attrs, in, 1, 1) },
			Ref:     normGradientRef(n.centred),
			Samples: gradients,
			Tol:     ir.Tolerance{ULP: 16, Abs: 16, Why: "sums in another order; terms cancel"},
		}, Rule{Expand: expandNormGradient(n.centred), Batch: batchNorm(n.grad, 1)})
	}
}
