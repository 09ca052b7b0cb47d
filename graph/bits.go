package graph

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// BitCount returns how many bits of x are set, element by element; of a negative number those of its two's complement. x holds
// integers, and the result has its dtype.
func BitCount(x *Node) *Node { return Apply(bitCount, nil, x) }

// Clz returns how many zeros stand above the highest bit of x that is set, element by element: the dtype's width for 0. x holds
// integers, and the result has its dtype.
func Clz(x *Node) *Node { return Apply(clz, nil, x) }

// MulHi returns the upper half of the product of twice the width, element by element, with broadcasting:
//
//	z = ⌊x·y / 2ʷ⌋, w being the width of the dtype
//
// Both operands hold integers of one dtype.
func MulHi(x, y *Node) *Node { return Apply(mulHi, nil, x, y) }

// Bitcast returns the bits of x as numbers of another dtype. If that has the same size, so has the result's shape. Elements of a
// narrower one stand along a new last axis, the lowest bits first; to make a wider one, the last axis must hold as many elements as
// make one of it, and goes. Integers and floats have bits, those for storage too; bools and complex numbers have none.
//
// There is no gradient: bits are no numbers. [ConvertDType] converts numbers.
func Bitcast(x *Node, dtype dtypes.DType) *Node {
	return Apply(bitcast, ir.BitcastAttrs{DType: dtype}, x)
}

var bitCount, clz, mulHi, bitcast *ir.Op

// bitTypes are the dtypes whose bits have another meaning.
const bitTypes = dtypes.Ints | dtypes.Floats | dtypes.Storage

func init() {
	const whole = "integers have no gradient"
	samples := []ir.Sample{
		{In: []ir.Input{ir.Values(0, 1, -1, 12, -128, 127, 64)}},
		{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(5)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
	}
	int8s := func(want ...float64) ir.Sample {
		return ir.Sample{Name: "int8", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(0, 1, -1, 12, -128, 127, 64)}, Want: want}
	}
	bitCount = Define(ir.Op{
		Name: "BitCount", Family: "logical", Elementwise: true, Doc: "how many bits are set", DTypes: dtypes.Ints, HLO: "stablehlo.popcnt",
		Infer:   sameShape,
		Ref:     wordRef(func(x uint64, _ int) int { return bits.OnesCount64(x) }),
		Samples: append(samples, int8s(0, 1, 8, 2, 1, 7, 1)),
	}, Rule{
		Expand:   func(_ any, in []*Node) []*Node { return []*Node{expandBitCount(in[0])} },
		ZeroGrad: whole,
	})
	clz = Define(ir.Op{
		Name: "Clz", Family: "logical", Elementwise: true, Doc: "how many zeros stand above the highest bit", DTypes: dtypes.Ints, HLO: "stablehlo.count_leading_zeros",
		Infer:   sameShape,
		Ref:     wordRef(func(x uint64, width int) int { return width - bits.Len64(x) }),
		Samples: append(samples, int8s(8, 7, 0, 4, 0, 1, 1)),
	}, Rule{
		Expand: func(_ any, in []*Node) []*Node { // the highest bit is spread to all lower places
			x := in[0]
			for shift := 1; shift < in[0].DType().Bits(); shift *= 2 {
				x = BitwiseOr(x, BitwiseShiftRightLogicalScalar(x, shift))
			}
			return []*Node{BitCount(BitwiseNot(x))}
		},
		ZeroGrad: whole,
	})
	mulHi = Define(ir.Op{
		Name: "MulHi", Family: "arithmetic", Elementwise: true, Doc: "the upper half of the product", DTypes: dtypes.Ints,
		Infer: broadcastRule,
		Ref:   mulHiRef,
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Values(0, 1, -1, 12, -128, 127), ir.Values(5, -3, 10, 100, -128, 64)}},
			{Name: "broadcast", In: []ir.Input{ir.Array([]int{2, 1}, 1e15, -3e15), ir.Values(1e15, -2e14, 3)}},
			{Name: "large", In: []ir.Input{ir.Values(-9e18, 9e18, 1e19, -1), ir.Values(7e18, -5e18, 1e19, 1)}},
			{Name: "int8", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(-128, 127, -1, 100), ir.Values(-128, 127, 1, -3)}, Want: []float64{64, 63, -1, -2}},
			{Name: "uint8", DTypes: dtypes.SetOf(dtypes.Uint8), In: []ir.Input{ir.Values(255, 128, 1), ir.Values(255, 2, 255)}, Want: []float64{254, 1, 0}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 2), ir.Ramp(2)}},
		},
	}, Rule{
		Expand:   func(_ any, in []*Node) []*Node { return []*Node{expandMulHi(in[0], in[1])} },
		ZeroGrad: whole,
	})
	to := func(d dtypes.DType, from dtypes.Set) ir.Sample {
		return ir.Sample{Name: "to " + d.String(), DTypes: from, Attrs: ir.BitcastAttrs{DType: d},
			In: []ir.Input{ir.Array([]int{2, 2, 4}, 1, 2, -3, 0.5, 100, -1.25, 0, 7, 3, 5, 9, 11, 64, -128, 127, 1)}}
	}
	bitcast = Define(ir.Op{
		Name: "Bitcast", Family: "shape", Cost: movesOnly, Doc: "the bits of x as numbers of another dtype", DTypes: bitTypes, Attrs: ir.BitcastAttrs{},
		Infer: bitcastRule,
		Ref: func(_ any, out, in []*tensors.Tensor) {
			copy(out[0].Storage().Bytes()[:out[0].ByteSize()], in[0].Storage().Bytes())
			runtime.KeepAlive(out)
			runtime.KeepAlive(in)
		},
		Samples: []ir.Sample{
			to(dtypes.Int8, dtypes.SetOf(dtypes.Int8, dtypes.Uint8, dtypes.Float16, dtypes.Float32, dtypes.Int64)),
			to(dtypes.Uint8, bitTypes),
			to(dtypes.Int16, dtypes.SetOf(dtypes.Uint16, dtypes.BFloat16, dtypes.Float16, dtypes.Float64)),
			to(dtypes.Uint32, bitTypes&^dtypes.SetOf(dtypes.Int16, dtypes.Uint16, dtypes.Float16, dtypes.BFloat16)),
			to(dtypes.Int64, dtypes.SetOf(dtypes.Float64, dtypes.Uint64)),
			{Name: "scalars", DTypes: dtypes.SetOf(dtypes.Float32), Attrs: ir.BitcastAttrs{DType: dtypes.Int32}, In: []ir.Input{ir.ScalarValue(1)}, Want: []float64{127 << 23}},
			{Name: "a float of bits", DTypes: dtypes.SetOf(dtypes.Int32), Attrs: ir.BitcastAttrs{DType: dtypes.Float32}, In: []ir.Input{ir.Values(127<<23, 128<<23+1<<22, 0)}, Want: []float64{1, 3, 0}},
			{Name: "halves of a word", DTypes: dtypes.SetOf(dtypes.Uint32), Attrs: ir.BitcastAttrs{DType: dtypes.Uint16}, In: []ir.Input{ir.Values(1<<16 + 2)}, Want: []float64{2, 1}},
			{Name: "empty", DTypes: dtypes.SetOf(dtypes.Float32), Attrs: ir.BitcastAttrs{DType: dtypes.Uint32}, In: []ir.Input{ir.Ramp(0, 3)}},
		},
	}, Rule{NoGrad: "bits are no numbers"})
}

func bitcastRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	s, to := in[0], attrs.(ir.BitcastAttrs).DType
	if !bitTypes.Has(to) {
		return s, fmt.Errorf("%s has no bits that are numbers of their own: %s have", to, bitTypes)
	}
	from, size := s.DType.Size(), to.Size()
	out := s.WithDType(to)
	switch n := s.Rank() - 1; {
	case from > size:
		out.Dimensions = append(slices.Clone(s.Dimensions), from/size)
	case from < size && (n < 0 || s.Dimensions[n] != size/from):
		return s, fmt.Errorf("%d elements of %s make one of %s: the last axis must have that size", size/from, s.DType, to)
	case from < size:
		out.Dimensions = slices.Clone(s.Dimensions[:n])
	}
	return out, nil
}

// wordRef is the meaning of an op on the bits of an integer of a width.
func wordRef(f func(x uint64, width int) int) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		width := in[0].DType().Bits()
		word := func(x uint64) int { return f(x<<(64-width)>>(64-width), width) }
		unaryRef(nil, func(x int64) int64 { return int64(word(uint64(x))) }, func(x uint64) uint64 { return uint64(word(x)) }, nil)(attrs, out, in)
	}
}

func mulHiRef(attrs any, out, in []*tensors.Tensor) {
	width := in[0].DType().Bits()
	binaryRef(nil, func(x, y int64) int64 {
		hi, lo := bits.Mul64(uint64(x), uint64(y))
		hi -= uint64(x>>63)&uint64(y) + uint64(y>>63)&uint64(x) // what the signs added
		return int64(hi<<(64-width) | lo>>(width-1)>>1)
	}, func(x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		return hi<<(64-width) | lo>>(width-1)>>1
	}, nil)(attrs, out, in)
}

// expandBitCount adds up the bits in pairs, fours, …, bytes, and so on.
func expandBitCount(x *Node) *Node {
	g, d := x.graph, x.DType()
	v := ConvertDType(x, dtypes.Uint64)
	if d.Size() < 8 { // a negative number has been extended
		v = BitwiseAnd(v, Scalar(g, dtypes.Uint64, uint64(1)<<d.Bits()-1))
	}
	for i, mask := range []uint64{0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF} {
		m := Scalar(g, dtypes.Uint64, mask)
		v = Add(BitwiseAnd(v, m), BitwiseAnd(BitwiseShiftRightLogicalScalar(v, 1<<i), m))
	}
	return ConvertDType(v, d)
}

// expandMulHi multiplies in 64 bits; numbers of so many by halves, as unsigned ones.
func expandMulHi(x, y *Node) *Node {
	d := x.DType()
	if d.Size() < 8 {
		wider := dtypes.Int64
		if d.IsUnsigned() {
			wider = dtypes.Uint64
		}
		z := Mul(ConvertDType(x, wider), ConvertDType(y, wider))
		return ConvertDType(BitwiseShiftRightLogicalScalar(z, d.Bits()), d)
	}
	a, b := ConvertDType(x, dtypes.Uint64), ConvertDType(y, dtypes.Uint64)
	low := func(v *Node) *Node { return BitwiseAnd(v, Scalar(v.graph, dtypes.Uint64, uint64(1)<<32-1)) }
	high := func(v *Node) *Node { return BitwiseShiftRightLogicalScalar(v, 32) }
	t := Add(Mul(high(a), low(b)), high(Mul(low(a), low(b))))
	u := Add(Mul(low(a), high(b)), low(t))
	z := Add(Mul(high(a), high(b)), Add(high(t), high(u)))
	if d == dtypes.Uint64 {
		return z
	}
	zero := ScalarZero(x.graph, d)
	signs := Add(Where(LessThan(x, zero), y, zero), Where(LessThan(y, zero), x, zero))
	return Sub(ConvertDType(z, d), signs)
}
