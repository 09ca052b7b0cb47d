package graph

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Rules by which rows say that a call is one of its operands, or a simpler call. What they make has the same bits, but for the sign of a
// zero (x + 0 is x also where x is -0), for the square and the reciprocal that stand for powers of 2 and -1, which round once, and for
// products that read what was repeated for them (simplerDot), which may add up in another order.

// firstOf tries rules one after the other.
func firstOf(rules ...func(r *ir.Rewrite) []ir.Value) func(r *ir.Rewrite) []ir.Value {
	return func(r *ir.Rewrite) []ir.Value {
		for _, rule := range rules {
			if out := rule(r); out != nil {
				return out
			}
		}
		return nil
	}
}

// madeBy returns the operands of the call that makes v, if that is one of op.
func madeBy(r *ir.Rewrite, op *ir.Op, v ir.Value) (in []ir.Value, ok bool) {
	maker, _, in := r.Maker(v)
	return in, maker == op
}

// instead returns a call of op, an elementwise one of the same shape, in the place of the call.
func instead(r *ir.Rewrite, op *ir.Op, in ...ir.Value) []ir.Value {
	return []ir.Value{r.Apply(op, nil, in...)}
}

// simplerAdd: x + (-y) = x - y.
func simplerAdd(r *ir.Rewrite) []ir.Value {
	x, y := r.In[0], r.In[1]
	if in, ok := madeBy(r, neg, y); ok {
		return instead(r, sub, x, in[0])
	}
	if in, ok := madeBy(r, neg, x); ok {
		return instead(r, sub, y, in[0])
	}
	return nil
}

// simplerSub: x - (-y) = x + y; and x - x = 0, for integers: ∞ - ∞ is none.
func simplerSub(r *ir.Rewrite) []ir.Value {
	x, y := r.In[0], r.In[1]
	if in, ok := madeBy(r, neg, y); ok {
		return instead(r, add, x, in[0])
	}
	if x == y && r.Out[0].DType.IsInt() && !r.Out[0].HasNames() {
		zero, err := tensors.New(shapes.Scalar(r.Out[0].DType))
		if err != nil {
			return nil
		}
		return []ir.Value{r.Apply(broadcastTo, ir.ShapeAttrs{Dims: r.Out[0].Dimensions}, r.Apply(constant, ir.ConstAttrs{Value: zero}))}
	}
	return nil
}

// simplerSigns: in products and quotients two signs cancel, and one factor of -1 is a sign.
func simplerSigns(r *ir.Rewrite) []ir.Value {
	x, y := r.In[0], r.In[1]
	if a, ok := madeBy(r, neg, x); ok {
		if b, ok := madeBy(r, neg, y); ok && !(r.Op == div && r.Out[0].DType.IsInt()) { // -128 / -1 wraps around, and 128 / 1 does not
			return instead(r, r.Op, a[0], b[0])
		}
	}
	if r.Out[0].DType.IsComplex() || r.Out[0].DType.IsUnsigned() {
		return nil
	}
	if u, ok := r.Uniform(y); ok && u == -1 && r.Is(x) {
		return instead(r, neg, x)
	}
	if u, ok := r.Uniform(x); ok && u == -1 && r.Op == mul && r.Is(y) {
		return instead(r, neg, y)
	}
	return nil
}

// simplerQuotient: what is divided by a power of 2 is multiplied by its reciprocal, which every float dtype has exactly.
func simplerQuotient(r *ir.Rewrite) []ir.Value {
	const most = 14 // 2⁻¹⁴ is the smallest normal float16
	d := r.Out[0].DType
	u, ok := r.Uniform(r.In[1])
	if !ok || !d.IsFloat() || u == 0 || !r.Is(r.In[0]) {
		return nil
	}
	if frac, exp := math.Frexp(math.Abs(u)); frac != 0.5 || exp-1 < -most || exp-1 > most {
		return nil
	}
	t, err := tensors.FromValue(1 / u).ConvertDType(d)
	if err != nil {
		return nil
	}
	return instead(r, mul, r.In[0], r.Apply(constant, ir.ConstAttrs{Value: t}))
}

// simplerPower: x² is a product; x⁻¹ of floats is a reciprocal.
func simplerPower(r *ir.Rewrite) []ir.Value {
	x := r.In[0]
	u, ok := r.Uniform(r.In[1])
	switch {
	case !ok || !r.Is(x):
		return nil
	case u == 2:
		return instead(r, square, x)
	case u == -1 && r.Out[0].DType.IsFloat():
		return instead(r, reciprocal, x)
	}
	return nil
}

