package backends

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/internal/registry"
	"github.com/quire-ml/quire/graph/ir"
)

// Env is the name of the environment variable that chooses the backend where the program does not.
const Env = "QUIRE_BACKEND"

func init() {
	registry.Known.Register(registry.Engine{Name: "go", Rank: 10, Open: gocpu.Open})
}

// Engine is what an engine's package tells of it, in its init function: see [Register].
type Engine = registry.Engine

// Register makes an engine known. Where a program names none, the one with the highest rank that opens is
// taken, in whatever order they were registered. It panics if the name is empty, contains a colon, or is taken, and if
// the engine has neither Open nor About.
func Register(e Engine) { registry.Known.Register(e) }

// List returns the names of the engines that are part of the program, sorted.
func List() []string { return names(&registry.Known) }

func names(known *registry.Table) (list []string) {
	for _, e := range known.Engines() {
		list = append(list, e.Name)
	}
	slices.Sort(list)
	return list
}

// New opens the backend of a configuration, such as "go" or "go:workers=2". Without one it takes the
// environment variable QUIRE_BACKEND, and if that is not set or empty, the engine with the highest rank that opens.
// An unknown name is an error that lists the known ones.
func New(config ...string) (ir.Backend, error) { return open(&registry.Known, config) }

func open(known *registry.Table, config []string) (ir.Backend, error) {
	switch {
	case len(config) > 1:
		return nil, fmt.Errorf("backends: %d configurations given, want one at most", len(config))
	case len(config) == 1:
		return openByName(known, config[0])
	}
	if c := os.Getenv(Env); c != "" {
		b, err := openByName(known, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Env, err)
		}
		return b, nil
	}
	return openBest(known)
}

// openBest opens the engine with the highest rank that opens, and returns the error of the first if none does.
func openBest(known *registry.Table) (ir.Backend, error) {
	var first error
	for _, e := range known.Engines() {
		if e.Rank <= 0 {
			break
		}
		b, err := openByName(known, e.Name)
		if err == nil {
			return b, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("backends: this program has no engine to choose by itself")
	}
	return nil, first
}

// MustNew is [New]; it panics on an error.
func MustNew(config ...string) ir.Backend {
	b, err := New(config...)
	if err != nil {
		panic(err)
	}
	return b
}

func openByName(known *registry.Table, config string) (ir.Backend, error) {
	name, options, _ := strings.Cut(config, ":")
	e, ok := known.Get(name)
	switch {
	case !ok:
		return nil, fmt.Errorf("backend %q is unknown: the known ones are %s", name, strings.Join(names(known), ", "))
	case e.Open == nil:
		return nil, fmt.Errorf("backend %q is not part of this program: %s", name, e.About)
	}
	b, err := e.Open(options)
	if err != nil {
		return nil, fmt.Errorf("backend %q: %w", config, err)
	}
	return b, nil
}
