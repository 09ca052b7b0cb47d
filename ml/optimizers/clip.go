package optimizers

import "github.com/quire-ml/quire/graph"

// ClipValue limits every element of the gradients to [-limit, limit].
func ClipValue(gradients []*graph.Node, limit float64) []*graph.Node {
	out := make([]*graph.Node, len(gradients))
	for i, x := range gradients {
		out[i] = graph.ClipScalar(x, -limit, limit)
	}
	return out
}

// GlobalNorm returns the Euclidean norm of all gradients taken together, a float scalar of the first
// one's dtype, at least float32. It is computed as M·√Σ(x/M)², M the largest |x|: squares of gradients that are
// finite may not be.
func GlobalNorm(gradients []*graph.Node) *graph.Node {
	largest, norm := scaledNorm(gradients)
	return graph.Where(graph.IsFinite(largest), graph.Mul(largest, norm), largest)
}

// scaledNorm returns M, the largest |x|, and √Σ(x/M)², which is 0 if all are.
func scaledNorm(gradients []*graph.Node) (largest, norm *graph.Node) {
	if len(gradients) == 0 {
		graph.Errorf("GlobalNorm: got no gradients, want one at least")
	}
	dtype := wide(gradients[0].DType())
	var values []*graph.Node
	for _, x := range gradients {
		if x.Shape().Size() == 0 {
			continue
		}
		x = graph.ConvertDType(x, dtype)
		values = append(values, x)
		m := graph.ReduceAllMax(graph.Abs(x))
		if largest == nil {
			largest = m
		} else {
			largest = graph.Max(largest, m)
		}
	}
	if values == nil {
		zero := graph.ScalarZero(gradients[0].Graph(), dtype)
		return zero, zero
	}
	unit := graph.Where(graph.IsZero(largest), graph.OnesLike(largest), largest)
	var sum *graph.Node
	for _, x := range values {
		s := graph.ReduceAllSum(graph.Square(graph.Div(x, unit)))
		if sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, s)
		}
	}
	return largest, graph.Sqrt(sum)
}

// ClipGlobalNorm scales the gradients so that their norm, see [GlobalNorm], is at most limit:
//
//	x · limit / max(norm, limit)
//
// Gradients that are not finite make all of them NaN: nothing is hidden by clipping.
//
// Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2012,
// arXiv:1211.5063, algorithm 1, with the norm over all variables.
func ClipGlobalNorm(gradients []*graph.Node, limit float64) []*graph.Node {
	largest, norm := scaledNorm(gradients)
	scale := graph.MinScalar(graph.Div(graph.Div(graph.ConstAs(largest, limit), largest), norm), 1)
	scale = graph.Where(graph.IsZero(largest), graph.OnesLike(scale), scale) // 0/0
	out := make([]*graph.Node, len(gradients))
	for i, x := range gradients {
		dtype := wide(x.DType()) // a float16 might hold no such scale
		y := graph.Mul(graph.ConvertDType(x, dtype), graph.ConvertDType(scale, dtype))
		out[i] = graph.ConvertDType(y, x.DType())
	}
	return out
}