// simplerAbs: the sign does not matter, and what has none keeps its value.
func simplerAbs(r *ir.Rewrite) []ir.Value {
	if r.Shape(r.In[0]).DType.IsComplex() {
		return nil
	}
	if _, ok := madeBy(r, abs, r.In[0]); ok {
		return r.In
	}
	if in, ok := madeBy(r, neg, r.In[0]); ok {
		return instead(r, abs, in[0])
	}
	return nil
}

// again is the rule of ops that change nothing of what they, or others of a list, have made.
func again(others ...**ir.Op) func(r *ir.Rewrite) []ir.Value {
	return func(r *ir.Rewrite) []ir.Value {
		op, _, _ := r.Maker(r.In[0])
		if op != nil && (op == r.Op || slices.ContainsFunc(others, func(other **ir.Op) bool { return op == *other })) {
			return r.In
		}
		return nil
	}
}

// both is the rule of ops that make of two equal operands the same.
func both(r *ir.Rewrite) []ir.Value {
	if r.In[0] == r.In[1] {
		return r.In[:1]
	}
	return nil
}

// opposite returns the comparison that is true where another one is not.
func opposite(op *ir.Op, ordered bool) *ir.Op {
	switch op {
	case equal:
		return notEqual
	case notEqual:
		return equal
	}
	if !ordered { // of NaN neither is true
		return nil
	}
	switch op {
	case lessThan:
		return greaterOrEqual
	case greaterOrEqual:
		return lessThan
	case greaterThan:
		return lessOrEqual
	case lessOrEqual:
		return greaterThan
	}
	return nil
}

// simplerNot turns comparisons round.
func simplerNot(r *ir.Rewrite) []ir.Value {
	op, _, in := r.Maker(r.In[0])
	if op == nil || len(in) == 0 {
		return nil
	}
	if other := opposite(op, r.Shape(in[0]).DType.IsInt()); other != nil {
		return instead(r, other, in...)
	}
	return nil
}

// simplerWhere chooses what is known to be chosen.
func simplerWhere(r *ir.Rewrite) []ir.Value {
	c, x, y := r.In[0], r.In[1], r.In[2]
	if x == y && r.Is(x) {
		return []ir.Value{x}
	}
	if u, ok := r.Uniform(c); ok {
		if chosen := []ir.Value{y, x}[int(u)]; r.Is(chosen) {
			return []ir.Value{chosen}
		}
	}
	if in, ok := madeBy(r, logicalNot, c); ok {
		return instead(r, where, in[0], y, x)
	}
	return nil
}

// partOfComplex is the rule of the parts of complex numbers that were put together of parts.
func partOfComplex(i int) func(r *ir.Rewrite) []ir.Value {
	return func(r *ir.Rewrite) []ir.Value {
		if in, ok := madeBy(r, complexOp, r.In[0]); ok && r.Is(in[i]) {
			return in[i : i+1]
		}
		return nil
	}
}

// simplerReverse: a second time along the same axes.
func simplerReverse(r *ir.Rewrite) []ir.Value {
	axes := r.Attrs.(ir.AxesAttrs).Axes
	if !slices.ContainsFunc(axes, func(a int) bool { return r.Out[0].Dimensions[a] != 1 }) {
		return r.In
	}
	op, attrs, in := r.Maker(r.In[0])
	if op == r.Op && slices.Equal(attrs.(ir.AxesAttrs).Axes, axes) {
		return in
	}
	return nil
}

// maxAcross bounds the work of looking for what undoes a call.
const maxAcross = 8

