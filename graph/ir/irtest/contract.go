// Package irtest is the test kit of engines: what must hold for whatever implements [ir.Backend], beyond the
// values of single ops, which package graphtest compares.
//
//	func TestContract(t *testing.T) { irtest.Contract(t, func(testing.TB) ir.Backend { return gocpu.New() }) }
//
// [Contract] holds an engine to the contract that docs/backend.md states sentence by sentence: who owns memory and until
// when, what is closed and what that means, contexts, wrong inputs, several goroutines, mistakes in the data.
package irtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Contract tests an engine against every sentence of its contract, each in a subtest of its own. open opens the engine; it
// is called several times in a test, also while others are open, and what it opens is closed at the end of
// the test. The sentences stand in docs/backend.md.
func Contract(t *testing.T, open func(t testing.TB) ir.Backend) {
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			if err := r.holds(func() ir.Backend { return open(t) }); err != nil {
				t.Errorf("%v\nThe contract says: %s", err, r.sentence)
			}
		})
	}
}

// rule is one row of the suite: what is tested, in words that are the test's name, the sentence of the
// contract that it belongs to, and the test.
type rule struct {
	name, sentence string
	check          func(c *check)
}

// rules returns the rows in the order of the contract.
func rules() (all []rule) {
	for _, group := range [][]rule{
		donationRules, valueRules, closingRules(), contextRules, inputRules, concurrencyRules, divisionRules,
		shapeRules, programRules(), capabilityRules,
	} {
		all = append(all, group...)
	}
	return all
}

// holds returns what an engine does against the rule, in one sentence. A panic of the engine is such a thing.
func (r rule) holds(open func() ir.Backend) error {
	c := &check{open: open}
	defer c.close()
	return c.try(func() { r.check(c) })
}

// check is a test that is under way: it opens engines, and ends with the first thing that is wrong. Its methods
// are for one goroutine, those that [check.together] starts have their own.
type check struct {
	open    func() ir.Backend
	engines []ir.Backend
}

// broken is what is wrong, thrown by failf.
type broken struct{ error }

func (c *check) failf(format string, args ...any) { panic(broken{fmt.Errorf(format, args...)}) }

// try calls f and returns what is wrong.
func (c *check) try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case broken:
			err = r.error
		default:
			err = fmt.Errorf("the engine panicked: %v", r)
		}
	}()
	f()
	return nil
}

// engine opens the engine.
func (c *check) engine() ir.Backend {
	b := c.open()
	if b == nil {
		c.failf("the engine was opened as nil")
	}
	c.engines = append(c.engines, b)
	return b
}

// close closes what was opened. Whether that may be done again is tested elsewhere.
func (c *check) close() {
	for _, b := range c.engines {
		_ = c.try(func() { b.Close() })
	}
}

// ok ends the check if there is an error.
func (c *check) ok(err error, format string, args ...any) {
	if err != nil {
		c.failf("%s: %v", fmt.Sprintf(format, args...), err)
	}
}

// refused ends the check unless there is an error.
func (c *check) refused(err error, format string, args ...any) {
	if err == nil {
		c.failf("%s: no error", fmt.Sprintf(format, args...))
	}
}

// build makes calls in a graph, over inputs.
type build = func(in []*graph.Node) []*graph.Node

// program returns what fn builds on inputs of the given shapes, for b. Runs are expected to donate the inputs that
// are marked.
func (c *check) program(b ir.Backend, in []shapes.Shape, fn build, donated ...bool) *ir.Program {
	g := graph.NewGraph(nil, "contract")
	var p *ir.Program
	err := graph.Catch(func() {
		var nodes []*graph.Node
		for i, s := range in {
			nodes = append(nodes, graph.Parameter(g, fmt.Sprint("x", i), s))
		}
		if len(nodes) == 0 { // closures ask a node for its graph
			nodes = []*graph.Node{graph.Const(g, float32(0))}
		}
		var err error
		p, err = lowered(b, g, fn(nodes)...)
		c.ok(err, "making a program")
	})
	c.ok(err, "building a graph")
	if len(donated) > 0 {
		p.Donated = donated
	}
	place(p)
	return p
}

