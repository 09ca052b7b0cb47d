package gocpu_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// nests are functions by which inner stands in another one; each adds 1 to x, if x is positive.
var nests = map[string]func(x *graph.Node, inner func(x *graph.Node) *graph.Node) *graph.Node{
	"If": func(x *graph.Node, inner func(x *graph.Node) *graph.Node) *graph.Node {
		g := x.Graph()
		return graph.If(graph.IsPositive(x),
			graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{inner(graph.OnePlus(x))} }),
			graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(x)} }))[0]
	},
	"Call": func(x *graph.Node, inner func(x *graph.Node) *graph.Node) *graph.Node {
		return graph.NewClosure(x.Graph(), func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{inner(graph.OnePlus(graph.Parameter(g, "x", x.Shape())))}
		}).Call(x)[0]
	},
	"ForI": func(x *graph.Node, inner func(x *graph.Node) *graph.Node) *graph.Node {
		return graph.ForI(1, []*graph.Node{x}, func(_ *graph.Node, s []*graph.Node) []*graph.Node {
			return []*graph.Node{inner(graph.OnePlus(s[0]))}
		})[0]
	},
	"While": func(x *graph.Node, inner func(x *graph.Node) *graph.Node) *graph.Node {
		g, zero := x.Graph(), graph.ScalarZero(x.Graph(), dtypes.Int32)
		parameters := func(g *graph.Graph) (turn, y *graph.Node) {
			return graph.Parameter(g, "turn", zero.Shape()), graph.Parameter(g, "y", x.Shape())
		}
		return graph.WhileUpTo(2, graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			turn, _ := parameters(g)
			return []*graph.Node{graph.LessThan(turn, graph.ConstAs(turn, 1))}
		}), graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			turn, y := parameters(g)
			return []*graph.Node{graph.OnePlus(turn), inner(graph.OnePlus(y))}
		}), zero, x)[1]
	},
}

// Functions in functions, however deep, are a result or an error, in time and without an end of the stack: built, written, lowered, compiled, run, and their gradients.
func TestFunctionsInFunctions(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	for kind, nest := range nests {
		var at func(x *graph.Node, depth int) *graph.Node
		at = func(x *graph.Node, depth int) *graph.Node {
			if depth == 0 {
				return x
			}
			return nest(x, func(x *graph.Node) *graph.Node { return at(x, depth-1) })
		}
		t.Run(kind, func(t *testing.T) {
			for _, depth := range []int{10_000, 129} {
				g := graph.NewGraph(b, "too deep")
				err := graph.Catch(func() { at(graph.Parameter(g, "x", shapes.Make(dtypes.Float32)), depth) })
				require.ErrorContains(t, err, "functions are nested more than 128 deep")
			}
			depths := []int{3, 60, 128}
			if kind == "While" { // a loop with a bound is two functions in each other
				depths = []int{3, 30, 60}
			}
			for _, depth := range depths {
				g := graph.NewGraph(b, "deep")
				x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32))
				y := at(x, depth)
				p, err := graph.NewProgram(g, y)
				require.NoError(t, err)
				assert.NotEmpty(t, p.String())
				data, err := json.Marshal(p)
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(data, new(ir.Program)))
				low, err := ir.Lower(p, stablehlo.Lowers)
				if err == nil {
					_, err = stablehlo.Write(low)
				}
				if depth > 3 && err != nil { // engines may make several functions of one
					assert.Regexp(t, "nested more than (64|128) deep", err)
				} else {
					require.NoError(t, err)
				}
				want := []any{float32(1 + depth), float32(1)}
				var dy *graph.Node
				if err := graph.Catch(func() { dy = graph.Gradient(y, x)[0] }); depth > 3 && err != nil { // what goes back is another function around each
					assert.ErrorContains(t, err, "nested more than 128 deep")
					dy = graph.OnesLike(x)
				} else {
					require.NoError(t, err)
				}
				if kind == "While" && depth > 3 { // whose gradient stores and runs every turn of every loop
					continue
				}
				require.NoError(t, g.Compile(y, dy))
				got, err := g.Run(float32(1))
				require.NoError(t, err)
				assert.Equal(t, want, []any{got[0].Value(), got[1].Value()})
			}
		})
	}
}
