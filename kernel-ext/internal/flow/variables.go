package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

// variable is a variable, or a constant, of an earlier cell's statements, or a package variable whose value flows.
type variable struct {
	name, file string
	cell       int    // that set it last
	origin     int    // the cell that declared it
	owner      string // the identity of that cell
	packaged   bool   // it is declared outside of statements

	typ      string   // in inserted text; for a constant "" if it has none
	shown    string   // the type as people write it
	needs    []string // import paths of typ
	constant string   // the value of a constant
	form

	summary string
	bytes   int64

	version string            // of the value: what it was made by, from what
	inputs  map[string]string // versions of the variables that it was made from
	code    map[string]string // texts of the declarations that it was made with, by key
	makers  []int             // cells that made it what it is
	gone    string            // why it is stale for good
	lost    string            // why it cannot be named any more
}

// packageVariable is the key of a package variable among variables, and the name of its file.
func packageVariable(name string) string { return "package." + name }

// describe puts a variable's type into words that another cell can use.
func (c *checked) describe(name string, t types.Type) *variable {
	v := &variable{name: name, file: name, cell: c.cell.Number, owner: c.cell.ID, shown: short(t), form: formOf(t)}
	if v.why == "" && hidden(t) {
		v.why, v.instead = fmt.Sprintf("its type %s has no name in other cells", v.shown), "declare a type for it outside of functions"
	}
	if v.why != "" {
		return v
	}
	v.typ = types.TypeString(t, func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		if !slices.Contains(v.needs, p.Path()) {
			v.needs = append(v.needs, p.Path())
		}
		return c.s.alias(p.Path())
	})
	return v
}

// describeConst does so for a constant.
func (c *checked) describeConst(name string, o *types.Const) *variable {
	v := c.describe(name, o.Type())
	v.constant = exact(o)
	if b, ok := o.Type().(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
		v.typ = ""
	}
	return v
}

// exact writes a constant's value so that it is the same constant, of the same kind if it has no type.
func exact(o *types.Const) string {
	b, _ := o.Type().Underlying().(*types.Basic)
	switch v := o.Val(); {
	case b == nil:
	case b.Kind() == types.UntypedRune:
		if r, ok := constant.Int64Val(v); ok && r >= 0 && r <= unicode.MaxRune {
			return strconv.QuoteRune(rune(r))
		}
	case b.Info()&types.IsFloat != 0:
		return exactFloat(constant.ToFloat(v))
	case b.Info()&types.IsComplex != 0:
		return fmt.Sprintf("(%s + 1i*(%s))", exactFloat(constant.Real(v)), exactFloat(constant.Imag(v)))
	}
	return o.Val().ExactString()
}

// exactFloat writes a fraction.
func exactFloat(v constant.Value) string {
	n, d := constant.Num(v), constant.Denom(v)
	if n.Kind() != constant.Int || d.Kind() != constant.Int {
		return v.ExactString()
	}
	if d.ExactString() == "1" {
		return n.ExactString() + ".0"
	}
	return n.ExactString() + ".0/" + d.ExactString() + ".0"
}

// learn takes over what a cell's program has left.
func (s *Session) learn(p *plan, ok bool) {
	fresh := map[string]*variable{}
	for _, v := range p.made {
		if s.left(v, p, ok) {
			fresh[v.key()] = v
		}
	}
	for _, v := range p.owns {
		if s.left(v, p, ok) {
			fresh[v.key()] = v
		}
	}
	for _, old := range p.loaded {
		if fresh[old.key()] != nil || old.constant != "" {
			continue
		}
		v := *old
		v.why = ""
		if s.left(&v, p, false) {
			v.cell, v.owner, v.gone = p.cell.Number, p.cell.ID, ""
			fresh[v.key()] = &v
		}
	}
	s.trace(p, fresh)
	if ok && p.cell.ID != "" {
		for _, name := range sorted(s.vars) {
			if v := s.vars[name]; v.owner == p.cell.ID && fresh[name] == nil && v.gone == "" && v.cell != p.cell.Number {
				v.gone = fmt.Sprintf("an earlier text of cell %d made it, which no longer does", p.cell.Number)
			}
		}
	}
	maps.Copy(s.vars, fresh)
}

func (v *variable) key() string {
	if v.packaged {
		return packageVariable(v.name)
	}
	return v.name
}

// left reports whether a variable is what this cell has made of it, and fills in what its file says.
func (s *Session) left(v *variable, p *plan, ok bool) bool {
	if v.constant != "" || v.why != "" {
		return ok || s.vars[v.key()] == nil
	}
	d, err := carry.Describe(s.file(v))
	if err == nil && d.Cell == p.cell.Number {
		v.summary, v.bytes = d.Summary, d.Bytes
		return true
	}
	if err == nil {
		return false
	}
	why, err := os.ReadFile(s.file(v) + ".why")
	if err != nil {
		return false
	}
	v.why, v.instead = reason(strings.TrimSpace(string(why)))
	return true
}

