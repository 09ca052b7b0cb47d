// Package sizes writes down sizes that are not known yet: symbols, and what is computed of them.
//
// An [Expr] is a size such as 28*28, 2*batch or seq+1. A [Declaration] says so of all axes of a function's inputs, with what must hold
// of the symbols; [Declaration.Solve] finds the symbols from the sizes that inputs have, or says in a sentence what does not fit:
//
//	d := sizes.MustDeclare([]string{"batch, 28*28", "batch, seq+1"}, "batch % 8 == 0", "seq >= 2")
//	values, err := d.Solve([]int{16, 784}, []int{16, 6}) // batch=16 seq=5
//
// An Exec takes a declaration by graph.Exec.WithShapes, and checks calls against it.
//
// The language is that of JAX's symbolic dimensions, with Python's signs: + - * ^, // or floordiv(x, y) for quotients that are rounded
// down, % or mod(x, y) for what remains, which has the sign of y, max(x, y) and min(x, y), and parentheses. What is written in
// different ways and is the same polynomial is the same Expr: (b+1)*(b-1) is b^2-1, and (4*b+2)//4 is b.
package sizes
