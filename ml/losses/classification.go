package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/internal/checks"
)

// smallest is the least probability whose logarithm losses of probabilities take; smaller ones count as this.
const smallest = 1e-7

// BinaryCrossentropy returns, for predictions p that are probabilities and labels y in [0, 1], the mean of
//
//	-(y · log p + (1 - y) · log(1 - p))
//
// in which p and 1 - p are kept above 1e-7. Labels and predictions have the same shape and dtype, a float;
// the loss is a float32 for narrower ones. [BinaryCrossentropyLogits] is more accurate.
func BinaryCrossentropy(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("BinaryCrossentropy", labels, predictions)
	yes := graph.Mul(y, logOf(p))
	no := graph.Mul(graph.OneMinus(y), logOfComplement(p))
	return Reduce(graph.Neg(graph.Add(yes, no)), labels)
}

// logOf returns log p, of 1e-7 for smaller ones.
func logOf(p *graph.Node) *graph.Node { return graph.Log(graph.MaxScalar(p, smallest)) }

// logOfComplement returns log(1-p), of 1e-7 for smaller ones. 1e-7 away from 1 there is no float32: the limit
// must be put to 1-p, which is exact for p above 1/2. For smaller p it is not, and Log1p is.
func logOfComplement(p *graph.Node) *graph.Node {
	half := graph.ConstAs(p, 0.5)
	return graph.Where(graph.LessThan(p, half), graph.Log1p(graph.Neg(graph.Min(p, half))), logOf(graph.OneMinus(p)))
}

// BinaryCrossentropyLogits is [BinaryCrossentropy] of p = sigmoid(x), for logits x:
//
//	log(1 + exp(x)) - y · x
func BinaryCrossentropyLogits(labels, logits []*graph.Node) *graph.Node {
	return MakeBinaryCrossentropyLogits(0)(labels, logits)
}

// MakeBinaryCrossentropyLogits is [BinaryCrossentropyLogits] with labels moved by smoothing towards 1/2:
// y ← (1 - smoothing) · y + smoothing/2.
func MakeBinaryCrossentropyLogits(smoothing float64) Fn {
	return func(labels, logits []*graph.Node) *graph.Node {
		checkSmoothing("BinaryCrossentropyLogits", smoothing)
		y, x := samePair("BinaryCrossentropyLogits", labels, logits)
		if smoothing > 0 {
			y = graph.AddScalar(graph.MulScalar(y, 1-smoothing), smoothing/2)
		}
		return Reduce(graph.Sub(graph.Softplus(x), graph.Mul(y, x)), labels)
	}
}

// CategoricalCrossEntropy returns, for predictions p that are probabilities of C classes and labels y
// that are too (mostly one-hot), both [..., C] of the same float dtype, the mean over all but the last axis of
//
//	-Σ_c y_c · log p_c
//
// with p kept above 1e-7. [CategoricalCrossEntropyLogits] is more accurate.
func CategoricalCrossEntropy(labels, predictions []*graph.Node) *graph.Node {
	y, p := classPair("CategoricalCrossEntropy", labels, predictions)
	return Reduce(crossEntropy(y, logOf(p)), labels)
}

// CategoricalCrossEntropyLogits is [CategoricalCrossEntropy] of p = softmax(x), for logits x.
func CategoricalCrossEntropyLogits(labels, logits []*graph.Node) *graph.Node {
	return MakeCategoricalCrossEntropyLogits(0)(labels, logits)
}

// MakeCategoricalCrossEntropyLogits is [CategoricalCrossEntropyLogits] with labels moved by smoothing
// towards the even distribution: y ← (1 - smoothing) · y + smoothing/C.
//
// Source: Szegedy et al., "Rethinking the Inception Architecture", 2015, arXiv:1512.00567, section 7.
func MakeCategoricalCrossEntropyLogits(smoothing float64) Fn {
	return func(labels, logits []*graph.Node) *graph.Node {
		checkSmoothing("CategoricalCrossEntropyLogits", smoothing)
		y, x := classPair("CategoricalCrossEntropyLogits", labels, logits)
		if smoothing > 0 {
			y = graph.AddScalar(graph.MulScalar(y, 1-smoothing), smoothing/float64(x.Dim(-1)))
		}
		return Reduce(graph.SoftmaxCrossEntropy(x, y), labels)
	}
}

func classPair(name string, labels, predictions []*graph.Node) (y, p *graph.Node) {
	y, p = pair(name, labels, predictions)
	if y.DType().IsInt() && p.Rank() > 0 && y.Shape().Size() == p.Shape().Size()/max(1, p.Dim(-1)) {
		graph.Errorf("%s: labels %s are numbers of classes: use SparseCategoricalCrossEntropyLogits, or OneHot them", name, y.Shape())
	}
	if p.Rank() == 0 {
		graph.Errorf("%s: predictions are a scalar, want [..., C]", name)
	}
	WeightsAndMask(withoutLast(p.Shape()), labels)
	return samePair(name, labels, predictions)
}

