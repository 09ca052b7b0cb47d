package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Random bits of a state are read as XLA's CPU compiler makes them, in integer arithmetic, so that a program has the numbers that it had in JAX:
// with Threefry, and with Philox, which is what DEFAULT is there. Both encrypt a count, which begins with what the state says and goes on
// from there in the next state; narrower numbers are the low bits of 32.
//
// Source: xla/hlo/builder/lib/prng.cc and rng_bit_generator_expander.cc of XLA; Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
// easy as 1, 2, 3", 2011.

func init() {
	define("stablehlo.rng_bit_generator", 1, readRandomBits)
	constrainAll(2, func(t *typed) {
		t.elements("the state", dtypes.SetOf(dtypes.Uint64), t.in[0])
		t.alike("the state and the next one", t.in[0], t.out[0])
		if s := t.in[0].tensor(); s.Rank() != 1 || !meet(s.Dimensions[0], 2) && !(s.Dimensions[0] == 3 && t.word("rng_algorithm") == "PHILOX") {
			t.fail("the state is %s: Quire reads those of 2 numbers, and of 3 for PHILOX", t.in[0].text)
		}
		t.elements("the bits", dtypes.Ints, t.out[1])
		if w := t.word("rng_algorithm"); w != "DEFAULT" && w != "THREE_FRY" && w != "PHILOX" {
			t.fail("the attribute rng_algorithm is DEFAULT, THREE_FRY or PHILOX, not %q", w)
		}
	}, "rng_bit_generator")
}

func readRandomBits(c *reading) []*graph.Node {
	if len(c.op.out) < 2 || !c.op.out[1].known() {
		c.fail("the type of its result leaves a size open, which nothing else says")
	}
	s := c.op.out[1].shape
	generate := philox
	if c.word("rng_algorithm") == "THREE_FRY" {
		generate = threefry
	}
	next, bits := generate(c.in[0], s)
	return []*graph.Node{next, graph.ConvertDType(bits, s.DType)}
}

// word64 returns a number of a state, as a vector of one.
func word64(state *graph.Node, i int) *graph.Node { return partOf(state, 0, i, i+1) }

// halves returns the low and the high 32 bits.
func halves(x *graph.Node) [2]*graph.Node {
	return [2]*graph.Node{graph.ConvertDType(x, dtypes.Uint32), graph.ConvertDType(graph.BitwiseShiftRightLogicalScalar(x, 32), dtypes.Uint32)}
}

// whole makes numbers of 64 bits of their halves.
func whole(low, high *graph.Node) *graph.Node {
	return graph.BitwiseOr(graph.ConvertDType(low, dtypes.Uint64), graph.BitwiseShiftLeftScalar(graph.ConvertDType(high, dtypes.Uint64), 32))
}

// counted returns start, start + 1, … of n numbers, modulo 2⁶⁴.
func counted(start *graph.Node, n int) *graph.Node {
	return graph.Add(graph.BroadcastToDims(start, n), graph.Iota(start.Graph(), shapes.Make(dtypes.Uint64, n), 0))
}

// threefry makes 32 bits for pairs of elements: those whose places along one axis, the first of an even size or else the longest, are beside
// each other. The state is the key, and the count.
func threefry(state *graph.Node, s shapes.Shape) (next, bits *graph.Node) {
	key, count := word64(state, 0), word64(state, 1)
	n := s.Size()
	axis, dims := 0, slices.Clone(s.Dimensions)
	if s.DType.Size() < 8 {
		if len(dims) == 0 {
			dims = []int{1}
		}
		axis = slices.IndexFunc(dims, func(d int) bool { return d%2 == 0 })
		if axis < 0 {
			axis = slices.Index(dims, slices.Max(dims))
		}
		half := slices.Clone(dims)
		half[axis] = (dims[axis] + 1) / 2
		n = shapes.Make(s.DType, half...).Size()
		dims = half
	}
	next = graph.Concatenate([]*graph.Node{key, graph.Add(count, number(count, float64(n)))}, 0)
	if s.Size() == 0 {
		return next, graph.Zeros(state.Graph(), s)
	}
	in, k := halves(counted(count, n)), halves(key)
	x, y := encrypted(in[0], in[1], k[0], k[1])
	if s.DType.Size() == 8 {
		return next, graph.Reshape(whole(x, y), s.Dimensions...)
	}
	x, y = graph.Reshape(x, dims...), graph.Reshape(y, dims...)
	bits = graph.Concatenate([]*graph.Node{graph.ExpandAxes(x, axis+1), graph.ExpandAxes(y, axis+1)}, axis+1)
	dims[axis] *= 2
	bits = graph.Reshape(bits, dims...)
	if s.Rank() == 0 {
		return next, graph.Reshape(partOf(bits, 0, 0, 1))
	}
	return next, partOf(bits, axis, 0, s.Dimensions[axis])
}

