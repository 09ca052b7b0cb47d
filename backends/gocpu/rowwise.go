package gocpu

import (
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/arena"
)

// Rows: groups that follow a small product and read its rows each by itself, sums with other values and gates that are slices of a
// row, become one step with it. A worker goes on with the rows that it has multiplied, which lie in its cache, and waits for
// the others once and not after each group: a turn of a recurrent network is a product and little else.

const (
	rowsLimit   = 1 << 16 // elements of the product: what takes longer to make is not held up by what follows
	longestRow  = 512     // of these: a task multiplies whole rows
	longestSum  = 2048    // terms: the parts of longer sums depend on the tasks
	followedFor = 64      // instructions among which those that follow are looked for
	maxFollowed = 24      // values that a group reads, and that it writes
)

// follower is a group that runs on the rows that are made.
type follower struct {
	run    *groupRun
	perRow int   // elements of a row
	even   bool  // a row is one piece, and from row to row all operands go on alike
	in     []int // per operand which one of the step it is, or result k of it as ^k
	out    []int // per result which one of the step it is
}

// do runs rows from to to.
func (f *follower) do(a *kernels.Args, from, to int) {
	var in, out [maxFollowed][]byte
	for i, k := range f.in {
		if k < 0 {
			in[i] = a.Out[^k]
		} else {
			in[i] = a.In[k]
		}
	}
	for i, k := range f.out {
		out[i] = a.Out[k]
	}
	own := kernels.Args{In: in[:len(f.in)], Out: out[:len(f.out)]}
	if f.even {
		f.run.block(&own, from*f.perRow, to-from, f.perRow)
		return
	}
	f.run.chunk(&own, 0, from*f.perRow, to*f.perRow)
}

// followRows lets products go on with what follows them row by row. A product that is the same in all turns of a loop is made before the
// first one: what follows it may not be.
func (c *compiler) followRows() {
	if !c.fuses || c.options.fusion == alone {
		return
	}
	stays := c.inAllTurns()
	for i := range c.instrs {
		in := &c.instrs[i]
		if rows := c.rowsOfProduct(in); rows > 1 && !stays[in.out[0]] {
			c.follow(i, rows)
		}
	}
}

// rowsOfProduct returns how many rows an instruction multiplies, 0 if that is no product that groups follow.
func (c *compiler) rowsOfProduct(in *instr) int {
	if in.dead || in.Op != ops.DotGeneral || in.slow || in.parts != nil {
		return 0
	}
	a, out := in.Attrs.(ir.DotAttrs), in.call.out[0]
	if len(a.LhsBatch) > 0 || in.call.in[0].DType != dtypes.Float32 || out.DType != dtypes.Float32 || out.Size() == 0 || out.Size() > rowsLimit {
		return 0
	}
	columns := product(out.Dimensions[in.call.in[0].Rank()-len(a.LhsContract):])
	rows := out.Size() / columns
	if columns < minRow || columns > longestRow || in.call.in[0].Size() > longestSum*rows {
		return 0
	}
	return rows
}

// rowStep is a step of a product and its followers while it is made.
type rowStep struct {
	*compiler
	rows   int
	in     []int // the product's factors, then what followers read that is not made here
	made   []int
	places [][]int
	list   []follower
	parts  []*ir.Instr
}

// follow makes a step of the product at place first and the groups that follow it.
func (c *compiler) follow(first, rows int) {
	p := &c.instrs[first]
	s := &rowStep{compiler: c, rows: rows, in: slices.Clone(p.in), made: slices.Clone(p.out), places: [][]int{nil}, parts: []*ir.Instr{&c.program.Instrs[p.id]}}
	last := first
	for i := first + 1; i < min(len(c.instrs), first+followedFor); i++ {
		in := &c.instrs[i]
		if !c.runs(in) {
			continue
		}
		if in.control != nil || in.Op.Effect != ir.Pure {
			break
		}
		if !s.reads(in) {
			continue
		}
		if !s.add(in) {
			break
		}
		c.instrs[last].dead = true
		last = i
	}
	if last > first {
		s.become(p, last)
	}
}

