// Package kan has Kolmogorov–Arnold networks: layers that learn a function of one number for each pair of input and output, in four
// forms; and B-splines and rational functions by themselves.
//
//	x = kan.BSpline(scope.In("first"), x, 16, 8, 3)  // [B, C] to [B, 16], cubic splines of 8 coefficients
//	x = kan.Rational(scope.In("second"), x, 1)
package kan

import (
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// mostPoints is more coefficients than a function of one number needs, and mostDegree a higher degree.
const mostPoints, mostDegree = 1 << 16, 64

// edges prepares a layer: it checks x, [..., In], and returns the scope.
func edges(name string, scope *model.Scope, x *graph.Node, out, points, least int) *model.Scope {
	if x.Rank() == 0 || !x.DType().IsFloat() || out < 1 || points < least || points > mostPoints {
		graph.Errorf("%s %s to %d with %d coefficients: want floats [..., inputs], 1 output or more, and %d to %d coefficients", name, x.Shape(), out, points, least, mostPoints)
	}
	return scope.Layer(name, x)
}

// mixed returns Σ_i Σ_k basis[..., i, k] · coefficients[i, k, o].
func mixed(basis, coefficients *graph.Node) *graph.Node {
	r := basis.Rank()
	return graph.DotGeneral(basis, []int{r - 2, r - 1}, nil, coefficients, []int{0, 1}, nil)
}

// Knots returns knots for [Basis] that make the given number of B-splines of a degree cover [-1, 1] evenly, with knots beyond its ends.
// It panics with [graph.Error] if there are none, or too many, or the degree is negative.
func Knots(points, degree int) []float64 {
	if points < 1 || points > mostPoints || degree < 0 || degree > mostDegree {
		graph.Errorf("Knots of %d splines of degree %d: want 1 to %d, of degree 0 to %d", points, degree, mostPoints, mostDegree)
	}
	knots := make([]float64, points+degree+1)
	h := 2 / float64(max(1, points-degree))
	for i := range knots {
		knots[i] = -1 + float64(i-degree)*h
	}
	return knots
}

// Basis returns the values of all B-splines of a degree over knots, which do not fall:
//
//	B[k, 0](x) = 1 if t[k] ≤ x < t[k+1], else 0
//	B[k, p](x) = (x - t[k]) / (t[k+p] - t[k]) · B[k, p-1](x) + (t[k+p+1] - x) / (t[k+p+1] - t[k+1]) · B[k+1, p-1](x)
//
// x is [...], a float; the result is [..., len(knots) - degree - 1]. Where knots are equal, 0/0 counts as 0. Outside of the knots all are 0.
//
// Source: de Boor, "A Practical Guide to Splines", 1978, ch. X, eq. 5.
func Basis(x *graph.Node, knots []float64, degree int) *graph.Node {
	n := len(knots) - degree - 1
	if degree < 0 || n < 1 || !x.DType().IsFloat() {
		graph.Errorf("Basis %s of degree %d over %d knots: want floats, a degree of 0 or more, and more knots than degree + 1", x.Shape(), degree, len(knots))
	}
	for i := 1; i < len(knots); i++ {
		if !(knots[i] >= knots[i-1]) {
			graph.Errorf("Basis: knot %d is %g, below the one before, %g", i, knots[i], knots[i-1])
		}
	}
	d := x.DType()
	x = graph.ExpandAxes(x, -1)
	row := func(v []float64) *graph.Node { // [1 …, len(v)]
		return graph.ExpandLeftToRank(graph.ConstAsDType(x.Graph(), d, v), x.Rank())
	}
	inside := graph.LogicalAnd(graph.GreaterOrEqual(x, row(knots[:len(knots)-1])), graph.LessThan(x, row(knots[1:])))
	b := graph.ConvertDType(inside, d)
	for p := 1; p <= degree; p++ {
		count := len(knots) - 1 - p
		up, upAt, down, downAt := make([]float64, count), make([]float64, count), make([]float64, count), make([]float64, count)
		for k := range count {
			upAt[k], downAt[k] = knots[k], knots[k+p+1]
			up[k], down[k] = inverse(knots[k+p]-knots[k]), inverse(knots[k+p+1]-knots[k+1])
		}
		left := graph.SliceAxis(b, -1, graph.AxisRange(0, count))
		right := graph.SliceAxis(b, -1, graph.AxisRange(1, count+1))
		rising := graph.Mul(graph.Mul(graph.Sub(x, row(upAt)), row(up)), left)
		falling := graph.Mul(graph.Mul(graph.Sub(row(downAt), x), row(down)), right)
		b = graph.Add(rising, falling)
	}
	return b
}

func inverse(x float64) float64 {
	if x == 0 {
		return 0
	}
	return 1 / x
}

// BSpline is a Kolmogorov–Arnold layer of splines:
//
//	y[o] = Σ_i ( base[i, o] · silu(x[i]) + Σ_k coefficients[i, k, o] · B_k(x[i]) )
//
// x is [..., In], a float; the result is [..., outputDim]. B_k are the B-splines of the degree over [Knots]: inputs are best within [-1, 1]. base
// begins with Xavier's distribution, coefficients with small numbers.
//
// Source: Liu et al., "KAN: Kolmogorov-Arnold Networks", 2024, arXiv:2404.19756, eq. 2.10 to 2.12, with the scale of splines in their coefficients.
func BSpline(scope *model.Scope, x *graph.Node, outputDim, points, degree int) *graph.Node {
	if degree < 0 || degree > mostDegree {
		graph.Errorf("BSpline %s: a degree of %d, want 0 to %d", x.Shape(), degree, mostDegree)
	}
	scope = edges("BSpline", scope, x, outputDim, points, degree+1)
	in := x.Dim(-1)
	base := scope.WithInitializer(scope.InitializerOr(initializers.XavierUniform)).VariableWithShape("base", shapes.Make(x.DType(), in, outputDim)).NodeValue(x)
	small := scope.WithInitializer(initializers.RandomNormalFn(0.1 / math.Sqrt(float64(max(1, in))))) // 0.1: the paper's noise_scale
	coefficients := small.VariableWithShape("coefficients", shapes.Make(x.DType(), in, points, outputDim)).NodeValue(x)
	y := graph.DotGeneral(graph.Silu(x), []int{x.Rank() - 1}, nil, base, []int{0}, nil)
	return scope.Result(graph.Add(y, mixed(Basis(x, Knots(points, degree), degree), coefficients)))
}

// PiecewiseLinear is a Kolmogorov–Arnold layer of polygons:
//
//	y[o] = Σ_i Σ_k coefficients[i, k, o] · max(0, 1 - |x[i] - t[k]| / h)
//
// x is [..., In], a float; the result is [..., outputDim]. t are points from -1 to 1, at distances h, and coefficients the values there; beyond
// the ends functions stay as they are at them. They begin as random straight lines, with Xavier's distribution.
//
// Source: as in GoMLX's KAN; the hat functions are B-splines of degree 1.
func PiecewiseLinear(scope *model.Scope, x *graph.Node, outputDim, points int) *graph.Node {
	scope = edges("PiecewiseLinear", scope, x, outputDim, points, 2)
	lines := scope.WithInitializer(scope.InitializerOr(straight))
	coefficients := lines.VariableWithShape("coefficients", shapes.Make(x.DType(), x.Dim(-1), points, outputDim)).NodeValue(x)
	return scope.Result(mixed(hats(graph.ClipScalar(x, -1, 1), points), coefficients))
}

// hats returns how near x is to each of the points from -1 to 1: 1 at a point, 0 at its neighbours.
func hats(x *graph.Node, points int) *graph.Node {
	h := 2 / float64(points-1)
	at := make([]float64, points)
	for k := range at {
		at[k] = -1 + float64(k)*h
	}
	t := graph.ExpandLeftToRank(graph.ConstAsDType(x.Graph(), x.DType(), at), x.Rank()+1)
	distance := graph.Abs(graph.Sub(graph.ExpandAxes(x, -1), t))
	return graph.Relu(graph.OneMinus(graph.MulScalar(distance, 1/h)))
}

// straight fills [In, points, Out] with lines through 0, whose slopes are of Xavier's distribution.
func straight(r *rand.Rand, shape shapes.Shape, out []float64) {
	d := shape.Dimensions
	in, points, outputs := d[0], d[1], d[2]
	slopes := make([]float64, in*outputs)
	initializers.XavierUniform(r, shapes.Make(dtypes.Float64, in, outputs), slopes)
	for i := range out {
		k, o := i/outputs%points, i%outputs
		out[i] = slopes[i/(points*outputs)*outputs+o] * (-1 + 2*float64(k)/float64(points-1))
	}
}

// Discrete is a Kolmogorov–Arnold layer of steps with softened edges:
//
//	y[o] = Σ_i ( c[i, 0, o] + Σ_k (c[i, k, o] - c[i, k-1, o]) · sigmoid((x[i] - s[k]) / softness) ),   k = 1 … points-1
//
// x is [..., In], a float; the result is [..., outputDim]. c are coefficients, s the edges between points equal parts of [-1, 1]. softness
// is the width of an edge, above 0, usually some tenth of a part; the smaller, the more it is a table. They begin as those of [PiecewiseLinear].
//
// Source: as in GoMLX's discrete KAN.
func Discrete(scope *model.Scope, x *graph.Node, outputDim, points int, softness float64) *graph.Node {
	scope = edges("Discrete", scope, x, outputDim, points, 2)
	if !(softness > 0) {
		graph.Errorf("Discrete %s: a softness of %g, want more than 0", x.Shape(), softness)
	}
	steps := scope.WithInitializer(scope.InitializerOr(straight))
	c := steps.VariableWithShape("coefficients", shapes.Make(x.DType(), x.Dim(-1), points, outputDim)).NodeValue(x)
	edges := make([]float64, points-1)
	for k := range edges {
		edges[k] = -1 + 2*float64(k+1)/float64(points)
	}
	s := graph.ExpandLeftToRank(graph.ConstAsDType(x.Graph(), x.DType(), edges), x.Rank()+1)
	passed := graph.Sigmoid(graph.MulScalar(graph.Sub(graph.ExpandAxes(x, -1), s), 1/softness)) // [..., In, points-1]
	first := graph.SliceAxis(c, 1, graph.AxisRange(0, 1))
	rest := graph.Sub(graph.SliceAxis(c, 1, graph.AxisRangeToEnd(1)), graph.SliceAxis(c, 1, graph.AxisRange(0, points-1)))
	return scope.Result(graph.Add(graph.ReduceSum(first, 0, 1), mixed(passed, rest)))
}

// degrees of the numerator and the denominator of rational functions.
const numerator, denominator = 5, 4

// Rational is a Kolmogorov–Arnold layer of quotients of polynomials:
//
//	y[o] = Σ_i (Σ_j a[i, j, o] · x[i]^j) / (1 + |Σ_j b[i, j] · x[i]^j|),   j = 0 … 5 above and 1 … 4 below
//
// x is [..., In], a float; the result is [..., outputDim]. The denominators, one for each input, have no zeros. b begins with that of
// [RationalActivation], a with its numerator times Xavier's distribution: the layer begins as a dense one behind silu.
//
// Source: Yang and Wang, "Kolmogorov-Arnold Transformer", 2024, arXiv:2409.10594, eq. 9, with a denominator for each input.
func Rational(scope *model.Scope, x *graph.Node, outputDim int) *graph.Node {
	scope = edges("Rational", scope, x, outputDim, numerator+1, 1)
	in := x.Dim(-1)
	a := scope.WithInitializer(siluTimesXavier).VariableWithShape("numerator", shapes.Make(x.DType(), in, numerator+1, outputDim)).NodeValue(x)
	b := scope.WithInitializer(rows(siluBelow)).VariableWithShape("denominator", shapes.Make(x.DType(), in, denominator)).NodeValue(x)
	powers := powersOf(x, numerator) // [..., In, 6]
	below := graph.SliceAxis(powers, -1, graph.AxisRange(1, denominator+1))
	q := graph.OnePlus(graph.Abs(graph.ReduceSum(graph.Mul(below, graph.ExpandLeftToRank(b, below.Rank())), -1))) // [..., In]
	return scope.Result(mixed(graph.Div(powers, graph.ExpandAxes(q, -1)), a))
}

// RationalActivation is an activation function that is learned, a quotient of polynomials for each group of channels:
//
//	y = (Σ_j a[g, j] · x^j) / (1 + |Σ_j b[g, j] · x^j|),   j = 0 … 5 above and 1 … 4 below
//
// x is [..., C], a float; groups divide C; the result has x's shape. It begins close to silu: to within 2e-6 from -3 to 3.
//
// Source: Molina, Schramowski and Kersting, "Padé Activation Units", 2019, arXiv:1907.06732, eq. 2, with one absolute value around the sum.
func RationalActivation(scope *model.Scope, x *graph.Node, groups int) *graph.Node {
	scope = edges("RationalActivation", scope, x, 1, numerator+1, 1)
	channels := x.Dim(-1)
	if groups < 1 || channels%groups != 0 {
		graph.Errorf("RationalActivation %s: %d groups do not divide the channels", x.Shape(), groups)
	}
	a := scope.WithInitializer(rows(siluAbove)).VariableWithShape("numerator", shapes.Make(x.DType(), groups, numerator+1)).NodeValue(x)
	b := scope.WithInitializer(rows(siluBelow)).VariableWithShape("denominator", shapes.Make(x.DType(), groups, denominator)).NodeValue(x)
	each := graph.Reshape(x, -1, groups, channels/groups)
	powers := powersOf(each, numerator) // [N, groups, C/groups, 6]
	sum := func(powers, factors *graph.Node) *graph.Node {
		return graph.ReduceSum(graph.Mul(powers, graph.ExpandAxes(factors, 0, 2)), -1)
	}
	q := graph.OnePlus(graph.Abs(sum(graph.SliceAxis(powers, -1, graph.AxisRange(1, denominator+1)), b)))
	return scope.Result(graph.ReshapeWithShape(graph.Div(sum(powers, a), q), x.Shape()))
}

// powersOf returns x^0 … x^n along a new last axis.
func powersOf(x *graph.Node, n int) *graph.Node {
	p := []*graph.Node{graph.OnesLike(x)}
	for range n {
		p = append(p, graph.Mul(p[len(p)-1], x))
	}
	return graph.Stack(p, -1)
}

// siluAbove and siluBelow are the coefficients of the rational function that is closest to silu on [-3, 3], by least squares over 601
// points: fitted by silu_fit in testdata/reference/make.py of package layers.
var (
	siluAbove = []float64{3.294e-07, 0.5, 0.249997343, 0.053264413, 0.0058022055, 0.0002750876}
	siluBelow = []float64{6.6e-09, 0.1065288228, 6e-10, 0.0005501752}
)

// rows fills each row with the same numbers.
func rows(values []float64) initializers.Initializer {
	return func(_ *rand.Rand, _ shapes.Shape, out []float64) {
		for i := range out {
			out[i] = values[i%len(values)]
		}
	}
}

// siluTimesXavier fills [In, 6, Out].
func siluTimesXavier(r *rand.Rand, shape shapes.Shape, out []float64) {
	in, outputs := shape.Dimensions[0], shape.Dimensions[2]
	w := make([]float64, in*outputs)
	initializers.XavierUniform(r, shapes.Make(dtypes.Float64, in, outputs), w)
	for i := range out {
		j, o := i/outputs%(numerator+1), i%outputs
		out[i] = siluAbove[j] * w[i/((numerator+1)*outputs)*outputs+o]
	}
}