// encrypted is Threefry-2x32 with 20 rounds.
func encrypted(x, y, k0, k1 *graph.Node) (a, b *graph.Node) {
	keys := [3]*graph.Node{k0, k1, graph.BitwiseXor(graph.BitwiseXor(k0, k1), number(k0, 0x1bd11bda))}
	turns := [2][4]int{{13, 15, 26, 6}, {17, 29, 16, 24}}
	x, y = graph.Add(x, keys[0]), graph.Add(y, keys[1])
	for i := range 5 {
		for _, r := range turns[i%2] {
			x = graph.Add(x, y)
			y = graph.BitwiseOr(graph.BitwiseShiftLeftScalar(y, r), graph.BitwiseShiftRightLogicalScalar(y, 32-r))
			y = graph.BitwiseXor(x, y)
		}
		x = graph.Add(x, keys[(i+1)%3])
		y = graph.AddScalar(graph.Add(y, keys[(i+2)%3]), i+1)
	}
	return x, y
}

// philox makes 128 bits for 4 elements that follow each other, or for 2 of 64 bits. The state is the key, and a count of 128 bits: the number
// after the key is its high half if there are two in all, and the low one, and the high one comes last, if there are three.
func philox(state *graph.Node, s shapes.Shape) (next, bits *graph.Node) {
	key, low, high := word64(state, 0), word64(state, 1), word64(state, 0)
	if state.Dim(0) == 3 {
		high = word64(state, 2)
	}
	per := 4
	if s.DType.Size() == 8 {
		per = 2
	}
	n := (s.Size() + per - 1) / per
	carried := func(sum, start *graph.Node) *graph.Node {
		return graph.ConvertDType(graph.LessThan(sum, start), dtypes.Uint64)
	}
	after := graph.Add(low, number(low, float64(n)))
	list := []*graph.Node{key, after}
	if state.Dim(0) == 3 {
		list = append(list, graph.Add(high, carried(after, low)))
	}
	next = graph.Concatenate(list, 0)
	if s.Size() == 0 {
		return next, graph.Zeros(state.Graph(), s)
	}
	count := counted(low, n)
	highs := graph.Add(high, carried(count, low))
	a, b, k := halves(count), halves(highs), halves(key)
	x := [4]*graph.Node{a[0], a[1], b[0], b[1]}
	for range 10 {
		p, q := graph.Mul(graph.ConvertDType(x[0], dtypes.Uint64), number(low, 0xd2511f53)), graph.Mul(graph.ConvertDType(x[2], dtypes.Uint64), number(low, 0xcd9e8d57))
		first, second := halves(p), halves(q)
		x = [4]*graph.Node{
			graph.BitwiseXor(graph.BitwiseXor(second[1], x[1]), k[0]), second[0],
			graph.BitwiseXor(graph.BitwiseXor(first[1], x[3]), k[1]), first[0],
		}
		k[0], k[1] = graph.Add(k[0], number(k[0], 0x9e3779b9)), graph.Add(k[1], number(k[1], 0xbb67ae85))
	}
	columns := x[:]
	if per == 2 {
		columns = []*graph.Node{whole(x[0], x[1]), whole(x[2], x[3])}
	}
	for i, column := range columns {
		columns[i] = graph.ExpandAxes(column, 1)
	}
	bits = graph.Reshape(graph.Concatenate(columns, 1), n*per)
	return next, graph.Reshape(partOf(bits, 0, 0, s.Size()), s.Dimensions...)
}
