package irtest

import (
	"context"
	"regexp"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

const divisionIsAnError = "An integer division by zero that runs is an error of the run that names the op and its place; one that does not run is none."

var divisionRules = []rule{
	{"integers of every dtype are divided by zero", divisionIsAnError, func(c *check) {
		b := c.engine()
		for _, d := range dtypes.Ints.List() {
			for _, v := range divisions[:2] {
				v.check(c, b, d)
			}
		}
	}},
	{"integers are divided by zero inside of bodies", divisionIsAnError, func(c *check) {
		b := c.engine()
		for _, v := range divisions {
			if v.fails {
				v.check(c, b, dtypes.Int32)
			}
		}
	}},
	{"what is not divided is no error", divisionIsAnError, func(c *check) {
		b := c.engine()
		for _, v := range divisions {
			if !v.fails {
				v.check(c, b, dtypes.Int32)
			}
		}
	}},
	{"constants are divided by zero", divisionIsAnError, func(c *check) {
		b := c.engine()
		for _, d := range dtypes.Ints.List() {
			exe := c.compile(b, nil, func(in []*graph.Node) []*graph.Node {
				g := in[0].Graph()
				return []*graph.Node{graph.Rem(graph.Scalar(g, d, 7), graph.ScalarZero(g, d))}
			})
			c.divided(exe, nil, "constants of "+d.String())
		}
	}},
}

// divisions are ways to divide x by y or by m, the smallest of y, which is 3, or 0 in a second run.
var divisions = []division{
	{ops.Div.Name, func(x, y, m *graph.Node) nodes { return nodes{graph.Div(x, y)} }, true},
	{ops.Rem.Name, func(x, y, m *graph.Node) nodes { return nodes{graph.Rem(x, y)} }, true},
	{"a scalar divisor", func(x, y, m *graph.Node) nodes { return nodes{graph.Div(x, m)} }, true},
	{"the first of two", func(x, y, m *graph.Node) nodes {
		z := graph.Div(x, y)
		return nodes{graph.Rem(z, y), z}
	}, true},
	{"divisors that are replaced", func(x, y, m *graph.Node) nodes {
		return nodes{graph.Div(x, graph.Where(graph.Equal(y, number(y, 0)), number(y, 1), y))}
	}, false},
	{"no divisors", func(x, y, m *graph.Node) nodes {
		none := graph.AxisRange(0, 0)
		return nodes{graph.Div(graph.Slice(x, none), graph.Slice(y, none)), graph.Div(graph.Slice(x, none), m)}
	}, false},
	{"a function called twice", func(x, y, m *graph.Node) nodes {
		f := graph.NewFunction(x.Graph(), "f", func(g *graph.Graph) nodes {
			in := parameters(g, nodes{x, y})
			return nodes{graph.Div(in[0], in[1])}
		})
		return f.Call(f.Call(x, graph.OnesLike(y))[0], y)
	}, true},
	{"the branch that is taken", func(x, y, m *graph.Node) nodes {
		return graph.If(graph.Equal(m, number(m, 0)),
			branch(x.Graph(), func() nodes { return nodes{graph.Rem(x, y), y} }), branch(x.Graph(), func() nodes { return nodes{x, y} }))
	}, true},
	{"the branch that is not taken", func(x, y, m *graph.Node) nodes {
		return graph.If(graph.Equal(m, number(m, 0)),
			branch(x.Graph(), func() nodes { return nodes{x} }), branch(x.Graph(), func() nodes { return nodes{graph.Rem(x, y)} }))
	}, false},
	{"a loop's pass", func(x, y, m *graph.Node) nodes { // by m, m-1 and m-2
		begin := nodes{x, number(x, 0)}
		return graph.While(
			closure(begin, func(in nodes) nodes { return nodes{graph.LessThan(in[1], number(x, 3))} }),
			closure(begin, func(in nodes) nodes {
				return nodes{graph.Div(in[0], graph.Sub(m, in[1])), graph.Add(in[1], number(x, 1))}
			}), begin...)
	}, true},
	{"a loop's condition at first", func(x, y, m *graph.Node) nodes {
		begin := nodes{m}
		return graph.While(
			closure(begin, func(in nodes) nodes { return nodes{graph.IsPositive(graph.Div(number(x, 7), in[0]))} }),
			closure(begin, func(in nodes) nodes { return nodes{graph.Add(in[0], number(x, 2))} }), begin...)
	}, true},
	{"a loop's condition after a pass", func(x, y, m *graph.Node) nodes {
		begin := nodes{number(x, 2), x}
		return graph.While(
			closure(begin, func(in nodes) nodes {
				return nodes{graph.Equal(graph.Div(number(x, 7), in[0]), number(x, 3))}
			}),
			closure(begin, func(in nodes) nodes { return nodes{m, graph.Rem(in[1], in[0])} }), begin...)
	}, true},
	{"a loop that would not end", func(x, y, m *graph.Node) nodes { // with a quotient other than 2
		begin := nodes{number(x, 0)}
		n := graph.Div(number(x, 7), m)
		return graph.While(
			closure(begin, func(in nodes) nodes { return nodes{graph.NotEqual(in[0], n)} }),
			closure(begin, func(in nodes) nodes {
				return nodes{graph.Min(graph.Add(in[0], number(x, 1)), number(x, 2))}
			}), begin...)
	}, true},
	{"all of them in each other", func(x, y, m *graph.Node) nodes {
		f := graph.NewFunction(x.Graph(), "f", func(g *graph.Graph) nodes {
			in := parameters(g, nodes{x, m})
			begin := nodes{in[0], graph.Scalar(g, x.DType(), 0)}
			return graph.While(
				closure(begin, func(in nodes) nodes { return nodes{graph.LessThan(in[1], number(in[1], 2))} }),
				closure(begin, func(state nodes) nodes {
					last := graph.IsPositive(state[1])
					return append(graph.If(last,
						branch(g, func() nodes { return nodes{graph.Div(state[0], in[1])} }),
						branch(g, func() nodes { return nodes{state[0]} })), graph.Add(state[1], number(state[1], 1)))
				}), begin...)
		})
		return f.Call(x, m)
	}, true},
}

type division struct {
	name  string
	calls func(x, y, m *graph.Node) nodes
	fails bool // if a divisor is 0
}

type nodes = []*graph.Node

// check runs the division by what has no zero, by zero, and again by what has none.
func (v division) check(c *check, b ir.Backend, d dtypes.DType) {
	var in []ir.Buffer
	for _, t := range []*tensors.Tensor{intVector(100, 101), intVector(3, 5), intVector(3, 0)} {
		t, err := t.ConvertDType(d)
		c.ok(err, "converting a tensor")
		in = append(in, c.put(b, t))
	}
	s := in[0].Shape()
	exe := c.compile(b, []shapes.Shape{s, s}, func(in []*graph.Node) []*graph.Node { return v.calls(in[0], in[1], graph.ReduceAllMin(in[1])) })
	byThree, byZero := in[:2], []ir.Buffer{in[0], in[2]}
	c.run(exe, byThree...)
	if v.fails {
		c.divided(exe, byZero, v.name+" of "+d.String())
	} else {
		c.run(exe, byZero...)
	}
	c.run(exe, byThree...)
}

// divisionError is what the error says.
var divisionError = regexp.MustCompile(`user\.go:\d+: (Div|Rem): integer division by zero$`)

// divided fails unless a run is an error that names the op and its place.
func (c *check) divided(exe ir.Executable, in []ir.Buffer, what string) {
	out, err := exe.Run(context.Background(), in, nil)
	c.refused(err, "dividing by zero, %s", what)
	if out != nil || !divisionError.MatchString(err.Error()) {
		c.failf("dividing by zero, %s: got %d outputs and %q, want none and the place, the op and \"integer division by zero\"", what, len(out), err)
	}
}

func intVector(values ...int32) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, len(values))
}

// closure is a part of a program with parameters like those of given nodes.
func closure(like nodes, body func(in nodes) nodes) *graph.Function {
	return graph.NewClosure(like[0].Graph(), func(g *graph.Graph) nodes { return body(parameters(g, like)) })
}

func parameters(g *graph.Graph, like nodes) (in nodes) {
	for _, x := range like {
		in = append(in, graph.Parameter(g, "", x.Shape()))
	}
	return in
}

// branch has no parameters.
func branch(g *graph.Graph, body func() nodes) *graph.Function {
	return graph.NewClosure(g, func(*graph.Graph) nodes { return body() })
}

func number(like *graph.Node, v int) *graph.Node {
	return graph.Scalar(like.Graph(), like.DType(), float64(v))
}
