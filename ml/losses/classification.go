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

// NegativeLogLikelihood returns, for predictions that are logarithms of probabilities of C classes, [..., C], and labels k as those of
// [SparseCategoricalCrossEntropyLogits], the mean of
//
//	-prediction_k
func NegativeLogLikelihood(labels, predictions []*graph.Node) *graph.Node {
	k := SparseLabels("NegativeLogLikelihood", labels, predictions)
	return Reduce(graph.Neg(at(values(predictions[0], labels), k)), labels)
}

// at returns the element k of the last axis of x.
func at(x, k *graph.Node) *graph.Node {
	return graph.ReduceSum(graph.Where(isClass(x, k), x, graph.ZerosLike(x)), -1)
}

// isClass returns where the number of the class, on the last axis of x, is k.
func isClass(x, k *graph.Node) *graph.Node {
	return graph.Equal(graph.ExpandAxes(k, -1), graph.Iota(x.Graph(), x.Shape().WithDType(k.DType()), -1))
}

// KullbackLeibler returns, for predictions p and labels y that are probabilities of C classes, both [..., C] of the same float dtype, the mean
// over all but the last axis of
//
//	Σ_c y_c · (log y_c - log p_c)
//
// with p kept above 1e-7; classes whose y is 0 do not count. [KullbackLeiblerLogits] is more accurate.
func KullbackLeibler(labels, predictions []*graph.Node) *graph.Node {
	y, p := classPair("KullbackLeibler", labels, predictions)
	return Reduce(graph.Sub(crossEntropy(y, logOf(p)), entropy(y)), labels)
}

// KullbackLeiblerLogits is [KullbackLeibler] of p = softmax(x), for logits x.
func KullbackLeiblerLogits(labels, logits []*graph.Node) *graph.Node {
	y, x := classPair("KullbackLeiblerLogits", labels, logits)
	return Reduce(graph.Sub(crossEntropy(y, graph.LogSoftmax(x, -1)), entropy(y)), labels)
}

// entropy returns -Σ y·log y over the last axis, with 0·log 0 = 0.
func entropy(y *graph.Node) *graph.Node {
	return crossEntropy(y, graph.Log(graph.Where(graph.IsZero(y), graph.OnesLike(y), y)))
}

// MakeFocalLossLogits returns [SparseCategoricalCrossEntropyLogits] that looks less at what is right already: with p = softmax(x)_k for the label k
// the mean of
//
//	-(1 - p)^gamma · log p
//
// gamma is 0 or more, and 2 is usual.
//
// Source: Lin et al., "Focal Loss for Dense Object Detection", 2017, arXiv:1708.02002, eq. 4.
func MakeFocalLossLogits(gamma float64) Fn {
	return func(labels, logits []*graph.Node) *graph.Node {
		checkGamma("MakeFocalLossLogits", gamma)
		k := SparseLabels("MakeFocalLossLogits", labels, logits)
		x := values(logits[0], labels)
		loss := graph.SoftmaxCrossEntropy(x, k)
		return Reduce(graph.Mul(power(missing(loss), gamma), loss), labels)
	}
}

// missing returns 1 - exp(-loss), what is missing of a probability of 1.
func missing(loss *graph.Node) *graph.Node { return graph.Neg(graph.Expm1(graph.Neg(loss))) }

// power returns x^gamma for x of 0 or more, with the gradient 0 at 0.
func power(x *graph.Node, gamma float64) *graph.Node {
	switch gamma {
	case 0:
		return graph.OnesLike(x)
	case 1:
		return x
	case 2:
		return graph.Square(x)
	}
	none := graph.LessOrEqual(x, graph.ZerosLike(x))
	return graph.Where(none, graph.ZerosLike(x), graph.Pow(graph.Where(none, graph.OnesLike(x), x), graph.ConstAs(x, gamma)))
}

func checkGamma(name string, gamma float64) {
	if !(gamma >= 0) {
		graph.Errorf("%s: gamma is %g, want 0 or more", name, gamma)
	}
}

// MakeBinaryFocalLossLogits is [BinaryCrossentropyLogits] that looks less at what is right already, and weighs labels 1 by alpha, 0 by 1 - alpha:
// with p = sigmoid(x), and q = y · p + (1 - y) · (1 - p) what is right of it, the mean of
//
//	(y · alpha + (1 - y) · (1 - alpha)) · (1 - q)^gamma · (log(1 + exp(x)) - y · x)
//
// A negative alpha is none. 0.25 and 2 are usual.
//
// Source: Lin et al., "Focal Loss for Dense Object Detection", 2017, arXiv:1708.02002, eq. 5, in the form of torchvision.
func MakeBinaryFocalLossLogits(alpha, gamma float64) Fn {
	return func(labels, logits []*graph.Node) *graph.Node {
		checkGamma("MakeBinaryFocalLossLogits", gamma)
		if !(alpha <= 1) {
			graph.Errorf("MakeBinaryFocalLossLogits: alpha is %g, want 1 or less", alpha)
		}
		y, x := samePair("MakeBinaryFocalLossLogits", labels, logits)
		p := graph.Sigmoid(x)
		wrong := graph.Add(graph.Mul(y, graph.Sigmoid(graph.Neg(x))), graph.Mul(graph.OneMinus(y), p)) // 1 - q
		loss := graph.Mul(power(wrong, gamma), graph.Sub(graph.Softplus(x), graph.Mul(y, x)))
		if alpha >= 0 {
			loss = graph.Mul(loss, graph.AddScalar(graph.MulScalar(y, 2*alpha-1), 1-alpha))
		}
		return Reduce(loss, labels)
	}
}

