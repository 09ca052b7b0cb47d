// Package flow lets the variables of a notebook's cells flow on: it makes of a cell, before gonb compiles it, the same
// cell with loads of what it needs from earlier ones and with saves of what it declares.
//
// A [Session] is what is known of the cells of one kernel. [Session.Prepare] takes a cell apart into declarations and
// statements, merges the declarations with those of earlier cells as gonb does, type-checks all of it, and returns a
// [Plan], whose code has the cell's own lines, or a [Mistake]. [Session.Ended] learns from the files that the cell's
// program left which variables it set:
//
//	s := flow.New(flow.Options{Dir: module, Env: env, Go: "go", Carry: values})
//	plan, err := s.Prepare(flow.Cell{Number: 4, Source: "fmt.Println(x)"})
//	// ... plan.Forget and plan.Code go to gonb ...
//	s.Ended(4, true)
//
// The session also knows what was made from what: [Session.Variables] and [Session.Stale] say which values are older
// than the code or the values that they were made from. [Session.Compose] makes of a cell a whole program for gopls,
// [Session.Export] makes one of all of them.
//
// # Rules
//
// A cell without %% whose text is declarations alone declares for the package, as in gonb; anything else is statements, of which
// imports, types and functions with names are lifted out. Variables of statements flow to the statements of later cells, by
// name; functions see only what they are given. A package variable is made once: later cells declare it by its type, and
// load its value where main, or a function that it may reach, names it. One whose value cannot flow, a function say, is
// made in each cell, as in gonb.
//
// What a value was made from is found by names within the part of a cell that leads to it. That is not exact: it takes more
// rather than less. Errors, and names such as ok and i, are never called stale.
//
// A function that stands between statements is sent to gonb below the cell's last line, each of its lines with a comment that says where
// it stood; so is one of an earlier cell that gonb may not have, because that cell failed. Package cells reads these.
//
// A variable of the statements whose address nobody takes, and that no function literal uses, stays a variable of main; what is saved
// is a copy, written behind each assignment, so that loops run as fast as in any program.
//
// gonb keeps methods with value receivers of two generic types under one key, if their names are the same: one of them is
// lost. Pointer receivers are not concerned.
//
// Inserted code has names that end in ʹ (U+02B9), which nobody types.
package flow
