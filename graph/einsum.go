package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Einsum returns a sum of products of the operands, written as an equation in which letters name axes:
//
//	Einsum("ij,jk->ik", a, b)          // matrix product
//	Einsum("bqhd,bkhd->bhqk", q, k)    // attention scores
//	Einsum("ii->", a)                  // trace
//	Einsum("...ij,...jk->...ik", a, b) // batches, whatever their axes
//
// The result has the axes after "->"; over all other letters the products are summed. A letter that an
// operand has twice is its diagonal. "..." stands for the axes left over, which are broadcast. Without
// "->" the result has "..." and then the letters that come once, in alphabetical order. Axes with the same
// letter must have the same size, and names that do not contradict each other. All operands have the same
// dtype, a number; sums are those of [DotGeneral].
//
// Any number of operands are multiplied in pairs, the pair with the smallest result first. It panics with
// [Error], which names the letter or the operand, if equation and operands do not fit.
func Einsum(equation string, operands ...*Node) *Node {
	return Apply(einsum, ir.EinsumAttrs{Equation: equation}, operands...)
}

// Einsum makes the sum that the function [Einsum] describes.
func (b *DotBuilder) Einsum(equation string) *Node {
	return Apply(einsum, ir.EinsumAttrs{Equation: equation, Accumulator: b.accumulator, Output: b.output}, b.lhs, b.rhs)
}

var einsum *ir.Op

// einsumPlan is an equation with its operands: a label, a rune, for each axis. The axes that "..." stands
// for have negative labels, counted from their end.
type einsumPlan struct {
	operands [][]rune
	output   []rune
	sizes    map[rune]int
	names    map[rune]string
	dtype    dtypes.DType
}

func planEinsum(a ir.EinsumAttrs, in []shapes.Shape) (*einsumPlan, error) {
	d, err := dotDTypes(a.Accumulator, a.Output, in)
	if err != nil {
		return nil, err
	}
	p := &einsumPlan{sizes: map[rune]int{}, names: map[rune]string{}, dtype: d}
	left, right, explicit := strings.Cut(strings.ReplaceAll(a.Equation, " ", ""), "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(in) {
		return nil, fmt.Errorf("%q has %d operands, got %d", a.Equation, len(terms), len(in))
	}
	dots := 0 // the most axes that "..." stands for
	for i, term := range terms {
		labels, err := parseTerm(term, in[i].Rank())
		if err != nil {
			return nil, fmt.Errorf("%q, operand %d: %w", a.Equation, i, err)
		}
		for axis, l := range labels {
			size, known := p.sizes[l]
			switch now := in[i].Dimensions[axis]; {
			case !known || l < 0 && size == 1:
				p.sizes[l] = now
			case now != size && !(l < 0 && now == 1):
				return nil, fmt.Errorf("%q, operand %d, axis %d: %s is %d here and %d before", a.Equation, i, axis, labelName(l), now, size)
			}
			if p.names[l], err = shapes.JoinName(p.names[l], in[i].Name(axis)); err != nil {
				return nil, fmt.Errorf("%q, operand %d: %s: %w", a.Equation, i, labelName(l), err)
			}
			dots = max(dots, int(-l))
		}
		p.operands = append(p.operands, labels)
	}
	if !explicit {
		right = implicitOutput(left)
	}
	if n := strings.Count(right, "..."); n > 1 {
		return nil, fmt.Errorf("%q: two ellipses in the result", a.Equation)
	} else if n == 0 && dots > 0 {
		return nil, fmt.Errorf("%q: the result must say where the axes of \"...\" go", a.Equation)
	}
	rank := len(strings.Replace(right, "...", "", 1))
	if strings.Contains(right, "...") {
		rank += dots
	}
	if p.output, err = parseTerm(right, rank); err != nil {
		return nil, fmt.Errorf("%q, result: %w", a.Equation, err)
	}
	for i, l := range p.output {
		if _, known := p.sizes[l]; !known {
			return nil, fmt.Errorf("%q: %s of the result is in no operand", a.Equation, labelName(l))
		}
		if slices.Contains(p.output[:i], l) {
			return nil, fmt.Errorf("%q: %s comes twice in the result", a.Equation, labelName(l))
		}
	}
	return p, nil
}

func labelName(l rune) string {
	if l < 0 {
		return fmt.Sprintf("axis %d of \"...\"", l)
	}
	return fmt.Sprintf("letter %c", l)
}

