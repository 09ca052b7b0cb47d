package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Call runs the function on inputs, which must have the shapes of its parameters, and returns its results.
func (f *Function) Call(inputs ...*Node) []*Node {
	if f == nil || f.graph == nil {
		panic(&Error{Op: callOp.Name, Err: errors.New("the function is nil, or a zero Function: make it with NewClosure or NewFunction"), pcs: callSite()})
	}
	return ApplyFunctions(f.graph, callOp, nil, inputs, f)
}

// If returns the results of trueBranch where pred, a bool scalar, holds, and of falseBranch where it
// does not; only one of the two is computed. The branches have no parameters, may use any node around
// them, and must have results of the same shapes.
func If(pred *Node, trueBranch, falseBranch *Function) []*Node {
	return ApplyFunctions(graphOf(ifOp, []*Node{pred}), ifOp, nil, []*Node{pred}, trueBranch, falseBranch)
}

// Switch returns the results of the branch that index, an int32 scalar, counts from 0; only that one is computed. An
// index below 0 takes the first branch and one that is too large the last. The branches have no parameters, may use
// any node around them, and must have results of the same shapes.
func Switch(index *Node, branches ...*Function) []*Node {
	g := graphOf(switchOp, []*Node{index})
	return ApplyFunctions(g, switchOp, nil, []*Node{index}, branches...)
}

// While runs body as long as cond holds, and returns the last state: cond maps the state to a bool
// scalar, body maps it to a state of the same shapes. Both may use any node around them.
//
// A gradient goes through it if the graph says how many turns it takes: if one value of the state begins at an integer constant,
// body adds a constant to it, and cond compares it with a constant. It then is a [Scan], which stores what the gradient needs.
// Through another one asking for a gradient is an error: [WhileUpTo] bounds the turns.
func While(cond, body *Function, initialState ...*Node) []*Node {
	return ApplyFunctions(graphOf(whileOp, initialState), whileOp, nil, initialState, cond, body)
}

var ifOp, switchOp, whileOp, callOp *ir.Op

