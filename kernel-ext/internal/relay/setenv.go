package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// Setenv sets environment variables of the cells that come, and of what compiles them. It is for magics: no cell may run.
func (r *Relay) Setenv(ctx context.Context, set map[string]string) error {
	var code strings.Builder
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if strings.ContainsAny(name+set[name], "\n\r\\ ") {
			return fmt.Errorf("the variable %s cannot have the value %q", name, set[name])
		}
		fmt.Fprintf(&code, "%%env %s=%s\n", name, set[name])
	}
	b, err := r.ready(ctx)
	if err != nil {
		return err
	}
	defer b.unsettle(code.String())
	reply, err := b.run(ctx, jupyter.Execute{Code: code.String(), Silent: true})
	if err == nil && reply.Status != "ok" {
		err = errors.New(reply.EValue)
	}
	if err == nil {
		r.settings.note(code.String())
	}
	return err
}

// Programs returns the directory in which gonb builds the programs of cells, "" while there is none.
func (r *Relay) Programs() string {
	r.mu.Lock()
	b := r.back
	r.mu.Unlock()
	if b == nil {
		return ""
	}
	if e, ok := b.engine.(interface{ Programs() string }); ok {
		return e.Programs()
	}
	return ""
}