// parseTerm returns a label per axis.
func parseTerm(term string, rank int) ([]rune, error) {
	before, after, ellipsis := strings.Cut(term, "...")
	for _, l := range before + after {
		if !('a' <= l && l <= 'z' || 'A' <= l && l <= 'Z') {
			return nil, fmt.Errorf("%q is not a letter", l)
		}
	}
	rest := rank - len(before) - len(after)
	if rest < 0 || rest > 0 && !ellipsis {
		return nil, fmt.Errorf("%q names %d axes, there are %d", term, len(before)+len(after), rank)
	}
	labels := []rune(before)
	for ; rest > 0; rest-- {
		labels = append(labels, rune(-rest))
	}
	return append(labels, []rune(after)...), nil
}

// implicitOutput returns the result's letters if an equation does not say them.
func implicitOutput(left string) string {
	var once []rune
	for _, l := range strings.NewReplacer(",", "", ".", "").Replace(left) {
		if strings.Count(left, string(l)) == 1 {
			once = append(once, l)
		}
	}
	slices.Sort(once)
	if strings.Contains(left, "...") {
		return "..." + string(once)
	}
	return string(once)
}

func einsumRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	p, err := planEinsum(attrs.(ir.EinsumAttrs), in)
	if err != nil {
		return shapes.Shape{}, err
	}
	dims, names := make([]int, len(p.output)), make([]string, len(p.output))
	for i, l := range p.output {
		dims[i], names[i] = p.sizes[l], p.names[l]
	}
	return shapes.Make(p.dtype, dims...).WithAxisNames(names...), nil
}

// einsumRef runs over all values of all letters.
func einsumRef[T number](attrs any, out, in []*tensors.Tensor) {
	p, err := planEinsum(attrs.(ir.EinsumAttrs), tensorShapes(in))
	if err != nil {
		panic(err)
	}
	labels := slices.Clone(p.output)
	for _, term := range p.operands {
		for _, l := range term {
			if !slices.Contains(labels, l) {
				labels = append(labels, l)
			}
		}
	}
	dims := make([]int, len(labels))
	for i, l := range labels {
		dims[i] = p.sizes[l]
	}
	strides := make([][]int, len(in)) // per operand and label
	x := make([][]T, len(in))
	for k, t := range in {
		x[k], strides[k] = load[T](t), make([]int, len(labels))
		for axis, l := range p.operands[k] {
			if t.Shape().Dimensions[axis] > 1 {
				strides[k][slices.Index(labels, l)] += t.Shape().Strides()[axis]
			}
		}
	}
	v, to, index := make([]T, out[0].Size()), out[0].Shape().Strides(), make([]int, len(labels))
	for i := range product(dims) {
		unravel(i, dims, index)
		term := T(1)
		for k := range x {
			term *= x[k][ravel(index, strides[k])]
		}
		v[ravel(index[:len(to)], to)] += term
	}
	if a := attrs.(ir.EinsumAttrs).Accumulator; a.IsInt() {
		t := tensors.FromShape(shapes.Make(a, len(v)))
		store(t, v)
		v = load[T](t)
	}
	store(out[0], v)
}

func tensorShapes(ts []*tensors.Tensor) []shapes.Shape {
	s := make([]shapes.Shape, len(ts))
	for i, t := range ts {
		s[i] = t.Shape()
	}
	return s
}

// factor is an operand of a product on its way: a node and the labels of its axes, none of them twice.
type factor struct {
	x      *Node
	labels []rune
}

