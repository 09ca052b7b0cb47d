package irtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

const (
	checkedFirst     = "A program that Program.Check refuses is an error of Compile that names the program."
	programUnchanged = "Compile and Run do not change the program."
	nameIsOne        = "Name is not empty, and the same for every instance and at any time."
)

func programRules() []rule {
	rules := []rule{
		{"a program is not changed", programUnchanged, unchanged},
		{"the name is one", nameIsOne, func(c *check) {
			a, b := c.engine(), c.engine()
			name := a.Name()
			c.ok(a.Close(), "Close")
			if name == "" || strings.TrimSpace(name) != name || a.Name() != name || b.Name() != name {
				c.failf("Name is %q, then %q, and that of another instance %q", name, a.Name(), b.Name())
			}
		}},
	}
	for _, f := range forgeries {
		rules = append(rules, rule{"Compile refuses " + f.name, checkedFirst, f.refused})
	}
	return rules
}

func unchanged(c *check) {
	b := c.engine()
	text := func(p *ir.Program) string {
		data, err := json.Marshal(p)
		c.ok(err, "writing a program")
		return string(data)
	}
	p := sample(c, b)
	p.Donated = []bool{true, false}
	before := text(p)
	exe, err := b.Compile(context.Background(), p)
	c.ok(err, "Compile")
	if text(p) != before {
		c.failf("Compile changed the program: %s", change(before, text(p)))
	}
	c.runDonating(exe, []ir.Buffer{c.put(b, ramp(4, 1)), c.put(b, intVector(3))}, []bool{true, false})
	if text(p) != before {
		c.failf("Run changed the program: %s", change(before, text(p)))
	}
}

// change shows where two texts begin to differ.
func change(before, after string) string {
	i := 0
	for i < min(len(before), len(after)) && before[i] == after[i] {
		i++
	}
	part := func(s string) string { return s[max(0, i-20):min(len(s), i+20)] }
	return fmt.Sprintf("…%s… became …%s…", part(before), part(after))
}

// sample returns a program with every kind of instruction that forgeries need: x float32[4] and n int32[1] give
// 2x, then x or -x by If, n passes of a loop, and a call.
func sample(c *check, b ir.Backend) *ir.Program {
	g := graph.NewGraph(nil, "forged")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4))
	n := graph.Parameter(g, "n", shapes.Make(dtypes.Int32, 1))
	m := graph.Reshape(n)
	f := graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.Neg(graph.Parameter(g, "p", x.Shape()))}
	})
	chosen := graph.If(graph.IsPositive(m),
		branch(g, func() nodes { return nodes{x} }), branch(g, func() nodes { return nodes{graph.Neg(x)} }))
	begin := nodes{m, chosen[0]}
	looped := graph.While(
		closure(begin, func(in nodes) nodes { return nodes{graph.IsPositive(in[0])} }),
		closure(begin, func(in nodes) nodes { return nodes{graph.AddScalar(in[0], -1), graph.Neg(in[1])} }), begin...)
	p, err := lowered(b, g, graph.Add(x, x), looped[1], f.Call(x)[0])
	c.ok(err, "making a program")
	return p
}

// lowered returns the program of outputs as b gets it.
func lowered(b ir.Backend, g *graph.Graph, outputs ...*graph.Node) (*ir.Program, error) {
	p, err := graph.NewProgram(g, outputs...)
	if err != nil {
		return nil, err
	}
	return ir.Lower(p, b.Lowers)
}
