package graphtest

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/stats"
)

// arrayFunctions are the functions of [Arrays], by name, with how the arguments of a case become theirs.
var arrayFunctions = map[string]arrayFunction{
	"CumProd":      onAxis(graph.CumProd),
	"CumMax":       onAxis(graph.CumMax),
	"CumMin":       onAxis(graph.CumMin),
	"CumLogSumExp": onAxis(graph.CumLogSumExp),

	"Tile":   one1(func(x *graph.Node, a arrayArgs) *graph.Node { return graph.Tile(x, a.ints("times")...) }),
	"Repeat": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return graph.Repeat(x, a.int("times"), a.int("axis")) }),
	"Roll":   one1(func(x *graph.Node, a arrayArgs) *graph.Node { return graph.Roll(x, a.int("n"), a.int("axis")) }),
	"Outer":  ofTwo(graph.Outer),
	"Kron":   ofTwo(graph.Kron),
	"Trace":  one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return graph.Trace(x) }),
	"Meshgrid": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		return graph.Meshgrid(in...)
	},
	"NormalizeIndices": one2(func(x, indices *graph.Node, a arrayArgs) *graph.Node {
		return graph.NormalizeIndices(x, indices, a.int("axis"))
	}),
	"GatherWithBatchDims": one2(func(x, indices *graph.Node, a arrayArgs) *graph.Node {
		return graph.GatherWithBatchDims(x, indices, a.int("batch"))
	}),
	"SearchSorted": one2(func(x, v *graph.Node, a arrayArgs) *graph.Node { return graph.SearchSorted(x, v, a.bool("right")) }),
	"Unique": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		values, inverse, counts, n := graph.Unique(in[0], a.int("size"))
		return []*graph.Node{values, inverse, counts, n}
	},
	"NonZero": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		indices, n := graph.NonZero(in[0], a.int("size"))
		return []*graph.Node{indices, n}
	},
	"SortFunc": func(in []*graph.Node, a arrayArgs) []*graph.Node { // by the first array, downwards, then by the second
		return graph.SortFunc(in, a.int("axis"), func(a, b []*graph.Node) *graph.Node {
			if len(a) == 1 {
				return graph.LessThan(a[0], b[0])
			}
			return graph.LogicalOr(graph.GreaterThan(a[0], b[0]), graph.LogicalAnd(graph.Equal(a[0], b[0]), graph.LessThan(a[1], b[1])))
		})
	},
	"ScatterFunc": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		fn := map[string]func(a, b *graph.Node) *graph.Node{
			"product": graph.Mul,
			"last":    func(_, b *graph.Node) *graph.Node { return b },
			"first":   func(a, _ *graph.Node) *graph.Node { return a },
		}[a["fn"].(string)]
		return []*graph.Node{graph.ScatterFunc(in[0], in[1], in[2], fn)}
	},

	"EqualTotalOrder":          ofTwo(graph.EqualTotalOrder),
	"NotEqualTotalOrder":       ofTwo(graph.NotEqualTotalOrder),
	"LessThanTotalOrder":       ofTwo(graph.LessThanTotalOrder),
	"LessOrEqualTotalOrder":    ofTwo(graph.LessOrEqualTotalOrder),
	"GreaterThanTotalOrder":    ofTwo(graph.GreaterThanTotalOrder),
	"GreaterOrEqualTotalOrder": ofTwo(graph.GreaterOrEqualTotalOrder),

	"segment.Sum":     segments(segment.Sum),
	"segment.Mean":    segments(segment.Mean),
	"segment.Max":     segments(segment.Max),
	"segment.Min":     segments(segment.Min),
	"segment.Prod":    segments(segment.Prod),
	"segment.Softmax": segments(segment.Softmax),

	"stats.Median":   onAxis(stats.Median),
	"stats.Quantile": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return stats.Quantile(x, a.float("q"), a.int("axis")) }),
	"stats.Mode": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		values, counts := stats.Mode(in[0], a.int("axis"))
		return []*graph.Node{values, counts}
	},
	"stats.Skewness": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return stats.Skewness(x, a.ints("axes")...) }),
	"stats.Bincount": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		return []*graph.Node{stats.Bincount(in[0], a.int("length"), in[1:]...)}
	},
	"stats.Histogram": ofTwo(stats.Histogram),
}
