package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/golden"
)

// TestDiff pins what is said of a program with a loop, pass by pass.
func TestDiff(t *testing.T) {
	p := programOf(t, func(x ...*node) []*node {
		weight := graph.Exp(graph.Neg(graph.Neg(x[0])))
		last, _ := graph.Scan([]*node{x[0]}, []*node{x[1]}, func(c, s []*node) ([]*node, []*node) {
			w := graph.Tanh(graph.Mul(weight, weight))
			return []*node{graph.Add(graph.Mul(c[0], w), graph.Neg(s[0]))}, nil
		}).Done()
		return []*node{graph.Add(last[0], graph.Exp(x[0])), graph.AddScalar(last[0], 0)}
	}, vector, shapes.Make(vector.DType, 4, 3))
	text := p.String()
	for _, pass := range ir.Passes() {
		q, err := pass.Run(p, nil)
		require.NoError(t, err)
		if d := p.Diff(q); d != "" {
			text += "\n" + pass.Name + "\n" + d
		}
		p = q
	}
	golden.Check(t, "testdata/diff.txt", places.ReplaceAllString(text+"\n"+p.String(), ""))
}

func TestDiffOfTheSameIsEmpty(t *testing.T) {
	for seed := range uint64(30) {
		p, _ := randomProgram(t, seed)
		q, _ := randomProgram(t, seed)
		require.Empty(t, p.Diff(p))
		require.Empty(t, p.Diff(q), "seed %d", seed)
		r, _ := randomProgram(t, seed+1000)
		require.NotEmpty(t, p.Diff(r), "seed %d", seed)
	}
	p, _ := randomProgram(t, 1)
	require.NotEmpty(t, p.Diff(nil))
	require.Empty(t, (*ir.Program)(nil).Diff(nil))
}

// TestDiffOfLargePrograms matches instructions in order where a table would be too large.
func TestDiffOfLargePrograms(t *testing.T) {
	long := func(skip int) *ir.Program {
		return programOf(t, func(x ...*node) []*node {
			y := x[0]
			for i := range 6000 {
				if i == skip || i == 5000-skip {
					y = graph.Tanh(y)
				}
				y = graph.Exp(graph.Neg(y))
			}
			return []*node{y}
		}, vector)
	}
	require.Empty(t, long(7).Diff(long(7)))
	require.NotEmpty(t, long(7).Diff(long(9)))
}
