package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExecRunsAndDifferentiates(t *testing.T) {
	exec := graph.MustNewExec(graphtest.Reference(), func(x, y *graph.Node) []*graph.Node {
		loss := graph.ReduceSum(graph.Mul(graph.Mul(x, x), y))
		d := graph.Gradient(loss, x, y)
		d2 := graph.Gradient(graph.ReduceSum(d[0]), x)
		return []*graph.Node{loss, d[0], d[1], d2[0]}
	})
	out, err := exec.Call([]float64{1, 2, 3}, 2.0)
	require.NoError(t, err)
	for i, want := range []any{28.0, []float64{4, 8, 12}, 14.0, []float64{4, 4, 4}} {
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(out[i].Value()), "result %d", i)
	}
}

func TestIfDifferentiatesTheBranchTaken(t *testing.T) {
	exec := graph.MustNewExec2(graphtest.Reference(), func(x, y *graph.Node) (*graph.Node, *graph.Node) {
		g := x.Graph()
		r := graph.If(graph.GreaterThan(x, y),
			graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x, graph.Mul(x, y))} }),
			graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(y)} }))
		d := graph.Gradient(r[0], x, y)
		return d[0], d[1]
	})
	for _, c := range []struct{ x, y, dx, dy float64 }{{3, 2, 12, 9}, {1, 2, 0, -1}} {
		dx, dy := exec.MustCall(c.x, c.y)
		if dx.Value() != c.dx || dy.Value() != c.dy {
			t.Errorf("at (%v, %v): gradient (%v, %v), want (%v, %v)", c.x, c.y, dx.Value(), dy.Value(), c.dx, c.dy)
		}
	}
}

func TestWhileHasNoGradientAndSaysWhere(t *testing.T) {
	_, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		g := x.Graph()
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.LessThan(graph.Parameter(g, "x", x.Shape()), graph.Const(g, 100.0))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Parameter(g, "x", x.Shape()), x)}
		})
		return graph.Gradient(graph.While(cond, body, x)[0], x)[0]
	}, 3.0)
	assert.ErrorContains(t, err, "core_test.go:")
	assert.ErrorContains(t, err, "While")
	assert.ErrorContains(t, err, "no gradient")
}

func TestErrorsNameTheLineAndTheShapes(t *testing.T) {
	err := graph.Catch(func() {
		g := graph.NewGraph(nil, "g")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2, 3))
		y := graph.Parameter(g, "y", shapes.Make(dtypes.Float32, 4))
		graph.Add(x, y)
	})
	want := "core_test.go:71: Add [2 3] · [4]: axis 1: 3 against 4"
	assert.EqualError(t, err, want)
}

func TestProgramSurvivesJSON(t *testing.T) {
	g := graph.NewGraph(nil, "round trip")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2, 3).WithAxisNames("batch", ""))
	y := graph.If(graph.GreaterThan(graph.ReduceSum(x), graph.Scalar(g, dtypes.Float32, 0)),
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x, x)} }),
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.Add(x, graph.ScalarOne(g, dtypes.Float32))}
		}))
	p, err := graph.NewProgram(g, y...)
	require.NoError(t, err)
	data, err := json.Marshal(p)
	require.NoError(t, err)
	var q ir.Program
	require.NoError(t, json.Unmarshal(data, &q))
	assert.Equal(t, p.String(), q.String(), "got\n%s", &q)
	t.Log(p)
}

func TestForgedBodiesAreRefused(t *testing.T) {
	g := graph.NewGraph(nil, "forged")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32))
	small := graph.Scalar(g, dtypes.Float32, 9)
	loop := graph.While(
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.LessThan(graph.Parameter(g, "x", x.Shape()), small)}
		}),
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			y := graph.Parameter(g, "x", x.Shape())
			return []*graph.Node{graph.Add(y, y)}
		}), x)[0]
	y := graph.If(graph.LessThan(x, small),
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x, x)} }),
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{loop} }))[0]
	find := func(p *ir.Program, op string) *ir.Instr {
		for i := range p.Instrs {
			if p.Instrs[i].Op.Name == op {
				return &p.Instrs[i]
			}
		}
		t.Fatalf("no %s in\n%s", op, p)
		return nil
	}
	for _, c := range []struct {
		name  string
		forge func(p *ir.Program)
		want  string
	}{
		{"an honest program", func(*ir.Program) {}, ""},
		{"a branch without its result", func(p *ir.Program) { find(p, "If").Regions[1].Outputs = nil }, "the branches differ"},
		{"a condition that is a float", func(p *ir.Program) { in := find(p, "If"); in.In[0] = in.In[1] }, "the condition must be a bool scalar"},
		{"a loop whose condition is a float", func(p *ir.Program) { b := find(p, "While").Regions[0]; b.Outputs[0] = b.Inputs[0] }, "must return one bool scalar, not float32[]"},
		{"a loop that loses its state", func(p *ir.Program) { find(p, "While").Regions[1].Outputs = nil }, "the state changes its shape"},
		{"a loop that captures more than its operands", func(p *ir.Program) { find(p, "While").Captured = 9 }, "9 captured values out of"},
		{"a region that is missing", func(p *ir.Program) { in := find(p, "While"); in.Regions = in.Regions[:1] }, "it takes 2 functions, got 1"},
	} {
		p, err := graph.NewProgram(g, y, loop)
		require.NoError(t, err)
		c.forge(p)
		err = p.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want …%s…", c.name, err, c.want)
		}
	}
}
