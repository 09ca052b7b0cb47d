package gocpu

import (
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/arena"
)

// Fusion: elementwise calls over the same elements become one step, which reads each operand once and writes what somebody
// else needs. A call joins the groups that make its operands, or one that reads an operand of its own, unless something
// outside would have to run in between: a group runs where its last call stood.

const (
	maxMembers  = 48 // calls of a group
	maxOperands = 64 // values that a group reads or writes
	maxCuts     = 8  // axes of rows
	maxFolds    = 16 // results that join elements

	// minRow is how long the rows of a group must be if an operand is one number per row: a program begins anew at each.
	minRow = 64
)

// fusion says which calls run as vector programs, and whether several become one.
type fusion uint8

const (
	whereFaster fusion = iota // all, if package vector has assembly for the processor
	unfused                   // none
	alone                     // all, each by itself
	together                  // all
)

// programs reports whether vector programs are made.
func (f fusion) programs() bool {
	if f == whereFaster {
		return vector.Assembled(cpu.Use())
	}
	return f != unfused
}

// group is a set of calls that become one step.
type group struct {
	n       int // elements
	members []int
	sources []source
	cuts    []int // see layout.go
	run     int   // elements of a row that is reduced, 0 if none is
	product int   // the member that is a product of tensors, see epilogue.go; -1 if none is
}

// source is a value that a group reads.
type source struct {
	root   int
	layout []axis // nil if all elements are read once, or there is one
	at     int    // of a slice: the element at which it begins
	factor bool   // of the product: the program does not read it
}

// size returns how many elements an instruction goes over.
func size(in *instr) int {
	if _, ok := reductions[in.Op]; ok {
		return in.call.in[0].Size()
	}
	return in.call.out[0].Size()
}

// lastAxes returns how many neighbouring elements a reduction joins into each result, 0 if they are not neighbours.
func lastAxes(in *instr) int {
	dims, axes := in.call.in[0].Dimensions, in.Attrs.(ir.ReduceAttrs).Axes
	run, inside := 1, true
	for i := len(dims) - 1; i >= 0; i-- {
		switch reduced := slices.Contains(axes, i); {
		case dims[i] == 1:
		case reduced && inside:
			run *= dims[i]
		case reduced:
			return 0
		default:
			inside = false
		}
	}
	return run
}

// fuser groups the instructions of a program.
type fuser struct {
	*compiler
	readers [][]int        // per root the instructions that read it, in order
	kept    []bool         // per root whether it is a result of the program
	groupOf []*group       // per instruction
	inside  []*group       // per instruction the group that is being tried and has it
	taken   []int          // per instruction of a group how many of its readers the group has
	values  []vector.Value // per root what it is in the program of its group that is being written: one more than that, 0 for none
	writer  *groupWriter
	nearby  [2][]*group // lists to use again
	parts   arena.Of[*ir.Instr]
}

// fuse groups what vector programs compute.
func (c *compiler) fuse() {
	f := &fuser{compiler: c, readers: arena.Again(&c.lists, len(c.code.values)), kept: c.keptRoots(),
		groupOf: make([]*group, len(c.instrs)), inside: make([]*group, len(c.instrs)), taken: arena.Again(&c.numbers, len(c.instrs)),
		values: make([]vector.Value, len(c.code.values))}
	f.findReaders()
	for i := range c.instrs {
		if in := &c.instrs[i]; in.waits && !in.chooses {
			f.place(i)
		}
	}
	f.joinProducts()
	for i, g := range f.groupOf {
		if g != nil && g.members[len(g.members)-1] == i && (f.gainsSteps(g) || f.options.fusion == alone) {
			f.write(g)
		}
	}
}

