package irtest

import (
	"context"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
)

const (
	donatedIsClosed = "A donated buffer is closed by Run, whatever Run returns."
	keptIsUntouched = "A buffer that is not donated is as it was, also if the program says that its donation is expected."
	heldIsUntouched = "Donated memory that somebody else holds does not change: a tensor, another buffer or input, a run under way."
	givenTwice      = "A buffer that stands at two inputs and is donated at one is given up; the run sees its value at both."
)

var donationRules = []rule{
	{"a donated buffer is closed after a run", donatedIsClosed, donatedAndClosed},
	{"a donated buffer is closed after an error", donatedIsClosed, donatedAndFailed},
	{"a buffer that is not donated keeps its value", keptIsUntouched, notDonated},
	{"a tensor keeps its value when its buffer is donated", heldIsUntouched, donatedTensorHeld},
	{"what was read keeps its value when the buffer is donated", heldIsUntouched, donatedAfterReading},
	{"a buffer is donated while another run reads it", heldIsUntouched, donatedWhileRead},
	{"a buffer is donated by two runs at once", heldIsUntouched, donatedByTwo},
	{"one buffer is given twice and donated once", givenTwice, donatedOnceOfTwice},
}

// eachDonation calls f for small and large values, and for programs that expect the donation and others.
func eachDonation(f func(n int, expected bool)) {
	for _, n := range sizes {
		for _, expected := range []bool{true, false} {
			f(n, expected)
		}
	}
}

func donatedAndClosed(c *check) {
	eachDonation(func(n int, expected bool) {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1)), twice, expected)
		in := c.put(b, ramp(n, 1))
		for step := range 3 { // the second is given what a run made, which nobody else holds
			out := c.runDonating(exe, []ir.Buffer{in}, []bool{true})
			c.closed(in, "a donated buffer")
			_, err := exe.Run(context.Background(), []ir.Buffer{in}, nil)
			c.refused(err, "Run on a donated buffer")
			in = out[0]
			c.isRamp(in, float32(int(2)<<step), "the result of a donation")
		}
	})
}

// given stands for the buffer that is donated.
var given ir.Buffer = &stranger{}

// donatedAndFailed has all that makes a run fail while it is looked at, and a mistake in the data, which comes later.
func donatedAndFailed(c *check) {
	b := c.engine()
	x, zeros := ramp(5, 1), intVector(0, 0, 0)
	two := c.compile(b, shapesOf(x, x), func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Add(in[0], in[1])} }, true, true)
	divide := c.compile(b, shapesOf(x, zeros), func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Add(in[0], in[0]), graph.Div(in[1], in[1])}
	}, true, false)
	gone := c.compile(b, shapesOf(x, x), same)
	c.ok(gone.Close(), "Close of an executable")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	good, short := c.put(b, x), c.put(b, ramp(3, 1))
	used := c.put(b, ramp(5, 1))
	c.ok(used.Close(), "Close of a buffer")
	ctx, nothing := context.Background(), typedNil(good)
	for _, f := range []struct {
		cause string
		ctx   context.Context
		exe   ir.Executable
		in    []ir.Buffer // among them given, for the one that is donated
		marks []bool
	}{
		{"the context has ended", ended, two, []ir.Buffer{given, good}, []bool{true, false}},
		{"an input is missing", ctx, two, []ir.Buffer{given}, []bool{true}},
		{"there is an input too many", ctx, two, []ir.Buffer{good, good, given}, []bool{false, false, true}},
		{"there is a mark too few", ctx, two, []ir.Buffer{given, good}, []bool{true}},
		{"there is a mark too many", ctx, two, []ir.Buffer{good, given}, []bool{false, true, true}},
		{"another input has another shape", ctx, two, []ir.Buffer{short, given}, []bool{false, true}},
		{"another input is closed", ctx, two, []ir.Buffer{used, given}, []bool{false, true}},
		{"another input is nil", ctx, two, []ir.Buffer{nil, given}, []bool{true, true}},
		{"another input is a nil buffer", ctx, two, []ir.Buffer{nothing, given}, []bool{true, true}},
		{"another input is of another engine", ctx, two, []ir.Buffer{&stranger{good.Shape()}, given}, []bool{false, true}},
		{"the executable is closed", ctx, gone, []ir.Buffer{given, good}, []bool{true, false}},
		{"an integer is divided by zero", ctx, divide, []ir.Buffer{given, c.put(b, zeros)}, []bool{true, false}},
	} {
		mine := c.put(b, ramp(5, 1))
		in := slices.Clone(f.in)
		in[slices.Index(in, given)] = mine
		err := c.try(func() {
			_, err := f.exe.Run(f.ctx, in, f.marks)
			c.refused(err, "Run")
		})
		c.ok(err, "where %s", f.cause)
		c.closed(mine, "a buffer that was donated to a run in which "+f.cause)
	}
	c.isRamp(good, 1, "a buffer that was not donated to runs that failed")
}

