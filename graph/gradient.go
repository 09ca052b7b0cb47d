package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/arena"
)

// Gradient returns the gradients of output, a float scalar, with respect to each of the given nodes: for
// node x a node of x's shape and dtype that holds ∂output/∂x. It is made of ops, so gradients of
// gradients work. A node that output does not depend on, or only through integers, bools, [StopGradient]
// or piecewise constant ops, has gradient zero.
//
// For complex x = a + ib the result is ∂output/∂a - i ∂output/∂b, so that holomorphic ops keep the
// formula of the real ones; a step against the gradient goes along its conjugate.
//
// It panics with [Error] if output is not a float scalar, if a node is neither float nor complex, or if
// an op without a gradient lies on the way; the error names that op and its line.
//
// Source: reverse-mode automatic differentiation, Griewank and Walther, "Evaluating Derivatives", 2008, ch. 3.
func Gradient(output *Node, gradientNodes ...*Node) []*Node {
	g := output.Graph()
	if s := output.Shape(); s.Rank() != 0 || !s.DType.IsFloat() {
		g.fail("Gradient", []shapes.Shape{s}, fmt.Errorf("the output must be a float scalar (reduce it with ReduceAllSum or ReduceAllMean)"))
	}
	return VJP([]*Node{output}, []*Node{ScalarOne(g, output.DType())}, gradientNodes)
}

// VJP returns the vector-Jacobian products of outputs: for each node x in wrt the sum over the outputs of
// cotangentᵀ · ∂output/∂x, of x's shape. cotangents have the shapes of the outputs; nil stands for zero.
// With one scalar output and cotangent 1 this is [Gradient], whose other rules hold here too.
func VJP(outputs, cotangents, wrt []*Node) []*Node {
	g := checkCotangents(outputs, cotangents)
	for i, x := range wrt {
		if x == nil || x.graph != g {
			g.fail("Gradient", nil, fmt.Errorf("node %d to differentiate by is nil or of another graph", i))
		}
		g.current.reaches(x)
		if !isInexact(x.DType()) {
			g.fail("Gradient", []shapes.Shape{x.Shape()}, fmt.Errorf("node %d (%s) to differentiate by must be float or complex", i, x.op.Name))
		}
	}
	grads := pullOut(g, outputs, cotangents, wrt)
	for i, x := range wrt {
		if grads[i] == nil {
			grads[i] = ZerosLike(x)
		}
	}
	return grads
}

// checkCotangents returns the graph of outputs, which have the shapes of cotangents; it panics with Error.
func checkCotangents(outputs, cotangents []*Node) *Graph {
	if len(outputs) == 0 {
		panic(&Error{Op: "VJP", Err: fmt.Errorf("no outputs to differentiate"), pcs: callSite()})
	}
	g := outputs[0].Graph()
	if len(cotangents) != len(outputs) {
		g.fail("VJP", nil, fmt.Errorf("%d cotangents for %d outputs (nil stands for zero)", len(cotangents), len(outputs)))
	}
	for i, y := range outputs {
		dy := cotangents[i]
		if y == nil || y.graph != g || dy != nil && dy.graph != g {
			g.fail("VJP", nil, fmt.Errorf("output %d or its cotangent is nil or of another graph", i))
		}
		g.current.reaches(y)
		if dy != nil && !dy.Shape().Equal(y.Shape()) {
			g.fail("VJP", []shapes.Shape{y.Shape(), dy.Shape()}, fmt.Errorf("the cotangent of output %d must have its shape", i))
		}
	}
	return g
}

// pullOut carries the cotangents of outs back to wrt, within the current function and those around it: what the cotangents of nodes
// that a function uses from around it are, goes on there. The result holds nil where nothing arrives.
func pullOut(g *Graph, outs, cotangents, wrt []*Node) []*Node {
	outside := func(x *Node) bool { return x.fn != g.current }
	if !slices.ContainsFunc(outs, outside) && !slices.ContainsFunc(wrt, outside) {
		return pull(g, outs, cotangents, wrt)
	}
	d := dependenceOn(g, wrt)
	grads := make([]*Node, len(wrt))
	for f := g.current; f != nil && d[f] != nil; f = f.parent {
		var here, hereCotangents, outside, outsideCotangents, targets []*Node
		for i, y := range outs {
			switch {
			case cotangents[i] == nil:
			case y.fn == f:
				here, hereCotangents = append(here, y), append(hereCotangents, cotangents[i])
			default:
				outside, outsideCotangents = append(outside, y), append(outsideCotangents, cotangents[i])
			}
		}
		if len(here) > 0 {
			var index []int // of wrt
			for i, x := range wrt {
				if x.fn == f {
					index, targets = append(index, i), append(targets, x)
				}
			}
			var captured []*Node
			for _, outer := range f.captured {
				if d.on(outer) && isInexact(outer.DType()) {
					captured, targets = append(captured, outer), append(targets, f.inner[outer])
				}
			}
			list := pullThrough(f, here, hereCotangents, targets)
			for k, i := range index {
				grads[i] = list[k]
			}
			outside, outsideCotangents = append(outside, captured...), append(outsideCotangents, list[len(index):]...)
		}
		outs, cotangents = outside, outsideCotangents
	}
	return grads
}

