package quant

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
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
)

// WholeTensor is the [Scheme.Group] with which all numbers of an array share a scale.
const WholeTensor = -1

// Scheme says how numbers are held. Its zero value is MLX's: affine codes of 4 bits in groups of 64.
type Scheme struct {
	Kind  Kind // Affine if it is empty
	Bits  int  // of a code: 2, 4 or 8 with Affine and Symmetric, 4 if it is 0; those that the other kinds have
	Group int  // how many numbers share a scale: a divisor of the last axis, 64 if it is 0, or WholeTensor
}

// kind is what the package knows of a [Kind].
type kind struct {
	bits   []int
	usual  int // of bits
	biased bool
	float8 dtypes.DType // what codes are, if they are floats
}

var kinds = map[Kind]kind{
	Affine:    {bits: []int{2, 4, 8}, usual: 4, biased: true},
	Symmetric: {bits: []int{2, 4, 8}, usual: 4},
	NF4:       {bits: []int{4}, usual: 4},
	E4M3FN:    {bits: []int{8}, usual: 8, float8: dtypes.Float8E4M3FN},
	E5M2:      {bits: []int{8}, usual: 8, float8: dtypes.Float8E5M2},
}

// normalFloats are the numbers of NF4: quantiles of the normal distribution, 8 of its negative half and 9 of its positive one that share
// 0, divided by the largest.
var normalFloats = []float64{-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
	-0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434,
	0.5626170039176941, 0.7229568362236023, 1}

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
		s.Group = 64
	}
	has := false
	for _, b := range k.bits {
		has = has || b == s.Bits
	}
	switch {
	case !has:
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
	case n*s.Bits%8 != 0:
		graph.Errorf("%s %s: the last axis, of %d codes of %d bits, does not fill whole bytes (pad it to a multiple of %d)", op, x, n, s.Bits, 8/s.Bits)
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