// findReaders lists who reads which value.
func (f *fuser) findReaders() {
	count, all := arena.Again(&f.numbers, len(f.readers)), 0
	for i := range f.instrs {
		if in := &f.instrs[i]; f.runs(in) {
			for _, id := range in.in {
				for r := range f.code.seenBy(id) {
					count[r]++
					all++
				}
			}
		}
	}
	room := arena.Again(&f.numbers, all)
	for r, n := range count {
		f.readers[r], room = room[:0:n], room[n:]
	}
	for i := range f.instrs {
		if in := &f.instrs[i]; f.runs(in) {
			for _, id := range in.in {
				for r := range f.code.seenBy(id) {
					if k := len(f.readers[r]); k == 0 || f.readers[r][k-1] != i {
						f.readers[r] = append(f.readers[r], i)
					}
				}
			}
		}
	}
}

// runs reports whether an instruction becomes a step.
func (c *compiler) runs(in *instr) bool {
	return !in.dead && !in.call.view
}

// vectorized reports whether vector programs compute an instruction.
func vectorized(in *instr) bool {
	if len(in.out) != 1 || in.call.out[0].Size() == 0 {
		return false
	}
	if _, ok := reductions[in.Op]; ok {
		run := lastAxes(in)
		return in.call.in[0].DType == dtypes.Float32 && (run >= minRow || run == size(in)) && run > 1
	}
	if in.Op == ops.Slice {
		layout, _ := sliceLayout(in.call.out[0].Dimensions, in.call.in[0].Dimensions, in.Attrs.(ir.SliceAttrs))
		return in.call.in[0].DType == dtypes.Float32 && len(layout) > 0 && layout[0].stride == 1 && layout[0].dim >= minRow
	}
	if !in.Op.Elementwise || !hasElements(in.call.out) || !hasElements(in.call.in) {
		return false
	}
	_, ok := writingOf(in)
	return ok
}

// hasElements reports whether vector programs load and store the elements of all the shapes.
func hasElements(list []shapes.Shape) bool {
	for _, s := range list {
		if _, known := elementTypes[s.DType]; !known {
			return false
		}
	}
	return true
}

func writingOf(in *instr) (pointwise, bool) {
	var of [8]dtypes.DType // more than any of these ops takes
	types := of[:0]
	for _, s := range in.call.in {
		types = append(types, s.DType)
	}
	return writing(in.Op, types, in.call.out[0].DType)
}

// place puts instruction i into the groups that it fits, or one of its own.
func (f *fuser) place(i int) {
	var near []*group
	if f.options.fusion != alone {
		near = f.near(i)
	}
	if len(near) == 1 && f.extend(near[0], i) {
		f.groupOf[i] = near[0]
		return
	}
	g := f.union(i, nil)
	if g == nil {
		return
	}
	with := f.nearby[1][:0]
	for _, other := range near {
		if u := f.union(i, append(with, other)); u != nil {
			g, with = u, append(with, other)
		}
	}
	f.nearby[1] = with
	for _, k := range g.members {
		f.groupOf[k] = g
		f.taken[k] = f.readUntil(k, i)
	}
}

// readUntil returns how many readers the value of instruction k has up to instruction i.
func (f *fuser) readUntil(k, i int) int {
	n, _ := slices.BinarySearch(f.readers[f.instrs[k].out[0]], i+1)
	return n
}

// extend is union of i and one group, in its place: a chain of n calls would otherwise be gone through n times.
func (f *fuser) extend(g *group, i int) bool {
	in := &f.instrs[i]
	if size(in) != g.n || len(g.members) == maxMembers {
		return false
	}
	f.looks += len(g.members)
	for _, k := range g.members {
		f.inside[k] = g
		switch readers := f.readers[f.instrs[k].out[0]][f.taken[k]:]; {
		case len(readers) == 0 || readers[0] > i:
		case readers[0] < i, f.instrs[k].call.out[0].DType == dtypes.Int32: // as in stays
			return false
		}
	}
	f.inside[i] = g
	was := *g
	g.members = append(g.members, i)
	if !f.stays(g, i, i) || !f.fits(g) {
		f.inside[i], *g = nil, was
		return false
	}
	for _, k := range g.members {
		f.taken[k] = f.readUntil(k, i)
	}
	return true
}