func init() {
	ifOp = Define(ir.Op{
		Name: "If", Family: "control", HLO: "stablehlo.if", Doc: "the results of one of two branches, by a bool scalar",
		Regions: &ir.Regions{
			Names: []string{"true branch", "false branch"}, Inputs: nothing, Parts: &ir.Parts{},
			Infer: func(_ any, in []shapes.Shape, regions []ir.Signature) ([]shapes.Shape, error) {
				if len(in) != 1 || in[0].DType != dtypes.Bool || in[0].Rank() != 0 {
					return nil, fmt.Errorf("the condition must be a bool scalar, not %s", listed(in))
				}
				return sameResults(regions)
			},
			Ref: func(_ any, in []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor {
				if tensors.ToScalar[bool](in[0]) {
					return regions[0]()
				}
				return regions[1]()
			},
		},
		Samples: []ir.Sample{
			{Name: "true", In: pair, Build: built(branch(true)), DTypes: dtypes.Floats},
			{Name: "false", In: pair, Build: built(branch(false)), DTypes: dtypes.Floats},
		},
		Tol: ir.ULP(2, "the branches' own rounding"),
	}, Rule{VJPMulti: branchVJP, jvpOf: jvpBranches, batchOf: batchBranches(chooseOfTwo)})
	switchOp = Define(ir.Op{
		Name: "Switch", Family: "control", HLO: "stablehlo.case", Doc: "the results of one of several branches, by an int32 scalar that counts them",
		Regions: &ir.Regions{
			Names: []string{"branch", "…"}, Inputs: nothing, Parts: &ir.Parts{},
			Infer: func(_ any, in []shapes.Shape, regions []ir.Signature) ([]shapes.Shape, error) {
				if len(in) != 1 || in[0].DType != dtypes.Int32 || in[0].Rank() != 0 {
					return nil, fmt.Errorf("the index must be an int32 scalar, not %s (convert it with ConvertDType)", listed(in))
				}
				return sameResults(regions)
			},
			Ref: func(_ any, in []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor {
				return regions[min(max(int(tensors.ToScalar[int32](in[0])), 0), len(regions)-1)]()
			},
		},
		Samples: []ir.Sample{
			{Name: "the first", In: pair, Build: built(selected(0)), DTypes: dtypes.Floats},
			{Name: "the middle one", In: pair, Build: built(selected(1)), DTypes: dtypes.Floats},
			{Name: "below all", In: pair, Build: built(selected(-7)), DTypes: dtypes.Floats},
			{Name: "above all", In: pair, Build: built(selected(3)), DTypes: dtypes.Floats},
			{Name: "one branch", In: pair, DTypes: dtypes.Floats, Build: built(func(in []*Node) []*Node {
				g := in[0].Graph()
				return Switch(Const(g, int32(0)), thunk(g, func() *Node { return Mul(in[0], in[1]) }))
			})},
		},
		Tol: ir.ULP(2, "the branches' own rounding"),
	}, Rule{VJPMulti: branchVJP, jvpOf: jvpBranches, batchOf: batchBranches(chooseOfMany)})
	whileOp = Define(ir.Op{
		Name: "While", Family: "control", HLO: "stablehlo.while", Doc: "the state after repeating a body while a condition holds",
		Regions: &ir.Regions{
			Names: []string{"condition", "body"}, Inputs: everything, Endless: true,
			Parts: &ir.Parts{From: 1, State: func(_ any, operands int) int { return operands }},
			Infer: func(_ any, in []shapes.Shape, regions []ir.Signature) ([]shapes.Shape, error) {
				if c := regions[0].Out; len(c) != 1 || c[0].DType != dtypes.Bool || c[0].Rank() != 0 {
					return nil, fmt.Errorf("the condition %q must return one bool scalar, not %s", regions[0].Name, listed(c))
				}
				return in, ir.SameShapes("the state changes its shape", in, regions[1].Out)
			},
			Ref: func(_ any, state []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor {
				for tensors.ToScalar[bool](regions[0](state...)[0]) {
					state = regions[1](state...)
				}
				return state
			},
		},
		Samples: []ir.Sample{
			{Name: "until a value is reached", In: []ir.Input{ir.ScalarValue(1), ir.ScalarValue(3)}, DTypes: dtypes.Reals, Build: built(sampleLoop), Kink: true},
			{Name: "counted", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(3)}, DTypes: dtypes.Floats, Build: built(sampleCounted(0, 1, 4, LessThan))},
			{Name: "counted down", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(3)}, DTypes: dtypes.Floats, Build: built(sampleCounted(7, -3, 1, GreaterOrEqual))},
			{Name: "counted to another", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(3)}, DTypes: dtypes.Floats, Build: built(sampleCounted(0, 2, 6, NotEqual))},
			{Name: "counted to nothing", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(3)}, DTypes: dtypes.Floats, Build: built(sampleCounted(5, 1, 5, LessThan))},
			{Name: "as lax.scan is exported", In: []ir.Input{ir.Ramp(2), ir.Ramp(3, 2)}, DTypes: dtypes.Floats, Build: built(sampleExported)},
		},
		Tol: ir.ULP(8, "the body's own rounding, turn by turn"),
	}, Rule{vjpOf: whileVJP, jvpOf: jvpWhile, batchOf: batchWhile})
	callOp = Define(ir.Op{
		Name: "Call", Family: "control", HLO: "func.call", Doc: "the results of a function",
		Regions: &ir.Regions{
			Names: []string{"function"}, Inputs: everything, // and no Parts: a function is one program, whatever its calls want of it
			Infer: func(_ any, _ []shapes.Shape, regions []ir.Signature) ([]shapes.Shape, error) {
				return regions[0].Out, nil
			},
			Ref: func(_ any, in []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor { return regions[0](in...) },
		},
		Samples: []ir.Sample{{In: pair, DTypes: dtypes.Floats, Build: built(func(in []*Node) []*Node {
			f := NewFunction(in[0].Graph(), "f", func(g *Graph) []*Node {
				x := Parameter(g, "x", in[0].Shape())
				return []*Node{Mul(x, in[1]), Add(x, x)}
			})
			out := f.Call(Add(in[0], in[1]))
			return f.Call(Sub(out[0], out[1]))
		})}},
		Tol: ir.ULP(2, "the function's own rounding"),
	}, Rule{vjpOf: callVJP, jvpOf: jvpCall, batchOf: batchCall})
}

// nothing says that regions have no inputs of their own, everything that each gets all operands.
func nothing(any, int, []shapes.Shape) []shapes.Shape           { return nil }
func everything(_ any, _ int, in []shapes.Shape) []shapes.Shape { return in }

