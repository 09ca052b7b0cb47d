package stablehlo

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// power returns x to the power of y for integers, by squaring. XLA's own integer power looks at the lower six bits of
// the exponent only, and takes large unsigned ones for negative.
func (f *function) power(x, y value) value {
	s := x.shape
	zero, one := f.fill(s, 0), f.fill(s, 1)
	exponent := y
	if !s.DType.IsUnsigned() { // 1/x is whole for 1 and -1, and there the lowest bit of y is all that counts
		y = f.choose(f.compare("LT", y, zero), f.binary(ops.BitwiseAnd.HLO, y, one), y)
	}
	some := func(state []value) []value { return []value{f.anyNonzero(state[2], zero)} }
	next := func(state []value) []value {
		p, x, y := state[0], state[1], state[2]
		odd := f.compare("NE", f.binary(ops.BitwiseAnd.HLO, y, one), zero)
		return []value{
			f.choose(odd, f.binary(ops.Mul.HLO, p, x), p),
			f.binary(ops.Mul.HLO, x, x),
			f.binary(ops.BitwiseShiftRightLogical.HLO, y, one),
		}
	}
	p := f.repeat([]value{one, x, y}, some, next)[0]
	if s.DType.IsUnsigned() {
		return p
	}
	unit := f.binary(ops.BitwiseOr.HLO, f.compare("EQ", x, one), f.compare("EQ", x, f.fill(s, -1)))
	return f.choose(f.binary(ops.BitwiseOr.HLO, f.compare("GE", exponent, zero), unit), p, zero)
}

// anyNonzero reports whether any element of x differs from those of zero, as a scalar.
func (f *function) anyNonzero(x, zero value) value {
	return f.anyTrue(f.compare("NE", x, zero))
}

// anyTrue reports whether any element of x is true, as a scalar.
func (f *function) anyTrue(x value) value {
	if x.shape.Rank() == 0 {
		return x
	}
	no := f.fill(shapes.Scalar(dtypes.Bool), 0)
	return f.reduce(ops.ReduceSum.HLO, ops.BitwiseOr.HLO, x, no, upTo(0, x.shape.Rank()), no.shape)
}

// erf returns the error function of a float. XLA's stops one rounding short of 1, which a factor of x makes large;
// from farOut on the value is 1 in every digit.
func (f *function) erf(x value) value {
	y := f.op(x.shape, ops.Erf.HLO+" %s : %s -> %s", x, x.typ(), x.typ())
	size := f.op(x.shape, ops.Abs.HLO+" %s : %s", x, x.typ())
	farOut := 4.0 // 1 - erf(4) is 1.5e-8, less than half of float32's epsilon
	if x.shape.DType == dtypes.Float64 {
		farOut = 6 // 1 - erf(6) is 2.2e-17
	}
	sign := f.op(x.shape, ops.Sign.HLO+" %s : %s", x, x.typ())
	return f.choose(f.compare("GE", size, f.fill(x.shape, farOut)), sign, y)
}