// across is the rule of calls that move elements and may be undone before elementwise calls: y = move(f(g(undo(x)))) is f(g(x)), where
// nobody reads what is between. undone returns the x that move and a call before it leave as it is.
func across(r *ir.Rewrite, undone func(op *ir.Op, attrs any, in []ir.Value) (x ir.Value, ok bool)) []ir.Value {
	type link struct {
		op    *ir.Op
		attrs any
		in    []ir.Value
		at    int // the operand that the chain goes through
	}
	var chain []link
	for v := r.In[0]; len(chain) < maxAcross; {
		op, attrs, in := r.Maker(v)
		if op == nil {
			return nil
		}
		if x, ok := undone(op, attrs, in); ok && len(chain) > 0 {
			for i := len(chain) - 1; i >= 0; i-- {
				l := chain[i]
				args := slices.Clone(l.in)
				args[l.at] = x
				x = r.Apply(l.op, l.attrs, args...)
			}
			return []ir.Value{x}
		}
		if !op.Elementwise || op.Kernel != nil || op.StableHLO != nil || !r.ReadOnce(v) {
			return nil
		}
		at := -1
		for i, a := range in {
			if r.Shape(a).Rank() == 0 {
				continue
			}
			if at >= 0 || !r.Shape(a).EqualDimensions(r.Shape(v)) {
				return nil
			}
			at = i
		}
		if at < 0 {
			return nil
		}
		chain = append(chain, link{op, attrs, in, at})
		v = in[at]
	}
	return nil
}

// crossedTranspose is across for permutations of axes.
func crossedTranspose(r *ir.Rewrite) []ir.Value {
	perm := r.Attrs.(ir.TransposeAttrs).Perm
	return across(r, func(op *ir.Op, attrs any, in []ir.Value) (x ir.Value, ok bool) {
		if op != r.Op {
			return 0, false
		}
		inner := attrs.(ir.TransposeAttrs).Perm
		for i, a := range perm {
			if inner[a] != i {
				return 0, false
			}
		}
		return in[0], true
	})
}

// crossedReshape is across for views.
func crossedReshape(r *ir.Rewrite) []ir.Value {
	return across(r, func(op *ir.Op, _ any, in []ir.Value) (x ir.Value, ok bool) {
		if op.Layout != ir.View || !r.Shape(in[0]).EqualDimensions(r.Out[0]) {
			return 0, false
		}
		return in[0], true
	})
}

// simplerDot lets a product read what was repeated along its batch axes as it is: the batch axes of the other side are rows then.
func simplerDot(r *ir.Rewrite) []ir.Value {
	a := r.Attrs.(ir.DotAttrs)
	if len(a.RhsBatch) == 0 || r.Out[0].HasNames() {
		return nil
	}
	leading := true // the result has batch axes in front, and then the rows
	for i, axis := range a.LhsBatch {
		leading = leading && axis == i
	}
	if once, ok := unrepeated(r, r.In[1], a.RhsBatch, a.RhsContract); ok && leading {
		return []ir.Value{r.Apply(r.Op, ir.DotAttrs{LhsContract: a.LhsContract, RhsContract: once.contract, Accumulator: a.Accumulator, Output: a.Output}, r.In[0], once.value(r))}
	}
	once, ok := unrepeated(r, r.In[0], a.LhsBatch, a.LhsContract)
	if !ok {
		return nil
	}
	// The sides change places: z[…, i…] = Σ_k y[…, k…] · x[i…, k…] has the axes of y that stay, in y's order, and then x's rows.
	y := r.Shape(r.In[1])
	var stay []int // per axis of z that is y's, which it is there
	for axis := range y.Rank() {
		if !slices.Contains(a.RhsContract, axis) {
			stay = append(stay, axis)
		}
	}
	perm := make([]int, 0, r.Out[0].Rank())
	for _, axis := range a.RhsBatch {
		perm = append(perm, slices.Index(stay, axis))
	}
	for i := range r.Out[0].Rank() - len(stay) {
		perm = append(perm, len(stay)+i)
	}
	for i, axis := range stay {
		if !slices.Contains(a.RhsBatch, axis) {
			perm = append(perm, i)
		}
	}
	dims := make([]int, len(perm)) // of z
	for i, axis := range perm {
		dims[axis] = r.Out[0].Dimensions[i]
	}
	moved := movesElements(dims, perm)
	if moved && r.Out[0].Size() > r.Shape(r.In[0]).Size() {
		return nil // to put the result's axes in order would write more than the repetition did
	}
	z := r.Apply(r.Op, ir.DotAttrs{LhsContract: a.RhsContract, RhsContract: once.contract, Accumulator: a.Accumulator, Output: a.Output}, r.In[1], once.value(r))
	switch {
	case slices.IsSorted(perm):
		return []ir.Value{z}
	case moved:
		return []ir.Value{r.Apply(transpose, ir.TransposeAttrs{Perm: perm}, z)}
	}
	return []ir.Value{r.Apply(reshape, ir.ShapeAttrs{Dims: r.Out[0].Dimensions}, z)}
}

