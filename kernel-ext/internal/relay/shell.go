package relay

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
)

// sheller is an engine in whose place commands of the shell can be run: gonb starts one shell and a guard more for each.
type sheller interface {
	Shell(ctx context.Context, c kernel.ShellCommand) (status string, known bool)
	// ForgetShell says that gonb's directory and environment may have changed. Its next command tells them.
	ForgetShell()
}

// commands runs a cell that is nothing but commands of the shell, and returns how it failed. As in gonb, a command that fails says so and
// the next one runs. ran is false if gonb has to run them.
func (r *Relay) commands(n *running, b *back, list []string) (failure *jupyter.Failure, ran bool) {
	e, ok := b.engine.(sheller)
	if !ok || len(list) == 0 {
		return nil, false
	}
	for i, line := range list {
		if err := context.Cause(n.ctx); i > 0 && err != nil { // the one before ended well of it
			return n.end(jupyter.Reply{}, err), true
		}
		status, known := e.Shell(r.ctx, kernel.ShellCommand{Line: line, Show: n.said, Interrupt: n.ctx.Done(), Patience: r.opts.grace * 4 / 5})
		if !known && i == 0 {
			return nil, false
		}
		if i == 0 {
			n.begin()
		}
		switch {
		case !known:
			return n.end(jupyter.Reply{}, errors.New("the directory in which commands run is gone: %cd leads to another one")), true
		case status == "":
		case context.Cause(n.ctx) != nil:
			return n.end(jupyter.Reply{}, context.Cause(n.ctx)), true
		default:
			n.said(true, status+"\n")
		}
	}
	return n.end(jupyter.Reply{Status: "ok"}, nil), true
}

// said publishes what a command printed.
func (n *running) said(stderr bool, text string) {
	s := jupyter.Stream{Name: "stdout", Text: text}
	if stderr {
		s.Name = "stderr"
	}
	content, err := json.Marshal(s)
	if err != nil || n.output(heard{kind: jupyter.StreamOutput, content: content}) {
		return
	}
	n.r.Publish(n.cell.Request, jupyter.StreamOutput, s)
}

// unsettle lets the next command of the shell tell where gonb runs it, if a cell that gonb was given may have changed that: by any
// command but those with which Go begins.
func (b *back) unsettle(code string) {
	e, ok := b.engine.(sheller)
	if !ok {
		return
	}
	if _, found := source.Magics(code, func(name string) bool { return name != "%" && name != "main" }); found != nil {
		e.ForgetShell()
	}
}
