package linalg

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// pade are the coefficients of the numerator of the diagonal Padé approximant of exp of degree 13, and padeRadius is the 1-norm up to
// which it is exact to float64.
var pade = [...]float64{64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
	670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1}

const padeRadius = 5.371920351148152

// Expm returns the exponential of a, a square matrix:
//
//	y = Σ aᵏ/k!
//
// by the Padé approximant of degree 13 of a divided by a power of two, squared as often. Where a's norm is beyond 2⁶⁴ it is NaN.
//
// Source: Higham, "The scaling and squaring method for the matrix exponential revisited", 2005; of the gradient: Najfeld and Havel,
// "Derivatives of the matrix exponential and their computation", 1995.
func Expm(a *graph.Node) *graph.Node {
	a, n := square("Expm", a)
	if a.Shape().Size() == 0 {
		return a
	}
	return graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{exponential(graph.StopGradient(in[0]))}
	}, func(in, _, d []*graph.Node) []*graph.Node {
		// exp of [aᵀ g; 0 aᵀ] has the derivative at aᵀ towards g in its upper right corner.
		at := transpose(in[0])
		top := graph.Concatenate([]*graph.Node{at, d[0]}, -1)
		bottom := graph.Concatenate([]*graph.Node{graph.ZerosLike(at), at}, -1)
		y := Expm(graph.Concatenate([]*graph.Node{top, bottom}, -2))
		return []*graph.Node{columnsOf(graph.SliceAxis(y, -2, graph.AxisRange(0, n)), n, 2*n)}
	})[0]
}

func exponential(a *graph.Node) *graph.Node {
	n := a.Dim(-1)
	const most = 64
	norm := graph.ExpandAxes(Norm(a, MaxColumns), -2, -1)
	halvings := graph.Ceil(graph.Log2(graph.DivScalar(norm, padeRadius)))
	beyond := graph.LogicalNot(graph.LessOrEqual(halvings, graph.ConstAs(halvings, most)))
	halvings = graph.ClipScalar(graph.Where(beyond, graph.ZerosLike(halvings), halvings), 0, most)
	a = graph.Mul(a, graph.ConvertDType(graph.Exp2(graph.Neg(halvings)), a.DType()))

	one := eye(a, n, n)
	a2 := graph.MatMul(a, a)
	a4 := graph.MatMul(a2, a2)
	a6 := graph.MatMul(a4, a2)
	sum := func(c6, c4, c2, c0 float64) *graph.Node {
		return graph.Add(graph.Add(graph.MulScalar(a6, c6), graph.MulScalar(a4, c4)), graph.Add(graph.MulScalar(a2, c2), graph.MulScalar(one, c0)))
	}
	b := func(k int) float64 { return pade[k] / pade[0] } // all divided alike, so that they are small
	odd := graph.MatMul(a, graph.Add(graph.MatMul(a6, sum(b(13), b(11), b(9), 0)), sum(b(7), b(5), b(3), b(1))))
	even := graph.Add(graph.MatMul(a6, sum(b(12), b(10), b(8), 0)), sum(b(6), b(4), b(2), b(0)))
	y := Solve(graph.Sub(even, odd), graph.Add(even, odd))

	// Squared as often as a was halved.
	g := a.Graph()
	times := graph.ConvertDType(halvings, dtypes.Int32)
	turns := graph.ReduceAllMax(times)
	shapes := []*graph.Node{graph.ScalarZero(g, dtypes.Int32), y}
	in := func(g *graph.Graph) (k, y *graph.Node) {
		return graph.Parameter(g, "", shapes[0].Shape()), graph.Parameter(g, "", shapes[1].Shape())
	}
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		k, _ := in(g)
		return []*graph.Node{graph.LessThan(k, turns)}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		k, y := in(g)
		return []*graph.Node{graph.OnePlus(k), graph.Where(graph.LessThan(k, times), graph.MatMul(y, y), y)}
	})
	y = graph.While(cond, body, shapes...)[1]
	return graph.Where(beyond, graph.Div(graph.ZerosLike(y), graph.ZerosLike(y)), y)
}
