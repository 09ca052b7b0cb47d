package irtest

import (
	"fmt"
	"io"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

const (
	outputsAreTheirOwn = "An output is a value of its own, also where it is an input, a constant or the same value as another output."
	hostStays          = "What ToHost returned stays valid when the buffer, the executable and the backend are closed."
	tensorIsFree       = "A tensor may be finalized as soon as it is put, and changed as soon as its buffer is closed."
	equalBits          = "Runs on equal inputs give equal bits, one after the other or at once."
)

var valueRules = []rule{
	{"an output that is an input outlives it", outputsAreTheirOwn, inputsAsOutputs},
	{"a value that is returned twice is two buffers", outputsAreTheirOwn, outputTwice},
	{"a constant that is returned does not change", outputsAreTheirOwn, constantOutput},
	{"what was read stays when all is closed", hostStays, readThenClosed},
	{"a tensor is finalized after Put", tensorIsFree, putThenFinalized},
	{"a tensor is changed when its buffer is closed", tensorIsFree, closedThenChanged},
	{"runs on equal inputs give equal bits", equalBits, repeatedRuns},
}

func inputsAsOutputs(c *check) {
	eachDonation(func(n int, expected bool) {
		b := c.engine()
		x := ramp(n, 1)
		exe := c.compile(b, shapesOf(x), func(in []*graph.Node) []*graph.Node {
			return []*graph.Node{in[0], graph.Reshape(in[0], 1, n), graph.Neg(in[0])}
		}, expected)
		for _, donate := range []bool{false, true} {
			in := c.put(b, x)
			out := c.runDonating(exe, []ir.Buffer{in}, []bool{donate})
			c.ok(in.Close(), "Close of an input")
			c.isRamp(out[0], 1, "an output that is an input which was closed")
			c.ok(out[0].Close(), "Close of an output that is an input")
			c.isRamp(out[1], 1, "an output that is a closed input with other axes")
			c.isRamp(out[2], -1, "the output beside one that is an input")
		}
	})
}

// outputTwice gives up one of two equal outputs: what is computed in its place must not show in the other.
func outputTwice(c *check) {
	for _, n := range sizes {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1)), func(in []*graph.Node) []*graph.Node {
			y := graph.Add(in[0], in[0])
			return []*graph.Node{y, y, graph.Reshape(y, 1, n)}
		})
		out := c.run(exe, c.put(b, ramp(n, 1)))
		step := c.compile(b, shapesOf(ramp(n, 1)), twice, true)
		c.isRamp(c.runDonating(step, out[:1], []bool{true})[0], 4, "the result of the first of two equal outputs")
		c.isRamp(out[1], 2, "the second of two equal outputs, when the first was donated")
		c.ok(out[1].Close(), "Close of an output")
		c.isRamp(out[2], 2, "the third of three equal outputs, when the others were closed")
	}
}

func constantOutput(c *check) {
	for _, n := range sizes {
		b := c.engine()
		value := ramp(n, 1)
		exe := c.compile(b, shapesOf(value), func(in []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.ConstTensor(in[0].Graph(), value), in[0]}
		})
		step := c.compile(b, shapesOf(value), twice, true)
		in := c.put(b, ramp(n, 3))
		for range 2 {
			out := c.run(exe, in)
			c.isRamp(out[0], 1, "an output that is a constant")
			c.isRamp(c.runDonating(step, out[:1], []bool{true})[0], 2, "the result of a constant")
		}
		c.tensorIsRamp(value, 1, "the tensor of a constant")
	}
}

func readThenClosed(c *check) {
	for _, n := range sizes {
		b := c.engine()
		x := ramp(n, 1)
		exe := c.compile(b, shapesOf(x), twice)
		in := c.put(b, x)
		out := c.run(exe, in)[0]
		put, made := c.host(in, "an input"), c.host(out, "an output")
		c.ok(x.Close(), "FinalizeAll")
		for _, part := range []io.Closer{in, out, exe, b} {
			c.ok(part.Close(), "Close")
			for range 3 { // takes the memory if it was given back
				ramp(n, 100).Close()
			}
			c.tensorIsRamp(put, 1, "what was read of an input")
			c.tensorIsRamp(made, 2, "what was read of an output")
		}
	}
}

func putThenFinalized(c *check) {
	for _, n := range sizes {
		b := c.engine()
		x := ramp(n, 1)
		exe := c.compile(b, shapesOf(x), twice)
		in := c.put(b, x)
		c.ok(x.Close(), "FinalizeAll")
		for range 5 { // takes the memory if it was given back
			ramp(n, 100).Close()
		}
		c.isRamp(c.run(exe, in)[0], 2, "the result of a tensor that was finalized after Put")
		c.isRamp(in, 1, "the buffer of a tensor that was finalized")
	}
}

func closedThenChanged(c *check) {
	for _, n := range sizes {
		b := c.engine()
		x := ramp(n, 1)
		exe := c.compile(b, shapesOf(x), func(in []*graph.Node) []*graph.Node { return append(in, twice(in)...) })
		in := c.put(b, x)
		out := c.run(exe, in)
		c.ok(in.Close(), "Close of an input")
		if !x.Ok() {
			c.failf("the tensor of a closed buffer was finalized")
		}
		for i := range tensors.Flat[float32](x) {
			tensors.Flat[float32](x)[i] = -1
		}
		c.isRamp(out[0], 1, "an output that is an input, whose tensor changed")
		c.isRamp(out[1], 2, "an output, when the input's tensor changed")
	}
}

// repeatedRuns adds up values of many sizes, so that the order shows in the sums.
func repeatedRuns(c *check) {
	b := c.engine()
	x := tensors.FromScalarAndDimensions(float32(0), 120, 70)
	for i := range tensors.Flat[float32](x) {
		tensors.Flat[float32](x)[i] = float32(math.Sin(float64(i)) * math.Pow(10, float64(i%7-3)))
	}
	exe := c.compile(b, shapesOf(x), func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{
			graph.ReduceAllSum(in[0]), graph.ReduceSum(in[0], 0), graph.ReduceSum(in[0], 1),
			graph.MatMul(in[0], graph.Transpose(in[0], 0, 1)), graph.Softmax(in[0], 1),
		}
	})
	in := c.put(b, x)
	bits := func(c *check) (all []string) {
		for o, y := range c.run(exe, in) {
			err := c.host(y, "an output").ConstBytes(func(data []byte) { all = append(all, string(data)) })
			c.ok(err, "output %d", o)
		}
		return all
	}
	want := bits(c)
	compare := func(c *check, how string) {
		for o, got := range bits(c) {
			if got != want[o] {
				c.failf("output %d has other bits in a run %s", o, how)
			}
		}
	}
	for range 3 {
		compare(c, "that repeats another")
	}
	for _, n := range []int{2, 5} {
		c.together(n, func(c *check, _ int) {
			for range 3 {
				compare(c, fmt.Sprintf("beside %d others", n-1))
			}
		})
	}
}
