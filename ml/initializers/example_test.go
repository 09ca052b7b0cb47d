package initializers_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
)

// spread fills a variable of the given shape and describes what is in it.
func spread(initializer initializers.Initializer, dims ...int) string {
	shape := shapes.Make(dtypes.Float32, dims...)
	out := make([]float64, shape.Size())
	initializer(rand.New(rand.NewPCG(1, 2)), shape, out)
	sum, squares := 0.0, 0.0
	for _, x := range out {
		sum, squares = sum+x, squares+x*x
	}
	n := float64(len(out))
	return fmt.Sprintf("mean %.2f, deviation %.2f, from %.1f to %.1f", math.Round(100*sum/n)/100+0, math.Sqrt(squares/n-sum/n*sum/n), slices.Min(out), slices.Max(out))
}

// Biases begin with 0.
func ExampleZero() {
	fmt.Println(spread(initializers.Zero, 8))
	// Output:
	// mean 0.00, deviation 0.00, from 0.0 to 0.0
}

// Gains of norms begin with 1.
func ExampleOne() {
	fmt.Println(spread(initializers.One, 8))
	// Output:
	// mean 1.00, deviation 0.00, from 1.0 to 1.0
}

// A bias of a gate may begin with 2, to be open.
func ExampleConstantFn() {
	fmt.Println(spread(initializers.ConstantFn(2), 8))
	// Output:
	// mean 2.00, deviation 0.00, from 2.0 to 2.0
}

// The deviation is what was asked for.
func ExampleRandomNormalFn() {
	fmt.Println(spread(initializers.RandomNormalFn(0.5), 200, 200))
	// Output:
	// mean 0.00, deviation 0.50, from -2.0 to 2.2
}

// Numbers from 1 to 3, evenly: their deviation is 2/√12.
func ExampleRandomUniformFn() {
	fmt.Println(spread(initializers.RandomUniformFn(1, 3), 200, 200))
	// Output:
	// mean 2.00, deviation 0.58, from 1.0 to 3.0
}

// Nothing is more than two deviations of 0.5 away from 0.
func ExampleTruncatedNormalFn() {
	fmt.Println(spread(initializers.TruncatedNormalFn(0.5), 200, 200))
	// Output:
	// mean 0.00, deviation 0.44, from -1.0 to 1.0
}

// 25 inputs: nothing is further from 0 than 1/√25.
func ExampleDefault() {
	fmt.Println(spread(initializers.Default, 25, 2000))
	// Output:
	// mean 0.00, deviation 0.12, from -0.2 to 0.2
}

// 200 inputs: √(2/200) is 0.1.
func ExampleHe() {
	fmt.Println(spread(initializers.He, 200, 300))
	// Output:
	// mean 0.00, deviation 0.10, from -0.4 to 0.4
}

// 25 inputs: √(1/25) is 0.2.
func ExampleLeCun() {
	fmt.Println(spread(initializers.LeCun, 25, 2000))
	// Output:
	// mean 0.00, deviation 0.20, from -0.8 to 0.9
}

// 100 inputs and 100 outputs: √(2/200) is 0.1.
func ExampleXavierNormal() {
	fmt.Println(spread(initializers.XavierNormal, 100, 100))
	// Output:
	// mean 0.00, deviation 0.10, from -0.4 to 0.4
}

// The same deviation as XavierNormal, and no number beyond √(6/200).
func ExampleXavierUniform() {
	fmt.Println(spread(initializers.XavierUniform, 100, 100))
	// Output:
	// mean 0.00, deviation 0.10, from -0.2 to 0.2
}

// Each output of a kernel of 3 by 3 over 16 channels is made of 144 inputs.
func ExampleFans() {
	fmt.Println(initializers.Fans(shapes.Make(dtypes.Float32, 3, 3, 16, 32)))
	// Output:
	// 144 288
}

// 150 inputs: ±√(6/150) is ±0.2.
func ExampleHeUniform() {
	fmt.Println(spread(initializers.HeUniform, 150, 200))
	// Output:
	// mean 0.00, deviation 0.12, from -0.2 to 0.2
}

// 75 inputs: ±√(3/75) is ±0.2.
func ExampleLeCunUniform() {
	fmt.Println(spread(initializers.LeCunUniform, 75, 200))
	// Output:
	// mean 0.00, deviation 0.12, from -0.2 to 0.2
}

// 100 outputs of each input, and a gain of 2.
func ExampleKaimingNormalFn() {
	fmt.Println(spread(initializers.KaimingNormalFn(2, true), 300, 100))
	// Output:
	// mean 0.00, deviation 0.20, from -0.8 to 0.9
}

// As layers of PyTorch begin: ±1/√25.
func ExampleKaimingUniformFn() {
	fmt.Println(spread(initializers.KaimingUniformFn(1/math.Sqrt(3), false), 25, 1000))
	// Output:
	// mean 0.00, deviation 0.12, from -0.2 to 0.2
}

// A tenth of what Xavier says.
func ExampleScaledFn() {
	fmt.Println(spread(initializers.ScaledFn(10, initializers.XavierNormal), 100, 100))
	// Output:
	// mean 0.00, deviation 1.00, from -3.9 to 3.6
}

// Tanh makes values of variance 1 smaller by 3/5.
func ExampleGain() {
	fmt.Printf("%.3f %.3f\n", initializers.Gain("tanh"), initializers.Gain("relu"))
	// Output:
	// 1.667 1.414
}

// The columns of a tall matrix are of length 1.
func ExampleOrthogonalFn() {
	out := make([]float64, 4*2)
	initializers.OrthogonalFn(1)(rand.New(rand.NewPCG(1, 2)), shapes.Make(dtypes.Float32, 4, 2), out)
	length, product := 0.0, 0.0
	for i := range 4 {
		length += out[2*i] * out[2*i]
		product += out[2*i] * out[2*i+1]
	}
	fmt.Printf("%.6f %.6f\n", length, math.Abs(product))
	// Output:
	// 1.000000 0.000000
}

// The middle of a kernel over three times, of two channels.
func ExampleIdentity() {
	out := make([]float64, 3*2*2)
	initializers.Identity(nil, shapes.Make(dtypes.Float32, 3, 2, 2), out)
	fmt.Println(out)
	// Output:
	// [0 0 0 0 1 0 0 1 0 0 0 0]
}

// He's numbers, without a list of float64s.
func ExampleFloat32s() {
	out := make([]float32, 3)
	if draw := initializers.Float32s(initializers.He); draw != nil {
		draw(rand.New(rand.NewPCG(1, 2)), shapes.Make(dtypes.Float32, 3), out)
	}
	exact := make([]float64, 3)
	initializers.He(rand.New(rand.NewPCG(1, 2)), shapes.Make(dtypes.Float32, 3), exact)
	fmt.Println(out[2] == float32(exact[2]))
	// Output:
	// true
}