// expandEinsum multiplies in pairs, at each step the pair whose product is smallest (and among equals the
// one that makes most disappear).
func expandEinsum(attrs any, in []*Node) []*Node {
	a := attrs.(ir.EinsumAttrs)
	p, err := planEinsum(a, inShapes(in))
	if err != nil {
		in[0].graph.fail("Einsum", inShapes(in), err)
	}
	wide := a.Accumulator // what is multiplied once more is kept in the accumulator
	if wide == dtypes.Invalid {
		if wide = p.dtype; wide.IsHalf() {
			wide = dtypes.Float32
		}
	}
	if len(in) > 2 { // which are multiplied first depends on what is smallest
		sizes := make([]int, 0, len(p.sizes))
		for _, l := range slices.Sorted(maps.Keys(p.sizes)) {
			sizes = append(sizes, p.sizes[l])
		}
		in[0].graph.BranchOn("Einsum", sizes...)
	}
	factors := make([]factor, len(in))
	for i, x := range in {
		if len(in) != 2 { // DotGeneral does that for a pair
			x = ConvertDType(x, wide)
		}
		factors[i] = p.diagonals(factor{withoutNames(x), p.operands[i]})
	}
	for i := range factors {
		factors[i] = p.sumOut(factors, i)
	}
	for len(factors) > 1 {
		bi, bj, best := 0, 1, [2]int{-1, 0}
		for i := range factors {
			for j := i + 1; j < len(factors); j++ {
				size := p.size(p.merged(factors, i, j))
				cost := [2]int{size, size - p.size(factors[i].labels) - p.size(factors[j].labels)}
				if best[0] < 0 || slices.Compare(cost[:], best[:]) < 0 {
					bi, bj, best = i, j, cost
				}
			}
		}
		y := p.contract(factors, bi, bj, a)
		factors = append(slices.Delete(slices.Delete(factors, bj, bj+1), bi, bi+1), y)
		factors[len(factors)-1] = p.sumOut(factors, len(factors)-1)
	}
	return []*Node{p.arrange(factors[0])}
}

// size returns the number of elements of a tensor with the given labels.
func (p *einsumPlan) size(labels []rune) int {
	n := 1
	for _, l := range labels {
		n *= p.sizes[l]
	}
	return n
}

// needed reports whether a label is in the result or in a factor other than i and j.
func (p *einsumPlan) needed(l rune, factors []factor, i, j int) bool {
	if slices.Contains(p.output, l) {
		return true
	}
	for k, f := range factors {
		if k != i && k != j && slices.Contains(f.labels, l) {
			return true
		}
	}
	return false
}

// diagonals takes the diagonal along axes with the same label and removes axes that are broadcast.
func (p *einsumPlan) diagonals(f factor) factor {
	for axis := 0; axis < len(f.labels); axis++ {
		if l := f.labels[axis]; f.x.Dim(axis) == 1 && p.sizes[l] != 1 {
			f.x, f.labels = Squeeze(f.x, axis), slices.Delete(slices.Clone(f.labels), axis, axis+1)
			axis--
		}
	}
	for axis := 0; axis < len(f.labels); axis++ {
		l := f.labels[axis]
		other := slices.Index(f.labels[axis+1:], l)
		if other < 0 {
			continue
		}
		other += axis + 1
		// With both axes last, the diagonal of [n, n] is every n+1-th element of [n·n].
		n := p.sizes[l]
		perm := append(axesExcept(f.x.Rank(), []int{axis, other}), axis, other)
		rest := slices.Delete(slices.Clone(f.labels), other, other+1)
		rest = append(slices.Delete(rest, axis, axis+1), l)
		x := transposeTo(f.x, perm)
		dims := append(slices.Clone(x.Shape().Dimensions[:x.Rank()-2]), n*n)
		x = SliceAxis(Reshape(x, dims...), -1, AxisRange().Stride(n+1))
		f, axis = factor{x, rest}, -1
	}
	return f
}

// sumOut sums factor i over the labels that nothing else has.
func (p *einsumPlan) sumOut(factors []factor, i int) factor {
	f := factors[i]
	var axes []int
	var rest []rune
	for axis, l := range f.labels {
		if p.needed(l, factors, i, i) {
			rest = append(rest, l)
		} else {
			axes = append(axes, axis)
		}
	}
	if len(axes) == 0 {
		return f
	}
	return factor{ReduceSum(f.x, axes...), rest}
}

// merged returns the labels of the product of factors i and j: batches, then what is left of both.
func (p *einsumPlan) merged(factors []factor, i, j int) []rune {
	l, r := factors[i].labels, factors[j].labels
	var batch, lhs, rhs []rune
	for _, a := range l {
		switch both := slices.Contains(r, a); {
		case both && p.needed(a, factors, i, j):
			batch = append(batch, a)
		case !both:
			lhs = append(lhs, a)
		}
	}
	for _, a := range r {
		if !slices.Contains(l, a) {
			rhs = append(rhs, a)
		}
	}
	return slices.Concat(batch, lhs, rhs)
}

