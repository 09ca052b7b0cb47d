package ir_test

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

// Whatever of a call's results is asked for, by itself or with others, is what it is if all are: of each op that runs functions.
func TestThinCallsReturnTheSame(t *testing.T) {
	changed := map[*ir.Op]int{}
	for _, op := range ir.Ops() {
		if op.Regions == nil {
			continue
		}
		if op != ops.Call { // whose function stays one program
			require.NotNil(t, op.Regions.Parts, "%s does not say how its results hang on its operands", op)
		}
		for _, s := range op.Samples {
			d := dtypes.Float32
			if s.DTypes != 0 && !s.DTypes.Has(d) {
				continue
			}
			in := s.Tensors(d)
			all, n := sampleProgram(t, op, s, in, -1)
			want := run(t, all, in)
			for some := 1; some < 1<<n; some++ {
				p, _ := sampleProgram(t, op, s, in, some)
				pass := passNamed(t, "thin")
				q, err := pass.Run(p, nil)
				require.NoError(t, err)
				require.NoError(t, q.Check(), "%s, %s, results %b:\n%s\n%s", op, s.Name, some, p, q)
				if q.String() != p.String() {
					changed[op]++
				}
				low, err := ir.Lower(p, nil)
				require.NoError(t, err)
				for _, r := range []*ir.Program{q, low} {
					got := run(t, r, in)
					require.Len(t, got, bits.OnesCount(uint(some)))
					for i, k := 0, 0; i < n; i++ {
						if some>>i&1 != 0 {
							require.NoError(t, graphtest.Diff(got[k], want[i], ir.Tolerance{}), "%s, %s, result %d:\n%s\n%s", op, s.Name, i, p, r)
							k++
						}
					}
				}
			}
		}
	}
	for _, op := range []*ir.Op{ops.While, ops.Scan} {
		require.NotZero(t, changed[op], "no sample of %s was changed", op)
	}
}

func passNamed(t testing.TB, name string) ir.Pass {
	for _, p := range ir.Passes() {
		if p.Name == name {
			return p
		}
	}
	require.Fail(t, "there is no pass "+name)
	return ir.Pass{}
}

// sampleProgram returns the program of a sample with some of its results, by the bits of a number, and how many it has.
func sampleProgram(t testing.TB, op *ir.Op, s ir.Sample, in []*tensors.Tensor, some int) (*ir.Program, int) {
	t.Helper()
	b := ir.NewBuilder("p")
	var values []ir.Value
	for i, x := range in {
		v, err := b.Input(fmt.Sprint("x", i), x.Shape())
		require.NoError(t, err)
		values = append(values, v)
	}
	out, err := s.Apply(b, op, values)
	require.NoError(t, err)
	var outputs []ir.Value
	for i, v := range out {
		if some>>i&1 != 0 {
			outputs = append(outputs, v)
		}
	}
	p, err := b.Program(outputs...)
	require.NoError(t, err)
	return p, len(out)
}

// What is seen from outside keeps what it needs, though no result does; and a loop that goes over nothing else keeps what it goes over.
func TestThinLoopsKeepEffects(t *testing.T) {
	p := programOf(t, func(x ...*graph.Node) []*graph.Node {
		carry, _ := graph.Scan([]*graph.Node{x[0], graph.Exp(x[0])}, nil, func(c, _ []*graph.Node) ([]*graph.Node, []*graph.Node) {
			return []*graph.Node{graph.Neg(c[0]), graph.Apply(printed, nil, c[1])}, nil
		}).Length(3).Done()
		return carry[:1]
	}, vector)
	low, err := ir.Lower(p, nil)
	require.NoError(t, err)
	scan := low.Instrs[len(low.Instrs)-1]
	require.Equal(t, ops.Scan, scan.Op)
	require.Len(t, scan.Out, 2, "the second is printed:\n%s", low)

	p = programOf(t, func(x ...*graph.Node) []*graph.Node {
		_, ys := graph.Scan([]*graph.Node{graph.Exp(x[0])}, nil, func(c, _ []*graph.Node) ([]*graph.Node, []*graph.Node) {
			return c, []*graph.Node{graph.Neg(x[0])}
		}).Length(3).Done()
		return ys
	}, vector)
	low, err = ir.Lower(p, nil)
	require.NoError(t, err)
	require.NoError(t, low.Check())
	in := []*tensors.Tensor{tensors.FromFlatDataAndDimensions([]float32{1, 2, 3}, 3)}
	require.NoError(t, graphtest.Diff(run(t, low, in)[0], run(t, p, in)[0], ir.Tolerance{}))
}

// Branches in branches, of which each takes one result of two: a program of n levels stays one.
func TestThinBranchesStayOne(t *testing.T) {
	const depth = 40
	p := programOf(t, func(x ...*graph.Node) []*graph.Node {
		g := x[0].Graph()
		yes := graph.IsPositive(graph.ReduceSum(x[0]))
		f := graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Exp(x[0]), graph.Log(x[0])} })
		for range depth {
			inner := f
			f = graph.NewClosure(g, func(*graph.Graph) []*graph.Node {
				first := graph.If(yes, inner, inner)[0]
				return []*graph.Node{first, graph.Neg(first)}
			})
		}
		return graph.If(yes, f, f)[:1]
	}, vector)
	low, err := ir.Lower(p, nil)
	require.NoError(t, err)
	require.NoError(t, low.Check())
	at, levels := low, 0
	for ; len(at.Instrs) > 0 && at.Instrs[len(at.Instrs)-1].Op == ops.If; levels++ {
		last := at.Instrs[len(at.Instrs)-1]
		require.Len(t, last.Out, 1)
		require.True(t, last.Regions[0] == last.Regions[1])
		at = last.Regions[0]
	}
	require.Equal(t, depth+1, levels)
}
