package graph

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// RandomUniform returns values of a float shape that are uniformly distributed over [0, 1), and the state
// after them. They are multiples of 2^-24 for float32, 2^-53 for float64, 2^-11 for float16 and 2^-8 for
// bfloat16, made of the upper bits of [RandomBits], and the same on every backend. For another range scale
// and shift them. It panics with [Error] if the state is not a uint64[3] or the dtype not a float.
func RandomUniform(rngState *Node, shape shapes.Shape) (newRNGState, values *Node) {
	return applyRandom(randomUniform, ir.RandomAttrs{Shape: shape}, rngState)
}

// RandomNormal returns values of a float shape with normal distribution, of mean 0 and standard deviation
// 1, and the state after them:
//
//	y[2i], y[2i+1] = √(-2 ln u) · cos 2πv, √(-2 ln u) · sin 2πv
//
// with u in (0, 1] and v in [0, 1) from [RandomBits]. Narrower floats are computed as float32. Streams
// differ between backends only by rounding. The largest values are 6.7 for float32, 8.6 for float64.
//
// Source: Box and Muller, "A note on the generation of random normal deviates", 1958.
func RandomNormal(rngState *Node, shape shapes.Shape) (newRNGState, values *Node) {
	return applyRandom(randomNormal, ir.RandomAttrs{Shape: shape}, rngState)
}

// RandomBernoulli returns values of shape, of any dtype, that are 1 (true) with probability prob and else
// 0 (false), and the state after them. prob holds floats and is broadcast to shape. It has no gradient.
func RandomBernoulli(rngState, prob *Node, shape shapes.Shape) (newRNGState, values *Node) {
	return applyRandom(randomBernoulli, ir.RandomAttrs{Shape: shape}, rngState, prob)
}

// RandomIntN returns integers of shape, whose dtype is an integer, that are uniformly distributed over
// 0 … N-1, and the state after them. N is a number or an integer scalar of the graph, positive; no value
// is more likely than another by more than N/2^64.
//
//	y = ⌊bits · N / 2^64⌋
func RandomIntN[IntT interface {
	*Node | ~int | dtypes.Integer
}](rngState *Node, N IntT, shape shapes.Shape) (newRNGState, values *Node) {
	need("RandomIntN", rngState)
	if err := shape.Check(); err != nil || !dtypes.Numbers.Has(shape.DType) {
		rngState.graph.fail("RandomIntN", nil, fmt.Errorf("the shape of the values, %s, is no shape of numbers", shape))
	}
	n, ok := any(N).(*Node)
	if !ok {
		v, err := dtypes.Fit(any(N), dtypes.Uint64)
		if err == nil && v.(uint64) > 0 && shape.DType.IsInt() {
			_, err = dtypes.Fit(v.(uint64)-1, shape.DType)
		}
		if err != nil || v.(uint64) == 0 {
			rngState.graph.fail("RandomIntN", nil, fmt.Errorf("the bound N is %v, but it must be at least 1, and N-1 must fit into %s", N, shape.DType))
		}
		n = Scalar(rngState.graph, dtypes.Uint64, v.(uint64))
	}
	need("RandomIntN", rngState, n)
	if n.DType() != dtypes.Uint64 && n.DType().IsInt() {
		n = ConvertDType(n, dtypes.Uint64)
	}
	return applyRandom(randomIntN, ir.RandomAttrs{Shape: shape}, rngState, n)
}

// RandomPermutation returns the numbers 0 … n-1 in random order, as int32, and the state after them. All
// orders are equally likely (but for one chance in 2^64 per pair of numbers, which then keep their order).
func RandomPermutation(rngState *Node, n int) (newRNGState, permutation *Node) {
	return applyRandom(randomPermutation, ir.PermutationAttrs{N: n}, rngState)
}

// RandomShuffle returns x with its parts along an axis in random order, and the state after it.
func RandomShuffle(rngState, x *Node, axis int) (newRNGState, shuffled *Node) {
	a := adjust1("RandomShuffle", x, axis)
	perm := append([]int{a}, axesExcept(x.Rank(), []int{a})...)
	newRNGState, order := RandomPermutation(rngState, x.Dim(a))
	y := Gather(withoutNames(transposeTo(x, perm)), ExpandAxes(order, -1))
	return newRNGState, nameLike(transposeTo(y, inverse(perm)), x.Shape())
}

var randomUniform, randomNormal, randomBernoulli, randomIntN, randomPermutation *ir.Op

