package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/codes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// quantizedDot is the product of x and the transpose of a matrix whose numbers are held in few bits, see package quant:
//
//	y[b…, m, n] = Σ_k x[b…, m, k] · (scales[b…, n, k/Group] · value(codes[b…, n, k]) + biases[b…, n, k/Group])
//
// x is [b…, M, K], codes are uint8 of [b…, N, K·Bits/8], the first of a byte in its lowest bits; scales, and biases that may be left out, are
// [b…, N, K/Group] of one float dtype; scales may be codes too, without biases. The result is [b…, M, N], of the dtype of x.
var quantizedDot *ir.Op

func quantizedDotRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	a := attrs.(ir.QuantizedDotAttrs)
	if len(in) != 3 && len(in) != 4 {
		return shapes.Shape{}, fmt.Errorf("it takes x, codes, scales and perhaps biases, got %d operands", len(in))
	}
	if _, err := a.Codes.Values(a.Bits); err != nil {
		return shapes.Shape{}, err
	}
	if a.Scales != "" {
		if _, err := a.Scales.Values(8); err != nil {
			return shapes.Shape{}, err
		}
	}
	x, codes, scales := in[0], in[1], in[2]
	r := x.Rank()
	switch {
	case codes.DType != dtypes.Uint8:
		return shapes.Shape{}, fmt.Errorf("codes are %s: want uint8", codes)
	case a.Scales == "" && !scales.DType.IsFloat():
		return shapes.Shape{}, fmt.Errorf("scales are %s: want floats", scales)
	case a.Scales != "" && (scales.DType != dtypes.Uint8 || len(in) == 4):
		return shapes.Shape{}, fmt.Errorf("scales are %s: want uint8, codes %s, and no biases", scales, a.Scales)
	case len(in) == 4 && (!in[3].EqualDimensions(scales) || in[3].DType != scales.DType):
		return shapes.Shape{}, fmt.Errorf("biases are %s: want %s, as scales are", in[3], scales)
	case r < 2 || codes.Rank() != r || scales.Rank() != r || !slices.Equal(codes.Dimensions[:r-2], x.Dimensions[:r-2]) || !slices.Equal(scales.Dimensions[:r-1], codes.Dimensions[:r-1]):
		return shapes.Shape{}, fmt.Errorf("x %s, codes %s, scales %s: want [..., M, K], [..., N, bytes] and [..., N, groups] with the same leading axes", x, codes, scales)
	}
	k := x.Dim(-1)
	switch {
	case a.Group < 1 || k%a.Group != 0 || scales.Dim(-1) != k/a.Group:
		return shapes.Shape{}, fmt.Errorf("x %s, scales %s: the last axes are %d numbers and %d groups of %d", x, scales, k, scales.Dim(-1), a.Group)
	case k*a.Bits%8 != 0 || codes.Dim(-1) != k*a.Bits/8:
		return shapes.Shape{}, fmt.Errorf("x %s, codes %s: %d codes of %d bits are not %d bytes", x, codes, k, a.Bits, codes.Dim(-1))
	}
	y := shapes.Make(x.DType, append(slices.Clone(x.Dimensions[:r-1]), codes.Dim(-2))...)
	names := make([]string, r)
	for i := range names[:r-1] {
		names[i] = x.Name(i)
	}
	names[r-1] = codes.Name(-2)
	return y.WithAxisNames(names...), nil
}

// expandQuantizedDot makes the numbers of the matrix, in the dtype of x.
func expandQuantizedDot(attrs any, in []*Node) []*Node {
	a := attrs.(ir.QuantizedDotAttrs)
	x, codes, r := withoutNames(in[0]), withoutNames(in[1]), in[0].Rank()
	per := 8 / a.Bits
	values, _ := a.Codes.Values(a.Bits)
	table := make([]float64, 0, 256*per) // of what bytes hold: looking up is one op, where shifting and masking are several
	for b := range 256 {
		for i := range per {
			table = append(table, values[b>>(i*a.Bits)&(1<<a.Bits-1)])
		}
	}
	scales := withoutNames(in[2])
	if a.Scales != "" {
		values, _ := a.Scales.Values(8)
		scales = Gather(ConstAsDType(x.graph, dtypes.Float32, values), ExpandAxes(scales, -1))
	}
	scales = wide(scales)
	rows := Reshape(ConstAsDType(x.graph, scales.DType(), table), 256, per)
	w := Gather(rows, ExpandAxes(codes, -1))
	dims := slices.Clone(scales.Shape().Dimensions)
	w = Mul(Reshape(w, append(dims, a.Group)...), ExpandAxes(scales, -1))
	if len(in) == 4 {
		w = Add(w, ExpandAxes(wide(withoutNames(in[3])), -1))
	}
	dims[r-1] = x.Dim(-1)
	w = ConvertDType(Reshape(w, dims...), x.DType())
	batch := axesFrom(0, r-2)
	return []*Node{DotGeneral(x, []int{-1}, batch, w, []int{-1}, batch)}
}

