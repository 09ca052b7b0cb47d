package flow

import (
	"context"
	"fmt"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

// Options of a Session.
type Options struct {
	Exports *Exports // where packages are found
	Carry   string   // the directory of this kernel's variables, which cells know as $QUIRE_CARRY
	Silent  bool     // the value of a trailing expression is not shown
	NoFlow  bool     // cells are checked, but variables do not flow
}

// A Cell is what is to be run.
type Cell struct {
	Number int    // its execution count; numbers grow
	ID     string // of the notebook's cell, by which a cell that runs again is known; "" if the front end does not say
	Source string
}

// A Plan is what becomes of a cell.
type Plan struct {
	Code   string   // for gonb: the lines of the source, and below them declarations that cannot stay where they are
	Forget []string // what gonb is to forget before it: the arguments of its %rm
	Notes  []string // sentences about values that are used and are stale
	Reads  []string // variables of earlier cells that it uses
	Writes []string // variables that it declares

	below int // lines below those of the source
}

// A Session is what is known of the cells of one kernel. It may be used by several goroutines.
type Session struct {
	opts Options

	mu        sync.Mutex
	set       *token.FileSet
	heads     map[*token.File]int // how much stands before a cell in its files
	declared  []*declaration      // by all cells
	suspended map[string]string   // why declarations of earlier cells are left out, by name
	memory    map[string]string   // what gonb keeps: text by kind and key
	vars      map[string]*variable
	aliases   map[string]string // import path to the name in inserted text
	history   []*record         // of cells with statements or declarations, in their order
	numbered  map[int]*record   // by the numbers under which they ran
	now       *plan
}

// New returns a session that knows no cells. Exports may be shared.
func New(opts Options) *Session {
	s := &Session{opts: opts}
	s.reset()
	return s
}

// reset forgets all cells. Aliases stay: gonb may keep them.
func (s *Session) reset() {
	set := token.NewFileSet()
	*s = Session{opts: s.opts, set: set, heads: map[*token.File]int{}, suspended: map[string]string{}, memory: map[string]string{},
		vars: map[string]*variable{}, numbered: map[int]*record{}, aliases: s.aliases}
	if s.aliases == nil {
		s.aliases = map[string]string{}
	}
}

// Reset forgets all cells, as a new start of the kernel does.
func (s *Session) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := &Session{opts: s.opts, aliases: s.aliases}
	fresh.reset()
	s.set, s.heads, s.declared, s.suspended, s.memory, s.vars, s.history, s.numbered, s.now = fresh.set, fresh.heads, nil, fresh.suspended, fresh.memory, fresh.vars, nil, fresh.numbered, nil
}

// Show says whether the value of a cell's last expression is shown.
func (s *Session) Show(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Silent = !on
}

// plan is what Ended needs of a prepared cell.
type plan struct {
	cell     Cell
	record   *record
	made     []*variable // what the statements declare, the latest of a name
	loaded   []*variable
	inputs   map[string]string // versions of what was used
	code     map[string]string // texts of declarations that were reached, by key
	slices   map[string]slice  // by variable, where more is known than of the whole cell
	sent     map[string]string // what gonb will keep
	declared []*declaration
	old      []*declaration
	owns     []*variable // package variables whose values it leaves
}

// Prepare makes of a cell what gonb is sent, or returns a *Mistake. What an error leaves of the cell's declarations is
// kept, and goes to gonb with the next cell.
func (s *Session) Prepare(ctx context.Context, cell Cell) (Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Count(cell.Source, "\n")
	cell.Source = strings.ReplaceAll(cell.Source, "\r\n", "\n")
	s.now = nil
	if foreign(cell.Source) {
		return Plan{Code: cell.Source}, nil
	}
	cell.Source = s.forgetValues(cell.Source)
	c, err := s.take(cell)
	defer c.forget()
	s.obey(c.commands)
	if c.parts.any || len(c.parts.declarations) > 0 || c.kind == execs {
		if p, prepareErr := s.prepare(ctx, c, err); prepareErr != nil || err != nil {
			if err == nil {
				err = prepareErr
			}
			return Plan{}, err
		} else if strings.Count(p.Code, "\n") != lines+p.below {
			return Plan{}, fmt.Errorf("flow: the cell became one of %d lines", strings.Count(p.Code, "\n")+1)
		} else {
			return p, nil
		}
	}
	if err != nil {
		return Plan{}, err
	}
	return Plan{Code: cell.Source}, nil
}

