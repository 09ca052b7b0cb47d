package live

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
)

// Gradient returns the gradients of y, a scalar, with respect to arrays that it was made of. What was recorded between them is gone back through:
//
//	y := x.Mul(w).Sub(t).Square().Mean()
//	dw := live.Gradient(y, w)[0]
//
// y and what lies between must not have been evaluated: an array that has its value forgets what it was made of. Then, and where y does not depend on
// an array, all gradients hold the error that says so; they are never zero for such a reason. Gradients are arrays like others, and have gradients.
func Gradient(y *Array, wrt ...*Array) []*Array {
	y = y.check()
	s := y.session
	out := make([]*Array, len(wrt))
	fail := func(bad *Array) []*Array {
		for i := range out {
			out[i] = bad
		}
		return out
	}
	if y.err != nil {
		return fail(y)
	}
	for _, x := range wrt {
		switch x = x.check(); {
		case x.err != nil:
			return fail(x)
		case x.session != s:
			return fail(failed(s, "the arrays belong to two sessions: bring one over with Tensor and Of"))
		}
	}
	p, in, unmet, err := between(y, wrt)
	switch {
	case err != nil:
		return fail(&Array{session: s, err: here(err)})
	case unmet != nil:
		return fail(failed(s, "%s does not depend on %s: was it evaluated, which makes an array forget what it was made of? Take the gradient before, or by Grad", y.describe(), unmet.describe()))
	}
	if len(wrt) == 0 {
		return out
	}
	operands := make([]any, len(in))
	for i, x := range in {
		operands[i] = x
	}
	return results(len(wrt), callOn(func(nodes []*graph.Node) []*graph.Node {
		return graph.Gradient(graph.Inline(nodes[0].Graph(), p, nodes...)[0], nodes[:len(wrt)]...)
	}, operands))
}

// between returns the program that computes y of arrays, the first of which are wrt, and the first of wrt that it does not read.
func between(y *Array, wrt []*Array) (p *ir.Program, in []*Array, unmet *Array, err error) {
	s := y.session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.walks++
	w := walker{run: &run{session: s}, walk: s.walks, given: map[*Array]int32{}}
	for i, x := range wrt {
		if _, twice := w.given[x]; twice {
			return nil, nil, nil, fmt.Errorf("an array is given twice to take the gradient with respect to: %s", x.describe())
		}
		w.given[x] = int32(i)
		w.inputs = append(w.inputs, input{array: x})
	}
	if err := w.target(y); err != nil {
		return nil, nil, nil, err
	}
	w.outputs = nil // of what was kept on the way nothing is asked here
	read := make([]bool, len(wrt))
	note := func(r ref) ref {
		if at := -1 - int(r.at); at >= 0 && at < len(read) {
			read[at] = true
		}
		return r
	}
	for _, c := range w.calls {
		for _, a := range c.in {
			w.refs = append(w.refs, note(w.operand(a)))
		}
	}
	w.outputs = []output{{ref: note(w.operand(y)), array: y}}
	for i, met := range read {
		if !met {
			return nil, nil, wrt[i], nil
		}
	}
	for _, x := range w.inputs {
		in = append(in, x.array)
	}
	p, err = w.program()
	return p, in, nil, err
}
