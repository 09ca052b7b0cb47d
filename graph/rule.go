package graph

import "github.com/quire-ml/quire/graph/ir"

// Rule is what package graph knows of an op beyond its row: how it is made of other ops, and how it is differentiated.
//
// Of VJP, VJPMulti, ZeroGrad and NoGrad at most one is set; an op with Expand and none of them is differentiated through
// its expansion.
type Rule struct {
	// Expand builds the same value from other ops. A backend that has no kernel for a call gets that.
	Expand func(attrs any, in []*Node) []*Node

	// VJP returns, per operand, the gradient of the loss with respect to it, given dy, the gradient
	// with respect to the result y; nil where none flows.
	VJP      func(y, dy *Node) []*Node
	VJPMulti func(ys, dys []*Node) []*Node // for several results; dys holds nil where none arrives
	ZeroGrad string                        // why the gradient is zero ("piecewise constant")
	NoGrad   string                        // why there is no gradient; asking for one is an error

	// JVP returns the tangent of the result y, given those of the operands, dx: how it changes as they do. dx[i] is nil where there
	// is none, as for integers, and for one operand at least there is one; so may the result be. Without it, an elementwise op of
	// floats makes of a tangent what VJP makes of a gradient, any other op is asked for the gradient of its gradient, which is that,
	// and what has no gradient of its own is differentiated through its expansion.
	JVP      func(y *Node, dx []*Node) *Node
	JVPMulti func(ys, dxs []*Node) []*Node // for several results

	// jvpOf is JVPMulti for ops that run functions.
	jvpOf func(p *pusher, n *Node, in []dual) []dual

	// Batch returns the results of a call for a batch of examples at once, as [VMap] makes it: in[i] has the batch as another first
	// axis where batched[i] holds, which it does for one operand at least, and so must every result. It may return nil for calls that it
	// has no way for. Without it, elementwise ops are broadcast; an op of one operand whose attributes are axes, such as
	// [ir.ReduceAttrs], gets them moved by one, since it treats all other axes alike; any other op is expanded, and what has no
	// expansion is called in a loop.
	Batch func(attrs any, in []*Node, batched []bool) []*Node

	// batchOf is Batch for ops that run functions.
	batchOf func(b *batcher, n *Node, in []examples) []examples

	// vjpOf is VJPMulti that is told which operands' gradients are wanted, and may let n return more. VJPMulti is made of it.
	vjpOf func(n *Node, dys []*Node, want []bool) []*Node
}

var ruleOf = map[*ir.Op]Rule{}

// Define adds a row to the table of operations, with its rule, and returns it. It panics if the row is incomplete or its
// name is taken. It is called from init functions.
func Define(op ir.Op, rule Rule) *ir.Op {
	if rule.Expand != nil {
		op.Expand = expansion(op.Name, rule.Expand)
	}
	if of := rule.vjpOf; of != nil {
		rule.VJPMulti = func(ys, dys []*Node) []*Node {
			n := ys[0].inputs[0]
			want := make([]bool, len(n.inputs))
			for i, x := range n.inputs {
				want[i] = isInexact(x.DType())
			}
			return of(n, dys, want)
		}
	}
	row := ir.Define(op)
	ruleOf[row] = rule
	return row
}

// RuleOf returns the rule of a row, a zero one if it has none.
func RuleOf(op *ir.Op) Rule { return ruleOf[op] }
