package initializers

import (
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph/shapes"
)

// Initializer writes the first values of a variable of the given shape into out, in row-major order; they
// are then rounded to the shape's dtype. out holds zeros, and is lent for the call. r is the variable's own stream of random numbers.
type Initializer func(r *rand.Rand, shape shapes.Shape, out []float64)

// Zero fills with 0: for biases, and for offsets of norms.
func Zero(*rand.Rand, shapes.Shape, []float64) {}

// One fills with 1: for gains of norms.
func One(_ *rand.Rand, _ shapes.Shape, out []float64) { fill(out, 1) }

// ConstantFn fills with value.
func ConstantFn(value float64) Initializer {
	return func(_ *rand.Rand, _ shapes.Shape, out []float64) { fill(out, value) }
}

func fill(out []float64, value float64) {
	for i := range out {
		out[i] = value
	}
}

// RandomNormalFn draws from the normal distribution of mean 0 and the given standard deviation.
func RandomNormalFn(stddev float64) Initializer {
	return func(r *rand.Rand, _ shapes.Shape, out []float64) { normal(stddev).fill(r, out) }
}

// RandomUniformFn draws evenly from [min, max).
func RandomUniformFn(min, max float64) Initializer {
	return func(r *rand.Rand, _ shapes.Shape, out []float64) { uniform(min, max).fill(r, out) }
}

// TruncatedNormalFn draws from the normal distribution of mean 0 and the given standard deviation,
// without what lies more than two of these from 0 (those draws are repeated).
func TruncatedNormalFn(stddev float64) Initializer {
	return func(r *rand.Rand, _ shapes.Shape, out []float64) {
		s, z := newStream(r), theZiggurat()
		each(len(out), func(from, to int) {
			out := out[from:to]
			for i := range out {
				u := s.at(from + i)
				x := z.draw(u)
				for again := ^element(u); math.Abs(x) > 2; { // the draw has used those that follow u
					x = z.draw(again.next())
				}
				out[i] = stddev * x
			}
		})
	}
}

// Default draws evenly from ±1/√fanIn, a variance of 1/(3·fanIn): what PyTorch begins the weights of its linear and convolutional layers
// with. It is what variables begin with unless layer or scope say otherwise. Layers without norms between them make activations smaller with it; where
// there are many, take [He] or [XavierUniform].
func Default(r *rand.Rand, shape shapes.Shape, out []float64) { ofDefault(shape).fill(r, out) }

func ofDefault(shape shapes.Shape) draws {
	fanIn, _ := Fans(shape)
	limit := math.Sqrt(1 / fanIn)
	return uniform(-limit, limit)
}

// He draws from the normal distribution of standard deviation √(2/fanIn), which keeps the variance of
// activations through layers of Relu.
//
// Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, eq. 10.
func He(r *rand.Rand, shape shapes.Shape, out []float64) { ofHe(shape).fill(r, out) }

func ofHe(shape shapes.Shape) draws {
	fanIn, _ := Fans(shape)
	return normal(math.Sqrt(2 / fanIn))
}

// LeCun draws from the normal distribution of standard deviation √(1/fanIn), which keeps the variance of
// activations through linear layers, and with Selu.
//
// Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.6.
func LeCun(r *rand.Rand, shape shapes.Shape, out []float64) { ofLeCun(shape).fill(r, out) }

func ofLeCun(shape shapes.Shape) draws {
	fanIn, _ := Fans(shape)
	return normal(math.Sqrt(1 / fanIn))
}

// XavierNormal draws from the normal distribution of standard deviation √(2/(fanIn+fanOut)), a
// compromise between forward and backward variance, for Tanh and Sigmoid.
//
// Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
// 2010, eq. 12.
func XavierNormal(r *rand.Rand, shape shapes.Shape, out []float64) {
	ofXavierNormal(shape).fill(r, out)
}

func ofXavierNormal(shape shapes.Shape) draws {
	fanIn, fanOut := Fans(shape)
	return normal(math.Sqrt(2 / (fanIn + fanOut)))
}

// XavierUniform draws evenly from ±√(6/(fanIn+fanOut)), which has the variance of [XavierNormal].
//
// Source: Glorot and Bengio 2010, eq. 16.
func XavierUniform(r *rand.Rand, shape shapes.Shape, out []float64) {
	ofXavierUniform(shape).fill(r, out)
}

func ofXavierUniform(shape shapes.Shape) draws {
	fanIn, fanOut := Fans(shape)
	limit := math.Sqrt(6 / (fanIn + fanOut))
	return uniform(-limit, limit)
}

// Fans returns how many inputs each output of a kernel has and how many outputs each input has. Kernels
// are [In, Out] or [spatial axes…, In, Out]; every spatial place counts. A vector [N] has N of both, a
// scalar 1. Neither is ever below 1.
func Fans(shape shapes.Shape) (fanIn, fanOut float64) {
	dims := shape.Dimensions
	switch len(dims) {
	case 0:
		return 1, 1
	case 1:
		n := math.Max(1, float64(dims[0]))
		return n, n
	}
	field := 1.0
	for _, d := range dims[:len(dims)-2] {
		field *= float64(d)
	}
	in, out := float64(dims[len(dims)-2]), float64(dims[len(dims)-1])
	return math.Max(1, field*in), math.Max(1, field*out)
}
