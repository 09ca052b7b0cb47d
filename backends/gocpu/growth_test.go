package gocpu

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/testenv"
)

// growing are programs of about n ops, of every form that could make a pass look at the same things again and again.
var growing = []struct {
	name string
	ops  func(x, w *graph.Node, n int) *graph.Node
}{
	{"a chain", func(x, w *graph.Node, n int) *graph.Node {
		for range n / 2 {
			x = graph.Mul(graph.Add(x, w), w)
		}
		return x
	}},
	{"a value of many uses, each result by itself", func(x, w *graph.Node, n int) *graph.Node {
		var sums []*graph.Node
		for i := range n / 4 {
			sums = append(sums, graph.ReduceAllSum(graph.Tanh(graph.MulScalar(x, float64(i)))))
		}
		return graph.Stack(sums, 0)
	}},
	{"a value of many uses that meet again", func(x, w *graph.Node, n int) *graph.Node {
		y := graph.Tanh(graph.MatMul(x, w))
		sum := y
		for i := range n / 3 {
			sum = graph.Add(sum, graph.Sin(graph.MulScalar(y, float64(i))))
		}
		return sum
	}},
	{"layers", func(x, w *graph.Node, n int) *graph.Node {
		for range n / 2 {
			x = graph.Tanh(graph.MatMul(x, w))
		}
		return x
	}},
	{"residual layers", func(x, w *graph.Node, n int) *graph.Node {
		for range n / 3 {
			x = graph.Add(x, graph.Tanh(graph.MatMul(x, w)))
		}
		return x
	}},
	{"layers that read one from half way down", func(x, w *graph.Node, n int) *graph.Node {
		all := []*graph.Node{x}
		for i := range n / 3 {
			all = append(all, graph.Add(graph.Tanh(graph.MatMul(all[i], w)), all[i/2]))
		}
		return all[len(all)-1]
	}},
	{"groups that meet", func(x, w *graph.Node, n int) *graph.Node {
		level := make([]*graph.Node, n/3)
		for i := range level {
			level[i] = graph.Exp(graph.MulScalar(x, float64(i)))
		}
		for len(level) > 1 {
			next := level[:0]
			for i := 0; i < len(level); i += 2 {
				next = append(next, graph.Add(level[i], level[min(i+1, len(level)-1)]))
			}
			level = next
		}
		return level[0]
	}},
}

// work is what the phases of a compilation take: allocations, and what the grouping of calls looks at.
type work struct{ building, gradient, passes, compiling, looks float64 }

func workOf(t *testing.T, ops func(x, w *graph.Node, n int) *graph.Node, n int) (w work) {
	b := NewWithOptions(Options{Workers: 1, fusion: together}).(*backend)
	build := func() (g *graph.Graph, y, x, w *graph.Node) {
		g = graph.NewGraph(b, "growing")
		x, w = graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 8, 8)), graph.Parameter(g, "w", shapes.Make(dtypes.Float32, 8, 8))
		return g, ops(x, w, n), x, w
	}
	var p, low *ir.Program
	gradient := func() {
		g, y, x, w := build()
		var err error
		p, err = graph.NewProgram(g, graph.Gradient(graph.ReduceAllSum(y), w, x)...)
		require.NoError(t, err)
	}
	passes := func() {
		var err error
		low, err = ir.Lower(p, b.Lowers)
		require.NoError(t, err)
	}
	compiling := func() {
		known := newLibrary()
		_, err := compileWith(context.Background(), low, b.options, known)
		require.NoError(t, err)
		w.looks = float64(known.looks)
	}
	w.building = testenv.Allocations(t, func() { build() })
	w.gradient = testenv.Allocations(t, gradient) - w.building
	w.passes = testenv.Allocations(t, passes)
	w.compiling = testenv.Allocations(t, compiling)
	return w
}

// A program of twice as many ops takes twice the work, in every phase from its first node to the plan of its memory.
func TestWorkGrowsAsTheProgram(t *testing.T) {
	sizes := []int{250, 500, 1000, 2000, 4000}
	if testing.Short() {
		sizes = sizes[:3]
	}
	for _, c := range growing {
		t.Run(c.name, func(t *testing.T) {
			last := workOf(t, c.ops, sizes[0])
			for _, n := range sizes[1:] {
				w := workOf(t, c.ops, n)
				for _, phase := range []struct {
					name      string
					now, then float64
				}{
					{"building", w.building, last.building}, {"the gradient", w.gradient, last.gradient}, {"the passes", w.passes, last.passes},
					{"compiling", w.compiling, last.compiling}, {"looks at members of groups", w.looks, last.looks},
				} {
					assert.LessOrEqual(t, phase.now, 2.2*phase.then, fmt.Sprintf("%s: %d ops against %d", phase.name, n, n/2))
				}
				last = w
			}
		})
	}
}
