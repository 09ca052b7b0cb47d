package irtest

import (
	"context"
	"reflect"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

const (
	inputsMustFit   = "Inputs that do not fit the program, in number, shape, dtype or marks of donation, and nil, are an error that names the program."
	othersBuffers   = "A buffer of another kind of engine is an error; one of another instance is an error or works."
	nothingIsErrors = "Put of nil or of a finalized tensor is an error, and so is Compile of nil."
)

var inputRules = []rule{
	{"inputs that do not fit are errors", inputsMustFit, wrongInputs},
	{"a buffer of another engine is an error", othersBuffers, foreignInput},
	{"a buffer of another instance is an error or works", othersBuffers, otherInstance},
	{"Put of nil is an error", nothingIsErrors, func(c *check) { c.notPut(c.engine(), nil, "nil") }},
	{"Put of a finalized tensor is an error", nothingIsErrors, func(c *check) {
		x := ramp(5, 1)
		x.Close()
		b := c.engine()
		c.notPut(b, x, "a finalized tensor")
		c.notPut(b, &tensors.Tensor{}, "an empty tensor")
	}},
	{"Compile of nil is an error", nothingIsErrors, func(c *check) {
		exe, err := c.engine().Compile(context.Background(), nil)
		if c.refused(err, "Compile of nil"); exe != nil {
			c.failf("Compile of nil returned an executable")
		}
	}},
}

func (c *check) notPut(b ir.Backend, x *tensors.Tensor, what string) {
	buf, err := b.Put(x)
	if c.refused(err, "Put of %s", what); buf != nil {
		c.failf("Put of %s returned a buffer", what)
	}
}

// stranger is a buffer that no engine has made.
type stranger struct{ shape shapes.Shape }

func (s *stranger) Shape() shapes.Shape              { return s.shape }
func (s *stranger) ToHost() (*tensors.Tensor, error) { return tensors.New(s.shape) }
func (s *stranger) Close() error                     { return nil }

// typedNil returns a nil of the type of b, which is a buffer that is nil and yet not equal to nil; nil if the
// type has none.
func typedNil(b ir.Buffer) ir.Buffer {
	if t := reflect.TypeOf(b); t.Kind() == reflect.Pointer {
		return reflect.Zero(t).Interface().(ir.Buffer)
	}
	return nil
}

// notRun fails unless a run is refused with an error that has the program's name.
func (c *check) notRun(exe ir.Executable, in []ir.Buffer, marks []bool, what string) {
	out, err := exe.Run(context.Background(), in, marks)
	switch c.refused(err, "Run with %s", what); {
	case out != nil:
		c.failf("Run with %s returned outputs", what)
	case !strings.Contains(err.Error(), `"contract"`):
		c.failf("Run with %s: the error does not name the program: %v", what, err)
	}
}

func wrongInputs(c *check) {
	b := c.engine()
	x := ramp(6, 1)
	exe := c.compile(b, shapesOf(x, x), func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Add(in[0], in[1])} })
	good := c.put(b, x)
	closed := c.put(b, ramp(6, 1))
	c.ok(closed.Close(), "Close of a buffer")
	ints, err := x.ConvertDType(dtypes.Int32)
	c.ok(err, "converting a tensor")
	square, err := x.Reshaped(2, 3)
	c.ok(err, "reshaping a tensor")
	for _, w := range []struct {
		what  string
		in    []ir.Buffer
		marks []bool
	}{
		{"no inputs", nil, nil},
		{"an input too few", []ir.Buffer{good}, nil},
		{"an input too many", []ir.Buffer{good, good, good}, nil},
		{"a nil input", []ir.Buffer{nil, good}, nil},
		{"an input that is a nil buffer", []ir.Buffer{good, typedNil(good)}, nil},
		{"a closed input", []ir.Buffer{good, closed}, nil},
		{"an input of another dtype", []ir.Buffer{c.put(b, ints), good}, nil},
		{"an input of another shape with as many elements", []ir.Buffer{good, c.put(b, square)}, nil},
		{"an input of another size", []ir.Buffer{good, c.put(b, ramp(5, 1))}, nil},
		{"no marks that are not nil", []ir.Buffer{good, good}, []bool{}},
		{"a mark too few", []ir.Buffer{good, good}, []bool{false}},
		{"a mark too many", []ir.Buffer{good, good}, []bool{false, false, true}},
	} {
		c.notRun(exe, w.in, w.marks, w.what)
	}
	c.isRamp(c.run(exe, good, good)[0], 2, "the result of a run after some that were refused")
}

func foreignInput(c *check) {
	b := c.engine()
	exe := c.compile(b, shapesOf(ramp(5, 1)), twice)
	c.notRun(exe, []ir.Buffer{&stranger{shapes.Make(dtypes.Float32, 5)}}, nil, "a buffer of another engine")
	c.notRun(exe, []ir.Buffer{&stranger{shapes.Make(dtypes.Float32, 6)}}, nil, "a buffer of another engine and another shape")
}

// otherInstance donates, too, and uses what an instance has made after that is closed.
func otherInstance(c *check) {
	for _, n := range sizes {
		mine, other := c.engine(), c.engine()
		exe := c.compile(mine, shapesOf(ramp(n, 1)), twice, true)
		for _, donate := range []bool{false, true} {
			in := c.put(other, ramp(n, 1))
			if out, err := exe.Run(context.Background(), []ir.Buffer{in}, []bool{donate}); err == nil {
				c.isRamp(out[0], 2, "the result of another instance's buffer")
			}
			if donate {
				c.closed(in, "another instance's buffer that was donated")
			} else {
				c.isRamp(in, 1, "another instance's buffer that was not donated")
			}
		}
		in := c.put(other, ramp(n, 1))
		c.ok(other.Close(), "Close of the other instance")
		_, err := exe.Run(context.Background(), []ir.Buffer{in}, nil)
		c.refused(err, "Run on a buffer of an instance that is closed")
		c.isRamp(c.run(exe, c.put(mine, ramp(n, 1)))[0], 2, "the result after another instance was closed")
	}
}
