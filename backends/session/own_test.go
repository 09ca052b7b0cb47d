//go:build linux || darwin

package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// ownOp is one of this program's own, which no worker has.
var ownOp = graph.Define(ir.Op{
	Name: "TestOwn", Family: "own", Doc: "x² + 1", DTypes: dtypes.Floats,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Kernel: func(ir.Call) ir.Kernel {
		return func(*ir.KernelArgs) { panic("it runs in the program, not in the worker") }
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(3)}}},
}, graph.Rule{Expand: func(_ any, in []*graph.Node) []*graph.Node {
	return []*graph.Node{graph.OnePlus(graph.Square(in[0]))}
}})

func TestOpsOfTheProgramsOwnAreExpanded(t *testing.T) {
	ground(t)
	b, err := backends.New("session:go")
	require.NoError(t, err)
	defer b.Close()
	y, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node { return graph.Apply(ownOp, nil, x) }, []float32{1, -2, 3})
	require.NoError(t, err)
	require.Equal(t, []float32{2, 5, 10}, y.Value())
}
