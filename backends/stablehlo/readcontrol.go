package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

func init() {
	define("stablehlo.while", -1, readWhile)
	define("stablehlo.if", 1, readIf)
	define("stablehlo.case", 1, readCase)
	rules["func.call"] = rule{-1, true, func(c *reading) []*graph.Node { return c.function("callee") }}
	rules["stablehlo.composite"] = rule{-1, true, readComposite}
	define("stablehlo.custom_call", -1, readCustomCall)
}

// readComposite reads an operation that a text takes apart for those that do not have it. An operation of CHLO that Quire has is read as that.
func readComposite(c *reading) []*graph.Node {
	name, _ := c.op.attrs["name"].(string)
	r, known := rules[name]
	version, _ := c.op.attrs["version"].(int64)
	op := *c.op
	op.name = name
	op.attrs, _ = c.op.attrs["composite_attributes"].(map[string]any)
	whole := &reading{reader: c.reader, op: &op, in: c.in, scope: c.scope}
	if !known || !strings.HasPrefix(name, "chlo.") || version > 1 || r.operands != len(c.in) || c.lifted > 0 || !whole.taken() {
		return c.function("decomposition")
	}
	whole.carried()
	out := r.emit(whole)
	whole.op = &op // which computes, so that its results are brought to the types of the text: a composite's own would pass on what is there
	return whole.typed(out)
}

// taken reports whether an operation is one that the verifier takes.
func (c *reading) taken() (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, refused := r.(*readError); !refused {
				panic(r)
			}
		}
	}()
	if n := constraintOf(c.op.name).results; n >= 0 && n != len(c.op.out) {
		return false
	}
	(&typed{reading: *c, in: c.op.in, out: c.op.out}).constrained()
	return true
}

// inlined is how many operations a function may be to be written out where it is called. JAX makes functions of
// a line or two, such as relu, across which an engine should be able to fuse.
const inlined = 64

// function calls a function of the module.
func (c *reading) function(attr string) []*graph.Node {
	name, _ := c.op.attrs[attr].(symbol)
	f := c.callee()
	for i, x := range c.in {
		if s, t := x.Shape(), f.body.types[i]; !t.fits(s, c.lifted == 0) {
			c.fail("input %d of @%s must be %s, not %s", i, name, t.text, tensorType(s))
		}
	}
	if c.lifted > 0 || f.size <= inlined || len(c.in) == 0 || f.open { // open sizes may be other ones at every call
		return c.region(f.body, c.in, nil)
	}
	type key struct { // devices may find other numbers of theirs in it, and a program outside of a region for them none
		f             *Func
		fleet, device int
	}
	fn, _ := c.g.State(key{f, c.fleet, c.device}).(*graph.Function)
	if fn == nil {
		fn = graph.NewFunction(c.g, f.Name, func(g *graph.Graph) []*graph.Node {
			params := make([]*graph.Node, len(f.body.types))
			for i, t := range f.body.types {
				params[i] = graph.Parameter(g, fmt.Sprintf("x%d", i), t.shape)
			}
			return c.region(f.body, params, nil)
		})
		c.g.AttachState(key{f, c.fleet, c.device}, fn)
	}
	return fn.Call(c.in...)
}

// callee returns the function that the operation calls.
func (c *reading) callee() *Func {
	for _, attr := range []string{"callee", "decomposition"} {
		if name, ok := c.op.attrs[attr].(symbol); ok {
			if f := c.module.byName[string(name)]; f != nil {
				return f
			}
			c.fail("there is no function @%s", name)
		}
	}
	c.fail("it does not say which function it calls")
	return nil
}

// closure makes a function of a region, whose parameters look like the given nodes.
func (c *reading) closure(r *region, like []*graph.Node) *graph.Function {
	return graph.NewClosure(c.g, func(g *graph.Graph) []*graph.Node {
		args := make([]*graph.Node, len(like))
		for i, x := range like {
			args[i] = graph.Parameter(g, fmt.Sprintf("x%d", i), x.Shape())
		}
		return c.region(r, args, c.scope)
	})
}

func readWhile(c *reading) []*graph.Node {
	c.atLeast(1)
	c.wantRegions(2, len(c.in))
	return graph.While(c.closure(c.op.regions[0], c.in), c.closure(c.op.regions[1], c.in), c.in...)
}

func readIf(c *reading) []*graph.Node {
	c.wantRegions(2, 0)
	return graph.If(c.in[0], c.closure(c.op.regions[0], nil), c.closure(c.op.regions[1], nil))
}

