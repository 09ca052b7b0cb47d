package graphtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Op checks one row of the table, such as that of an op of one's own, on each of some backends, as [Complete], [Conform], [Gradients] and
// [Transforms] check all rows. Of a row that brings a Kernel it checks besides that it writes all of its results and nothing else, and
// that pieces may run in any order.
//
//	func TestSoftCap(t *testing.T) { graphtest.Op(t, softCap, gocpu.New) }
func Op(t *testing.T, op *ir.Op, newBackends ...func() ir.Backend) {
	for _, lack := range lacksFacts(op) {
		t.Errorf("op %s: %s", op.Name, lack)
	}
	for i, c := range calls(op) {
		if err := c.checkKernel(); err != nil {
			t.Errorf("%s: its Kernel: %v", c.name(i), err)
		}
	}
	checks := valuesOf(op)
	if graph.RuleOf(op).NoGrad == "" {
		checks = append(checks, gradientsOf(op)...)
	}
	checks = append(checks, transformsOf(op, false)...)
	for _, newBackend := range newBackends {
		b := newBackend()
		t.Run(b.Name(), func(t *testing.T) {
			defer b.Close()
			report(t, b, checks, 1)
		})
	}
}

// fence is how many bytes lie before and behind what a kernel may write.
const fence = 64

// checkKernel runs the kernel that the row brings for a call twice, on memory that held something else before: its pieces one after the
// other, and then one by one from the last to the first. The results must be the same, and those of the reference.
func (c call) checkKernel() error {
	if c.op.Kernel == nil || c.sample.Build != nil {
		return nil
	}
	in := c.inputs()
	asked := ir.Call{Op: c.op, Attrs: c.sample.Attrs}
	for _, x := range in {
		asked.In = append(asked.In, x.Shape())
	}
	var err error
	if asked.Out, err = c.op.Results(c.sample.Attrs, asked.In); err != nil {
		return err
	}
	kernel, err := asked.OwnKernel()
	if kernel == nil || err != nil {
		return err
	}
	want, err := runOn(Reference(), c.apply, in)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	first, err := runKernel(kernel, in, asked.Out, 0x55, inOrder)
	if err != nil {
		return err
	}
	second, err := runKernel(kernel, in, asked.Out, 0xaa, backwards)
	if err != nil {
		return fmt.Errorf("pieces from the last to the first: %w", err)
	}
	for i := range want {
		if !bytes.Equal(first[i], second[i]) {
			return fmt.Errorf("result %d depends on what its memory held before, or on the order of pieces: every element must be written, by one piece", i)
		}
		got, err := tensors.FromBytes(asked.Out[i], first[i])
		if err == nil {
			err = Diff(got, want[i], c.op.Tol)
		}
		if err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	return nil
}

// pieces calls body for pieces of 0 to n.
type pieces func(n, grain int, body func(lo, hi int))

func inOrder(n, grain int, body func(lo, hi int)) {
	grain = max(grain, 1)
	for lo := 0; lo < n; lo += min(grain, n-lo) {
		body(lo, lo+min(grain, n-lo))
	}
}

func backwards(n, _ int, body func(lo, hi int)) {
	for lo := n - 1; lo >= 0; lo-- {
		body(lo, lo+1)
	}
}

// runKernel runs a kernel on copies of the operands and returns the bytes of its results, whose memory is full of a byte before.
func runKernel(kernel ir.Kernel, in []*tensors.Tensor, out []shapes.Shape, fill byte, each pieces) (results [][]byte, err error) {
	a := &ir.KernelArgs{For: each, Ended: func() bool { return false }}
	var whole [][]byte // of operands and results, with what lies around them
	var held []*tensors.Storage
	defer func() {
		for _, s := range held {
			s.Release()
		}
	}()
	memory := func(s shapes.Shape) ir.Memory {
		n := s.ByteSize()
		held = append(held, must(tensors.NewStorage(n+2*fence)))
		all := held[len(held)-1].Bytes()[:n+2*fence]
		for i := range all {
			all[i] = fill
		}
		whole = append(whole, all)
		return ir.Memory{Shape: s, Data: all[fence : fence+n : fence+n]}
	}
	for _, x := range in {
		m := memory(x.Shape())
		copy(m.Data, x.Storage().Bytes())
		a.In = append(a.In, m)
	}
	for _, s := range out {
		a.Out = append(a.Out, memory(s))
	}
	if err := called(kernel, a); err != nil {
		return nil, err
	}
	for i, x := range in {
		if n := x.Shape().ByteSize(); !bytes.Equal(whole[i][fence:fence+n], x.Storage().Bytes()[:n]) {
			return nil, fmt.Errorf("it writes operand %d, which others read", i)
		}
	}
	for _, all := range whole {
		if around := slices.Concat(all[:fence], all[len(all)-fence:]); slices.ContainsFunc(around, func(b byte) bool { return b != fill }) {
			return nil, errors.New("it writes memory that is none of its results'")
		}
	}
	for _, m := range a.Out {
		results = append(results, slices.Clone(m.Data))
	}
	return results, nil
}

// called calls a kernel. A panic is an error.
func called(kernel ir.Kernel, a *ir.KernelArgs) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	kernel(a)
	return nil
}
