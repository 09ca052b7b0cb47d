package graph

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// FFT returns the discrete Fourier transform of a complex operand over its last axes:
//
//	y[…, k1, k2] = Σ_j1 Σ_j2 x[…, j1, j2] · exp(-2πi · (j1·k1/n1 + j2·k2/n2))
//
// fftLengths are the sizes n1, n2 of the axes that are transformed, the last one to three; without them it is the
// last axis. Other axes are batches. The result has the shape and dtype of operand; any size takes O(n log n).
// It panics with [Error] if operand is not complex (see [RealFFT], [ConvertDType]) or the lengths are not its own:
// [Pad] or [Slice] it first.
func FFT(operand *Node, fftLengths ...int) *Node {
	return Apply(fft, fftAttrs("FFT", operand, fftLengths), operand)
}

// InverseFFT is the inverse of [FFT]: it has exp(2πi · …) in place of exp(-2πi · …) and divides by the number of
// elements transformed, n1·n2.
func InverseFFT(operand *Node, fftLengths ...int) *Node {
	return Apply(inverseFFT, fftAttrs("InverseFFT", operand, fftLengths), operand)
}

// RealFFT returns what [FFT] gives for a real operand, float32 or float64, without the half that follows from it: of
// the last axis, of size n, only the elements 0 … n/2 (rounded down). The others would be conjugates of those,
// y[n1-k1, n2-k2] = conj(y[k1, k2]). It panics with [Error] if the lengths are not those of operand's last axes.
func RealFFT(operand *Node, fftLengths ...int) *Node {
	return Apply(realFFT, fftAttrs("RealFFT", operand, fftLengths), operand)
}

// InverseRealFFT is the inverse of [RealFFT]: the result is real, and its last axis has the last of fftLengths, which
// has to be told apart from the one less or more that has the same transform. Without lengths the last axis, of size
// m, gives 2·(m-1), which is right for what was even.
//
//	y[…, j1, j2] = 1/(n1·n2) · Σ_k2 w[k2] · Re(Σ_k1 x[…, k1, k2] · exp(2πi · (j1·k1/n1 + j2·k2/n2)))
//
// where w is 2, but 1 for k2 = 0 and k2 = n2/2. It panics with [Error] if operand is not complex or does not have
// n1 · (n2/2 + 1) elements in its last axes.
func InverseRealFFT(operand *Node, fftLengths ...int) *Node {
	need("InverseRealFFT", operand)
	if len(fftLengths) == 0 && operand.Rank() > 0 {
		fftLengths = []int{2 * (operand.Dim(-1) - 1)}
	}
	return Apply(inverseRealFFT, ir.FFTAttrs{Lengths: slices.Clone(fftLengths)}, operand)
}

var fft, inverseFFT, realFFT, inverseRealFFT *ir.Op

func fftAttrs(op string, x *Node, lengths []int) ir.FFTAttrs {
	need(op, x)
	if len(lengths) == 0 && x.Rank() > 0 {
		lengths = []int{x.Dim(-1)}
	}
	return ir.FFTAttrs{Lengths: slices.Clone(lengths)}
}

// checkFFT returns what is wrong with an operand for the lengths; half tells that its last axis holds n/2 + 1
// elements.
func checkFFT(lengths []int, x shapes.Shape, half bool) error {
	if len(lengths) < 1 || len(lengths) > 3 || len(lengths) > x.Rank() {
		return fmt.Errorf("%d axes cannot be transformed of %d: one, two or three of the last can", len(lengths), x.Rank())
	}
	for i, n := range lengths {
		axis := x.Rank() - len(lengths) + i
		want := n
		if half && i == len(lengths)-1 {
			want = n/2 + 1
		}
		switch d := x.Dimensions[axis]; {
		case n < 1 && d == 1 && half:
			return fmt.Errorf("axis %d: one element is the transform of a single one: give its length, 1", axis)
		case n < 1:
			return fmt.Errorf("axis %d: nothing can be transformed to length %d", axis, n)
		case d != want:
			return fmt.Errorf("axis %d has %d elements, a transform of length %d takes %d (Pad or Slice it first)", axis, d, n, want)
		}
	}
	return nil
}

// dft transforms v, row-major with the given dimensions, along axes by the sum that defines it. sign is that of the
// exponent.
func dft(v []complex128, dims, axes []int, sign float64) {
	for _, axis := range axes {
		n, stride := dims[axis], product(dims[axis+1:])
		root, line := make([]complex128, n), make([]complex128, n)
		for k := range root {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(n))
			root[k] = complex(cos, sign*sin)
		}
		for start := range v {
			if start/stride%n != 0 { // not the first of a line
				continue
			}
			for j := range line {
				line[j] = v[start+j*stride]
			}
			for k := range n {
				var sum complex128
				for j, x := range line {
					sum += x * root[j*k%n]
				}
				v[start+k*stride] = sum
			}
		}
	}
}

// lastAxes returns the last n axes of rank.
func lastAxes(rank, n int) []int { return axesFrom(rank-n, n) }