// Hinge returns, for labels y of -1 and 1, the mean of
//
//	max(0, 1 - y · prediction)
//
// Labels and predictions have the same shape and dtype, a float.
//
// Source: Cortes and Vapnik, "Support-Vector Networks", 1995.
func Hinge(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("Hinge", labels, predictions)
	return Reduce(graph.MaxScalar(graph.OneMinus(graph.Mul(y, p)), 0), labels)
}

// SquaredHinge is [Hinge] whose elements are squared.
func SquaredHinge(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("SquaredHinge", labels, predictions)
	return Reduce(graph.Square(graph.MaxScalar(graph.OneMinus(graph.Mul(y, p)), 0)), labels)
}

// MakeMultiMarginLoss returns the hinge loss of C classes: for scores x, [..., C], and labels k as those of [SparseCategoricalCrossEntropyLogits] the mean
// of
//
//	Σ_{c≠k} max(0, margin - x_k + x_c) / C
//
// margin is above 0, and 1 is usual.
//
// Source: Crammer and Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines", 2001, in the form of PyTorch.
func MakeMultiMarginLoss(margin float64) Fn {
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(margin > 0) {
			graph.Errorf("MakeMultiMarginLoss: the margin is %g, want more than 0", margin)
		}
		k := SparseLabels("MakeMultiMarginLoss", labels, predictions)
		x := values(predictions[0], labels)
		over := graph.MaxScalar(graph.AddScalar(graph.Sub(x, graph.ExpandAxes(at(x, k), -1)), margin), 0)
		over = graph.Where(isClass(x, k), graph.ZerosLike(over), over)
		return Reduce(graph.ReduceMean(over, -1), labels)
	}
}

// CosineDistance returns, for labels and predictions [..., D] of the same float dtype, the mean over all but the last axis of
//
//	1 - y · p / (‖y‖ · ‖p‖)
//
// and 1 where one of them is 0.
func CosineDistance(labels, predictions []*graph.Node) *graph.Node {
	y, p := classPair("CosineDistance", labels, predictions)
	return Reduce(graph.OneMinus(graph.ReduceSum(graph.Mul(unit(y), unit(p)), -1)), labels)
}

// unit returns x over its norm along the last axis, 0 where that is 0.
func unit(x *graph.Node) *graph.Node {
	squares := graph.ReduceSum(graph.Square(x), -1)
	none := graph.IsZero(squares)
	return graph.Mul(x, graph.ExpandAxes(graph.Where(none, squares, graph.Rsqrt(graph.Where(none, graph.OnesLike(squares), squares))), -1))
}

// MakeDiceLoss returns a loss of overlapping regions: for predictions p that are probabilities and labels y in [0, 1], both [B, ...] of the same float
// dtype, the mean over the B examples of
//
//	1 - (2 · Σ p·y + smooth) / (Σ p + Σ y + smooth)
//
// with sums over all other axes; weights and masks are (B). smooth is above 0, and 1 is usual.
//
// Source: Milletari, Navab and Ahmadi, "V-Net", 2016, arXiv:1606.04797, section 3, without squares.
func MakeDiceLoss(smooth float64) Fn {
	return overlapLoss("MakeDiceLoss", smooth, func(both, all *graph.Node) (above, below *graph.Node) {
		return graph.MulScalar(both, 2), all
	})
}

// MakeIoULoss returns [MakeDiceLoss] by the intersection over the union:
//
//	1 - (Σ p·y + smooth) / (Σ p + Σ y - Σ p·y + smooth)
//
// Source: Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016, eq. 3.
func MakeIoULoss(smooth float64) Fn {
	return overlapLoss("MakeIoULoss", smooth, func(both, all *graph.Node) (above, below *graph.Node) {
		return both, graph.Sub(all, both)
	})
}

func overlapLoss(name string, smooth float64, parts func(both, all *graph.Node) (above, below *graph.Node)) Fn {
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(smooth > 0) {
			graph.Errorf("%s: smooth is %g, want more than 0", name, smooth)
		}
		if _, p := pair(name, labels, predictions); p.Rank() == 0 {
			graph.Errorf("%s: predictions are a scalar, want [B, ...]", name)
		}
		WeightsAndMask(shapes.Make(predictions[0].DType(), predictions[0].Dim(0)), labels)
		y, p := samePair(name, labels, predictions)
		sum := func(x *graph.Node) *graph.Node {
			for x.Rank() > 1 {
				x = graph.ReduceSum(x, -1)
			}
			return x
		}
		above, below := parts(sum(graph.Mul(y, p)), sum(graph.Add(y, p)))
		return Reduce(graph.OneMinus(graph.Div(graph.AddScalar(above, smooth), graph.AddScalar(below, smooth))), labels)
	}
}
