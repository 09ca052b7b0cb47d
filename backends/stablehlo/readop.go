package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// reader adds operations to a graph.
type reader struct {
	g        *graph.Graph
	module   *Module
	checking bool // errors of the graph become errors of the text
	sizes    bool // whole numbers may be sizes: constants are computed at once, so that loops and branches see them too
	fleet    int  // of how many devices operations are added, 0 outside of a region that all of them run
	device   int  // of these the one whose operations are added
	lifted   int  // > 0 while the body of a reduction, written for scalars, is applied to whole tensors
	emitted  int
}

// scope holds the values that a region sees: its own, and those around it.
type scope struct {
	values map[string]*graph.Node
	outer  *scope
}

func (s *scope) find(name string) *graph.Node {
	for ; s != nil; s = s.outer {
		if n := s.values[name]; n != nil {
			return n
		}
	}
	return nil
}

// reading is an operation whose operands are known.
type reading struct {
	*reader
	op    *operation
	in    []*graph.Node
	scope *scope
}

// fail panics with an error that names the operation and its line.
func (c *reading) fail(format string, args ...any) {
	panic(&readError{line: c.op.line, text: fmt.Sprintf("op %q: ", c.op.name) + fmt.Sprintf(format, args...)})
}

// region adds the operations of a region with the given arguments and returns what it returns.
func (r *reader) region(reg *region, args []*graph.Node, outer *scope) []*graph.Node {
	s := &scope{map[string]*graph.Node{}, outer}
	for i, a := range args {
		s.values[reg.args[i]] = a
	}
	for i, op := range reg.ops {
		c := &reading{reader: r, op: op, scope: s}
		c.operands()
		if returns[op.name] {
			if i != len(reg.ops)-1 {
				c.fail("it is not the last of its block")
			}
			return c.in
		}
		for i, n := range c.emit() {
			s.values[op.results[i]] = r.size(n)
		}
	}
	return r.unended(reg)[0]
}

// returns are the operations that end a block.
var returns = map[string]bool{"stablehlo.return": true, "func.return": true, "sdy.return": true}

// unended fails because a block does not end with one.
func (r *reader) unended(reg *region) [][]*graph.Node {
	line := 0
	if n := len(reg.ops); n > 0 {
		line = reg.ops[n-1].line
	}
	panic(&readError{line: line, text: "a block that does not end with a return"})
}

// operands finds the values that the operation takes.
func (c *reading) operands() {
	for _, name := range c.op.operands {
		n := c.scope.find(name)
		if n == nil {
			c.fail("the value %s is not defined", name)
		}
		c.in = append(c.in, n)
	}
}

// emit adds the operation and checks its results against their types.
func (c *reading) emit() (out []*graph.Node) {
	c.guarded(func() {
		rule := rules[c.op.name]
		if c.lifted > 0 && !rule.pointwise {
			c.fail("it cannot be part of the body of a reduction, scatter or sort: Quire takes elementwise operations there")
		}
		op := c.op // whose types are those of the text
		c.carried()
		out = rule.emit(c)
		c.op = op
		out = c.typed(out)
	})
	return out
}

// guarded adds to a graph by f. While a text is checked, errors of the graph are errors of the operation.
func (c *reading) guarded(f func()) {
	if c.checking {
		c.emitted++
		c.bounded()
		defer func() {
			switch e := recover().(type) {
			case nil:
			case *graph.Error:
				text := e.Err.Error()
				if e.Op != "" && len(e.In) > 0 {
					text = (&graph.Error{Op: e.Op, In: e.In, Err: e.Err}).Error()
				}
				panic(&readError{line: c.op.line, text: fmt.Sprintf("op %q: %s", c.op.name, text), err: e})
			case *readError:
				panic(e)
			default:
				panic(fmt.Sprintf("line %d: op %q: %v", c.op.line, c.op.name, e))
			}
		}()
	}
	f()
}

