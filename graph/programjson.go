package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// The serialised form of a program is JSON: ops by name, attributes as their struct's fields, constants as
// shape and bytes (little-endian, base64). A body that stands at several instructions is written at the first of them;
// at the others stands {"same": k}, the body that was begun as number k, from 0.

type programJSON struct {
	Same       *int           `json:"same,omitempty"`
	Name       string         `json:"name"`
	Values     []shapes.Shape `json:"values"`
	Inputs     []ValueID      `json:"inputs"`
	InputNames []string       `json:"input_names"`
	Instrs     []instrJSON    `json:"instrs"`
	Outputs    []ValueID      `json:"outputs"`

	Donated         []bool     `json:"donated,omitempty"`
	Mesh            *Mesh      `json:"mesh,omitempty"`
	InputShardings  []Sharding `json:"input_shardings,omitempty"`
	OutputShardings []Sharding `json:"output_shardings,omitempty"`
}

type instrJSON struct {
	Op     string          `json:"op"`
	Attrs  json.RawMessage `json:"attrs,omitempty"`
	In     []ValueID       `json:"in,omitempty"`
	Out    []ValueID       `json:"out"`
	Bodies []*programJSON  `json:"bodies,omitempty"`
	Pos    string          `json:"pos,omitempty"`
}

// MarshalJSON writes the program in its serialised form.
func (p *Program) MarshalJSON() ([]byte, error) {
	out, err := p.toJSON(map[*Program]int{})
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// toJSON returns p as it is written; bodies numbers those that were written before.
func (p *Program) toJSON(bodies map[*Program]int) (*programJSON, error) {
	out := &programJSON{nil, p.Name, p.Values, p.Inputs, p.InputNames, make([]instrJSON, len(p.Instrs)), p.Outputs,
		p.Donated, p.Mesh, p.InputShardings, p.OutputShardings}
	for i, in := range p.Instrs {
		j := instrJSON{Op: in.Op.Name, In: in.In, Out: in.Out, Pos: in.Pos}
		if in.Attrs != nil {
			var err error
			if j.Attrs, err = json.Marshal(in.Attrs); err != nil {
				return nil, fmt.Errorf("program %q: attributes of %s: %w", p.Name, in.Op.Name, err)
			}
		}
		for _, b := range in.Bodies {
			if k, ok := bodies[b]; ok {
				j.Bodies = append(j.Bodies, &programJSON{Same: &k})
				continue
			}
			bodies[b] = len(bodies)
			body, err := b.toJSON(bodies)
			if err != nil {
				return nil, err
			}
			j.Bodies = append(j.Bodies, body)
		}
		out.Instrs[i] = j
	}
	return out, nil
}

// UnmarshalJSON reads a program in its serialised form and checks it: ops must exist, values must be
// defined once and before their use, and shapes must be what the ops' rules say.
func (p *Program) UnmarshalJSON(data []byte) error {
	var in programJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	var bodies []*Program
	if err := p.fromJSON(&in, &bodies); err != nil {
		return fmt.Errorf("program %q: %w", in.Name, err)
	}
	if err := p.Check(); err != nil {
		return fmt.Errorf("program %q: %w", p.Name, err)
	}
	return nil
}

// fromJSON reads p; bodies holds those that were begun before, nil until they are complete.
func (p *Program) fromJSON(in *programJSON, bodies *[]*Program) error {
	*p = Program{Name: in.Name, Values: in.Values, Inputs: in.Inputs, InputNames: in.InputNames, Outputs: in.Outputs,
		Donated: in.Donated, Mesh: in.Mesh, InputShardings: in.InputShardings, OutputShardings: in.OutputShardings}
	for _, j := range in.Instrs {
		op := OpByName(j.Op)
		if op == nil {
			return fmt.Errorf("op %q is unknown", j.Op)
		}
		instr := Instr{Op: op, In: j.In, Out: j.Out, Pos: j.Pos}
		if op.Attrs != nil {
			v := reflect.New(reflect.TypeOf(op.Attrs))
			if len(j.Attrs) > 0 {
				if err := json.Unmarshal(j.Attrs, v.Interface()); err != nil {
					return fmt.Errorf("attributes of %s: %w", j.Op, err)
				}
			}
			instr.Attrs = v.Elem().Interface()
		}
		for _, b := range j.Bodies {
			body, err := bodyFromJSON(b, bodies)
			if err != nil {
				return fmt.Errorf("a body of %s: %w", j.Op, err)
			}
			instr.Bodies = append(instr.Bodies, body)
		}
		p.Instrs = append(p.Instrs, instr)
	}
	return nil
}

func bodyFromJSON(in *programJSON, bodies *[]*Program) (*Program, error) {
	switch {
	case in == nil:
		return nil, fmt.Errorf("it is null")
	case in.Same != nil:
		if k := *in.Same; k >= 0 && k < len(*bodies) && (*bodies)[k] != nil {
			return (*bodies)[k], nil
		}
		return nil, fmt.Errorf("it is the same as body %d, which was not written before", *in.Same)
	}
	k, b := len(*bodies), &Program{}
	*bodies = append(*bodies, nil)
	err := b.fromJSON(in, bodies)
	(*bodies)[k] = b
	return b, err
}

// Check returns an error if the program is not well formed.
func (p *Program) Check() error {
	if p == nil {
		return errors.New("the program is nil")
	}
	if err := p.check(checked{}); err != nil {
		return err
	}
	return p.checkPlacement()
}

// checked holds the bodies that are known to be well formed: each is looked at once, however many calls share it.
type checked map[*Program]bool

// check checks what programs and bodies have in common.
func (p *Program) check(done checked) (err error) {
	if done[p] {
		return nil
	}
	defer func() { // a shape rule may index what a forged program does not have
		if r := recover(); r != nil {
			err = fmt.Errorf("a shape rule broke: %v", r)
		}
	}()
	defined := make([]bool, len(p.Values))
	define := func(id ValueID) error {
		if id < 0 || int(id) >= len(p.Values) || defined[id] {
			return fmt.Errorf("value %d does not exist or is defined twice", id)
		}
		defined[id] = true
		return p.Values[id].Check()
	}
	if len(p.InputNames) != len(p.Inputs) {
		return fmt.Errorf("%d input names for %d inputs", len(p.InputNames), len(p.Inputs))
	}
	for _, id := range p.Inputs {
		if err := define(id); err != nil {
			return err
		}
	}
	for i, in := range p.Instrs {
		ins := make([]shapes.Shape, len(in.In))
		for k, id := range in.In {
			if id < 0 || int(id) >= len(p.Values) || !defined[id] {
				return fmt.Errorf("instruction %d, %s: operand %d is not defined", i, in.Op.Name, id)
			}
			ins[k] = p.Values[id]
		}
		want, err := in.results(ins, done)
		if err != nil {
			return fmt.Errorf("instruction %d, %s: %w", i, in.Op.Name, err)
		}
		if len(want) != len(in.Out) {
			return fmt.Errorf("instruction %d, %s: %d results, want %d", i, in.Op.Name, len(in.Out), len(want))
		}
		for k, id := range in.Out {
			if err := define(id); err != nil {
				return fmt.Errorf("instruction %d, %s: %w", i, in.Op.Name, err)
			}
			if !p.Values[id].Equal(want[k]) {
				return fmt.Errorf("instruction %d, %s: result %d is %s, want %s", i, in.Op.Name, k, p.Values[id], want[k])
			}
		}
	}
	for _, id := range p.Outputs {
		if id < 0 || int(id) >= len(p.Values) || !defined[id] {
			return fmt.Errorf("output %d is not defined", id)
		}
	}
	done[p] = true
	return nil
}

// checkPlacement checks donation, mesh and shardings.
func (p *Program) checkPlacement() error {
	if p.Donated != nil && len(p.Donated) != len(p.Inputs) {
		return fmt.Errorf("%d marks of donation for %d inputs", len(p.Donated), len(p.Inputs))
	}
	if p.Mesh == nil {
		if p.InputShardings != nil || p.OutputShardings != nil {
			return fmt.Errorf("shardings without a mesh")
		}
		return p.checkMesh(nil, checked{})
	}
	if err := p.Mesh.Check(); err != nil {
		return err
	}
	check := func(what string, list []Sharding, ids []ValueID) error {
		if list != nil && len(list) != len(ids) {
			return fmt.Errorf("%d shardings for %d %ss", len(list), len(ids), what)
		}
		for i, s := range list {
			if err := s.Check(p.Mesh, p.Values[ids[i]]); err != nil {
				return fmt.Errorf("%s %d: %w", what, i, err)
			}
			if slices.Contains(s, Open) {
				return fmt.Errorf("%s %d: the sharding %s leaves an axis open, which only values inside a program may", what, i, s)
			}
		}
		return nil
	}
	if err := check("input", p.InputShardings, p.Inputs); err != nil {
		return err
	}
	if err := check("output", p.OutputShardings, p.Outputs); err != nil {
		return err
	}
	return p.checkMesh(p.Mesh, checked{})
}

// checkMesh checks that all values of the program and its bodies that are divided are so over m.
func (p *Program) checkMesh(m *Mesh, done checked) error {
	if done[p] {
		return nil
	}
	done[p] = true
	for i, in := range p.Instrs {
		if a, ok := in.Attrs.(ShardAttrs); ok && !a.Mesh.Equal(m) {
			if m == nil {
				return fmt.Errorf("instruction %d, %s: it divides a value over %s in a program without a mesh", i, in.Op.Name, a.Mesh)
			}
			return fmt.Errorf("instruction %d, %s: it divides a value over %s in a program on %s", i, in.Op.Name, a.Mesh, m)
		}
		for _, b := range in.Bodies {
			if err := b.checkMesh(m, done); err != nil {
				return err
			}
		}
	}
	return nil
}

// results returns the shapes that an instruction's results must have.
func (in *Instr) results(ins []shapes.Shape, done checked) ([]shapes.Shape, error) {
	if len(in.Bodies) != in.Op.Bodies {
		return nil, fmt.Errorf("%d bodies, want %d", len(in.Bodies), in.Op.Bodies)
	}
	if in.Op.Bodies == 0 {
		return in.Op.infer(in.Attrs, ins)
	}
	operands := ins
	if in.Op == ifOp {
		operands = ins[1:]
	}
	results := make([][]shapes.Shape, len(in.Bodies))
	for k, b := range in.Bodies {
		if err := b.check(done); err != nil {
			return nil, fmt.Errorf("body %q: %w", b.Name, err)
		}
		if b.Mesh != nil || b.Donated != nil || b.InputShardings != nil || b.OutputShardings != nil {
			return nil, fmt.Errorf("body %q has a mesh, shardings or marks of donation, which are the whole program's", b.Name)
		}
		if len(b.Inputs) != len(operands) {
			return nil, fmt.Errorf("body %q has %d inputs for %d operands", b.Name, len(b.Inputs), len(operands))
		}
		for i, id := range b.Inputs {
			if !b.Values[id].Equal(operands[i]) {
				return nil, fmt.Errorf("body %q: input %d is %s, got %s", b.Name, i, b.Values[id], operands[i])
			}
		}
		for _, id := range b.Outputs {
			results[k] = append(results[k], b.Values[id])
		}
	}
	switch in.Op {
	case ifOp:
		if s := ins[0]; s.DType != dtypes.Bool || s.Rank() != 0 {
			return nil, fmt.Errorf("the condition must be a bool scalar, not %s", s)
		}
		return results[0], sameShapes("the branches differ", results[0], results[1])
	case whileOp:
		if c := results[0]; len(c) != 1 || c[0].DType != dtypes.Bool || c[0].Rank() != 0 {
			return nil, fmt.Errorf("the condition must return one bool scalar, not %v", c)
		}
		a, ok := in.Attrs.(WhileAttrs)
		if !ok || a.NumState < 0 || a.NumState > len(ins) {
			return nil, fmt.Errorf("a state of %v values out of %d operands", in.Attrs, len(ins))
		}
		return ins[:a.NumState], sameShapes("the state changes its shape", ins[:a.NumState], results[1])
	}
	return results[len(results)-1], nil
}

type constJSON struct {
	Shape shapes.Shape `json:"shape"`
	Data  []byte       `json:"data"`
}

// MarshalJSON writes shape and bytes of the constant.
func (c ConstAttrs) MarshalJSON() ([]byte, error) {
	j := constJSON{Shape: c.Value.Shape()}
	if err := c.Value.ConstBytes(func(data []byte) { j.Data = append(j.Data, data...) }); err != nil {
		return nil, err
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads shape and bytes of the constant.
func (c *ConstAttrs) UnmarshalJSON(data []byte) error {
	var j constJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if err := j.Shape.Check(); err != nil {
		return err
	}
	if len(j.Data) != j.Shape.ByteSize() {
		return fmt.Errorf("constant %s has %d bytes, want %d", j.Shape, len(j.Data), j.Shape.ByteSize())
	}
	t, err := tensors.FromBytes(j.Shape, j.Data)
	c.Value = t
	return err
}