// place gives every instruction a place, as if a user had written it.
func place(p *ir.Program) {
	for i := range p.Instrs {
		p.Instrs[i].Place = ir.SiteOf(ir.Place{File: "user.go", Line: i + 1})
		for _, b := range p.Instrs[i].Regions {
			place(b)
		}
	}
}

// compile compiles what fn builds.
func (c *check) compile(b ir.Backend, in []shapes.Shape, fn build, donated ...bool) ir.Executable {
	exe, err := b.Compile(context.Background(), c.program(b, in, fn, donated...))
	c.ok(err, "Compile")
	if exe == nil {
		c.failf("Compile returned neither an executable nor an error")
	}
	return exe
}

// put puts a tensor.
func (c *check) put(b ir.Backend, x *tensors.Tensor) ir.Buffer {
	buf, err := b.Put(x)
	c.ok(err, "Put of %s", x.Shape())
	return buf
}

// run runs an executable on inputs that stay, and fails if that does not work.
func (c *check) run(exe ir.Executable, in ...ir.Buffer) []ir.Buffer {
	return c.runDonating(exe, in, nil)
}

func (c *check) runDonating(exe ir.Executable, in []ir.Buffer, donate []bool) []ir.Buffer {
	out, err := exe.Run(context.Background(), in, donate)
	c.ok(err, "Run")
	return out
}

// host reads a buffer.
func (c *check) host(b ir.Buffer, what string) *tensors.Tensor {
	x, err := b.ToHost()
	c.ok(err, "reading %s", what)
	return x
}

// closed fails unless b is closed.
func (c *check) closed(b ir.Buffer, what string) {
	_, err := b.ToHost()
	c.refused(err, "reading %s", what)
}

// sizes are those of a value that engines copy and of one whose memory they may share.
var sizes = []int{5, 1 << 15}

// ramp returns the float32 vector scale·(1, 2, …, n): distinct values, and their doubles are exact.
func ramp(n int, scale float32) *tensors.Tensor {
	x := tensors.FromScalarAndDimensions(float32(0), n)
	for i := range tensors.Flat[float32](x) {
		tensors.Flat[float32](x)[i] = scale * float32(i+1)
	}
	return x
}

// isRamp fails unless b holds scale·(1, 2, …).
func (c *check) isRamp(b ir.Buffer, scale float32, what string) {
	c.tensorIsRamp(c.host(b, what), scale, what)
}

func (c *check) tensorIsRamp(x *tensors.Tensor, scale float32, what string) {
	c.ok(x.CheckValid(), "%s", what)
	for i, v := range tensors.Flat[float32](x) {
		if want := scale * float32(i+1); v != want {
			c.failf("%s: element %d is %v, want %v", what, i, v, want)
		}
	}
}

// twice is 2·x, x the first input.
func twice(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Add(in[0], in[0])} }

// same returns the inputs.
func same(in []*graph.Node) []*graph.Node { return in }

// shapesOf returns the tensors' shapes.
func shapesOf(list ...*tensors.Tensor) (all []shapes.Shape) {
	for _, x := range list {
		all = append(all, x.Shape())
	}
	return all
}

// together calls f with 0 to n-1, each in a goroutine of its own that begins with the others, and fails with the
// first thing that is wrong in any.
func (c *check) together(n int, f func(c *check, i int)) {
	errs, begin := make(chan error, n), make(chan struct{})
	for i := range n {
		go func() {
			<-begin
			mine := &check{open: c.open}
			errs <- mine.try(func() { f(mine, i) })
		}()
	}
	close(begin)
	var first error
	for range n {
		if err := <-errs; first == nil {
			first = err
		}
	}
	if first != nil {
		panic(broken{first})
	}
}
