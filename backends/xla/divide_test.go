//go:build cgo

package xla_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type nodes = []*graph.Node

func parameters(g *graph.Graph, like nodes) (in nodes) {
	for _, x := range like {
		in = append(in, graph.Parameter(g, "", x.Shape()))
	}
	return in
}

// Constants that XLA's compiler dies of dividing are errors of the run too, and what wraps around wraps.
func TestDivisionsOfConstants(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		for _, d := range dtypes.Ints.List() {
			_, err := graph.CallOnce(e, func(g *graph.Graph) *graph.Node { return graph.Rem(graph.Scalar(g, d, 7), graph.ScalarZero(g, d)) })
			if err == nil || !strings.HasSuffix(err.Error(), ": Rem: integer division by zero") {
				t.Errorf("%s: got %v", d, err)
			}
		}
		y, err := graph.CallOnce(e, func(x, y *graph.Node) *graph.Node { return graph.Div(x, y) }, []int8{-128, -128}, []int8{-1, 2})
		require.NoError(t, err)
		got := tensors.Flat[int8](y)
		assert.Equal(t, int8(-128), got[0])
		assert.Equal(t, int8(-64), got[1])
	})
}

// Programs with the same text share what is compiled, not the lines that errors name.
func TestDivisionsNameTheirOwnLine(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		one := func(x, y *graph.Node) *graph.Node { return graph.Div(x, y) }
		other := func(x, y *graph.Node) *graph.Node {
			return graph.Div(x, y)
		}
		var messages []string
		for _, fn := range []func(x, y *graph.Node) *graph.Node{one, other} {
			_, err := graph.CallOnce(e, fn, int32(1), int32(0))
			_, want := graph.CallOnce(gocpu.New(), fn, int32(1), int32(0))
			require.EqualError(t, err, want.Error(), "got %v, want %v", err, want)
			messages = append(messages, err.Error())
		}
		assert.NotEqual(t, messages[1], messages[0], "both")
	})
}

// On a mesh a zero counts whichever device has it, and donated inputs are gone after the error as after a result.
func TestDivisionByZeroOnAMesh(t *testing.T) {
	onBoth(t, ",devices=2", func(t *testing.T, e *xla.Engine) {
		x := tensors.FromValue([]int32{10, 20, 30, 40})
		g := graph.NewGraph(nil, "mesh")
		in := parameters(g, []*graph.Node{graph.Parameter(graph.NewGraph(nil, ""), "", x.Shape()), graph.Parameter(graph.NewGraph(nil, ""), "", x.Shape())})
		p, err := graph.NewProgram(g, graph.Div(in[0], in[1]))
		require.NoError(t, err)
		mesh := &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 2}}}
		p, err = p.Donate([]bool{true, false}).Divide(mesh, []ir.Sharding{{"data"}, {"data"}}, []ir.Sharding{{"data"}})
		require.NoError(t, err)
		exe, err := e.Compile(t.Context(), p)
		require.NoError(t, err)
		defer exe.Close()
		for _, c := range []struct {
			divisors []int32
			want     []int32
		}{{[]int32{1, 2, 3, 4}, []int32{10, 10, 10, 10}}, {[]int32{0, 2, 3, 4}, nil}, {[]int32{1, 2, 3, 0}, nil}} {
			a, b := put(t, e, x), put(t, e, tensors.FromValue(c.divisors))
			out, err := exe.Run(context.Background(), []ir.Buffer{a, b}, []bool{true, false})
			_, gone := a.ToHost()
			assert.Error(t, gone, "by %v: the donated input can be read", c.divisors)
			if c.want == nil {
				if err == nil || !strings.HasSuffix(err.Error(), ": Div: integer division by zero") {
					t.Errorf("by %v: got %v", c.divisors, err)
				}
				continue
			}
			require.NoError(t, err, "by %v", c.divisors)
			require.Len(t, out, 1, "by %v", c.divisors)
			y, err := out[0].ToHost()
			if err != nil || !y.Equal(tensors.FromValue(c.want)) {
				t.Errorf("by %v: got %v, %v", c.divisors, y, err)
			}
		}
	})
}