// dependence tells, for the current function and those around it as far as need be, which of their nodes depend on some.
type dependence map[*Function][]bool

// dependenceOn returns what depends on nodes of the current function and of those around it.
func dependenceOn(g *Graph, nodes []*Node) dependence {
	var chain []*Function // the current one first
	last := 0
	for f := g.current; f != nil; f = f.parent {
		chain = append(chain, f)
		if slices.ContainsFunc(nodes, func(x *Node) bool { return x.fn == f }) {
			last = len(chain)
		}
	}
	d := dependence{}
	for _, f := range slices.Backward(chain[:last]) {
		on := make([]bool, len(f.nodes))
		d[f] = on
		for _, x := range nodes {
			if x.fn == f {
				on[x.index] = true
			}
		}
		for _, outer := range f.captured {
			on[f.inner[outer].index] = d.on(outer)
		}
		for i, n := range f.nodes[:len(on)] {
			on[i] = on[i] || slices.ContainsFunc(n.inputs, func(x *Node) bool { return on[x.index] })
		}
	}
	return d
}

// on reports whether a node of one of the functions depends on some of the nodes.
func (d dependence) on(n *Node) bool {
	list := d[n.fn]
	return n.index < len(list) && list[n.index]
}

// pull carries the cotangents of outs back to wrt, within the current function. The result holds nil
// where nothing arrives.
func pull(g *Graph, outs, cotangents, wrt []*Node) []*Node {
	return pullThrough(g.current, outs, cotangents, wrt)
}

// pullThrough is pull for nodes of f, which may be a function around the current one: what it adds to that uses nodes of f as
// any from around it.
func pullThrough(f *Function, outs, cotangents, wrt []*Node) []*Node {
	g := f.graph
	low, high := len(f.nodes), 0
	local := make([]*Node, len(wrt))
	for i, x := range wrt {
		local[i] = f.local(x)
		low = min(low, local[i].index)
	}
	ys := make([]*Node, len(outs))
	for i, y := range outs {
		if cotangents[i] != nil {
			ys[i] = f.local(y)
			high = max(high, ys[i].index+1)
		}
	}
	d := &gradients{low: low, list: make([]*Node, max(0, high-low))}
	for i, y := range ys {
		if y != nil && y.index >= low {
			d.add(y, g.current.local(cotangents[i]))
		}
	}
	// on[n-low] tells whether n depends on any of wrt: others need no gradient, and no complaint.
	on := make([]bool, max(0, high-low))
	for _, x := range local {
		if x.index < high {
			on[x.index-low] = true
		}
	}
	isOn := func(n *Node) bool { return n.index >= low && n.index < high && on[n.index-low] }
	for i := low; i < high; i++ {
		on[i-low] = on[i-low] || slices.ContainsFunc(f.nodes[i].inputs, isOn)
	}
	outermost := !g.goingBack
	g.goingBack = true
	defer func() { g.goingBack = !outermost }()
	g.at(slices.Backward(f.nodes[min(low, high):high]), func(n *Node) {
		begin := NodeId(len(g.nodes))
		sum := d.settle(n)
		if on[n.index-low] && n.op != output && slices.ContainsFunc(n.inputs, isOn) {
			d.backward(n, isOn)
		}
		if outermost && f == g.main {
			g.wentBack(n, sum, begin)
		}
	})
	result := make([]*Node, len(wrt))
	for i, x := range local {
		if x.index < high {
			result[i] = *d.of(x)
		}
	}
	return result
}

