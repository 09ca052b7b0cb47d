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
)

type nodes = []*graph.Node

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

func constant(like *graph.Node, v int) *graph.Node {
	return graph.Scalar(like.Graph(), like.DType(), float64(v))
}

// divisions are ways to divide x by y or by m, the smallest of y, which is 3, or 0 in a second run.
var divisions = []struct {
	name  string
	calls func(x, y, m *graph.Node) nodes
	fails bool // if a divisor is 0
}{
	{"Div", func(x, y, m *graph.Node) nodes { return nodes{graph.Div(x, y)} }, true},
	{"Rem", func(x, y, m *graph.Node) nodes { return nodes{graph.Rem(x, y)} }, true},
	{"a scalar divisor", func(x, y, m *graph.Node) nodes { return nodes{graph.Div(x, m)} }, true},
	{"the first of two", func(x, y, m *graph.Node) nodes {
		z := graph.Div(x, y)
		return nodes{graph.Rem(z, y), z}
	}, true},
	{"divisors that are replaced", func(x, y, m *graph.Node) nodes {
		return nodes{graph.Div(x, graph.Where(graph.Equal(y, constant(y, 0)), constant(y, 1), y))}
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
		return graph.If(graph.Equal(m, constant(m, 0)),
			branch(x.Graph(), func() nodes { return nodes{graph.Rem(x, y), y} }), branch(x.Graph(), func() nodes { return nodes{x, y} }))
	}, true},
	{"the branch that is not taken", func(x, y, m *graph.Node) nodes {
		return graph.If(graph.Equal(m, constant(m, 0)),
			branch(x.Graph(), func() nodes { return nodes{x} }), branch(x.Graph(), func() nodes { return nodes{graph.Rem(x, y)} }))
	}, false},
	{"a loop's pass", func(x, y, m *graph.Node) nodes { // by m, m-1 and m-2
		begin := nodes{x, constant(x, 0)}
		return graph.While(
			closure(begin, func(in nodes) nodes { return nodes{graph.LessThan(in[1], constant(x, 3))} }),
			closure(begin, func(in nodes) nodes {
				return nodes{graph.Div(in[0], graph.Sub(m, in[1])), graph.Add(in[1], constant(x, 1))}
			}), begin...)
	}, true},
	{"a loop's condition at first", func(x, y, m *graph.Node) nodes {
		begin := nodes{m}
		return graph.While(
			closure(begin, func(in nodes) nodes { return nodes{graph.IsPositive(graph.Div(constant(x, 7), in[0]))} }),
			closure(begin, func(in nodes) nodes { return nodes{graph.Add(in[0], constant(x, 2))} }), begin...)
	}, true},
	{"a loop's condition after a pass", func(x, y, m *graph.Node) nodes {
		begin := nodes{constant(x, 2), x}
		return graph.While(
			closure(begin, func(in nodes) nodes {
				return nodes{graph.Equal(graph.Div(constant(x, 7), in[0]), constant(x, 3))}
			}),
			closure(begin, func(in nodes) nodes { return nodes{m, graph.Rem(in[1], in[0])} }), begin...)
	}, true},
	{"a loop that would not end", func(x, y, m *graph.Node) nodes { // with a quotient other than 2
		begin := nodes{constant(x, 0)}
		n := graph.Div(constant(x, 7), m)
		return graph.While(
			closure(begin, func(in nodes) nodes { return nodes{graph.NotEqual(in[0], n)} }),
			closure(begin, func(in nodes) nodes {
				return nodes{graph.Min(graph.Add(in[0], constant(x, 1)), constant(x, 2))}
			}), begin...)
	}, true},
	{"all of them in each other", func(x, y, m *graph.Node) nodes {
		f := graph.NewFunction(x.Graph(), "f", func(g *graph.Graph) nodes {
			in := parameters(g, nodes{x, m})
			begin := nodes{in[0], graph.Scalar(g, x.DType(), 0)}
			return graph.While(
				closure(begin, func(in nodes) nodes { return nodes{graph.LessThan(in[1], constant(in[1], 2))} }),
				closure(begin, func(state nodes) nodes {
					last := graph.IsPositive(state[1])
					return append(graph.If(last,
						branch(g, func() nodes { return nodes{graph.Div(state[0], in[1])} }),
						branch(g, func() nodes { return nodes{state[0]} })), graph.Add(state[1], constant(state[1], 1)))
				}), begin...)
		})
		return f.Call(x, m)
	}, true},
}