// contract multiplies factors i and j and sums over what only they have.
func (p *einsumPlan) contract(factors []factor, i, j int, a ir.EinsumAttrs) factor {
	l, r := factors[i], factors[j]
	labels := p.merged(factors, i, j)
	d := ir.DotAttrs{}
	if len(p.operands) == 2 {
		d.Accumulator, d.Output = a.Accumulator, p.dtype
	}
	for axis, label := range l.labels {
		other := slices.Index(r.labels, label)
		switch {
		case other < 0:
		case slices.Contains(labels, label):
			d.LhsBatch, d.RhsBatch = append(d.LhsBatch, axis), append(d.RhsBatch, other)
		default:
			d.LhsContract, d.RhsContract = append(d.LhsContract, axis), append(d.RhsContract, other)
		}
	}
	return factor{Apply(dotGeneral, d, l.x, r.x), labels}
}

// arrange brings f into the order, dtype and names of the result.
func (p *einsumPlan) arrange(f factor) *Node {
	perm, dims, names := make([]int, 0, len(f.labels)), make([]int, len(p.output)), make([]string, len(p.output))
	place := make([]int, len(p.output))
	for i, l := range p.output {
		dims[i], names[i], place[i] = p.sizes[l], p.names[l], 1
		if axis := slices.Index(f.labels, l); axis >= 0 {
			perm, place[i] = append(perm, axis), p.sizes[l]
		}
	}
	y := ConvertDType(transposeTo(f.x, perm), p.dtype)
	if !slices.Equal(y.Shape().Dimensions, dims) {
		y = BroadcastToDims(Reshape(y, place...), dims...)
	}
	return nameLike(y, shapes.Make(p.dtype, dims...).WithAxisNames(names...))
}

func init() {
	eq := func(e string) ir.EinsumAttrs { return ir.EinsumAttrs{Equation: e} }
	einsum = Define(ir.Op{
		Name: "Einsum", Family: "dot", Variadic: true, Cost: einsumCost, Doc: "a sum of products by an equation of axes, such as bij,bjk->bik", DTypes: dtypes.Numbers, Attrs: ir.EinsumAttrs{},
		Infer: einsumRule,
		Ref:   byKind(0, einsumRef[float64], einsumRef[int64], einsumRef[uint64], einsumRef[complex128]),
		Samples: []ir.Sample{
			{Name: "matrix product", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 4)}, Attrs: eq("ij,jk->ik")},
			{Name: "worked out", In: []ir.Input{ir.Array([]int{2, 2}, 1, 2, 3, 4), ir.Array([]int{2, 2}, 5, 6, 7, 8)}, DTypes: dtypes.Reals, Attrs: eq("ij,jk->ki"), Want: []float64{19, 43, 22, 50}},
			{Name: "attention", In: []ir.Input{ir.Ramp(2, 2, 2, 3), ir.Ramp(2, 3, 2, 3)}, Attrs: eq("bqhd,bkhd->bhqk")},
			{Name: "without arrow", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(4, 3)}, Attrs: eq("bx, ax")},
			{Name: "transpose", In: []ir.Input{ir.Ramp(2, 3)}, Attrs: eq("ij->ji")},
			{Name: "trace", In: []ir.Input{ir.Ramp(3, 3)}, Attrs: eq("ii->")},
			{Name: "diagonal", In: []ir.Input{ir.Ramp(2, 3, 2)}, Attrs: eq("iji->ij")},
			{Name: "sum of one", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 2)}, Attrs: eq("ij,ik->k")},
			{Name: "outer product", In: []ir.Input{ir.Ramp(2), ir.Ramp(3)}, Attrs: eq("i,j->ij")},
			{Name: "elements", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 2)}, Attrs: eq("ij,ji->ij")},
			{Name: "three", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 2), ir.Ramp(2, 2)}, Attrs: eq("ij,jk,kl->il")},
			{Name: "four, a batch in all", In: []ir.Input{ir.Ramp(2, 2), ir.Ramp(2, 3), ir.Ramp(2), ir.Ramp(2, 2, 3)}, Attrs: eq("bi,bj,b,bij->b")},
			{Name: "ellipsis", In: []ir.Input{ir.Ramp(2, 1, 2, 3), ir.Ramp(2, 3, 2)}, Attrs: eq("...ij,...jk->...ik")},
			{Name: "ellipsis of one", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3)}, Attrs: eq("...i,i->...")},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(2)}, Attrs: eq(",i->i")},
			{Name: "float32 result", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 2)}, DTypes: dtypes.Halves, Attrs: ir.EinsumAttrs{Equation: "ij,jk->ik", Accumulator: dtypes.Invalid, Output: dtypes.Float32}},
		},
		Tol: ir.Tolerance{ULP: 16, Abs: 64, Why: "sums and products in another order"},
	}, Rule{JVPMulti: multilinear, Expand: expandEinsum})
}
