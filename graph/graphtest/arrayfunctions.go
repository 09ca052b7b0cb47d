package graphtest

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/signal"
	"github.com/quire-ml/quire/graph/stats"
	"github.com/quire-ml/quire/graph/vision"
)

// arrayFunctions are the functions of [Arrays], by name, with how the arguments of a case become theirs.
var arrayFunctions = map[string]arrayFunction{
	"CumProd":      onAxis(graph.CumProd),
	"CumMax":       onAxis(graph.CumMax),
	"CumMin":       onAxis(graph.CumMin),
	"CumLogSumExp": onAxis(graph.CumLogSumExp),

	// Complex numbers, of which the rows know nothing.
	"Pow complex":      ofTwo(graph.Pow),
	"Sign complex":     of(graph.Sign),
	"Expm1 complex":    of(graph.Expm1),
	"Log1p complex":    of(graph.Log1p),
	"Log2 complex":     of(graph.Log2),
	"Exp2 complex":     of(graph.Exp2),
	"Round complex":    of(graph.Round),
	"IsFinite complex": of(graph.IsFinite),
	"Variance complex": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return graph.Variance(x, a.ints("axes")...) }),

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

	"fast.RMSNorm": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		return []*graph.Node{fast.RMSNorm(in[0], given(&in, len(in) > 1), a.float("eps"))}
	},
	"fast.LayerNorm": func(in []*graph.Node, a arrayArgs) []*graph.Node {
		weight := given(&in, a.bool("weight"))
		return []*graph.Node{fast.LayerNorm(in[0], weight, given(&in, a.bool("bias")), a.float("eps"))}
	},
	"fast.RoPE":                      rope,
	"fast.ScaledDotProductAttention": scaledDotProductAttention,

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
	"stats.CrossCosineSimilarity": one2(func(x, y *graph.Node, a arrayArgs) *graph.Node {
		return stats.CrossCosineSimilarity(x, y, a.int("axis"), a.int("cross"))
	}),

	"vision.Interpolate": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		b := vision.Interpolate(x, a.ints("sizes")...).ChannelsAxis(a.channels())
		switch a.text("method") {
		case "nearest":
			b.Nearest()
		case "bicubic":
			b.Bicubic()
		}
		switch a.text("coordinates") {
		case "corners":
			b.AlignCorners()
		case "asymmetric":
			b.Asymmetric()
		}
		if a.bool("antialias") {
			b.Antialias()
		}
		if _, ok := a["cubic"]; ok {
			b.CubicCoefficient(a.float("cubic"))
		}
		return b.Done()
	}),
	"vision.GridSample": one2(func(x, grid *graph.Node, a arrayArgs) *graph.Node {
		b := vision.GridSample(x, grid).ChannelsAxis(a.channels())
		if a.text("method") == "nearest" {
			b.Nearest()
		}
		if a.bool("corners") {
			b.AlignCorners()
		}
		switch a.text("padding") {
		case "border":
			b.PadBorder()
		case "reflection":
			b.PadReflection()
		}
		return b.Done()
	}),
	"vision.AffineGrid": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		b := vision.AffineGrid(x, a.ints("sizes")...)
		if a.bool("corners") {
			b.AlignCorners()
		}
		return b.Done()
	}),
	"vision.Unfold": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return unfold(vision.Unfold(x, a.ints("window")...), a).Done()
	}),
	"vision.Fold": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return unfold(vision.Fold(x, a.ints("sizes")...), a).Done()
	}),
	"vision.ConvTranspose": one2(func(x, kernel *graph.Node, a arrayArgs) *graph.Node {
		b := vision.ConvTranspose(x, kernel).ChannelsAxis(a.channels()).StridePerAxis(a.ints("strides")...).
			DilationPerAxis(a.ints("dilations")...).ChannelGroupCount(a.int("groups"))
		if a.bool("same") {
			return b.PadSame().Done()
		}
		return b.PaddingPerDim(a.pairs("paddings")).OutputPaddingPerDim(a.ints("more")...).Done()
	}),
	"vision.AdaptiveMeanPool": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return vision.AdaptiveMeanPool(x, a.ints("sizes")...).ChannelsAxis(a.channels()).Done()
	}),
	"vision.AdaptiveMaxPool": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return vision.AdaptiveMaxPool(x, a.ints("sizes")...).ChannelsAxis(a.channels()).Done()
	}),

	"signal.FFTN":        one1(func(x *graph.Node, a arrayArgs) *graph.Node { return signal.FFTN(x, a.ints("axes")...) }),
	"signal.InverseFFTN": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return signal.InverseFFTN(x, a.ints("axes")...) }),
	"signal.FFT2":        one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return signal.FFT2(x) }),
	"signal.InverseFFT2": one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return signal.InverseFFT2(x) }),
	"signal.RealFFTN":    one1(func(x *graph.Node, a arrayArgs) *graph.Node { return signal.RealFFTN(x, a.ints("axes")...) }),
	"signal.RealFFT2":    one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return signal.RealFFT2(x) }),
	"signal.InverseRealFFTN": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return signal.InverseRealFFTN(x, a.int("n"), a.ints("axes")...)
	}),
	"signal.InverseRealFFT2": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return signal.InverseRealFFT2(x, a.int("n")) }),
	"signal.FFTFrequencies": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return graph.Mul(x, signal.FFTFrequencies(x.Graph(), x.DType(), a.int("n"), a.float("spacing")))
	}),
	"signal.RealFFTFrequencies": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return graph.Mul(x, signal.RealFFTFrequencies(x.Graph(), x.DType(), a.int("n"), a.float("spacing")))
	}),
	"signal.FFTShift":        one1(func(x *graph.Node, a arrayArgs) *graph.Node { return signal.FFTShift(x, a.ints("axes")...) }),
	"signal.InverseFFTShift": one1(func(x *graph.Node, a arrayArgs) *graph.Node { return signal.InverseFFTShift(x, a.ints("axes")...) }),
	"signal.Hann":            window(signal.Hann),
	"signal.Hamming":         window(signal.Hamming),
	"signal.Blackman":        window(signal.Blackman),
	"signal.Kaiser": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return graph.Mul(x, signal.Kaiser(x.Graph(), x.DType(), a.int("n"), a.float("beta"), a.bool("periodic")))
	}),
	"signal.DCT": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return signal.DCT(x, a.int("kind"), a.int("axis"), a.bool("orthonormal"))
	}),
	"signal.InverseDCT": one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return signal.InverseDCT(x, a.int("kind"), a.int("axis"), a.bool("orthonormal"))
	}),
	"signal.STFT": one2(func(x, w *graph.Node, a arrayArgs) *graph.Node {
		b := signal.STFT(x, w).Hop(a.int("hop")).FFTLength(a.int("n"))
		if a.bool("center") {
			b.Center()
		}
		return b.Done()
	}),
	"signal.InverseSTFT": one2(func(x, w *graph.Node, a arrayArgs) *graph.Node {
		b := signal.InverseSTFT(x, w).Hop(a.int("hop")).FFTLength(a.int("n"))
		if a.bool("center") {
			b.Center()
		}
		if _, ok := a["length"]; ok {
			b.Length(a.int("length"))
		}
		return b.Done()
	}),
	"signal.Convolve": one2(func(x, y *graph.Node, a arrayArgs) *graph.Node {
		return signal.Convolve(x, y, signal.Mode(a.text("mode")))
	}),
}

