package graph

import (
	"errors"
	"fmt"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// ScanBuilder makes a loop over the slices of arrays, see [Scan].
type ScanBuilder struct {
	graph         *Graph
	carry, xs     []*Node
	body          func(carry, x []*Node) (next, y []*Node)
	length        int // 0 or more, or unknown
	reverse       bool
	recompute     bool
	every, unroll int // 0 for none
}

// unknown is the length of a scan that neither an array nor Length has said.
const unknown = -1

// Scan starts a loop over the leading axis of xs, which Done makes:
//
//	carry, ys := Scan(carry, xs, body).Done()
//
//	carry[t+1], y[t] = body(carry[t], x[t]),  t = 0 … T-1
//
// x[t] are the slices of xs, without their leading axis, whose size T is the same for all. The carry keeps its shapes and dtypes
// from turn to turn; the last one is returned, and of each y all T, stacked along a new leading axis. Both lists may be empty,
// and so may be that of the y. Without xs, Length says how many turns there are. No turn at all is allowed: the carry stays.
//
// body is called once, to say what a turn computes: it may use nodes and variables from around it, and the program has it once,
// however many turns there are.
//
// Gradients of all orders go through it, with respect to the first carry, to xs, and to what body uses from around it. They need
// values of each turn, which the loop then returns, too, and keeps until the gradient has used them: Recompute and StoreEvery
// trade them for time.
//
// Done panics with [Error] if the arrays differ in the size of their leading axes, or if body returns another number of carries
// than it gets, or one of another shape or dtype.
func Scan(carry, xs []*Node, body func(carry, x []*Node) (next, y []*Node)) *ScanBuilder {
	all := append(carry[:len(carry):len(carry)], xs...)
	if len(all) == 0 {
		panic(&Error{Op: "Scan", Err: errors.New("there is neither a carry nor an array to go over: a loop needs one of them"), pcs: callSite()})
	}
	need("Scan", all...)
	s := &ScanBuilder{graph: all[0].graph, carry: carry, xs: xs, body: body, length: unknown}
	if body == nil {
		s.fail("the body is nil")
	}
	for i, x := range xs {
		switch {
		case x.Rank() == 0:
			s.fail("xs[%d] is %s, which has no leading axis to go over: use it in the body as it is, if it is the same in each turn", i, x.Shape())
		case i == 0:
			s.length = x.Dim(0)
		case x.Dim(0) != s.length:
			s.fail("xs[%d] is %s, of %d slices along its leading axis, and xs[0] is %s, of %d: all arrays must have the same number", i, x.Shape(), x.Dim(0), xs[0].Shape(), s.length)
		}
	}
	return s
}

func (s *ScanBuilder) fail(format string, args ...any) {
	s.graph.fail("Scan", inShapes(append(s.carry[:len(s.carry):len(s.carry)], s.xs...)), fmt.Errorf(format, args...))
}

// Length says how many turns there are, 0 or more, where there are no arrays to tell. It panics with [Error] if an array tells
// another number.
func (s *ScanBuilder) Length(turns int) *ScanBuilder {
	switch {
	case turns < 0:
		s.fail("it cannot have %d turns", turns)
	case s.length != unknown && s.length != turns:
		s.fail("the arrays have %d slices along their leading axis, which is the number of turns, not %d", s.length, turns)
	}
	s.length = turns
	return s
}

// Reverse goes from the last slices to the first: t = T-1 … 0. The y are stacked in the order of the x.
func (s *ScanBuilder) Reverse() *ScanBuilder {
	s.reverse = true
	return s
}

// Recompute lets gradients store nothing but the carry of each turn, and compute a turn again before they go back through it: about
// the time of a third pass, for the memory of T carries.
func (s *ScanBuilder) Recompute() *ScanBuilder {
	s.recompute = true
	return s
}

// StoreEvery lets gradients store the carry of every k-th turn, and compute the k turns behind it again before they go back
// through these: about the time of a third pass, for the memory of T/k carries and of what k turns store. k near √T is best.
//
// Source: Griewank and Walther, "Evaluating Derivatives", 2008, ch. 12.
func (s *ScanBuilder) StoreEvery(k int) *ScanBuilder {
	if k < 1 {
		s.fail("it cannot store every %d turns", k)
	}
	s.every = k
	return s
}

// Unroll puts k turns into one of the program, which then has the body k times: fewer passes, of which each computes more, for
// an engine that takes long for a pass. The engine "go" does not.
func (s *ScanBuilder) Unroll(k int) *ScanBuilder {
	if k < 1 {
		s.fail("it cannot unroll %d turns", k)
	}
	s.unroll = k
	return s
}

// Done makes the loop, and returns the last carry and the stacks of the y.
func (s *ScanBuilder) Done() (carry, ys []*Node) {
	if s.length == unknown {
		s.fail("without arrays to go over, Length must say how many turns there are")
	}
	l := &loop{carries: len(s.carry), reverse: s.reverse, fn: s.function()}
	if s.length == 0 {
		for _, y := range l.fn.outputs[l.carries:] {
			ys = append(ys, Zeros(s.graph, stacked(0, y.Shape(), "")))
		}
		return s.carry, ys
	}
	turns := l.run
	if s.unroll > 1 {
		turns = func(n int, carry, xs []*Node) (_, _ []*Node) {
			return l.inParts(n, s.unroll, l.recompute, l.unrolled, carry, xs)
		}
	}
	if s.every > 1 {
		return l.inParts(s.length, s.every, true, turns, s.carry, s.xs)
	}
	l.recompute = s.recompute || s.every == 1
	return turns(s.length, s.carry, s.xs)
}

// function returns the body as a function of a carry and slices, and checks what it returns.
func (s *ScanBuilder) function() *Function {
	n := len(s.carry)
	return NewFunction(s.graph, s.graph.UniqueName("scan"), func(g *Graph) []*Node {
		carry, x := make([]*Node, n), make([]*Node, len(s.xs))
		for i, c := range s.carry {
			carry[i] = Parameter(g, fmt.Sprintf("carry%d", i), c.Shape())
		}
		for i, whole := range s.xs {
			x[i] = Parameter(g, fmt.Sprintf("x%d", i), inTurn(whole.Shape()))
		}
		next, y := s.body(carry, x)
		if len(next) != n {
			s.fail("the body gets %d and returns %d carries: it must return one for each", n, len(next))
		}
		for i, c := range next {
			if c == nil || c.graph != g {
				s.fail("carry %d that the body returns is nil or of another graph", i)
			}
			if was := s.carry[i].Shape(); !c.Shape().Equal(was) {
				s.fail("carry %d is %s, and the body returns %s for it: a carry keeps its shape and dtype%s", i, was, c.Shape(), carryHint(was, c.Shape()))
			}
		}
		return append(next[:n:n], y...)
	})
}

// carryHint says what to do about a carry that has changed.
func carryHint(was, is shapes.Shape) string {
	switch {
	case was.EqualDimensions(is):
		return " (ConvertDType what the body returns, or the first carry)"
	case was.Rank() < is.Rank():
		return " (what grows with each turn is returned as a y, which is stacked; a first carry that is a scalar is made larger with BroadcastToDims)"
	}
	return ""
}

// loop makes scans of a function.
type loop struct {
	fn        *Function
	carries   int
	reverse   bool
	recompute bool
}

// run makes one scan of n turns.
func (l *loop) run(n int, carry, xs []*Node) (last, ys []*Node) {
	a := ir.ScanAttrs{Carries: l.carries, Length: n, Reverse: l.reverse, Recompute: l.recompute}
	out := ApplyFunctions(l.fn.graph, scanOp, a, append(carry[:l.carries:l.carries], xs...), l.fn)
	return out[:l.carries:l.carries], out[l.carries:]
}

// unrolled makes n turns of n copies of the body.
func (l *loop) unrolled(n int, carry, xs []*Node) (last, ys []*Node) {
	bodies, captured := bind(l.fn.graph, scanOp, l.fn)
	each := make([][]*Node, n) // by slice
	for turn := range n {
		t := turn
		if l.reverse {
			t = n - 1 - turn
		}
		args := carry[:l.carries:l.carries]
		for _, x := range xs {
			args = append(args, Squeeze(SliceAxis(x, 0, AxisElem(t)), 0))
		}
		out := bodies[0].inline(append(args, captured...))
		carry, each[t] = out[:l.carries], out[l.carries:]
	}
	for i := range each[0] {
		pieces := make([]*Node, n)
		for t := range pieces {
			pieces[t] = ExpandAxes(each[t][i], 0)
		}
		ys = append(ys, Concatenate(pieces, 0))
	}
	return carry, ys
}

// inParts makes n turns in a scan over parts of k turns, each made by part, and beside it the turns that are left over: the last
// ones that run.
func (l *loop) inParts(n, k int, recompute bool, part func(n int, carry, xs []*Node) (last, ys []*Node), carry, xs []*Node) (last, ys []*Node) {
	rest := n % k
	if k > n {
		return part(n, carry, xs)
	}
	from, to, restFrom := 0, n-rest, n-rest
	if l.reverse {
		from, to, restFrom = rest, n, 0
	}
	parts := make([]*Node, len(xs))
	for i, x := range xs {
		whole := sliceAlong(x, 0, from, to)
		parts[i] = Reshape(whole, append([]int{(n - rest) / k, k}, x.Shape().Dimensions[1:]...)...)
	}
	s := Scan(carry, parts, func(carry, x []*Node) (next, y []*Node) { return part(k, carry, x) }).Length((n - rest) / k)
	s.reverse, s.recompute = l.reverse, recompute
	carry, ys = s.Done()
	for i, y := range ys {
		ys[i] = Reshape(y, append([]int{n - rest}, y.Shape().Dimensions[2:]...)...)
	}
	if rest == 0 {
		return carry, ys
	}
	left := make([]*Node, len(xs))
	for i, x := range xs {
		left[i] = sliceAlong(x, 0, restFrom, restFrom+rest)
	}
	carry, more := part(rest, carry, left)
	for i, y := range more {
		both := []*Node{ys[i], y}
		if l.reverse {
			both = []*Node{y, ys[i]}
		}
		ys[i] = Concatenate(both, 0)
	}
	return carry, ys
}
