package initializers

import (
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph/shapes"
)

// HeUniform draws evenly from ±√(6/fanIn), which has the variance of [He].
//
// Source: He, Zhang, Ren and Sun 2015, eq. 10, as kaiming_uniform of PyTorch with the gain of Relu.
func HeUniform(r *rand.Rand, shape shapes.Shape, out []float64) { ofHeUniform(shape).fill(r, out) }

func ofHeUniform(shape shapes.Shape) draws {
	fanIn, _ := Fans(shape)
	limit := math.Sqrt(6 / fanIn)
	return uniform(-limit, limit)
}

// LeCunUniform draws evenly from ±√(3/fanIn), which has the variance of [LeCun].
//
// Source: LeCun, Bottou, Orr and Müller 1998, section 4.6.
func LeCunUniform(r *rand.Rand, shape shapes.Shape, out []float64) {
	ofLeCunUniform(shape).fill(r, out)
}

func ofLeCunUniform(shape shapes.Shape) draws {
	fanIn, _ := Fans(shape)
	limit := math.Sqrt(3 / fanIn)
	return uniform(-limit, limit)
}

// KaimingNormalFn draws from the normal distribution of standard deviation gain/√fan, where fan is the number of inputs of each
// output, or with fanOut of outputs of each input, which keeps the variance of gradients instead. [Gain] knows gains by activation.
//
// Source: He, Zhang, Ren and Sun 2015, eq. 10 and 14.
func KaimingNormalFn(gain float64, fanOut bool) Initializer {
	return func(r *rand.Rand, shape shapes.Shape, out []float64) {
		normal(gain/math.Sqrt(fan(shape, fanOut))).fill(r, out)
	}
}

// KaimingUniformFn draws evenly from ±gain·√(3/fan), which has the variance of [KaimingNormalFn]. With a gain of 1/√3 it is what layers of
// PyTorch begin with.
//
// Source: He, Zhang, Ren and Sun 2015, eq. 10 and 14.
func KaimingUniformFn(gain float64, fanOut bool) Initializer {
	return func(r *rand.Rand, shape shapes.Shape, out []float64) {
		limit := gain * math.Sqrt(3/fan(shape, fanOut))
		uniform(-limit, limit).fill(r, out)
	}
}

func fan(shape shapes.Shape, out bool) float64 {
	fanIn, fanOut := Fans(shape)
	if out {
		return fanOut
	}
	return fanIn
}

// ScaledFn multiplies what another initializer writes by gain.
func ScaledFn(gain float64, initializer Initializer) Initializer {
	return func(r *rand.Rand, shape shapes.Shape, out []float64) {
		initializer(r, shape, out)
		for i := range out {
			out[i] *= gain
		}
	}
}

// Gain returns by how much an activation function, named as in package layers, shrinks values of variance 1: initial weights times
// that keep it. For names that it does not know it returns 1, which is right for linear layers, sigmoid and none.
//
// Source: He, Zhang, Ren and Sun 2015, and PyTorch's calculate_gain: √2 for relu, 5/3 for tanh, 3/4 for selu, √(2/(1+a²)) for leaky_relu of slope a = 0.01.
func Gain(activation string) float64 {
	switch activation {
	case "relu", "relu6", "squared_relu":
		return math.Sqrt2
	case "leaky_relu":
		return math.Sqrt(2 / (1 + 0.01*0.01))
	case "tanh", "hard_tanh":
		return 5.0 / 3
	case "selu":
		return 0.75
	}
	return 1
}

// OrthogonalFn fills with gain times a random matrix whose rows, or columns where these are fewer, are orthogonal and of length 1. All axes
// but the last are rows.
//
// Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013,
// arXiv:1312.6120; evenly distributed as in Mezzadri, "How to generate random matrices from the classical compact groups", 2006.
func OrthogonalFn(gain float64) Initializer {
	return func(r *rand.Rand, shape shapes.Shape, out []float64) {
		if len(out) == 0 {
			return
		}
		cols := 1
		if d := shape.Dimensions; len(d) > 0 {
			cols = d[len(d)-1]
		}
		rows := len(out) / cols
		normal(1).fill(r, out)
		n, length, at := cols, rows, func(v, i int) *float64 { return &out[i*cols+v] } // vectors are columns
		if rows < cols {
			n, length, at = rows, cols, func(v, i int) *float64 { return &out[v*cols+i] }
		}
		// Each vector loses its parts along those before it, twice: once leaves what cancellation has made of them.
		for v := range n {
			for range 2 {
				for u := range v {
					dot := 0.0
					for i := range length {
						dot += float64(*at(u, i) * *at(v, i))
					}
					for i := range length {
						*at(v, i) -= float64(dot * *at(u, i))
					}
				}
				norm := 0.0
				for i := range length {
					norm += float64(*at(v, i) * *at(v, i))
				}
				norm = math.Sqrt(norm)
				for i := range length {
					*at(v, i) /= norm
				}
			}
		}
		for i := range out {
			out[i] *= gain
		}
	}
}

// Identity fills a matrix [N, M] with 1 where row and column are one, else 0: the layer begins as a copy of its first inputs.
// Of a kernel, [spatial axes…, In, Out], the place in the middle is filled so (Dirac's delta): a convolution with padding begins as a copy, too.
//
// Source: Le, Jaitly and Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", 2015, arXiv:1504.00941; for kernels
// as dirac_ of PyTorch.
func Identity(_ *rand.Rand, shape shapes.Shape, out []float64) {
	d := shape.Dimensions
	if len(d) < 2 {
		fill(out, 1)
		return
	}
	place := 0
	for _, size := range d[:len(d)-2] {
		place = place*size + size/2
	}
	in, channels := d[len(d)-2], d[len(d)-1]
	for i := range min(in, channels) {
		if at := (place*in+i)*channels + i; at >= 0 && at < len(out) { // out may be less than the shape says
			out[at] = 1
		} else {
			return
		}
	}
}
