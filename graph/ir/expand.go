package ir

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// expandPass replaces what the backend has no kernel for by its expansion.
func expandPass(l *lowering, p *Program) (*Program, error) {
	return l.rewrite(p, func(b *Builder, c call) ([]Value, error) {
		if c.Op.Regions != nil {
			return l.expandFunctions(b, c)
		}
		if c.Op.Expand == nil || l.lowers(c.asked()) {
			return nil, nil
		}
		q, err := l.expansion(c)
		if err != nil {
			return nil, err
		}
		l.note("%s", c.Op)
		return b.inline(q, c.args), nil
	})
}

// expandFunctions returns what stands for a call that runs functions, nil to keep it.
func (l *lowering) expandFunctions(b *Builder, c call) ([]Value, error) {
	if c.Op.Regions.Expand == nil || l.lowers(c.asked()) {
		return nil, nil
	}
	q, err := c.Op.Regions.Expand(c.Attrs, slices.Clone(c.in()), c.Captured, c.Regions)
	if err == nil {
		l.branches = branched(l.branches, q.Branches)
		q, err = expandPass(l, q)
	}
	if err == nil {
		err = SameShapes("the expansion differs from the call", c.out(), q.ShapesOf(q.Outputs))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Op, err)
	}
	l.note("%s", c.Op)
	return b.inline(q, c.args), nil
}

// expansion returns the expansion of a call, expanded itself.
func (l *lowering) expansion(c call) (*Program, error) {
	key := attrsKey(c.Attrs)
	known := key != tooLarge
	if known {
		key = c.Op.Name + " " + key
		for _, s := range c.in() {
			key += " " + s.String()
		}
		if q, ok := l.expansions[key]; ok {
			if q == nil {
				return nil, fmt.Errorf("%s: its expansion contains the same call", c.Op)
			}
			return q, nil
		}
		l.expansions[key] = nil
	}
	q, err := c.Op.Expand(c.Attrs, slices.Clone(c.in()))
	if err == nil {
		l.branches = branched(l.branches, q.Branches)
		q, err = expandPass(l, q)
	}
	if err == nil {
		err = SameShapes("the expansion differs from the call", c.out(), q.ShapesOf(q.Outputs))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Op, err)
	}
	if known {
		l.expansions[key] = q
	}
	return q, nil
}

// rowOf returns the row whose attributes are of the type of attrs: the one that makes constants, the one that converts.
func rowOf(attrs any) func() *Op {
	return sync.OnceValue(func() *Op {
		for _, op := range Ops() {
			if reflect.TypeOf(op.Attrs) == reflect.TypeOf(attrs) {
				return op
			}
		}
		panic(fmt.Sprintf("ir: no row has attributes of type %T", attrs))
	})
}

var (
	constOp   = rowOf(ConstAttrs{})
	convertOp = rowOf(DTypeAttrs{})
)

// widenPass computes in float32 what the backend has no kernel for in a narrower float.
func widenPass(l *lowering, p *Program) (*Program, error) {
	return l.rewrite(p, func(b *Builder, c call) ([]Value, error) {
		if l.notes == nil && !c.narrow() || l.lowers(c.asked()) {
			return nil, nil // or it is left to the backend, of which nobody wants to hear
		}
		in := c.in()
		if c.Op.Regions != nil { // whose functions are of the narrow dtypes
			l.left = append(l.left, describe(c))
			return nil, nil
		}
		wide := c.asked()
		wide.In = widened(in)
		out, err := c.Op.Results(c.Attrs, wide.In)
		if err != nil || SameShapes("", out, widened(c.out())) != nil {
			out = nil
		}
		wide.Out = out
		if out == nil || SameShapes("", wide.In, in) == nil || !l.lowers(wide) {
			l.left = append(l.left, describe(c))
			return nil, nil
		}
		l.note("%s of %s", c.Op, in[c.Op.Typed].DType)
		args := make([]Value, len(c.args))
		for i, v := range c.args {
			args[i] = b.converted(v, wide.In[i].DType)
		}
		results := slices.Clone(b.add(Instr{Op: c.Op, Attrs: c.Attrs, In: args, Place: c.Place}, out))
		for i, s := range c.out() {
			results[i] = b.converted(results[i], s.DType)
		}
		return results, nil
	})
}

// narrow reports whether an operand is of a dtype that could be widened.
func (c call) narrow() bool {
	return slices.ContainsFunc(c.In, func(v Value) bool { return c.b.p.Values[v].DType.IsHalf() })
}

// widened returns the shapes with float32 for narrower floats.
func widened(list []shapes.Shape) []shapes.Shape {
	out := make([]shapes.Shape, len(list))
	for i, s := range list {
		if out[i] = s; s.DType.IsHalf() {
			out[i] = s.WithDType(dtypes.Float32)
		}
	}
	return out
}

// converted returns v in d.
func (b *Builder) converted(v Value, d dtypes.DType) Value {
	s := b.Shape(v)
	if s.DType == d {
		return v
	}
	in := Instr{Op: convertOp(), Attrs: DTypeAttrs{d}, In: []Value{v}, Place: b.place}
	return b.add(in, []shapes.Shape{s.WithDType(d)})[0]
}

// describe writes a call for people.
func describe(c call) string {
	var b strings.Builder
	b.WriteString(c.Op.Name)
	for _, s := range c.in() {
		b.WriteString(" " + s.String())
	}
	if place := c.Place.String(); place != "" {
		b.WriteString("  // " + place)
	}
	return b.String()
}
