package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// SoftmaxCrossEntropy returns the cross-entropy between labels and the [Softmax] of logits over the last axis, that of C classes:
//
//	loss = -Σ_c y_c · log softmax(x)_c        labels are probabilities y [..., C]
//	loss = -log softmax(x)_k                  labels are integers k [...], from 0 to C-1
//
// logits are [..., C], a float with at least one class, and the result is [...], of the same dtype; probabilities are too. They need
// not add up to 1, and a class whose y is 0 has no part in it, whatever its logit. An integer that is no class gives NaN. Narrow
// floats are computed in float32. It is more accurate than the logarithm of a softmax, and holds neither that nor a one-hot vector.
// It panics with [Error] if labels do not fit.
func SoftmaxCrossEntropy(logits, labels *Node) *Node {
	need("SoftmaxCrossEntropy", logits, labels)
	return Apply(softmaxCrossEntropy, nil, logits, labels)
}

var softmaxCrossEntropy, softmaxCrossEntropyGradient *ir.Op

// crossEntropyRule is the shape rule of logits and labels.
func crossEntropyRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	x, labels := in[0], in[1]
	if x.Rank() == 0 || x.Dim(-1) == 0 {
		return shapes.Shape{}, fmt.Errorf("logits are %s: want [..., classes], of at least one", x)
	}
	rows := pick(x, axesFrom(0, x.Rank()-1))
	want := rows
	if !labels.DType.IsInt() {
		want = x
	}
	if !labels.EqualDimensions(want) || !labels.DType.IsInt() && labels.DType != x.DType {
		return shapes.Shape{}, fmt.Errorf("labels are %s: want integers %s, or probabilities %s", labels, rows.Dims(), x)
	}
	return rows, nil
}

// crossEntropyGradientRule is the shape rule of logits, labels and the gradient of the losses.
func crossEntropyGradientRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	rows, err := crossEntropyRule(attrs, in)
	if err == nil && (in[2].DType != rows.DType || !in[2].EqualDimensions(rows)) {
		err = fmt.Errorf("the gradient of the losses is %s, want %s", in[2], rows)
	}
	return in[0], err
}

// classesOf returns where the labels, integers, are classes of x, and where those are, of x's shape.
func classesOf(x, labels *Node) (valid, isLabel *Node) {
	k := withoutNames(labels)
	if k.DType().Bits() < 32 { // which may not count to so many classes
		k = ConvertDType(k, dtypes.Int32)
	}
	classes := Iota(x.graph, shapes.Make(k.DType(), x.Shape().Dimensions...), x.Rank()-1)
	last := Scalar(x.graph, k.DType(), float64(x.Dim(-1)-1))
	return LogicalAnd(IsNonNegative(k), LessOrEqual(k, last)), Equal(ExpandAxes(k, -1), classes)
}

func expandCrossEntropy(_ any, in []*Node) []*Node {
	x := wide(withoutNames(in[0]))
	logs := LogSoftmax(x)
	zero, nan := ScalarZero(x.graph, x.DType()), Scalar(x.graph, x.DType(), nan)
	if in[1].DType().IsInt() {
		valid, isLabel := classesOf(x, in[1])
		loss := Neg(ReduceSum(Where(isLabel, logs, zero), -1))
		return []*Node{ConvertDType(Where(valid, loss, nan), in[0].DType())}
	}
	y := wide(withoutNames(in[1]))
	loss := Neg(ReduceSum(Where(IsZero(y), zero, Mul(y, logs)), -1))
	return []*Node{ConvertDType(loss, in[0].DType())}
}

// expandCrossEntropyGradient builds the gradient with respect to the logits:
//
//	dx = (softmax(x) · Σ_c y_c - y) · dy
//
// in which y of an integer is a one-hot vector.
func expandCrossEntropyGradient(_ any, in []*Node) []*Node {
	x, dy := wide(withoutNames(in[0])), ExpandAxes(wide(withoutNames(in[2])), -1)
	p := Softmax(x)
	if in[1].DType().IsInt() {
		valid, isLabel := classesOf(x, in[1])
		dx := Mul(Sub(p, ConvertDType(isLabel, x.DType())), dy)
		dx = Where(ExpandAxes(valid, -1), dx, Scalar(x.graph, x.DType(), nan))
		return []*Node{ConvertDType(dx, in[0].DType())}
	}
	y := wide(withoutNames(in[1]))
	dx := Mul(Sub(Mul(p, ReduceAndKeep(y, ReduceSum, -1)), y), dy)
	return []*Node{ConvertDType(dx, in[0].DType())}
}

