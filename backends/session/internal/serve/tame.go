package serve

import (
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// foreseeable reports whether a run of a program that ends can fail for nothing but what breaks: clients then need not wait for it.
func foreseeable(low *ir.Program) bool {
	return tame(low) && bytesOf(low, map[*ir.Program]bool{}) <= aheadBytes
}

// ends reports whether no data makes p run for ever. It is asked of a program as it was sent: what it is lowered to may have other
// loops for those that are counted.
func ends(p *ir.Program) bool {
	for i := range p.Instrs {
		in := &p.Instrs[i]
		if in.Op.Regions != nil && in.Op.Regions.Endless || slices.ContainsFunc(in.Regions, func(r *ir.Program) bool { return !ends(r) }) {
			return false
		}
	}
	return true
}

// aheadBytes bounds what all values of a program take that Run does not wait for: so much memory is there, so that a want of it is
// no reason to wait.
const aheadBytes = 1 << 30

// bytesOf returns what the values of a program take, those of each region once.
func bytesOf(p *ir.Program, done map[*ir.Program]bool) (n float64) {
	if done[p] {
		return 0
	}
	done[p] = true
	for _, s := range p.Values {
		size := float64(s.DType.Size())
		for _, d := range s.Dimensions {
			size *= float64(d)
		}
		n += size
	}
	for _, in := range p.Instrs {
		for _, r := range in.Regions {
			n += bytesOf(r, done)
		}
	}
	return n
}

// tame reports whether no data is a mistake for p, as an integer is that is divided by zero.
func tame(p *ir.Program) bool {
	made := map[ir.Value]*ir.Instr{}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		for _, v := range in.Out {
			made[v] = in
		}
		divides := in.Op == ops.Div || in.Op == ops.Rem
		if divides && p.Values[in.In[1]].DType.IsInt() && !nonZero(made, in.In[1]) {
			return false
		}
		for _, r := range in.Regions {
			if !tame(r) {
				return false
			}
		}
	}
	return true
}

// nonZero reports whether v is a constant without a zero, or what only moves the elements of one.
func nonZero(made map[ir.Value]*ir.Instr, v ir.Value) bool {
	in := made[v]
	for in != nil && in.Op.Layout != ir.Computes && len(in.In) == 1 {
		in = made[in.In[0]]
	}
	if in == nil {
		return false
	}
	c, ok := in.Attrs.(ir.ConstAttrs)
	if !ok {
		return false
	}
	for i := range c.Value.Size() {
		if c.Value.Float64At(i) == 0 {
			return false
		}
	}
	return true
}
