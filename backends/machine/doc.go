// Package machine runs programs so that what runs can be seen and held: every node of a program has a state, and a run can be watched,
// paused, stepped, stopped at a node and looked into. It stands on the go engine, whose kernels it calls.
//
//	m, err := machine.FromFunc(func(a, b *graph.Node) *graph.Node { return graph.Add(a, b) }, []any{float32(40), float32(2)})
//	run, err := m.Run(ctx, float32(40), float32(2))
//	fmt.Println(run.Outputs()[0].Value()) // 42
//
// A [Machine] is a program that is compiled, and never changes; a [Run] is one execution of it. Several may be under way at once.
//
// # Engines
//
// Three engines run the same steps, and give the same bits:
//
//   - [Sequential] runs one node after the other, and lets the kernels of each use all processors.
//   - [Dataflow] counts for each node the operands that are missing. A node that has them all goes to the worker that made the last one; others
//     steal what they have no time for. Processors that no worker uses help in the kernels of the others, so that there are never more goroutines at work
//     than workers.
//   - [Channels] is the design of Gorgonia's GoMachine: a goroutine for each node, which receives its operands with their positions from
//     a channel, and publishes its value; a broadcast copies that to every subscriber, so that a value with several readers reaches all. It
//     shows the idea, and is what the others are compared with; it is slower.
//
// [Auto], which a machine takes unless told otherwise, is Dataflow where there is work for several workers, and Sequential elsewhere;
// [Machine.Explain] says why.
//
// Nodes that wait for something outside of the program (package host) run in goroutines of their own, as many at a time as the [Limit] of
// what they wait for allows, and keep no worker from work.
//
// # Nodes
//
// A node is an instruction of the program as it was given, or an input; its number is that of its value. The engine runs each by itself
// unless [Fused] lets it make one step of several. States, and which may follow which, are those of package runstate. Values are kept until the
// last node has read them; those of outputs, and of what [Retain] and [RetainNodes] name, as long as the run.
package machine