// unitBits returns the bits that make a float of the dtype: their dtype, and how many of each are used.
func unitBits(d dtypes.DType) (dtypes.DType, int) {
	switch d {
	case dtypes.Float64:
		return dtypes.Uint64, 53
	case dtypes.Float16:
		return dtypes.Uint32, 11
	case dtypes.BFloat16:
		return dtypes.Uint32, 8
	}
	return dtypes.Uint32, 24
}

// unit turns bits into floats of d in [0, 1), exactly.
func unit(bits *Node, d dtypes.DType) *Node {
	bd, n := unitBits(d)
	return MulScalar(ConvertDType(BitwiseShiftRightLogicalScalar(bits, bd.Size()*8-n), d), math.Exp2(-float64(n)))
}

func expandNormal(attrs any, in []*Node) []*Node {
	shape := attrs.(ir.RandomAttrs).Shape
	d, n := shape.DType, shape.Size()
	if d.IsHalf() {
		d = dtypes.Float32
	}
	bd, _ := unitBits(d)
	half := (n + 1) / 2
	state, bits := RandomBits(in[0], shapes.Make(bd, half, 2))
	first, second := sliceAlong(bits, 1, 0, 1), sliceAlong(bits, 1, 1, 2)
	var u *Node // in (0, 1], with all 32 bits for float32, so that the tails reach far
	if d == dtypes.Float64 {
		u = AddScalar(unit(first, d), math.Exp2(-53))
	} else {
		u = MulScalar(OnePlus(ConvertDType(first, d)), math.Exp2(-32))
	}
	r := Sqrt(MulScalar(Log(u), -2))
	angle := MulScalar(unit(second, d), 2*math.Pi)
	z := Concatenate([]*Node{Mul(r, Cos(angle)), Mul(r, Sin(angle))}, 1)
	y := ConvertDType(sliceAlong(Reshape(z, 2*half), 0, 0, n), shape.DType)
	return []*Node{state, ReshapeWithShape(y, shape)}
}

// expandIntN multiplies random bits by n and takes the upper half of the 128 bits, put together from
// products of 32-bit halves.
func expandIntN(attrs any, in []*Node) []*Node {
	shape, n := attrs.(ir.RandomAttrs).Shape, in[1]
	state, w := RandomBits(in[0], shapes.Make(dtypes.Uint64, shape.Dimensions...))
	mask := Const(n.graph, uint64(math.MaxUint32))
	low := func(x *Node) *Node { return BitwiseAnd(x, mask) }
	high := func(x *Node) *Node { return BitwiseShiftRightLogicalScalar(x, 32) }
	wl, wh, nl, nh := low(w), high(w), low(n), high(n)
	middle := Add(Mul(wh, nl), high(Mul(wl, nl)))
	carry := high(Add(Mul(wl, nh), low(middle)))
	y := Add(Add(Mul(wh, nh), high(middle)), carry)
	return []*Node{state, nameLike(ConvertDType(y, shape.DType), shape)}
}