// fftRef is the meaning of the complex transforms.
func fftRef(sign float64) func(attrs any, out, in []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		v, lengths := load[complex128](in[0]), attrs.(ir.FFTAttrs).Lengths
		dft(v, in[0].Shape().Dimensions, lastAxes(in[0].Rank(), len(lengths)), sign)
		if sign > 0 {
			for i := range v {
				v[i] /= complex(float64(product(lengths)), 0)
			}
		}
		store(out[0], v)
	}
}

func realFFTRef(attrs any, out, in []*tensors.Tensor) {
	v := load[complex128](in[0])
	dft(v, in[0].Shape().Dimensions, lastAxes(in[0].Rank(), len(attrs.(ir.FFTAttrs).Lengths)), -1)
	n, m := in[0].Shape().Dim(-1), out[0].Shape().Dim(-1)
	half := make([]complex128, 0, out[0].Size())
	for i := 0; i < len(v); i += n {
		half = append(half, v[i:i+m]...)
	}
	store(out[0], half)
}

// inverseRealFFTRef transforms the other axes, then fills up the last one with conjugates.
func inverseRealFFTRef(attrs any, out, in []*tensors.Tensor) {
	v, lengths := load[complex128](in[0]), attrs.(ir.FFTAttrs).Lengths
	axes := lastAxes(in[0].Rank(), len(lengths))
	last := len(axes) - 1
	dft(v, in[0].Shape().Dimensions, axes[:last], 1)
	n, m := lengths[last], in[0].Shape().Dim(-1)
	y, line := make([]float64, 0, out[0].Size()), make([]complex128, n)
	for i := 0; i < len(v); i += m {
		for k := range line {
			if line[k] = v[i+min(k, n-k)]; k >= m {
				line[k] = cmplx.Conj(line[k])
			}
		}
		line[0] = complex(real(line[0]), 0) // what is its own conjugate is real
		if n%2 == 0 {
			line[n/2] = complex(real(line[n/2]), 0)
		}
		dft(line, []int{n}, []int{0}, 1)
		for _, c := range line {
			y = append(y, real(c)/float64(product(lengths)))
		}
	}
	store(out[0], y)
}

// halfWeights returns how often each of the n/2 + 1 elements that are kept of a real transform stands in the whole,
// as a constant of the given complex dtype: twice, but once for those that are their own conjugate. With invert it
// is one over that.
func halfWeights(g *Graph, d dtypes.DType, n int, invert bool) *Node {
	w := make([]float64, n/2+1)
	for k := range w {
		if w[k] = 2; k == 0 || 2*k == n {
			w[k] = 1
		}
		if invert {
			w[k] = 1 / w[k]
		}
	}
	return ConstAsDType(g, d, w)
}