// sameResults returns the results of branches, which must be of the same shapes.
func sameResults(regions []ir.Signature) ([]shapes.Shape, error) {
	for _, r := range regions[1:] {
		if err := ir.SameShapes("the branches differ", regions[0].Out, r.Out); err != nil {
			return nil, err
		}
	}
	return regions[0].Out, nil
}

// listed writes shapes for an error.
func listed(list []shapes.Shape) string {
	if len(list) == 1 {
		return list[0].String()
	}
	return fmt.Sprint(list)
}

// callVJP calls a function that goes back through the function, and is made once for calls that ask for the same. The call
// returns what it needs; of one that repeats, nothing: it is run again.
func callVJP(n *Node, dys []*Node, want []bool) []*Node {
	of, given := n.bodies[0], passed{}
	key := fmt.Sprint(want)
	for _, x := range slices.Concat(of.inputs, of.outputs) {
		key += fmt.Sprintf(" %p", x)
	}
	for k, dy := range dys {
		key += fmt.Sprint(" ", dy != nil)
		if dy != nil {
			given.add(of.outputs[k], dy)
		}
	}
	b := of.fn.backs[key]
	if b == nil {
		b = newBackward(of, 0, want, of.fn.repeats(), func() []*Node { return cotangentsOf(of.outputs, dys) }, func(b *backward) (out []*Node) {
			for _, dx := range b.grads {
				if dx != nil {
					out = append(out, dx)
				}
			}
			return out
		})
		if of.fn.backs == nil {
			of.fn.backs = map[string]*backward{}
		}
		of.fn.backs[key] = b
	}
	each, captured := b.uses(n, func(s shapes.Shape) shapes.Shape { return s })
	own := slices.Concat(b.fn.params, each.inside)
	bodies := []*body{{fn: b.fn, own: len(own), inputs: slices.Concat(own, captured.inside), outputs: b.fn.outputs}}
	out := apply(n.graph, n.op, nil, bodies, slices.Concat(given.operands, each.operands, captured.operands)).Results()
	grads := make([]*Node, len(n.inputs))
	for i, dx := range b.grads {
		if dx != nil {
			grads[i], out = out[0], out[1:]
		}
	}
	return grads
}

// cotangentsOf declares parameters for the cotangents that are there.
func cotangentsOf(ys, dys []*Node) []*Node {
	list := make([]*Node, len(ys))
	for k, dy := range dys {
		if dy != nil {
			list[k] = Parameter(dy.graph, fmt.Sprintf("dy%d", k), ys[k].Shape())
		}
	}
	return list
}

// branchVJP is the rule of ops that run one of several branches, chosen by their only operand: the same op on the
// branches' gradients. A branch that does not use a value gives it zero.
func branchVJP(ys, dys []*Node) []*Node {
	n := ys[0].inputs[0]
	g := n.graph
	var wrt []int
	for i, x := range n.inputs[1:] {
		if isInexact(x.DType()) {
			wrt = append(wrt, i)
		}
	}
	if len(wrt) == 0 {
		return nil
	}
	branches := make([]*Function, len(n.bodies))
	for k, b := range n.bodies {
		branches[k] = NewFunction(g, b.fn.name+"_vjp", func(g *Graph) []*Node {
			ins := make([]*Node, len(n.inputs)-1)
			for i, x := range n.inputs[1:] {
				ins[i] = g.current.local(x)
			}
			ins = fresh(ins)
			grads := pull(g, b.inline(ins), dys, ins)
			var out []*Node
			for _, i := range wrt {
				if grads[i] == nil {
					grads[i] = ZerosLike(ins[i])
				}
				out = append(out, grads[i])
			}
			return out
		})
	}
	grads := make([]*Node, len(n.inputs))
	for k, dx := range ApplyFunctions(g, n.op, n.attrs, n.inputs[:1], branches...) {
		grads[1+wrt[k]] = dx
	}
	return grads
}

// What the samples are made of.

var pair = []ir.Input{ir.ScalarValue(1.5), ir.ScalarValue(-0.5)}

// built returns a sample's call that is written with nodes.
func built(fn func(in []*Node) []*Node) func(b *ir.Builder, in []ir.Value) ([]ir.Value, error) {
	return func(b *ir.Builder, in []ir.Value) ([]ir.Value, error) {
		list := make([]shapes.Shape, len(in))
		for i, v := range in {
			list[i] = b.Shape(v)
		}
		p, err := expansion("sample", func(_ any, in []*Node) []*Node { return fn(in) })(nil, list)
		if err != nil {
			return nil, err
		}
		return b.Inline(p, in...)
	}
}

