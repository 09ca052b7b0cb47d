package quant

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Pack returns integers of few bits one after the other, the first in the lowest bits of the first byte. Where 8/bits of them are a byte:
//
//	y[…, i] = Σ_j (x[…, i·8/bits + j] mod 2ᵇⁱᵗˢ) · 2^(j·bits)
//
// Codes of 3, 5 and 6 bits go on from byte to byte: 8 of 3 bits are 3 bytes, 8 of 5 bits 5, 4 of 6 bits 3.
//
// codes are integers of [..., N], of which the lowest bits count, so that negative ones are in two's complement; bits is 1 to 6 or 8 and
// N·bits a multiple of 8, in whole such pieces. The result is uint8 of [..., N·bits/8]. [Unpack] undoes it. It is how MLX packs codes.
func Pack(codes *graph.Node, bits int) *graph.Node {
	checkBits("quant.Pack", codes, bits)
	switch d := codes.DType(); {
	case !d.IsInt():
		graph.Errorf("quant.Pack %s: codes are integers, not %s", codes.Shape(), d)
	case codes.Dim(-1)%unit(bits) != 0:
		graph.Errorf("quant.Pack %s: the last axis, of %d codes of %d bits, does not fill whole bytes (pad it to a multiple of %d)", codes.Shape(), codes.Dim(-1), bits, unit(bits))
	}
	x := graph.ConvertDType(axes.Unnamed(codes), dtypes.Uint8)
	if bits == 8 {
		return x
	}
	dims := slices.Clone(x.Shape().Dimensions)
	dims[len(dims)-1] /= unit(bits)
	x = graph.BitwiseAnd(x, graph.ConstAs(x, 1<<bits-1))
	if 8%bits != 0 {
		word := graph.BitwiseShiftLeft(graph.ConvertDType(graph.Reshape(x, append(dims, unit(bits))...), dtypes.Uint64), multiples(x.Graph(), unit(bits), bits))
		word = graph.ExpandAxes(graph.ReduceBitwiseOr(word, -1), -1)
		word = graph.BitwiseShiftRightLogical(word, multiples(x.Graph(), unit(bits)*bits/8, 8))
		x = graph.ConvertDType(graph.BitwiseAnd(word, graph.ConstAs(word, 255)), dtypes.Uint8)
		dims[len(dims)-1] *= unit(bits) * bits / 8
		return graph.Reshape(x, dims...)
	}
	x = graph.Reshape(x, append(dims, 8/bits)...)
	shift := graph.MulScalar(graph.Iota(x.Graph(), shapes.Make(dtypes.Uint8, 8/bits), 0), bits)
	return graph.ReduceBitwiseOr(graph.BitwiseShiftLeft(x, shift), -1)
}

// Unpack returns the integers of few bits that bytes hold, as [Pack] packs them: signed ones in two's complement as int8, from -2ᵇⁱᵗˢ⁻¹ to
// 2ᵇⁱᵗˢ⁻¹-1, others as uint8, from 0 to 2ᵇⁱᵗˢ-1. packed is uint8 of [..., M], bits 1 to 6 or 8; the result is [..., M·8/bits].
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
	case packed.Dim(-1)*8/bits%unit(bits) != 0 || packed.Dim(-1)*8%bits != 0:
		graph.Errorf("quant.Unpack %s: %d bytes are no whole number of codes of %d bits", packed.Shape(), packed.Dim(-1), bits)
	}
	values := make([]float64, 1<<bits)
	for code := range values {
		if values[code] = float64(code); signed {
			values[code] = signedCode(code, bits)
		}
	}
	d := dtypes.Uint8
	if signed {
		d = dtypes.Int8
	}
	return looked(packed, bits, d, values)
}

// unit is how many codes fill whole bytes.
func unit(bits int) int {
	switch bits {
	case 3, 5:
		return 8
	case 6:
		return 4
	}
	return 8 / bits
}

// multiples returns 0, by, 2·by, … as uint64 of [n].
func multiples(g *graph.Graph, n, by int) *graph.Node {
	return graph.MulScalar(graph.Iota(g, shapes.Make(dtypes.Uint64, n), 0), by)
}

// signedCode is the number that a code is in two's complement.
func signedCode(code, bits int) float64 { return float64(code - code>>(bits-1)<<bits) }

// looked returns what the codes in bytes mean, values by code. Where a byte holds whole codes they are looked up in a table of all bytes:
// one op, where shifting and masking are several, each for all codes.
func looked(packed *graph.Node, bits int, d dtypes.DType, values []float64) *graph.Node {
	dims := slices.Clone(packed.Shape().Dimensions)
	dims[len(dims)-1] = dims[len(dims)-1] * 8 / bits
	packed = axes.Unnamed(packed)
	if 8%bits != 0 {
		split := slices.Clone(packed.Shape().Dimensions)
		n := unit(bits) * bits / 8
		split[len(split)-1] /= n
		word := graph.BitwiseShiftLeft(graph.ConvertDType(graph.Reshape(packed, append(split, n)...), dtypes.Uint64), multiples(packed.Graph(), n, 8))
		word = graph.ExpandAxes(graph.ReduceBitwiseOr(word, -1), -1)
		word = graph.BitwiseShiftRightLogical(word, multiples(packed.Graph(), unit(bits), bits))
		codes := graph.ConvertDType(graph.BitwiseAnd(word, graph.ConstAs(word, 1<<bits-1)), dtypes.Int32)
		return graph.Reshape(graph.Gather(graph.ConstAsDType(packed.Graph(), d, values), graph.ExpandAxes(codes, -1)), dims...)
	}
	per := 8 / bits
	table := make([]float64, 0, 256*per)
	for b := range 256 {
		for i := range per {
			table = append(table, values[b>>(i*bits)&(1<<bits-1)])
		}
	}
	rows := graph.Reshape(graph.ConstAsDType(packed.Graph(), d, table), 256, per)
	return graph.Reshape(graph.Gather(rows, graph.ExpandAxes(packed, -1)), dims...)
}

func checkBits(op string, x *graph.Node, bits int) {
	switch {
	case x == nil:
		graph.Errorf("%s: an operand is nil", op)
	case bits < 1 || bits > 8 || bits == 7:
		graph.Errorf("%s %s: codes have 1 to 6 or 8 bits, not %d", op, x.Shape(), bits)
	case x.Rank() == 0:
		graph.Errorf("%s %s: a scalar has no axis along which codes stand", op, x.Shape())
	}
}