// readCase runs the branch with the number that the operand says, the last one for a number that there is not.
func readCase(c *reading) []*graph.Node {
	n := len(c.op.regions)
	if n == 0 || c.in[0].DType() != dtypes.Int32 || c.in[0].Rank() != 0 {
		c.fail("it needs branches, and an i32 scalar that chooses one")
	}
	c.wantRegions(n, 0)
	number := func(v int) *graph.Node { return graph.Scalar(c.g, dtypes.Int32, v) }
	index := c.in[0]
	if i, known := c.chosen(index, n); known { // the others may be for other platforms, and not to be read
		return c.region(c.op.regions[i], nil, c.scope)
	}
	outside := graph.LogicalOr(graph.LessThan(index, number(0)), graph.GreaterOrEqual(index, number(n)))
	index = graph.Where(outside, number(n-1), index)
	branches := make([]*graph.Function, n)
	for i, r := range c.op.regions {
		branches[i] = c.closure(r, nil)
	}
	return graph.Switch(index, branches...)
}

// chosen returns the branch of n that a constant chooses.
func (c *reading) chosen(index *graph.Node, n int) (i int, known bool) {
	if (folding{}).value(index) == nil {
		return 0, false
	}
	if i = c.constants(0, 1)[0]; i < 0 || i >= n {
		i = n - 1
	}
	return i, true
}

// named are custom calls that are no code of somebody else's, with how many operands they have, or -1.
var named = map[string]routine{
	"shape_assertion": {-1, func(c *reading) []*graph.Node {
		c.shapeAssertion()
		return nil
	}},
	"stablehlo.dynamic_reduce_window": {-1, (*reading).dynamicWindow},
	"stablehlo.dynamic_top_k":         {2, func(c *reading) []*graph.Node { return topK(c.in[0], c.constants(1, 1)[0]) }},
	"ApproxTopK":                      {4, (*reading).approximate},
	"mhlo.erf":                        {1, one(func(c *reading) *graph.Node { return graph.Erf(c.in[0]) })},
}

func init() {
	// Where a value lives, and how; the check of types finds out if there really are several parts.
	for _, name := range strings.Fields("LayoutConstraint annotate_device_placement Sharding SPMDFullToShardShape SPMDShardToFullShape") {
		named[name] = routine{1, func(c *reading) []*graph.Node { return c.in }}
	}
}

// readCustomCall takes the routines of linear algebra that Quire has, and what is no code of somebody else's.
func readCustomCall(c *reading) []*graph.Node {
	target, _ := c.target()
	if r, ok := libraries[target]; ok {
		return c.library(r)
	}
	r, ok := named[target]
	if !ok || r.operands >= 0 && len(c.in) != r.operands {
		c.unknown()
	}
	return r.read(c)
}

// approximate reads what jax.lax.approx_max_k asks for: it takes the k largest elements, or the smallest, and those exactly, as CPUs do.
func (c *reading) approximate() []*graph.Node {
	config, ok := c.op.attrs["mhlo.backend_config"].(map[string]any)
	if !ok {
		config, _ = c.op.attrs["backend_config"].(map[string]any)
	}
	number := func(name string) int {
		v, ok := config[name].(int64)
		if !ok {
			c.fail("the setting %s of its backend_config must be a number", name)
		}
		return c.small(name, v)
	}
	if whole, _ := config["aggregate_to_topk"].(bool); !whole {
		c.fail("it is to return more elements than the best: export with aggregate_to_topk=True")
	}
	x, axis, k := c.in[0], number("reduction_dim"), number("top_k")
	if axis < 0 || axis >= x.Rank() || k < 1 || k > x.Dim(axis) || !c.in[1].Shape().EqualDimensions(x.Shape()) {
		c.fail("there are no %d elements along axis %d of %s", k, axis, tensorType(x.Shape()))
	}
	list, _ := c.op.attrs["called_computations"].([]any)
	var f *Func
	if len(list) == 1 {
		name, _ := list[0].(symbol)
		f = c.module.byName[string(name)]
	}
	if f == nil || len(f.body.args) != 4 || !x.DType().IsFloat() {
		c.fail("it compares floats by a function of the module")
	}
	m := matcher{region: f.body}
	least := false
	switch d := m.comparison(m.returned(0), f.body.args[0], f.body.args[1]); d {
	case "GT", "LT":
		least = d == "LT"
	default:
		c.fail("it compares elements otherwise than by GT or LT")
	}
	if least {
		x = graph.Neg(x)
	}
	values, places := graph.TopK(x, k, axis)
	if least {
		values = graph.Neg(values)
	}
	return []*graph.Node{values, graph.ConvertDType(places, c.in[1].DType())}
}
