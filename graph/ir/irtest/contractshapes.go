package irtest

import (
	"context"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

const (
	oddShapes    = "Values without axes, without elements, of many axes and of every dtype are values like others."
	absurdShapes = "A program for whose values there is no memory is an error of Compile or Run."
)

var shapeRules = []rule{
	{"values of every dtype and odd shapes go through a program", oddShapes, everyType},
	{"a program has no inputs", oddShapes, func(c *check) {
		exe := c.compile(c.engine(), nil, func(in []*graph.Node) []*graph.Node { return in })
		if y := c.host(c.run(exe)[0], "a constant"); tensors.ToScalar[float32](y) != 0 {
			c.failf("a program that is a constant returns %v", y)
		}
	}},
	{"absurd sizes are errors", absurdShapes, absurdSizes},
}

// everyType sends values through reshapes, which move no bit, and back; all elements differ where the dtype has as many.
func everyType(c *check) {
	b := c.engine()
	for _, d := range dtypes.All() {
		var in []*tensors.Tensor
		for _, dims := range [][]int{nil, {3}, {0, 2}, {2, 0}, {1, 1, 2, 1, 1, 3, 1, 1, 1, 2}, {100, 170}} {
			s := shapes.Make(d, dims...)
			data := make([]byte, s.ByteSize())
			for i := range data {
				if data[i] = byte(i*37 + i>>8); d == dtypes.Bool {
					data[i] &= 1
				}
			}
			x, err := tensors.FromBytes(s, data)
			c.ok(err, "making a tensor")
			in = append(in, x)
		}
		exe := c.compile(b, shapesOf(in...), func(in []*graph.Node) (out []*graph.Node) {
			for _, x := range in {
				flat := graph.Reshape(x, x.Shape().Size())
				out = append(out, x, graph.Reshape(graph.Concatenate([]*graph.Node{flat}, 0), x.Shape().Dimensions...))
			}
			return out
		})
		var bufs []ir.Buffer
		for _, x := range in {
			bufs = append(bufs, c.put(b, x))
			c.sameBits(bufs[len(bufs)-1], x, "a buffer")
		}
		for o, y := range c.run(exe, bufs...) {
			c.sameBits(y, in[o/2], "an output")
		}
	}
}

func (c *check) sameBits(b ir.Buffer, want *tensors.Tensor, what string) {
	if !b.Shape().Equal(want.Shape()) {
		c.failf("%s of %s has the shape %s", what, want.Shape(), b.Shape())
	}
	got := c.host(b, what)
	bits := func(x *tensors.Tensor) (s string) {
		c.ok(x.ConstBytes(func(data []byte) { s = string(data) }), "reading %s", what)
		return s
	}
	if !got.Shape().Equal(want.Shape()) || bits(got) != bits(want) {
		c.failf("%s of %s comes back as other bits, of %s", what, want.Shape(), got.Shape())
	}
}

// absurdSizes has values of 4 TiB and more, as results, between others, and in ops that draw memory for themselves.
func absurdSizes(c *check) {
	b := c.engine()
	one := ramp(1, 1)
	for _, a := range []struct {
		what string
		fn   func(x *graph.Node) *graph.Node
	}{
		{"a result", func(x *graph.Node) *graph.Node { return graph.Neg(graph.BroadcastToDims(x, 1<<20, 1<<20)) }},
		{"counting", func(x *graph.Node) *graph.Node {
			return graph.Iota(x.Graph(), shapes.Make(dtypes.Int64, 1<<40), 0)
		}},
		{"batches", func(x *graph.Node) *graph.Node {
			y := graph.BroadcastToDims(x, 1<<40, 1, 1)
			return graph.MatMul(y, y)
		}},
		{"softmax", func(x *graph.Node) *graph.Node { return graph.Softmax(graph.BroadcastToDims(x, 2, 1<<40)) }},
		{"random numbers", func(x *graph.Node) *graph.Node {
			_, y := graph.RandomUniform(graph.RNGStateFromSeedForGraph(x.Graph(), 1), shapes.Make(dtypes.Float32, 1<<20, 1<<21))
			return y
		}},
		{"matrices", func(x *graph.Node) *graph.Node {
			y := graph.BroadcastToDims(x, 1<<20, 1<<20)
			return graph.MatMul(y, y)
		}},
		{"a transpose", func(x *graph.Node) *graph.Node { return graph.Transpose(graph.BroadcastToDims(x, 1<<20, 1<<21), 0, 1) }},
	} {
		p := c.program(b, shapesOf(one), func(in []*graph.Node) []*graph.Node { return []*graph.Node{a.fn(in[0])} })
		exe, err := b.Compile(context.Background(), p)
		if err == nil {
			_, err = exe.Run(context.Background(), []ir.Buffer{c.put(b, one)}, nil)
		}
		c.refused(err, "a program with a value of 4 TiB: %s", a.what)
	}
	exe := c.compile(b, shapesOf(one), twice)
	c.isRamp(c.run(exe, c.put(b, one))[0], 2, "a result after programs for which there was no memory")
}
