// Package vision resamples, unfolds and upsamples pictures. [graph.Convolve] and [graph.MaxPool], which engines have kernels for, are in
// package graph; what is here is made of ops, runs on every engine, and has gradients of all orders.
//
// A batch of pictures is [batch, spatial…, channels], or [batch, channels, spatial…] after ChannelsAxis(graph.ChannelsFirst), with one spatial
// axis (sounds), two (pictures), three (volumes) or more. Each function begins a builder whose settings come before Done:
//
//	y := vision.Interpolate(x, 448, 448).Bicubic().Done()
//
// Done and the settings panic with [graph.Error] if shapes, dtypes or settings do not fit.
package vision

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors/images"
)

// pictures is the operand that a builder begins with.
type pictures struct {
	op       string
	x        *graph.Node
	channels graph.ChannelsAxisConfig
}

// of panics unless x can be a batch of pictures, and returns it without the names of its axes.
func of(op string, x *graph.Node) pictures {
	p := pictures{op: op, x: x}
	switch {
	case x == nil:
		graph.Errorf("vision.%s: the operand is nil", op)
	case x.Rank() < 3:
		p.fail("the operand must have a batch axis, spatial axes and a channels axis (ExpandAxes adds one)")
	}
	return p
}

func (p *pictures) fail(format string, args ...any) {
	graph.Errorf("vision.%s %s: %s", p.op, p.x.Shape(), fmt.Sprintf(format, args...))
}

// axes returns the spatial axes.
func (p *pictures) axes() []int {
	if p.x.Rank() < 3 { // of a builder that nobody began
		p.fail("the operand must have a batch axis, spatial axes and a channels axis")
	}
	return images.GetSpatialAxes(p.x, p.channels)
}

// need panics unless the operand's dtype is in takes.
func (p *pictures) need(takes dtypes.Set) {
	if d := p.x.DType(); !takes.Has(d) {
		p.fail("%s is not a dtype that it takes: %s (convert it with ConvertDType)", d, takes)
	}
}

// each returns one value per spatial axis: those given, or one for all.
func (p *pictures) each(what string, values []int) []int {
	n := len(p.axes())
	if len(values) != n {
		p.fail("%d %s for %d spatial axes: want one for each, and none for batch and channels", len(values), what, n)
	}
	return slices.Clone(values)
}

// all returns value once per spatial axis.
func (p *pictures) all(value int) []int { return slices.Repeat([]int{value}, len(p.axes())) }

// mostPlaces is how many places of an axis are counted out one by one when a graph is built.
const mostPlaces = 1 << 22

// sizes returns the sizes of the result, one per spatial axis, and panics unless each is one that a picture can have.
func (p *pictures) sizes(values []int) []int {
	values = p.each("sizes", values)
	for i, a := range p.axes() {
		switch n := p.x.Dim(a); {
		case values[i] < 1 || values[i] > mostPlaces:
			p.fail("spatial axis %d cannot have %d elements: want 1 to %d", i, values[i], mostPlaces)
		case n < 1 || n > mostPlaces:
			p.fail("spatial axis %d has %d elements: want 1 to %d", i, n, mostPlaces)
		}
	}
	return values
}

// far is beyond what sizes, strides and paddings can be meant to be; a few products of what is below fit into an int.
const far = 1 << 30

// named gives y the names of x's axes, of which it has as many.
func named(y, x *graph.Node) *graph.Node {
	if !x.Shape().HasNames() {
		return y
	}
	names := make([]string, x.Rank())
	for a := range names {
		names[a] = x.Shape().Name(a)
	}
	return y.WithAxisNames(names...)
}

// wide returns x in a dtype that sums are made in.
func wide(x *graph.Node) *graph.Node {
	if x.DType().IsHalf() {
		return graph.ConvertDType(x, dtypes.Float32)
	}
	return x
}
