package gocpu

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// TestAConstantIsPackedOnce: a product of a constant has the bits of a product of an argument, no step packs the constant, and the
// plan of memory counts its packed form, if it is kept.
func TestAConstantIsPackedOnce(t *testing.T) {
	for _, c := range []struct {
		name       string
		rows       int
		transposed bool
		products   int
		kept       bool // a vector is multiplied in place; for many rows it is not worth the memory
	}{
		{"a layer", 32, false, 1, true},
		{"a layer whose kernel is transposed", 32, true, 1, true},
		{"a constant of two layers", 32, false, 2, true},
		{"a vector", 1, false, 1, false},
		{"many rows", packedRows + 88, false, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 300
			rng := rand.New(rand.NewPCG(3, 3))
			x, w := floats(rng, c.rows, n), floats(rng, n, n)
			fn := func(x, w *graph.Node) []*graph.Node {
				if c.transposed {
					w = graph.Transpose(w, 0, 1)
				}
				list := []*graph.Node{graph.MatMul(x, w)}
				if c.products == 2 {
					list = append(list, graph.MatMul(graph.Neg(x), w))
				}
				return list
			}
			seen := counter{}
			in := []*tensors.Tensor{x, w}
			given := compileAs(t, Options{Workers: 2}, func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return fn(in[0], in[1]) }, in)
			held := compileAs(t, Options{Workers: 2, Observer: seen}, func(g *graph.Graph, in []*graph.Node) []*graph.Node { return fn(in[0], graph.Const(g, w)) }, in[:1])
			want := runAs(t, given, sequential{}, in)
			for range 2 {
				require.Equal(t, want, runAs(t, held, sequential{}, in[:1]))
			}
			constants := (&executable{code: held}).MemoryPlan().Constants
			if cpu.Use() == cpu.Portable || !c.kept {
				assert.Equal(t, 4*n*n, constants)
				return
			}
			assert.Zero(t, seen[packOp.Name])
			assert.GreaterOrEqual(t, constants, 2*4*n*n)
			assert.Less(t, constants, 3*4*n*n)
		})
	}
}

// TestProductsOfConstantsOfAnyRank: results without axes, and without elements, have no rows to count.
func TestProductsOfConstantsOfAnyRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct{ x, w []int }{{[]int{64}, []int{64}}, {[]int{40, 64}, []int{64}}, {[]int{64}, []int{64, 50}}, {[]int{0, 64}, []int{64, 50}}, {[]int{3, 40, 64}, []int{64, 50}}} {
		x, w := floats(rng, c.x...), floats(rng, c.w...)
		in := []*tensors.Tensor{x, w}
		given := compileAs(t, Options{Workers: 1}, func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return []*graph.Node{graph.MatMul(in[0], in[1])} }, in)
		held := compileAs(t, Options{Workers: 1}, func(g *graph.Graph, in []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.MatMul(in[0], graph.Const(g, w))}
		}, in[:1])
		require.Equal(t, runAs(t, given, sequential{}, in), runAs(t, held, sequential{}, in[:1]), "%v · %v", c.x, c.w)
	}
}