// trace notes from what and with what the variables that a cell set were made.
func (s *Session) trace(p *plan, fresh map[string]*variable) {
	parts := map[string]slice{}
	for _, name := range sorted(fresh) {
		v, old := fresh[name], s.vars[name]
		part, ok := p.slices[name]
		if !ok {
			part = slice{p.record.text, p.inputs, p.code}
		}
		parts[name] = part
		v.inputs, v.code, v.makers = map[string]string{}, maps.Clone(part.code), []int{p.cell.Number}
		if _, used := part.inputs[name]; used && old != nil {
			maps.Copy(v.inputs, old.inputs)
			for key, text := range old.code {
				if v.code[key] == "" {
					v.code[key] = text
				}
			}
			v.makers = append(s.others(old.makers, p.cell), p.cell.Number)
		}
		sum := sha256.Sum256([]byte(part.hash(name)))
		v.version = hex.EncodeToString(sum[:12])
	}
	for _, name := range sorted(fresh) {
		for input, version := range parts[name].inputs {
			in := fresh[input]
			if in == nil {
				in = s.vars[input]
			}
			if input == name || in != nil && in.passing() {
				continue
			}
			if fresh[input] != nil {
				version = in.version
			}
			fresh[name].inputs[input] = version
		}
	}
}

// others returns the cells among some that are remembered, without one that runs again.
func (s *Session) others(numbers []int, cell Cell) []int {
	return slices.DeleteFunc(slices.Clone(numbers), func(n int) bool {
		r := s.recordOf(n)
		return r == nil || cell.ID != "" && r.cell.ID == cell.ID
	})
}

// passing reports whether a variable is one of those that everybody uses for the moment, an error, or a counter by its name: its value is
// never called stale, and nothing is for being made from it.
func (v *variable) passing() bool {
	switch v.name {
	case "ok", "i", "j", "k":
		return true
	}
	return v.shown == "error" || v.name == "err"
}

// stale returns why a variable is older than what it was made from, "" if it is not.
func (s *Session) stale(v *variable) string { return s.staleIn(v, map[string]bool{}) }

func (s *Session) staleIn(v *variable, seen map[string]bool) string {
	if v.passing() || seen[v.key()] {
		return ""
	}
	seen[v.key()] = true
	if v.gone != "" {
		return v.gone
	}
	for _, key := range sorted(v.code) {
		d, text := s.codeOf(key)
		switch {
		case d == nil:
			return fmt.Sprintf("it was made with %s, which is gone", title(key))
		case text != v.code[key]:
			return fmt.Sprintf("it was made with %s, which cell %d has changed since", title(key), d.cell)
		}
	}
	for _, name := range sorted(v.inputs) {
		in := s.vars[name]
		shown := strings.TrimPrefix(name, "package.")
		switch {
		case in == nil:
			return fmt.Sprintf("it was made from %s, which is gone", shown)
		case in.version != v.inputs[name]:
			return fmt.Sprintf("it was made from %s, which cell %d has changed since", shown, in.cell)
		case s.staleIn(in, seen) != "":
			return fmt.Sprintf("it was made from %s, which is stale itself", shown)
		}
	}
	return ""
}

func title(key string) string {
	if t, m, ok := strings.Cut(key, "~"); ok {
		return "method " + m + " of " + t
	}
	return key
}

// codeOf returns the declaration of a constant's name or of a key, and what of it makes a difference to what uses it.
func (s *Session) codeOf(key string) (*declaration, string) {
	for _, d := range s.declared {
		if d.kind == token.CONST && slices.Contains(d.names, key) && d.values[key] != "" {
			return d, d.values[key]
		}
		if d.kind != token.CONST && d.kind != token.IMPORT && d.key == key {
			return d, d.text
		}
	}
	return nil, ""
}

// A Variable is one that later cells may name.
type Variable struct {
	Name    string
	Type    string
	Summary string // its value in one line
	Bytes   int64
	Cell    int    // that set it last
	Stale   string // why it is older than what it was made from
	Why     string // why its value does not flow, and what to do
	Passing bool   // an error, or one like ok and i: not listed unless asked for
}

// Variables returns all that later cells may name, by name.
func (s *Session) Variables() []Variable {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Variable
	for _, key := range sorted(s.vars) {
		v := s.vars[key]
		out := Variable{Name: v.name, Type: v.shown, Summary: v.summary, Bytes: v.bytes, Cell: v.cell, Stale: s.stale(v), Passing: v.passing()}
		if v.constant != "" {
			out.Summary = v.constant
		}
		if v.why != "" {
			out.Why = v.why + ": " + v.instead
		}
		list = append(list, out)
	}
	slices.SortStableFunc(list, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Stale returns the numbers of the cells to run again, in their order, so that nothing is stale.
func (s *Session) Stale() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	cells := map[int]bool{}
	for _, name := range sorted(s.vars) {
		v := s.vars[name]
		if v.gone != "" || s.stale(v) == "" {
			continue
		}
		for _, m := range v.makers {
			if r := s.recordOf(m); r != nil {
				cells[r.cell.Number] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(cells))
}

// Source returns the text of a cell that has run, by its number.
func (s *Session) Source(number int) (Cell, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.recordOf(number); r != nil {
		return r.cell, true
	}
	return Cell{}, false
}
