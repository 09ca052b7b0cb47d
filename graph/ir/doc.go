// Package ir is the language of engines: what they, and readers, writers, exporters and passes, speak.
//
// An [Op] is a row of the table of operations: what it is called, which operands it takes, what it means, what it costs. A
// [Program] is a list of calls of ops, over numbered values of known shapes, made by a [Builder]. [Lower] turns a program
// into what a [Backend] runs, by the passes of [Passes]; [Program.Explain] says what they did. An engine is a [Backend]:
// docs/backend.md writes one, and package irtest tests it.
//
//	b := ir.NewBuilder("double")
//	x, err := b.Input("x", shapes.Make(dtypes.Float32, 3))
//	y, err := b.Apply(ops.Add, nil, x, x)
//	p, err := b.Program(y...)
//
// People who build models use package graph, whose nodes become programs.
package ir
