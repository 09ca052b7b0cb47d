package studio

import (
	"context"

	"github.com/quire-ml/quire/internal/traces"
	guard "github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/gopls"
	"github.com/quire-ml/quire/kernel-ext/internal/hover"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// inspecting answers hover and completion with gopls, if that was built, and what the cells have left in a directory.
func inspecting(opts Options, session cells, commands []relay.Magic, dir string, programs func() string) (i *hover.Inspector, end func()) {
	known := hover.Options{
		Program: session, Values: session, Traces: hover.NewTraces(dir), Magics: commands, Packages: opts.Workspace.Usual(),
	}
	end = func() {}
	if opts.Tools[workspace.Gopls] != "" {
		server, err := gopls.Start(gopls.Options{Workspace: opts.Workspace, Tools: opts.Tools, Imports: opts.Workspace.Usual(), Programs: programs})
		switch {
		case err == nil:
			known.Gopls, end = server, server.Close
		case opts.Note != nil:
			opts.Note("there is no completion, and hover shows shapes alone: " + err.Error())
		}
	}
	return hover.New(known), end
}

// stampsEnv is the variable by which the guard knows what is known of the sources of packages.
func stampsEnv(file string) string { return guard.StampsFile + "=" + file }

// tracesEnv is the variable by which cells know where to leave their shapes.
func tracesEnv(dir string) string { return traces.Dir + "=" + dir }

// seen tells an inspector of the cells that run.
type seen struct {
	cells
	inspector *hover.Inspector
}

// Prepare implements relay.Cells.
func (s seen) Prepare(ctx context.Context, c relay.Cell) (relay.Sent, error) {
	sent, err := s.cells.Prepare(ctx, c)
	if err == nil && !sent.Done {
		s.inspector.Ran(c)
	}
	return sent, err
}

// Lookup implements hover.Values.
func (s cells) Lookup(name string) (line string, ok bool) {
	for _, v := range s.Session.Variables() {
		if v.Name != name {
			continue
		}
		line = v.Summary
		if line == "" {
			line = v.Type
		}
		switch {
		case v.Why != "":
			line += "; it does not flow: " + v.Why
		case v.Stale != "":
			line += "; stale: " + v.Stale
		}
		return line, line != ""
	}
	return "", false
}
