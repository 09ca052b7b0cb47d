package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Distance says how far two embeddings are from each other, see [MakeTripletLoss].
type Distance string

// The distances of embeddings a and b.
const (
	L2        Distance = "L2"         // ‖a - b‖
	SquaredL2 Distance = "squared L2" // ‖a - b‖²
	Cosine    Distance = "cosine"     // 1 - a·b/(‖a‖·‖b‖)
)

// Mining says which triplets of a batch count, see [MakeTripletLoss].
type Mining string

// The ways to choose triplets.
const (
	AllTriplets Mining = "all"       // all whose loss is above 0
	Hard        Mining = "hard"      // of each anchor the farthest positive and the nearest negative
	SemiHard    Mining = "semi-hard" // of each pair the nearest negative that is farther than the positive, or else the farthest negative
)

// MakeTripletLoss returns a loss that brings embeddings of one class together and takes those of others apart. Predictions are embeddings e, [B, D], labels
// integers, (B) or [B, 1]. With distances d, for an anchor a, another example p of its class and an example n of another class the loss is
//
//	max(0, d(e_a, e_p) - d(e_a, e_n) + margin)
//
// of which the mean is taken over those that mining says; 0 if there are none. Weights count for what is in triplets as the anchor; the mask hides
// examples altogether. margin is above 0.
//
// Source: Schroff, Kalenichenko and Philbin, "FaceNet", 2015, arXiv:1503.03832, eq. 2 and 4; hard: Hermans, Beyer and Leibe, "In
// Defense of the Triplet Loss for Person Re-Identification", 2017, arXiv:1703.07737, eq. 5.
func MakeTripletLoss(mining Mining, distance Distance, margin float64) Fn {
	const name = "MakeTripletLoss"
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(margin > 0) {
			graph.Errorf("%s: the margin is %g, want more than 0", name, margin)
		}
		k, x := pair(name, labels, predictions)
		if x.Rank() != 2 || !k.DType().IsInt() || k.Shape().Size() != x.Dim(0) || k.Dim(0) != x.Dim(0) {
			graph.Errorf("%s: labels %s against predictions %s: want integers [B] and embeddings [B, D]", name, k.Shape(), x.Shape())
		}
		n := x.Dim(0)
		perAnchor := shapes.Make(wide(x).DType(), n)
		weights, mask := WeightsAndMask(perAnchor, labels)
		x = values(x, labels)
		k = graph.Reshape(FillMasked(k, labels, 0), n)
		d := distances(name, distance, x) // [B, B]
		same := graph.Equal(graph.ExpandAxes(k, 1), graph.ExpandAxes(k, 0))
		other := graph.LogicalNot(same)
		same = graph.LogicalAnd(same, graph.LogicalNot(graph.Diagonal(x.Graph(), n)))
		if mask != nil {
			both := graph.LogicalAnd(graph.ExpandAxes(mask, 1), graph.ExpandAxes(mask, 0))
			same, other = graph.LogicalAnd(same, both), graph.LogicalAnd(other, both)
		}
		loss, counts := triplets(name, mining, d, same, other, margin) // [B, ...], and which count
		anchors := graph.OnesLike(graph.ReduceSum(d, -1))
		if weights != nil {
			w := graph.ConvertDType(weights, d.DType())
			if mask != nil {
				w = graph.Where(mask, w, graph.ZerosLike(w))
			}
			anchors = graph.Mul(anchors, w)
		}
		for anchors.Rank() < loss.Rank() {
			anchors = graph.ExpandAxes(anchors, -1)
		}
		each := graph.Mul(graph.ConvertDType(counts, d.DType()), graph.BroadcastToShape(anchors, loss.Shape()))
		return mean(graph.ReduceAllSum(graph.Mul(each, graph.Where(counts, loss, graph.ZerosLike(loss)))), graph.ReduceAllSum(each))
	}
}

// mean returns sum/total, 0 of nothing.
func mean(sum, total *graph.Node) *graph.Node {
	return graph.Div(sum, graph.Where(graph.IsZero(total), graph.OnesLike(total), total))
}

// distances returns those of all pairs of the rows of x.
func distances(name string, distance Distance, x *graph.Node) *graph.Node {
	switch distance {
	case Cosine:
		e := unit(x)
		return graph.OneMinus(graph.MatMul(e, graph.Transpose(e, 0, 1)))
	case L2, SquaredL2:
		d := graph.ReduceSum(graph.Square(graph.Sub(graph.ExpandAxes(x, 1), graph.ExpandAxes(x, 0))), -1)
		if distance == L2 {
			return root(d)
		}
		return d
	}
	unknown(name, "distance", distance, L2, SquaredL2, Cosine)
	return nil
}

