package graph_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// expanding is the reference backend without some ops, which it gets expanded.
type expanding struct {
	ir.Backend
	ops []string
}

func (e expanding) Lowers(c ir.Call) bool {
	return !slices.Contains(e.ops, c.Op.Name) && e.Backend.Lowers(c)
}

func (e expanding) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	for _, in := range p.Instrs {
		if slices.Contains(e.ops, in.Op.Name) {
			return nil, fmt.Errorf("%s was not expanded", in.Op.Name)
		}
	}
	return e.Backend.Compile(ctx, p)
}

// The known answers of Random123 1.14, file tests/kat_vectors, philox4x32 10.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint64
		key     [2]uint64
		want    string
	}{
		{[4]uint64{}, [2]uint64{}, "[6627e8d5 e169c58d bc57ac4c 9b00dbd8]"},
		{[4]uint64{math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32}, [2]uint64{math.MaxUint32, math.MaxUint32}, "[408f276d 41c83b0e a20bc7c6 6d5451fd]"},
		{[4]uint64{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint64{0xa4093822, 0x299f31d0}, "[d16cfe09 94fdcceb 5001e420 24126ea1]"},
	} {
		state := []uint64{c.key[0] | c.key[1]<<32, c.counter[0] | c.counter[1]<<32, c.counter[2] | c.counter[3]<<32}
		for _, b := range []ir.Backend{graphtest.Reference(), expanding{graphtest.Reference(), []string{"RandomBits"}}} {
			out, err := graph.CallOnceN(b, func(state *graph.Node) []*graph.Node {
				next, bits := graph.RandomBits(state, shapes.Make(dtypes.Uint32, 4))
				return []*graph.Node{bits, next}
			}, state)
			require.NoError(t, err)
			if got := fmt.Sprintf("%08x", out[0].Value()); got != c.want {
				t.Errorf("counter %x, key %x: got %s, want %s", c.counter, c.key, got, c.want)
			}
			low, high := state[1]+1, state[2]
			if low == 0 {
				high++
			}
			if got, want := fmt.Sprint(out[1].Value()), fmt.Sprint([]uint64{state[0], low, high}); got != want {
				t.Errorf("the next state is %s, want %s", got, want)
			}
		}
	}
}

func TestRandomStreamsContinue(t *testing.T) {
	once := compute(t, func(g *graph.Graph) *graph.Node {
		_, x := graph.RandomUniform(graph.RNGStateFromSeedForGraph(g, 7), f32(16))
		return x
	})
	twice := compute(t, func(g *graph.Graph) *graph.Node {
		s, x := graph.RandomUniform(graph.RNGStateFromSeedForGraph(g, 7), f32(8))
		_, y := graph.RandomUniform(s, f32(2, 4))
		return graph.Concatenate([]*graph.Node{x, graph.Reshape(y, -1)}, 0)
	})
	assert.True(t, once.Equal(twice), "16 values are %s, but 8 and 8 more are %s", once, twice)
}

// sample returns n values that fn makes of a state with the given seed.
func sample(t *testing.T, seed int64, fn func(state *graph.Node) (*graph.Node, *graph.Node)) []float64 {
	t.Helper()
	return tensors.MustCopyFlatData[float64](compute(t, func(g *graph.Graph) *graph.Node {
		_, x := fn(graph.RNGStateFromSeedForGraph(g, seed))
		return graph.ConvertDType(x, dtypes.Float64)
	}))
}

// moments returns mean, variance, skewness and kurtosis.
func moments(x []float64) (m [4]float64) {
	n := float64(len(x))
	for _, v := range x {
		m[0] += v / n
	}
	for _, v := range x {
		d := v - m[0]
		m[1] += d * d / n
		m[2] += d * d * d / n
		m[3] += d * d * d * d / n
	}
	m[2] /= math.Pow(m[1], 1.5)
	m[3] /= m[1] * m[1]
	return m
}

