package graph

import "context"

// ExecFeeder gives the graphs of an [Exec] inputs, and takes outputs, that its callers do not see. Package model feeds
// variables so. It is safe for several goroutines.
type ExecFeeder interface {
	// Generation returns a number that changes when graphs that were built before are of no more use. They are built
	// anew then.
	Generation() int

	// Build builds a graph on inputs, the parameters for what callers give. It adds parameters of its own and calls
	// function, whose arguments begin with first, before those that any function of [ExecGraphFn] has. Builds of one
	// Exec run one after another. What panics is an error, as in [Catch].
	Build(g *Graph, inputs []*Node, function func(first ...any) []*Node) (ExecFeed, error)
}

// ExecFeed is what an [ExecFeeder] does with one graph.
type ExecFeed struct {
	Outputs []*Node // of the function, for the callers
	Extra   []*Node // for the feeder

	// Like describes the feed: for graphs of one function whose descriptions are equal, and which differ in nothing but sizes, the feed of
	// one serves for the others, see [Exec.DeriveSizes]. Without it no programs are derived.
	Like func() string

	// Compiled is told whether the graph was compiled.
	Compiled func(ok bool)

	// Run calls run with values for all parameters of the graph, the callers' first, and with what it donates. It
	// returns the results without those of Extra: the values of logged nodes come after Outputs. If it fails before
	// it has called run, and the generation is another one by then, it is called again with a new graph.
	Run func(ctx context.Context, inputs []Buffer, run RunFunc) ([]Buffer, error)
}

// RunFunc runs a compiled graph, see [Graph.RunWithBuffers].
type RunFunc func(ctx context.Context, inputs []Buffer, donate []bool) ([]Buffer, error)

// NewFedExec is [NewExec] with a feeder, for packages that build on this one. The arguments of graphFn begin with those
// that the feeder gives, which are neither graphs nor nodes.
func NewFedExec(backend Backend, feeder ExecFeeder, graphFn any) (*Exec, error) {
	return newExec(backend, feeder, graphFn)
}
