package irtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// forgery is a way to break a well-formed program: one rule of [ir.Program.Check] each.
type forgery struct {
	name  string
	forge func(p *ir.Program)
}

// forgeries break every rule of Program.Check: a test reads the rules from its source.
var forgeries = []forgery{
	{"an input that does not exist", func(p *ir.Program) { p.Inputs[0] = 999 }},
	{"an input with a negative number", func(p *ir.Program) { p.Inputs[0] = -1 }},
	{"one value as two inputs", func(p *ir.Program) { p.Inputs[1] = p.Inputs[0] }},
	{"a name too few", func(p *ir.Program) { p.InputNames = p.InputNames[:1] }},
	{"a dtype that does not exist", func(p *ir.Program) { p.Values[p.Inputs[0]].DType = 199 }},
	{"a value without a shape", func(p *ir.Program) { p.Values[p.Inputs[0]] = shapes.Shape{} }},
	{"a negative dimension", func(p *ir.Program) { p.Values[p.Inputs[0]].Dimensions[0] = -4 }},
	{"dimensions whose product overflows", func(p *ir.Program) {
		p.Values[p.Inputs[0]] = shapes.Shape{DType: dtypes.Float32, Dimensions: []int{1 << 40, 1 << 40}}
	}},
	{"no op", func(p *ir.Program) { call(p, ops.Add).Op = nil }},
	{"attributes of another op", func(p *ir.Program) { call(p, ops.Reshape).Attrs = ir.SortAttrs{} }},
	{"an operand that does not exist", func(p *ir.Program) { call(p, ops.Add).In[0] = 999 }},
	{"an operand with a negative number", func(p *ir.Program) { call(p, ops.Add).In[0] = -1 }},
	{"an operand that is computed later", func(p *ir.Program) { p.Instrs[0].In[0] = p.Instrs[len(p.Instrs)-1].Out[0] }},
	{"operands of two dtypes", func(p *ir.Program) { call(p, ops.Add).In[1] = p.Inputs[1] }},
	{"a result too few", func(p *ir.Program) { call(p, ops.While).Out = call(p, ops.While).Out[:1] }},
	{"a result that is defined twice", func(p *ir.Program) { call(p, ops.Add).Out[0] = p.Inputs[0] }},
	{"a result of another shape", func(p *ir.Program) { p.Values[call(p, ops.Add).Out[0]] = shapes.Make(dtypes.Float32, 5) }},
	{"an output that does not exist", func(p *ir.Program) { p.Outputs[0] = 999 }},
	{"an output that is not computed", func(p *ir.Program) {
		p.Values = append(p.Values, shapes.Make(dtypes.Float32))
		p.Outputs[0] = ir.Value(len(p.Values) - 1)
	}},

	{"a body too few", func(p *ir.Program) { call(p, ops.If).Regions = call(p, ops.If).Regions[:1] }},
	{"bodies of an op that has none", func(p *ir.Program) { call(p, ops.Add).Regions = call(p, ops.Call).Regions }},
	{"a nil body", func(p *ir.Program) { call(p, ops.Call).Regions[0] = nil }},
	{"a body that is broken", func(p *ir.Program) { call(p, ops.Call).Regions[0].Outputs[0] = 999 }},
	{"a body with other inputs", func(p *ir.Program) { call(p, ops.Call).In = nil }},
	{"a body with inputs of another shape", func(p *ir.Program) {
		b := call(p, ops.Call).Regions[0]
		b.Values[b.Inputs[0]].Dimensions[0] = 5
		b.Values[b.Outputs[0]].Dimensions[0] = 5
	}},
	{"a body with marks of donation", func(p *ir.Program) { call(p, ops.Call).Regions[0].Donated = []bool{true} }},
	{"a condition that is no bool", func(p *ir.Program) { call(p, ops.If).In[0] = p.Inputs[0] }},
	{"an If without operands", func(p *ir.Program) { call(p, ops.If).In = nil }},
	{"branches that differ", func(p *ir.Program) {
		b := call(p, ops.If).Regions[1]
		b.Outputs = append(b.Outputs, b.Outputs[0])
	}},
	{"a loop's condition with two results", func(p *ir.Program) {
		b := call(p, ops.While).Regions[0]
		b.Outputs = append(b.Outputs, b.Outputs[0])
	}},
	{"more captured values than operands", func(p *ir.Program) { call(p, ops.While).Captured = 99 }},
	{"a negative number of captured values", func(p *ir.Program) { call(p, ops.While).Captured = -1 }},
	{"a function that takes fewer values than are captured", func(p *ir.Program) {
		in := call(p, ops.While)
		in.Captured, in.Regions[0] = 1, &ir.Program{Name: "none"}
	}},
	{"a captured value of another shape", func(p *ir.Program) {
		r := call(p, ops.If).Regions[0]
		r.Values[r.Inputs[len(r.Inputs)-1]] = shapes.Make(dtypes.Float32, 77)
	}},
	{"a function that contains the program", func(p *ir.Program) { call(p, ops.Call).Regions[0] = p }},
	{"an op without its operand", func(p *ir.Program) { call(p, ops.Reshape).In = nil }},
	{"captured values of an op without functions", func(p *ir.Program) { call(p, ops.Add).Captured = 1 }},
	{"a loop whose state changes its shape", func(p *ir.Program) {
		b := call(p, ops.While).Regions[1]
		slices.Reverse(b.Outputs)
	}},

	{"marks of donation for other inputs", func(p *ir.Program) { p.Donated = []bool{true} }},
	{"shardings without a mesh", func(p *ir.Program) { p.InputShardings = []ir.Sharding{nil, nil} }},
	{"a mesh without axes", func(p *ir.Program) { p.Mesh = &ir.Mesh{} }},
	{"shardings for other inputs", func(p *ir.Program) { p.Mesh, p.InputShardings = oneDevice, []ir.Sharding{nil} }},
	{"shardings for other outputs", func(p *ir.Program) { p.Mesh, p.OutputShardings = oneDevice, []ir.Sharding{nil} }},
	{"a sharding along an axis that the mesh does not have", func(p *ir.Program) {
		p.Mesh, p.InputShardings = oneDevice, []ir.Sharding{{"model"}, nil}
	}},
	{"an input whose sharding is left open", func(p *ir.Program) {
		p.Mesh, p.InputShardings = oneDevice, []ir.Sharding{{ir.Open}, nil}
	}},
	{"a value that is divided without a mesh", func(p *ir.Program) { divide(p, oneDevice) }},
	{"a value that is divided over another mesh", func(p *ir.Program) {
		p.Mesh = oneDevice
		divide(p, &ir.Mesh{Axes: []ir.MeshAxis{{Name: "model", Size: 1}}})
	}},
}