// bounded checks that a short text does not ask for more than a graph can hold. One operation may become many.
func (c *reading) bounded() {
	if !c.checking {
		return
	}
	nodes := 0
	if last := c.g.LastNode(); last != nil {
		nodes = int(last.Id())
	}
	if max(c.emitted, nodes) > maxSize {
		c.fail("the function has become too large: more than %d operations", maxSize)
	}
}

// typed checks that results have the types that the text gives them, and rounds those that it stores in 8 bits or less.
func (c *reading) typed(out []*graph.Node) []*graph.Node {
	if len(out) != len(c.op.results) {
		c.fail("it has %d results, not %d", len(out), len(c.op.results))
	}
	for i, n := range out {
		want := c.op.out[i]
		n = c.onGrid(want, stored(want, n))
		out[i] = n
		if s := n.Shape(); !want.fits(s, c.lifted == 0) {
			c.fail("result %d is %s by its operands, %s in the text", i, tensorType(s), want.text)
		}
	}
	return out
}

// unknown fails because of what a custom call calls.
func (c *reading) unknown() {
	target, _ := c.target()
	text := fmt.Sprintf("op %q (target %q) is not known", c.op.name, target)
	for _, t := range customTargets {
		if strings.HasPrefix(target, t.prefix) {
			text += ": it is " + t.reason
			break
		}
	}
	panic(&readError{line: c.op.line, text: text})
}

// target returns the name of what a custom call calls.
func (c *reading) target() (string, bool) {
	switch t := c.op.attrs["call_target_name"].(type) {
	case symbol:
		return string(t), true
	case string:
		return t, true
	}
	return "", false
}

// rule says how an operation is added to a graph.
type rule struct {
	operands  int  // -1 for any number
	pointwise bool // it means the same for each element, or is a scalar constant
	emit      func(c *reading) []*graph.Node
}

// rules holds every operation that the reader knows. It is filled by init functions, one per family.
var rules = map[string]rule{}

// define adds a rule under a name of the StableHLO dialect, or, with its dialect, of another.
func define(name string, operands int, emit func(c *reading) []*graph.Node) {
	rules[name] = rule{operands: operands, emit: emit}
}

// one makes a rule's function of one with a single result.
func one(f func(c *reading) *graph.Node) func(c *reading) []*graph.Node {
	return func(c *reading) []*graph.Node { return []*graph.Node{f(c)} }
}

// result returns the shape that the text gives for the first result.
func (c *reading) result() shapes.Shape {
	switch {
	case len(c.op.out) > 0 && c.op.out[0].known():
		return c.op.out[0].shape
	case len(c.op.out) > 0 && c.op.out[0].open.DType.IsValid():
		c.fail("the type of its result, %s, leaves a size open, which nothing else says", c.op.out[0].text)
	}
	c.fail("the type of its result is missing")
	return shapes.Shape{}
}

// resultDType returns the dtype that the text gives for the first result.
func (c *reading) resultDType() dtypes.DType {
	if len(c.op.out) > 0 && c.op.out[0].open.DType.IsValid() {
		return c.op.out[0].open.DType
	}
	return c.result().DType
}

// maxAttr bounds the elements of a constant that is an attribute.
const maxAttr = 1 << 12

// ints returns an attribute that is a list of whole numbers, nil if it is missing.
func (c *reading) ints(name string) []int {
	return c.intsOf(name, c.op.attrs[name])
}

func (c *reading) intsOf(name string, attr any) []int {
	var list []int
	switch a := attr.(type) {
	case nil:
		return nil
	case numbers:
		list = make([]int, len(a))
		for i, v := range a {
			list[i] = c.small(name, v)
		}
	case []any:
		list = make([]int, 0, len(a))
		for _, v := range a {
			if inner, ok := v.([]any); ok { // [[0, 1], [2, 3]] is flattened
				list = append(list, c.intsOf(name, inner)...)
				continue
			}
			if b, ok := v.(bool); ok {
				v = int64(0)
				if b {
					v = int64(1)
				}
			}
			n, ok := v.(int64)
			if !ok {
				c.fail("the attribute %s must hold whole numbers", name)
			}
			list = append(list, c.small(name, n))
		}
	case denseAttr:
		t, err := a.value()
		if err == nil && (a.typ.shape.Size() > maxAttr || !a.typ.shape.DType.IsInt() && a.typ.shape.DType != dtypes.Bool) {
			err = fmt.Errorf("it must be a short list of whole numbers")
		}
		if err == nil {
			t, err = t.ConvertDType(dtypes.Int64)
		}
		if err != nil {
			c.fail("the attribute %s: %v", name, err)
		}
		flat := tensors.MustCopyFlatData[int64](t)
		if len(flat) == 1 {
			flat = slices.Repeat(flat, a.typ.shape.Size())
		}
		return c.intsOf(name, numbers(flat))
	default:
		c.fail("the attribute %s must be a list of whole numbers", name)
	}
	return list
}

