package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// SetMesh says over which devices the graph's program runs, so that values can be divided over them with
// [Shard]. It is called before anything is sharded, and panics with [Error] if the mesh is not well formed or
// the graph has another one already. A backend with one device ignores it: the numbers are the same.
func (g *Graph) SetMesh(m *ir.Mesh) {
	if m == nil {
		g.fail("SetMesh", nil, fmt.Errorf("the mesh is nil"))
	}
	if err := m.Check(); err != nil {
		g.fail("SetMesh", nil, err)
	}
	if g.mesh != nil && !g.mesh.Equal(m) {
		g.fail("SetMesh", nil, fmt.Errorf("the graph %q runs on %s already, it cannot run on %s", g.name, g.mesh, m))
	}
	g.mesh = m
}

// Mesh returns the devices that the graph's program runs on, nil if that was not said.
func (g *Graph) Mesh() *ir.Mesh { return g.mesh }

// Shard says how x is divided over the mesh of its graph, and returns x's value: per axis of x the mesh axis that
// it is split along, or several separated by commas, the first one outermost; "" for an axis that every device
// holds whole; [Open] for one that the backend may divide as it sees fit. Mesh axes that are not named hold copies.
//
//	g.SetMesh(mesh)                       // mesh[data=2 model=4]
//	x = Shard(x, "data", "")              // examples dealt over two groups of devices
//	w = Shard(w, "", "model")             // columns dealt over the four devices of each group
//	h := Shard(MatMul(x, w), Open, "model")
//
// For a parameter of the graph that has no sharding yet it says how that input is divided; for a node that is an
// output of the program, how that is; other outputs are whole on every device. It never changes what is computed,
// and the gradient is divided like the value.
//
// Shard panics with [Error] if the graph has no mesh, if there is not one entry per axis, if the mesh has no
// such axis or it is used twice, or if a dimension cannot be divided evenly.
//
// Source: Shardy, https://openxla.org/shardy/sharding_representation.
func Shard(x *Node, axes ...string) *Node {
	need("Shard", x)
	g := x.Graph()
	if g.mesh == nil {
		g.fail("Shard", []shapes.Shape{x.Shape()}, fmt.Errorf("the graph %q has no mesh to divide it over: call SetMesh before", g.name))
	}
	a := ir.ShardAttrs{Mesh: g.mesh, Sharding: slices.Clone(axes)}
	if a.Sharding == nil {
		a.Sharding = ir.Sharding{}
	}
	if _, placed := g.placed[x]; placed || x.op != parameter || x.fn != g.main || slices.Contains(a.Sharding, ir.Open) {
		return Apply(shard, a, x)
	}
	if err := a.Sharding.Check(g.mesh, x.Shape()); err != nil {
		g.fail("Shard", []shapes.Shape{x.Shape()}, err)
	}
	if g.placed == nil {
		g.placed = map[*Node]ir.Sharding{}
	}
	g.placed[x] = a.Sharding
	return x
}

var shard *ir.Op

func init() {
	mesh := &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 1}, {Name: "model", Size: 1}}} // the samples run where there is one device
	shard = Define(ir.Op{
		Name: "Shard", Family: "sharding", Fixed: true, Doc: "x, divided over the devices of a mesh", DTypes: dtypes.Any, Attrs: ir.ShardAttrs{}, HLO: "sdy.sharding_constraint",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			a, ok := attrs.(ir.ShardAttrs)
			if !ok || a.Mesh == nil || a.Sharding == nil {
				return shapes.Shape{}, fmt.Errorf("a mesh or a sharding is missing")
			}
			if err := a.Mesh.Check(); err != nil {
				return shapes.Shape{}, err
			}
			return in[0], a.Sharding.Check(a.Mesh, in[0])
		},
		Ref: copyRef,
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.ShardAttrs{Mesh: mesh, Sharding: ir.Sharding{"data", ""}}},
			{Name: "an axis over two", In: []ir.Input{ir.Ramp(4)}, Attrs: ir.ShardAttrs{Mesh: mesh, Sharding: ir.Sharding{"data,model"}}},
			{Name: "an axis left open", In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.ShardAttrs{Mesh: mesh, Sharding: ir.Sharding{ir.Open, "model"}}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5)}, Attrs: ir.ShardAttrs{Mesh: mesh, Sharding: ir.Sharding{}}},
		},
	}, Rule{
		JVPMulti: linear,
		Expand:   func(_ any, in []*Node) []*Node { return []*Node{Identity(in[0])} },
		VJP:      func(y, dy *Node) []*Node { return []*Node{Apply(shard, y.attrs, dy)} },
	})
}

// divide returns p, the program of outputs of g, with where it runs and how its inputs and outputs are divided.
func (g *Graph) divide(p *ir.Program, outputs []*Node) *ir.Program {
	mesh := g.mesh
	for _, n := range g.nodes { // applied from its row, a Shard brings its mesh along
		if a, ok := n.attrs.(ir.ShardAttrs); ok && mesh == nil {
			mesh = a.Mesh
		}
	}
	if mesh == nil {
		return p
	}
	var inputs, out []ir.Sharding
	for _, n := range g.main.params {
		inputs = append(inputs, g.placed[n])
	}
	for _, n := range outputs {
		var s ir.Sharding
		if a, ok := n.attrs.(ir.ShardAttrs); ok {
			s = a.Sharding.Closed()
		}
		out = append(out, s)
	}
	p, err := p.Divide(mesh, inputs, out)
	if err != nil {
		g.fail("", nil, err)
	}
	return p
}
