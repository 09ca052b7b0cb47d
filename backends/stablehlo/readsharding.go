package stablehlo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// Shardy says more than Quire has: priorities of axes that compete, axes that are replicated by name, inputs left
// open, which all say how a compiler may choose and are left out; and parts of mesh axes, devices in another order
// and sums that are still to be made, which are errors, since one would run something else.

func init() {
	for _, name := range []string{"sdy.sharding_constraint", "sdy.reshard"} {
		define(name, 1, one(func(c *reading) *graph.Node {
			text, _ := c.op.attrs["sharding"].(opaque)
			s, err := c.module.sharding(string(text), c.in[0].Shape(), true)
			if err != nil {
				c.fail("%v", err)
			}
			if s == nil || !c.g.Mesh().Equal(c.module.Mesh) {
				return c.in[0]
			}
			// Not graph.Shard, which would take it for the sharding of an input.
			return graph.Apply(ops.Shard, ir.ShardAttrs{Mesh: c.module.Mesh, Sharding: s}, c.in[0])
		}))
	}
}

// addMesh adds the mesh that op defines.
func (m *Module) addMesh(op *operation) {
	fail := func(format string, args ...any) {
		panic(&readError{line: op.line, text: fmt.Sprintf("op %q: ", op.name) + fmt.Sprintf(format, args...)})
	}
	name, _ := op.attrs["sym_name"].(string)
	text, ok := op.attrs["mesh"].(opaque)
	if !ok {
		fail("the mesh @%s has no axes", name)
	}
	mesh, err := parseMesh(string(text))
	if err != nil {
		fail("the mesh @%s: %v", name, err)
	}
	if err := m.use(mesh); err != nil {
		fail("the mesh @%s: %v", name, err)
	}
	m.meshes[name] = mesh
}

// use makes mesh the module's.
func (m *Module) use(mesh *ir.Mesh) error {
	if m.Mesh == nil {
		m.Mesh = mesh
	}
	if mesh != nil && !m.Mesh.Equal(mesh) {
		return fmt.Errorf("it is %s, and there is %s too: Quire's programs run on one", mesh, m.Mesh)
	}
	return nil
}

// place reads what the attributes of inputs and outputs say about where they are.
func (f *Func) place() {
	read := func(what string, attrs []map[string]any, in []shapes.Shape) (list []ir.Sharding) {
		for i, a := range attrs {
			text, ok := a["sdy.sharding"].(opaque)
			if !ok {
				continue
			}
			s, err := f.module.sharding(string(text), in[i], false)
			if err != nil {
				panic(&readError{line: f.line, text: fmt.Sprintf("%s %d of the function @%s: %v", what, i, f.Name, err)})
			}
			if s != nil && list == nil {
				list = make([]ir.Sharding, len(in))
			}
			if s != nil {
				list[i] = s
			}
		}
		return list
	}
	var attrs []map[string]any // of the inputs that have no value yet
	for i, a := range f.body.attrs {
		if f.given[i] == nil {
			attrs = append(attrs, a)
		}
	}
	f.InputShardings = read("input", attrs, f.Inputs)
	f.OutputShardings = read("result", f.resultAttrs, f.Outputs)
	for i, a := range attrs {
		_, aliased := a["tf.aliasing_output"]
		if free, _ := a["jax.buffer_donor"].(bool); free || aliased {
			if f.Donated == nil {
				f.Donated = make([]bool, len(f.Inputs))
			}
			f.Donated[i] = true
		}
	}
}

// sharding returns what a text such as <@mesh, [{"data"}, {?}]> says of a value; nil if it is over a mesh without
// axes or says nothing that Quire keeps. Only inside of a program may axes be left open.
func (m *Module) sharding(text string, shape shapes.Shape, inside bool) (s ir.Sharding, err error) {
	err = shardy(text, func(p *parser) {
		var mesh *ir.Mesh
		p.expect("<")
		if p.accept("mesh") {
			mesh = p.mesh()
			if err := m.use(mesh); err != nil {
				p.fail("%v", err)
			}
		} else {
			name, known := string(p.symbol()), false
			if mesh, known = m.meshes[name]; !known {
				p.fail("there is no mesh @%s", name)
			}
		}
		p.expect(",")
		p.expect("[")
		s = ir.Sharding{}
		for !p.accept("]") {
			if len(s) > 0 {
				p.expect(",")
			}
			s = append(s, p.dimension())
		}
		for p.accept(",") {
			what := p.needWord(`"replicated"`)
			p.expect("=")
			if p.balanced(); what != "replicated" {
				p.fail("%s axes are not known", what)
			}
		}
		p.expect(">")
		if mesh == nil {
			s = nil
			return
		}
		if !inside {
			for i, axes := range s {
				if axes == ir.Open {
					s[i] = ""
				}
			}
		}
		if err := s.Check(mesh, shape); err != nil {
			p.fail("%v", err)
		}
	})
	return s, err
}

// dimension reads how one axis is divided: {}, {"data"}, {"data", "model", ?}p1.
func (p *parser) dimension() string {
	var names []string
	open := false
	p.expect("{")
	for n := 0; !p.accept("}"); n++ {
		if n > 0 {
			p.expect(",")
		}
		if p.accept("?") {
			open = true
			continue
		}
		names = append(names, p.quoted())
		if p.at(":") {
			p.fail("a part of the mesh axis %q, which Quire cannot divide by", names[len(names)-1])
		}
	}
	p.word() // its priority
	if open && names == nil {
		return ir.Open
	}
	return strings.Join(names, ",")
}

// mesh reads <["data"=2, "model"=2]>, nil for one without axes.
func (p *parser) mesh() *ir.Mesh {
	m := &ir.Mesh{}
	p.expect("<")
	p.expect("[")
	for !p.accept("]") {
		if len(m.Axes) > 0 {
			p.expect(",")
		}
		name := p.quoted()
		p.expect("=")
		size, err := strconv.Atoi(p.numberText())
		if err != nil {
			p.fail("the size of the mesh axis %q is no number", name)
		}
		m.Axes = append(m.Axes, ir.MeshAxis{Name: name, Size: size})
	}
	if p.accept(",") {
		p.expect("device_ids")
		p.expect("=")
		for i, id := range p.list() {
			if id != int64(i) && len(m.Axes) > 0 {
				p.fail("its devices are in an order of their own: Quire numbers them in row-major order")
			}
		}
	}
	p.expect(">")
	if len(m.Axes) == 0 {
		return nil
	}
	if err := m.Check(); err != nil {
		p.fail("%v", err)
	}
	return m
}

func parseMesh(text string) (m *ir.Mesh, err error) {
	err = shardy(text, func(p *parser) { m = p.mesh() })
	return m, err
}

// shardy reads an attribute of Shardy's, whose text was set aside by the parser; its errors say what, and leave
// the place to the caller.
func shardy(text string, read func(p *parser)) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *syntaxError:
			err = fmt.Errorf("the sharding %s: %s", strings.TrimSpace(text), e.text)
		default:
			panic(e)
		}
	}()
	p := &parser{text: text, line: 1}
	read(p)
	if p.space(); p.pos < len(p.text) {
		p.fail("something follows it")
	}
	return nil
}