// small returns a number that is a size or a place in a tensor.
func (c *reading) small(name string, v int64) int {
	if v > 1<<46 || v < -1<<46 {
		c.fail("the attribute %s: %d is beyond any tensor", name, v)
	}
	return int(v)
}

// perAxis returns a list of n numbers, which are all missing if the attribute is not there.
func (c *reading) perAxis(name string, n, missing int) []int {
	list := c.ints(name)
	if list == nil {
		return slices.Repeat([]int{missing}, n)
	}
	if len(list) != n {
		c.fail("the attribute %s has %d elements, not %d", name, len(list), n)
	}
	return list
}

// axes checks that list names axes of a value with the given rank, each at most once.
func (c *reading) axes(name string, list []int, rank int) []int {
	seen := map[int]bool{}
	for _, a := range list {
		if a < 0 || a >= rank || seen[a] {
			c.fail("the attribute %s: %v are not different axes of %d", name, list, rank)
		}
		seen[a] = true
	}
	return list
}

// int returns an attribute that is a whole number.
func (c *reading) int(name string, missing int) int {
	switch v := c.op.attrs[name].(type) {
	case nil:
		return missing
	case int64:
		return c.small(name, v)
	}
	c.fail("the attribute %s must be a whole number", name)
	return 0
}

// axis returns an attribute that is an axis of a value with the given rank.
func (c *reading) axis(name string, rank int) int {
	a := c.int(name, -1)
	if a < 0 || a >= rank {
		c.fail("the attribute %s: %d is not an axis of %d", name, a, rank)
	}
	return a
}

func (c *reading) bool(name string) bool {
	b, _ := c.op.attrs[name].(bool)
	return b
}

// word returns an attribute that is one of a few words, "" if it is missing.
func (c *reading) word(name string) string {
	switch w := c.op.attrs[name].(type) {
	case keyword:
		return string(w)
	case string:
		return w
	}
	return ""
}

// wantRegions checks that the operation has n regions with the given number of arguments each.
func (c *reading) wantRegions(n, args int) {
	if len(c.op.regions) != n {
		c.fail("%d regions, not %d", len(c.op.regions), n)
	}
	for _, r := range c.op.regions {
		if len(r.args) != args {
			c.fail("a region with %d arguments, not %d", len(r.args), args)
		}
	}
}

// lift applies the region of a reduction, which is written for scalars, to tensors of one shape, element by element.
func (c *reading) lift(r *region, args []*graph.Node) []*graph.Node {
	c.lifted++
	out := wideAll(c.region(r, args, c.scope))
	c.lifted--
	for i, y := range out {
		out[i] = to(y, args[0].Shape())
	}
	return out
}

// to broadcasts a scalar to a shape.
func to(x *graph.Node, s shapes.Shape) *graph.Node {
	if x.Rank() == 0 && s.Rank() > 0 {
		return graph.BroadcastToDims(x, s.Dimensions...)
	}
	return x
}

// alike broadcasts those of xs that are scalars to the shape of the others.
func alike(xs ...*graph.Node) []*graph.Node {
	out := slices.Clone(xs)
	for _, x := range xs {
		if x.Rank() > 0 {
			for i := range out {
				out[i] = to(out[i], x.Shape())
			}
			break
		}
	}
	return out
}
