package session

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/backends/session/internal/wire"
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
	hash    [wire.HashBytes]byte
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
	w.hash = wire.HashOf(w.text)
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

// placed returns a text from the worker with the user's places in it: "@:12" stands for that of instruction 12.
func (w *program) placed(text string) string {
	var out strings.Builder
	for {
		at := strings.Index(text, somewhere+":")
		if at < 0 {
			out.WriteString(text)
			return out.String()
		}
		end := at + len(somewhere) + 1
		digits := end
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		k, err := strconv.Atoi(text[digits:end])
		if err != nil || k < 1 || k > len(w.sites) || at > 0 && isWord(text[at-1]) || end < len(text) && isWord(text[end]) {
			out.WriteString(text[:end]) // it is something else
		} else {
			out.WriteString(text[:at])
			out.WriteString(w.sites[k-1].String())
		}
		text = text[end:]
	}
}

// isWord reports whether a byte is one of a name or a number.
func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
