package graph_test

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// The quantiles of the normal distribution, by the inverse of the error function: what lies below is 2.5%, half and 97.5%.
func ExampleErfInv() {
	show(func(g *graph.Graph) *graph.Node {
		p := graph.Const(g, []float64{0.025, 0.5, 0.975})
		quantiles := graph.MulScalar(graph.ErfInv(graph.AddScalar(graph.MulScalar(p, 2), -1)), 1.4142135623730951)
		return graph.DivScalar(graph.Round(graph.MulScalar(quantiles, 1e4)), 1e4)
	})
	// Output: [-1.96 0 1.96]
}

// Factorials are values of the gamma function: n! = Γ(n + 1). The gradient of their logarithm is the digamma function.
func ExampleLgamma() {
	show(func(g *graph.Graph) *graph.Node {
		n := graph.Const(g, []float64{0, 1, 2, 3, 10})
		return graph.Round(graph.Exp(graph.Lgamma(graph.OnePlus(n))))
	})
	// Output: [1 1 2 6 3.6288e+06]
}

// Bitcast takes bits for what they are not: the exponent of a float stands above its 23 bits of mantissa.
func ExampleBitcast() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float32{1, 2, 1024, 0.5})
		bits := graph.Bitcast(x, dtypes.Int32)
		return graph.AddScalar(graph.BitwiseShiftRightLogicalScalar(bits, 23), -127)
	})
	// Output: [0 1 10 -1]
}
