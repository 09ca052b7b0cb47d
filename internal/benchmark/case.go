package main

import (
	"math/rand/v2"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// benchCase is one thing that is measured: the same computation, under the same name, as in the peers' programs.
type benchCase struct {
	name  string
	group string // its heading in the table

	// What a call does, for rates: floating-point (or int8) operations of the useful work, a multiplication and an addition
	// counting one each, or elements that come out. Either may be 0.
	flops, elements float64

	// prepare builds and compiles, and returns what is measured.
	prepare func(m *maker) (*work, error)

	// probe is not nil for a limit of the machine, which is measured by the engine: how much of it there is in a second.
	probe func(p capability.Peaks) float64
}

// work is a case that is ready to run.
type work struct {
	call  func() error
	bytes float64 // that a call must move: its arguments and results, each once; 0 if that is not told
	close func()
}

// maker makes what cases consist of, for one engine.
type maker struct {
	backend graph.Backend
	rng     *rand.Rand
}

// cases returns all of them, in the order of the table.
func cases() []*benchCase {
	return slices.Concat(peaks(), fifteen(), products(), attentions(), crossEntropies(), convolutions(), functions(), movements(), models(), zoo())
}

// normal returns normally distributed numbers of standard deviation 0.5, so that exponentials of sums stay finite.
func (m *maker) normal(dims ...int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	for i := range tensors.Flat[float32](t) {
		tensors.Flat[float32](t)[i] = float32(m.rng.NormFloat64()) / 2
	}
	return t
}

// converted returns t in another dtype.
func converted(t *tensors.Tensor, dtype dtypes.DType) (*tensors.Tensor, error) {
	defer t.Close()
	return t.ConvertDType(dtype)
}

// integers returns uniform numbers from 0 to below, as int32.
func (m *maker) integers(below int, dims ...int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Int32, dims...))
	for i := range tensors.Flat[int32](t) {
		tensors.Flat[int32](t)[i] = m.rng.Int32N(int32(below))
	}
	return t
}

// exec compiles fn for the arguments. A call runs it on them and lets go of its results.
func (m *maker) exec(fn func(in []*graph.Node) []*graph.Node, args ...*tensors.Tensor) (*work, error) {
	e, err := graph.NewExec(m.backend, fn)
	if err != nil {
		return nil, err
	}
	return execWork(e, args)
}

// execWork returns the work of calling e.
func execWork(e *graph.Exec, args []*tensors.Tensor) (*work, error) {
	w := &work{close: func() { e.Close() }}
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
		w.bytes += float64(a.Shape().ByteSize())
	}
	results, err := e.Call(list...)
	if err != nil {
		e.Close()
		return nil, err
	}
	for _, r := range results {
		w.bytes += float64(r.Shape().ByteSize())
		r.Close()
	}
	w.call = func() error {
		results, err := e.Call(list...)
		for _, r := range results {
			r.Close()
		}
		return err
	}
	return w, nil
}

// modelWork returns the work of calling e on a model's variables, each of which a call must read.
func modelWork(e *model.Exec, args ...*tensors.Tensor) (*work, error) {
	w, err := execWork(e.Exec, args)
	if err != nil {
		return nil, err
	}
	for v := range e.Store().IterVariables() {
		w.bytes += float64(v.Shape().ByteSize())
	}
	return w, nil
}

// unary is the case of a function of one array.
func unary(group, name string, fn func(x *graph.Node) *graph.Node, dims ...int) *benchCase {
	elements := 1.0
	for _, n := range dims {
		elements *= float64(n)
	}
	return &benchCase{name: name, group: group, elements: elements, prepare: func(m *maker) (*work, error) {
		return m.exec(func(in []*graph.Node) []*graph.Node { return []*graph.Node{fn(in[0])} }, m.normal(dims...))
	}}
}

// one wraps a function with one result.
func one(fn func(in []*graph.Node) *graph.Node) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node { return []*graph.Node{fn(in)} }
}
