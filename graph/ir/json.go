package ir

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/quire-ml/quire/graph/shapes"
)

// The serialised form of a program is JSON: ops by name, attributes as their struct's fields, constants as
// shape and bytes (little-endian, base64). A region that stands at several instructions is written at the first of them;
// at the others stands {"same": k}, the region that was begun as number k, from 0. The whole says in which version of
// the form it is written.

// Format is the version of the serialised form of programs.
const Format = 1

type programJSON struct {
	Format     int            `json:"format,omitempty"` // of the whole, not of regions
	Same       *int           `json:"same,omitempty"`
	Name       string         `json:"name"`
	Values     []shapes.Shape `json:"values"`
	Inputs     []Value        `json:"inputs"`
	InputNames []string       `json:"input_names"`
	Instrs     []instrJSON    `json:"instrs"`
	Outputs    []Value        `json:"outputs"`

	Donated         []bool     `json:"donated,omitempty"`
	Mesh            *Mesh      `json:"mesh,omitempty"`
	InputShardings  []Sharding `json:"input_shardings,omitempty"`
	OutputShardings []Sharding `json:"output_shardings,omitempty"`
	Branches        []string   `json:"branches,omitempty"`
}

type instrJSON struct {
	Op       string          `json:"op"`
	Attrs    json.RawMessage `json:"attrs,omitempty"`
	In       []Value         `json:"in,omitempty"`
	Out      []Value         `json:"out"`
	Regions  []*programJSON  `json:"regions,omitempty"`
	Captured int             `json:"captured,omitempty"`
	Place    *Place          `json:"place,omitempty"`
}

// MarshalJSON writes the program in its serialised form.
func (p *Program) MarshalJSON() ([]byte, error) {
	out, err := p.toJSON(map[*Program]int{})
	if err != nil {
		return nil, err
	}
	out.Format = Format
	return json.Marshal(out)
}

// toJSON returns p as it is written; regions numbers those that were written before.
func (p *Program) toJSON(regions map[*Program]int) (*programJSON, error) {
	out := &programJSON{0, nil, p.Name, p.Values, p.Inputs, p.InputNames, make([]instrJSON, len(p.Instrs)), p.Outputs,
		p.Donated, p.Mesh, p.InputShardings, p.OutputShardings, p.Branches}
	for i, in := range p.Instrs {
		j := instrJSON{Op: in.Op.Name, In: in.In, Out: in.Out, Captured: in.Captured}
		if place := in.Place.Place(); place != (Place{}) {
			j.Place = &place
		}
		if in.Attrs != nil {
			var err error
			if j.Attrs, err = json.Marshal(in.Attrs); err != nil {
				return nil, fmt.Errorf("program %q: attributes of %s: %w", p.Name, in.Op.Name, err)
			}
		}
		for _, b := range in.Regions {
			if k, ok := regions[b]; ok {
				j.Regions = append(j.Regions, &programJSON{Same: &k})
				continue
			}
			regions[b] = len(regions)
			region, err := b.toJSON(regions)
			if err != nil {
				return nil, err
			}
			j.Regions = append(j.Regions, region)
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
	if in.Format != Format {
		return fmt.Errorf("program %q: it is written in version %d of the form, and only version %d is read: write it again with this version of Quire", in.Name, in.Format, Format)
	}
	var regions []*Program
	if err := p.fromJSON(&in, &regions); err != nil {
		return fmt.Errorf("program %q: %w", in.Name, err)
	}
	if err := p.Check(); err != nil {
		return fmt.Errorf("program %q: %w", p.Name, err)
	}
	return nil
}

// fromJSON reads p; regions holds those that were begun before, nil until they are complete.
func (p *Program) fromJSON(in *programJSON, regions *[]*Program) error {
	*p = Program{Name: in.Name, Values: in.Values, Inputs: in.Inputs, InputNames: in.InputNames, Outputs: in.Outputs,
		Donated: in.Donated, Mesh: in.Mesh, InputShardings: in.InputShardings, OutputShardings: in.OutputShardings, Branches: in.Branches}
	for _, j := range in.Instrs {
		op := OpByName(j.Op)
		if op == nil {
			return fmt.Errorf("op %q is unknown", j.Op)
		}
		instr := Instr{Op: op, In: j.In, Out: j.Out, Captured: j.Captured}
		if j.Place != nil {
			instr.Place = SiteOf(*j.Place)
		}
		if op.Attrs != nil {
			v := reflect.New(reflect.TypeOf(op.Attrs))
			if len(j.Attrs) > 0 {
				if err := json.Unmarshal(j.Attrs, v.Interface()); err != nil {
					return fmt.Errorf("attributes of %s: %w", j.Op, err)
				}
			}
			instr.Attrs = v.Elem().Interface()
		}
		for _, b := range j.Regions {
			region, err := regionFromJSON(b, regions)
			if err != nil {
				return fmt.Errorf("a region of %s: %w", j.Op, err)
			}
			instr.Regions = append(instr.Regions, region)
		}
		p.Instrs = append(p.Instrs, instr)
	}
	return nil
}

func regionFromJSON(in *programJSON, regions *[]*Program) (*Program, error) {
	switch {
	case in == nil:
		return nil, fmt.Errorf("it is null")
	case in.Same != nil:
		if k := *in.Same; k >= 0 && k < len(*regions) && (*regions)[k] != nil {
			return (*regions)[k], nil
		}
		return nil, fmt.Errorf("it is the same as region %d, which was not written before", *in.Same)
	}
	k, b := len(*regions), &Program{}
	*regions = append(*regions, nil)
	err := b.fromJSON(in, regions)
	(*regions)[k] = b
	return b, err
}
