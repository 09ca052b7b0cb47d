package stablehlo

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	define(ops.FFT.HLO, 1, one(readFFT))
	define("stablehlo.cholesky", 1, one(func(c *reading) *graph.Node {
		return inSingle(c.in[:1], func(in []*graph.Node) *graph.Node { return graph.Cholesky(in[0], c.bool("lower")) })
	}))
	define("stablehlo.triangular_solve", 2, one(readTriangularSolve))
}

// transforms are the kinds of Fourier transforms.
var transforms = map[*ir.Op]func(x *graph.Node, lengths ...int) *graph.Node{
	ops.FFT: graph.FFT, ops.InverseFFT: graph.InverseFFT, ops.RealFFT: graph.RealFFT, ops.InverseRealFFT: graph.InverseRealFFT,
}

// transformOf returns the transform of a kind, nil if there is none.
func transformOf(kind string) func(x *graph.Node, lengths ...int) *graph.Node {
	for op, name := range transformKinds {
		if name == kind {
			return transforms[op]
		}
	}
	return nil
}

func readFFT(c *reading) *graph.Node {
	kind := c.word("fft_type")
	f := transformOf(kind)
	if f == nil {
		c.fail("the type of a transform is FFT, IFFT, RFFT or IRFFT, not %q", kind)
	}
	lengths := c.ints("fft_length")
	if len(lengths) == 0 {
		c.fail("the attribute fft_length is missing")
	}
	return f(c.in[0], lengths...)
}

// inSingle computes f in float32 if its operands are narrower.
func inSingle(in []*graph.Node, f func(in []*graph.Node) *graph.Node) *graph.Node {
	d := in[0].DType()
	if !d.IsHalf() {
		return f(in)
	}
	wide := make([]*graph.Node, len(in))
	for i, x := range in {
		wide[i] = graph.ConvertDType(x, dtypes.Float32)
	}
	return graph.ConvertDType(f(wide), d)
}

// transposes are what a matrix is turned into before it is solved for.
var transposes = map[string]ir.TransposeKind{
	"NO_TRANSPOSE": ir.NotTransposed, "TRANSPOSE": ir.Transposed, "ADJOINT": ir.Adjoint,
}

func readTriangularSolve(c *reading) *graph.Node {
	word := c.word("transpose_a")
	kind, ok := transposes[word]
	if !ok {
		c.fail("transpose_a is NO_TRANSPOSE, TRANSPOSE or ADJOINT, not %q", word)
	}
	return inSingle(c.in, func(in []*graph.Node) *graph.Node {
		return graph.TriangularSolve(in[0], in[1], c.bool("left_side"), c.bool("lower"), c.bool("unit_diagonal"), kind)
	})
}
