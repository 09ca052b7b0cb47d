package model

import (
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/names"
)

// results are what the scopes of a graph have said of their results, while a function runs that [Capture] looks into.
type results struct {
	asked []pattern
	paths []string // in the order in which they were told
	nodes map[string]*graph.Node
}

// resultsKey is the key of a graph's results.
type resultsKey struct{ store *Store }

// resultsOf returns those of a graph, nil if nobody asks for any.
func (s *Store) resultsOf(g *graph.Graph) *results {
	r, _ := g.State(resultsKey{s}).(*results)
	return r
}

// Result says that y is what the layer of this scope makes, and returns it, or what [Store.WrapResults] makes of it. All
// layers of package layers call it; a block of several of them does so at its end, and can then be looked at by its path with
// [Capture], too:
//
//	func block(scope *model.Scope, x *graph.Node) *graph.Node {
//		y := layers.SelfAttention(scope.In("attn"), x, 4, 16).Done()
//		return scope.Result(graph.Add(x, y))
//	}
//
// Where a scope is used several times, by [Scope.Shared], its last result is meant. Results inside of loops are not kept.
func (s *Scope) Result(y *graph.Node) *graph.Node {
	s.made()
	if y == nil {
		graph.Errorf("scope %q: its result is nil", s.path)
	}
	if !s.wrapped {
		y = s.store.wrapResult(s, y)
		s.recompute(y)
	}
	if r := s.store.resultsOf(y.Graph()); r != nil && y.Function().IsMain() {
		if r.nodes[s.path] == nil {
			r.paths = append(r.paths, s.path)
		}
		r.nodes[s.path] = y
	}
	return y
}

// Captured reports whether somebody wants to see the result at a path below this scope in a graph, see [Capture]: for what a
// layer would not compute otherwise, such as the coefficients of attention.
func (s *Scope) Captured(g *graph.Graph, name string) bool {
	r := s.made().store.resultsOf(g)
	return r != nil && slices.ContainsFunc(r.asked, func(p pattern) bool { return p.matches(JoinPath(s.path, name)) })
}

// Capture returns a function that builds what fn builds, and returns what the layers at the given paths make in it: hidden
// states, feature maps, maps of attention. The model stays as it is:
//
//	hidden := model.MustNewExec(backend, store, model.Capture(modelFn, "block0/attn", "block0/attn/coefficients"))
//	maps, err := hidden.Call(tokens)
//
// A path is that of a scope whose layer tells its result ([Scope.Result]), as all layers of package layers do. Without a slash
// at its beginning it is the end of a path; its elements may hold the wildcards of [path.Match], and "encoder/..." is all that
// lies below. Results come in the order of paths, those of one pattern in the order in which they were built.
//
// Building panics with [graph.Error] if nothing has a path, and tells what there is.
func Capture[F ExecGraphFn](fn F, paths ...string) func(scope *Scope, inputs []*graph.Node) []*graph.Node {
	return func(scope *Scope, inputs []*graph.Node) []*graph.Node {
		return capture(scope, reflect.ValueOf(fn), inputs, paths)
	}
}

func capture(scope *Scope, fn reflect.Value, inputs []*graph.Node, paths []string) []*graph.Node {
	store, r := scope.made().store, &results{nodes: map[string]*graph.Node{}}
	for _, p := range paths {
		if err := checkPattern("Capture", p); err != nil {
			graph.Errorf("%w", err)
		}
		r.asked = append(r.asked, pattern(p))
	}
	switch {
	case fn.IsNil():
		graph.Errorf("model.Capture: the function is nil")
	case len(paths) == 0:
		graph.Errorf("model.Capture: there are no paths: say what to return, such as \"block0/attn\"")
	}
	g, args := arguments(scope, fn.Type(), inputs)
	before := g.State(resultsKey{store})
	g.AttachState(resultsKey{store}, r)
	fn.Call(args)
	g.AttachState(resultsKey{store}, before)
	return r.matching()
}

// arguments returns the graph of a call of fn, and what it is called with.
func arguments(scope *Scope, fn reflect.Type, inputs []*graph.Node) (*graph.Graph, []reflect.Value) {
	args := []reflect.Value{reflect.ValueOf(scope)}
	var g *graph.Graph
	if scope.vars != nil {
		g = scope.vars.graph
	} else if len(inputs) > 0 {
		g = inputs[0].Graph()
	}
	if g == nil {
		graph.Errorf("model.Capture: the function has no inputs, and its scope is of no Exec: the graph is not known")
	}
	switch first := fn.In(1); {
	case first == reflect.TypeFor[*graph.Graph]():
		return g, append(args, reflect.ValueOf(g))
	case first == reflect.TypeFor[[]*graph.Node]():
		return g, append(args, reflect.ValueOf(inputs))
	case fn.NumIn()-1 != len(inputs):
		graph.Errorf("model.Capture: the function takes %d inputs, and gets %d", fn.NumIn()-1, len(inputs))
	}
	for _, x := range inputs {
		args = append(args, reflect.ValueOf(x))
	}
	return g, args
}

// matching returns what was asked for.
func (r *results) matching() (found []*graph.Node) {
	for _, p := range r.asked {
		before := len(found)
		for _, path := range r.paths {
			if p.matches(path) {
				found = append(found, r.nodes[path])
			}
		}
		if len(found) == before {
			graph.Errorf("model.Capture: no scope %q has told its result%s (there are: %s; a function of yours tells it with Scope.Result)", string(p), names.Hint(string(p), r.paths), strings.Join(r.paths, ", "))
		}
	}
	return found
}