// reads reports whether an instruction reads something that is made here.
func (s *rowStep) reads(in *instr) bool {
	return slices.ContainsFunc(in.in, s.isMade)
}

// isMade reports whether a value is made here, or a part of what is.
func (s *rowStep) isMade(id int) bool {
	for r := range s.code.seenBy(id) {
		if slices.Contains(s.made, r) {
			return true
		}
	}
	return false
}

// add lets a group follow, if it reads what is made here row by row.
func (s *rowStep) add(in *instr) bool {
	r := in.rows
	if r == nil || r.n%s.rows != 0 || len(in.in) > maxFollowed || len(in.out) > maxFollowed || len(s.in)+len(in.in)+len(s.made)+len(in.out) > maxOperands {
		return false
	}
	f := follower{run: r, perRow: r.n / s.rows}
	if f.even = len(r.dims) == 1 && r.inner == f.perRow && f.perRow <= longest; f.even {
		r.walkRows(f.perRow)
	}
	operands := s.in
	for i, id := range in.in {
		root := s.code.resolve(id)
		if k := slices.Index(s.made, root); k >= 0 {
			if !r.at[i].rowByRow(s.code.values[root].shape.Size(), r.n, s.rows) {
				return false
			}
			f.in = append(f.in, ^k)
			continue
		}
		if s.isMade(id) {
			return false // it is a part of what is made here
		}
		k := 2 + slices.Index(operands[2:], root) // factors may be others while products run
		if k < 2 {
			k, operands = len(operands), append(operands, root)
		}
		f.in = append(f.in, k)
	}
	s.in = operands
	for o, id := range in.out {
		f.out = append(f.out, len(s.made))
		s.made = append(s.made, id)
		var places []int
		for _, i := range in.places[o] {
			if f.in[i] >= 0 {
				places = append(places, f.in[i])
			}
		}
		s.places = append(s.places, places)
	}
	s.list, s.parts = append(s.list, f), append(s.parts, in.parts...)
	return true
}

// rowByRow reports whether each of so many rows of n elements reads one row of an operand that has size elements.
func (p *whereabouts) rowByRow(size, n, rows int) bool {
	if p.layout == nil {
		return p.step > 0 && p.at == 0 && size == n
	}
	inner, end := 1, p.at/p.size
	for k, a := range p.layout {
		if inner == n/rows {
			return k == len(p.layout)-1 && a.dim == rows && a.stride*rows == size && end < a.stride
		}
		inner *= a.dim
		end += (a.dim - 1) * a.stride
	}
	return false
}

// become makes instruction last the step.
func (s *rowStep) become(p *instr, last int) {
	in := &s.instrs[last]
	k := arena.One(&s.calls)
	*k = call{attrs: in.Attrs, workers: in.call.workers, ended: in.call.ended, in: s.shapesOf(s.in), out: s.shapesOf(s.made)}
	g := p.call.gemm()
	list := s.list
	g.WholeRows = true
	g.Finish = func(a *kernels.Args, _, from, to, _, _ int) {
		for i := range list {
			list[i].do(a, from, to)
		}
	}
	in.run, k.scratch = p.call.multiply(g)
	s.keepOperands()
	in.in, in.out, in.call, in.places, in.parts, in.rows, in.dead = s.in, s.made, k, s.places, s.parts, nil, false
	for _, id := range s.made {
		s.maker[id] = last
	}
}

// keepOperands leaves the places that results may take: no factors, which are read until the end, and nothing that another group
// reads.
func (s *rowStep) keepOperands() {
	readers := make([]int, len(s.in))
	for _, f := range s.list {
		for _, k := range f.in {
			if k >= 0 {
				readers[k]++
			}
		}
	}
	for o := range s.places {
		s.places[o] = slices.DeleteFunc(s.places[o], func(k int) bool {
			owner := s.code.owner(s.in[k])
			return readers[k] > 1 || owner == s.code.owner(s.in[0]) || owner == s.code.owner(s.in[1])
		})
	}
}

func (s *rowStep) shapesOf(ids []int) []shapes.Shape {
	list := make([]shapes.Shape, len(ids))
	for i, id := range ids {
		list[i] = s.code.values[id].shape
	}
	return list
}
