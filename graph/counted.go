package graph

import (
	"errors"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

var errUncounted = errors.New("it has no gradient, since nothing says how many turns it takes: let a value of the state begin at an integer constant, the body add a constant to it, and the condition compare it with a constant; or loop with Scan or ForI, or with WhileUpTo, which bounds the turns")

// whileVJP makes a Scan of a While of a known number of turns, and goes back through that.
func whileVJP(n *Node, dys []*Node, want []bool) []*Node {
	turns, counted := n.turns()
	switch {
	case !counted:
		panic(&Error{Op: n.op.Name, In: inShapes(n.inputs), Err: errUncounted, pcs: n.site.Calls()})
	case turns == 0:
		return append(slices.Clone(dys), make([]*Node, len(n.inputs)-len(dys))...)
	}
	order, changing := n.becomeScan(turns)
	kept := make([]bool, len(want))
	for i, k := range order {
		kept[i] = want[k]
	}
	var through []*Node
	for _, k := range order[:changing] {
		through = append(through, dys[k])
	}
	grads := scanVJP(n, through, kept)
	if grads == nil {
		grads = make([]*Node, len(order))
	}
	for i := changing; i < len(dys); i++ { // of what is handed on as it is
		switch dy := dys[order[i]]; {
		case grads[i] == nil:
			grads[i] = dy
		case dy != nil:
			grads[i] = Add(grads[i], dy)
		}
	}
	return grads
}

// becomeScan makes a Scan of n, a While of a known number of turns. What its body hands on as it is becomes a captured value, and no
// result: these are the operands from number changing on. order says what each operand was among those of the While.
func (n *Node) becomeScan(turns int) (order []int, changing int) {
	b := n.bodies[1]
	for k := range b.own {
		if !b.handsOn(k) {
			order = append(order, k)
		}
	}
	changing = len(order)
	for k := range b.own {
		if b.handsOn(k) {
			order = append(order, k)
		}
	}
	for k := b.own; k < len(n.inputs); k++ {
		order = append(order, k)
	}
	scan, inputs := &body{fn: b.fn, own: changing}, make([]*Node, len(order))
	for i, k := range order {
		scan.inputs, inputs[i] = append(scan.inputs, b.inputs[k]), n.inputs[k]
	}
	splits, outs := n.splits, n.outs
	n.more().splits, n.outs = nil, nil
	for i, k := range order[:b.own] {
		out := splits[k]
		if i >= changing {
			out.op, out.attrs, out.inputs = identity, nil, n.graph.list(n.inputs[k])
			continue
		}
		out.attrs = OutputAttrs{i}
		scan.outputs = append(scan.outputs, b.outputs[k])
		n.splits, n.outs = append(n.splits, out), append(n.outs, outs[k])
	}
	n.op, n.attrs, n.inputs = scanOp, ir.ScanAttrs{Carries: changing, Length: turns}, inputs
	n.bodies = []*body{scan}
	return order, changing
}

// handsOn reports whether a loop's body returns value k of the state as it got it.
func (b *body) handsOn(k int) bool { return b.outputs[k] == b.inputs[k] }

// turns returns how many turns n, a While, takes, if the graph says so: if its condition compares a counter with a constant.
func (n *Node) turns() (turns int, known bool) {
	test := n.bodies[0].outputs[0]
	if len(test.inputs) != 2 {
		return 0, false
	}
	turns, known = n.countedBy(test.inputs[0], test.inputs[1], test.op)
	if !known {
		turns, known = n.countedBy(test.inputs[1], test.inputs[0], mirrored(test.op))
	}
	return turns, known
}

// mirrored returns the comparison that holds of y and x where op holds of x and y.
func mirrored(op *ir.Op) *ir.Op {
	switch op {
	case lessThan:
		return greaterThan
	case lessOrEqual:
		return greaterOrEqual
	case greaterThan:
		return lessThan
	case greaterOrEqual:
		return lessOrEqual
	}
	return op
}

// countedBy is turns for a condition that compares counter with limit.
func (n *Node) countedBy(counter, limit *Node, compare *ir.Op) (turns int, known bool) {
	cond, body := n.bodies[0], n.bodies[1]
	k := slices.Index(cond.inputs[:cond.own], counter)
	if k < 0 || body.handsOn(k) {
		return 0, false
	}
	begin, ok1 := n.constant(n.inputs[k])
	end, ok2 := n.within(cond, limit)
	step, ok3 := n.step(body, k)
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	count, known := turnsOf(compare, begin, end, step)
	if _, err := dtypes.Fit(begin+count*step, counter.DType()); !known || err != nil || count > math.MaxInt32 {
		return 0, false // a counter that wraps around counts on
	}
	return int(count), true
}

// step returns what the body adds to value k of the state.
func (n *Node) step(body *body, k int) (step int64, known bool) {
	y, x := body.outputs[k], body.inputs[k]
	switch {
	case y.op == add && y.inputs[0] == x:
		return n.within(body, y.inputs[1])
	case y.op == add && y.inputs[1] == x:
		return n.within(body, y.inputs[0])
	case y.op == sub && y.inputs[0] == x:
		step, known = n.within(body, y.inputs[1])
		return -step, known
	}
	return 0, false
}

// within returns the integer that x, a node of a function of the While n, always is.
func (n *Node) within(b *body, x *Node) (value int64, known bool) {
	if i := slices.Index(b.inputs, x); i >= b.own || i >= 0 && n.bodies[1].handsOn(i) {
		return n.constant(n.inputs[i])
	}
	return n.constant(x)
}

// far bounds the integers of counters, so that nothing overflows.
const far = 1 << 40

// constant returns the integer that x always is.
func (n *Node) constant(x *Node) (value int64, known bool) {
	for x.op.Layout == ir.View || x.op.Layout == ir.Repetition || x.op == convertDType && x.inputs[0].DType().IsInt() {
		x = x.inputs[0]
	}
	c := x.ConstantValue()
	if c == nil || c.Size() != 1 || !c.DType().IsInt() {
		return 0, false
	}
	value = load[int64](c)[0]
	return value, -far < value && value < far
}

// turnsOf returns how often a counter is compared before the comparison with end fails.
func turnsOf(compare *ir.Op, begin, end, step int64) (turns int64, known bool) {
	switch compare {
	case greaterThan, greaterOrEqual:
		return turnsOf(mirrored(compare), -begin, -end, -step)
	case lessOrEqual:
		return turnsOf(lessThan, begin, end+1, step)
	case lessThan:
		if begin >= end {
			return 0, true
		}
		if step <= 0 {
			return 0, false
		}
		return (end - begin + step - 1) / step, true
	case notEqual:
		if begin == end {
			return 0, true
		}
		if step == 0 || (end-begin)%step != 0 || (end-begin)/step < 0 {
			return 0, false
		}
		return (end - begin) / step, true
	}
	return 0, false
}