func unfold(b *vision.UnfoldBuilder, a arrayArgs) *vision.UnfoldBuilder {
	return b.ChannelsAxis(a.channels()).StridePerAxis(a.ints("strides")...).DilationPerAxis(a.ints("dilations")...).PaddingPerDim(a.pairs("paddings"))
}

// window makes a window and multiplies what is given, so that there is something to give.
func window(fn func(g *graph.Graph, d dtypes.DType, n int, periodic bool) *graph.Node) arrayFunction {
	return one1(func(x *graph.Node, a arrayArgs) *graph.Node {
		return graph.Mul(x, fn(x.Graph(), x.DType(), a.int("n"), a.bool("periodic")))
	})
}

// given takes the operand after the first away and returns it, if there is one.
func given(in *[]*graph.Node, is bool) *graph.Node {
	if !is {
		return nil
	}
	x := (*in)[1]
	*in = append([]*graph.Node{(*in)[0]}, (*in)[2:]...)
	return x
}

func rope(in []*graph.Node, a arrayArgs) []*graph.Node {
	x := in[0]
	b := fast.RoPE(x).Traditional(a.bool("traditional"))
	if a.has("dims") {
		b.Dims(a.int("dims"))
	}
	if a.has("base") {
		b.Base(a.float("base"))
	}
	if a.has("scale") {
		b.Scale(a.float("scale"))
	}
	if a.has("frequencies") {
		b.Frequencies(given(&in, true))
	}
	switch {
	case a.has("offset") && a.int("offset") < 0: // an operand
		b.Offset(given(&in, true))
	case a.has("offset"):
		b.OffsetBy(a.int("offset"))
	}
	return []*graph.Node{b.Done()}
}

func scaledDotProductAttention(in []*graph.Node, a arrayArgs) []*graph.Node {
	b := fast.ScaledDotProductAttention(in[0], in[1], in[2])
	in = in[2:]
	for range a.int("masks") {
		b.Mask(given(&in, true))
	}
	b.Sinks(given(&in, a.has("sinks")))
	if a.has("offset") {
		if a.int("offset") < 0 {
			b.Offset(given(&in, true))
		} else {
			b.Offset(graph.Const(in[0].Graph(), int32(a.int("offset"))))
		}
	}
	if a.has("causal") {
		b.Causal(a.bool("causal"))
	}
	if a.has("window") {
		b.Window(a.int("window"))
	}
	if a.has("scale") {
		b.Scale(a.float("scale"))
	}
	if a.has("cap") {
		b.SoftCap(a.float("cap"))
	}
	return []*graph.Node{b.Done()}
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
