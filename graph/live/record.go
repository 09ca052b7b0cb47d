package live

import (
	"encoding/binary"
	"reflect"
	"runtime"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// operation is a function of package graph, or of a user's own, with its settings and for operands of given shapes: what it adds to a
// program. There is one of each kind, so calls of it are told apart by its number.
type operation struct {
	number  uint64
	name    string
	program *ir.Program
	outs    []shapes.Shape
}

// maxOperations is how many operations a session knows before it begins to learn them anew: what was compiled is then compiled again.
const maxOperations = 1 << 14

// record notes a call of fn, which is a function of package graph or made of such ones, and returns its result. What fn closes over is
// told by args and text: functions of the same code that do not differ in these do the same.
func (s *Session) record(fn any, args []int, text string, in ...*Array) *Array {
	for _, x := range in {
		switch {
		case x == nil || x.session == nil:
			return &Array{session: s, err: here(errNil)}
		case x.err != nil:
			return x
		case x.session != s:
			return failed(s, "the arrays belong to two sessions: bring one over with Tensor and Of")
		}
	}
	var room [160]byte
	key := appendKey(room[:0], reflect.ValueOf(fn).Pointer(), args, text, in)
	s.mu.Lock()
	op := s.operations[string(key)]
	site := s.sites.Here()
	s.mu.Unlock()
	if op == nil {
		p, err := trace(in, func(g *graph.Graph, nodes []*graph.Node) []*graph.Node {
			return []*graph.Node{build(fn, args, g, nodes)}
		})
		if err != nil {
			return &Array{session: s, err: err}
		}
		op = s.learn(string(key), nameOf(fn), p)
	}
	a := &Array{session: s, shape: op.outs[0], site: site}
	r := &recorded{}
	r.call.op, r.call.site = op, site
	r.call.in = append(r.room[:0], in...)
	r.state.call = &r.call
	a.state.Store(&r.state)
	return a
}

// appendKey appends what tells calls apart: whose code runs, how it is set, and the shapes of the operands.
func appendKey(key []byte, code uintptr, args []int, text string, in []*Array) []byte {
	key = binary.AppendUvarint(key, uint64(code))
	key = binary.AppendUvarint(key, uint64(len(args)))
	for _, a := range args {
		key = binary.AppendVarint(key, int64(a))
	}
	key = binary.AppendUvarint(key, uint64(len(text)))
	key = append(key, text...)
	for _, x := range in {
		key = append(key, byte(x.shape.DType), byte(len(x.shape.AxisNames)))
		key = binary.AppendUvarint(key, uint64(len(x.shape.Dimensions)))
		for _, d := range x.shape.Dimensions {
			key = binary.AppendUvarint(key, uint64(d))
		}
		for _, name := range x.shape.AxisNames {
			key = binary.AppendUvarint(key, uint64(len(name)))
			key = append(key, name...)
		}
	}
	return key
}

// trace returns what fn adds to a program.
func trace(in []*Array, fn func(g *graph.Graph, nodes []*graph.Node) []*graph.Node) (p *ir.Program, err error) {
	caught := graph.Catch(func() {
		g := graph.NewGraph(nil, "live")
		nodes := make([]*graph.Node, len(in))
		for i, x := range in {
			nodes[i] = graph.Parameter(g, "", x.shape)
		}
		p, err = graph.NewProgram(g, fn(g, nodes)...)
	})
	if caught != nil {
		return nil, caught
	}
	return p, err
}

// build calls a function that is given to [Session.record].
func build(fn any, args []int, g *graph.Graph, nodes []*graph.Node) *graph.Node {
	switch fn := fn.(type) {
	case func(x *graph.Node, axes ...int) *graph.Node:
		return fn(nodes[0], args...)
	case func(x *graph.Node, axis int) *graph.Node:
		return fn(nodes[0], args[0])
	case func(*graph.Node) *graph.Node:
		return fn(nodes[0])
	case func(x, y *graph.Node) *graph.Node:
		return fn(nodes[0], nodes[1])
	case func(x, y, z *graph.Node) *graph.Node:
		return fn(nodes[0], nodes[1], nodes[2])
	case func([]*graph.Node) *graph.Node:
		return fn(nodes)
	}
	return fn.(func(*graph.Graph) *graph.Node)(g)
}

// callAny calls a function of any of the forms that an Exec takes.
func callAny(fn any, g *graph.Graph, nodes []*graph.Node) (outs []*graph.Node) {
	v := reflect.ValueOf(fn)
	t := v.Type()
	var args []reflect.Value
	switch {
	case t.NumIn() == 1 && t.In(0) == reflect.TypeFor[*graph.Graph]():
		if len(nodes) > 0 {
			graph.Errorf("the function takes a graph alone, and is given %d arrays", len(nodes))
		}
		args = append(args, reflect.ValueOf(g))
	case t.NumIn() == 1 && t.In(0) == reflect.TypeFor[[]*graph.Node]():
		args = append(args, reflect.ValueOf(nodes))
	default:
		if t.NumIn() != len(nodes) {
			graph.Errorf("the function takes %d arrays, and is given %d", t.NumIn(), len(nodes))
		}
		for _, n := range nodes {
			args = append(args, reflect.ValueOf(n))
		}
	}
	for _, r := range v.Call(args) {
		switch r := r.Interface().(type) {
		case *graph.Node:
			outs = append(outs, r)
		case []*graph.Node:
			outs = append(outs, r...)
		}
	}
	return outs
}

// learn makes p an operation, unless another goroutine did so meanwhile.
func (s *Session) learn(key, name string, p *ir.Program) *operation {
	for i := range p.Instrs {
		p.Instrs[i].Place = ir.Site{} // it stands where it is called
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if op := s.operations[key]; op != nil {
		return op
	}
	if len(s.operations) >= maxOperations {
		clear(s.operations)
	}
	op := s.number(name, p)
	s.operations[key] = op
	return op
}

// number makes p an operation with a number of its own. s.mu is held.
func (s *Session) number(name string, p *ir.Program) *operation {
	s.numbered++
	return &operation{number: s.numbered, name: name, program: p, outs: p.ShapesOf(p.Outputs)}
}

// nameOf returns the name of the function that was called, without what is around it: "Tanh" of graph.Tanh, "Sum" of a closure within
// Array.Sum.
func nameOf(fn any) string {
	f := runtime.FuncForPC(reflect.ValueOf(fn).Pointer())
	if f == nil {
		return "function"
	}
	name := f.Name()
	name = name[strings.LastIndexByte(name, '/')+1:]
	parts := strings.Split(name, ".")
	for len(parts) > 1 && (strings.HasPrefix(parts[len(parts)-1], "func") || strings.Trim(parts[len(parts)-1], "0123456789") == "") {
		parts = parts[:len(parts)-1] // of closures
	}
	last := parts[len(parts)-1]
	return strings.TrimSuffix(last, "[...]")
}

// Call records what a function that builds a graph computes of xs: arrays, or what [Of] takes. All of packages graph, linalg, random, stats
// and their like can be used so, and functions of one's own, gradients included:
//
//	w, v := live.Call2(linalg.Eigh, a)
//	y := live.Call1(func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Sigmoid(x)) }, x)
//
// fn is of the forms that [graph.NewExec] takes. It is called at once, so that what is wrong in it is an error where Call stands, and its program
// is compared with those of earlier calls: fn may be another one each time, and is compiled again only if it does something else. Numbers of Go
// that fn closes over are constants of its program; what changes from call to call is better an operand.
//
// If fn does not fit xs, Call returns one array with the error. It has as many results as fn otherwise, at least one.
func Call[F graph.ExecGraphFn](fn F, xs ...any) []*Array { return callOn(fn, xs) }

// Call1 is [Call] for functions with one result.
func Call1[F graph.ExecGraphFn](fn F, xs ...any) *Array { return results(1, callOn(fn, xs))[0] }

// Call2 is [Call] for functions with two results.
func Call2[F graph.ExecGraphFn](fn F, xs ...any) (a, b *Array) {
	out := results(2, callOn(fn, xs))
	return out[0], out[1]
}

// Call3 is [Call] for functions with three results.
func Call3[F graph.ExecGraphFn](fn F, xs ...any) (a, b, c *Array) {
	out := results(3, callOn(fn, xs))
	return out[0], out[1], out[2]
}

// results returns out if it has n arrays, and else n with the error that there is, or that says so.
func results(n int, out []*Array) []*Array {
	if len(out) == n && out[0].err == nil {
		return out
	}
	bad := out[0]
	if bad.err == nil {
		bad = failed(bad.session, "the function has %d results, not %d", len(out), n)
	}
	list := make([]*Array, n)
	for i := range list {
		list[i] = bad
	}
	return list
}

// callOn is Call.
func callOn(fn any, xs []any) []*Array {
	s := sessionOf(xs)
	if v := reflect.ValueOf(fn); v.Kind() != reflect.Func || v.IsNil() {
		return []*Array{failed(s, "the function to call is nil")}
	}
	in := make([]*Array, len(xs))
	for i, x := range xs {
		in[i] = s.operand(nil, x)
		if in[i].err != nil {
			return in[i : i+1]
		}
		if in[i].session != s {
			return []*Array{failed(s, "the arrays belong to two sessions: bring one over with Tensor and Of")}
		}
	}
	p, err := trace(in, func(g *graph.Graph, nodes []*graph.Node) []*graph.Node { return callAny(fn, g, nodes) })
	if err != nil {
		return []*Array{{session: s, err: err}}
	}
	return s.add(s.same(nameOf(fn), p), in)
}

// sessionOf returns the session of the first array among xs, the default one without any.
func sessionOf(xs []any) *Session {
	for _, x := range xs {
		if a, ok := x.(*Array); ok && a != nil && a.session != nil {
			return a.session
		}
	}
	return Default()
}

// same returns the operation of a program that is the same as p, which it becomes if there is none.
func (s *Session) same(name string, p *ir.Program) *operation {
	sum := p.Fingerprint()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.traced[sum] {
		if op.program.Same(p) {
			return op
		}
	}
	if s.tracedCount++; s.tracedCount > maxOperations {
		clear(s.traced)
		s.tracedCount = 1
	}
	op := s.number(name, p)
	s.traced[sum] = append(s.traced[sum], op)
	return op
}

// add notes a call of op, and returns an array for each of its results.
func (s *Session) add(op *operation, in []*Array) []*Array {
	s.mu.Lock()
	site := s.sites.Here()
	s.mu.Unlock()
	c := &call{op: op, in: in, site: site}
	out := make([]*Array, len(op.outs))
	for i := range out {
		out[i] = &Array{session: s, shape: op.outs[i], site: site}
		out[i].state.Store(&state{call: c, index: i})
	}
	return out
}

// Grad returns the value of fn, a scalar, at xs, and its gradient with respect to each of them, which are arrays or what [Of] takes:
//
//	loss, grads := live.Grad(func(in []*graph.Node) *graph.Node { return graph.ReduceAllMean(graph.Square(graph.Sub(in[0], in[1]))) }, w, y)
//
// fn is called at once, as [Call] does it. If it does not fit, the value and all gradients hold the error.
func Grad(fn func(xs []*graph.Node) *graph.Node, xs ...any) (value *Array, gradients []*Array) {
	n := len(xs)
	if fn == nil {
		bad := results(1+n, []*Array{failed(sessionOf(xs), "the function to differentiate is nil")})
		return bad[0], bad[1:]
	}
	out := results(1+n, callOn(func(in []*graph.Node) []*graph.Node {
		y, dx := graph.ValueAndGradient(fn, in...)
		return append([]*graph.Node{y}, dx...)
	}, xs))
	return out[0], out[1:]
}

// operand returns v as an array: itself, or one that holds it. Numbers and slices of Go take the dtype of x if there is an x.
func (s *Session) operand(x *Array, v any) *Array {
	switch v := v.(type) {
	case *Array:
		if v == nil || v.session == nil {
			return &Array{session: s, err: here(errNil)}
		}
		return v
	case interface{ Shape() shapes.Shape }: // a tensor, but not a shape
		if _, isShape := v.(shapes.Shape); !isShape {
			return s.Of(v)
		}
	case nil:
		return failed(s, "an operand is nil: want an array, a tensor or a number")
	}
	return s.literal(x, v)
}
