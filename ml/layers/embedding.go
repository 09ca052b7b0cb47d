package layers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// Embedding looks up a vector for each number:
//
//	y[..., :] = embeddings[x[...], :]
//
// x is [...], integers from 0 to vocabSize-1; embeddings are [vocabSize, dimension] of the given dtype; the
// result is [..., dimension]. Numbers outside of the range are moved to its nearest end. Unless the scope has
// an initializer, embeddings begin with a normal distribution of standard deviation 1/√dimension, vectors of
// about length 1.
//
// Source: Bengio, Ducharme, Vincent and Jauvin, "A Neural Probabilistic Language Model", 2003, section 2.
func Embedding(scope *model.Scope, x *graph.Node, dtype dtypes.DType, vocabSize, dimension int) *graph.Node {
	if !x.DType().IsInt() || vocabSize < 1 || dimension < 1 || !dtype.IsFloat() {
		graph.Errorf("Embedding %s of %d vectors of %d %s: want integers, sizes of 1 or more, and a float dtype", x.Shape(), vocabSize, dimension, dtype)
	}
	scope = scope.Layer("Embedding", x).WithInitializer(scope.InitializerOr(initializers.RandomNormalFn(1 / math.Sqrt(float64(dimension)))))
	table := scope.VariableWithShape("embeddings", shapes.Make(dtype, vocabSize, dimension)).NodeValue(x)
	return scope.Result(graph.Gather(table, graph.ExpandAxes(x, -1)))
}