// withoutLast returns the shape without its last axis, that of the classes.
func withoutLast(s shapes.Shape) shapes.Shape {
	return shapes.Make(s.DType, s.Dimensions[:s.Rank()-1]...)
}

// crossEntropy returns -Σ y·logP over the last axis, without the classes whose y is 0: there logP may be -Inf.
func crossEntropy(y, logP *graph.Node) *graph.Node {
	logP = graph.Where(graph.IsZero(y), graph.ZerosLike(y), logP)
	return graph.Neg(graph.ReduceSum(graph.Mul(y, logP), -1))
}

// SparseCategoricalCrossEntropyLogits returns, for logits x [..., C] and labels k, integers [...] or
// [..., 1] from 0 to C-1, the mean over all but the last axis of
//
//	-log softmax(x)_k
//
// A label that is no class makes the loss NaN, unless it is masked away; trainers name it in an error.
func SparseCategoricalCrossEntropyLogits(labels, logits []*graph.Node) *graph.Node {
	return MakeSparseCategoricalCrossEntropyLogits(0)(labels, logits)
}

// MakeSparseCategoricalCrossEntropyLogits is [SparseCategoricalCrossEntropyLogits] with the part smoothing
// of each label spread evenly over all C classes, as in [MakeCategoricalCrossEntropyLogits]:
//
//	-(1 - smoothing) · log softmax(x)_k - smoothing · mean_c log softmax(x)_c
func MakeSparseCategoricalCrossEntropyLogits(smoothing float64) Fn {
	return func(labels, logits []*graph.Node) *graph.Node {
		checkSmoothing("SparseCategoricalCrossEntropyLogits", smoothing)
		k := SparseLabels("SparseCategoricalCrossEntropyLogits", labels, logits)
		x := values(logits[0], labels)
		loss := graph.SoftmaxCrossEntropy(x, k) // [...]
		if smoothing > 0 {
			even := graph.Neg(graph.ReduceMean(graph.LogSoftmax(x, -1), -1))
			loss = graph.Add(graph.MulScalar(loss, 1-smoothing), graph.MulScalar(even, smoothing))
		}
		return Reduce(loss, labels)
	}
}

// SparseLabels returns the first label, numbers of classes, with the shape of the first prediction
// [..., C] without its last axis, and 0 where the mask hides it. The label may have a last axis of size 1. It
// panics with [graph.Error] if it is something else; name is put before the sentence. Trainers report a number
// that is no class, from 0 to C-1, as an error of the step, with its place.
func SparseLabels(name string, labels, predictions []*graph.Node) *graph.Node {
	k, x := pair(name, labels, predictions)
	if x.Rank() == 0 {
		graph.Errorf("%s: predictions are a scalar, want [..., C]", name)
	}
	want := withoutLast(x.Shape()).WithDType(k.DType())
	column := shapes.Make(k.DType(), append(want.Clone().Dimensions, 1)...)
	switch isInt := k.DType().IsInt(); {
	case isInt && (k.Shape().EqualDimensions(want) || k.Shape().EqualDimensions(column)):
	case !isInt && k.Shape().EqualDimensions(x.Shape()):
		graph.Errorf("%s: labels %s are probabilities of classes: use CategoricalCrossEntropyLogits", name, k.Shape())
	case !isInt:
		graph.Errorf("%s: labels are %s, want integers %s: the numbers of the classes", name, k.Shape(), want.Dims())
	default:
		graph.Errorf("%s: labels %s against predictions %s: want labels %s or %s", name, k.Shape(), x.Shape(), want.Dims(), column.Dims())
	}
	k = widen(FillMasked(graph.Reshape(k, want.Dimensions...), labels, 0), x.Dim(-1))
	checks.AddLabel(name, labels[0], k, x.Dim(-1))
	return k
}

// widen makes labels of 8 or 16 bits wider where these cannot count to numClasses.
func widen(k *graph.Node, numClasses int) *graph.Node {
	if bits := k.DType().Bits(); bits < 32 && numClasses >= 1<<(bits-1) {
		return graph.ConvertDType(k, dtypes.Int32)
	}
	return k
}

func checkSmoothing(name string, smoothing float64) {
	if !(smoothing >= 0 && smoothing < 1) {
		graph.Errorf("%s: label smoothing of %g, want 0 or more and less than 1", name, smoothing)
	}
}
