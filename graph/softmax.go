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

// Softmax returns the exponentials of the logits as shares of their sum over the given axes, the last one if none
// are given:
//
//	y = exp(x) / Σ exp(x)
//
// without overflow. The result has the shape and dtype of logits, a float with at least one axis. A row of -∞ only,
// or one that contains +∞ or NaN, gives NaN.
func Softmax(logits *Node, axes ...int) *Node {
	return Apply(softmax, lastAxis("Softmax", logits, axes), logits)
}

// LogSoftmax returns the logarithm of [Softmax] over the given axes, the last one if none are given:
//
//	y = x - log Σ exp(x)
//
// It is accurate where the softmax would be 0.
func LogSoftmax(logits *Node, axes ...int) *Node {
	return Apply(logSoftmax, lastAxis("LogSoftmax", logits, axes), logits)
}

// MaskedSoftmax returns the [Softmax] of those logits for which mask holds, over the given axes, the last one if none
// are given; the others get 0 and no gradient, whatever they hold. Where nothing holds along the axes, or
// only for -∞, all are 0. mask holds bools and is broadcast to logits by NumPy's rule; a nil mask holds everywhere.
func MaskedSoftmax(logits, mask *Node, axes ...int) *Node {
	if mask == nil {
		return Softmax(logits, axes...)
	}
	return Apply(maskedSoftmax, lastAxis("MaskedSoftmax", logits, axes), logits, mask)
}

// MaskedLogSoftmax returns the logarithm of [MaskedSoftmax] over the given axes, the last one if none are given. Where
// mask does not hold it is -∞, and no gradient flows; choose other values with [Where] before you add them up.
func MaskedLogSoftmax(logits, mask *Node, axes ...int) *Node {
	if mask == nil {
		return LogSoftmax(logits, axes...)
	}
	return Apply(maskedLogSoftmax, lastAxis("MaskedLogSoftmax", logits, axes), logits, mask)
}

var softmax, logSoftmax, maskedSoftmax, maskedLogSoftmax *ir.Op

func lastAxis(op string, x *Node, axes []int) ir.ReduceAttrs {
	if len(axes) == 0 {
		axes = []int{-1}
	}
	if x.Rank() == 0 {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("a scalar has no axis to go over"))
	}
	return ir.ReduceAttrs{Axes: adjust(op, x, axes)}
}

// softmaxRule takes logits and perhaps a mask.
func softmaxRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	if _, err := reduceRule(attrs, in); err != nil {
		return shapes.Shape{}, err
	}
	if len(in) == 2 {
		return in[0], maskError(in[0], in[1])
	}
	return in[0], nil
}

// maskError says why mask cannot be one for x, if it cannot.
func maskError(x, mask shapes.Shape) error {
	if mask.DType != dtypes.Bool {
		return fmt.Errorf("the mask must hold bools, not %s", mask.DType)
	}
	if err := mask.BroadcastableTo(x.Dimensions...); err != nil {
		return fmt.Errorf("the mask does not fit: %w (a mask over leading axes needs trailing axes of size 1, see ExpandAxes)", err)
	}
	return nil
}

// softmaxRef is the meaning of the family: f maps the logits that count, along the axes, to their results; rest is
// what the others get.
func softmaxRef(f func(x []float64) []float64, rest float64) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		x, v := load[float64](in[0]), make([]float64, in[0].Size())
		holds := func(int) bool { return true }
		if len(in) == 2 { // with a mask, -∞ is as good as masked
			mask, at := tensors.Flat[bool](in[1]), broadcastIndex(in[0].Shape(), in[1].Shape())
			holds = func(i int) bool { return mask[at(i)] && !math.IsInf(x[i], -1) }
		}
		for _, lane := range lanes(in[0].Shape(), attrs.(ir.ReduceAttrs).Axes) {
			var where []int
			for _, i := range lane {
				if v[i] = rest; holds(i) {
					where = append(where, i)
				}
			}
			for k, y := range f(convert(where, func(i int) float64 { return x[i] })) {
				v[where[k]] = y
			}
		}
		store(out[0], v)
	}
}

func logSoftmaxOf(x []float64) []float64 {
	at := largestOf(x)
	if at < 0 || x[at]-x[at] != 0 {
		return convert(x, func(float64) float64 { return nan })
	}
	s := math.Log1p(sumOf(othersOf(x, at)))
	return convert(x, func(v float64) float64 { return sumOf([]float64{v, -x[at], -s}) })
}

func softmaxOf(x []float64) []float64 {
	at := largestOf(x)
	if at < 0 || x[at]-x[at] != 0 {
		return convert(x, func(float64) float64 { return nan })
	}
	s := 1 + sumOf(othersOf(x, at))
	return convert(x, func(v float64) float64 { return expDifference(v, x[at]) / s })
}

