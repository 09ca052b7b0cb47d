// Package threefry is JAX's random generator: keys and bits that are those of jax.random, and numbers that differ by rounding only, so that
// programs and seeds carry over.
//
//	key := threefry.Key(g, 42)             // jax.random.key(42)
//	keys := threefry.Split(key, 2)         // jax.random.split(key)
//	x := threefry.Normal(keys[0], shape)   // jax.random.normal(keys[0], shape)
//
// A key is a uint32[2]. As in JAX, whoever uses a key twice gets the same numbers twice; functions return no key. For programs that began in
// Quire, the functions of packages graph and random are faster.
//
// The numbers are those of JAX 0.5 and later, where the option jax_threefry_partitionable is on. The functions panic with [graph.Error] if
// shapes or dtypes do not fit.
//
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011 (Threefry-2x32, 20 rounds).
package threefry

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/random/internal/words"
	"github.com/quire-ml/quire/graph/shapes"
)

// Key returns the key of a seed, as jax.random.key makes it. JAX uses the lower 32 bits alone of a seed, unless jax_enable_x64 is on.
func Key(g *graph.Graph, seed uint64) *graph.Node {
	return graph.Const(g, []uint32{uint32(seed >> 32), uint32(seed)})
}

// Split returns n keys, as jax.random.split does.
func Split(key *graph.Node, n int) []*graph.Node {
	if n < 0 || n > 1<<16 { // each is a node of its own
		graph.Errorf("threefry.Split: there cannot be %d keys: want 0 to %d", n, 1<<16)
	}
	x, y := blocks("threefry.Split", key, n)
	keys := make([]*graph.Node, n)
	for i := range keys {
		at := graph.AxisRange(i, i+1)
		keys[i] = graph.Concatenate([]*graph.Node{graph.SliceAxis(x, 0, at), graph.SliceAxis(y, 0, at)}, 0)
	}
	return keys
}

// FoldIn returns the key of a key and a number, an integer scalar such as that of a step, as jax.random.fold_in does.
func FoldIn(key, number *graph.Node) *graph.Node {
	if number == nil || number.Rank() != 0 || !number.DType().IsInt() {
		graph.Errorf("threefry.FoldIn: the number that is folded in must be an integer scalar")
	}
	k0, k1 := wordsOf("threefry.FoldIn", key)
	low := graph.Reshape(graph.ConvertDType(number, dtypes.Uint32), 1)
	x, y := words.Encrypt(k0, k1, graph.ZerosLike(low), low)
	return graph.Concatenate([]*graph.Node{x, y}, 0)
}

// Bits returns random bits, as jax.random.bits does. The shape's dtype is an unsigned integer.
func Bits(key *graph.Node, shape shapes.Shape) *graph.Node {
	return bitsOf("threefry.Bits", key, shape)
}

func bitsOf(op string, key *graph.Node, shape shapes.Shape) *graph.Node {
	if err := shape.Check(); err != nil || !shape.DType.IsUnsigned() {
		graph.Errorf("%s: the shape of the bits, %s, is none of unsigned integers", op, shape)
	}
	x, y := blocks(op, key, shape.Size())
	var bits *graph.Node
	if shape.DType == dtypes.Uint64 {
		high := graph.BitwiseShiftLeftScalar(graph.ConvertDType(x, dtypes.Uint64), 32)
		bits = graph.BitwiseOr(high, graph.ConvertDType(y, dtypes.Uint64))
	} else {
		bits = graph.ConvertDType(graph.BitwiseXor(x, y), shape.DType)
	}
	return graph.ReshapeWithShape(bits, shape)
}

// Uniform returns numbers over [0, 1), as jax.random.uniform does, to the bit. The shape's dtype is a float.
func Uniform(key *graph.Node, shape shapes.Shape) *graph.Node {
	return words.Uniform("threefry.Uniform", shape, func(s shapes.Shape) *graph.Node { return bitsOf("threefry.Uniform", key, s) })
}

// Normal returns numbers of the standard normal distribution, as jax.random.normal does but for the rounding of erf⁻¹. The shape's dtype
// is a float.
func Normal(key *graph.Node, shape shapes.Shape) *graph.Node {
	return words.Normal(words.Uniform("threefry.Normal", shape, func(s shapes.Shape) *graph.Node { return bitsOf("threefry.Normal", key, s) }))
}

// wordsOf returns the two words of a key, as vectors of one.
func wordsOf(op string, key *graph.Node) (k0, k1 *graph.Node) {
	if key == nil || key.DType() != dtypes.Uint32 || key.Rank() != 1 || key.Dim(0) != 2 {
		what := "nil"
		if key != nil {
			what = key.Shape().String()
		}
		graph.Errorf("%s: a key is a uint32[2], not %s: see threefry.Key", op, what)
	}
	return graph.SliceAxis(key, 0, graph.AxisRange(0, 1)), graph.SliceAxis(key, 0, graph.AxisRange(1, 2))
}

// blocks returns what the numbers 0 … n-1, of 64 bits, are encrypted to.
func blocks(op string, key *graph.Node, n int) (x, y *graph.Node) {
	k0, k1 := wordsOf(op, key)
	count := graph.Iota(key.Graph(), shapes.Make(dtypes.Uint64, n), 0)
	return words.Encrypt(k0, k1, graph.ConvertDType(graph.BitwiseShiftRightLogicalScalar(count, 32), dtypes.Uint32), graph.ConvertDType(count, dtypes.Uint32))
}
