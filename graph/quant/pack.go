package quant

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Pack returns integers of few bits, 8/bits of them a byte, the first in the lowest bits:
//
//	y[…, i] = Σ_j (x[…, i·8/bits + j] mod 2ᵇⁱᵗˢ) · 2^(j·bits)
//
// codes are integers of [..., N], of which the lowest bits count, so that negative ones are in two's complement; bits is 1, 2, 4 or 8 and
// N·bits a multiple of 8. The result is uint8 of [..., N·bits/8]. [Unpack] undoes it. It is how MLX packs codes.
func Pack(codes *graph.Node, bits int) *graph.Node {
	checkBits("quant.Pack", codes, bits)
	switch d := codes.DType(); {
	case !d.IsInt():
		graph.Errorf("quant.Pack %s: codes are integers, not %s", codes.Shape(), d)
	case codes.Dim(-1)*bits%8 != 0:
		graph.Errorf("quant.Pack %s: the last axis, of %d codes of %d bits, does not fill whole bytes (pad it to a multiple of %d)", codes.Shape(), codes.Dim(-1), bits, 8/bits)
	}
	x := graph.ConvertDType(axes.Unnamed(codes), dtypes.Uint8)
	if bits == 8 {
		return x
	}
	dims := slices.Clone(x.Shape().Dimensions)
	dims[len(dims)-1] /= 8 / bits
	x = graph.BitwiseAnd(x, graph.ConstAs(x, 1<<bits-1))
	x = graph.Reshape(x, append(dims, 8/bits)...)
	shift := graph.MulScalar(graph.Iota(x.Graph(), shapes.Make(dtypes.Uint8, 8/bits), 0), bits)
	return graph.ReduceBitwiseOr(graph.BitwiseShiftLeft(x, shift), -1)
}

// Unpack returns the integers of few bits that bytes hold, as [Pack] packs them: signed ones in two's complement as int8, from -2ᵇⁱᵗˢ⁻¹ to
// 2ᵇⁱᵗˢ⁻¹-1, others as uint8, from 0 to 2ᵇⁱᵗˢ-1. packed is uint8 of [..., M], bits 1, 2, 4 or 8; the result is [..., M·8/bits].
func Unpack(packed *graph.Node, bits int, signed bool) *graph.Node {
	checkBits("quant.Unpack", packed, bits)
	if packed.DType() != dtypes.Uint8 {
		graph.Errorf("quant.Unpack %s: bytes are uint8, not %s (see Bitcast)", packed.Shape(), packed.DType())
	}
	switch {
	case bits == 8 && signed:
		return graph.Bitcast(axes.Unnamed(packed), dtypes.Int8)
	case bits == 8:
		return axes.Unnamed(packed)
	case signed:
		return looked(packed, bits, dtypes.Int8, func(code int) float64 { return signedCode(code, bits) })
	}
	return looked(packed, bits, dtypes.Uint8, unsignedCode)
}

func unsignedCode(code int) float64 { return float64(code) }

// signedCode is the number that a code is in two's complement.
func signedCode(code, bits int) float64 { return float64(code - code>>(bits-1)<<bits) }

// looked returns what the codes in bytes mean, looked up in a table of all bytes: one op, where shifting and masking are several, each for
// all codes.
func looked(packed *graph.Node, bits int, d dtypes.DType, value func(code int) float64) *graph.Node {
	per := 8 / bits
	table := make([]float64, 0, 256*per)
	for b := range 256 {
		for i := range per {
			table = append(table, value(b>>(i*bits)&(1<<bits-1)))
		}
	}
	dims := slices.Clone(packed.Shape().Dimensions)
	dims[len(dims)-1] *= per
	rows := graph.Reshape(graph.ConstAsDType(packed.Graph(), d, table), 256, per)
	return graph.Reshape(graph.Gather(rows, graph.ExpandAxes(axes.Unnamed(packed), -1)), dims...)
}

func checkBits(op string, x *graph.Node, bits int) {
	switch {
	case x == nil:
		graph.Errorf("%s: an operand is nil", op)
	case bits != 1 && bits != 2 && bits != 4 && bits != 8:
		graph.Errorf("%s %s: a byte holds codes of 1, 2, 4 or 8 bits, not of %d", op, x.Shape(), bits)
	case x.Rank() == 0:
		graph.Errorf("%s %s: a scalar has no axis along which codes stand", op, x.Shape())
	}
}