// backward adds to d what n's operands get from n's results.
func (d *gradients) backward(n *Node, isOn func(*Node) bool) {
	dys := arena.Take(&n.graph.lists, n.numResults())
	any := false
	for i := range dys {
		if y := n.result(i); isInexact(y.DType()) && y.index-d.low < len(d.list) {
			dys[i] = *d.of(y)
		}
		any = any || dys[i] != nil
	}
	if !any {
		return
	}
	again, on := d.again(n), isOn
	if again != n {
		on = func(x *Node) bool { return isOn(n.inputs[slices.Index(again.inputs, x)]) }
	}
	for i, dx := range again.vjp(dys, on) {
		x := n.inputs[i]
		if dx == nil || !isOn(x) || !isInexact(x.DType()) {
			continue
		}
		if !dx.Shape().Equal(x.Shape()) {
			panic(fmt.Sprintf("graph: gradient of %s for operand %d has shape %s, not %s", n.op.Name, i, dx.Shape(), x.Shape()))
		}
		d.add(x, nameLike(dx, x.Shape())) // names that y got elsewhere must not meet
	}
}

// vjp returns the gradients for n's operands, given those of its results. Only those of operands that are on are asked for.
func (n *Node) vjp(dys []*Node, isOn func(x *Node) bool) []*Node {
	rule := ruleOf[n.op]
	switch {
	case n.custom != nil:
		return n.custom.pull(n, dys)
	case rule.vjpOf != nil:
		want := make([]bool, len(n.inputs))
		for i, x := range n.inputs {
			want[i] = isInexact(x.DType()) && isOn(x)
		}
		return rule.vjpOf(n, dys, want)
	case rule.VJP != nil:
		return rule.VJP(n, dys[0])
	case rule.VJPMulti != nil:
		return rule.VJPMulti(n.Results(), dys)
	case rule.ZeroGrad != "":
		return nil
	case rule.NoGrad != "":
		panic(&Error{Op: n.op.Name, In: inShapes(n.inputs), Err: fmt.Errorf("it has no gradient: %s", rule.NoGrad), pcs: n.site.Calls()})
	case rule.Expand != nil:
		ins := fresh(n.inputs)
		return pull(n.graph, rule.Expand(n.attrs, ins), dys, ins)
	}
	panic(&Error{Op: n.op.Name, In: inShapes(n.inputs), Err: errors.New("it has neither a gradient nor a reason for having none: define it with graph.Define and a Rule"), pcs: n.site.Calls()})
}

// fresh returns new nodes of the same values, to stop a pull at them.
func fresh(xs []*Node) []*Node {
	out := make([]*Node, len(xs))
	for i, x := range xs {
		out[i] = x.graph.add(identity, nil, []*Node{x.graph.current.local(x)}, x.outs)
	}
	return out
}

// IdentityWithCustomGradient returns x with a gradient of the caller's own: gradientFn maps x and v, the
// gradient with respect to the result, to the gradient with respect to x, of x's shape.
func IdentityWithCustomGradient(x *Node, gradientFn func(x, v *Node) *Node) *Node {
	if gradientFn == nil {
		x.Graph().fail("IdentityWithCustomGradient", nil, fmt.Errorf("the gradient function is nil"))
	}
	return WithCustomGradient([]*Node{x}, func(in []*Node) []*Node { return in }, func(in, _, dys []*Node) []*Node {
		return []*Node{gradientFn(in[0], dys[0])}
	})[0]
}

// WithCustomGradient returns the results of forward(inputs) with a gradient of the caller's own:
// backward(inputs, outputs, dOutputs) returns the gradient of the loss with respect to each input (nil
// for none), given that with respect to each output (zeros where none arrives). It must be linear in the latter:
// [JVP] uses its transpose. It panics with [Error] if backward returns another number of gradients or other shapes.
func WithCustomGradient(inputs []*Node, forward func(in []*Node) []*Node, backward func(in, out, dOut []*Node) []*Node) []*Node {
	return customOf(customOp, inputs, forward, &customRule{"WithCustomGradient", false, backward})
}

// WithCustomTangent returns the results of forward(inputs) with a derivative of the caller's own, said forward:
// tangent(inputs, outputs, dInputs) returns how each output changes (nil for not at all), given how each input does (zeros where it does
// not). It must be linear in the latter: gradients use its transpose. Of a derivative that is easier to say backwards see
// [WithCustomGradient]. It panics with [Error] if tangent returns another number of tangents or other shapes.
func WithCustomTangent(inputs []*Node, forward func(in []*Node) []*Node, tangent func(in, out, dIn []*Node) []*Node) []*Node {
	return customOf(customOp, inputs, forward, &customRule{"WithCustomTangent", true, tangent})
}

