package stablehlo

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOnlyDivisionsAreChecked writes programs that divide no integers, or by constants alone: their text is as ever.
func TestOnlyDivisionsAreChecked(t *testing.T) {
	same := func(name string, o Options, build func(g *graph.Graph) []*graph.Node) {
		p := lowered(t, name, build)
		if divides(p) && name != "by constants" {
			return
		}
		want, err := o.Write(p)
		require.NoError(t, err)
		if got, places, err := o.WriteChecked(p); err != nil || len(places) > 0 || got != want {
			t.Errorf("%s: %v, places %v, text\n%s", name, err, places, got)
		}
	}
	for _, c := range goldens {
		same(c.name, c.options, c.build)
	}
	same("by constants", Options{}, func(g *graph.Graph) []*graph.Node {
		x, on := param(g, "x", dtypes.Int32, 2, 2), param(g, "on", dtypes.Bool)
		y := graph.Const(g, []int32{2, -1})
		return append(graph.If(on,
			graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Div(x, y)} }),
			graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{x} })),
			graph.Rem(x, y), graph.DivScalar(x, 3))
	})
}

// TestPlaces looks at what the last output's numbers stand for, and that donation pairs inputs with other outputs.
func TestPlaces(t *testing.T) {
	p := lowered(t, "p", func(g *graph.Graph) []*graph.Node {
		x, y := param(g, "x", dtypes.Int32), param(g, "y", dtypes.Int32)
		f := graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
			a, b := param(g, "a", dtypes.Int32), param(g, "b", dtypes.Int32)
			return []*graph.Node{graph.Rem(a, b)}
		})
		return []*graph.Node{graph.ConvertDType(graph.Div(f.Call(f.Call(x, y)[0], x)[0], y), dtypes.Int64)}
	})
	text, places, err := Options{Donate: []bool{true, false}}.WriteChecked(p)
	require.NoError(t, err)
	for i, place := range places {
		pos, op, _ := strings.Cut(place, ": ")
		assert.True(t, strings.HasPrefix(pos, "writecheck_test.go:"), "place %q names no line", place)
		places[i] = op
	}
	assert.Equal(t, []string{"Rem", "Div"}, places, "got places")
	for _, want := range []string{"%x: tensor<i32> {jax.buffer_donor = true}", "-> (tensor<i64>, tensor<i32>) {"} {
		assert.Contains(t, text, want)
	}
	n := strings.Count(text, "func.func private")
	assert.Equal(t, 1, n, "a function that is called twice is written %d times", n)
	m, err := Read(text)
	require.NoError(t, err)
	again, err := m.Program(Lowers)
	require.NoError(t, err)
	assert.Len(t, again.Outputs, 2, "read again it has %d outputs", len(again.Outputs))
}
