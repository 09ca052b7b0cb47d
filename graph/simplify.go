package graph

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Rules by which rows say that a call is one of its operands, or a simpler call. They hold for all values of real
// dtypes, but for the sign of a zero: x + 0 is x also where x is -0.

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

// simplerSlice drops a slice of everything.
func simplerSlice(r *ir.Rewrite) []ir.Value {
	if a := r.Attrs.(ir.SliceAttrs); r.Is(r.In[0]) && !slices.ContainsFunc(a.Start, func(i int) bool { return i != 0 }) {
		return r.In
	}
	return nil
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
