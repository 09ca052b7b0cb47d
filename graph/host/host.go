// Package host lets a graph call functions of Go: to read a file, ask a server, draw a batch. A data pipeline and a training step are one
// graph then, whose nodes run side by side where they can.
//
//	pixels := host.Call(g, host.Options{Name: "read", Waits: "files"}, read, []shapes.Shape{shapes.Make(dtypes.Uint8, 28, 28)}, index)
//
// Engines that compute in the memory of this process run such calls: the go engine, and a machine (package backends/machine), which lets
// those that wait not keep a processor. Others refuse the program and name the call.
package host

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
)

// Func is a function that a graph calls. It gets the run's context, and operands that are its own; it returns a tensor for each result,
// of the shape that was promised. Several runs, and several calls of one run, may call it at once.
type Func func(ctx context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error)

// Options say what a call is. The zero value is a function that computes.
type Options struct {
	Name string // in errors and drawings; "host function" unless given

	// Waits names what the function waits for, such as "files" or "http", "" if it computes: a machine runs it beside its
	// workers, as many at a time as its limit of that name allows.
	Waits string
}

// Attrs are the attributes of a call.
type Attrs struct {
	Options
	Fn      Func
	Results []shapes.Shape
}

// String writes what the call is named, as programs show it.
func (a Attrs) String() string {
	name := a.Name
	if name == "" {
		name = "host function"
	}
	if a.Waits != "" {
		return fmt.Sprintf("%s, waits for %s", name, a.Waits)
	}
	return name
}

// Call adds a call of fn on the values of in to g, and returns its results, which have the given shapes:
//
//	y, … = fn(ctx, x, …)
//
// It is called once in each run, even if nobody reads its results; calls that do not take each other's results may run in any order on
// a machine, elsewhere in that of the graph. An error of fn, a panic or a runtime.Goexit ends the run, and names the line of Call. It has no
// gradient: [graph.StopGradient] on operands, or [graph.WithCustomGradient], says what goes back.
//
// Call panics with [graph.Error] if fn is nil, or an operand of another graph.
func Call(g *graph.Graph, o Options, fn Func, results []shapes.Shape, in ...*graph.Node) []*graph.Node {
	if fn == nil {
		graph.Errorf("host.Call: the function is nil: there is nothing to call")
	}
	return graph.ApplyFunctions(g, call, Attrs{o, fn, results}, in)
}

// Call1 is [Call] of a function with one result.
func Call1(g *graph.Graph, o Options, fn Func, result shapes.Shape, in ...*graph.Node) *graph.Node {
	return Call(g, o, fn, []shapes.Shape{result}, in...)[0]
}

var call *ir.Op

func init() {
	call = graph.Define(ir.Op{
		Name: "HostCall", Family: "host", Doc: "what a function of Go returns for x, …", Attrs: Attrs{}, Variadic: true, Effect: ir.Ordered,
		InferMulti: func(attrs any, _ []shapes.Shape) ([]shapes.Shape, error) {
			a := attrs.(Attrs)
			if len(a.Results) == 0 {
				return nil, errors.New("it returns nothing: a call has one result at least")
			}
			return a.Results, nil
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			if err := attrs.(Attrs).run(context.Background(), out, in); err != nil {
				panic(err)
			}
		},
		Kernel: func(c ir.Call) ir.Kernel { return c.Attrs.(Attrs).kernel },
		Waits:  func(attrs any) string { return attrs.(Attrs).Waits },
	}, graph.Rule{NoGrad: "it is a function of Go: graph.StopGradient on its operands stops here, graph.WithCustomGradient says what goes back"})
}

// kernel runs a on the memory of a run.
func (a Attrs) kernel(k *ir.KernelArgs) {
	in, out := make([]*tensors.Tensor, len(k.In)), make([]*tensors.Tensor, len(k.Out))
	for i, m := range k.In {
		in[i] = tensors.FromShape(m.Shape)
		in[i].MustMutableBytes(func(data []byte) { copy(data, m.Data) })
	}
	for i, m := range k.Out {
		out[i] = tensors.FromShape(m.Shape)
	}
	if err := a.run(k.Context, out, in); err != nil {
		panic(err)
	}
	for i, m := range k.Out {
		out[i].MustConstBytes(func(data []byte) { copy(m.Data, data) })
		out[i].Close()
	}
}

// PanicError is what a run says if a function panics.
type PanicError struct {
	Value any    // that it panicked with
	Stack string // where
}

// Error says that the function panicked, and with what.
func (e *PanicError) Error() string { return fmt.Sprintf("the function panicked: %v", e.Value) }

// Unwrap returns the value that the function panicked with, if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// called calls the function, on a goroutine of its own: what it panics with, and that it ends its goroutine, are errors, faults of the
// function and not of the engine.
func (a Attrs) called(ctx context.Context, in []*tensors.Tensor) (out []*tensors.Tensor, err error) {
	err = guard.Apart(func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = &PanicError{r, string(debug.Stack())}
			}
		}()
		out, err = a.Fn(ctx, in)
		return err
	})
	return out, err
}

// run calls the function and copies its results to out.
func (a Attrs) run(ctx context.Context, out, in []*tensors.Tensor) error {
	if a.Fn == nil {
		return fmt.Errorf("%s: there is no function: a program that was written down and read has none", a)
	}
	got, err := a.called(ctx, in)
	if err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	if len(got) != len(out) {
		return fmt.Errorf("%s: it returned %d values, and %d were promised", a, len(got), len(out))
	}
	for i, t := range got {
		if err := t.CheckValid(); err != nil {
			return fmt.Errorf("%s: result %d: %w", a, i, err)
		}
		if !t.Shape().Equal(out[i].Shape()) {
			return fmt.Errorf("%s: result %d is %s, and %s was promised", a, i, t.Shape(), out[i].Shape())
		}
		if err := t.ConstBytes(func(from []byte) { out[i].MustMutableBytes(func(to []byte) { copy(to, from) }) }); err != nil {
			return fmt.Errorf("%s: result %d: %w", a, i, err)
		}
	}
	return nil
}
