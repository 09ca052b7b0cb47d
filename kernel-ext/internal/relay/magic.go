package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
)

// magic returns the magic of a name, nil if there is none.
func (r *Relay) magic(name string) *Magic {
	for i := range r.opts.Magics {
		if r.opts.Magics[i].Name == name {
			return &r.opts.Magics[i]
		}
	}
	return nil
}

// help is what hover says of a magic.
func (m *Magic) help() string {
	text := strings.TrimSpace("%"+m.Name+" "+m.Args) + "\n" + m.Short
	if m.Long != "" {
		text += "\n\n" + m.Long
	}
	if m.Twin != "" {
		text += "\n\nThe same in Go: " + m.Twin
	}
	return text
}

// helpCommand is gonb's own command that lists commands: ours are listed before it does.
const helpCommand = "help"

// takeMagics takes our own commands out of a cell and runs them. What is wrong with the other commands is said before
// anything runs.
func (r *Relay) takeMagics(n *running, c Cell) (rest string, err error) {
	ctx := n.ctx
	rest, found := source.Magics(c.Source, func(name string) bool { return r.magic(name) != nil })
	if _, err := source.Sent(rest, c.Count); err != nil {
		return "", err
	}
	if _, help := source.Magics(rest, func(name string) bool { return name == helpCommand }); help != nil && len(r.opts.Magics) > 0 {
		r.Publish(c.Request, jupyter.StreamOutput, jupyter.Stream{Name: "stdout", Text: r.listing()})
	}
	for _, f := range found {
		m := r.magic(f.Name)
		call := &Call{Args: f.Args, Cell: c, Relay: r, running: n}
		err := safely("%"+m.Name, func() error {
			if m.Go == nil {
				return m.Run(ctx, call)
			}
			code, err := m.Go(f.Args)
			rest = source.Replaced(rest, f.Line, code)
			return err
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return "", &source.LineError{Line: f.Line, Err: err}
		}
	}
	return rest, nil
}

// Require pins a module for the cells that come, as [kernel.Process.Require] has it.
func (r *Relay) Require(ctx context.Context, pin string) error {
	b, err := r.ready(ctx)
	if err != nil {
		return err
	}
	e, ok := b.engine.(interface {
		Require(ctx context.Context, pin string) error
	})
	if !ok {
		return fmt.Errorf("%%require %s: this kernel pins no modules", pin)
	}
	return e.Require(ctx, pin)
}

// listing lists our own magics.
func (r *Relay) listing() string {
	var b strings.Builder
	b.WriteString("Commands of Quire:\n\n")
	for _, m := range r.opts.Magics {
		fmt.Fprintf(&b, "  %-24s %s\n", strings.TrimSpace("%"+m.Name+" "+m.Args), m.Short)
	}
	b.WriteString("\nCommands of GoNB:\n\n")
	return b.String()
}

// sorted returns names in order, each once.
func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