// operand is one of a product as it was before it was repeated along the product's batch axes: without these.
type operand struct {
	from     ir.Value
	dims     []int
	contract []int // its contracting axes, as they are counted then
}

func (o operand) value(r *ir.Rewrite) ir.Value {
	if len(o.dims) == r.Shape(o.from).Rank() {
		return o.from
	}
	return r.Apply(reshape, ir.ShapeAttrs{Dims: o.dims}, o.from)
}

// unrepeated returns what v was before it was repeated along the batch axes of a product, all of them and no others; ok is false if it
// was not.
func unrepeated(r *ir.Rewrite, v ir.Value, batch, contract []int) (o operand, ok bool) {
	op, _, in := r.Maker(v)
	if op != broadcastTo {
		return o, false
	}
	o.from = in[0]
	from, to := r.Shape(in[0]), r.Shape(v)
	missing := to.Rank() - from.Rank()
	var place []int // per axis of to, which it is then
	for axis, d := range to.Dimensions {
		if slices.Contains(batch, axis) {
			if axis >= missing && (from.Dimensions[axis-missing] != 1 || d == 0) {
				return o, false
			}
			place = append(place, -1)
			continue
		}
		if axis < missing || from.Dimensions[axis-missing] != d {
			return o, false // it is repeated along another axis, too
		}
		place, o.dims = append(place, len(o.dims)), append(o.dims, d)
	}
	for _, axis := range contract {
		o.contract = append(o.contract, place[axis])
	}
	return o, true
}

// neutral is the rule of ops of which one operand changes nothing where all of it is the number u: the last operand, or,
// for those that commute, either.
func neutral(u float64, commutes bool) func(r *ir.Rewrite) []ir.Value {
	return func(r *ir.Rewrite) []ir.Value {
		x, y := r.In[0], r.In[1]
		if r.Shape(x).DType.IsComplex() {
			return nil // (∞ + 0i) · (1 + 0i) is no longer ∞ + 0i
		}
		if v, ok := r.Uniform(y); ok && v == u && r.Is(x) {
			return []ir.Value{x}
		}
		if v, ok := r.Uniform(x); commutes && ok && v == u && r.Is(y) {
			return []ir.Value{y}
		}
		return nil
	}
}

// undone is the rule of ops that undo themselves.
func undone(r *ir.Rewrite) []ir.Value {
	op, _, in := r.Maker(r.In[0])
	if op != r.Op {
		return nil
	}
	return in
}

// simplerTranspose joins two permutations of axes, and drops one that moves nothing.
func simplerTranspose(r *ir.Rewrite) []ir.Value {
	perm := r.Attrs.(ir.TransposeAttrs).Perm
	if slices.IsSorted(perm) {
		return r.In
	}
	op, attrs, in := r.Maker(r.In[0])
	if op != r.Op {
		return nil
	}
	inner := attrs.(ir.TransposeAttrs).Perm
	joined := make([]int, len(perm))
	for i, a := range perm {
		joined[i] = inner[a]
	}
	if slices.IsSorted(joined) {
		return in
	}
	return []ir.Value{r.Apply(op, ir.TransposeAttrs{Perm: joined}, in...)}
}

// viewTranspose: a permutation that moves axes of size 1 alone is another view of the same memory.
func viewTranspose(r *ir.Rewrite) []ir.Value {
	x := r.Shape(r.In[0])
	if x.HasNames() || movesElements(x.Dimensions, r.Attrs.(ir.TransposeAttrs).Perm) {
		return nil
	}
	return []ir.Value{r.Apply(reshape, ir.ShapeAttrs{Dims: r.Out[0].Dimensions}, r.In[0])}
}

// movesElements reports whether a permutation of axes of some sizes moves others than those of size 1 past each other.
func movesElements(dims, perm []int) bool {
	last := -1
	for _, a := range perm {
		if dims[a] == 1 {
			continue
		}
		if a < last {
			return true
		}
		last = a
	}
	return false
}

// simplerReshape looks through the views that its operand is made by.
func simplerReshape(r *ir.Rewrite) []ir.Value {
	x := viewed(r, r.In[0])
	if x == r.In[0] {
		return nil
	}
	return []ir.Value{r.Apply(r.Op, r.Attrs, x)}
}

// simplerBroadcast joins two repetitions.
func simplerBroadcast(r *ir.Rewrite) []ir.Value {
	op, _, in := r.Maker(r.In[0])
	if op != r.Op {
		return nil
	}
	return []ir.Value{r.Apply(op, r.Attrs, in...)}
}

