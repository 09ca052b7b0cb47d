// Package words makes of random words what JAX's generators have in common: Threefry's rounds, and numbers of bits.
package words

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Encrypt is Threefry-2x32 with 20 rounds, of the words x and y with the key k0, k1, all uint32.
func Encrypt(k0, k1, x, y *graph.Node) (a, b *graph.Node) {
	parity := graph.Scalar(k0.Graph(), dtypes.Uint32, 0x1bd11bda)
	keys := [3]*graph.Node{k0, k1, graph.BitwiseXor(graph.BitwiseXor(k0, k1), parity)}
	turns := [2][4]int{{13, 15, 26, 6}, {17, 29, 16, 24}}
	x, y = graph.Add(x, keys[0]), graph.Add(y, keys[1])
	for i := range 5 {
		for _, r := range turns[i%2] {
			x = graph.Add(x, y)
			y = graph.BitwiseOr(graph.BitwiseShiftLeftScalar(y, r), graph.BitwiseShiftRightLogicalScalar(y, 32-r))
			y = graph.BitwiseXor(x, y)
		}
		x = graph.Add(x, keys[(i+1)%3])
		y = graph.AddScalar(graph.Add(y, keys[(i+2)%3]), i+1)
	}
	return x, y
}

// Uniform returns numbers over [0, 1) of a shape, whose dtype must be a float, of the bits that are returned for the same shape of
// unsigned integers: the upper ones become the fraction of a number over [1, 2). op names the caller in errors.
func Uniform(op string, shape shapes.Shape, bits func(shapes.Shape) *graph.Node) *graph.Node {
	if err := shape.Check(); err != nil || !shape.DType.IsFloat() {
		graph.Errorf("%s: the shape of the numbers, %s, is none of floats", op, shape)
	}
	made := map[dtypes.DType]struct {
		bits, whole dtypes.DType
		fraction    int
	}{
		dtypes.BFloat16: {dtypes.Uint8, dtypes.Uint16, 7},
		dtypes.Float16:  {dtypes.Uint16, dtypes.Uint16, 10},
		dtypes.Float32:  {dtypes.Uint32, dtypes.Uint32, 23},
		dtypes.Float64:  {dtypes.Uint64, dtypes.Uint64, 52},
	}[shape.DType]
	x := bits(shape.WithDType(made.bits))
	x = graph.BitwiseShiftRightLogicalScalar(x, 8*made.bits.Size()-made.fraction)
	one := graph.Bitcast(graph.ScalarOne(x.Graph(), shape.DType), made.whole)
	return graph.MinusOne(graph.Bitcast(graph.BitwiseOr(graph.ConvertDType(x, made.whole), one), shape.DType))
}

// Normal returns numbers of the standard normal distribution, of numbers over [0, 1).
func Normal(u *graph.Node) *graph.Node {
	low := graph.NextAfter(graph.Neg(graph.ScalarOne(u.Graph(), u.DType())), graph.ScalarZero(u.Graph(), u.DType()))
	u = graph.Max(graph.Add(graph.Mul(u, graph.OneMinus(low)), low), low)
	return graph.MulScalar(graph.ErfInv(u), math.Sqrt2)
}
