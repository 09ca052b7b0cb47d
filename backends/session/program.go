package session

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// program is a program as it travels.
type program struct {
	name    string
	inputs  []shapes.Shape
	names   []string
	outputs []shapes.Shape
	text    []byte
	hash    [sha256.Size]byte
	sites   []ir.Site // of the instructions, by the number that stands in their place
}

// somewhere is the file of the places in a program that travels. Instructions have numbers in the place of lines: a cell that was moved
// or edited elsewhere has the same program, which is not compiled anew, and errors get the lines of today.
const somewhere = "@"

// newProgram prepares p, which is well formed, for travelling.
func newProgram(p *ir.Program) (*program, error) {
	w := &program{name: p.Name, inputs: p.ShapesOf(p.Inputs), names: p.InputNames, outputs: p.ShapesOf(p.Outputs)}
	var err error
	if w.text, err = json.Marshal(w.anonymous(p, map[*ir.Program]*ir.Program{})); err != nil {
		return nil, fmt.Errorf("program %q cannot be sent to the session: %w", p.Name, err)
	}
	w.hash = sha256.Sum256(w.text)
	return w, nil
}

// anonymous returns a copy of p whose instructions have numbers for places.
func (w *program) anonymous(p *ir.Program, done map[*ir.Program]*ir.Program) *ir.Program {
	if q := done[p]; q != nil {
		return q
	}
	q := *p
	done[p] = &q
	q.Instrs = make([]ir.Instr, len(p.Instrs))
	for i, in := range p.Instrs {
		w.sites = append(w.sites, in.Place)
		in.Place = ir.SiteOf(ir.Place{File: somewhere, Line: len(w.sites)})
		regions := in.Regions
		in.Regions = nil
		for _, r := range regions {
			in.Regions = append(in.Regions, w.anonymous(r, done))
		}
		q.Instrs[i] = in
	}
	return &q
}

// numbered is how the place of an instruction stands in an error's text.
var numbered = regexp.MustCompile(`(^|\W)` + somewhere + `:(\d+)\b`)

// placed returns a text from the worker with the user's places in it.
func (w *program) placed(text string) string {
	return numbered.ReplaceAllStringFunc(text, func(found string) string {
		m := numbered.FindStringSubmatch(found)
		k, err := strconv.Atoi(m[2])
		if err != nil || k < 1 || k > len(w.sites) {
			return found
		}
		return m[1] + w.sites[k-1].String()
	})
}