func TestRandomDistributions(t *testing.T) {
	const n = 20_000
	// Five standard deviations of each moment's estimate over n values.
	normal, uniform := [4]float64{0, 1, 0, 3}, [4]float64{0.5, 1.0 / 12, 0, 1.8}
	within := [4]float64{5 / math.Sqrt(n), 5 * math.Sqrt(2.0/n), 5 * math.Sqrt(6.0/n), 5 * math.Sqrt(24.0/n)}
	for seed := range int64(3) {
		for _, d := range dtypes.Floats.List() {
			for _, c := range []struct {
				name string
				fn   func(*graph.Node, shapes.Shape) (*graph.Node, *graph.Node)
				want [4]float64
			}{{"normal", graph.RandomNormal, normal}, {"uniform", graph.RandomUniform, uniform}} {
				x := sample(t, seed, func(s *graph.Node) (*graph.Node, *graph.Node) { return c.fn(s, shapes.Make(d, n)) })
				got := moments(x)
				for i := range got {
					limit := within[i]
					if d == dtypes.BFloat16 && c.name == "uniform" {
						limit += 1.0 / 512 // multiples of 2^-8 are half a step low
					}
					if math.Abs(got[i]-c.want[i]) > limit {
						t.Errorf("seed %d: %s %s: moment %d is %v, want %v ± %v", seed, c.name, d, i+1, got[i], c.want[i], limit)
					}
				}
				if c.name == "uniform" && (slices.Min(x) < 0 || slices.Max(x) >= 1) {
					t.Errorf("seed %d: %s: uniform values from %v to %v", seed, d, slices.Min(x), slices.Max(x))
				}
			}
		}
		coins := sample(t, seed, func(s *graph.Node) (*graph.Node, *graph.Node) {
			return graph.RandomBernoulli(s, graph.Const(s.Graph(), float32(0.3)), shapes.Make(dtypes.Bool, n))
		})
		p := moments(coins)[0]
		assert.InDelta(t, 0.3, p, 5*math.Sqrt(0.21/n), "seed %d: true in %v of all", seed, p)
		dice := sample(t, seed, func(s *graph.Node) (*graph.Node, *graph.Node) {
			return graph.RandomIntN(s, 6, shapes.Make(dtypes.Int8, n))
		})
		count := map[float64]int{}
		for _, d := range dice {
			count[d]++
		}
		for k := range 6 {
			if c := float64(count[float64(k)]); len(count) != 6 || math.Abs(c-n/6.0) > 5*math.Sqrt(n*5/36.0) {
				t.Errorf("seed %d: %v of %d throws are %d; kinds %v", seed, c, n, k, count)
			}
		}
	}
}

func TestRandomOrder(t *testing.T) {
	first := map[float64]int{}
	const runs = 400
	for seed := range int64(runs) {
		p := sample(t, seed, func(s *graph.Node) (*graph.Node, *graph.Node) { return graph.RandomPermutation(s, 4) })
		first[p[0]]++
		slices.Sort(p)
		require.Equal(t, []float64{0, 1, 2, 3}, p, "seed %d: %v is no permutation", seed, p)
	}
	for k := range 4 {
		c := first[float64(k)]
		assert.InDelta(t, runs/4, float64(c), 5*math.Sqrt(runs*3/16.0), "%d comes first in %d of %d orders", k, c, runs)
	}
	shuffled := compute(t, func(g *graph.Graph) *graph.Node {
		_, y := graph.RandomShuffle(graph.RNGStateFromSeedForGraph(g, 1), graph.IotaFull(g, shapes.Make(dtypes.Int32, 2, 6)), 1)
		return y
	}).Value().([][]int32)
	for i := range shuffled[0] {
		assert.Equal(t, shuffled[0][i]+6, shuffled[1][i], "columns do not stay together: %v", shuffled)
	}
	slices.Sort(shuffled[0])
	assert.Equal(t, "[0 1 2 3 4 5]", fmt.Sprint(shuffled[0]), "columns are lost")
}

func TestSplitStatesDiffer(t *testing.T) {
	out, err := graph.CallOnceN(graphtest.Reference(), func(g *graph.Graph) []*graph.Node {
		s := graph.RNGStateFromSeedForGraph(g, 3)
		a, b := graph.RNGStateSplit(s)
		var values []*graph.Node
		for _, s := range []*graph.Node{s, a, b} {
			_, x := graph.RandomBits(s, shapes.Make(dtypes.Uint64, 64))
			values = append(values, x)
		}
		return values
	})
	require.NoError(t, err)
	seen := map[uint64]bool{}
	for _, x := range out {
		for _, v := range tensors.MustCopyFlatData[uint64](x) {
			seen[v] = true
		}
	}
	assert.Len(t, seen, 3*64)
	a, err := graph.RNGState()
	require.NoError(t, err)
	b, err := graph.RNGState()
	require.NoError(t, err)
	assert.False(t, a.Equal(b), "two random states are both %s", a)
}

// Two roads to the same product: MatMul's batches and Einsum's ellipsis, the latter by plain loops.
func TestMatMulIsEinsum(t *testing.T) {
	for _, c := range []struct{ x, y []int }{
		{[]int{2, 3}, []int{3, 4}}, {[]int{5, 2, 3}, []int{3, 4}}, {[]int{2, 3}, []int{5, 3, 4}},
		{[]int{2, 1, 2, 3}, []int{4, 3, 2}}, {[]int{1, 4, 2, 3}, []int{5, 1, 3, 2}}, {[]int{1, 2, 3}, []int{1, 3, 2}},
		{[]int{6, 1, 5, 2, 3}, []int{4, 1, 3, 2}},
	} {
		out, err := graph.CallOnceN(graphtest.Reference(), func(g *graph.Graph) []*graph.Node {
			x, y := graph.IotaFull(g, shapes.Make(dtypes.Int64, c.x...)), graph.IotaFull(g, shapes.Make(dtypes.Int64, c.y...))
			return []*graph.Node{graph.MatMul(x, y), graph.Einsum("...ij,...jk->...ik", x, y)}
		})
		require.NoError(t, err)
		assert.True(t, out[0].Equal(out[1]), "%v · %v: MatMul gives %s, Einsum %s", c.x, c.y, out[0], out[1])
	}
}