// near returns the groups that make operands of instruction i, and those that read one, too, the best ones first.
func (f *fuser) near(i int) []*group {
	list := f.nearby[0][:0]
	add := func(k int) {
		if k >= 0 && f.groupOf[k] != nil && !slices.Contains(list, f.groupOf[k]) {
			list = append(list, f.groupOf[k])
		}
	}
	in := &f.instrs[i]
	for _, id := range in.in {
		add(f.maker[f.code.resolve(id)])
	}
	for k, id := range in.in {
		if n := size(in); in.call.in[k].Size() != n || n == 1 {
			continue
		}
		readers := f.readers[f.code.resolve(id)]
		if at, _ := slices.BinarySearch(readers, i); at > 0 {
			add(readers[at-1])
		}
	}
	f.nearby[0] = list
	return list
}

// union returns the group of instruction i and all members of other groups, nil if they cannot be one.
func (f *fuser) union(i int, others []*group) *group {
	members, sources, n := 1, len(f.instrs[i].in), size(&f.instrs[i])
	for _, o := range others {
		if o.n != n {
			return nil
		}
		members, sources = members+len(o.members), sources+len(o.sources)
	}
	if members > maxMembers {
		return nil
	}
	g := &arena.Again(&f.groups, 1)[0]
	g.n, g.product, g.members, g.sources = n, -1, arena.Again(&f.numbers, members)[:0], arena.Again(&f.reads, sources)[:0]
	for _, o := range others {
		g.members = append(g.members, o.members...)
	}
	g.members = append(g.members, i)
	slices.Sort(g.members)
	for _, k := range g.members {
		f.inside[k] = g
	}
	for _, k := range g.members {
		if !f.stays(g, k, i) {
			return nil
		}
	}
	if !f.fits(g) {
		return nil
	}
	return g
}

// fits reports whether g is one that programs are written for.
func (f *fuser) fits(g *group) bool {
	if g.run > 0 && g.cuts[0] != g.run || f.folds(g) > maxFolds {
		return false // a row that is reduced is walked over in one piece
	}
	few := len(g.sources)+len(g.members) <= maxOperands || len(g.sources)+f.made(g) <= maxOperands
	return few && len(g.cuts) <= maxCuts && g.hasLongRows()
}

// stays reports whether member k of g may run at i, and adds its operands to g.
func (f *fuser) stays(g *group, k, i int) bool {
	in := &f.instrs[k]
	for _, r := range f.readers[in.out[0]] {
		f.looks++
		if r > i {
			break
		}
		if f.inside[r] != g {
			return false // it needs the value before
		}
		if in.call.out[0].DType == dtypes.Int32 {
			return false // which no register holds
		}
	}
	if !g.reduces(in) {
		return false
	}
	for j, id := range in.in {
		root := f.code.resolve(id)
		if m := f.maker[f.code.content(id)]; f.code.values[root].lies == partOf && m >= 0 && f.inside[m] == g {
			return false // it is a part of what g makes, in another place
		}
		if m := f.maker[root]; m >= 0 && f.inside[m] == g {
			if in.call.in[j].Size() != g.n {
				return false // each element is needed in several places
			}
			continue
		}
		if _, ok := f.number(root); ok {
			continue
		}
		o, ok := sourceOf(in, j, root), true
		if g.cuts, ok = cuts(g.cuts, o.layout); !ok {
			return false
		}
		if g.find(o) < 0 {
			g.sources = append(g.sources, o)
		}
	}
	return true
}

// reduces adds the rows of a reduction to g, unless it has others; of other calls it has nothing to add.
func (g *group) reduces(in *instr) bool {
	if _, ok := reductions[in.Op]; !ok {
		return true
	}
	run := lastAxes(in)
	if run == g.n {
		return true
	}
	if g.run > 0 && g.run != run {
		return false
	}
	g.run = run
	var ok bool
	g.cuts, ok = cuts(g.cuts, []axis{{run, 0}, {g.n / run, 1}})
	return ok
}

// folds returns how many reductions g has. Reductions alone have kernels of their own.
func (f *fuser) folds(g *group) (n int) {
	for _, k := range g.members {
		if _, ok := reductions[f.instrs[k].Op]; ok {
			n++
		}
	}
	return n
}

