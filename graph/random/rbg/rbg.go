// Package rbg is JAX's generator "rbg" (jax_default_prng_impl=rbg), and XLA's generator below it: keys, bits and uniform numbers are those of
// jax.random on a CPU or GPU, normal ones differ by rounding only, so that programs and seeds carry over.
//
//	key := rbg.Key(g, 42)                                   // jax.random.key(42, impl="rbg")
//	keys := rbg.Split(key, 2)                               // jax.random.split(key)
//	x := rbg.Normal(keys[0], shape)                         // jax.random.normal(keys[0], shape)
//	next, bits := rbg.Generate(rbg.Philox, state, shape)    // jax.lax.rng_bit_generator
//
// A key is a uint32[4]. As in JAX, whoever uses a key twice gets the same numbers twice. The functions panic with [graph.Error] if shapes or
// dtypes do not fit. JAX's usual generator is in package threefry.
//
// XLA leaves to each compiler what bits its generator gives. Those here are of its compilers for CPUs and GPUs; a TPU has others, in JAX too.
//
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
package rbg

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/random/internal/words"
	"github.com/quire-ml/quire/graph/random/threefry"
	"github.com/quire-ml/quire/graph/shapes"
)

// Algorithm is one by which [Generate] makes bits.
type Algorithm string

// The algorithms, by StableHLO's names. Default is Philox, as XLA has it for CPUs and GPUs.
const (
	Default  Algorithm = "DEFAULT"
	Philox   Algorithm = "PHILOX"
	ThreeFry Algorithm = "THREE_FRY"
)

// Generate returns random bits of a shape, and the state after them, as jax.lax.rng_bit_generator does. The shape's dtype is an integer.
//
// state is a uint64[2] of a key and a counter; for Philox also a uint64[3], with the counter's upper half. Philox gives four words of 32 bits
// for a counter, and takes the key for the upper half of one that has none; ThreeFry gives two. An integer of 64 bits takes two words, the
// lower half first, one of 8 or 16 bits the lower part of a word.
func Generate(algorithm Algorithm, state *graph.Node, shape shapes.Shape) (next, bits *graph.Node) {
	if state == nil {
		graph.Errorf("rbg.Generate: the state is nil: give a uint64[2] of key and counter")
	}
	three := algorithm != ThreeFry && state.Rank() == 1 && state.Dim(0) == 3
	switch err := shape.Check(); {
	case algorithm != Default && algorithm != Philox && algorithm != ThreeFry:
		graph.Errorf("rbg.Generate: the algorithm %q is unknown: there are %s, %s and %s", algorithm, Default, Philox, ThreeFry)
	case state.DType() != dtypes.Uint64 || state.Rank() != 1 || state.Dim(0) != 2 && !three:
		graph.Errorf("rbg.Generate: the state is %s: want a uint64[2] of key and counter, or for %s a uint64[3]", state.Shape(), Philox)
	case err != nil || !shape.DType.IsInt():
		graph.Errorf("rbg.Generate: the shape of the bits, %s, is none of integers", shape)
	}
	made := shape.WithDType(dtypes.Uint32)
	if shape.DType.Bits() == 64 {
		made.DType = dtypes.Uint64
	}
	switch {
	case algorithm == ThreeFry:
		next, bits = threeFry(state, made)
	case three:
		next, bits = graph.RandomBits(state, made)
	default:
		key := graph.SliceAxis(state, 0, graph.AxisRange(0, 1))
		next, bits = graph.RandomBits(graph.Concatenate([]*graph.Node{state, key}, 0), made)
		next = graph.SliceAxis(next, 0, graph.AxisRange(0, 2))
	}
	return next, graph.ConvertDType(bits, shape.DType)
}

