// Package quant holds numbers in few bits: weights of a network that would not fit into memory, or whose way to the processor takes
// longer than the sums that they are for. Numbers along the last axis of an array form groups, and a group has a code of 2 to 8
// bits for each number, a scale, and with some schemes a bias:
//
//	x ≈ scale · value(code) + bias
//
// [Quantize] makes a [Quantized] of an array by a [Scheme], [Dequantize] gives the numbers back; [MatMul], [MatMulTransposed],
// [GatherMatMul] and [Rows] compute with weights that are held so. A checkpoint holds the parts of a Quantized, which are ordinary
// arrays: [Quantized.Nodes] and [Scheme.Of] take it apart and put it together.
//
//	scheme := quant.Scheme{Kind: quant.Affine, Bits: 4, Group: 64}
//	parts, err := graph.CallOnceN(backend, func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, weights)
//	…
//	exec, err := graph.NewExec(backend, func(in []*graph.Node) *graph.Node {
//		return quant.MatMulTransposed(in[0], scheme.Of(in[1:]...))
//	})
//	y, err := exec.Call1(x, parts[0], parts[1], parts[2])
//
// The functions are made of ops and run on every engine. [MatMulTransposed] and [GatherMatMul] with groups of numbers, in codes of 2, 4
// and 8 bits, are an op that the engine go has a kernel for: up to 32 rows are multiplied by codes as they are read. Others, and other engines,
// make the numbers of the weights for as long as the product runs: what a program holds all the time is the codes. Either way x is not rounded, and
// sums are float32 or wider; numbers that are made are rounded to the dtype of x, so that results of float16 and bfloat16 may differ by half a unit of
// each weight between 32 rows and 33. A vector times a matrix
// of 4096×4096 in codes of 4 bits took 0.4 of the time that it takes in float32, and 0.14 of the memory; see BenchmarkMatVec.
// Gradients of all orders flow to what is multiplied, to scales that are floats and to biases.
// The functions panic with [graph.Error] if shapes, dtypes or a scheme do not fit.
package quant