func notDonated(c *check) {
	eachDonation(func(n int, expected bool) {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1)), twice, expected)
		in := c.put(b, ramp(n, 1))
		for _, scale := range []float32{1, 2} { // the second is a value that the engine made
			for _, marks := range [][]bool{nil, {false}} {
				out := c.runDonating(exe, []ir.Buffer{in}, marks)
				c.isRamp(in, scale, "an input that was not donated")
				c.isRamp(out[0], 2*scale, "the result of an input that was not donated")
				c.ok(out[0].Close(), "Close of an output")
			}
			in = c.run(exe, in)[0]
		}
	})
}

func donatedTensorHeld(c *check) {
	eachDonation(func(n int, expected bool) {
		b := c.engine()
		x := ramp(n, 1)
		exe := c.compile(b, shapesOf(x), twice, expected)
		out := c.runDonating(exe, []ir.Buffer{c.put(b, x)}, []bool{true})
		c.isRamp(out[0], 2, "the result of a donation")
		c.tensorIsRamp(x, 1, "the tensor whose buffer was donated")

		// two buffers on the memory of one tensor
		first, second := c.put(b, x), c.put(b, x)
		c.ok(x.Close(), "FinalizeAll")
		c.runDonating(exe, []ir.Buffer{first}, []bool{true})
		c.isRamp(second, 1, "the other buffer of a tensor")
	})
}

func donatedAfterReading(c *check) {
	eachDonation(func(n int, expected bool) {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1)), twice, expected)
		made := c.run(exe, c.put(b, ramp(n, 1)))[0]
		host := c.host(made, "an output")
		out := c.runDonating(exe, []ir.Buffer{made}, []bool{true})
		c.isRamp(out[0], 4, "the result of a donation")
		c.tensorIsRamp(host, 2, "what was read before the donation")
	})
}

func donatedWhileRead(c *check) {
	for _, n := range sizes {
		b := c.engine()
		give := c.compile(b, shapesOf(ramp(n, 1)), twice, true)
		read := c.compile(b, shapesOf(ramp(n, 1)), func(in []*graph.Node) []*graph.Node {
			y := in[0]
			for range 20 {
				y = graph.Sub(graph.Add(y, y), in[0])
			}
			return []*graph.Node{y}
		})
		for range 10 {
			in := c.run(give, c.put(b, ramp(n, 1)))[0]
			c.together(2, func(c *check, i int) {
				if i == 0 {
					c.isRamp(c.runDonating(give, []ir.Buffer{in}, []bool{true})[0], 4, "the result of a donation while another run reads")
					return
				}
				out, err := read.Run(context.Background(), []ir.Buffer{in}, nil)
				if err == nil { // else the donation was first
					c.isRamp(out[0], 2, "the result of a run whose input was donated meanwhile")
				}
			})
			c.closed(in, "a donated buffer")
		}
	}
}

func donatedByTwo(c *check) {
	for _, n := range sizes {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1)), twice, true)
		for range 20 {
			in := c.run(exe, c.put(b, ramp(n, 1)))[0]
			c.together(4, func(c *check, _ int) {
				out, err := exe.Run(context.Background(), []ir.Buffer{in}, []bool{true})
				if err == nil { // else another was first
					c.isRamp(out[0], 4, "the result of a run that was given a buffer that others were given too")
				}
			})
			c.closed(in, "a buffer that several runs were given")
		}
	}
}

func donatedOnceOfTwice(c *check) {
	eachDonation(func(n int, expected bool) {
		b := c.engine()
		x := ramp(n, 1)
		step := c.compile(b, shapesOf(x), twice)
		for _, marks := range [][]bool{{true, false}, {false, true}, {true, true}} {
			exe := c.compile(b, shapesOf(x, x), func(in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Add(in[0], graph.Add(in[1], in[1])), in[1], graph.Neg(in[0])}
			}, expected && marks[0], expected && marks[1])
			in := c.run(step, c.put(b, x))[0]
			out := c.runDonating(exe, []ir.Buffer{in, in}, marks)
			c.isRamp(out[0], 6, "the result of a buffer that was given twice")
			c.isRamp(out[1], 2, "the output that is a buffer that was given twice")
			c.isRamp(out[2], -2, "the other result of a buffer that was given twice")
			c.closed(in, "a buffer that was given twice and donated")
		}
	})
}
