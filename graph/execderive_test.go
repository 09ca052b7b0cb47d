package graph_test

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhatASizeDoesNotAllowIsAnErrorOfDerivedProgramsToo: the shape rules of ops are asked for every size, not for the first that is derived
// alone. The first three sizes of each are those that others are derived from.
func TestWhatASizeDoesNotAllowIsAnErrorOfDerivedProgramsToo(t *testing.T) {
	b := engine(t)
	for _, c := range []struct {
		name string
		fn   func(x *graph.Node) *graph.Node
		want string
	}{
		{"the first ten", func(x *graph.Node) *graph.Node { return graph.Slice(x, graph.AxisRange(0, 10)) }, "Slice"},
		{"a window of ten", func(x *graph.Node) *graph.Node {
			return graph.DynamicSlice(x, []*graph.Node{graph.Const(x.Graph(), int32(1))}, []int{10})
		}, "DynamicSlice"},
		{"all but ten", func(x *graph.Node) *graph.Node { return graph.Slice(x, graph.AxisRange(10)) }, "Slice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			exec := graph.MustNewExec(b, c.fn).DeriveSizes()
			defer exec.Close()
			for _, n := range []int{12, 13, 15, 21, 22} {
				_, err := exec.Call(numbered(n))
				require.NoError(t, err)
			}
			programs, err := exec.Derived()
			require.NoError(t, err)
			require.Equal(t, 2, programs)
			_, err = exec.Call(numbered(5))
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// sumless is an engine that has no kernel for running sums.
type sumless struct{ graph.Backend }

func (e sumless) Lowers(c ir.Call) bool { return c.Op != ops.CumSum && e.Backend.Lowers(c) }

// TestRunningSumsThatAreExpandedAreNotDerived: a running sum is expanded to as many additions as its size has digits, four for each of the first
// three sizes and five for the last.
func TestRunningSumsThatAreExpandedAreNotDerived(t *testing.T) {
	b := engine(t)
	for _, c := range []struct {
		name string
		fn   func(x *graph.Node) *graph.Node
	}{
		{"alone", func(x *graph.Node) *graph.Node { return graph.CumSum(x, 0) }},
		{"in a function", func(x *graph.Node) *graph.Node {
			return graph.ForI(2, []*graph.Node{x}, func(_ *graph.Node, s []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.CumSum(s[0], 0)}
			})[0]
		}},
		{"in a gradient", func(x *graph.Node) *graph.Node {
			return graph.Gradient(graph.ReduceAllSum(graph.Square(graph.CumSum(x, 0))), x)[0]
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, backend := range []graph.Backend{b, sumless{b}} {
				exec, every := graph.MustNewExec(backend, c.fn).DeriveSizes(), graph.MustNewExec(backend, c.fn)
				defer exec.Close()
				defer every.Close()
				for _, n := range []int{11, 12, 14, 19} {
					got, err := exec.Call(numbered(n))
					require.NoError(t, err)
					want, err := every.Call(numbered(n))
					require.NoError(t, err)
					require.Equal(t, want[0].Value(), got[0].Value(), "%d elements", n)
				}
				programs, err := exec.Derived()
				if backend == b {
					require.NoError(t, err)
					assert.Equal(t, 1, programs)
					continue
				}
				assert.EqualError(t, err, "what the program consists of depends on sizes: CumSum by 12, and for other sizes CumSum by 11")
			}
		})
	}
}
