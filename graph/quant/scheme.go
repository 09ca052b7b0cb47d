package quant

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/codes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Kind is what codes mean.
type Kind string

// Kinds of codes of b bits. lo and hi are the smallest and the largest number of a group, c is what a code holds.
const (
	// Affine has codes 0 … 2ᵇ-1, that are spread evenly from lo to hi so that 0, if it lies between, is one of them, and a bias:
	//
	//	s = ±(hi - lo)/(2ᵇ - 1), β = the one of lo and hi that is farther from 0, s = β/round(β/s), c = round((x - β)/s)
	//
	// s is positive if β is lo. Where all numbers of a group are the same, they are β, and s is 1. [Dequantize] makes infinities of numbers
	// farther from β than the dtype, or float32 for a narrower one, reaches.
	//
	// Source: MLX's quantize in its mode "affine", whose arrays are these, four bytes of codes as a uint32.
	Affine Kind = "affine"

	// Symmetric has codes -(2ᵇ⁻¹ - 1) … 2ᵇ⁻¹ - 1, in two's complement:
	//
	//	s = max|x| / (2ᵇ⁻¹ - 1),  c = round(x/s)
	Symmetric Kind = "symmetric"

	// NF4 has codes of 4 bits that are places in a table of 16 numbers from -1 to 1, between which a number of a normal distribution
	// is as likely as between others; s = max|x|, and c is the place nearest to x/s. Groups of 64 are usual.
	//
	// Source: Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs", 2023, arXiv:2305.14314, appendix E.
	NF4 Kind = "nf4"

	// E4M3FN and E5M2 have codes that are the bits of a float8_e4m3fn and of a float8_e5m2, of which 448 and 57344 are the largest:
	//
	//	s = max|x| / largest,  c = float8(x/s)
	//
	// s is no smaller than the smallest normal number of the dtype of x, unless all numbers of a group are 0. [graph.Bitcast] makes codes of floats, and floats of codes.
	E4M3FN Kind = "float8_e4m3fn"
	E5M2   Kind = "float8_e5m2"

	// MXFP4, MXFP8 and NVFP4 have floats of few bits as codes, and scales of a byte, uint8, in small groups: numbers are float32 where
	// nothing says otherwise. MXFP4 and NVFP4 have codes of 4 bits, a sign, two bits of exponent and one of mantissa, which are ±0, 0.5, 1,
	// 1.5, 2, 3, 4 and 6; MXFP8 has float8_e4m3fn. The scales of MXFP4 and MXFP8 are powers of 2, with the exponent n - 127 for a byte n
	// and NaN for 255, those of NVFP4 float8_e4m3fn:
	//
	//	n = round(log₂(max|x| / largest)) + 127, from 0 to 254;  s = 2ⁿ⁻¹²⁷
	//	s = float8(max|x| / 6)                                   with NVFP4
	//	c = float(x/s), numbers beyond the largest being that
	//
	// Source: OCP Microscaling Formats (MX) Specification 1.0, 2023, groups of 32; NVIDIA's NVFP4, groups of 16, without the scale of the
	// whole tensor. Scales and bytes are those of MLX's quantize in its modes of these names.
	MXFP4 Kind = "mxfp4"
	MXFP8 Kind = "mxfp8"
	NVFP4 Kind = "nvfp4"
)

// WholeTensor is the [Scheme.Group] with which all numbers of an array share a scale.
const WholeTensor = -1

// Scheme says how numbers are held. Its zero value is MLX's: affine codes of 4 bits in groups of 64.
type Scheme struct {
	Kind  Kind // Affine if it is empty
	Bits  int  // of a code: 2 to 6 or 8 with Affine, 2, 4 or 8 with Symmetric, 4 if it is 0; those that the other kinds have
	Group int  // how many numbers share a scale: a divisor of the last axis, 64 or what is usual for the kind if it is 0, or WholeTensor
}

// kind is what the package knows of a [Kind].
type kind struct {
	bits   []int
	usual  int // of bits
	group  int // how many numbers usually share a scale
	biased bool
	codes  codes.Kind   // what they are
	float8 dtypes.DType // what codes are, if they are such floats
	scales codes.Kind   // what scales of a byte are, "" if they are floats
}

