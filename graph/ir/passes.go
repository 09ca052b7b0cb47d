package ir

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/arena"
)

// Pass is one step of [Lower]: it turns a program into one that computes the same.
type Pass struct {
	Name  string
	After []string // the passes that must have run before
	Why   string   // what it does, and why it stands where it stands

	run func(l *lowering, p *Program) (*Program, error)
}

// passes is the table of passes, in the order in which they run.
var passes = checkPasses([]Pass{
	{Name: "expand", run: expandPass,
		Why: "calls that the backend has no kernel for become simpler ones; first, so that all that follows sees what will run"},
	{Name: "widen", After: []string{"expand"}, run: widenPass,
		Why: "what has no expansion is computed in float32 where the backend has a kernel for that; expansions may have left such calls"},
	{Name: "fold", After: []string{"expand", "widen"}, run: foldPass,
		Why: "small calls on constants, of rows that give equal bits everywhere, become constants; before simplify, which looks for constants"},
	{Name: "simplify", After: []string{"fold"}, run: simplifyPass,
		Why: "calls that change nothing, or undo one another, go, by the rules in the rows; before merge, which then finds more to be equal"},
	{Name: "hoist", After: []string{"expand", "simplify"}, run: hoistPass,
		Why: "what a loop computes alike in every turn is computed once, before it; before merge, which finds it equal to what others compute there"},
	{Name: "merge", After: []string{"simplify", "hoist"}, run: mergePass,
		Why: "equal calls become one; before drop, since a value of which only one of two calls was needed is needed no more"},
	{Name: "thin", After: []string{"expand", "merge"}, run: thinPass,
		Why: "results of loops and functions that nobody reads go, with what is computed for them alone; before drop, which takes what made their operands"},
	{Name: "drop", After: []string{"fold", "simplify", "merge", "thin"}, run: dropPass,
		Why: "what no output needs goes; after all that leaves such calls behind"},
	{Name: "share", After: []string{"drop"}, run: sharePass,
		Why: "equal regions become one, so that backends compile it once; last, when they have become as equal as they get"},
})

// Passes returns the passes of [Lower], in the order in which they run.
func Passes() []Pass { return slices.Clone(passes) }