// batchMasked is the batch rule of an op of x and a mask that is broadcast to it.
func batchMasked(op **ir.Op) func(attrs any, in []*Node, batched []bool) []*Node {
	return func(attrs any, in []*Node, batched []bool) []*Node {
		x, mask := in[0], in[1]
		if !batched[0] {
			x = BroadcastPrefix(x, mask.Dim(0))
		}
		if batched[1] {
			mask = alignedTo(mask, x.Rank()-1)
		}
		moved, _ := behindBatch(*op, attrs, x.Shape())
		return []*Node{Apply(*op, moved, x, mask)}
	}
}

// shifted returns x minus its maximum over axes, so that its exponentials do not overflow. Only what mask, if it is not
// nil, lets through counts; the rest is -∞.
func shifted(x, mask *Node, axes []int) *Node {
	if mask == nil {
		return Sub(x, StopGradient(reduceKeep(reduceMax, x, axes)))
	}
	x = Where(mask, x, Infinity(x.graph, x.DType(), -1))
	return Sub(x, notInfinite(StopGradient(reduceKeep(reduceMax, x, axes))))
}

// counts returns where mask lets x through: -∞ is as good as masked.
func counts(x, mask *Node) *Node {
	low := Infinity(x.graph, x.DType(), -1)
	return NotEqual(Where(mask, x, low), low)
}

