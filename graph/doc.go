// Package graph builds, differentiates and runs computations on tensors.
//
// A computation is a [Graph] of [Node] values, built by calling ops, which are functions:
//
//	exec, err := graph.NewExec(backend, func(x, w *graph.Node) *graph.Node {
//		return graph.Tanh(graph.MatMul(x, w))
//	})
//	y, err := exec.Call1(x, w)
//
// Nothing is computed while the graph is built, but every shape is known and checked there. [Exec]
// compiles the graph for each combination of input shapes that it meets. [Gradient] adds the nodes
// that compute gradients to a graph; they can be differentiated again.
//
// # Errors
//
// Ops that are given what does not fit panic with [*Error], which names the line of the caller, the op
// and all shapes, so that mathematics reads as mathematics. Entry points (an Exec's methods,
// [Graph.Compile], [Catch]) recover it and return it as an error.
//
// # Rows
//
// Every op is a row of a table ([ir.Op], [ir.Ops]) that holds all there is to know of it: shape rule,
// meaning, gradient, samples. Package graphtest checks backends against the rows.
//
// # Backends
//
// An [ir.Backend] compiles an [ir.Program]: an immutable, sorted list of typed instructions. Package backends
// opens them by name.
package graph