// An integer division by zero is on XLA the error that it is on the go engine, with its words and its line, and only
// what runs counts.
func TestIntegerDivisionByZero(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		for i, c := range divisions {
			for k, d := range dtypes.Ints.List() {
				if i >= 3 && k != i%len(dtypes.Ints.List()) { // the first in all dtypes
					continue
				}
				for _, divisors := range [][]int32{{3, 5}, {3, 0}} {
					x, _ := tensors.FromValue([]int32{100, 101}).ConvertDType(d)
					y, _ := tensors.FromValue(divisors).ConvertDType(d)
					fn := func(x, y *graph.Node) nodes { return c.calls(x, y, graph.ReduceAllMin(y)) }
					want, wantErr := graph.CallOnceN(gocpu.New(), fn, x, y)
					if fails := divisors[1] == 0 && c.fails; (wantErr != nil) != fails {
						t.Fatalf("%s, %s by %v: the go engine says %v", c.name, d, divisors, wantErr)
					}
					got, err := graph.CallOnceN(e, fn, x, y)
					if wantErr != nil {
						if err == nil || err.Error() != wantErr.Error() || !strings.HasPrefix(err.Error(), "divide_test.go:") {
							t.Errorf("%s, %s by %v: got %v, %v, want %v", c.name, d, divisors, got, err, wantErr)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s, %s by %v: %v", c.name, d, divisors, err)
						continue
					}
					for i := range want {
						if !got[i].Equal(want[i]) {
							t.Errorf("%s, %s by %v: result %d is %v, want %v", c.name, d, divisors, i, got[i].Value(), want[i].Value())
						}
					}
				}
			}
		}
	})
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
		if err != nil {
			t.Fatal(err)
		}
		if got := tensors.Flat[int8](y); got[0] != -128 || got[1] != -64 {
			t.Errorf("got %v", got)
		}
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
			if err == nil || err.Error() != want.Error() {
				t.Fatalf("got %v, want %v", err, want)
			}
			messages = append(messages, err.Error())
		}
		if messages[0] == messages[1] {
			t.Errorf("both say %s", messages[0])
		}
	})
}

// On a mesh a zero counts whichever device has it, and donated inputs are gone after the error as after a result.
func TestDivisionByZeroOnAMesh(t *testing.T) {
	onBoth(t, ",devices=2", func(t *testing.T, e *xla.Engine) {
		x := tensors.FromValue([]int32{10, 20, 30, 40})
		g := graph.NewGraph(nil, "mesh")
		in := parameters(g, []*graph.Node{graph.Parameter(graph.NewGraph(nil, ""), "", x.Shape()), graph.Parameter(graph.NewGraph(nil, ""), "", x.Shape())})
		p, err := graph.NewProgram(g, graph.Div(in[0], in[1]))
		if err != nil {
			t.Fatal(err)
		}
		mesh := &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 2}}}
		if p, err = p.Donate([]bool{true, false}).Divide(mesh, []ir.Sharding{{"data"}, {"data"}}, []ir.Sharding{{"data"}}); err != nil {
			t.Fatal(err)
		}
		exe, err := e.Compile(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		defer exe.Close()
		for _, c := range []struct {
			divisors []int32
			want     []int32
		}{{[]int32{1, 2, 3, 4}, []int32{10, 10, 10, 10}}, {[]int32{0, 2, 3, 4}, nil}, {[]int32{1, 2, 3, 0}, nil}} {
			a, b := put(t, e, x), put(t, e, tensors.FromValue(c.divisors))
			out, err := exe.Run(context.Background(), []ir.Buffer{a, b}, []bool{true, false})
			if _, gone := a.ToHost(); gone == nil {
				t.Errorf("by %v: the donated input can be read", c.divisors)
			}
			if c.want == nil {
				if err == nil || !strings.HasSuffix(err.Error(), ": Div: integer division by zero") {
					t.Errorf("by %v: got %v", c.divisors, err)
				}
				continue
			}
			if err != nil || len(out) != 1 {
				t.Fatalf("by %v: %d results, %v", c.divisors, len(out), err)
			}
			y, err := out[0].ToHost()
			if err != nil || !y.Equal(tensors.FromValue(c.want)) {
				t.Errorf("by %v: got %v, %v", c.divisors, y, err)
			}
		}
	})
}
