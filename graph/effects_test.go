package graph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// seen is an op that is seen from outside.
var seen = &ir.Op{Name: "Seen", Effect: ir.Ordered,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Ref:   func(any, []*tensors.Tensor, []*tensors.Tensor) {}}

// A call that is seen from outside stays in the program though no output needs it, and so does a call of a function that has one.
func TestProgramsKeepWhatIsSeen(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32))
	graph.Apply(seen, nil, graph.Neg(x))
	graph.Exp(x) // nobody sees that
	inner := graph.NewFunction(g, "inner", func(g *graph.Graph) []*graph.Node {
		y := graph.Parameter(g, "y", x.Shape())
		graph.Apply(seen, nil, y)
		return []*graph.Node{y}
	})
	graph.NewFunction(g, "never called", func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Apply(seen, nil, x)} })
	outer := graph.NewFunction(g, "outer", func(g *graph.Graph) []*graph.Node { return inner.Call(x) })
	outer.Call()
	quiet := graph.NewFunction(g, "quiet", func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Log(x)} })
	quiet.Call()

	p, err := graph.NewProgram(g, x)
	require.NoError(t, err)
	var names []string
	for _, in := range p.Instrs {
		names = append(names, in.Op.Name)
	}
	assert.Equal(t, []string{"Neg", "Seen", "Call"}, names)
	low, err := ir.Lower(p, nil)
	require.NoError(t, err)
	assert.Equal(t, 3, len(low.Instrs))
}

// A call with one operand more or fewer than its row has is refused where it is made and where it is read.
func TestEveryRowCountsItsOperands(t *testing.T) {
	counted := 0
	for _, op := range ir.Ops() {
		if op.Variadic || op.Regions != nil {
			continue
		}
		for _, s := range op.Samples {
			if s.Build != nil {
				continue
			}
			counted++
			in := make([]shapes.Shape, len(s.In))
			for i, x := range s.In {
				in[i] = shapes.Make(dtypes.Float32, x.Dims...)
			}
			_, err := op.Results(s.Attrs, append(in[:len(in):len(in)], shapes.Make(dtypes.Float32)))
			assert.ErrorContains(t, err, "operand", "%s with one more", op)
			if len(in) > 0 {
				_, err = op.Results(s.Attrs, in[:len(in)-1])
				assert.ErrorContains(t, err, "operand", "%s with one fewer", op)
			}
			break
		}
	}
	assert.Greater(t, counted, 100)

	b := ir.NewBuilder("p")
	x, err := b.Input("x", shapes.Make(dtypes.Float32))
	require.NoError(t, err)
	_, err = b.Apply(ir.OpByName("Neg"), nil, x, x)
	assert.EqualError(t, err, "Neg: it takes 1 operand, got 2")
}
