package graph

import (
	"context"
	"fmt"

	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
)

// The short way of a call: a program that runs on the host's tensors, called again with the shapes of the last time, needs neither
// the cache nor buffers. What such a call allocates is its results.

// onHost returns what the short way needs of p, nil if p cannot go it: there are variables to feed or values to log, or the
// engine has memory of its own.
func (e *Exec) onHost(p *program) capability.HostRunner {
	run, ok := p.g.Executable().(capability.HostRunner)
	if !ok || e.feeder != nil || len(p.g.logged) > 0 {
		return nil
	}
	return run
}

// note notes that a call runs p.
func (e *Exec) note(p *program) {
	if p.host != nil && e.latest.Load() != p {
		e.latest.Store(p)
	}
}

// callHost calls p if args are tensors of its shapes. If not, or if p is closed, ran is false and nothing was done.
func (e *Exec) callHost(ctx context.Context, p *program, args []any) (out []*tensors.Tensor, ran bool, err error) {
	if ctx.Err() != nil || wantsProfile(ctx) {
		return nil, false, nil
	}
	if out, ran, err = p.host.RunHost(ctx, args); err != nil {
		err = fmt.Errorf("%q: %w", e.name, err)
	}
	return out, ran, err
}