func init() {
	classes := func(k ...float64) ir.Input { return ir.Values(k...).As(dtypes.Int32) }
	shares := ir.Array([]int{2, 3}, 0.2, 0.5, 0.3, 0, 1, 0)
	samples := []ir.Sample{
		{In: []ir.Input{ir.Ramp(3, 4), classes(2, 0, 3)}},
		{Name: "probabilities", In: []ir.Input{ir.Ramp(2, 3), shares}},
		{Name: "one example", In: []ir.Input{ir.Ramp(5), ir.ScalarValue(4).As(dtypes.Int64)}},
		{Name: "two axes", In: []ir.Input{ir.Ramp(2, 2, 3), ir.Array([]int{2, 2}, 0, 1, 2, 1).As(dtypes.Uint8)}},
		{Name: "shares that add up to more", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(3)}},
		{Name: "many classes", In: []ir.Input{ir.Ramp(2, 300), classes(299, 17)}},
		{Name: "many shares", In: []ir.Input{ir.Ramp(2, 70), ir.Ramp(2, 70).Plus(2.5)}},
		{Name: "one class", In: []ir.Input{ir.Ramp(2, 1), classes(0, 0)}},
		{Name: "no example", In: []ir.Input{ir.Ramp(0, 3), ir.Input{Dims: []int{0}}.As(dtypes.Int32)}},
	}
	ends := []ir.Sample{
		{Name: "large", Pole: true, In: []ir.Input{ir.Array([]int{2, 3}, 1000, 1001, 999, -1000, -1001, -999), classes(1, 0)}},
		{Name: "no such class", Pole: true, In: []ir.Input{ir.Ramp(3, 4), classes(-1, 4, 1)}},
		{Name: "NaN and infinities", Pole: true, In: []ir.Input{ir.Array([]int{4, 2}, -inf, 3, nan, 1, inf, 2, -inf, -inf), classes(1, 1, 1, 0)}},
		{Name: "a class that has no share", Pole: true, In: []ir.Input{ir.Array([]int{2, 3}, -inf, 1, 2, 0, -inf, 3), ir.Array([]int{2, 3}, 0, 0.5, 0.5, 1, 0, 0)}},
	}
	samples = append(samples, ends...)
	tol := ir.Tolerance{ULP: 16, Abs: 16, Why: library + ", sums in another order; terms cancel"}
	softmaxCrossEntropy = Define(ir.Op{
		Name: "SoftmaxCrossEntropy", Family: "softmax", Cost: perOperandElement(4), Doc: "-Σ y·log softmax(x) over the last axis, or of classes y, which are integers, -log softmax(x)[y]",
		DTypes: dtypes.Floats, Infer: crossEntropyRule, Samples: samples, Tol: tol,
	}, Rule{Expand: expandCrossEntropy, Batch: batchTogether(&softmaxCrossEntropy), VJP: func(loss, dy *Node) []*Node {
		x, y := loss.Input(0), loss.Input(1)
		dx := Apply(softmaxCrossEntropyGradient, nil, x, y, dy)
		if y.DType().IsInt() {
			return []*Node{dx, nil}
		}
		logs := Mul(LogSoftmax(wide(x)), ExpandAxes(wide(dy), -1))
		return []*Node{dx, ConvertDType(Neg(logs), y.DType())}
	}})
	var gradients []ir.Sample
	for _, s := range samples {
		rows := s.In[0].Dims[:len(s.In[0].Dims)-1]
		s.In = []ir.Input{s.In[0], s.In[1], ir.Ramp(rows...)}
		gradients = append(gradients, s)
	}
	softmaxCrossEntropyGradient = Define(ir.Op{
		Name: "SoftmaxCrossEntropyGradient", Family: "softmax", Cost: perOperandElement(5), Doc: "the gradient of SoftmaxCrossEntropy with respect to x, given y and that of its result, z: (softmax(x)·Σ y - y)·z",
		DTypes: dtypes.Floats, Infer: crossEntropyGradientRule, Samples: gradients, Tol: tol,
	}, Rule{Expand: expandCrossEntropyGradient, Batch: batchTogether(&softmaxCrossEntropyGradient)})
}