// batchQuantizedDot makes of examples of x more rows, if the matrix is the same for all.
func batchQuantizedDot(attrs any, in []*Node, batched []bool) []*Node {
	if slices.Contains(batched[1:], true) {
		return []*Node{Apply(quantizedDot, attrs, spreadAll(in, batched)...)}
	}
	x := withoutNames(in[0]) // [n, b…, M, K]
	r, n := x.Rank(), x.Dim(0)
	perm := append(axesFrom(1, r-3), 0, r-2, r-1)
	dims := slices.Clone(x.Shape().Dimensions[1:])
	dims[r-3] *= n
	xs := slices.Clone(in)
	xs[0] = Reshape(TransposeAllAxes(x, perm...), dims...) // [b…, n·M, K]
	y := Apply(quantizedDot, attrs, xs...)
	dims = slices.Insert(dims, r-3, n)
	dims[r-2], dims[r-1] = x.Dim(-2), y.Dim(-1)
	back := append([]int{r - 3}, append(axesFrom(0, r-3), r-2, r-1)...)
	return []*Node{TransposeAllAxes(Reshape(y, dims...), back...)}
}

func init() {
	bytes := func(dims ...int) ir.Input { // of which none is a float8 that is no number
		in := ir.Input{Dims: dims}
		n := 1
		for _, d := range dims {
			n *= d
		}
		for i := range n {
			in.Data = append(in.Data, float64(i*37%119+i%2*128))
		}
		return in.As(dtypes.Uint8)
	}
	small := func(in ir.Input) ir.Input { // scales of codes that are large
		for i := range in.Data {
			in.Data[i] /= 64
		}
		return in
	}
	samples := []ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 16), bytes(3, 8), ir.Ramp(3, 2), ir.Ramp(3, 2).Plus(0.2)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.Unsigned, Bits: 4, Group: 8}},
		{Name: "2 bits", In: []ir.Input{ir.Ramp(1, 32), bytes(2, 8), ir.Ramp(2, 2), ir.Ramp(2, 2)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.Unsigned, Bits: 2, Group: 16}},
		{Name: "8 bits", In: []ir.Input{ir.Ramp(1, 16), bytes(2, 16), small(ir.Ramp(2, 1))}, Attrs: ir.QuantizedDotAttrs{Codes: codes.Signed, Bits: 8, Group: 16}},
		{Name: "batches", In: []ir.Input{ir.Ramp(2, 2, 8), bytes(2, 3, 4), ir.Ramp(2, 3, 2)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.NF4, Bits: 4, Group: 4}},
		{Name: "float4", In: []ir.Input{ir.Ramp(1, 32), bytes(2, 16), ir.Ramp(2, 1)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.E2M1, Bits: 4, Group: 32}},
		{Name: "float8", In: []ir.Input{ir.Ramp(1, 8), bytes(2, 8), small(ir.Ramp(2, 1))}, Attrs: ir.QuantizedDotAttrs{Codes: codes.E4M3FN, Bits: 8, Group: 8}},
		{Name: "scales of bytes", In: []ir.Input{ir.Ramp(2, 64), bytes(3, 32), ir.Array([]int{3, 2}, 120, 127, 119, 124, 0, 121).As(dtypes.Uint8)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.E2M1, Bits: 4, Group: 32, Scales: codes.E8M0}},
		{Name: "scales of float8", In: []ir.Input{ir.Ramp(1, 32), bytes(3, 16), ir.Array([]int{3, 2}, 20, 3, 40, 160, 0, 31).As(dtypes.Uint8)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.E2M1, Bits: 4, Group: 16, Scales: codes.E4M3FN}},
		{Name: "large groups", In: []ir.Input{ir.Ramp(3, 192), bytes(5, 96), ir.Ramp(5, 3), ir.Ramp(5, 3)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.Unsigned, Bits: 4, Group: 64}},
		{Name: "nothing to add up", In: []ir.Input{ir.Ramp(2, 0), bytes(3, 0), ir.Ramp(3, 0)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.Signed, Bits: 4, Group: 8}},
		{Name: "no rows", In: []ir.Input{ir.Ramp(0, 8), bytes(3, 4), ir.Ramp(3, 1)}, Attrs: ir.QuantizedDotAttrs{Codes: codes.Signed, Bits: 4, Group: 8}},
	}
	quantizedDot = Define(ir.Op{
		Name: "QuantizedDot", Family: "dot", Variadic: true, DTypes: dtypes.Floats, Attrs: ir.QuantizedDotAttrs{},
		Doc:   "x · (z·value(y) + w)ᵀ, y being codes of few bits, z scales and w biases of groups of them; these may be left out",
		Infer: quantizedDotRule,
		Cost: func(attrs any, in, out []shapes.Shape) ir.Cost {
			return ir.Cost{FLOPs: 2 * float64(out[0].Size()) * float64(in[0].Dim(-1)), Bytes: ir.Traffic(in, out)}
		},
		Samples: samples,
		Tol:     ir.Tolerance{ULP: 64, Abs: 4096, Why: "sums in another order; codes up to 255 that scales and biases take back cancel"},
	}, Rule{Expand: expandQuantizedDot, Batch: batchQuantizedDot})
}