// Gradients follow the convention of [Gradient]: with G = ∂L/∂a - i ∂L/∂b, a change dx makes dL = Re(Σ G·dx). A
// transform's matrix is symmetric, so that the gradient of a complex transform is the transform of G, not its inverse.
func init() {
	of := func(lengths ...int) ir.FFTAttrs { return ir.FFTAttrs{Lengths: lengths} }
	tol := ir.Tolerance{ULP: 16, Abs: 32, Why: "sums in another order, roots of one by other ways"}
	same := func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
		return in[0], checkFFT(attrs.(ir.FFTAttrs).Lengths, in[0], false)
	}
	whole := func() []ir.Sample {
		return []ir.Sample{
			{Name: "a power of two", In: []ir.Input{ir.Ramp(8)}, Attrs: of(8)},
			{Name: "odd", In: []ir.Input{ir.Ramp(9)}, Attrs: of(9)},
			{Name: "a prime", In: []ir.Input{ir.Ramp(7)}, Attrs: of(7)},
			{Name: "a larger prime", In: []ir.Input{ir.Ramp(29)}, Attrs: of(29)},
			{Name: "many factors", In: []ir.Input{ir.Ramp(60)}, Attrs: of(60)},
			{Name: "one element", In: []ir.Input{ir.Ramp(3, 1)}, Attrs: of(1)},
			{Name: "two elements", In: []ir.Input{ir.Ramp(2)}, Attrs: of(2)},
			{Name: "batch", In: []ir.Input{ir.Ramp(2, 3, 6)}, Attrs: of(6)},
			{Name: "two axes", In: []ir.Input{ir.Ramp(2, 5, 4)}, Attrs: of(5, 4)},
			{Name: "three axes", In: []ir.Input{ir.Ramp(3, 2, 4)}, Attrs: of(3, 2, 4)},
			{Name: "no batches", In: []ir.Input{ir.Ramp(0, 4)}, Attrs: of(4)},
		}
	}
	fft = Define(ir.Op{
		Name: "FFT", Family: "fourier", Cost: fourierCost(5), Doc: "y[…, k] = Σ_j x[…, j] · exp(-2πi·j·k/n) over the last axes", DTypes: dtypes.Complexes, Attrs: ir.FFTAttrs{}, HLO: "stablehlo.fft",
		Infer: same, Ref: fftRef(-1),
		Samples: whole(),
		Tol:     tol,
	}, Rule{
		JVPMulti: linear,
		VJP:      func(y, dy *Node) []*Node { return []*Node{Apply(fft, y.Attrs(), dy)} },
	})
	inverseFFT = Define(ir.Op{
		Name: "InverseFFT", Family: "fourier", Cost: fourierCost(5), Doc: "y[…, j] = 1/n · Σ_k x[…, k] · exp(2πi·j·k/n) over the last axes", DTypes: dtypes.Complexes, Attrs: ir.FFTAttrs{}, HLO: "stablehlo.fft",
		Infer: same, Ref: fftRef(1),
		Samples: whole(),
		Tol:     tol,
	}, Rule{
		JVPMulti: linear,
		VJP:      func(y, dy *Node) []*Node { return []*Node{Apply(inverseFFT, y.Attrs(), dy)} },
	})
	realFFT = Define(ir.Op{
		Name: "RealFFT", Family: "fourier", Cost: fourierCost(2.5), Doc: "the first n/2 + 1 elements of FFT(x) for a real x", DTypes: dtypes.SetOf(dtypes.Float32, dtypes.Float64), Attrs: ir.FFTAttrs{}, HLO: "stablehlo.fft",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			if err := checkFFT(attrs.(ir.FFTAttrs).Lengths, in[0], false); err != nil {
				return in[0], err
			}
			d, dims := dtypes.Complex64, slices.Clone(in[0].Dimensions)
			if in[0].DType == dtypes.Float64 {
				d = dtypes.Complex128
			}
			dims[len(dims)-1] = dims[len(dims)-1]/2 + 1
			return withDims(in[0], dims).WithDType(d), nil
		},
		Ref:     realFFTRef,
		Samples: whole(),
		Tol:     tol,
	}, Rule{
		JVPMulti: linear,
		VJP: func(y, dy *Node) []*Node { // dx[j] = Re(Σ_k G[k]·exp(-2πi·j·k/n)), the inverse of conj(G) but for its weights
			a := y.Attrs().(ir.FFTAttrs)
			w := halfWeights(y.graph, dy.DType(), a.Lengths[len(a.Lengths)-1], true)
			return []*Node{MulScalar(Apply(inverseRealFFT, a, Mul(Conj(dy), w)), float64(product(a.Lengths)))}
		},
	})
	half := []ir.Sample{
		{Name: "even", In: []ir.Input{ir.Ramp(5)}, Attrs: of(8)},
		{Name: "odd", In: []ir.Input{ir.Ramp(5)}, Attrs: of(9)},
		{Name: "a prime", In: []ir.Input{ir.Ramp(4)}, Attrs: of(7)},
		{Name: "a larger prime", In: []ir.Input{ir.Ramp(15)}, Attrs: of(29)},
		{Name: "one element", In: []ir.Input{ir.Ramp(3, 1)}, Attrs: of(1)},
		{Name: "two elements", In: []ir.Input{ir.Ramp(3, 2)}, Attrs: of(2)},
		{Name: "three elements", In: []ir.Input{ir.Ramp(3, 2)}, Attrs: of(3)},
		{Name: "batch", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: of(6)},
		{Name: "two axes", In: []ir.Input{ir.Ramp(2, 5, 3)}, Attrs: of(5, 4)},
		{Name: "two axes, the last odd", In: []ir.Input{ir.Ramp(4, 3)}, Attrs: of(4, 5)},
		{Name: "three axes", In: []ir.Input{ir.Ramp(3, 2, 3)}, Attrs: of(3, 2, 4)},
		{Name: "no batches", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: of(4)},
	}
	inverseRealFFT = Define(ir.Op{
		Name: "InverseRealFFT", Family: "fourier", Cost: fourierCost(2.5), Doc: "the real x of which RealFFT gives this", DTypes: dtypes.Complexes, Attrs: ir.FFTAttrs{}, HLO: "stablehlo.fft",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			lengths := attrs.(ir.FFTAttrs).Lengths
			if err := checkFFT(lengths, in[0], true); err != nil {
				return in[0], err
			}
			dims := slices.Clone(in[0].Dimensions)
			dims[len(dims)-1] = lengths[len(lengths)-1]
			return withDims(in[0], dims).WithDType(in[0].DType.Real()), nil
		},
		Ref:     inverseRealFFTRef,
		Samples: half,
		Tol:     tol,
	}, Rule{
		JVPMulti: linear,
		VJP: func(y, dy *Node) []*Node { // G[k] = w[k]/n · Σ_j dy[j]·exp(2πi·j·k/n)
			a := y.Attrs().(ir.FFTAttrs)
			n := a.Lengths[len(a.Lengths)-1]
			dx := Conj(Apply(realFFT, a, dy))
			return []*Node{MulScalar(Mul(dx, halfWeights(y.graph, dx.DType(), n, false)), 1/float64(product(a.Lengths)))}
		},
	})
}