// threeFry is Generate by Threefry, of uint32 or uint64. The two words of a counter stand one after the other along an axis, as XLA has it: the
// first one of even size, else the longest, of which the last part is left out.
func threeFry(state *graph.Node, shape shapes.Shape) (next, bits *graph.Node) {
	g := state.Graph()
	part := func(i int) *graph.Node { return graph.SliceAxis(state, 0, graph.AxisRange(i, i+1)) }
	low := func(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtypes.Uint32) }
	high := func(x *graph.Node) *graph.Node { return low(graph.BitwiseShiftRightLogicalScalar(x, 32)) }
	axis, half := 0, slices.Clone(shape.Dimensions)
	if shape.DType == dtypes.Uint32 && shape.Rank() > 0 {
		g.BranchOn("rbg.Generate", half...)
		axis = slices.IndexFunc(half, func(n int) bool { return n%2 == 0 })
		if axis < 0 {
			axis = slices.Index(half, slices.Max(half))
		}
		half[axis] = (half[axis] + 1) / 2
	}
	blocks := shapes.Make(dtypes.Uint64, half...).Size()
	key := part(0)
	count := graph.Add(part(1), graph.Iota(g, shapes.Make(dtypes.Uint64, blocks), 0))
	x, y := words.Encrypt(low(key), high(key), low(count), high(count))
	x, y = graph.Reshape(x, half...), graph.Reshape(y, half...)
	switch {
	case shape.DType == dtypes.Uint64:
		bits = graph.BitwiseOr(graph.ConvertDType(x, dtypes.Uint64), graph.BitwiseShiftLeftScalar(graph.ConvertDType(y, dtypes.Uint64), 32))
	case shape.Rank() == 0:
		bits = x
	default:
		half[axis] *= 2
		bits = graph.Reshape(graph.Stack([]*graph.Node{x, y}, axis+1), half...)
		bits = graph.SliceAxis(bits, axis, graph.AxisRange(0, shape.Dimensions[axis]))
	}
	return graph.Concatenate([]*graph.Node{key, graph.Add(part(1), graph.Const(g, []uint64{uint64(blocks)}))}, 0), bits
}

// Key returns the key of a seed, as jax.random.key makes it with impl="rbg". JAX uses the lower 32 bits alone of a seed, unless
// jax_enable_x64 is on.
func Key(g *graph.Graph, seed uint64) *graph.Node {
	half := threefry.Key(g, seed)
	return graph.Concatenate([]*graph.Node{half, half}, 0)
}

// Split returns n keys, as jax.random.split does.
func Split(key *graph.Node, n int) []*graph.Node {
	first, second := halves("rbg.Split", key)
	keys, more := threefry.Split(first, n), threefry.Split(second, n)
	for i := range keys {
		keys[i] = graph.Concatenate([]*graph.Node{keys[i], more[i]}, 0)
	}
	return keys
}

// FoldIn returns the key of a key and a number, an integer scalar such as that of a step, as jax.random.fold_in does.
func FoldIn(key, number *graph.Node) *graph.Node {
	first, second := halves("rbg.FoldIn", key)
	return graph.Concatenate([]*graph.Node{threefry.FoldIn(first, number), threefry.FoldIn(second, number)}, 0)
}

// Bits returns random bits, as jax.random.bits does. The shape's dtype is an unsigned integer.
func Bits(key *graph.Node, shape shapes.Shape) *graph.Node { return bitsOf("rbg.Bits", key, shape) }

func bitsOf(op string, key *graph.Node, shape shapes.Shape) *graph.Node {
	first, second := halves(op, key)
	if err := shape.Check(); err != nil || !shape.DType.IsUnsigned() {
		graph.Errorf("%s: the shape of the bits, %s, is none of unsigned integers", op, shape)
	}
	whole := func(half *graph.Node) *graph.Node {
		wide := graph.ConvertDType(half, dtypes.Uint64)
		return graph.BitwiseOr(graph.SliceAxis(wide, 0, graph.AxisRange(0, 1)), graph.BitwiseShiftLeftScalar(graph.SliceAxis(wide, 0, graph.AxisRange(1, 2)), 32))
	}
	_, bits := Generate(Default, graph.Concatenate([]*graph.Node{whole(first), whole(second)}, 0), shape)
	return bits
}

// Uniform returns numbers over [0, 1), as jax.random.uniform does, to the bit. The shape's dtype is a float.
func Uniform(key *graph.Node, shape shapes.Shape) *graph.Node {
	return words.Uniform("rbg.Uniform", shape, func(s shapes.Shape) *graph.Node { return bitsOf("rbg.Uniform", key, s) })
}

// Normal returns numbers of the standard normal distribution, as jax.random.normal does but for the rounding of erf⁻¹. The shape's dtype
// is a float.
func Normal(key *graph.Node, shape shapes.Shape) *graph.Node {
	return words.Normal(words.Uniform("rbg.Normal", shape, func(s shapes.Shape) *graph.Node { return bitsOf("rbg.Normal", key, s) }))
}

// halves returns the two keys of Threefry that a key is made of.
func halves(op string, key *graph.Node) (first, second *graph.Node) {
	if key == nil || key.DType() != dtypes.Uint32 || key.Rank() != 1 || key.Dim(0) != 4 {
		what := "nil"
		if key != nil {
			what = key.Shape().String()
		}
		graph.Errorf("%s: a key is a uint32[4], not %s: see rbg.Key", op, what)
	}
	return graph.SliceAxis(key, 0, graph.AxisRange(0, 2)), graph.SliceAxis(key, 0, graph.AxisRange(2, 4))
}
