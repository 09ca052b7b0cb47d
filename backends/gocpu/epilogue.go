package gocpu

import (
	"slices"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ops"
)

// Epilogues: a product of tensors joins the group that reads its result, and the group's program then runs on each block of the
// result while that lies in the cache. Where nobody else needs the product itself, the program's first result lies in its place.

// joinProducts lets products join groups. Groups are made before: what fits together is decided without them.
func (f *fuser) joinProducts() {
	if f.options.fusion == alone {
		return
	}
	for i, g := range f.groupOf {
		if g != nil && g.members[len(g.members)-1] == i && f.folds(g) == 0 {
			if k := f.productFor(g); k >= 0 && (f.options.fusion == together || f.gains(g, k)) {
				f.join(g, k)
			}
		}
	}
}

// gains reports whether product k with the epilogue g takes less time than the one after the other: if the product itself is not
// written, and whatever else g reads is little. A block has short rows, and what lies elsewhere comes late there: a pass from one
// end to the other, which is easy to foresee, has it sooner.
func (f *fuser) gains(g *group, k int) bool {
	large := func(o source) bool {
		return o.root != f.instrs[k].out[0] && o.layout == nil && f.code.values[o.root].shape.Size() == g.n
	}
	return f.made(g) == 1 && f.replaces(g, k) && !slices.ContainsFunc(g.sources, large)
}

// productFor returns the last product that g can be the epilogue of, -1 if there is none.
func (f *fuser) productFor(g *group) (best int) {
	for _, k := range g.members {
		f.inside[k] = g
	}
	best = -1
	if len(g.sources)+3+f.made(g) > maxOperands {
		return best
	}
	for _, o := range g.sources {
		if k := f.maker[o.root]; k > best && f.finishes(g, k) {
			best = k
		}
	}
	return best
}

// finishes reports whether g can be the epilogue of instruction k: a product of whose result it reads each element once, where
// that is made, and that nobody reads before g runs.
func (f *fuser) finishes(g *group, k int) bool {
	in := &f.instrs[k]
	if in.Op != ops.DotGeneral || !f.runs(in) || in.slow || size(in) != g.n || !isNumber(in.call.out[0].DType) {
		return false
	}
	root, last := in.out[0], g.members[len(g.members)-1]
	if slices.ContainsFunc(g.sources, func(o source) bool { return o.root == root && o.layout != nil }) {
		return false
	}
	if slices.ContainsFunc(f.readers[root], func(r int) bool { return r <= last && f.inside[r] != g }) {
		return false
	}
	return !slices.ContainsFunc(in.in, func(id int) bool {
		m := f.maker[f.code.resolve(id)]
		return m >= 0 && f.inside[m] == g
	})
}

// join makes product k a member of g.
func (f *fuser) join(g *group, k int) {
	in := &f.instrs[k]
	g.sources = slices.DeleteFunc(g.sources, func(o source) bool { return o.root == in.out[0] })
	factor := func(i int) source { return source{root: f.code.resolve(in.in[i]), factor: true} }
	g.sources = append([]source{factor(0), factor(1)}, g.sources...)
	g.members = append(g.members, k)
	slices.Sort(g.members)
	g.product = k
	f.groupOf[k] = g
}

// replaces reports whether the first result of g takes the place of product k: if nobody else needs that, both are of one dtype,
// and it could not take the place of an argument of the program, whose memory it may be given.
func (f *fuser) replaces(g *group, k int) bool {
	if f.needed(g, k) {
		return false
	}
	first := g.members[slices.IndexFunc(g.members, func(m int) bool { return m != k && f.needed(g, m) })]
	id, shape := f.instrs[first].out[0], f.instrs[k].call.out[0]
	return f.code.values[id].shape.DType == shape.DType && !(f.kept[id] && slices.ContainsFunc(g.sources, func(o source) bool {
		v := &f.code.values[o.root]
		return !o.factor && v.kind == input && v.size == shape.ByteSize()
	}))
}

// multiplied begins a program with the result of the product.
func (w *groupWriter) multiplied() {
	in := &w.instrs[w.product]
	w.values[in.out[0]] = w.code.Load(len(w.sources), elementTypes[in.call.out[0].DType]) + 1
	if !w.replaces(w.group, w.product) {
		w.out, w.places = append(w.out, in.out[0]), append(w.places, nil)
	}
}

// free reports whether the next result may lie on operand i. In a group with a product the first result is written before the
// program reads, and factors are read until the end.
func (w *groupWriter) free(i int) bool {
	if w.product < 0 {
		return true
	}
	return len(w.out) > 0 && !slices.ContainsFunc(w.sources, func(o source) bool { return o.factor && o.root == w.sources[i].root })
}

// epilogue returns the kernel of the product that runs r for each block of its result.
func (w *groupWriter) epilogue(r *groupRun, k *call) kernels.Func {
	product := w.instrs[w.product].call
	g := product.gemm()
	base, width := g.OutBase, g.OutStride
	flat := len(w.cuts) == 0
	even := r.row == 0 && (flat || len(w.cuts) == 1 && w.cuts[0] == width) // from row to row all operands go on alike
	r.walkRows(width)
	g.Finish = func(a *kernels.Args, batch, m0, m1, n0, n1 int) {
		at := base[batch] + m0*width + n0
		switch whole := n1-n0 == width; {
		case whole && (!even || flat):
			r.chunk(a, 0, at, at+(m1-m0)*width)
		case even:
			r.block(a, at, m1-m0, n1-n0)
		default:
			for ; m0 < m1; m0++ {
				r.chunk(a, 0, at, at+n1-n0)
				at += width
			}
		}
	}
	multiply, scratch := product.multiply(g)
	k.scratch += kernels.Aligned(scratch)
	if r.row == 0 {
		return multiply
	}
	return func(a *kernels.Args) {
		r.writeOut(a)
		multiply(a)
	}
}

// walkRows notes how far each operand goes on from one row of so many elements to the next.
func (r *groupRun) walkRows(width int) {
	for i := range r.at {
		p := &r.at[i]
		if p.nextRow = p.step * width; len(p.strides) == 2 {
			p.nextRow = p.strides[1]
		}
	}
}

// block runs n elements of each of some rows, the first of them element at. A row of a block is short beside what it takes to find
// where operands lie: that is done once.
func (r *groupRun) block(a *kernels.Args, at, rows, n int) {
	var mem [maxOperands]unsafe.Pointer
	r.memory(&mem, a, at, r.within(at))
	for row := 1; ; row++ {
		r.program.Run(mem[:len(r.at)], n, nil)
		if row == rows { // no pointer may leave its operand
			return
		}
		for i := range r.at {
			mem[i] = unsafe.Add(mem[i], r.at[i].nextRow)
		}
	}
}
