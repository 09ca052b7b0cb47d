// Package registry holds the engines that a program knows. It is a package of its own so that an engine can
// register itself without importing the package that imports the engine.
package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
)

// Opener opens an engine with the options that follow its name in a configuration, "" for none.
type Opener = func(options string) (ir.Backend, error)

var known = struct {
	sync.Mutex
	open  map[string]Opener
	order []string // the best first
}{open: map[string]Opener{}}

// Register makes an engine known under a name. The one registered last is the best there is. It panics if
// the name is empty, contains a colon, or is taken.
func Register(name string, open Opener) {
	known.Lock()
	defer known.Unlock()
	if name == "" || strings.Contains(name, ":") || known.open[name] != nil {
		panic(fmt.Sprintf("backends: the name %q is empty, contains a colon or is taken", name))
	}
	known.open[name] = open
	known.order = slices.Insert(known.order, 0, name)
}

// Unregister forgets a name; it is for tests.
func Unregister(name string) {
	known.Lock()
	defer known.Unlock()
	delete(known.open, name)
	known.order = slices.DeleteFunc(known.order, func(n string) bool { return n == name })
}

// Names returns the known names, sorted.
func Names() []string {
	known.Lock()
	defer known.Unlock()
	return slices.Sorted(maps.Keys(known.open))
}

// Order returns the known names, the best first.
func Order() []string {
	known.Lock()
	defer known.Unlock()
	return slices.Clone(known.order)
}

// Get returns the opener of a name, nil if it is not known.
func Get(name string) Opener {
	known.Lock()
	defer known.Unlock()
	return known.open[name]
}
