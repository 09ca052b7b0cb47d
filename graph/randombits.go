package graph

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Random numbers come from Philox-4x32-10, a counter-based generator: block number c of the stream with key
// k is a function of (k, c) alone, made of integer multiplications and exclusive ors. So every backend
// gives the same bits, elements can be computed in any order, and a state is a value like any other: a
// uint64[3] of the key and the number of the next block (low and high half).
//
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3.

// RNGStateFromSeed returns the state at the beginning of the stream with the given seed.
func RNGStateFromSeed(seed int64) (*tensors.Tensor, error) {
	return tensors.FromAnyValue([]uint64{uint64(seed), 0, 0})
}

// RNGState returns a state with a random key, by Go's generator, which the system's source of randomness has seeded. It is
// not for secrets.
func RNGState() (*tensors.Tensor, error) {
	return RNGStateFromSeed(int64(rand.Uint64())) // crypto/rand would make each notebook cell 0.16 MB larger
}

// RNGStateForGraph returns a state with a random key as a constant: each run of the graph starts with the
// same one.
func RNGStateForGraph(g *Graph) *Node {
	t, err := RNGState()
	if err != nil {
		g.fail("RNGStateForGraph", nil, err)
	}
	return ConstTensor(g, t)
}

// RNGStateFromSeedForGraph returns the state at the beginning of the stream with the given seed as a constant.
func RNGStateFromSeedForGraph(g *Graph, seed int64) *Node {
	return Const(g, []uint64{uint64(seed), 0, 0})
}

// RNGStateSplit returns two states, whose streams differ from each other and from that of rngState, which
// should not be used any more. Their keys are a block of rngState's stream at a place that is otherwise
// reached after 2^127 blocks.
func RNGStateSplit(rngState *Node) (newRNGState1, newRNGState2 *Node) {
	need("RNGStateSplit", rngState)
	g := rngState.graph
	_, keys := RandomBits(BitwiseXor(rngState, Const(g, []uint64{0, 0, 1 << 63})), shapes.Make(dtypes.Uint64, 2))
	zero := ScalarZero(g, dtypes.Uint64)
	return Pad(sliceAlong(keys, 0, 0, 1), zero, ir.PadAxis{End: 2}), Pad(sliceAlong(keys, 0, 1, 2), zero, ir.PadAxis{End: 2})
}

// RandomBits returns uniformly distributed bits, of a shape with dtype uint32 or uint64, and the state
// after them. rngState is a uint64[3] made by [RNGStateFromSeed] or its like.
//
// Each block of Philox gives four 32-bit words, in order; a uint64 takes two, the lower half first. The
// first elements of a larger shape are those of a smaller one.
func RandomBits(rngState *Node, shape shapes.Shape) (newRNGState, bits *Node) {
	return applyRandom(randomBits, ir.RandomAttrs{Shape: shape}, rngState)
}

var randomBits *ir.Op

// noRandomGradient is why ops on random states have gradient zero.
const noRandomGradient = "random bits are integers"

func applyRandom(op *ir.Op, attrs any, in ...*Node) (newRNGState, values *Node) {
	out := ApplyMulti(op, attrs, in...)
	return out[0], out[1]
}

// checkState returns an error unless s is that of a random state.
func checkState(s shapes.Shape) error {
	if s.DType != dtypes.Uint64 || s.Rank() != 1 || s.Dimensions[0] != 3 {
		return fmt.Errorf("the random state must be uint64[3], not %s (make it with RNGStateFromSeed)", s)
	}
	return nil
}

// randomRule is the shape rule of ops that take a state and give another and values of shape, whose dtype
// must be among allowed.
func randomRule(state, shape shapes.Shape, allowed dtypes.Set) ([]shapes.Shape, error) {
	if err := checkState(state); err != nil {
		return nil, err
	}
	if err := shape.Check(); err != nil {
		return nil, err
	}
	if !allowed.Has(shape.DType) {
		return nil, fmt.Errorf("random values of dtype %s are not made here: %s (RandomIntN makes integers, RandomBernoulli bools)", shape.DType, allowed)
	}
	return []shapes.Shape{state, shape}, nil
}

// The constants of Philox-4x32: two multipliers, and what the key's halves grow by each round.
const (
	philoxM0, philoxM1 = 0xD2511F53, 0xCD9E8D57
	philoxW0, philoxW1 = 0x9E3779B9, 0xBB67AE85 // golden ratio and √3 - 1
	philoxRounds       = 10
)

// philox returns the block with the given number.
func philox(key, low, high uint64) [4]uint32 {
	c := [4]uint32{uint32(low), uint32(low >> 32), uint32(high), uint32(high >> 32)}
	k0, k1 := uint32(key), uint32(key>>32)
	for range philoxRounds {
		p0, p1 := uint64(c[0])*philoxM0, uint64(c[2])*philoxM1
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k0, uint32(p1), uint32(p0>>32) ^ c[3] ^ k1, uint32(p0)}
		k0 += philoxW0
		k1 += philoxW1
	}
	return c
}