func init() {
	rule := func(allowed dtypes.Set) func(any, []shapes.Shape) ([]shapes.Shape, error) {
		return func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			return randomRule(in[0], attrs.(ir.RandomAttrs).Shape, allowed)
		}
	}
	var floats, ints []ir.Sample
	for _, d := range dtypes.Floats.List() {
		floats = append(floats, randomSample(d, 5), randomSample(d, 2, 3))
	}
	floats = append(floats, randomSample(dtypes.Float32), randomSample(dtypes.Float32, 0, 2))
	for _, d := range dtypes.Ints.List() {
		s := randomSample(d, 2, 5)
		s.In = append(s.In, ir.ScalarValue(100).As(dtypes.Uint64))
		ints = append(ints, s)
	}
	ints = append(ints, ir.Sample{Name: "large", In: []ir.Input{randomState(3, 0, 0), ir.ScalarValue(math.Exp2(62)).As(dtypes.Uint64)}, Attrs: ir.RandomAttrs{Shape: shapes.Make(dtypes.Int64, 7)}})
	state := dtypes.SetOf(dtypes.Uint64)
	randomUniform = Define(ir.Op{
		Name: "RandomUniform", Family: "random", Doc: "the next state, and floats uniform over [0, 1)", DTypes: state, Attrs: ir.RandomAttrs{},
		InferMulti: rule(dtypes.Floats),
		Samples:    floats,
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			shape := attrs.(ir.RandomAttrs).Shape
			bd, _ := unitBits(shape.DType)
			next, bits := RandomBits(in[0], shape.WithDType(bd))
			return []*Node{next, unit(bits, shape.DType)}
		},
		ZeroGrad: noRandomGradient,
	})
	randomNormal = Define(ir.Op{
		Name: "RandomNormal", Family: "random", Doc: "the next state, and floats of the standard normal distribution", DTypes: state, Attrs: ir.RandomAttrs{},
		InferMulti: rule(dtypes.Floats),
		Samples:    floats,
		Tol:        ir.Tolerance{ULP: 16, Abs: 16, Why: "rounding of logarithm, root and cosine"},
	}, Rule{Expand: expandNormal, ZeroGrad: noRandomGradient})
	randomBernoulli = Define(ir.Op{
		Name: "RandomBernoulli", Family: "random", Doc: "the next state, and 1 with probability y, else 0", DTypes: state, Attrs: ir.RandomAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			shape := attrs.(ir.RandomAttrs).Shape
			if !in[1].DType.IsFloat() {
				return nil, fmt.Errorf("the probability must be a float, not %s", in[1].DType)
			}
			if err := in[1].BroadcastableTo(shape.Dimensions...); err != nil {
				return nil, fmt.Errorf("the probability: %w", err)
			}
			return randomRule(in[0], shape, dtypes.Any)
		},
		Samples: []ir.Sample{
			{Name: "bools", In: []ir.Input{randomState(1, 0, 0), ir.ScalarValue(0.3).As(dtypes.Float32)}, Attrs: ir.RandomAttrs{Shape: shapes.Make(dtypes.Bool, 4, 5)}},
			{Name: "a probability each", In: []ir.Input{randomState(2, 0, 0), ir.Values(0, 0.5, 1).As(dtypes.Float64)}, Attrs: ir.RandomAttrs{Shape: shapes.Make(dtypes.Float32, 4, 3)}},
			{Name: "half", In: []ir.Input{randomState(3, 0, 0), ir.ScalarValue(0.7).As(dtypes.BFloat16)}, Attrs: ir.RandomAttrs{Shape: shapes.Make(dtypes.Int32, 6)}},
		},
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			shape, prob := attrs.(ir.RandomAttrs).Shape, withoutNames(in[1])
			if prob.DType().IsHalf() {
				prob = ConvertDType(prob, dtypes.Float32)
			}
			next, u := RandomUniform(in[0], shapes.Make(prob.DType(), shape.Dimensions...))
			return []*Node{next, nameLike(ConvertDType(LessThan(u, prob), shape.DType), shape)}
		},
		ZeroGrad: "piecewise constant in the probability",
	})
	randomIntN = Define(ir.Op{
		Name: "RandomIntN", Family: "random", Doc: "the next state, and integers uniform over 0 … y-1", DTypes: state, Attrs: ir.RandomAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			if in[1].DType != dtypes.Uint64 || in[1].Rank() != 0 {
				return nil, fmt.Errorf("the bound N must be an integer scalar, not %s", in[1])
			}
			return randomRule(in[0], attrs.(ir.RandomAttrs).Shape, dtypes.Ints)
		},
		Samples: ints,
	}, Rule{Expand: expandIntN, ZeroGrad: noRandomGradient})
	randomPermutation = Define(ir.Op{
		Name: "RandomPermutation", Family: "random", Doc: "the next state, and 0 … N-1 in random order", DTypes: state, Attrs: ir.PermutationAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			n := attrs.(ir.PermutationAttrs).N
			if n < 0 || n > math.MaxInt32 {
				return nil, fmt.Errorf("%d numbers cannot be permuted: they are int32", n)
			}
			return randomRule(in[0], shapes.Make(dtypes.Int32, n), dtypes.Ints)
		},
		Samples: []ir.Sample{
			{In: []ir.Input{randomState(5, 0, 0)}, Attrs: ir.PermutationAttrs{N: 10}},
			{Name: "none", In: []ir.Input{randomState(5, 0, 0)}, Attrs: ir.PermutationAttrs{N: 0}},
		},
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			next, keys := RandomBits(in[0], shapes.Make(dtypes.Uint64, attrs.(ir.PermutationAttrs).N))
			return []*Node{next, ArgSort(keys, 0, true)}
		},
		ZeroGrad: noRandomGradient,
	})
}