// gainsSteps reports whether g does more than what has a kernel of its own: reductions, or a slice.
func (f *fuser) gainsSteps(g *group) bool {
	return f.folds(g) < len(g.members) && (len(g.members) > 1 || f.instrs[g.members[0]].Op != ops.Slice)
}

// sourceOf returns what operand j of an instruction is for a group.
func sourceOf(in *instr, j, root int) source {
	o := source{root: root}
	if in.Op == ops.Slice {
		o.layout, o.at = sliceLayout(in.call.out[0].Dimensions, in.call.in[0].Dimensions, in.Attrs.(ir.SliceAttrs))
		return o
	}
	if n := in.call.in[j].Size(); n != size(in) && n != 1 {
		o.layout = layoutOf(in.call.out[0].Dimensions, in.call.in[j].Dimensions)
	}
	return o
}

// number returns the float32 that a value always is.
func (f *fuser) number(root int) (float32, bool) {
	v := &f.code.values[root]
	if v.kind != constant || v.shape.DType != dtypes.Float32 || v.shape.Size() != 1 {
		return 0, false
	}
	return kernels.Of[float32](v.data)[0], true
}

func (g *group) find(o source) int {
	return slices.IndexFunc(g.sources, func(p source) bool {
		return p.root == o.root && p.at == o.at && p.factor == o.factor && slices.Equal(p.layout, o.layout)
	})
}

// made returns how many values of g are read by others.
func (f *fuser) made(g *group) (n int) {
	for _, k := range g.members {
		if f.needed(g, k) {
			n++
		}
	}
	return n
}

// needed reports whether the value of member k is needed outside of g.
func (f *fuser) needed(g *group, k int) bool {
	id := f.instrs[k].out[0]
	return f.kept[id] || slices.ContainsFunc(f.readers[id], func(r int) bool {
		f.looks++
		return f.inside[r] != g
	})
}

// read reports whether the value of member k is read within g.
func (f *fuser) read(g *group, k int) bool {
	return slices.ContainsFunc(f.readers[f.instrs[k].out[0]], func(r int) bool {
		f.looks++
		return f.inside[r] == g
	})
}

// hasLongRows reports whether g's rows are long, or can be made so by writing those that are operands several times.
func (g *group) hasLongRows() bool {
	return len(g.cuts) == 0 || g.cuts[0] >= minRow || g.repeats()
}

// repeats reports whether all operands that are broadcast are short rows, all of one length.
func (g *group) repeats() bool {
	return len(g.cuts) == 1 && g.run == 0 && g.cuts[0] < kernels.ShortRow && !slices.ContainsFunc(g.sources, func(o source) bool { return o.layout != nil && !isRow(o.layout) })
}

// findChoices finds the choices between two whole values by one bool, the first of which nobody reads afterwards: such a one
// costs nothing where the first is chosen, since it lies there already, and is no part of a group.
func (c *compiler) findChoices() {
	last := arena.Again(&c.numbers, len(c.code.values)) // per root the last instruction that reads it
	for i := range c.instrs {
		for _, id := range c.instrs[i].in {
			for r := range c.code.seenBy(id) {
				last[r] = i
			}
		}
	}
	kept := c.keptRoots()
	for i := range c.instrs {
		in := &c.instrs[i]
		if in.dead || in.Op != ops.Where || in.call.in[0].Size() != 1 || !kept[in.out[0]] {
			continue
		}
		n, yes := in.call.out[0].Size(), c.code.resolve(in.in[1])
		whole := n > 1 && in.call.in[1].Size() == n && in.call.in[2].Size() == n
		in.chooses = whole && c.maker[yes] >= 0 && c.code.values[yes].kind == temp && !c.code.isPart(yes) && !kept[yes] && last[yes] == i
	}
}

// keptRoots tells which values the results of the program are, or are views of.
func (c *compiler) keptRoots() []bool {
	kept := arena.Again(&c.marks, len(c.code.values))
	for _, id := range c.program.Outputs {
		for r := range c.code.seenBy(int(id)) {
			kept[r] = true
		}
	}
	return kept
}