// blocks returns how many blocks of Philox make n values of d.
func blocks(n int, d dtypes.DType) int {
	if d == dtypes.Uint64 {
		return (n + 1) / 2
	}
	return (n + 3) / 4
}

func randomBitsRef(attrs any, out, in []*tensors.Tensor) {
	s, n := tensors.Flat[uint64](in[0]), out[1].Size()
	count := blocks(n, out[1].DType())
	words := make([]uint32, 0, 4*count)
	for i := range uint64(count) {
		low, high := s[1]+i, s[2]
		if low < i {
			high++
		}
		b := philox(s[0], low, high)
		words = append(words, b[:]...)
	}
	if out[1].DType() == dtypes.Uint32 {
		copy(tensors.Flat[uint32](out[1]), words)
	} else {
		for i, to := 0, tensors.Flat[uint64](out[1]); i < n; i++ {
			to[i] = uint64(words[2*i]) | uint64(words[2*i+1])<<32
		}
	}
	next := tensors.Flat[uint64](out[0])
	next[0], next[1], next[2] = s[0], s[1]+uint64(count), s[2]
	if next[1] < s[1] {
		next[2]++
	}
}

// expandRandomBits computes all blocks at once, in uint64 that hold 32-bit words.
func expandRandomBits(attrs any, in []*Node) []*Node {
	shape, state, g := attrs.(ir.RandomAttrs).Shape, in[0], in[0].graph
	n := shape.Size()
	count := blocks(n, shape.DType)
	u := func(v uint64) *Node { return Const(g, v) }
	part := func(i int) *Node { return Squeeze(sliceAlong(state, 0, i, i+1), 0) }
	low32 := func(x *Node) *Node { return BitwiseAnd(x, u(math.MaxUint32)) }
	high32 := func(x *Node) *Node { return BitwiseShiftRightLogical(x, u(32)) }
	plus := func(low, high, by *Node) (*Node, *Node) { // a 128-bit sum
		sum := Add(low, by)
		return sum, Add(high, ConvertDType(LessThan(sum, by), dtypes.Uint64))
	}
	key, low, high := part(0), part(1), part(2)
	k0, k1 := low32(key), high32(key)
	l, h := plus(low, high, Iota(g, shapes.Make(dtypes.Uint64, count), 0))
	c := [4]*Node{low32(l), high32(l), low32(h), high32(h)}
	for range philoxRounds {
		p0, p1 := Mul(c[0], u(philoxM0)), Mul(c[2], u(philoxM1))
		c = [4]*Node{
			BitwiseXor(BitwiseXor(high32(p1), c[1]), k0), low32(p1),
			BitwiseXor(BitwiseXor(high32(p0), c[3]), k1), low32(p0),
		}
		k0, k1 = low32(Add(k0, u(philoxW0))), low32(Add(k1, u(philoxW1)))
	}
	var bits *Node
	if shape.DType == dtypes.Uint32 {
		bits = ConvertDType(Reshape(Stack(c[:], 1), 4*count), dtypes.Uint32)
	} else {
		pair := func(lo, hi *Node) *Node { return BitwiseOr(lo, BitwiseShiftLeft(hi, u(32))) }
		bits = Reshape(Stack([]*Node{pair(c[0], c[1]), pair(c[2], c[3])}, 1), 2*count)
	}
	low, high = plus(low, high, u(uint64(count)))
	next := Stack([]*Node{key, low, high}, 0)
	return []*Node{next, ReshapeWithShape(sliceAlong(bits, 0, 0, n), shape)}
}

// randomState is the operand of samples: key, low and high half of the counter.
func randomState(key, low, high float64) ir.Input { return ir.Values(key, low, high).As(dtypes.Uint64) }

// randomSample is a call that makes values of a dtype and dimensions.
func randomSample(d dtypes.DType, dims ...int) ir.Sample {
	return ir.Sample{Name: d.String(), In: []ir.Input{randomState(1234567890123, 5, 6)}, Attrs: ir.RandomAttrs{Shape: shapes.Make(d, dims...)}}
}

func init() {
	named := func(name string, s ir.Sample) ir.Sample {
		s.Name = name
		return s
	}
	carry := randomSample(dtypes.Uint32, 3, 3)
	carry.In = []ir.Input{randomState(7, math.Exp2(64), 1)} // rounded down to the last number of a low half
	randomBits = Define(ir.Op{
		Name: "RandomBits", Family: "random", Doc: "the next state, and uniform bits of Philox-4x32-10", DTypes: dtypes.SetOf(dtypes.Uint64), Attrs: ir.RandomAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			return randomRule(in[0], attrs.(ir.RandomAttrs).Shape, dtypes.SetOf(dtypes.Uint32, dtypes.Uint64))
		},
		Ref: randomBitsRef,
		Samples: []ir.Sample{
			randomSample(dtypes.Uint32, 7), randomSample(dtypes.Uint64, 2, 3),
			named("scalar", randomSample(dtypes.Uint64)), named("none", randomSample(dtypes.Uint32, 0, 2)),
			named("the counter carries", carry),
		},
	}, Rule{Expand: expandRandomBits, ZeroGrad: noRandomGradient})
}