func init() {
	one := func(x *Node) *Node { return ScalarOne(x.graph, x.DType()) }
	last := ir.ReduceAttrs{Axes: []int{1}}
	samples := []ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 5)}, Attrs: last},
		{Name: "one axis", In: []ir.Input{ir.Ramp(4)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
		{Name: "middle", In: []ir.Input{ir.Ramp(2, 3, 2)}, Attrs: last},
		{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3, 2)}, Attrs: ir.ReduceAttrs{Axes: []int{0, 2}}},
		{Name: "large", In: []ir.Input{ir.Array([]int{2, 3}, 1000, 1001, 999, -1000, -1001, -999)}, Attrs: last},
		{Name: "one element", In: []ir.Input{ir.Ramp(3, 1)}, Attrs: last},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: last},
	}
	special := func(want ...float64) ir.Sample {
		return ir.Sample{Name: "NaN and infinities", Pole: true, In: []ir.Input{ir.Array([]int{4, 2}, -inf, 3, nan, 1, inf, 2, -inf, -inf)}, Attrs: last, Want: want}
	}
	mask := ir.Array([]int{3, 4}, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1).As(dtypes.Bool)
	masked := []ir.Sample{
		{In: []ir.Input{ir.Ramp(3, 4), mask}, Attrs: last},
		{Name: "one mask for all", In: []ir.Input{ir.Ramp(2, 4), ir.Values(1, 1, 0, 1).As(dtypes.Bool)}, Attrs: last},
		{Name: "first axis", In: []ir.Input{ir.Ramp(3, 4), mask}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
		{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3, 4), mask}, Attrs: ir.ReduceAttrs{Axes: []int{1, 2}}},
		{Name: "a row without any", In: []ir.Input{ir.Ramp(2, 2), ir.Array([]int{2, 1}, 0, 1).As(dtypes.Bool)}, Attrs: last},
		{Name: "NaN stays where it counts", Pole: true, In: []ir.Input{ir.Array([]int{2, 3}, nan, 2, 1, 1, -inf, inf), ir.Array([]int{2, 3}, 1, 0, 1, 0, 1, 1).As(dtypes.Bool)}, Attrs: last},
		{Name: "what is masked has no effect", Pole: true, In: []ir.Input{ir.Values(nan, 3, inf, 3), ir.Values(0, 1, 0, 1).As(dtypes.Bool)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
	}
	const why = library + ", sums in another order"
	// dx = y·(dy - Σ y·dy), also where a mask makes y 0.
	vjp := func(y, dy *Node) []*Node {
		if len(y.Inputs()) == 2 { // what is masked has no effect, whatever was made of its 0
			dy = Where(y.Input(1), dy, ScalarZero(dy.graph, dy.DType()))
		}
		w, dw := wide(y), wide(dy)
		ydy := Mul(w, dw)
		dx := Sub(ydy, Mul(w, reduceKeep(reduceSum, ydy, y.Attrs().(ir.ReduceAttrs).Axes)))
		return []*Node{ConvertDType(dx, y.DType()), nil}[:len(y.Inputs())]
	}
	// dx = dy - softmax(x)·Σ dy; the exponential of a rounded logarithm is no softmax of a narrow dtype.
	logVJP := func(y, dy, probabilities *Node) *Node {
		dw := wide(dy)
		dx := Sub(dw, Mul(wide(probabilities), reduceKeep(reduceSum, dw, y.Attrs().(ir.ReduceAttrs).Axes)))
		return ConvertDType(dx, y.DType())
	}
	softmax = Define(ir.Op{
		Name: "Softmax", Family: "softmax", Cost: perOperandElement(5), Doc: "exp(x) / Σ exp(x) over the axes", DTypes: dtypes.Floats, Attrs: ir.ReduceAttrs{},
		Infer:   softmaxRule,
		Ref:     softmaxRef(softmaxOf, 0),
		Samples: append(samples, special(0, 1, nan, nan, nan, nan, nan, nan)),
		Tol:     ir.ULP(16, why),
	}, Rule{
		Expand: inWide(func(attrs any, in []*Node) *Node {
			axes := attrs.(ir.ReduceAttrs).Axes
			e := Exp(shifted(in[0], nil, axes))
			return Div(e, reduceKeep(reduceSum, e, axes))
		}),
		VJP: vjp,
	})
	logSoftmax = Define(ir.Op{
		Name: "LogSoftmax", Family: "softmax", Cost: perOperandElement(5), Doc: "x - log Σ exp(x) over the axes", DTypes: dtypes.Floats, Attrs: ir.ReduceAttrs{},
		Infer:   softmaxRule,
		Ref:     softmaxRef(logSoftmaxOf, -inf),
		Samples: append(samples, special(-inf, 0, nan, nan, nan, nan, nan, nan)),
		Tol:     ir.Tolerance{ULP: 16, Abs: 16, Why: why},
	}, Rule{
		Expand: inWide(func(attrs any, in []*Node) *Node {
			axes := attrs.(ir.ReduceAttrs).Axes
			d := shifted(in[0], nil, axes)
			return Sub(d, Log(reduceKeep(reduceSum, Exp(d), axes)))
		}),
		VJP: func(y, dy *Node) []*Node {
			p := Exp(y)
			if y.DType().IsHalf() {
				p = Apply(softmax, y.Attrs(), y.Input(0))
			}
			return []*Node{logVJP(y, dy, p)}
		},
	})
	maskedSoftmax = Define(ir.Op{
		Name: "MaskedSoftmax", Family: "softmax", Cost: perOperandElement(5), Doc: "exp(x) / Σ exp(x) over the axes, of those x for which y holds; 0 for others", DTypes: dtypes.Floats, Attrs: ir.ReduceAttrs{},
		Infer:   softmaxRule,
		Ref:     softmaxRef(softmaxOf, 0),
		Samples: masked,
		Tol:     ir.ULP(16, why),
	}, Rule{
		Batch: batchMasked(&maskedSoftmax),
		Expand: inWide(func(attrs any, in []*Node) *Node {
			axes := attrs.(ir.ReduceAttrs).Axes
			d := shifted(in[0], in[1], axes)
			e := Exp(d)
			sum := reduceKeep(reduceSum, e, axes)
			return Where(counts(in[0], in[1]), Div(e, Where(IsZero(sum), one(sum), sum)), ScalarZero(d.graph, d.DType()))
		}),
		VJP: vjp,
	})
	masked = slices.Clone(masked)
	for i := range masked {
		masked[i].Pole = true // -∞ has no differences; TestMaskedLogSoftmax checks the gradient
	}
	masked = append(masked, ir.Sample{Name: "nothing masked", In: []ir.Input{ir.Ramp(3, 4), ir.ScalarValue(1).As(dtypes.Bool)}, Attrs: last})
	maskedLogSoftmax = Define(ir.Op{
		Name: "MaskedLogSoftmax", Family: "softmax", Cost: perOperandElement(5), Doc: "x - log Σ exp(x) over the axes, of those x for which y holds; -∞ for others", DTypes: dtypes.Floats, Attrs: ir.ReduceAttrs{},
		Infer:   softmaxRule,
		Ref:     softmaxRef(logSoftmaxOf, -inf),
		Samples: masked,
		Tol:     ir.Tolerance{ULP: 16, Abs: 16, Why: why},
	}, Rule{
		Batch: batchMasked(&maskedLogSoftmax),
		Expand: inWide(func(attrs any, in []*Node) *Node {
			axes := attrs.(ir.ReduceAttrs).Axes
			d := shifted(in[0], in[1], axes)
			sum := reduceKeep(reduceSum, Exp(d), axes)
			return Where(counts(in[0], in[1]), Sub(d, Log(Where(IsZero(sum), one(sum), sum))), Infinity(d.graph, d.DType(), -1))
		}),
		VJP: func(y, dy *Node) []*Node {
			mask := y.Input(1)
			dy = Where(mask, dy, ScalarZero(dy.graph, dy.DType()))
			p := Exp(y)
			if y.DType().IsHalf() {
				p = Apply(maskedSoftmax, y.Attrs(), y.Inputs()...)
			}
			return []*Node{logVJP(y, dy, p), nil}
		},
	})
}
