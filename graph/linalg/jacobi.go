package linalg

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Jacobi's method turns pairs of rows or columns until all of them are orthogonal. n/2 pairs that have nothing in common are turned at
// once, in n-1 rounds (n if n is odd), of which a sweep consists: the rounds of a tournament in which everybody meets everybody. Arrays are
// [n, batch, m] here, the rows that are turned first, so that they move as a whole.

// maxSweeps is far more than are needed: the method converges quadratically, after a number of sweeps that grows as log n.
const maxSweeps = 30

// mostPlayers is how many can take part: products of numbers up to it are int32.
const mostPlayers = 1 << 15

func checkPlayers(op string, a *graph.Node, n int) {
	if n > mostPlayers {
		graph.Errorf("linalg.%s %s: matrices of more than %d rows and columns are not taken apart here", op, a.Shape(), mostPlayers)
	}
}

// partnersIn returns whom each of n players meets in a round, a scalar; themselves if they have a pause. With an odd number m of players
// i and j meet in the round (i + j) mod m; whose partner would be themselves meets one more player, who is nobody if n is odd.
func partnersIn(round *graph.Node, n int) *graph.Node {
	m := n - 1 + n%2
	player := graph.Iota(round.Graph(), shapes.Make(dtypes.Int32, n), 0)
	other := graph.ModScalar(graph.AddScalar(graph.Sub(round, player), m), m)
	last := graph.ConstAs(player, m)
	if n%2 == 1 {
		return other // their own number, where they have a pause
	}
	other = graph.Where(graph.Equal(other, player), last, other)
	// The last player meets the one whose number twice is the round, mod m.
	half := graph.ModScalar(graph.MulScalar(round, (m+1)/2), m)
	return graph.Where(graph.Equal(player, last), half, other)
}

// jacobi runs sweeps over state, whose turn says for a round what it makes of it, given whom each row meets, and how large the inner
// products of the pairs were beside the rows; until none is larger than rounding errors.
func jacobi(n int, state []*graph.Node, turn func(partner *graph.Node, state []*graph.Node) (next []*graph.Node, met *graph.Node)) []*graph.Node {
	g, real := state[0].Graph(), state[0].DType().Real()
	scalar := func(v float64) *graph.Node { return graph.Scalar(g, real, v) }
	rounds := n - 1 + n%2
	g.BranchOn("linalg.Eigh or SVD", n) // an odd number has a pause
	state = append([]*graph.Node{graph.ScalarZero(g, dtypes.Int32), scalar(1)}, state...)
	parameters := func(g *graph.Graph) []*graph.Node {
		in := make([]*graph.Node, len(state))
		for i, s := range state {
			in[i] = graph.Parameter(g, "", s.Shape())
		}
		return in
	}
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := parameters(g)
		return []*graph.Node{graph.LogicalAnd(graph.LessThan(s[0], graph.ConstAs(s[0], maxSweeps)), graph.GreaterThan(s[1], graph.ConstAs(s[1], dtypes.Epsilon(real))))}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := parameters(g)
		carry := append([]*graph.Node{graph.ZerosLike(s[1])}, s[2:]...)
		carry, _ = graph.Scan(carry, []*graph.Node{graph.Iota(g, shapes.Make(dtypes.Int32, rounds), 0)}, func(carry, x []*graph.Node) (next, y []*graph.Node) {
			next, met := turn(graph.ExpandAxes(partnersIn(x[0], n), -1), carry[1:])
			return append([]*graph.Node{graph.Max(carry[0], graph.ReduceAllMax(met))}, next...), nil
		}).Done()
		return append([]*graph.Node{graph.OnePlus(s[0])}, carry...)
	})
	return graph.While(cond, body, state...)[2:]
}

// rotation returns by which c and s each row i becomes c·row[i] + s·row[j], j its partner, so that both become orthogonal, given their
// squared lengths, and their inner products, off. All are [n, batch, 1].
func rotation(partner, mine, theirs, off *graph.Node) (c, s *graph.Node) {
	g, n := off.Graph(), off.Dim(0)
	size := graph.Abs(off)
	self := graph.Iota(g, shapes.Make(dtypes.Int32, n, 1, 1), 0)
	meets := graph.Reshape(partner, n, 1, 1)
	idle := graph.LogicalOr(graph.IsZero(size), graph.Equal(self, meets))
	one := graph.OnesLike(size)
	tau := graph.Div(graph.Sub(theirs, mine), graph.MulScalar(graph.Where(idle, one, size), 2))
	sign := graph.Where(graph.IsZero(tau), graph.Where(graph.LessThan(self, meets), one, graph.Neg(one)), graph.Sign(tau))
	t := graph.Div(sign, graph.Add(graph.Abs(tau), graph.Hypot(one, tau)))
	t = graph.Where(idle, graph.ZerosLike(t), t)
	c = graph.Reciprocal(graph.Hypot(one, t))
	unit := graph.Sign(graph.Where(idle, graph.OnesLike(off), off))
	return c, graph.Mul(graph.ConvertDType(graph.Neg(graph.Mul(c, t)), off.DType()), unit)
}

// turned returns c·x[i] + s·x[partner[i]].
func turned(x, partner, c, s *graph.Node) *graph.Node {
	return graph.Add(graph.Mul(graph.ConvertDType(c, x.DType()), x), graph.Mul(s, graph.Gather(x, partner)))
}

// rowsFirst returns matrices [..., n, m] as [n, batch, m], and matricesOf those as matrices with the batches of like.
func rowsFirst(x *graph.Node) *graph.Node {
	n, m := x.Dim(-2), x.Dim(-1)
	return graph.Transpose(graph.Reshape(x, batchesOf(x), n, m), 0, 1)
}

func matricesOf(x, like *graph.Node) *graph.Node {
	return graph.Reshape(graph.Transpose(x, 0, 1), with(like.Shape(), []int{x.Dim(0), x.Dim(2)}).Dimensions...)
}

func batchesOf(x *graph.Node) int {
	n := 1
	for _, d := range x.Shape().Dimensions[:x.Rank()-2] {
		n *= d
	}
	return n
}

// eyeRows is an identity matrix for each batch of x, rows first.
func eyeRows(x *graph.Node, n int) *graph.Node { return rowsFirst(eye(x, n, n)) }

// phases returns, for each column of v, the number of absolute value 1 that its element of the largest absolute value has as a factor.
func phases(v *graph.Node) *graph.Node {
	if v.Dim(-2) == 0 {
		return graph.OnesLike(graph.ReduceSum(v, -2))
	}
	size := graph.Abs(v)
	i, _ := places(v, v.Dim(-2), 1)
	largest := graph.Equal(i, graph.ExpandAxes(graph.ArgMax(size, -2), -2))
	z := graph.ReduceSum(graph.Where(largest, v, graph.ZerosLike(v)), -2)
	return graph.Sign(graph.Where(graph.Equal(z, graph.ZerosLike(z)), graph.OnesLike(z), z))
}

// reordered returns x with its columns in the order of indices, [..., n].
func reordered(x, order *graph.Node) *graph.Node {
	batch := x.Rank() - 2
	return transpose(graph.GatherWithBatchDims(transpose(x), graph.ExpandAxes(order, -1), batch))
}
