package graphtest

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/quant"
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

	"linalg.LU": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		p, l, u := linalg.LU(in[0])
		return []*graph.Node{p, l, u}
	},
	"linalg.QR": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		q, r := linalg.QR(in[0])
		return []*graph.Node{q, r}
	},
	"linalg.Eigh": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		w, v := linalg.Eigh(in[0])
		return []*graph.Node{w, v}
	},
	"linalg.Eigh projectors": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		w, v := linalg.Eigh(in[0])
		first := graph.SliceAxis(v, -1, graph.AxisRange(0, 1))
		return []*graph.Node{w, graph.MatMul(first, graph.Conj(graph.Transpose(first, -2, -1)))}
	},
	"linalg.Eig": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		w, v := linalg.Eig(in[0])
		switch a["of"] {
		case "projectors":
			return []*graph.Node{graph.Einsum("...ik,...jk->...kij", v, graph.Conj(v))}
		case "product": // 1 more than 0, and lengths of 1
			off := graph.Sub(graph.MatMul(graph.ConvertDType(in[0], v.DType()), v), graph.Mul(v, graph.ExpandAxes(w, -2)))
			return []*graph.Node{graph.OnePlus(graph.Abs(off)), graph.L2Norm(v, -2)}
		}
		return []*graph.Node{w, v}
	},
	"linalg.EigVals": one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return linalg.EigVals(x) }),
	"linalg.SVD": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		u, s, vh := linalg.SVD(in[0])
		return []*graph.Node{u, s, vh}
	},
	"linalg.SVD singular": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		_, s, _ := linalg.SVD(in[0])
		return []*graph.Node{s}
	},
	"linalg.SVD projectors": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		u, _, vh := linalg.SVD(in[0])
		u, vh = graph.SliceAxis(u, -1, graph.AxisRange(0, 1)), graph.SliceAxis(vh, -2, graph.AxisRange(0, 1))
		return []*graph.Node{graph.MatMul(u, graph.Conj(graph.Transpose(u, -2, -1))), graph.MatMul(u, vh)}
	},
	"linalg.SVD product": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		u, s, vh := linalg.SVD(in[0])
		return []*graph.Node{graph.MatMul(graph.Mul(u, graph.ExpandAxes(s, -2)), vh), graph.MatMul(graph.Transpose(u, -2, -1), u), graph.MatMul(vh, graph.Transpose(vh, -2, -1))}
	},
	"linalg.Pinv":         one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return linalg.Pinv(x) }),
	"linalg.MatrixRank":   one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return linalg.MatrixRank(x) }),
	"linalg.LeastSquares": ofTwo(linalg.LeastSquares),
	"linalg.Norm": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return linalg.Norm(x, linalg.NormKind(a["kind"].(string)))
	}),
	"linalg.Solve":   ofTwo(linalg.Solve),
	"linalg.Inverse": one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return linalg.Inverse(x) }),
	"linalg.Det":     one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return linalg.Det(x) }),
	"linalg.LogDet": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		sign, log := linalg.LogDet(in[0])
		return []*graph.Node{sign, log}
	},
	"linalg.MatrixPower": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return linalg.MatrixPower(x, a.int("n")) }),
	"linalg.Expm":        one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return linalg.Expm(x) }),

	"quant.Quantize": func(in []*graph.Node, a arrayArgs) []*graph.Node { return quant.Quantize(in[0], a.scheme()).Nodes() },
	"quant.Dequantize": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		return []*graph.Node{quant.Dequantize(a.scheme().Of(in...))}
	},
	"quant.FakeQuantize":     one1(func(x *graph.Node, a arrayArgs) *graph.Node { return quant.FakeQuantize(x, a.scheme()) }),
	"quant.MatMul":           withQuantized(quant.MatMul),
	"quant.MatMulTransposed": withQuantized(quant.MatMulTransposed),
	"quant.GatherMatMul": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		return []*graph.Node{quant.GatherMatMul(in[0], a.scheme().Of(in[2:]...), in[1])}
	},
	"quant.Rows": withQuantized(func(indices *graph.Node, q quant.Quantized) *graph.Node { return quant.Rows(q, indices) }),
	"quant.Pack": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return quant.Pack(x, a.int("bits")) }),
	"quant.Unpack": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return quant.Unpack(x, a.int("bits"), a.bool("signed"))
	}),

	"segment.RaggedDot": func(in []*graph.Node, _ arrayArgs) []*graph.Node {
		return []*graph.Node{segment.RaggedDot(in[0], in[1], in[2])}
	},
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

func (a arrayArgs) scheme() quant.Scheme {
	return quant.Scheme{Kind: quant.Kind(a["kind"].(string)), Bits: a.int("bits"), Group: a.int("group")}
}

// withQuantized is for a function of an array and of quantised numbers, of which a case gives the parts.
func withQuantized(fn func(x *graph.Node, q quant.Quantized) *graph.Node) arrayFunction {
	return func(in []*graph.Node, a arrayArgs) []*graph.Node {
		return []*graph.Node{fn(in[0], a.scheme().Of(in[1:]...))}
	}
}
