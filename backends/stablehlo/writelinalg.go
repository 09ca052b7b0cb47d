package stablehlo

import (
	"math"
	"math/cmplx"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// transformKinds is what StableHLO calls the Fourier transforms.
var transformKinds = map[*ir.Op]string{ops.FFT: ops.FFT.Name, ops.InverseFFT: "IFFT", ops.RealFFT: "RFFT", ops.InverseRealFFT: "IRFFT"}

func init() {
	for op, kind := range transformKinds {
		lowerings[op] = func(f *function, c call) []value {
			x := c.in[0]
			return []value{f.op(c.out[0], c.Op.HLO+" %s, type = %s, length = %s : (%s) -> %s",
				x, kind, ints(c.Attrs.(ir.FFTAttrs).Lengths), x.typ(), tensorType(c.out[0]))}
		}
	}
	lowerings[ops.Cholesky] = cholesky
	lowerings[ops.TriangularSolve] = func(f *function, c call) []value {
		a := c.Attrs.(ir.TriangularSolveAttrs)
		kind := map[ir.TransposeKind]string{ir.NotTransposed: "NO_TRANSPOSE", ir.Transposed: "TRANSPOSE", ir.Adjoint: "ADJOINT"}[a.TransposeA]
		out := f.define(c.out[0])
		f.line(`%s = %q(%s) <{left_side = %t, lower = %t, transpose_a = #stablehlo<transpose %s>, unit_diagonal = %t}> : %s`,
			out, c.Op.HLO, refs(c.in), a.LeftSide, a.Lower, kind, a.UnitDiagonal, signature(c.in, []value{out}))
		return []value{out}
	}
}

// cholesky writes a triangular factor. What the other triangle of it holds is not said, nor what comes of a matrix that
// is not positive definite or of a diagonal that is not real: so the latter is made real, and the result zero on the
// other side and NaN where its diagonal is not positive.
func cholesky(f *function, c call) []value {
	x, lower := c.in[0], c.Attrs.(ir.CholeskyAttrs).Lower
	s := x.shape
	index := shapes.Make(dtypes.Int32, s.Dimensions...)
	row, column := f.iota(index, s.Rank()-2), f.iota(index, s.Rank()-1)
	if s.DType.IsComplex() {
		x = f.choose(f.compare("EQ", row, column), f.convert(f.real(x), s.DType), x)
	}
	y := f.op(s, ops.Cholesky.HLO+" %s, lower = %t : %s", x, lower, x.typ())
	part := f.real(y)
	positive := f.compare("GT", part, f.fill(part.shape, 0))
	positive = f.binary(ops.BitwiseOr.HLO, positive, f.compare("NE", row, column))
	batch := shapes.Make(dtypes.Bool, s.Dimensions[:s.Rank()-2]...)
	definite := f.reduce(ops.ReduceSum.HLO, ops.BitwiseAnd.HLO, positive, f.fill(shapes.Scalar(dtypes.Bool), 1), upTo(s.Rank()-2, s.Rank()), batch)
	definite = f.along(definite, positive.shape, upTo(0, s.Rank()-2))
	nan := any(math.NaN())
	if s.DType.IsComplex() {
		nan = cmplx.NaN()
	}
	y = f.choose(definite, y, f.fill(s, nan))
	direction := "LE"
	if lower {
		direction = "GE"
	}
	return []value{f.choose(f.compare(direction, row, column), y, f.fill(s, 0))}
}

// real returns the real part of x, which is x if it is real.
func (f *function) real(x value) value {
	if !x.shape.DType.IsComplex() {
		return x
	}
	s := x.shape.WithDType(x.shape.DType.Real())
	return f.op(s, ops.Real.HLO+" %s : (%s) -> %s", x, x.typ(), tensorType(s))
}

// along returns x repeated to the dimensions of s, in which its axes are those given.
func (f *function) along(x value, s shapes.Shape, axes []int) value {
	out := s.WithDType(x.shape.DType)
	return f.op(out, ops.Broadcast.HLO+" %s, dims = %s : (%s) -> %s", x, ints(axes), x.typ(), tensorType(out))
}