var kinds = map[Kind]kind{
	Affine:    {bits: []int{2, 3, 4, 5, 6, 8}, usual: 4, group: 64, biased: true, codes: codes.Unsigned},
	Symmetric: {bits: []int{2, 4, 8}, usual: 4, group: 64, codes: codes.Signed},
	NF4:       {bits: []int{4}, usual: 4, group: 64, codes: codes.NF4},
	E4M3FN:    {bits: []int{8}, usual: 8, group: 64, codes: codes.E4M3FN, float8: dtypes.Float8E4M3FN},
	E5M2:      {bits: []int{8}, usual: 8, group: 64, codes: codes.E5M2, float8: dtypes.Float8E5M2},
	MXFP4:     {bits: []int{4}, usual: 4, group: 32, codes: codes.E2M1, scales: codes.E8M0},
	MXFP8:     {bits: []int{8}, usual: 8, group: 32, codes: codes.E4M3FN, float8: dtypes.Float8E4M3FN, scales: codes.E8M0},
	NVFP4:     {bits: []int{4}, usual: 4, group: 16, codes: codes.E2M1, scales: codes.E4M3FN},
}

// complete returns the scheme with what its zero values stand for, and what is known of its kind; it panics unless there is such a scheme.
func (s Scheme) complete(op string) (Scheme, kind) {
	if s.Kind == "" {
		s.Kind = Affine
	}
	k, known := kinds[s.Kind]
	if !known {
		graph.Errorf("%s: there is no kind %q: use one of the constants, such as quant.Affine", op, string(s.Kind))
	}
	if s.Bits == 0 {
		s.Bits = k.usual
	}
	if s.Group == 0 {
		s.Group = k.group
	}
	switch {
	case !slices.Contains(k.bits, s.Bits):
		graph.Errorf("%s: %s has codes of %v bits, not of %d", op, s.Kind, k.bits, s.Bits)
	case s.Group < WholeTensor:
		graph.Errorf("%s: a group cannot have %d numbers (quant.WholeTensor is one group of all)", op, s.Group)
	}
	return s, k
}

// fits panics unless numbers of a shape can be held, by a complete scheme.
func (s Scheme) fits(op string, x shapes.Shape) {
	if x.Rank() == 0 {
		graph.Errorf("%s %s: a scalar has no axis along which numbers form groups", op, x)
	}
	n := x.Dim(-1)
	switch {
	case s.Group != WholeTensor && n%s.Group != 0:
		graph.Errorf("%s %s: the last axis, of %d, does not divide into groups of %d (choose another Scheme.Group, or pad the axis)", op, x, n, s.Group)
	case n%unit(s.Bits) != 0:
		graph.Errorf("%s %s: the last axis, of %d codes of %d bits, does not fill whole bytes (pad it to a multiple of %d)", op, x, n, s.Bits, unit(s.Bits))
	}
}

// scalesOf returns the shape of the scales of numbers.
func (s Scheme) scalesOf(x shapes.Shape) shapes.Shape {
	y := x.Clone()
	if s.Group != WholeTensor {
		y.Dimensions[y.Rank()-1] /= s.Group
		return y
	}
	for i := range y.Dimensions {
		y.Dimensions[i] = 1
	}
	return y
}

// Of returns the numbers that parts hold: codes, scales and, with [Affine], biases, as [Quantized.Nodes] returns them.
func (s Scheme) Of(parts ...*graph.Node) Quantized {
	_, k := s.complete("quant.Of")
	names := []string{"codes", "scales"}
	if k.biased {
		names = append(names, "biases")
	}
	if len(parts) != len(names) {
		graph.Errorf("quant.Of: %d parts, but these numbers have %d: %v", len(parts), len(names), names)
	}
	q := Quantized{Scheme: s, Codes: parts[0], Scales: parts[1]}
	if k.biased {
		q.Biases = parts[2]
	}
	q.check("quant.Of")
	return q
}