// customOf returns the results of forward with derivatives by a rule.
func customOf(op *ir.Op, inputs []*Node, forward func(in []*Node) []*Node, r *customRule) []*Node {
	for i, x := range inputs {
		if x == nil || x.graph == nil {
			panic(&Error{Op: r.op, Err: fmt.Errorf("input %d is nil", i), pcs: callSite()})
		}
	}
	if len(inputs) == 0 || forward == nil || r.fn == nil {
		panic(&Error{Op: r.op, Err: fmt.Errorf("there are no inputs, or one of the two functions is nil"), pcs: callSite()})
	}
	outs := forward(inputs)
	if len(outs) == 0 {
		inputs[0].graph.fail(r.op, nil, fmt.Errorf("the function returned no results"))
	}
	need(r.op, outs...)
	values := append(slices.Clone(inputs), outs...)
	return withRules([]*customRule{r}).of(ApplyMulti(op, ir.CustomAttrs{NumInputs: len(inputs)}, values...))
}

// StopGradient returns x; no gradient flows through it.
func StopGradient(x *Node) *Node { return Apply(stopGradient, nil, x) }

// OptimizationBarrier returns x, and keeps backends from moving computations across it.
func OptimizationBarrier(operand *Node) *Node { return Apply(barrier, nil, operand) }

// OptimizationBarriers is [OptimizationBarrier] for several nodes.
func OptimizationBarriers(operands ...*Node) []*Node {
	out := make([]*Node, len(operands))
	for i, x := range operands {
		out[i] = OptimizationBarrier(x)
	}
	return out
}

// Identity returns x.
func Identity(x *Node) *Node { return Apply(identity, nil, x) }

var identity, stopGradient, barrier, nameAxes, customOp *ir.Op

func init() {
	same := func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil }
	forward := func(_ any, in []*Node) []*Node { return []*Node{Identity(in[0])} }
	straight := func(_, dy *Node) []*Node { return []*Node{dy} }
	identity = Define(ir.Op{
		Name: "Identity", Family: "gradient", Layout: ir.View, Doc: "x", DTypes: dtypes.Any | dtypes.Storage,
		Infer: same, Ref: copyRef,
		Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3)}}},
		Exact:   "moves numbers",
	}, Rule{VJP: straight})
	stopGradient = Define(ir.Op{
		Name: "StopGradient", Family: "gradient", Layout: ir.View, Doc: "x, through which no gradient flows", DTypes: dtypes.Any | dtypes.Storage,
		Infer: same, Ref: copyRef,
		Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3)}}},
		Exact:   "moves numbers",
	}, Rule{Expand: forward, ZeroGrad: "by definition"})
	barrier = Define(ir.Op{
		Name: "OptimizationBarrier", Family: "gradient", Fixed: true, Doc: "x, across which nothing is moved", DTypes: dtypes.Any | dtypes.Storage, HLO: "stablehlo.optimization_barrier",
		Infer: same, Ref: copyRef,
		Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3)}}},
		Exact:   "moves numbers",
	}, Rule{
		JVPMulti: linear,
		Batch:    batchSame(&barrier),
		VJP:      func(_, dy *Node) []*Node { return []*Node{OptimizationBarrier(dy)} },
	})
	nameAxes = Define(ir.Op{
		Name: "NameAxes", Family: "gradient", Layout: ir.View, Doc: "x with names for its axes", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.NameAxesAttrs{},
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			names := attrs.(ir.NameAxesAttrs).Names
			if len(names) != in[0].Rank() {
				return in[0], fmt.Errorf("%d names for %d axes", len(names), in[0].Rank())
			}
			return in[0].WithAxisNames(names...), nil
		},
		Ref:     copyRef,
		Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.NameAxesAttrs{Names: []string{"row", ""}}}},
	}, Rule{
		Expand: forward,
		VJP:    func(y, dy *Node) []*Node { return []*Node{dy} },
	})
	customOp = Define(ir.Op{
		Name: "CustomGradient", Family: "gradient", Variadic: true, Doc: "values with a gradient of the caller's own", Attrs: ir.CustomAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			return in[attrs.(ir.CustomAttrs).NumInputs:], nil
		},
		Samples: []ir.Sample{{DTypes: dtypes.Floats, In: []ir.Input{ir.Ramp(3)}, Build: built(func(in []*Node) []*Node {
			return WithCustomGradient(in, func(in []*Node) []*Node { return []*Node{Mul(in[0], in[0])} },
				func(in, _, dys []*Node) []*Node { return []*Node{Mul(dys[0], Add(in[0], in[0]))} })
		})}},
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node { return in[attrs.(ir.CustomAttrs).NumInputs:] },
	})
}