// prepare goes on with a cell that was parsed, perhaps in part.
func (s *Session) prepare(ctx context.Context, c *checked, parseErr error) (Plan, error) {
	s.opts.Exports.Refresh(ctx)
	clear(s.suspended)
	old := s.declared
	kept := slices.DeleteFunc(slices.Clone(old), func(d *declaration) bool {
		return parseErr == nil && c.cell.ID != "" && d.owner == c.cell.ID // it runs again: what it declares no more is gone
	})
	c.all = merge(kept, c.fresh)
	if parseErr != nil {
		c.body, c.parts.any = nil, false
	}
	c.choose()
	mistake := c.judge()
	standing := slices.Clone(c.all) // with those of earlier cells that do not fit for the moment
	for _, d := range merge(kept, c.fresh) {
		if d.cell != c.cell.Number && !slices.Contains(standing, d) && !slices.ContainsFunc(standing, func(n *declaration) bool { return n.replaces(d) }) {
			standing = append(standing, d)
		}
	}
	if mistake != nil || parseErr != nil {
		back := slices.DeleteFunc(slices.Clone(old), func(d *declaration) bool {
			return slices.Contains(standing, d) || slices.ContainsFunc(standing, func(n *declaration) bool { return n.replaces(d) })
		})
		s.declared = append(back, standing...)
		s.dropShadowed(c)
		if mistake != nil {
			return Plan{}, mistake
		}
		return Plan{}, nil
	}
	s.declared = standing
	r := &rewriter{checked: c}
	p := r.rewrite(old)
	s.now = r.plan
	s.dropShadowed(c)
	return p, nil
}

// dropShadowed forgets variables whose names this cell's declarations take.
func (s *Session) dropShadowed(c *checked) {
	for _, d := range c.fresh {
		if slices.Contains(s.declared, d) {
			for _, n := range d.names {
				delete(s.vars, n)
			}
			if d.kind == token.VAR {
				continue
			}
			for _, n := range d.names {
				delete(s.vars, packageVariable(n))
			}
		}
	}
}

// forgetValues forgets variables of statements that a %rm names, which gonb does not know, and takes their names out of it.
func (s *Session) forgetValues(source string) string {
	list, _ := commands(source)
	if len(list) == 0 {
		return source
	}
	lines := strings.Split(source, "\n")
	for _, c := range list {
		if c.word != "%rm" && c.word != "%remove" || c.lines > 1 {
			continue
		}
		var left []string
		for _, name := range strings.Fields(c.args) {
			declared := slices.ContainsFunc(s.declared, func(d *declaration) bool { return slices.Contains(d.memoryKeys(), name) })
			if s.vars[name] == nil || declared {
				left = append(left, name)
				continue
			}
			delete(s.vars, name)
		}
		lines[c.line] = ""
		if len(left) > 0 {
			lines[c.line] = c.word + " " + strings.Join(left, " ")
		}
	}
	return strings.Join(lines, "\n")
}

// obey follows what gonb's own commands do to what it keeps.
func (s *Session) obey(list []command) {
	for _, c := range list {
		switch {
		case c.word == "%reset" && c.args == "":
			s.declared, s.memory, s.vars = nil, map[string]string{}, map[string]*variable{}
		case c.word == "%rm" || c.word == "%remove":
			for _, key := range strings.Fields(c.args) {
				s.declared = slices.DeleteFunc(s.declared, func(d *declaration) bool { return slices.Contains(d.memoryKeys(), key) })
				delete(s.vars, packageVariable(key))
				for k := range s.memory {
					if _, name, _ := strings.Cut(k, " "); name == key {
						delete(s.memory, k)
					}
				}
			}
		}
	}
}

// alias returns the name under which inserted text imports a package.
func (s *Session) alias(path string) string {
	if a := s.aliases[path]; a != "" {
		return a
	}
	base := "p"
	if p, err := s.opts.Exports.Import(path); err == nil {
		base = p.Name()
	}
	s.aliases[path] = fmt.Sprintf("%sʹ%d", base, len(s.aliases))
	return s.aliases[path]
}

// Ended tells the session that the cell of the number has run. It believes only what the cell's program has left.
func (s *Session) Ended(number int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.now
	if p == nil || p.cell.Number != number {
		return
	}
	s.now = nil
	ran := ok || s.ran(p)
	if ran {
		maps.Copy(s.memory, p.sent)
	} else {
		for k, text := range p.sent {
			if s.memory[k] != text { // perhaps gonb has it, perhaps not
				delete(s.memory, k)
			}
		}
	}
	s.learn(p, ok)
	if ran {
		s.remember(p.record)
	}
}

// ran reports whether the cell's program was built: it has written something.
func (s *Session) ran(p *plan) bool {
	for _, v := range slices.Concat(p.made, p.loaded, p.owns) {
		if d, err := carry.Describe(s.file(v)); err == nil && d.Cell == p.cell.Number {
			return true
		}
	}
	return false
}

func (s *Session) file(v *variable) string { return filepath.Join(s.opts.Carry, v.file) }

// sorted returns the keys of a map in their order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