// thunk returns a branch with one result.
func thunk(g *Graph, f func() *Node) *Function {
	return NewClosure(g, func(*Graph) []*Node { return []*Node{f()} })
}

func branch(positive bool) func(in []*Node) []*Node {
	return func(in []*Node) []*Node {
		x, y, g := in[0], in[1], in[0].Graph()
		pred := GreaterThan(x, y)
		if !positive {
			pred = LessThan(x, y)
		}
		return If(pred, thunk(g, func() *Node { return Mul(x, Mul(x, y)) }), thunk(g, func() *Node { return Add(x, y) }))
	}
}

// selected calls one of three branches, by an index that is no constant.
func selected(which int32) func(in []*Node) []*Node {
	return func(in []*Node) []*Node {
		x, y, g := in[0], in[1], in[0].Graph()
		index := Add(ConvertDType(GreaterThan(x, y), dtypes.Int32), Const(g, which-1))
		return Switch(index,
			thunk(g, func() *Node { return Mul(x, Mul(x, y)) }),
			thunk(g, func() *Node { return Add(x, y) }),
			thunk(g, func() *Node { return Sub(y, Square(x)) }))
	}
}

func sampleLoop(in []*Node) []*Node {
	g := in[0].Graph()
	limit := Const(g, float32(20))
	cond := NewClosure(g, func(g *Graph) []*Node {
		x := Parameter(g, "x", in[0].Shape())
		Parameter(g, "y", in[1].Shape())
		return []*Node{LessThan(ConvertDType(x, dtypes.Float32), limit)}
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		x, y := Parameter(g, "x", in[0].Shape()), Parameter(g, "y", in[1].Shape())
		return []*Node{Add(x, y), Sub(y, in[0])}
	})
	one := ScalarOne(g, in[0].DType())
	return While(cond, body, in[0], Add(in[1], Add(one, Add(one, Mul(in[1], Add(one, one))))))
}

// sampleCounted repeats x ← sin(x·y) + x, with a counter from begin by step, as long as it compares so with limit.
func sampleCounted(begin, step, limit int32, compare func(x, y *Node) *Node) func(in []*Node) []*Node {
	return func(in []*Node) []*Node {
		g := in[0].Graph()
		end := Const(g, limit)
		cond := NewClosure(g, func(g *Graph) []*Node {
			i := Parameter(g, "i", shapes.Make(dtypes.Int32))
			Parameter(g, "x", in[0].Shape())
			Parameter(g, "y", in[1].Shape())
			return []*Node{compare(i, end)}
		})
		body := NewClosure(g, func(g *Graph) []*Node {
			i, x, y := Parameter(g, "i", shapes.Make(dtypes.Int32)), Parameter(g, "x", in[0].Shape()), Parameter(g, "y", in[1].Shape())
			sum := ReduceSum(Mul(y, in[1]))
			return []*Node{AddScalar(i, step), Add(Sin(Mul(x, sum)), x), y}
		})
		out := While(cond, body, Const(g, begin), in[0], in[1])
		return []*Node{out[1], Mul(out[2], out[1]), out[0]}
	}
}

// sampleExported goes over an array in the form that JAX gives to lax.scan: the array is part of the state, and never changes, and
// what is stacked is part of it, and is written to at the counter.
func sampleExported(in []*Node) []*Node {
	g, x, n := in[0].Graph(), in[1], in[1].Dim(0)
	state := []*Node{Const(g, int32(0)), in[0], x, ZerosLike(x)}
	params := func() []*Node {
		list := make([]*Node, len(state))
		for i, s := range state {
			list[i] = Parameter(g, "", s.Shape())
		}
		return list
	}
	cond := NewClosure(g, func(g *Graph) []*Node { return []*Node{LessThan(params()[0], Const(g, int32(n)))} })
	body := NewClosure(g, func(g *Graph) []*Node {
		s := params()
		at := []*Node{s[0], Const(g, int32(0))}
		row := Reshape(DynamicSlice(s[2], at, []int{1, 2}), 2)
		c := Tanh(Add(Mul(s[1], row), row))
		return []*Node{Add(s[0], Const(g, int32(1))), c, s[2], DynamicUpdateSlice(s[3], Reshape(Mul(c, row), 1, 2), at)}
	})
	out := While(cond, body, state...)
	return []*Node{out[1], out[3]}
}