// simplerConvert drops a conversion to the dtype that a value has, and one back from a dtype that holds every number of
// the first.
func simplerConvert(r *ir.Rewrite) []ir.Value {
	x, d := r.In[0], r.Out[0].DType
	if r.Shape(x).DType == d {
		return r.In
	}
	if op, _, in := r.Maker(x); op == r.Op && r.Shape(in[0]).DType == d && holdsAll(r.Shape(x).DType, d) {
		return in
	}
	return nil
}

// holdsAll reports whether every number of d is one of wide, which is of the same kind.
func holdsAll(wide, d dtypes.DType) bool {
	switch {
	case wide.IsFloat() && d.IsFloat():
		_, most := dtypes.Limits(wide)
		_, need := dtypes.Limits(d)
		f := func(v any) float64 { return dtypes.Convert(v, dtypes.Float64).(float64) }
		return dtypes.Epsilon(wide) <= dtypes.Epsilon(d) && f(most) >= f(need)
	case wide.IsInt() && d.IsInt():
		return wide.Size() > d.Size() && (d.IsUnsigned() || !wide.IsUnsigned())
	}
	return false
}

// simplerSlice drops a slice of everything, and joins two slices.
func simplerSlice(r *ir.Rewrite) []ir.Value {
	a := r.Attrs.(ir.SliceAttrs)
	if r.Is(r.In[0]) && !slices.ContainsFunc(a.Start, func(i int) bool { return i != 0 }) {
		return r.In
	}
	op, attrs, in := r.Maker(r.In[0])
	if op != r.Op || r.Out[0].Size() == 0 {
		return nil
	}
	inner, n := attrs.(ir.SliceAttrs), len(a.Start)
	joined := ir.SliceAttrs{Start: make([]int, n), Limit: make([]int, n), Stride: make([]int, n)}
	for i, d := range r.Out[0].Dimensions { // x[s + (t + i·u)·v]
		joined.Start[i] = inner.Start[i] + a.Start[i]*inner.Stride[i]
		if joined.Stride[i] = 1; d > 1 { // then the product is less than the axis; of one element it may be too large to be a number
			joined.Stride[i] = inner.Stride[i] * a.Stride[i]
		}
		joined.Limit[i] = joined.Start[i] + (d-1)*joined.Stride[i] + 1
	}
	return []ir.Value{r.Apply(op, joined, in...)}
}

// simplerPad drops padding by nothing.
func simplerPad(r *ir.Rewrite) []ir.Value {
	if a := r.Attrs.(ir.PadAttrs); !slices.ContainsFunc(a.Axes, func(p ir.PadAxis) bool { return p != ir.PadAxis{} }) {
		return r.In[:1]
	}
	return nil
}

// simplerConcatenate drops a concatenation of one operand. What is put together along the first axis is put together in memory,
// under whatever dimensions: views of operands become a view of the result, so that a sequence of times and the rows of all times
// are one value.
func simplerConcatenate(r *ir.Rewrite) []ir.Value {
	if len(r.In) == 1 {
		return r.In
	}
	if r.Attrs.(ir.AxisAttrs).Axis != 0 {
		return nil
	}
	bases := make([]ir.Value, len(r.In))
	for i, v := range r.In {
		bases[i] = viewed(r, v)
		if bases[i] == v || !fitAlong(r.Shape(bases[0]), r.Shape(bases[i])) {
			return nil
		}
	}
	rows := r.Apply(r.Op, r.Attrs, bases...)
	if r.Is(rows) {
		return []ir.Value{rows}
	}
	return []ir.Value{r.Apply(reshape, ir.ShapeAttrs{Dims: r.Out[0].Dimensions}, rows)}
}

// viewed returns what v is a view of, v itself if it is none.
func viewed(r *ir.Rewrite, v ir.Value) ir.Value {
	for {
		op, _, in := r.Maker(v)
		if op == nil || op.Layout != ir.View {
			return v
		}
		v = in[0]
	}
}

// fitAlong reports whether values of two shapes without names can be put together along their first axis.
func fitAlong(a, b shapes.Shape) bool {
	return a.Rank() > 0 && a.Rank() == b.Rank() && !a.HasNames() && !b.HasNames() && slices.Equal(a.Dimensions[1:], b.Dimensions[1:])
}
