package magics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

func requires() relay.Magic {
	return relay.Magic{
		Name: "require", Args: "MODULE@VERSION…", Short: "pin modules that cells import beside those of the workspace",
		Long: "Each is taken from the module cache, or fetched if cells may fetch modules (quire run -online, QUIRE_ONLINE=1).",
		Twin: "go get MODULE@VERSION, in a module of one's own",
		Run:  func(ctx context.Context, c *relay.Call) error { return pinAll(ctx, c.Relay, c.Args) },
	}
}

func pinAll(ctx context.Context, k Kernel, args string) error {
	pins := strings.Fields(args)
	if len(pins) == 0 {
		return usage("require", "MODULE@VERSION…")
	}
	for _, pin := range pins {
		if err := k.Require(ctx, pin); err != nil {
			return err
		}
	}
	return nil
}

// engine is the engine of the cells that come.
type engine struct {
	opts Options
	mu   sync.Mutex
	name string
}

func backend(opts Options) relay.Magic {
	e := &engine{opts: opts, name: opts.Engine}
	return relay.Magic{
		Name: "backend", Args: "[ENGINE]", Short: "show or set the engine of the cells that come, such as go or xla:cpu",
		Long: "It is what backends.New opens without a name. A lone - stands for the default.",
		Twin: "backends.New(name); $QUIRE_BACKEND when the kernel starts",
		Run: func(ctx context.Context, c *relay.Call) error {
			said, err := e.run(ctx, c.Relay, c.Args)
			if err == nil {
				c.Print(said + "\n")
			}
			return err
		},
	}
}

// run shows or sets the engine.
func (e *engine) run(ctx context.Context, k Kernel, args string) (said string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := strings.TrimSpace(args)
	switch {
	case name == "":
		return "cells run on " + engineName(e.name), nil
	case strings.ContainsAny(name, " \t"):
		return "", usage("backend", "[ENGINE]")
	case name == "-":
		name = ""
	case e.opts.Check != nil:
		if err := e.opts.Check(name); err != nil {
			return "", err
		}
	}
	set := map[string]string{"QUIRE_BACKEND": name}
	if e.opts.Links != nil {
		maps.Copy(set, e.opts.Links(name))
	}
	if err := k.Setenv(ctx, set); err != nil {
		return "", err
	}
	e.name = name
	said = "cells run on " + engineName(name) + " from now on"
	if kind, _, _ := strings.Cut(name, ":"); name != "" && !slices.Contains(engines, kind) {
		said += fmt.Sprintf(", which is none of Quire's (%s): a cell has to register it", strings.Join(engines, ", "))
	}
	return said, nil
}

// engines are those that Quire has. Cells may register others.
var engines = []string{"go", "session", "xla"}

func engineName(name string) string {
	if name == "" {
		return "the default engine (go)"
	}
	return fmt.Sprintf("the engine %s", name)
}