// Run runs the pass alone; lowers is that of [Lower].
func (pass Pass) Run(p *Program, lowers func(Call) bool) (*Program, error) {
	if pass.run == nil {
		return nil, errors.New("the pass is none of the table: take it from Passes")
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	l := newLowering(lowers)
	q, err := pass.run(l, p)
	if err != nil {
		return nil, err
	}
	return l.next().renumbered(q)
}

// checkPasses panics unless every pass has a reason and runs after those that it must run after.
func checkPasses(list []Pass) []Pass {
	for i, p := range list {
		if p.Name == "" || p.Why == "" || p.run == nil {
			panic(fmt.Sprintf("ir: pass %d has no name, no reason or does nothing", i))
		}
		for _, name := range p.After {
			if !slices.ContainsFunc(list[:i], func(q Pass) bool { return q.Name == name }) {
				panic(fmt.Sprintf("ir: pass %s must run after %s, which is not among those before it", p.Name, name))
			}
		}
	}
	return list
}

// lowering is a run of the passes.
type lowering struct {
	lowers     func(Call) bool
	expansions map[string]*Program   // by call, nil for those that are being made
	done       map[*Program]*Program // regions that the current pass is through with
	made       map[*Program]bool     // programs that a pass has made
	parts      map[partOf]*Program   // of regions, see thinPass
	hoistings  map[partOf]*hoisting  // of loops, see hoistPass
	effects    map[*Program]bool     // whether a region does something besides returning results
	numbers    arena.Reused[int]     // of the current pass
	notes      map[string]int        // what the current pass did, how often; nil if nobody asks
	branches   []string              // of the program and of expansions
	left       []string              // calls that have no kernel, no expansion and no wider form, if somebody asks
}

func newLowering(lowers func(Call) bool) *lowering {
	if lowers == nil {
		lowers = func(Call) bool { return true }
	}
	return &lowering{lowers: lowers, expansions: map[string]*Program{}, done: map[*Program]*Program{}, made: map[*Program]bool{}, effects: map[*Program]bool{}}
}

// next begins another pass.
func (l *lowering) next() *lowering {
	clear(l.done)
	arena.Reset(&l.numbers)
	clear(l.notes)
	return l
}

// note counts that the pass did something.
func (l *lowering) note(format string, args ...any) {
	if l.notes != nil {
		l.notes[fmt.Sprintf(format, args...)]++
	}
}

// Lower returns a program that computes what p does, as a backend gets it: [Passes] says what happens. lowers tells
// which calls the backend has kernels for ([Backend.Lowers]); nil stands for all.
func Lower(p *Program, lowers func(Call) bool) (*Program, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	p, _, err := lower(p, lowers, nil)
	return p, err
}

// lower is Lower for a program that is known to be well formed.
func lower(p *Program, lowers func(Call) bool, report func(pass Pass, before, after *Program, l *lowering)) (*Program, *lowering, error) {
	l := newLowering(lowers)
	if report != nil {
		l.notes = map[string]int{}
	}
	return l.lower(p, report)
}

// lowerOwn is lower for a program that is nobody else's, and is rewritten in its place.
func lowerOwn(p *Program, lowers func(Call) bool) (*Program, error) {
	l := newLowering(lowers)
	l.made[p] = true
	p, _, err := l.lower(p, nil)
	return p, err
}

func (l *lowering) lower(p *Program, report func(Pass, *Program, *Program, *lowering)) (*Program, *lowering, error) {
	l.branches = p.Branches
	for _, pass := range passes {
		if report != nil {
			clear(l.made) // what there was before is looked at afterwards
		}
		q, err := pass.run(l.next(), p)
		if err != nil {
			return nil, nil, err
		}
		if report != nil {
			report(pass, p, q, l)
		}
		p = q
	}
	if !slices.Equal(p.Branches, l.branches) { // a pass has made it
		p.Branches = l.branches
	}
	return p, l, nil
}

// maxDiff is how many lines Explain gives to what a pass changed.
const maxDiff = 24

// Explain says what [Lower] makes of p, pass by pass, with the first lines of the difference ([Program.Diff]), which calls are left to a
// backend that has no kernel for them, and prints the program that is left.
func (p *Program) Explain(lowers func(Call) bool) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	var b strings.Builder
	n := p.NumInstrs()
	fmt.Fprintf(&b, "program %q: %s\n", p.Name, plural(n, "instruction"))
	low, l, err := lower(p, lowers, func(pass Pass, before, q *Program, l *lowering) {
		fmt.Fprintf(&b, "\n%s: %s\n", pass.Name, pass.Why)
		for _, what := range slices.SortedFunc(maps.Keys(l.notes), func(x, y string) int {
			return cmp.Or(cmp.Compare(l.notes[y], l.notes[x]), cmp.Compare(x, y))
		}) {
			fmt.Fprintf(&b, "  %d × %s\n", l.notes[what], what)
		}
		if m := q.NumInstrs(); m != n {
			fmt.Fprintf(&b, "  %s, was %d\n", plural(m, "instruction"), n)
			n = m
		}
		if len(l.notes) == 0 {
			b.WriteString("  nothing\n")
		}
		lines := slices.Collect(strings.Lines(before.Diff(q)))
		for _, line := range lines[:min(len(lines), maxDiff)] {
			b.WriteString("    " + line)
		}
		if more := len(lines) - maxDiff; more > 0 {
			fmt.Fprintf(&b, "    … and %s more\n", plural(more, "line"))
		}
	})
	if err != nil {
		return "", err
	}
	if len(l.left) > 0 {
		b.WriteString("\nleft to the backend, which has no kernel for it and may run the op's reference meaning, slowly:\n")
		for _, what := range l.left {
			fmt.Fprintf(&b, "  %s\n", what)
		}
	}
	fmt.Fprintf(&b, "\n%s", low)
	return b.String(), nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
