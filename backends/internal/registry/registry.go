// Package registry holds the engines that a program knows. It is a package of its own so that an engine can
// register itself without importing the package that imports the engine.
package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
)

// Engine is what is known of an engine.
type Engine struct {
	// Name is what configurations begin with: not empty, and without a colon.
	Name string

	// Rank orders the engines where a program chooses none: the highest that opens is taken. One without a rank,
	// or below 0, is opened by its name alone. The engine "go" has rank 10, "xla" 20.
	Rank int

	// Open opens the engine with the options that follow its name in a configuration, "" for none. It is nil for an engine
	// that is not part of the program; one that is takes its place.
	Open func(options string) (ir.Backend, error)

	// About, of an engine that is not part of the program, says how it becomes one. It goes on after `backend "name" is not
	// part of this program: `.
	About string
}

// Table holds engines. What is in it does not depend on the order in which they were registered. The zero value is empty;
// it is safe for several goroutines.
type Table struct {
	mu     sync.Mutex
	byName map[string]Engine
}

// Known are the engines of the program.
var Known Table

// Register adds an engine. It panics if its name is empty, contains a colon, or is that of another engine that
// can be opened, and if there is neither a way to open it nor to get it.
func (t *Table) Register(e Engine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known := t.byName[e.Name]
	switch {
	case e.Name == "" || strings.Contains(e.Name, ":"):
		panic(fmt.Sprintf("backends: the name %q is empty or contains a colon", e.Name))
	case e.Open == nil && e.About == "":
		panic(fmt.Sprintf("backends: the engine %q has neither Open nor About", e.Name))
	case known && old.Open != nil && e.Open != nil:
		panic(fmt.Sprintf("backends: the name %q is taken", e.Name))
	case known && old.Open != nil: // what is part of the program needs no advice
		return
	}
	if t.byName == nil {
		t.byName = map[string]Engine{}
	}
	t.byName[e.Name] = e
}

// Get returns the engine of a name.
func (t *Table) Get(name string) (e Engine, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, known = t.byName[name]
	return e, known
}

// Engines returns those that can be opened, the highest rank first, and by name where ranks are equal.
func (t *Table) Engines() (list []Engine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.byName {
		if e.Open != nil {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Engine) int { return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(a.Name, b.Name)) })
	return list
}
