package viz

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// traced is what calling a graph-building function without a backend brought to light.
type traced struct {
	g       *graph.Graph
	inputs  []*graph.Node
	outputs []*graph.Node
	fn      reflect.Value
	sized   *sized // nil if all sizes are numbers
	err     error
	pcs     []uintptr // where a panic that is no graph.Error came from
}

var (
	nodeType  = reflect.TypeFor[*graph.Node]()
	nodesType = reflect.TypeFor[[]*graph.Node]()
	graphType = reflect.TypeFor[*graph.Graph]()
	scopeType = reflect.TypeFor[*model.Scope]()
)

// traceFunc calls fn, which builds a graph, on parameters of the given shapes. fn may take a *graph.Graph first,
// then nodes or a slice of nodes, and return nodes. inputs are shapes, or values that have one, and values for
// parameters that are no nodes; a first parameter that is a model's scope is that of a new store if none is given.
// An error in fn is in the result; the error returned speaks of a wrong call.
func traceFunc(fn any, inputs []any) (*traced, error) {
	f := reflect.ValueOf(fn)
	if f.Kind() != reflect.Func {
		return nil, fmt.Errorf("want a function that builds a graph, not a %T", fn)
	}
	if f.IsNil() {
		return nil, fmt.Errorf("the function is nil")
	}
	given, inputs := takeOthers(f.Type(), inputs)
	if t := f.Type(); t.NumIn() > 0 && t.In(0) == scopeType && !given[0].IsValid() {
		given[0] = reflect.ValueOf(model.NewStore().RootScope())
	}
	in, err := inputShapes(inputs)
	if err != nil {
		return nil, err
	}
	tr := &traced{g: graph.NewGraph(nil, funcName(f)), fn: f}
	names := paramNames(f)
	for i, s := range in {
		name := fmt.Sprintf("x%d", i)
		if i < len(names) && tr.g.GetParameterByName(names[i]) == nil {
			name = names[i]
		}
		tr.inputs = append(tr.inputs, graph.Parameter(tr.g, name, s))
	}
	args, err := tr.arguments(given)
	if err != nil {
		return nil, err
	}
	t := f.Type()
	for i := range t.NumOut() {
		if o := t.Out(i); o != nodeType && o != nodesType && !(i == t.NumOut()-1 && o == reflect.TypeFor[error]()) {
			return nil, fmt.Errorf("the function returns a %s: want nodes", o)
		}
	}
	tr.call(args)
	return tr, nil
}

// takeOthers returns, by parameter of a function, the inputs that are passed as they are, since the parameter is
// no node: a model's scope; and the inputs that are left.
func takeOthers(t reflect.Type, inputs []any) (given map[int]reflect.Value, left []any) {
	given, left = map[int]reflect.Value{}, slices.Clone(inputs)
	for i := range t.NumIn() {
		p := t.In(i)
		if p == graphType || p == nodeType || p == nodesType || p == reflect.TypeFor[any]() {
			continue
		}
		for k, v := range left {
			if v != nil && reflect.TypeOf(v).AssignableTo(p) {
				given[i] = reflect.ValueOf(v)
				left = slices.Delete(left, k, k+1)
				break
			}
		}
	}
	return given, left
}

// arguments fits the inputs to the function's parameters.
func (tr *traced) arguments(given map[int]reflect.Value) ([]reflect.Value, error) {
	t := tr.fn.Type()
	var args []reflect.Value
	left := tr.inputs
	for i := range t.NumIn() {
		switch p := t.In(i); {
		case given[i].IsValid():
			args = append(args, given[i])
		case p == graphType:
			args = append(args, reflect.ValueOf(tr.g))
		case p == nodeType:
			if len(left) == 0 {
				return nil, fmt.Errorf("the function takes more than the %s given", amount(len(tr.inputs), "input"))
			}
			args = append(args, reflect.ValueOf(left[0]))
			left = left[1:]
		case p == nodesType:
			args = append(args, reflect.ValueOf(left))
			left = nil
		default:
			return nil, fmt.Errorf("parameter %d of the function is a %s: give one among the inputs, or wrap the function in one of nodes", i, p)
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("the function takes %s, not the %d given", amount(len(tr.inputs)-len(left), "input"), len(tr.inputs))
	}
	return args, nil
}

func (tr *traced) call(args []reflect.Value) {
	defer func() {
		r := recover()
		switch x := r.(type) {
		case nil:
			return
		case *graph.Error:
			tr.err = x
		case error:
			tr.err = x
		default:
			tr.err = fmt.Errorf("%v", r)
		}
		var pcs [64]uintptr
		tr.pcs = append(tr.pcs, pcs[:runtime.Callers(2, pcs[:])]...) // of the place of the panic: the stack still stands
	}()
	var out []reflect.Value
	if tr.fn.Type().IsVariadic() {
		out = tr.fn.CallSlice(args)
	} else {
		out = tr.fn.Call(args)
	}
	for _, o := range out {
		switch v := o.Interface().(type) {
		case *graph.Node:
			if v != nil {
				tr.outputs = append(tr.outputs, v)
			}
		case []*graph.Node:
			tr.outputs = append(tr.outputs, v...)
		case error:
			tr.err = v
		}
	}
}

// flow returns the computation: the function's inputs are inputs, the other parameters that it made variables.
func (tr *traced) flow() *flow {
	f := fromGraph(tr.g, tr.outputs, pcName(tr.fn.Pointer()))
	for _, n := range f.nodes {
		if !n.given {
			continue
		}
		n.input = false
		for _, x := range tr.inputs {
			if int(x.Id()) == n.id {
				n.input, n.pos = true, "" // made on the reader's behalf
			}
		}
		n.param = !n.input
	}
	tr.sized.write(f)
	return f
}

// inputShapes returns the shapes of shapes, tensors, nodes, and Go values.
func inputShapes(inputs []any) ([]shapes.Shape, error) {
	var out []shapes.Shape
	for i, v := range inputs {
		if h, ok := v.(shapes.HasShape); ok && !isNil(v) {
			out = append(out, h.Shape())
			continue
		}
		t, err := tensors.FromAnyValue(v)
		if err != nil {
			return nil, fmt.Errorf("input %d: want a shape, a tensor or a Go value: %w", i, err)
		}
		out = append(out, t.Shape())
	}
	for i, s := range out {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	return out, nil
}