// triplets returns the losses of those that mining chooses, and which of them count.
func triplets(name string, mining Mining, d, same, other *graph.Node, margin float64) (loss, counts *graph.Node) {
	const far = 1e30 // farther than any
	nowhere := graph.ConstAs(d, far)
	over := func(positive, negative *graph.Node) *graph.Node {
		return graph.MaxScalar(graph.AddScalar(graph.Sub(positive, negative), margin), 0)
	}
	anyOf := func(x *graph.Node) *graph.Node { return graph.LogicalAny(x, -1) }
	switch mining {
	case AllTriplets:
		loss = over(graph.ExpandAxes(d, 2), graph.ExpandAxes(d, 1)) // [a, p, n]
		counts = graph.LogicalAnd(graph.ExpandAxes(same, 2), graph.ExpandAxes(other, 1))
		return loss, graph.LogicalAnd(counts, graph.GreaterThan(loss, graph.ZerosLike(loss)))
	case Hard:
		farthest := graph.ReduceMax(graph.Where(same, d, graph.Neg(nowhere)), -1)
		nearest := graph.ReduceMin(graph.Where(other, d, nowhere), -1)
		return over(farthest, nearest), graph.LogicalAnd(anyOf(same), anyOf(other))
	case SemiHard:
		of := graph.ExpandAxes(d, 1) // [a, 1, n]
		farther := graph.LogicalAnd(graph.ExpandAxes(other, 1), graph.GreaterThan(of, graph.ExpandAxes(d, 2)))
		nearest := graph.ReduceMin(graph.Where(farther, graph.BroadcastToShape(of, farther.Shape().WithDType(d.DType())), nowhere), -1)
		farthest := graph.ExpandAxes(graph.ReduceMax(graph.Where(other, d, graph.Neg(nowhere)), -1), -1)
		negative := graph.Where(anyOf(farther), nearest, graph.BroadcastToShape(farthest, nearest.Shape()))
		return over(d, negative), graph.LogicalAnd(same, graph.ExpandAxes(anyOf(other), -1))
	}
	unknown(name, "mining", mining, AllTriplets, Hard, SemiHard)
	return nil, nil
}

// MakeContrastiveLoss returns a loss of pairs of embeddings, two predictions a and b of [..., D]. Labels y, floats of [...] like the predictions
// without their last axis, are 1 for pairs that belong together and 0 for others. With d = ‖a - b‖ it is the mean of
//
//	y · d² + (1 - y) · max(0, margin - d)²
//
// margin is above 0.
//
// Source: Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006, eq. 4, without its factor of 1/2.
func MakeContrastiveLoss(margin float64) Fn {
	const name = "MakeContrastiveLoss"
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(margin > 0) {
			graph.Errorf("%s: the margin is %g, want more than 0", name, margin)
		}
		y, a := pair(name, labels, predictions)
		if a.Rank() == 0 || !y.Shape().Equal(withoutLast(a.Shape())) {
			graph.Errorf("%s: labels %s against predictions %s: want labels of the predictions' dtype and shape without the last axis", name, y.Shape(), a.Shape())
		}
		WeightsAndMask(y.Shape(), labels)
		b := second(name, "the other embeddings", labels, predictions)
		y, a = values(y, labels), values(a, labels)
		d := length(graph.Sub(a, b))
		apart := graph.Square(graph.MaxScalar(graph.Neg(graph.AddScalar(d, -margin)), 0))
		return Reduce(graph.Add(graph.Mul(y, graph.Square(d)), graph.Mul(graph.OneMinus(y), apart)), labels)
	}
}

// MakeInfoNCELoss returns a loss of pairs of embeddings, two predictions q and k of [B, D], that finds for each the other among those of the batch: with
// s_ij = q_i · k_j / (‖q_i‖ · ‖k_j‖ · temperature) the mean of
//
//	-log softmax(s_i)_i
//
// and if it is symmetric the mean of this and the same of the other embeddings. Labels are not looked at; behind the first one may stand weights and
// a mask of (B). temperature is above 0, and 0.07 is usual.
//
// Source: van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018, arXiv:1807.03748, eq. 4; symmetric:
// Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, arXiv:2103.00020, figure 3.
func MakeInfoNCELoss(temperature float64, symmetric bool) Fn {
	const name = "MakeInfoNCELoss"
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(temperature > 0) {
			graph.Errorf("%s: the temperature is %g, want more than 0", name, temperature)
		}
		if len(predictions) < 1 || predictions[0].Rank() != 2 || !predictions[0].DType().IsFloat() {
			graph.Errorf("%s: want two predictions, embeddings [B, D] of a float dtype", name)
		}
		n := predictions[0].Dim(0)
		_, mask := WeightsAndMask(shapes.Make(predictions[0].DType(), n), labels)
		k := unit(second(name, "the other embeddings", labels, predictions))
		q := unit(values(predictions[0], labels))
		s := graph.DivScalar(graph.MatMul(q, graph.Transpose(k, 0, 1)), temperature)
		if mask != nil {
			both := graph.LogicalAnd(graph.ExpandAxes(mask, 1), graph.ExpandAxes(mask, 0))
			s = graph.Where(both, s, graph.ConstAs(s, -1e30))
		}
		own := graph.Iota(s.Graph(), shapes.Make(dtypes.Int32, n), 0)
		loss := graph.SoftmaxCrossEntropy(s, own)
		if symmetric {
			loss = graph.MulScalar(graph.Add(loss, graph.SoftmaxCrossEntropy(graph.Transpose(s, 0, 1), own)), 0.5)
		}
		return Reduce(loss, labels)
	}
}
