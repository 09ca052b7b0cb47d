package gocpu

import (
	"runtime/debug"
	"slices"
	"sync"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/guard"
)

// own returns the kernel that the row of an op of a user's brings for a call, nil if it brings none. Its results have memory of their
// own, of which it sees as much as theirs.
func own(op *ir.Op, k *call) (kernels.Func, error) {
	kernel, err := ir.Call{Op: op, Attrs: k.attrs, In: slices.Clone(k.in), Out: slices.Clone(k.out)}.OwnKernel()
	if kernel == nil || err != nil {
		return nil, err
	}
	in, out := slices.Clone(k.in), slices.Clone(k.out)
	return func(a *kernels.Args) {
		o := ownCalls.Get().(*ownCall)
		o.on, o.args.Context = a, a.Context
		for i, s := range in {
			o.args.In = append(o.args.In, ir.Memory{Shape: s, Data: a.In[i][:s.ByteSize():s.ByteSize()]})
		}
		for i, s := range out {
			o.args.Out = append(o.args.Out, ir.Memory{Shape: s, Data: a.Out[i][:s.ByteSize():s.ByteSize()]})
		}
		onItsOwn(func() { kernel(&o.args) })
		o.done() // after a panic a worker may still hold it
	}, nil
}

// onItsOwn calls a function of a user's, which may end its goroutine, on one that it may end. It panics if the function does, or does so.
func onItsOwn(fn func()) {
	ended := make(chan *parallel.Panic, 1)
	go func() {
		p := &parallel.Panic{Value: guard.ErrGoexit}
		defer func() { ended <- p }()
		defer func() {
			switch r := recover().(type) {
			case nil:
			case *parallel.Panic: // of a loop's body
				p = r
			default:
				p = &parallel.Panic{Value: r, Stack: string(debug.Stack())}
			}
		}()
		debug.SetPanicOnFault(true)
		fn()
		p = nil
	}()
	if p := <-ended; p != nil {
		panic(p)
	}
}

// ownCall is what a kernel of a user's sees of a call.
type ownCall struct {
	args ir.KernelArgs
	on   *kernels.Args
}

var ownCalls = sync.Pool{New: func() any {
	o := &ownCall{}
	o.args.For = func(n, grain int, body func(lo, hi int)) { o.on.Each(n, grain, body) }
	o.args.Ended = func() bool { return o.on.Ended() }
	return o
}}

func (o *ownCall) done() {
	clear(o.args.In)
	clear(o.args.Out)
	o.args.In, o.args.Out, o.on = o.args.In[:0], o.args.Out[:0], nil
	o.args.Context = nil
	ownCalls.Put(o)
}