var oneDevice = &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 1}}}

// call returns the first instruction of p with the given op.
func call(p *ir.Program, op *ir.Op) *ir.Instr {
	for i := range p.Instrs {
		if in := &p.Instrs[i]; in.Op == op {
			return in
		}
	}
	panic(broken{fmt.Errorf("the sample program has no call of %s", op)})
}

// divide makes the instruction that doubles x one that divides it over m.
func divide(p *ir.Program, m *ir.Mesh) {
	in := call(p, ops.Add)
	in.Op, in.In, in.Attrs = ops.Shard, in.In[:1], ir.ShardAttrs{Mesh: m, Sharding: ir.Sharding{m.Axes[0].Name}}
}

// forged returns a broken program.
func (f forgery) forged(c *check, b ir.Backend) *ir.Program {
	p := copyOf(sample(c, b))
	f.forge(p)
	return p
}

func (f forgery) refused(c *check) {
	b := c.engine()
	exe, err := b.Compile(context.Background(), f.forged(c, b))
	switch c.refused(err, "Compile of a program with %s", f.name); {
	case exe != nil:
		c.failf("Compile of a program with %s returned an executable", f.name)
	case !strings.Contains(err.Error(), `"forged"`):
		c.failf("Compile of a program with %s: the error does not name the program: %v", f.name, err)
	}
	exe, err = b.Compile(context.Background(), sample(c, b))
	c.ok(err, "Compile of the program before it was broken")
	c.run(exe, c.put(b, ramp(4, 1)), c.put(b, intVector(3)))
}

// copyOf returns a copy of a program that shares nothing that forgeries change.
func copyOf(p *ir.Program) *ir.Program {
	q := *p
	q.Values = slices.Clone(p.Values)
	for i := range q.Values {
		q.Values[i].Dimensions = slices.Clone(q.Values[i].Dimensions)
	}
	q.Inputs, q.InputNames, q.Outputs = slices.Clone(p.Inputs), slices.Clone(p.InputNames), slices.Clone(p.Outputs)
	q.Instrs = slices.Clone(p.Instrs)
	for i := range q.Instrs {
		in := &q.Instrs[i]
		in.In, in.Out, in.Regions = slices.Clone(in.In), slices.Clone(in.Out), slices.Clone(in.Regions)
		for k := range in.Regions {
			in.Regions[k] = copyOf(in.Regions[k])
		}
	}
	return &q
}
