// Package live computes as a calculator does, and compiles what it computes: arrays with methods, one expression after the other, without a function
// and without naming an engine.
//
//	x := live.Linspace(0, 1, 5)
//	y := x.Mul(2).Add(1).Sqrt()
//	fmt.Println(y.Mean(), y.Slice("::2"))
//
// A method computes nothing. It notes what is to be computed, with its shape: what does not fit is an error that names the line, at once
// ([Array.Err]). When a value is asked for, by printing an array, [Array.Tensor], [Values], [Item] or [Eval], all that it needs is compiled as one
// program and run. Programs are kept by structure: another turn of a loop, with other numbers in arrays of the same shapes, compiles nothing, and
// numbers of Go are such numbers too, so a changed learning rate compiles nothing either. [Report] says what was compiled, and why.
//
// # Operands
//
// The operand of a method is an array, a tensor, or a number or slices of Go, which take the dtype of the array. Shapes are broadcast as NumPy does.
// Dtypes never change by themselves: see [Array.ConvertDType]. Functions that are no methods are called by [Call], their gradients by [Grad];
// [Gradient] is that of what was recorded.
//
// # Memory
//
// Eval gives values to the arrays that it is given, and to those on the way that were kept ([Keep]); everything else lives within the program. An array
// that has its value forgets what it was made of, and its value goes when nobody has the array any more, at [Release], or at the end of a [Scope].
// To use it then is an error, never other data. [Memory] says what takes how much, by cell and line, and [SetLimit] bounds it.
package live
