package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/internal/arena"
)

// groupWriter writes the program of a group.
type groupWriter struct {
	*fuser
	*group
	code   vector.Code
	loaded []vector.Value // by operand, -1 before its load
	loads  []int          // by operand the number of stores before its load, -1 for what is no whole value
	out    []int
	places [][]int // by result the operands that are loaded before it is stored
	folded []int   // results that join elements, after those
	folds  []fold
	cost   float64
	args   []vector.Value // of the member that is written
}

// write turns g into the step of its last instruction.
func (f *fuser) write(g *group) {
	for _, k := range g.members {
		f.inside[k] = g
	}
	w := f.writer // whose memory is used again, but for what the step keeps
	if w == nil {
		w = &groupWriter{fuser: f}
		f.writer = w
	}
	w.group, w.out, w.places, w.folded, w.folds, w.cost = g, nil, nil, nil, nil, 0
	w.loaded, w.loads = w.loaded[:0], w.loads[:0]
	w.code.Begin(len(g.sources) + 2*len(g.members))
	for range g.sources {
		w.loaded, w.loads = append(w.loaded, -1), append(w.loads, -1)
	}
	if g.product >= 0 {
		w.multiplied()
	}
	for _, k := range g.members {
		if k != g.product {
			w.member(k)
		}
	}
	w.become(&f.instrs[g.members[len(g.members)-1]])
}

// member writes one call.
func (w *groupWriter) member(k int) {
	in := &w.instrs[k]
	if r, ok := reductions[in.Op]; ok {
		w.reduce(in, r)
		return
	}
	args := w.args[:0]
	for j := range in.in {
		args = append(args, w.operand(in, j))
	}
	w.args = args
	p, _ := writingOf(in)
	w.cost += p.cost
	v := p.write(&w.code, args)
	if w.needed(w.group, k) {
		w.store(in.out[0], v)
	}
	if round, narrow := rounds[in.call.out[0].DType]; narrow && !p.exact && w.read(w.group, k) { // a store rounds by itself
		v = w.code.Op(round, v)
	}
	w.values[in.out[0]] = v + 1
}

// operand returns what operand j of a call is in the program.
func (w *groupWriter) operand(in *instr, j int) vector.Value {
	root := w.compiler.code.resolve(in.in[j])
	if v := w.values[root]; v > 0 && w.inside[w.maker[root]] == w.group {
		return v - 1
	}
	if x, ok := w.number(root); ok {
		return w.code.Const(x)
	}
	return w.load(sourceOf(in, j, root))
}

// load returns the elements of an operand.
func (w *groupWriter) load(o source) vector.Value {
	i := w.find(o)
	if w.loaded[i] >= 0 {
		return w.loaded[i]
	}
	v := &w.compiler.code.values[o.root]
	t := elementTypes[v.shape.DType]
	var x vector.Value
	switch {
	case v.shape.Size() == 1 && w.n != 1 || len(o.layout) > 0 && o.layout[0].stride == 0:
		x = w.code.Scalar(i, t)
	default:
		x = w.code.Load(i, t)
		if o.layout == nil {
			w.loads[i] = len(w.out)
		}
		w.cost += memoryCost
	}
	w.loaded[i] = x
	return x
}

// store writes the result id, which may lie on every whole operand that was loaded before.
func (w *groupWriter) store(id int, v vector.Value) {
	w.code.Store(len(w.sources)+len(w.out), elementTypes[w.compiler.code.values[id].shape.DType], v)
	places := arena.Take(&w.ids, len(w.loads))[:0]
	for i, at := range w.loads {
		if at >= 0 && w.free(i) {
			places = append(places, i)
		}
	}
	w.out, w.places = append(w.out, id), append(w.places, places)
	w.cost += memoryCost
}

// reduce writes a call that joins elements. For the largest of absolute values there is a fold, if they are made in the group: it
// takes a few of the instructions that a sum takes.
func (w *groupWriter) reduce(in *instr, r reduction) {
	if m := w.maker[w.compiler.code.resolve(in.in[0])]; in.Op == ops.ReduceMax && m >= 0 && w.inside[m] == w.group && w.instrs[m].Op == ops.Abs {
		w.fold(in, reduction{fold: vector.Magnitude}, w.operand(&w.instrs[m], 0))
		return
	}
	w.fold(in, r, w.operand(in, 0))
}

// fold joins the elements of x.
func (w *groupWriter) fold(in *instr, r reduction, x vector.Value) {
	count := w.n / in.call.out[0].Size()
	w.cost += lightCost
	f := fold{kind: r.fold, over: 1, rows: count < w.n}
	if r.mean {
		f.over = float64(count)
	}
	w.code.Accumulate(r.fold, x)
	w.folds, w.folded = append(w.folds, f), append(w.folded, in.out[0])
}

// become makes in the step of the group; the other members are part of it.
func (w *groupWriter) become(in *instr) {
	k := arena.One(&w.calls)
	*k = call{attrs: in.Attrs, workers: in.call.workers, ended: in.call.ended}
	ids := arena.Take(&w.ids, len(w.sources))[:0]
	k.in, k.out = arena.Take(&w.shapes, len(w.sources))[:0], arena.Take(&w.shapes, len(w.out)+len(w.folded))[:0]
	in.parts = arena.Take(&w.parts, len(w.members))[:0]
	for _, o := range w.sources {
		ids = append(ids, o.root)
		k.in = append(k.in, w.compiler.code.values[o.root].shape)
	}
	out := append(w.out, w.folded...)
	for _, id := range out {
		k.out = append(k.out, w.compiler.code.values[id].shape)
	}
	for _, m := range w.members {
		w.instrs[m].dead = true
		in.parts = append(in.parts, &w.program.Instrs[w.instrs[m].id])
	}
	in.dead, in.in, in.out, in.call, in.places, in.slow = false, ids, out, k, w.places, false
	in.run, in.rows = w.kernel(k)
}

// kernel returns what runs the program, and the run itself if it may follow a product row by row.
func (w *groupWriter) kernel(k *call) (kernels.Func, *groupRun) {
	r := &groupRun{program: w.programs.Compile(&w.code), n: w.n, inner: w.n, grain: groupGrain(w.cost), folds: w.folds, run: w.run}
	if len(w.folds) > 0 {
		r.grain = foldChunk
	}
	r.at = make([]whereabouts, 0, len(k.in)+len(w.out))
	for i, o := range w.sources {
		r.at = append(r.at, newWhere(o, w.n, k.in[i]))
	}
	for _, s := range k.out[:len(w.out)] {
		r.at = append(r.at, whereabouts{step: s.DType.Size()})
	}
	r.rows(w.group)
	k.scratch = r.written
	if w.product >= 0 {
		return w.epilogue(r, k), nil
	}
	if w.run > 0 { // so that no row is in two chunks
		r.grain = (foldChunk + w.run - 1) / w.run * w.run
	}
	if len(w.folds) > 0 {
		k.scratch += kernels.Aligned(8 * len(w.folds) * ((w.n + r.grain - 1) / r.grain))
	}
	for i := range r.folds {
		r.folds[i].out = len(w.out) + i
	}
	r.body = r.chunk
	if r.row > 0 || len(w.folds) > 0 {
		return r.all, nil
	}
	return r.all, r
}
