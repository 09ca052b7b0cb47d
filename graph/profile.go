package graph

import (
	"context"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
)

// WithProfile returns a context under which every run of a compiled graph, whoever makes it, tells fn what it did step by step:
// calls of an [Exec], runs of a [Graph], training steps. fn is called before the results are returned. Such runs are slower, and
// their values the same. Where an engine cannot tell, as [capability.Profiler] says, runs are errors.
//
//	ctx := graph.WithProfile(context.Background(), func(p *capability.Profile) { fmt.Println(p.Program, p.Took) })
//	results, err := exec.CallContext(ctx, x)
//
// Package viz draws a profile.
func WithProfile(ctx context.Context, fn func(p *capability.Profile)) context.Context {
	return context.WithValue(ctx, profileKey{}, fn)
}

// profileKey is the key of what [WithProfile] puts into a context.
type profileKey struct{}

// wantsProfile reports whether runs under ctx tell what they did.
func wantsProfile(ctx context.Context) bool {
	fn, _ := ctx.Value(profileKey{}).(func(p *capability.Profile))
	return fn != nil
}

// execute runs e, and tells what it did where the context wants it.
func execute(ctx context.Context, e ir.Executable, inputs []Buffer, donate []bool) ([]Buffer, error) {
	if !wantsProfile(ctx) {
		return e.Run(ctx, inputs, donate)
	}
	fn := ctx.Value(profileKey{}).(func(p *capability.Profile))
	results, p, err := capability.ProfileRun(ctx, e, inputs, donate)
	if err != nil {
		return nil, err
	}
	fn(p)
	return results, nil
}
