package model

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// precision is what [Scope.WithPrecision] says of a graph.
type precision struct {
	compute, param dtypes.DType
	on             bool
	views          map[*Variable]bool // that are asked for in compute
}

type precisionKey struct{ store *Store }

// WithPrecision returns the scope for a model that computes in one float dtype and keeps its variables in another: a variable that is asked for in the
// dtype compute is made in the dtype param, and its value in the graph is converted to compute, as is what the model sets it to. Layers need not know:
// they ask for weights of their input's dtype. It holds in this graph until end is called, after the model and before the optimizer, which
// sees variables as they are. [Variable.Shape] is always that of what is kept.
func (s *Scope) WithPrecision(g *graph.Graph, compute, param dtypes.DType) (scope *Scope, end func()) {
	if !compute.IsFloat() || !param.IsFloat() {
		graph.Errorf("WithPrecision: compute in %s and keep variables in %s: want floats", compute, param)
	}
	c := *s.made()
	c.precision = &precision{compute: compute, param: param, on: true, views: map[*Variable]bool{}}
	g.AttachState(precisionKey{s.store}, c.precision)
	return &c, func() { c.precision.on = false }
}

// kept returns the shape in which a variable of the given shape is kept.
func (p *precision) kept(shape shapes.Shape) shapes.Shape {
	if p == nil || !p.on || shape.DType != p.compute {
		return shape
	}
	return shape.WithDType(p.param)
}

// viewed returns the dtype in which a graph sees v, if that is another than its own.
func (v *Variable) viewed(g *graph.Graph) (compute dtypes.DType, ok bool) {
	p, _ := g.State(precisionKey{v.store}).(*precision)
	if p == nil || !p.on || !p.views[v] {
		return dtypes.Invalid, false
	}
	return p.compute, true
}
